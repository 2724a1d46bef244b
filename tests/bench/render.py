"""Seconds a frame and agreement with gid_core.frames.renderer, at 1080p and 4K, everything moving and 30 % moving.

Prints the ratio of the two for each size (the static quad's gain) and exits 1 if a frame agrees to less than 90 dB.
"""

import argparse
import os
import sys
import tempfile
import time
from fractions import Fraction

os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="gid-profile-")  # build.py removes it

import bpy
import numpy as np
from cases.stills import smooth_volume
from gid_dev.blender_addon import properties
from gid_dev.blender_addon.loop import build, images
from gid_dev.blender_addon.output.frames import render_frames
from gid_dev.gid_core.frames.renderer import LoopRenderer
from gid_dev.gid_core.motion.plan import plan_loop
from gid_dev.gid_core.motion.recovery import recovered

BAR_DB = 90
FRAME = 14  # of 48


def picture(width, height):
    y, x = np.mgrid[:height, :width].astype(np.float32) * np.float32(256 / width)
    waves = [0.5 + 0.4 * np.sin(x / 7) * np.cos(y / 9), 0.5 + 0.45 * np.sin((x + y) / 11), 0.3 + 0.3 * (x // 16 % 2)]
    grain = np.random.default_rng(0).normal(0, 0.02, (height, width, 3))
    return (np.stack(waves, -1) + grain).clip(0, 1).astype(np.float32)


def measured(width, height, moving):
    """(dB, seconds a frame, share of the pixels that moves) of one frame."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    still, volume = picture(width, height), smooth_volume(moving)
    plan = plan_loop(volume, 48, Fraction(24))
    motion = recovered(volume, np.zeros((volume.height, volume.width, 3), np.uint8))
    plane = build.build_loop(build.LoopSpec("Bench", still, motion, plan, Fraction(24), plate=False))
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        (file,) = render_frames(plane, folder, [FRAME], "exr")
        seconds = time.perf_counter() - begun
        image = bpy.data.images.load(str(file))
        image.colorspace_settings.name = "Non-Color"
        got = images.pixels_of(image)
    reference = LoopRenderer(still, volume, plan, plate=False)
    error = np.mean((got[..., :3].astype(np.float64) - reference.frame(FRAME - 1)) ** 2)
    return -10 * np.log10(error), seconds, 1 - reference.static.mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", nargs="*", default=["1920x1080", "3840x2160"], metavar="WxH")
    sizes = parser.parse_args().sizes
    properties.register()
    worst = float("inf")
    for size in sizes:
        width, height = map(int, size.split("x"))
        results = [measured(width, height, moving) for moving in (1, 0.3)]
        for decibels, seconds, share in results:
            what = f"Blender {bpy.app.version_string}  {size}  {share:4.0%} moving"
            print(f"{what}: {decibels:.1f} dB, {seconds:.1f} s a frame")
            worst = min(worst, decibels)
        print(f"{size}: {results[0][1] / results[1][1]:.1f} times as long where everything moves", flush=True)
    print(f"least agreement {worst:.1f} dB (bar: {BAR_DB})")
    return 0 if worst >= BAR_DB else 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # 4.5 can dead-lock in its exit handlers
