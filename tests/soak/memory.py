"""What predictions, and stills and loops as large as they come, take of the memory."""

import random
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from gid_core import worker
from gid_core.prediction import predict
from tests.soak.processes import command, held_bytes, session, started

GROWTH = 1.05


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
        ours.append(held_bytes("self"))
        childs.append(held_bytes(worker.live().pid))
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


# What commands may take at most, in GB: all processes of a run together.
LARGE = {
    "8K still, two frames": (["--size", "8192", "--seconds", "0.0834"], (4320, 7680), 8.0),
    "4 hours, by a farm": (["--size", "1920", "--seconds", "14400"], (1080, 1920), 2.0),
}


def large(_count: int, _seed: int = 0) -> list[tuple]:
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
            found = [_run_and_watch(asked, folder) for asked in commands]
            peak_gb = max(peak for _, peak in found) / 1e9
            faults = [f"{asked[0]} ended with {code}" for asked, (code, _) in zip(commands, found, strict=True) if code]
            faults += [f"more than {limit_gb} GB"] if peak_gb > limit_gb else []
            rows.append((what, 1, faults, f"{peak_gb:.2f} GB of {limit_gb} at most"))
    return rows


def _run_and_watch(asked, folder):
    """(exit code, most bytes that a command and its processes held together)."""
    run, peak = started(command("gid_core." + asked[0], *asked[1:]), folder, folder / "log.txt"), 0
    while run.poll() is None:
        peak = max(peak, sum(held_bytes(pid) for pid in session(run.pid)))
        time.sleep(0.05)
    return run.returncode, peak
