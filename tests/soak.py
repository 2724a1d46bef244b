"""The work of `build.py soak`: what holds for a few cases in the tests, over thousands of them.

  loaders   pictures, volumes, models with their cards and job files, each mutated N times: a result or a GidError
            within 10 s, nothing else
  kills     a command that is killed at random moments and run again: the same bytes as one that was left alone,
            and nothing else beside them
  predict   predictions that are cancelled at random moments: the memory that this process and its child hold
  large     an 8K still, and a loop of four hours of which a farm's task renders a second: peak memory (once each)

Prints a table; exits with 1 if there is a fault.
"""

# ruff: noqa: E402  # the checkout becomes importable first
import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image

from gid_core import worker
from gid_core.errors import GidError
from gid_core.farm.job import Job
from gid_core.files import image_io
from gid_core.model import session
from gid_core.motion import saved
from gid_core.motion.edits import Edits
from gid_core.prediction import predict
from tests.core import tiny_model

SLOWEST_S = 10.0
GROWTH = 1.05
QUICK = ["--model", "physics", "--size", "64", "--seconds", "0.5", "--fps", "12", "--movie", "gif"]


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A file with a few bytes changed, cut out, doubled, or cut short."""
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at, kind = rng.randrange(max(len(found), 1)), rng.randrange(5)
        if not found:
            break
        if kind == 0:
            found[at] = rng.randrange(256)
        elif kind == 1:
            found[at : at + rng.randrange(1, 9)] = bytes(rng.choice((0, 255)) for _ in range(rng.randrange(1, 9)))
        elif kind == 2:
            del found[at : at + rng.randrange(1, 64)]
        elif kind == 3:
            found[at:at] = found[at : at + rng.randrange(1, 64)]
        else:
            del found[at:]
    return bytes(found)


def seeds(folder: Path) -> dict[str, tuple]:
    """{name: (content of a good file, what reads it from a path)} of every kind that is loaded."""
    rng = np.random.default_rng(0)
    pixels = Image.fromarray(rng.integers(0, 256, (24, 32, 3)).astype(np.uint8))
    found: dict[str, tuple] = {}
    for kind in ("png", "jpg", "tif", "webp", "gif", "bmp", "tga", "jp2"):
        path = folder / f"seed.{kind}"
        pixels.save(path)
        found[f"picture {kind}"] = (path.read_bytes(), path.suffix, image_io.load_photo)
    for kind in ("exr", "hdr", "dpx"):
        path = folder / f"seed.{kind}"
        output = oiio.ImageOutput.create(str(path))
        output.open(str(path), oiio.ImageSpec(pixels.width, pixels.height, 3, oiio.FLOAT))
        output.write_image(np.asarray(pixels, np.float32) / 255)
        output.close()
        found[f"picture {kind}"] = (path.read_bytes(), path.suffix, image_io.load_photo)
    still = np.asarray(pixels, np.float32) / 255
    motion = predict.predict(still, predict.Request(model="physics"))
    saved.save(folder / "seed.npz", motion, Edits(), {})
    found["volume"] = ((folder / "seed.npz").read_bytes(), ".npz", saved.load)
    model = tiny_model.write_model(folder / "model")
    for file in ("card.json", "encoder.onnx"):

        def read(path, file=file):
            shutil.copyfile(path, model / file)
            session.load_model(model)

        found[f"model {file}"] = ((model / file).read_bytes(), Path(file).suffix, read)
    job = folder / "job"
    (job / "photos").mkdir(parents=True)
    content = (
        b'{"photos": [{"file": "a.png", "name": "a", "sha256": "0"}], "asked": {"seed": 3, "fps": "24", "size": 64}}'
    )

    def read_job(path):
        shutil.copyfile(path, job / "job.json")
        Job.load(job).options(0)

    found["job file"] = (content, ".json", read_job)
    return found


def loaders(count: int, seed: int = 0) -> list[tuple]:
    """(what, cases, faults, the slowest in seconds) of each kind of file."""
    rows, rng = [], random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="gid-soak-") as name:
        folder = Path(name)
        for what, (content, suffix, read) in seeds(folder).items():
            faults, slowest = [], 0.0
            path = folder / ("mutated" + suffix)
            for _ in range(count):
                case = mutated(content, rng)
                path.write_bytes(case)
                begun = time.perf_counter()
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("error")  # one that gets out would be a farm's "Warning"
                        read(path)
                except GidError:
                    pass
                except Exception as error:
                    faults.append(f"{type(error).__name__}: {error}")
                slowest = max(slowest, time.perf_counter() - begun)
            if slowest > SLOWEST_S:
                faults.append(f"{slowest:.1f} s")
            rows.append((what, count, faults, f"{slowest:.2f} s"))
    return rows


def kills(count: int, seed: int = 0) -> list[tuple]:
    """One row: a run that is killed `count` times and then left alone ends in the bytes of one that never was."""
    rng, faults = random.Random(seed), []
    with tempfile.TemporaryDirectory(prefix="gid-soak-") as name:
        folder = Path(name)
        photo = folder / "photo.png"
        Image.fromarray(np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8)).save(photo)

        def start(out):
            command = [sys.executable, "-m", "gid_core.animate", str(photo), "--out", str(out), *QUICK]
            variables = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": name}
            return subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    start_new_session=True)  # fmt: skip

        begun = time.perf_counter()
        if start(folder / "whole").wait() != 0:
            return [("kills", count, ["the run that nobody killed failed"], "")]
        takes = time.perf_counter() - begun
        for _ in range(count):
            run = start(folder / "killed")
            try:
                run.wait(rng.uniform(0.05, takes))
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
                run.wait()
            if (folder / "killed" / "report.json").exists():
                faults += _differences(folder)
                shutil.rmtree(folder / "killed")
        if start(folder / "killed").wait() != 0:
            faults.append("the run after the kills failed")
        faults += _differences(folder)
        left = [path.name for path in folder.iterdir() if path.name.endswith(".partial")]
        faults += [f"left behind: {one}" for one in left]
    return [("kills at random moments", count, faults, f"{takes:.1f} s a run")]


def _differences(folder):
    whole, killed = folder / "whole", folder / "killed"
    names = {path.relative_to(whole) for path in whole.rglob("*") if path.is_file()}
    others = {path.relative_to(killed) for path in killed.rglob("*") if path.is_file()}
    found = [f"{name} is in one alone" for name in names ^ others]
    same = names & others - {Path("report.json")}  # that tells seconds
    return found + [f"{one} differs" for one in same if (whole / one).read_bytes() != (killed / one).read_bytes()]


def cancelled_predictions(count: int, seed: int = 0, model: str = "auto") -> list[tuple]:
    """Two rows: this process and its child hold no more memory after `count` predictions.

    Each is cancelled at a random moment between its begin and its end; the photos are more than a child keeps.
    """
    rng = random.Random(seed)
    stills = np.random.default_rng(2).random((12, 48, 64, 3)).astype(np.float32)
    longest_s = _seconds_of(stills[0], model)
    ours, childs, finished = [], [], 0
    for index in range(count):
        task = worker.start_worker(stills[rng.randrange(12)], predict.Request(seed=index, model=model))
        until = time.monotonic() + rng.uniform(0, longest_s)
        while task.result() is None and time.monotonic() < until:
            task.poll()
            time.sleep(0.002)
        finished += task.result() is not None
        task.cancel()
        ours.append(_held_bytes("self"))
        childs.append(_held_bytes(worker.live().pid))
    rows = []
    for whose, sizes in (("this process", ours), ("the child", childs)):
        tenth = max(1, count // 10)
        first, last = (float(np.median(part)) for part in (sizes[2 * tenth : 3 * tenth], sizes[-tenth:]))
        growth = last / first if first else 1.0  # the first ones fill what is kept
        faults = [f"memory grew to {growth:.3f}"] if growth > GROWTH else []
        told = f"memory {growth:.3f} of the start, {last / 2**20:.0f} MB; {finished} came to their end"
        rows.append((f"cancelled, {whose}", count, faults, told))
    return rows


def _seconds_of(still, model):
    """How long the child takes for a photo that it does not know, once it is there."""
    for seed in range(2):
        begun = time.perf_counter()
        task = worker.start_worker(still * np.float32(0.5 + 0.1 * seed), predict.Request(seed=seed, model=model))
        while task.result() is None:
            task.poll()
            time.sleep(0.002)
    return time.perf_counter() - begun


def _held_bytes(pid):
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0  # Linux alone tells, and of a process that is there


# What commands may take at most, in GB: all processes of a run together.
LARGE = {
    "8K still, two frames": (["--size", "8192", "--seconds", "0.0834"], (4320, 7680), 8.0),
    "4 hours, by a farm": (["--size", "1920", "--seconds", "14400"], (1080, 1920), 2.0),
}


def large(_count: int) -> list[tuple]:
    """A row for each of `LARGE`: peak memory of all its processes."""
    rows = []
    for what, (asked, shape, limit_gb) in LARGE.items():
        with tempfile.TemporaryDirectory(prefix="gid-soak-") as name:
            folder = Path(name)
            rng = np.random.default_rng(1)
            photo = np.kron(rng.random((shape[0] // 120, shape[1] // 120, 3)), np.ones((120, 120, 1)))
            (folder / "photos").mkdir()
            Image.fromarray((255 * photo).astype(np.uint8)).save(folder / "photos" / "photo.jpg", quality=95)
            options = [*asked, "--model", "physics", "--movie", "none"]
            if "farm" in what:
                job = str(folder / "job")
                commands = [["farm.submit", str(folder / "photos"), "--out", job, *options]]
                steps = (["predict"], ["render", "--frames", "345001-345024"])
                commands += [["farm.task", *step, job, "--photo", "0", "--out", str(folder / "out")] for step in steps]
            else:
                commands = [["animate", str(folder / "photos" / "photo.jpg"), "--out", str(folder / "out"), *options]]
            found = [_run_and_watch(command) for command in commands]
            peak_gb = max(peak for _, peak in found) / 1e9
            faults = [
                f"{command[0]} ended with {code}" for command, (code, _) in zip(commands, found, strict=True) if code
            ]
            faults += [f"more than {limit_gb} GB"] if peak_gb > limit_gb else []
            rows.append((what, 1, faults, f"{peak_gb:.2f} GB of {limit_gb} at most"))
    return rows


def _run_and_watch(command):
    """(exit code, most bytes that a command and its processes held together)."""
    run = subprocess.Popen(
        [sys.executable, "-m", "gid_core." + command[0], *command[1:]], env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    peak = 0
    while run.poll() is None:
        peak = max(peak, sum(_held_bytes(pid) for pid in _session(run.pid)))
        time.sleep(0.05)
    return run.returncode, peak


def _session(leader):
    """Processes of the session that a process leads."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(entry.name)) == leader:
                yield int(entry.name)
        except OSError:
            continue


PARTS = {
    "loaders": (loaders, 10_000),
    "kills": (kills, 100),
    "predict": (cancelled_predictions, 1_000),
    "large": (large, 1),
}


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="build.py soak", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(PARTS)}; default: all")
    parser.add_argument("--count", type=int, help="how often; default: 10000 mutations, 100 kills, 1000 predictions")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(PARTS):
        parser.error(f"there is no part {sorted(unknown)[0]!r}: choose from {', '.join(PARTS)}")
    worst = 0
    for name in options.names or PARTS:
        part, count = PARTS[name]
        for what, cases, faults, told in part(options.count or count):
            print(f"{what:28} {cases:>7} {len(faults):>5} faults  {told}", flush=True)
            for fault in sorted(set(faults))[:5]:
                print(f"    {fault}", flush=True)
            worst = max(worst, int(bool(faults)))
    return worst


if __name__ == "__main__":
    sys.exit(main())
