"""The worker's child: the motion as inline, kept for the next seed, a quick cancel, and no crash reaches us."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from gid_dev.gid_core import process, worker
from gid_dev.gid_core.errors import Cancelled, GidError, ImageError, ModelError
from gid_dev.gid_core.prediction import encodings, predict
from gid_dev.gid_core.prediction.request import Request

from . import tiny_model

PHOTO = np.full((40, 60, 3), (0.1, 0.4, 0.1), np.float32)
PATIENCE_S = 60  # for a loaded machine; a fault shows as a failure, not as a hang
SOON_S = 1.0  # within which a cancel must have come through
ROOT = Path(worker.__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _own_scratch(tmp_path, monkeypatch):
    """Whatever a worker leaves behind lies in this folder."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))


@pytest.fixture
def live():
    made = worker.Worker()
    yield made
    made.close()


@pytest.fixture
def model(tmp_path):
    return str(tiny_model.write_model(tmp_path / "model"))


def leftovers(tmp_path):
    return list((tmp_path / "scratch").glob("gid-*"))  # onnxruntime leaves an empty file of its own


def until(condition, seconds=PATIENCE_S):
    """Whether `condition` came to hold in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def runs(pid):
    """Whether a process runs; one that has ended and is not yet collected does not."""
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait(task):
    """The motion, and every event until then."""
    events = []
    assert until(lambda: events.extend(task.poll()) or task.result() is not None), "the worker never answered"
    return task.result(), events + task.poll()


def endless(live, tmp_path):
    """A task that takes long: a thousand steps of a model, on a child that has begun."""
    folder = tiny_model.write_model(tmp_path / "slow", input_long_side=1024)
    task = live.submit(PHOTO, Request(model=str(folder), steps=1000))
    assert until(lambda: any(event.phase == "imagine the motion" for event in task.poll()))
    return task


def same(a, b):
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in ("envelope", "z", "picture")) and (
        a.cells == b.cells and list(a.frequencies) == list(b.frequencies) and dict(a.provenance) == dict(b.provenance)
    )


def test_it_gives_the_same_motion_as_inline(live, tmp_path, model):
    request = Request(seed=4, model=model)
    motion, events = wait(live.submit(PHOTO, request))
    assert same(motion, predict.predict(PHOTO, request))
    assert {"load the model", "imagine the motion"} <= {event.phase for event in events}
    live.close()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("kind", ["model", "physics"])
def test_a_kept_photo_gives_the_bytes_of_a_fresh_process(live, model, kind):
    model = model if kind == "model" else kind
    wait(live.submit(PHOTO, Request(seed=0, model=model)))
    again, _ = wait(live.submit(PHOTO, Request(seed=7, model=model)))
    fresh = worker.Worker()
    first, _ = wait(fresh.submit(PHOTO, Request(seed=7, model=model)))
    fresh.close()
    assert same(again, first)


def test_a_known_photo_is_not_sent_and_a_changed_one_is(live, model, monkeypatch):
    sent = []
    save = np.save
    monkeypatch.setattr(np, "save", lambda *args, **options: sent.append(args[0].name) or save(*args, **options))
    pid = None
    for seed in range(3):
        wait(live.submit(PHOTO.copy(), Request(seed=seed, model=model)))
        assert pid in (None, live.pid)
        pid = live.pid
    assert len(sent) == 1
    changed = PHOTO.copy()
    changed[3, 5] = 0.9
    request = Request(model=model)
    assert same(wait(live.submit(changed, request))[0], predict.predict(changed, request))
    assert len(sent) == 2


def test_another_model_in_the_same_folder_is_not_taken_for_the_first(live, tmp_path, model):
    request = Request(seed=1, model=model)
    first, _ = wait(live.submit(PHOTO, request))
    tiny_model.write_model(tmp_path / "model", scales=[3.0, 1.5, 1.0, 0.5])
    second, _ = wait(live.submit(PHOTO, request))
    assert second.envelope[0].max() == pytest.approx(1.5 * first.envelope[0].max(), rel=1e-5)


def test_the_number_of_kept_photos_is_bounded():
    kept = encodings.Encodings()
    made = encodings.guess(PHOTO)
    for number in range(encodings.KEPT + 3):
        kept.keep(str(number), made)
    assert kept.find("2", None) is None
    assert kept.find("3", None) is made
    kept.keep("new", made)
    assert kept.find("3", None) is made  # asked for last, so 4 went
    assert kept.find("4", None) is None


def test_it_tells_how_much_memory_it_took(live):
    task = live.submit(PHOTO, Request(model="physics"))
    wait(task)
    assert task.peak_bytes is None or task.peak_bytes > 2**24


def test_tasks_of_several_loops_are_done_in_their_order(live, model):
    tasks = [live.submit(PHOTO, Request(seed=seed, model=model)) for seed in range(4)]
    motions = [wait(task)[0] for task in reversed(tasks)][::-1]
    assert [motion.provenance["seed"] for motion in motions] == [0, 1, 2, 3]


def test_a_cancel_keeps_the_child_and_what_it_knows(live, tmp_path):
    task = endless(live, tmp_path)
    pid, begin = live.pid, time.monotonic()
    task.cancel()
    with pytest.raises(Cancelled):
        task.result()
    assert time.monotonic() - begin < 0.1  # who cancels does not wait
    wait(live.submit(PHOTO, Request(model="physics")))
    assert live.pid == pid
    task.cancel()


def test_a_cancelled_task_that_waits_is_never_begun(live, tmp_path):
    first = endless(live, tmp_path)
    second = live.submit(PHOTO, Request(seed=2, model="physics"))
    third = live.submit(PHOTO, Request(seed=3, model="physics"))
    second.cancel()
    first.cancel()
    assert wait(third)[0].provenance["seed"] == 3
    assert second.poll() == []


def test_a_forgotten_task_is_cancelled(live, tmp_path):
    task = endless(live, tmp_path)
    del task
    assert until(lambda: live._keeper._active is None, SOON_S)


def test_a_deaf_child_is_killed_within_a_second_and_the_next_task_works(live, tmp_path, monkeypatch):
    deaf = "import sys, time; sys.stdin.readline(); time.sleep(600)"
    monkeypatch.setattr(process, "_BOOT", deaf)
    task = live.submit(PHOTO, Request(model="physics"))
    assert until(lambda: live.pid is not None)
    pid = live.pid
    task.cancel()
    assert until(lambda: not runs(pid), SOON_S)
    monkeypatch.undo()
    wait(live.submit(PHOTO, Request(model="physics")))


def test_closing_ends_the_child_and_leaves_nothing(live, tmp_path):
    task = endless(live, tmp_path)
    pid = live.pid
    live.close()
    assert not runs(pid)
    assert leftovers(tmp_path) == []
    with pytest.raises(Cancelled):
        task.result()
    wait(live.submit(PHOTO, Request(model="physics")))


def test_the_shared_worker_is_closed_if_there_is_one():
    worker.live.cache_clear()
    worker.close_live()
    assert worker.live.cache_info().currsize == 0
    wait(worker.start_worker(PHOTO, Request(model="physics")))
    pid = worker.live().pid
    worker.close_live()
    assert not runs(pid)


def test_a_forgotten_worker_is_cleaned_up(tmp_path):
    made = worker.Worker()
    wait(made.submit(PHOTO, Request(model="physics")))
    pid = made.pid
    del made
    assert until(lambda: not runs(pid))
    assert leftovers(tmp_path) == []


def test_an_idle_child_ends_by_itself_and_another_takes_its_place(tmp_path):
    brief = worker.Worker(idle_s=0.3)
    wait(brief.submit(PHOTO, Request(model="physics")))
    pid = brief.pid
    assert until(lambda: not runs(pid))
    assert until(lambda: leftovers(tmp_path) == [])
    for seed in range(3):  # one of them may cross the child's farewell
        wait(brief.submit(PHOTO, Request(seed=seed, model="physics")))
        time.sleep(0.3)
    brief.close()


PARENT = """
import sys, types, time, os, numpy as np
package = types.ModuleType("parent"); package.__path__ = [sys.argv[1]]; sys.modules["parent"] = package
from parent.gid_core import process, worker
from parent.gid_core.prediction.request import Request
live = worker.Worker()
if sys.argv[3] == "held":  # a third process that keeps the child's input open, as a forked renderer would
    real = process.subprocess.Popen
    def popen(*args, **options):
        made = real(*args, **options)
        os.set_inheritable(made.stdin.fileno(), True)
        if os.fork() == 0:
            time.sleep(120)
            os._exit(0)
        return made
    process.subprocess.Popen = popen
is_busy = sys.argv[4] == "busy"
task = live.submit(np.full((40, 60, 3), .3, "f4"), Request(model=sys.argv[2], steps=1000 if is_busy else 1))
while not (task.poll() and is_busy) and task.result() is None: time.sleep(.01)
print(live.pid, flush=True)
time.sleep(120)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX processes")
@pytest.mark.parametrize(("pipe", "state"), [("own", "idle"), ("own", "busy"), ("held", "idle")])
def test_the_child_dies_with_a_parent_that_is_killed(tmp_path, pipe, state):
    model = tiny_model.write_model(tmp_path / "model", input_long_side=1024)
    command = [sys.executable, "-c", PARENT, str(ROOT), str(model), pipe, state]
    variables = {**os.environ, "TMPDIR": str(tmp_path / "scratch")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=variables, start_new_session=True) as parent:
        try:
            child = int(parent.stdout.readline())
            assert runs(child)
            assert len(leftovers(tmp_path)) == 1
            parent.kill()
            parent.wait()
            assert until(lambda: not runs(child), 10)
            assert leftovers(tmp_path) == []
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(parent.pid, signal.SIGKILL)  # the third process, too


def test_a_parent_that_ends_takes_the_child_along(tmp_path):
    code = PARENT.replace("time.sleep(120)", "")
    model = tiny_model.write_model(tmp_path / "model")
    command = [sys.executable, "-c", code, str(ROOT), str(model), "own", "idle"]
    variables = {**os.environ, "TMPDIR": str(tmp_path / "scratch")}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=PATIENCE_S)
    assert done.stderr == ""
    assert until(lambda: not runs(int(done.stdout)), SOON_S)
    assert leftovers(tmp_path) == []


def test_errors_arrive_as_what_they_are_and_the_child_stays(live, tmp_path):
    task = live.submit(PHOTO, Request(model=str(tmp_path / "nowhere")))
    with pytest.raises(ModelError, match="there is no motion model"):
        wait(task)
    pid = live.pid
    with pytest.raises(ImageError, match="NaN"):
        wait(live.submit(np.full((20, 20, 3), np.nan, np.float32), Request(model="physics")))
    wait(live.submit(PHOTO, Request(model="physics")))
    assert live.pid == pid


@pytest.mark.parametrize("fault", ["import os; os.abort()", "import os; os._exit(0)", "raise RuntimeError('a bug')"])
def test_a_child_that_breaks_down_is_a_sentence_and_the_next_task_works(live, tmp_path, monkeypatch, fault):
    monkeypatch.setattr(process, "_BOOT", fault)
    task = live.submit(PHOTO, Request(model="physics"))
    with pytest.raises(GidError, match="ended unexpectedly"):
        wait(task)
    assert leftovers(tmp_path) == []
    monkeypatch.undo()
    wait(live.submit(PHOTO, Request(model="physics")))


def test_a_crash_takes_only_the_task_that_ran(live, tmp_path):
    first = endless(live, tmp_path)
    second = live.submit(PHOTO, Request(seed=9, model="physics"))
    os.kill(live.pid, signal.SIGTERM)
    with pytest.raises(ModelError, match="ended unexpectedly"):
        wait(first)
    assert wait(second)[0].provenance["seed"] == 9


def test_a_bug_in_the_child_is_told_and_its_traceback_shown(live, monkeypatch, capfd):
    boot = process._BOOT.replace("importlib.import_module(", "m = importlib.import_module(", 1).replace(
        '.serve(start["order"])', '\nm._answer = None\nm.serve(start["order"])'
    )
    assert boot.count("m._answer") == 1
    monkeypatch.setattr(process, "_BOOT", boot)
    with pytest.raises(ModelError, match=r"ended unexpectedly \(exit code 1\)"):
        wait(live.submit(PHOTO, Request(model="physics")))
    assert "TypeError" in capfd.readouterr().err


def test_what_the_child_prints_is_no_answer(live, monkeypatch):
    noisy = process._BOOT + "\n"
    noisy = noisy.replace(
        "import importlib, json, sys, types", "import importlib, json, sys, types, os\nprint('noise {}', flush=True)"
    )
    monkeypatch.setattr(process, "_BOOT", noisy)
    assert wait(live.submit(PHOTO, Request(model="physics")))[0].n_freqs == 16


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        ("raise ImportError('DLL load failed')", "onnxruntime does not load here .ImportError: DLL load failed"),
        ("import os; os.abort()", "ended unexpectedly"),
    ],
)
def test_a_broken_onnxruntime_takes_only_the_child_down(live, tmp_path, monkeypatch, model, content, pattern):
    (tmp_path / "broken" / "onnxruntime").mkdir(parents=True)
    (tmp_path / "broken" / "onnxruntime" / "__init__.py").write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path / "broken"))
    with pytest.raises(ModelError, match=pattern):
        wait(live.submit(PHOTO, Request(model=model)))


def test_the_child_cannot_import_bpy(live, tmp_path, monkeypatch):
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "bpy.py").write_text("raise SystemExit('bpy was imported')")
    monkeypatch.syspath_prepend(str(tmp_path / "fake"))
    probe = process._BOOT.replace(
        'importlib.import_module("gid_child."',
        'assert sys.modules["bpy"] is None\nimportlib.import_module("gid_child."',
    )
    assert probe != process._BOOT
    monkeypatch.setattr(process, "_BOOT", probe)
    motion, _ = wait(live.submit(PHOTO, Request(model="physics")))
    assert motion.n_freqs == 16


def test_the_environment_does_not_reach_the_child(live, tmp_path, monkeypatch):
    (tmp_path / "studio").mkdir()
    (tmp_path / "studio" / "json.py").write_text("raise SystemExit('a module of the studio was imported')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "studio"))
    monkeypatch.chdir(tmp_path / "studio")
    assert wait(live.submit(PHOTO, Request(model="physics")))[0].n_freqs == 16


def test_the_child_needs_none_of_the_parents_packages():
    """The extension's package imports bpy: the child must reach the core without it."""
    code = (
        "import sys, types; sys.modules['bpy'] = None\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.endswith('blender_addon'): raise SystemExit(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "package = types.ModuleType('bl_ext_like'); package.__path__ = [sys.argv[1]]\n"
        "sys.modules['bl_ext_like'] = package\n"
        "import time, numpy as np\n"
        "from bl_ext_like.gid_core import worker\n"
        "from bl_ext_like.gid_core.prediction.request import Request\n"
        "task = worker.start_worker(np.full((32, 32, 3), .3, 'f4'), Request(model='physics'))\n"
        "while task.result() is None: time.sleep(.01)\n"
        "print(task.result().provenance['source'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.stdout.strip() == "physics prior", done.stderr


def test_a_full_disk_is_a_sentence_and_the_next_task_works(live, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "save", full)
        with pytest.raises(GidError, match="the disk is full"):
            wait(live.submit(PHOTO, Request(model="physics")))
    wait(live.submit(PHOTO, Request(model="physics")))
    live.close()
    assert leftovers(tmp_path) == []
