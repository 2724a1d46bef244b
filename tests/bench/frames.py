"""Seconds for the frames of one loop, written as PNG: by gid_core in processes, by gid_core in one, and by Cycles.

Prints the ratios of one run and exits 1 if the core is not `BAR` times as fast as Cycles. Cycles renders a few frames
only, since each takes as long as the others.
"""

import argparse
import os
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="gid-profile-")

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import conftest
from gid_dev.blender_addon import properties
from gid_dev.blender_addon.loop import build
from gid_dev.blender_addon.output.frames import render_frames
from gid_dev.gid_core.files import image_io
from gid_dev.gid_core.frames.bake import bake
from gid_dev.gid_core.frames.loop import Loop
from gid_dev.gid_core.motion.plan import plan_loop
from gid_dev.gid_core.prediction import predict

BARS = {640: 10, 1920: 8}  # least ratio by long side
N_FRAMES = 120
CYCLES_FRAMES = 4
EXAMPLE = conftest.ROOT / "docs" / "example.jpg"


def timed(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measured(photo, size, n_frames):
    """Seconds a frame: {who: seconds}."""
    height, width = photo.shape[:2]
    still = image_io.resize(photo, size, round(size * height / width))
    motion = predict.predict(still, predict.Request())
    volume = motion.volume()
    plan = plan_loop(volume, N_FRAMES, Fraction(24))
    loop = Loop(still, volume, plan)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    plane = build.build_loop(build.LoopSpec("Bench", still, motion, plan, Fraction(24)))
    with tempfile.TemporaryDirectory() as folder:
        numbers = range(2, 2 + n_frames)
        found = {"processes": timed(lambda: bake(loop, Path(folder, "many"), numbers)) / n_frames}
        found["one process"] = timed(lambda: bake(loop, Path(folder, "one"), numbers, processes=1)) / n_frames
        chosen = [2 + n_frames * index // CYCLES_FRAMES for index in range(CYCLES_FRAMES)]
        found["Cycles"] = timed(lambda: render_frames(plane, Path(folder, "cycles"), chosen)) / CYCLES_FRAMES
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photo", type=Path, default=EXAMPLE, help="default: the example")
    parser.add_argument("--frames", type=int, default=N_FRAMES, help="of the core; default: %(default)s")
    options = parser.parse_args()
    photo = image_io.load_photo(options.photo).pixels
    properties.register()
    is_met = True
    for size, bar in BARS.items():
        found = measured(photo, size, options.frames)
        ratio = found["Cycles"] / found["processes"]
        told = ", ".join(f"{who} {seconds:.3f} s" for who, seconds in found.items())
        print(f"{size} px: {told} a frame; core {ratio:.1f} x Cycles (bar: {bar})", flush=True)
        is_met = is_met and ratio >= bar
    return 0 if is_met else 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # 4.5 can dead-lock in its exit handlers
