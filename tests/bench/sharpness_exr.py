"""How much of the still's fine detail Blender's own frames keep: EXR by Cycles and by EEVEE, beside gid_core's.

Measured and judged as `bench sharpness` does it, on the example or on --photo.
"""

import argparse
import os
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="gid-profile-")

import bpy
from cases import stills
from cases.detail import Detail, told
from gid_dev.blender_addon import properties
from gid_dev.blender_addon.loop import build, images
from gid_dev.blender_addon.output.frames import render_frames
from gid_dev.gid_core.files import image_io
from gid_dev.gid_core.prediction import predict

FRAMES = (2, 21, 51, 91)  # of 120, as the timeline numbers them


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photo", type=Path, default=stills.EXAMPLE, help="default: the example")
    parser.add_argument("--size", type=int, default=640, metavar="PIXELS", help="long side (default: %(default)s)")
    options = parser.parse_args()
    properties.register()
    still = image_io.fit(image_io.load_photo(options.photo).pixels[..., :3], options.size)
    motion = predict.predict(still, predict.Request())
    loop = stills.loop_of(still, motion.volume())
    detail = Detail(still, loop.volume)
    core = loop.renderer()
    kept = {"gid_core": [detail.kept(core.frame(number - 1)) for number in FRAMES]}
    for engine in ("CYCLES", "EEVEE"):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        plane = build.build_loop(build.LoopSpec("Bench", still, motion, loop.plan, Fraction(24), engine=engine))
        with tempfile.TemporaryDirectory() as folder:
            files = render_frames(plane, folder, FRAMES, "exr")
            kept[engine] = [detail.kept(read(file)) for file in files]
    held = []
    for who, values in kept.items():
        line, is_held = told(values)
        held.append(is_held)
        print(f"Blender {bpy.app.version_string}, {who:8}: {line}{'' if is_held else '  MISSED'}")
    return 0 if all(held) else 1


def read(file):
    image = bpy.data.images.load(str(file))
    image.colorspace_settings.name = "Non-Color"
    return images.pixels_of(image)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # 4.5 can dead-lock in its exit handlers
