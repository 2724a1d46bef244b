"""Frames of a loop as Blender renders them, for benchmarks that can do without it; only Blender can import this."""

import os
import tempfile
from fractions import Fraction

os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="gid-profile-")  # build.py removes it

import bpy
import numpy as np
from gid_dev.blender_addon import properties
from gid_dev.blender_addon.loop import build, images
from gid_dev.blender_addon.output.frames import render_frames
from gid_dev.gid_core.motion.recovery import recovered

FPS = Fraction(24)


def built(loop, engine, *, plate=None):
    """The plane of `loop` in an empty file, its motion recovered from the volume. engine: CYCLES or EEVEE."""
    if not hasattr(bpy.types.Object, "gid"):
        properties.register()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    volume = loop.volume
    motion = recovered(volume, np.zeros((volume.height, volume.width, 3), np.uint8))
    return build.build_loop(build.LoopSpec("Bench", loop.still, motion, loop.plan, FPS, plate=plate, engine=engine))


def rendered(plane, numbers):
    """The frames (H, W, 4) of those numbers, 0 the still, from EXR files of 32 bits."""
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            (file,) = render_frames(plane, folder, [plane.gid.start + number], "exr")
            yield read(file)
            file.unlink()


def read(file):
    image = bpy.data.images.load(str(file))
    image.colorspace_settings.name = "Non-Color"
    pixels = images.pixels_of(image)
    bpy.data.images.remove(image)
    return pixels
