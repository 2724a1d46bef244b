"""Work that is killed at random moments and begun again ends as work that was left alone.

Half of the kills meet a whole process group, as a farm's do; half of them the first process alone, as those of a system
that is short of memory: its children have to end by themselves then. What a run said was done before it was killed must
be there, and once the work has ended well nothing else may be: no hidden file, no temporary folder, no process.
"""

import importlib.util
import os
import random
import re
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from gid_core import worker
from gid_core.errors import GidError
from gid_core.files import image_io
from gid_core.frames.loop import Loop
from gid_core.motion.plan import plan_loop
from gid_core.prediction import predict
from tests.soak.processes import ROOT, command, differences, kill, leftovers, outlived, started

QUICK = ["--model", "physics", "--size", "64", "--seconds", "0.5", "--fps", "12"]
PATIENCE_S = 60.0
N_FRAMES = 12
_SAID = re.compile(r"^(?:Info: )?(.+): \d+ frames at ", re.MULTILINE)
_SAVED = re.compile(r"^Saved: '(.+)'", re.MULTILINE)

_BAKE = """
import sys
from gid_core.frames.bake import bake
from gid_core.frames.frame_worker import Sheet
from gid_core.frames.loop import Loop
sheet = Sheet("exr", passes=("stmap", "vectors"))
frames = range(1, int(sys.argv[3]) + 1)
bake(Loop.load(sys.argv[1]), sys.argv[2], frames, sheet, processes=2, progress=lambda _, done: print("done", done))
"""
_RENDER = """
import os, sys, bpy
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
bpy.context.scene.render.filepath = sys.argv[2] + "/####"
bpy.ops.render.render(animation=True)
sys.stdout.flush()
os._exit(0)
"""


@dataclass(frozen=True)
class Work:
    """What is killed.

    start: the folder that it fills -> arguments of its process. said: (what it printed, that folder) -> names inside
    of all that it said was done.
    """

    what: str
    start: Callable[[Path], list[str]]
    said: Callable[[str, Path], set[str]]


def kills(count: int, seed: int = 0, model: str = "auto", only: str = "") -> Iterator[tuple]:
    """A row for each kind of work whose name holds `only`: (what, kills, faults, how long it takes)."""
    rng = random.Random(seed)
    if only in "live worker":
        yield killed_worker(count, rng, model)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        for work in works(Path(name)):
            if only in work.what:
                yield killed(work, count, rng, Path(tempfile.mkdtemp(dir=name)))


def works(folder: Path) -> list[Work]:
    """Commands, a batch, a bake; and Blender's, where there is one: `build.py soak` names it."""
    photos = folder / "photos"
    photos.mkdir()
    for index in range(2):
        pixels = np.random.default_rng(index).integers(0, 256, (48, 64, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(photos / f"{'ab'[index]}.png")
    still = image_io.load_photo(photos / "a.png").pixels
    volume = predict.predict(still, predict.Request(model="physics")).volume()
    (folder / "loop").mkdir()
    Loop(still, volume, plan_loop(volume, N_FRAMES, Fraction(24))).save(folder / "loop")
    found = [
        Work(
            "animate",
            lambda out: command("gid_core.animate", photos / "a.png", "--out", out, "--movie", "gif", *QUICK),
            _folders,
        ),
        Work("batch", lambda out: command("gid_core.batch", photos, "--out", out, "--movie", "none", *QUICK), _folders),
        Work("bake", lambda out: _text(_BAKE, folder / "loop", out, N_FRAMES), _baked),
    ]
    blender = os.environ.get("GID_BLENDER_PYTHON")
    if blender is None:
        return found
    spec = importlib.util.spec_from_file_location("build", ROOT / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    door = [
        blender,
        "-I",
        "-c",
        build.BLENDER_DOOR,
        str(ROOT),
        "animate",
        str(photos / "a.png"),
        "--movie",
        "none",
        *QUICK,
    ]
    scene = folder / "scene" / "scene.blend"
    made = started([*door, "--render", "cycles", "--out", str(scene.parent)], folder, folder / "log.txt")
    if made.wait() != 0:
        raise RuntimeError((folder / "log.txt").read_text(errors="replace"))
    return [
        *found,
        Work("animate in Blender", lambda out: [*door, "--render", "cycles", "--out", str(out)], _folders),
        Work("Blender renders its scene", lambda out: [blender, "-I", "-c", _RENDER, str(scene), str(out)], _saved),
    ]


def _text(text, *arguments):
    return [*command("x")[:1], "-c", text, *map(str, arguments)]


def _folders(printed, out):
    """Every file of the loops that were told of as done."""
    places = [Path(place) for place in _SAID.findall(printed)]
    return {path.relative_to(out).as_posix() for place in places for path in place.rglob("*") if path.is_file()} | {
        (place / "report.json").relative_to(out).as_posix() for place in places
    }


def _baked(printed, out):
    """As many frames as were told of: which, only the files say."""
    told = re.findall(r"^done (\S+)$", printed, re.MULTILINE)
    there = sorted(path.relative_to(out).as_posix() for path in out.glob("vectors/[0-9]*"))
    n_said = round(float(told[-1]) * N_FRAMES) if told else 0
    return set(there) | {f"one of {n_said} frames" for _ in range(len(there), n_said)}


def _saved(printed, out):
    return {Path(path).relative_to(out).as_posix() for path in _SAVED.findall(printed)}


def killed(work: Work, count: int, rng: random.Random, folder: Path) -> tuple:
    """A row for one kind of work, done in `folder`."""
    whole, out, scratch, log = (folder / name for name in ("whole", "killed", "scratch", "log.txt"))
    scratch.mkdir()
    begun = time.perf_counter()
    if started(work.start(whole), scratch, log).wait() != 0:
        return work.what, count, [f"failed when nobody killed it: {log.read_text(errors='replace')[-200:]}"], ""
    takes_s, faults, n_ends = time.perf_counter() - begun, [], 0
    for _ in range(count):
        run = started(work.start(out), scratch, log)
        time.sleep(rng.uniform(0.02, takes_s))
        if run.poll() is None:
            kill(run, with_children=rng.random() < 0.5)
        faults += outlived(run.pid)
        said = work.said(log.read_text(errors="replace"), out)
        faults += [f"{name} was done, and is not there" for name in said if not (out / name).is_file()]
        if run.returncode == 0:
            n_ends += 1
            faults += _ended(whole, out, scratch)
            _remove(out)
    if started(work.start(out), scratch, log).wait() != 0:
        faults.append(f"the run after the kills failed: {log.read_text(errors='replace')[-200:]}")
    faults += _ended(whole, out, scratch)
    return work.what, count, faults, f"{takes_s:.1f} s when left alone; {n_ends} had come to their end"


def _ended(whole, out, scratch):
    return differences(whole, out) + leftovers(out.parent) + leftovers(scratch)


def _remove(folder):
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def killed_worker(count: int, rng: random.Random, model: str) -> tuple:
    """A row: the live child is killed while it predicts; that is told in a sentence, and the next motion is there."""
    stills = np.random.default_rng(2).random((12, 48, 64, 3)).astype(np.float32)  # more than a child keeps
    expected = [predict.predict(still, predict.Request(seed=1, model=model)) for still in stills]
    faults, n_told = [], 0
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch:
        kept, tempfile.tempdir = tempfile.tempdir, scratch
        try:
            takes_s = [_seconds_of(still, model) for still in stills[:2]]  # with the start of a child, and without
            for index in range(count):
                which, is_cold = index % len(stills), rng.random() < 0.3
                if is_cold:
                    worker.close_live()
                told = _asked(stills[which], model, rng.uniform(0, takes_s[not is_cold]))
                n_told += isinstance(told, GidError)
                for found in (told, _asked(stills[which], model)):
                    if not isinstance(found, GidError):
                        faults += [] if _same(found, expected[which]) else ["another motion"]
                    elif found is not told:
                        faults.append(f"the next one failed: {found}")
                if len(left := list(Path(scratch).glob("gid-worker-*"))) > 1:
                    faults.append(f"{len(left)} folders of one child")
            worker.close_live()
            faults += leftovers(Path(scratch))
        finally:
            tempfile.tempdir = kept
    told = f"{takes_s[0]:.1f} and {takes_s[1]:.1f} s when left alone; {n_told} kills were told of"
    return "live worker", count, faults, told


def _seconds_of(still, model):
    begun = time.perf_counter()
    _asked(still, model)
    return time.perf_counter() - begun


def _asked(still, model, kill_after_s=None):
    """The motion, or the GidError in its place; the child is killed so many seconds after it was asked."""
    task, begun = worker.start_worker(still, predict.Request(seed=1, model=model)), time.monotonic()
    try:
        while task.result() is None:
            task.poll()
            spent = time.monotonic() - begun
            if kill_after_s is not None and spent > kill_after_s and worker.live().pid is not None:
                kill_after_s = None
                os.kill(worker.live().pid, signal.SIGKILL)
            if spent > PATIENCE_S:
                return GidError("no answer")
            time.sleep(0.002)
        return task.result()
    except GidError as error:
        return error


def _same(a, b):
    return a.envelope.tobytes() == b.envelope.tobytes() and a.z.tobytes() == b.z.tobytes()
