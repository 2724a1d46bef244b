"""Memory of one process of a bake at 4K, at most 2.5 GB, and size of the .blend of a 1080p loop, at most 40 MB.

At 4K the still is the example, enlarged, whose objects are cut along their edges. In the .blend it is a texture full of
detail, which compresses badly, with the motion of the example; or --photo with its own. Frames by the
network may take 3 GB.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="gid-profile-")

import numpy as np
from cases import stills
from gid_dev.gid_core.files import image_io
from gid_dev.gid_core.files.frame_files import save_frame
from gid_dev.gid_core.files.memory import peak_bytes
from gid_dev.gid_core.frames.frame_worker import Sheet, render
from gid_dev.gid_core.frames.loop import Loop
from gid_dev.gid_core.motion.places import OWN
from gid_dev.gid_core.motion.plan import plan_loop
from gid_dev.gid_core.prediction import predict

FRAME_GB, BLEND_MB = {"core": 2.5, "network": 3.0}, 40
UHD, HD = (3840, 2160), (1920, 1080)
FRAMES = (2, 31)
CHILD = "render"  # first argument of the process that is measured


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photo", type=Path, help="its still of 1920 px stands for the texture in the .blend")
    options = parser.parse_args()
    # Made smaller, as photographs are.
    still = image_io.fit(stills.texture(HD[0] * 3 // 2, HD[1] * 3 // 2), HD[0])
    motion = predict.predict(image_io.load_photo(stills.EXAMPLE).pixels, predict.Request())
    if options.photo:
        still = image_io.fit(image_io.load_photo(options.photo).pixels, HD[0])
        motion = predict.predict(still, predict.Request())
    plan = plan_loop(motion.volume(), stills.N_FRAMES, Fraction(24))
    large, is_held = enlarged(image_io.load_photo(stills.EXAMPLE).pixels), True
    volume = predict.predict(large, predict.Request()).volume()
    large_plan = plan_loop(volume, stills.N_FRAMES, Fraction(24))
    for quality, bar in FRAME_GB.items():
        gigabytes = frame_gigabytes(Loop(large, volume, large_plan, quality=quality))
        is_held &= gigabytes <= bar
        told = f"{gigabytes:.2f} GB (bar: {bar}), {aside(volume)}"
        print(f"a process that bakes 4K frames by {quality} needs {told}", flush=True)
    megabytes = blend_megabytes(still, motion, plan)
    size = f"{still.shape[1]} x {still.shape[0]}, {aside(motion)},"
    print(f"the compressed .blend of a loop of {size} has {megabytes:.1f} MB (bar: {BLEND_MB})")
    return 0 if is_held and megabytes <= BLEND_MB else 1


def enlarged(photo):
    """A photo that covers 4K: float32 (2160, 3840, 3)."""
    height = round(UHD[0] * photo.shape[0] / photo.shape[1])
    return np.ascontiguousarray(image_io.resize(photo, UHD[0], height)[: UHD[1]])


def aside(moving):
    """How much of the still reads a motion, or its volume, beside its own place."""
    share = 0.0 if moving.lookup is None else (moving.lookup != OWN).any(-1).mean()
    return f"{100 * share:.1f} % of its pixels by the lookup"


def frame_gigabytes(loop):
    """Peak of a process that does nothing but what `frame_worker` does."""
    with tempfile.TemporaryDirectory() as folder:
        loop.save(folder)
        child = [sys.executable, __file__, CHILD, folder]
        return int(subprocess.run(child, check=True, capture_output=True, text=True).stdout) / 1e9


def render_frames(folder):
    renderer = Loop.load(folder).renderer()
    for number in FRAMES:
        save_frame(Path(folder, f"{number}.png"), render(renderer, number, Sheet()), "png")
    print(peak_bytes())


def blend_megabytes(still, motion, plan):
    import bpy  # here alone: a process that renders frames must be free of Blender
    from gid_dev.blender_addon import properties
    from gid_dev.blender_addon.loop import build

    properties.register()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    build.build_loop(build.LoopSpec("Bench", still, motion, plan, Fraction(24)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "loop.blend")
        bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True)
        return path.stat().st_size / 1e6


if __name__ == "__main__":
    code = render_frames(sys.argv[2]) if sys.argv[1:2] == [CHILD] else main()
    sys.stdout.flush()
    os._exit(code or 0)  # 4.5 can dead-lock in its exit handlers
