"""Jobs of any kind: one a scene, several at once, their results on the main thread, their errors in sight."""

import threading
import types

import bpy
import pytest
from gid_dev.blender_addon import jobs, windows
from gid_dev.blender_addon.work import Chain, Inline, Threaded
from gid_dev.gid_core.errors import Cancelled, ModelError, SettingsError


class Countdown:
    """Work that is there after some polls."""

    def __init__(self, polls, answer):
        self.polls, self.answer, self.is_cancelled = polls, answer, False

    def poll(self):
        self.polls -= 1
        return [types.SimpleNamespace(phase="Counting", fraction=1 / (1 + self.polls))] if self.polls >= 0 else []

    def result(self):
        if self.polls > 0:
            return None
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def cancel(self):
        self.is_cancelled = True


@pytest.fixture(autouse=True)
def nothing_runs():
    yield
    jobs.stop()


@pytest.fixture
def key():
    return jobs.key_of(bpy.context.scene)


def start(key, work, apply=lambda result: None, **options):
    return jobs.start(key, lambda: work, apply, "Count", **options)


def test_a_job_tells_its_phase_and_hands_over_its_result(key):
    got, work = [], Countdown(2, "there")
    job = start(key, work, lambda result: got.append(result))
    assert not jobs.step()
    assert (job.phase, job.fraction, got) == ("Counting", 0.5, [])
    assert job.text.startswith("Counting 50 %")
    assert jobs.step()
    assert got == ["there"]
    assert work.is_cancelled
    assert jobs.current(key) is None


def test_a_chain_begins_each_work_with_what_came_of_the_one_before(key):
    got, second = [], Countdown(2, "there")
    chain = Chain(Countdown(1, "first"), lambda result: got.append(result) or second)
    job = start(key, chain, lambda result: got.append(result))
    while not jobs.step():
        assert job.phase == "Counting"
    assert got == ["first", "there"]
    assert second.is_cancelled


def test_a_cancelled_chain_begins_nothing_more(key):
    first = Countdown(5, "first")
    start(key, Chain(first, lambda result: pytest.fail("begun")))
    jobs.step()
    jobs.stop(key)
    assert first.is_cancelled
    assert jobs.step()


def test_a_function_in_a_thread_gives_its_result_or_its_error():
    def fail():
        raise ModelError("no model")

    assert jobs.run(Threaded("Counting", lambda: threading.current_thread().name), str) == "gid-work"
    with pytest.raises(ModelError, match="no model"):
        jobs.run(Threaded("Counting", fail), str)


def test_time_left_is_what_the_rest_takes_at_the_same_pace(key, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    job = start(key, Countdown(4, "there"))
    jobs.step()
    assert job.seconds_left is None
    now[0] = 6.0
    assert job.seconds_left == pytest.approx(18.0)
    assert job.text == "Counting 25 %, 18 s left"


def test_several_scenes_have_a_job_each_and_one_scene_has_one(key):
    other = jobs.key_of(bpy.data.scenes.new("Other"))
    got = []
    start(key, Countdown(3, "slow"), lambda result: got.append(result))
    start(other, Countdown(1, "fast"), lambda result: got.append(result))
    begun = []
    with pytest.raises(SettingsError, match="still running here"):
        jobs.start(key, lambda: begun.append(1), lambda result: None, "Count")
    assert begun == []
    while not jobs.step():
        pass
    assert got == ["fast", "slow"]


def test_a_result_is_one_undo_step_and_may_leave_a_sentence(key):
    bpy.ops.ed.undo_push(message="before")

    def apply(_result):
        bpy.data.objects.new("Made", None).use_fake_user = True
        bpy.data.objects.new("Made too", None).use_fake_user = True
        return "two objects were made"

    start(key, Countdown(1, "there"), apply)
    assert jobs.step()
    assert jobs.notice(key) == jobs.Notice("two objects were made", is_error=False)
    bpy.ops.ed.undo()
    assert len(bpy.data.objects) == 0


def test_an_error_stays_with_its_remedy_until_the_next_job(key):
    remedy = jobs.Remedy("gid.animate", "Mend")
    start(key, Countdown(1, ModelError("there is no model: open one")), remedy_for=lambda error: remedy)
    assert jobs.step()
    assert jobs.notice(key) == jobs.Notice("there is no model: open one", remedy=remedy)
    start(key, Countdown(1, "there"))
    assert jobs.notice(key) is None


def test_a_cancelled_job_says_nothing(key):
    start(key, Countdown(1, Cancelled("stopped")))
    assert jobs.step()
    assert jobs.notice(key) is None


def test_escape_stops_the_job_in_sight_and_is_nobodys_without_one(key):
    keymap = bpy.context.window_manager.keyconfigs.addon.keymaps["Window"]
    assert [(item.type, item.value) for item in keymap.keymap_items if item.idname == "gid.cancel"] == [
        ("ESC", "PRESS")
    ]
    assert not bpy.ops.gid.cancel.poll()  # so the key goes on to whom it was meant for
    got, work, elsewhere = [], Countdown(2, "there"), Countdown(9, "there")
    start(key, work, lambda result: got.append(result))
    start(jobs.key_of(bpy.data.scenes.new("Other")), elsewhere)
    assert bpy.ops.gid.cancel() == {"FINISHED"}
    assert (work.is_cancelled, elsewhere.is_cancelled) == (True, False)
    jobs.step()
    assert got == []
    assert jobs.notice(key) is None


def window_of(*regions, modal=()):
    """A window as the event loop has it; the background has none in which anything is dragged or drawn."""
    area = types.SimpleNamespace(regions=regions)
    operators = [types.SimpleNamespace(bl_options=options) for options in modal]
    workspace = types.SimpleNamespace(session_uid=1, status_text_set=lambda text: None)
    screen = types.SimpleNamespace(areas=[area])
    return types.SimpleNamespace(modal_operators=operators, screen=screen, workspace=workspace)


@pytest.mark.parametrize("operator", ["paint.image_paint", "sculpt.brush_stroke", "transform.translate", "gid.pluck"])
def test_a_result_waits_for_a_running_stroke(key, monkeypatch, operator):
    room, name = operator.split(".")
    options = getattr(getattr(bpy.ops, room), name).bl_options  # a stroke of texture painting bears no UNDO
    got, hands = [], [window_of(modal=[{"REGISTER"}]), window_of(modal=[options])]
    monkeypatch.setattr(windows, "opened", lambda: hands)
    start(key, Countdown(1, "there"), lambda result: got.append(result))
    for _ in range(3):
        assert not jobs.step()
        assert got == []
    hands.pop()  # what is left changes no data, as a screen that plays
    assert jobs.step()
    assert got == ["there"]


def test_progress_draws_the_regions_that_show_it_and_no_other(key, monkeypatch):
    drawn = []

    def region(name, kind, category):
        return types.SimpleNamespace(
            type=kind, active_panel_category=category, width=280, tag_redraw=lambda: drawn.append(name)
        )

    ours, others = region("ours", "UI", windows.PANEL_CATEGORY), region("tool", "UI", "Tool")
    monkeypatch.setattr(windows, "opened", lambda: [window_of(ours, others, region("view", "WINDOW", "UNSUPPORTED"))])
    start(key, Countdown(9, "there"))
    assert jobs._tick() == jobs.POLL_S
    assert drawn == ["ours"]


@pytest.mark.parametrize(("width", "is_told"), [(1, True), (280, False)])  # px of the sidebar: folded away, open
def test_where_no_panel_is_open_the_status_bar_tells_and_falls_silent_again(key, monkeypatch, width, is_told):
    said = []
    sidebar = types.SimpleNamespace(
        type="UI", active_panel_category=windows.PANEL_CATEGORY, width=width, tag_redraw=lambda: None
    )
    window = window_of(sidebar)
    window.workspace = types.SimpleNamespace(session_uid=7, status_text_set=said.append)
    monkeypatch.setattr(windows, "opened", lambda: [window])
    start(key, Countdown(9, "there"))
    jobs._tick()
    jobs.stop()
    assert (len(said) > 1 and said[0].startswith("Count: ") and said[-1] is None) if is_told else not said


def test_work_that_cannot_begin_leaves_no_job(key):
    def begin():
        raise ModelError("no process")

    with pytest.raises(ModelError):
        jobs.start(key, begin, lambda result: None, "Count")
    assert jobs.running() == ()


def test_a_bug_in_one_job_is_seen_and_leaves_the_other_running(key):
    other = jobs.key_of(bpy.data.scenes.new("Other"))
    start(key, Countdown(1, "there"), lambda result: 1 / 0)
    start(other, Countdown(9, "there"))
    with pytest.raises(ZeroDivisionError):
        jobs.step()
    assert "console" in jobs.notice(key).text
    assert [job.key for job in jobs.running()] == [other]


def test_a_scene_that_is_gone_ends_its_job_with_a_sentence_elsewhere(key):
    scene = bpy.data.scenes.new("Gone")
    work = Countdown(9, "there")
    start(jobs.key_of(scene), work)
    bpy.data.scenes.remove(scene)
    assert jobs.step()
    assert work.is_cancelled
    assert jobs.notice(key).text == "'Count' was stopped, as the scene that it was for is gone: nothing was made"


def test_notices_do_not_outlive_their_file(key):
    jobs.note(key, "something is wrong")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    jobs.step()
    assert jobs.notice(key) is None
    assert jobs.notice(jobs.key_of(bpy.context.scene)) is None


def test_the_window_that_asked_is_the_one_of_the_result(key):
    windows = []
    start(key, Countdown(1, "there"), lambda result: windows.append(bpy.context.window), window=bpy.context.window)
    assert jobs.step()
    assert windows == [bpy.context.window_manager.windows[0]]


def test_stopping_all_leaves_nothing(key):
    works = [Countdown(9, "there"), Countdown(9, "there")]
    start(key, works[0])
    start(jobs.key_of(bpy.data.scenes.new("Other")), works[1])
    jobs.note(key, "a word")
    jobs.stop()
    assert jobs.step()
    assert [work.is_cancelled for work in works] == [True, True]
    assert jobs.notice(key) is None


def test_run_does_the_same_work_here_and_now():
    work = Countdown(3, "there")
    assert jobs.run(work, lambda result: result.upper()) == "THERE"
    assert work.is_cancelled
    with pytest.raises(ModelError):
        jobs.run(Countdown(1, ModelError("no")), lambda result: None)
    assert jobs.run(Inline(lambda: 5), lambda result: result + 1) == 6
