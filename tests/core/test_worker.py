"""The worker process: the same motion as inline, a quick cancel, and no crash that takes us along."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from gid_dev.gid_core import worker
from gid_dev.gid_core.errors import Cancelled, GidError, ModelError
from gid_dev.gid_core.prediction import predict

from . import hostile

PHOTO = np.full((40, 60, 3), (0.1, 0.4, 0.1), np.float32)
PATIENCE_S = 60  # for a loaded machine; a fault shows as a failure, not as a hang


@pytest.fixture(autouse=True)
def _own_scratch(tmp_path, monkeypatch):
    """Whatever a worker leaves behind lies in this folder."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))


def leftovers(tmp_path):
    return list((tmp_path / "scratch").iterdir())


def wait(job):
    """The motion, and every event until then."""
    events, deadline = [], time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        events += job.poll()
        motion = job.result()
        if motion is not None:
            return motion, events
        time.sleep(0.01)
    job.cancel()
    pytest.fail("the worker never answered")


def endless(tmp_path, monkeypatch):
    """A request that takes long: a thousand steps of a model, on a child that has begun."""
    folder = hostile.write_model(tmp_path / "model", input_long_side=1024)
    job = worker.start_worker(PHOTO, predict.Request(model=str(folder), steps=1000))
    deadline = time.monotonic() + PATIENCE_S
    while not any(event.phase == "imagine the motion" for event in job.poll()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return job


def test_it_gives_the_same_motion_as_inline(tmp_path):
    request = predict.Request(seed=4, model=str(hostile.write_model(tmp_path / "model")))
    motion, events = wait(worker.start_worker(PHOTO, request))
    inline = predict.predict(PHOTO, request)
    assert motion.envelope.tobytes() == inline.envelope.tobytes()
    assert motion.z.tobytes() == inline.z.tobytes()
    assert motion.picture.tobytes() == inline.picture.tobytes()
    assert motion.cells == inline.cells
    assert dict(motion.provenance) == dict(inline.provenance)
    assert {"load the model", "imagine the motion"} <= {event.phase for event in events}
    assert leftovers(tmp_path) == []


def test_it_tells_how_much_memory_it_took(tmp_path):
    job = worker.start_worker(PHOTO, predict.Request(model="physics"))
    wait(job)
    assert job.peak_bytes is None or job.peak_bytes > 2**24


def test_a_cancel_ends_the_process_and_leaves_nothing(tmp_path, monkeypatch):
    job = endless(tmp_path, monkeypatch)
    process = job._process
    job.cancel()
    assert process.poll() is not None
    assert leftovers(tmp_path) == []
    with pytest.raises(Cancelled):
        job.result()
    job.cancel()


def test_a_deaf_child_is_ended_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "_BOOT", "import time; time.sleep(600)")
    job = worker.start_worker(PHOTO, predict.Request(model="physics"))
    job.cancel()
    assert job._process.poll() is not None
    assert leftovers(tmp_path) == []


def test_a_forgotten_worker_is_cleaned_up(tmp_path, monkeypatch):
    job = endless(tmp_path, monkeypatch)
    process = job._process
    del job
    process.wait(PATIENCE_S)
    assert leftovers(tmp_path) == []


def test_errors_arrive_as_what_they_are(tmp_path):
    job = worker.start_worker(PHOTO, predict.Request(model=str(tmp_path / "nowhere")))
    with pytest.raises(ModelError, match="there is no motion model"):
        wait(job)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("fault", ["import os; os.abort()", "import os; os._exit(0)", "raise RuntimeError('a bug')"])
def test_a_child_that_breaks_down_is_a_sentence(tmp_path, monkeypatch, fault):
    monkeypatch.setattr(worker, "_BOOT", fault)
    job = worker.start_worker(PHOTO, predict.Request(model="physics"))
    with pytest.raises(GidError, match="ended unexpectedly"):
        wait(job)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        ("raise ImportError('DLL load failed')", "onnxruntime does not load here .ImportError: DLL load failed"),
        ("import os; os.abort()", "ended unexpectedly"),
    ],
)
def test_a_broken_onnxruntime_takes_only_the_worker_down(tmp_path, monkeypatch, content, pattern):
    (tmp_path / "broken" / "onnxruntime").mkdir(parents=True)
    (tmp_path / "broken" / "onnxruntime" / "__init__.py").write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path / "broken"))
    job = worker.start_worker(PHOTO, predict.Request(model=str(hostile.write_model(tmp_path / "model"))))
    with pytest.raises(ModelError, match=pattern):
        wait(job)


def test_the_child_cannot_import_bpy(tmp_path, monkeypatch):
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "bpy.py").write_text("raise SystemExit('bpy was imported')")
    monkeypatch.syspath_prepend(str(tmp_path / "fake"))
    probe = worker._BOOT.replace(
        'importlib.import_module("gid_worker."',
        'assert sys.modules["bpy"] is None\nimportlib.import_module("gid_worker."',
    )
    assert probe != worker._BOOT
    monkeypatch.setattr(worker, "_BOOT", probe)
    motion, _ = wait(worker.start_worker(PHOTO, predict.Request(model="physics")))
    assert motion.n_freqs == 16


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
        "from bl_ext_like.gid_core.prediction import predict\n"
        "job = worker.start_worker(np.full((32, 32, 3), .3, 'f4'), predict.Request(model='physics'))\n"
        "while job.result() is None: job.poll(); time.sleep(.01)\n"
        "print(job.result().provenance['source'])\n"
    )
    root = Path(worker.__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.stdout.strip() == "physics prior", done.stderr


def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(GidError, match="the disk is full"):
        worker.start_worker(PHOTO, predict.Request(model="physics"))
    assert leftovers(tmp_path) == []
