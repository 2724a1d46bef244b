"""A loop is written to a place that fails at a random moment: one sentence, and the next run is as if nothing had been.

Full disks and detached ones are file systems in memory, which root may mount; a quota and a network drive are played by
`disk_that_fails.c`, which needs a C compiler. What cannot be played here is said to be, with no cases.
"""

import contextlib
import errno
import os
import random
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.soak.processes import command, differences, kill, leftovers, outlived, started

LIMIT_S = 60.0  # until a run has ended, with the start of its processes on a busy machine
_ASKED = ["--model", "physics", "--size", "96", "--seconds", "0.5", "--fps", "12", "--movie", "gif"]
_ROOM = 256 << 20


@dataclass
class Place:
    """Where one run writes: its folder, its temporary folder, and what makes them fail and be there again.

    variables: of the run's environment. limit_bytes: of any file that it writes. strike: called at a random moment;
    what fails from the start has none. mend: called after the run.
    """

    out: Path
    scratch: Path
    variables: dict
    limit_bytes: int | None = None
    strike: Callable | None = None
    mend: Callable = lambda: None


def disks(count: int, seed: int = 0, only: str = "") -> Iterator[tuple]:
    """A row for each way in which a disk fails: (what, runs, faults, how many of them ended in a sentence).

    only: what their names must hold.
    """
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        photo, whole = folder / "photo.png", folder / "whole"
        pixels = np.random.default_rng(1).integers(0, 256, (72, 96, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(photo)
        begun = time.perf_counter()
        if started(_run(photo, whole), folder, folder / "log.txt").wait() != 0:
            raise RuntimeError((folder / "log.txt").read_text(errors="replace"))
        takes_s = time.perf_counter() - begun
        for what, make in KINDS.items():
            if only not in what:
                continue
            yield _row(what, make, count, rng, (photo, whole, takes_s))


def _run(photo, out):
    return command("gid_core.animate", photo, "--out", out, *_ASKED)


def _row(what, make, count, rng, known):
    faults, n_told = [], 0
    for _ in range(count):
        with tempfile.TemporaryDirectory(prefix="soak-") as name, contextlib.ExitStack() as stack:
            folder = Path(name)
            (folder / "drive").mkdir()
            (folder / "scratch").mkdir()
            try:
                place = make(folder, rng, stack, known)
            except (OSError, subprocess.CalledProcessError) as error:
                return what, 0, [], f"cannot be played here: {error}"
            code, found = _struck(place, rng, known)
            n_told += code != 0
            faults += found
    return what, count, faults, f"{n_told} ended in a sentence, the others well"


def _struck(place, rng, known):
    """(exit code, faults) of a run at a place that fails, and of the next one there."""
    photo, whole, takes_s = known
    log = Path(tempfile.gettempdir(), f"soak-{os.getpid()}.txt")

    def limit():
        if place.limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (place.limit_bytes, place.limit_bytes))

    run = started(_run(photo, place.out), place.scratch, log, variables=place.variables, preexec_fn=limit)
    if place.strike is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(rng.uniform(0.05, takes_s))
        place.strike()
    faults = []
    try:
        run.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        faults.append(f"no end within {LIMIT_S:.0f} s")
        kill(run, with_children=True)
    faults += outlived(run.pid)
    printed = log.read_text(errors="replace")
    said = [line for line in printed.splitlines() if line.startswith("gid: error: ")]
    if "Traceback" in printed or run.returncode not in (0, 2) or (run.returncode == 2 and len(said) != 1):
        faults.append(f"exit code {run.returncode}: {printed[-300:]!r}")
    place.mend()
    if started(_run(photo, place.out), place.scratch, log).wait() != 0:
        faults.append(f"the next run failed: {log.read_text(errors='replace')[-200:]!r}")
    else:
        faults += differences(whole, place.out) + leftovers(place.out.parent) + leftovers(place.scratch)
    log.unlink()
    return run.returncode, faults


def _mounted(folder, size, stack):
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "soak", folder], check=True, stderr=subprocess.DEVNULL
    )
    stack.callback(subprocess.run, ["umount", "-l", folder], stderr=subprocess.DEVNULL)


def _grow(folder):
    subprocess.run(["mount", "-o", f"remount,size={_ROOM}", folder], check=True)


def _bytes_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _full(folder, rng, stack, known):
    drive = folder / "drive"
    _mounted(drive, rng.randrange(4096, _bytes_of(known[1]) * 3 // 2), stack)
    return Place(drive / "out", folder / "scratch", {}, mend=lambda: _grow(drive))


def _full_scratch(folder, rng, stack, known):
    scratch = folder / "scratch"
    _mounted(scratch, rng.randrange(4096, _bytes_of(known[1]) * 3), stack)
    return Place(folder / "drive" / "out", scratch, {}, mend=lambda: _grow(scratch))


def _limited(folder, rng, stack, known):
    largest = max(path.stat().st_size for path in known[1].rglob("*") if path.is_file())
    return Place(folder / "drive" / "out", folder / "scratch", {}, limit_bytes=rng.randrange(1, largest * 5 // 4))


def _removed(folder, rng, stack, known):
    drive = folder / "drive"
    return Place(
        drive / "out",
        folder / "scratch",
        {},
        strike=lambda: shutil.rmtree(drive, ignore_errors=True),
        mend=lambda: drive.mkdir(exist_ok=True),  # the run may have made it anew, or written on while it went
    )


def _detached(folder, rng, stack, known):
    drive = folder / "drive"
    _mounted(drive, _ROOM, stack)
    return Place(
        drive / "out", folder / "scratch", {}, strike=lambda: subprocess.run(["umount", "-l", drive], check=True)
    )


def _played(number, writes_only=False):
    def make(folder, rng, stack, known):
        library, flag, drive = folder / "disk.so", folder / "flag", folder / "drive"
        source = Path(__file__).parent / "disk_that_fails.c"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        variables = {"LD_PRELOAD": str(library), "GID_FLAG": str(flag), "GID_PLACE": str(drive)}
        variables |= {"GID_ERRNO": str(number)} | ({"GID_WRITES": "1"} if writes_only else {})
        return Place(drive / "out", folder / "scratch", variables, strike=flag.touch, mend=lambda: None)

    return make


KINDS = {
    "disk full": _full,
    "temporary folder full": _full_scratch,
    "largest file limited": _limited,
    "quota used up": _played(errno.EDQUOT, writes_only=True),
    "network drive stale": _played(errno.ESTALE),
    "network drive silent": _played(errno.EIO),
    "drive detached": _detached,
    "folder removed": _removed,
}
