"""How `loop_0_1_0.blend` and `loop_0_1_0.npz`, its frames, came about: run once, from a checkout of 0.1.0, with Blender
4.5 as a module. It stands here to tell what the file holds.

    cd image-dynamics-0.1.0 && .../blender-4.5/bin/python make_loop_0_1_0.py FOLDER
    zstd -dc FOLDER/loop_0_1_0.blend | zstd -19 -o loop_0_1_0.blend

The loop begins at frame 3 and has 24 frames. Someone used it: Gain 2 is lowered, Amount is keyed and drives Anchor, and
a pluck set by hand rings, its time keyed in frames, as 0.1.0 wanted it.
"""

import os
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="gid-profile-")
sys.path.insert(0, str(Path.cwd() / "tests"))

import bpy
import conftest  # noqa: F401 (makes the checkout the package gid_dev)
import gid_dev.blender_addon as addon
import numpy as np
from gid_dev.blender_addon import compat, images, loop, render
from gid_dev.blender_addon.nodes import rig
from gid_dev.gid_core.synth import plan_loop
from gid_dev.gid_core.volume import SpectralVolume

WIDTH, HEIGHT, START, N_FRAMES = 48, 32, 3, 24
FRAMES = (3, 7, 15)


def picture():
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32) + 0.5
    checks = (x // 8 + y // 8) % 2
    return np.stack([x / WIDTH, 0.2 + 0.5 * checks, y / HEIGHT], -1).astype(np.float32)


def volume():
    y, x = np.mgrid[:10, :16] + 0.5
    disc = np.hypot(x - 8, y - 5) < 3
    turn = np.exp(2j * np.pi * np.random.default_rng(1).random((16, 1, 1, 2)))
    fall = 1 / np.arange(1, 17)[:, None, None, None]
    return SpectralVolume(1.5 * fall * turn * disc[..., None] * [1, 0.4], np.arange(1, 17) / 5, {"model": "a disc"})


def path_of(plane, name):
    modifier = plane.modifiers[rig.MODIFIER]
    return compat.clock_path(modifier, rig.inputs_of(modifier.node_group)[name])


def main(folder):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon.register()
    plan = plan_loop(volume(), N_FRAMES, Fraction(24))
    plane = loop.build_loop(loop.LoopSpec("Old", picture(), volume(), plan, Fraction(24), start=START))
    rig.set_inputs(plane, {"Gain 2": 0.5, "Pluck Re 1": 0.5, "Pluck Im 3": -0.5, "Damping": 0.1})
    amount = compat.ensure_fcurve(plane, path_of(plane, "Amount"))
    seconds = compat.ensure_fcurve(plane, path_of(plane, "Pluck Time"))
    for curve, keys in ((amount, ((3, 0.5), (15, 1.0))), (seconds, ((3, 0.0), (27, 24.0)))):
        for frame, value in keys:
            curve.keyframe_points.insert(frame, value).interpolation = "LINEAR"
    anchor = plane.driver_add(path_of(plane, "Anchor")).driver
    anchor.type = "SUM"
    variable = anchor.variables.new()
    variable.targets[0].id, variable.targets[0].data_path = plane, path_of(plane, "Amount")
    frames = render.render_frames(plane, Path(folder) / "frames", FRAMES, "EXR")
    pixels = {}
    for frame, file in zip(FRAMES, frames, strict=True):
        image = bpy.data.images.load(str(file), check_existing=False)
        image.colorspace_settings.name, image.alpha_mode = "Non-Color", "CHANNEL_PACKED"
        pixels[f"frame_{frame}"] = images.pixels_of(image)
        bpy.data.images.remove(image)
    np.savez_compressed(Path(folder) / "loop_0_1_0.npz", **pixels)
    # The scene and what it uses, without windows: half as large as a saved file.
    bpy.data.libraries.write(str(Path(folder) / "loop_0_1_0.blend"), {plane.gid.scene}, compress=True)


main(sys.argv[1])
sys.stdout.flush()
os._exit(0)  # 4.5 can dead-lock in its exit handlers
