"""Paint on "In Front" parts layers: across its edges no pixel sharpens another, from the next save on."""

import bpy
import numpy as np
from gid_dev.blender_addon.loop import edit, images
from gid_dev.blender_addon.nodes import rig, sharp

EDGE = 20  # columns to the left of it lie behind


def kin_of(plane):
    return sharp.kin_of_pixels(images.pixels_of(rig.get_input(plane, "Kin")))


def paint_halves(plane):
    front = plane.gid.front
    pixels = np.ones((front.size[1], front.size[0], 4), np.float32)
    pixels[..., :3] = 0.8
    pixels[:, :EDGE, :3] = 0.2
    front.pixels.foreach_set(pixels.ravel())


def is_parted(kin):
    right, left = kin[..., 0], kin[..., 1]
    return not right[:, EDGE - 1].any() and not left[:, EDGE].any()


def test_paint_parts_layers_at_the_next_save_and_for_good(small_loop, tmp_path):
    before = kin_of(small_loop)
    assert not is_parted(before)
    paint_halves(small_loop)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "painted.blend"))
    kin = kin_of(small_loop)
    assert is_parted(kin)
    assert kin.any()
    small_loop.gid.edits.strength = images.new_image("Strength", np.full((4, 4, 1), 0.5, np.float32))
    edit.apply_edits(small_loop)
    assert is_parted(kin_of(small_loop))
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "painted.blend"))
    assert is_parted(kin_of(bpy.context.scene.gid.loop))


def test_a_save_without_paint_leaves_the_neighbours_alone(small_loop, tmp_path):
    before = rig.get_input(small_loop, "Kin").session_uid
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "plain.blend"))
    assert rig.get_input(small_loop, "Kin").session_uid == before
