"""What a command leaves: a complete folder or none, nothing foreign touched, one line for an error."""

import io
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gid_dev.gid_core.errors import GidError, LimitError, ModelError, SettingsError
from gid_dev.gid_core.files import progress, storage
from gid_dev.gid_core.frames import seam
from gid_dev.gid_core.motion import synth
from gid_dev.gid_core.motion.plan import plan_loop
from gid_dev.gid_core.motion.timeline import LoopPlan
from gid_dev.gid_core.motion.volume import SpectralVolume


def publish(out, **files):
    with progress.publishing(out) as folder:
        for name, content in files.items():
            path = folder / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        (folder / "report.json").write_text(
            json.dumps({"files": [p.relative_to(folder).as_posix() for p in folder.rglob("*.*")]})
        )


def fail_inside(context, fault):
    """Write something where the context says, then fail."""
    with context as path:
        (path / "still.png" if path.is_dir() else path).write_text("new")
        raise fault


def tree(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_new_folder_appears_whole(tmp_path):
    with progress.publishing(tmp_path / "a" / "b") as folder:
        (folder / "still.png").write_text("x")
        assert not (tmp_path / "a" / "b").exists()
    assert tree(tmp_path) == {"a/b/still.png"}
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o755


def test_a_disk_without_file_locks_is_refused_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(storage.FolderLock, "take", lambda *_: None)
    with pytest.raises(LimitError, match="no file locks"), progress.publishing(tmp_path / "a"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "fault", [KeyboardInterrupt, ModelError("no model"), OSError(28, "full"), RuntimeError("a bug")]
)
def test_a_failure_leaves_nothing_half_written(tmp_path, fault):
    with pytest.raises((KeyboardInterrupt, GidError, RuntimeError)):
        fail_inside(progress.publishing(tmp_path / "a" / "b"), fault)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_earlier_result(tmp_path):
    publish(tmp_path / "out", still_png="old")
    before = tree(tmp_path)
    with pytest.raises(ModelError):
        fail_inside(progress.publishing(tmp_path / "out"), ModelError("no model"))
    assert tree(tmp_path) == before
    assert (tmp_path / "out" / "still.png").read_text() == "old"


def test_foreign_files_stay_and_stale_ones_of_ours_go(tmp_path):
    out = tmp_path / "out"
    publish(out, still_png="old", frames__0001_png="1", frames__0002_png="2")
    (out / "notes.txt").write_text("mine")
    (out / "frames" / "0003.png").write_text("mine")
    publish(out, still_png="new", frames__0001_png="one")
    assert tree(out) == {"notes.txt", "still.png", "report.json", "frames/0001.png", "frames/0003.png"}
    assert (out / "still.png").read_text() == "new"
    assert (out / "frames" / "0001.png").read_text() == "one"


@pytest.mark.parametrize(
    "report", ['{"files": ["../keep.txt", "/etc/keep", ""]}', '{"files": 3}', "[", '{"files": [null]}']
)
def test_a_report_that_lies_deletes_nothing(tmp_path, report):
    (tmp_path / "keep.txt").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text(report)
    publish(tmp_path / "out", still_png="new")
    assert (tmp_path / "keep.txt").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(SettingsError, match="is a file"), progress.publishing(tmp_path / "out"):
        pytest.fail("the body ran")


def test_a_read_only_disk_is_a_sentence(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(progress.tempfile, "mkdtemp", refuse)
    with pytest.raises(LimitError, match="read-only disk"), progress.publishing(tmp_path / "out"):
        pytest.fail("the body ran")


def test_replacing_is_all_or_nothing(tmp_path):
    target = tmp_path / "a.txt"
    with storage.replacing(target) as temporary:
        temporary.write_text("first")
    with pytest.raises(RuntimeError):
        fail_inside(storage.replacing(target), RuntimeError())
    assert target.read_text() == "first"
    assert tree(tmp_path) == {"a.txt"}


def test_errors_become_one_line_and_their_exit_code(capsys):
    def fail(error):
        raise error

    assert progress.exit_code_of(lambda: None) == 0
    assert progress.exit_code_of(lambda: fail(SettingsError("too\nlarge"))) == 2
    assert progress.exit_code_of(lambda: fail(ModelError("gone"))) == 3
    assert progress.exit_code_of(lambda: fail(KeyboardInterrupt())) == 130
    assert progress.exit_code_of(lambda: fail(MemoryError())) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["gid: error: too large", "gid: error: gone"]
    assert all(line.startswith("gid: error: ") for line in lines)
    with pytest.raises(ZeroDivisionError):
        progress.exit_code_of(lambda: 1 / 0)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_a_line_a_phase_in_a_log(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(progress.time, "perf_counter", lambda: float(next(clock)))
    log = io.StringIO()
    meter = progress.Meter(log)
    for phase, fraction in (("look", 0.0), ("look", 0.5), ("draw", 0.0)):
        meter(phase, fraction)
    meter.close()
    assert log.getvalue() == "look ...\ndraw ...\n"
    assert set(meter.seconds) == {"look", "draw"}
    assert meter.seconds["look"] > 0


def test_progress_tells_the_time_left_on_a_terminal(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    terminal = Terminal()
    meter = progress.Meter(terminal)
    meter("draw", 0.0)
    now[0] += 3
    meter("draw", 0.25)
    assert terminal.getvalue().endswith("draw: 25 %, 9 s left")


def volume():
    rng = np.random.default_rng(0)
    amplitudes = rng.standard_normal((4, 6, 8, 2)) + 1j * rng.standard_normal((4, 6, 8, 2))
    return SpectralVolume(amplitudes.astype(np.complex64), np.arange(1, 5) / 5)


def test_steps_equal_those_of_the_fields_themselves():
    plan = plan_loop(volume(), 24, 12)
    fields = [synth.displacement(volume(), plan.scalars(frame)) for frame in (*range(24), 0)]
    slow = [np.sqrt(((b - a) ** 2).sum(-1).mean()) for a, b in itertools.pairwise(fields)]
    np.testing.assert_allclose(seam.steps(volume(), plan), slow, rtol=1e-4)


def test_a_hold_and_a_jump_show_in_the_ratio():
    class Broken(LoopPlan):
        """A loop whose last frame repeats the first, or lies half a turn away."""

        def scalars(self, frame):
            return super().scalars(0 if self.n_frames == 30 and frame == 29 else frame) * (
                -1 if self.n_frames == 31 and frame == 30 else 1
            )

    def ratio(kind, n_frames):
        plan = plan_loop(volume(), n_frames, 12, anchored=False)
        fields = {name: getattr(plan, name) for name in ("n_frames", "harmonics", "gains", "phases", "anchored")}
        return seam.seam_ratio(volume(), kind(**fields))

    assert 0.2 < ratio(LoopPlan, 30) < 3
    assert ratio(Broken, 30) == 0
    assert ratio(Broken, 31) > 3


def test_a_still_volume_has_no_ratio():
    still = volume().scaled(0)
    assert seam.seam_ratio(still, plan_loop(volume(), 24, 12)) is None


@pytest.mark.parametrize("exists", [False, True])
def test_what_a_killed_run_left_is_removed_and_what_is_asked_for_taken_over(tmp_path, exists):
    out = tmp_path / "out [1]"
    if exists:
        out.mkdir()
    code = (
        "import os, sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from gid_core.files import progress\n"
        "with progress.publishing(sys.argv[2]) as folder:\n"
        "    (folder / 'frames').mkdir(); (folder / 'frames' / '1.png').write_text('frame')\n"
        "    (folder / 'record').write_text('r'); (folder / 'half.txt').write_text('half')\n"
        "    print('ready', flush=True); time.sleep(60)\n"
    )
    root = str(Path(__file__).resolve().parents[3])
    running = subprocess.Popen([sys.executable, "-c", code, root, str(out)], stdout=subprocess.PIPE)
    try:
        assert running.stdout.readline() == b"ready\n"
        with progress.publishing(
            out, ("record", "frames")
        ) as folder:  # beside a run that is at work: nothing of it is touched
            assert list(folder.iterdir()) == [folder / ".lock"]
            (folder / "a.txt").write_text("a")
        assert hidden(tmp_path) == 1
    finally:
        running.kill()
        running.communicate()
    with progress.publishing(out, ("record", "frames")) as folder:
        assert (folder / "frames" / "1.png").read_text() == "frame"
        assert not (folder / "half.txt").exists()
    assert (out / "record").exists()
    assert hidden(tmp_path) == 0


def test_a_leftover_that_is_not_wanted_is_removed(tmp_path):
    for parent, name in ((tmp_path, ".out-abc.partial"), (tmp_path / "out", ".gid-abc.partial")):
        (parent / name / "frames").mkdir(parents=True)
        (parent / name / "record").write_text("r")
        os.utime(parent / name, (1, 1))
    (tmp_path / ".other-abc.partial").mkdir()
    with progress.publishing(tmp_path / "out") as folder:
        assert not (folder / "record").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name[0] == "."] == [".other-abc.partial"]
    assert list((tmp_path / "out").iterdir()) == []


def test_what_runs_left_can_be_cleared_away_without_another_run(tmp_path):
    (tmp_path / "out").mkdir()
    dead = [tmp_path / ".out-abc.partial", tmp_path / "out" / ".gid-abc.partial"]
    kept = [tmp_path / ".out-def.partial", tmp_path / ".other-abc.partial", tmp_path / "out" / "theirs"]
    for folder in (*dead, *kept):
        (folder / "frames").mkdir(parents=True)
        (folder / ".lock").write_text(".")
    lock = storage.FolderLock.take(kept[0])  # a run that goes on
    progress.clear_away(tmp_path / "out")
    lock.release()
    assert [path.exists() for path in (*dead, *kept)] == [False] * 2 + [True] * 3


def test_folders_that_a_killed_run_made_go_unless_they_hold_something(tmp_path):
    out = tmp_path / "theirs" / "bakes" / "july" / "out"
    (tmp_path / "theirs").mkdir()
    made = progress.missing_parents(out)
    assert [path.name for path in made] == ["july", "bakes"]
    out.parent.mkdir(parents=True)
    (out.parent / ".out-abc.partial").mkdir()
    (out.parent / ".out-abc.partial" / ".lock").write_text(".")
    (tmp_path / "theirs" / "bakes" / "note").touch()
    progress.clear_away(out, made)
    assert [path.name for path in (tmp_path / "theirs" / "bakes").iterdir()] == ["note"]
    (tmp_path / "theirs" / "bakes" / "note").unlink()
    progress.clear_away(out, made[1:])
    assert list((tmp_path / "theirs").iterdir()) == []
    assert (tmp_path / "theirs").is_dir()


def test_a_temporary_folder_of_a_killed_run_goes_with_the_next_one_and_no_other(tmp_path):
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from gid_core.files.storage import Scratch\n"
        "scratch = Scratch('gid-a-', sys.argv[2])\n"
        "(scratch.folder / 'loop.npy').write_text('pixels')\n"
        "print(scratch.folder, flush=True); time.sleep(60)\n"
    )
    root = str(Path(__file__).resolve().parents[3])
    command = [sys.executable, "-c", code, root, str(tmp_path)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as at_work,
    ):
        left, used = (Path(run.stdout.readline().strip()) for run in (killed, at_work))
        (tmp_path / "gid-a-of an artist").mkdir()
        killed.kill()
        killed.wait()
        own = storage.Scratch("gid-a-", tmp_path)
        there = {path.name for path in tmp_path.iterdir()}
        at_work.kill()
    assert there == {used.name, own.folder.name, "gid-a-of an artist"}
    own.remove()
    own.remove()
    assert not own.folder.exists()
    assert not left.exists()


def test_a_folder_that_is_about_to_be_locked_is_left_to_its_maker(tmp_path):
    """Two programs that start at once: the file of the lock is there, the lock is not yet."""
    temporary, staging = tmp_path / "gid-a-1", tmp_path / ".out-1.partial"
    for folder in (temporary, staging):
        folder.mkdir()
        (folder / ".lock").touch()
    storage.Scratch("gid-a-", tmp_path).remove()
    progress.clear_away(tmp_path / "out")
    assert temporary.exists()
    assert staging.exists()
    for folder in (temporary, staging):  # a maker that was killed in that moment
        os.utime(folder, (1, 1))
    storage.Scratch("gid-a-", tmp_path).remove()
    progress.clear_away(tmp_path / "out")
    assert not temporary.exists()
    assert not staging.exists()


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="there are no links")
def test_what_only_looks_like_a_temporary_folder_is_left_alone(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / ".lock").touch()
    (tmp_path / "gid-a-link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "gid-a-nolock").mkdir()
    (tmp_path / "gid-a-nolock" / ".lock").symlink_to(tmp_path / "new")
    (tmp_path / "gid-a-file").touch()
    before = set(tmp_path.rglob("*"))
    storage.Scratch("gid-a-", tmp_path).remove()
    assert set(tmp_path.rglob("*")) == before


def test_results_are_staged_on_the_disk_of_a_folder_that_is_there(tmp_path):
    """It may be a mount point: what lies beside it cannot be moved into it."""
    (tmp_path / "out").mkdir()
    with progress.publishing(tmp_path / "out") as folder:
        assert folder.parent == tmp_path / "out"
        (folder / "a.txt").write_text("a")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.txt"]


def hidden(folder):
    return sum(path.name.endswith(".partial") for path in folder.rglob(".*"))
