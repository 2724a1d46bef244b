"""Seconds for the frames of one loop, written as PNG: by gid_core in processes, by gid_core in one, and by Cycles.

Prints the ratios of one run and exits 1 if the core is not so many times as fast as Cycles as `BARS` says, or if the
splat of sharpened tents takes longer than `SPLAT_BAR` times the plain one. Cycles renders a few frames only, since each
takes as long as the others.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="gid-profile-")

import bpy
from cases.stills import EXAMPLE, N_FRAMES
from gid_dev.blender_addon import properties
from gid_dev.blender_addon.loop import build
from gid_dev.blender_addon.output.frames import render_frames
from gid_dev.gid_core.files import image_io
from gid_dev.gid_core.frames.bake import bake
from gid_dev.gid_core.frames.loop import Loop
from gid_dev.gid_core.frames.splat import Splatter, weight_of
from gid_dev.gid_core.motion.plan import plan_loop
from gid_dev.gid_core.prediction import predict

BARS = {640: 10, 1920: 8}  # least ratio by long side
SPLAT_BAR = 1.5
SPLAT_TURNS = 9
CYCLES_FRAMES = 4


def timed(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measured(photo, size, n_frames):
    """Seconds a frame: {who: seconds}; and how many times as long the sharp splat takes as the plain one."""
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
    return found, splat_ratio(loop)


def splat_ratio(loop):
    """In turns, so that a busy machine slows both."""
    renderer = loop.renderer()
    weight, displacement = weight_of(renderer.front), renderer.displacement(31)
    splats = [Splatter(loop.still, weight, kin=kin, beyond=True) for kin in (None, renderer.kin)]
    turns = [[timed(lambda s=splat: s(displacement)) for splat in splats] for _turn in range(SPLAT_TURNS)]
    plain, sharp = (statistics.median(times) for times in zip(*turns, strict=True))
    return sharp / plain


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photo", type=Path, default=EXAMPLE, help="default: the example")
    parser.add_argument("--frames", type=int, default=N_FRAMES, help="of the core; default: %(default)s")
    options = parser.parse_args()
    photo = image_io.load_photo(options.photo).pixels
    properties.register()
    is_met = True
    for size, bar in BARS.items():
        found, splats = measured(photo, size, options.frames)
        ratio = found["Cycles"] / found["processes"]
        told = ", ".join(f"{who} {seconds:.3f} s" for who, seconds in found.items())
        print(f"{size} px: {told} a frame; core {ratio:.1f} x Cycles (bar: {bar})", flush=True)
        print(f"    the sharp splat takes {splats:.2f} x as long as the plain one (bar: {SPLAT_BAR})", flush=True)
        is_met = is_met and ratio >= bar and splats <= SPLAT_BAR
    return 0 if is_met else 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # 4.5 can dead-lock in its exit handlers
