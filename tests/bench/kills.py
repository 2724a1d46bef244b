"""A bake that is killed at random moments and taken up again must end in the bytes of one that was left alone.

Each round kills the whole process group of a bake with SIGKILL at a moment drawn from the time that a whole one takes,
the start of its processes included, and bakes the same again into the same folder.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cases import stills
from gid_dev.gid_core.frames.bake import bake
from gid_dev.gid_core.frames.frame_worker import Sheet
from gid_dev.gid_core.frames.loop import Loop

CHILD = "bake"  # first argument of the process that is killed
N_FRAMES = 12
SHEET = Sheet("exr", passes=("stmap", "vectors"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        loop_folder, whole = Path(scratch, "loop"), Path(scratch, "whole")
        loop_folder.mkdir()
        loop = stills.loop_of(stills.texture(192, 128), stills.smooth_volume(0.5, 48, 32).scaled(0.3), N_FRAMES)
        loop.save(loop_folder)
        begun = time.monotonic()
        started(loop_folder, whole).wait()
        lasts = time.monotonic() - begun
        expected, n_alike, found = contents(whole), 0, []
        for kill in range(options.kills):
            folder = Path(scratch, f"kill{kill}")
            child = started(loop_folder, folder)
            try:
                child.wait(moments.uniform(0, lasts))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            found.append(len(contents(folder)))
            bake(loop, folder, frames(), SHEET)
            n_alike += contents(folder) == expected
    print(f"files that were there after each kill, of {len(expected)}: {' '.join(map(str, found))}")
    print(f"{n_alike} of {options.kills} killed bakes went on to the same bytes")
    return 0 if n_alike == options.kills else 1


def started(loop_folder, folder):
    """A bake in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, __file__, CHILD, str(loop_folder), str(folder)],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )


def frames():
    return range(1, N_FRAMES + 1)


def contents(folder):
    """Bytes of every file of a bake but its record and what is half-written."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        bake(Loop.load(sys.argv[2]), sys.argv[3], frames(), SHEET, processes=2)
        sys.exit()
    sys.exit(main())
