"""Animate, Re-Roll and New Loop as an artist meets them: the loop in sight changes, another one only when asked for."""

import math

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import jobs
from gid_dev.blender_addon.loop import images, read, sight
from gid_dev.blender_addon.nodes import rig
from gid_dev.blender_addon.operators import base, predict
from gid_dev.gid_core.errors import SettingsError
from gid_dev.gid_core.files import image_io


def contents():
    blocks = [b for b in bpy.data.user_map() if getattr(b, "source", "") != "VIEWER"]
    return sorted((block.bl_rna.name, block.name) for block in blocks)


def z_of(plane):
    return read.stored_motion(plane).z


def test_rerolls_show_other_motions_in_the_same_loop(small_loop):
    settings = bpy.context.scene.gid
    before, first = contents(), z_of(small_loop)
    assert bpy.ops.gid.reroll() == {"FINISHED"}
    assert (settings.seed, settings.loop) == (1, small_loop)
    assert small_loop.gid.scene.gid.seed == 1
    assert "seed 1" in small_loop.gid.answered
    assert not np.array_equal(z_of(small_loop), first)
    assert bpy.ops.gid.reroll(step=-1) == {"FINISHED"}
    assert np.array_equal(z_of(small_loop), first)
    bpy.ops.gid.take_keep()
    assert contents() == before


def test_animating_again_changes_length_and_size_of_the_same_loop(small_loop):
    settings = bpy.context.scene.gid
    before = contents()
    settings.n_frames, settings.start, settings.size = 20, 101, 64
    bpy.ops.gid.animate()
    assert contents() == before
    assert (small_loop.gid.n_frames, small_loop.gid.start) == (20, 101)
    scene = small_loop.gid.scene
    assert (scene.frame_start, scene.frame_end) == (101, 120)


def test_another_photo_is_shown_by_the_same_loop(small_loop, tmp_path, picture):
    image_io.save_png(tmp_path / "other.png", picture(40, 48, seed=2))
    bpy.context.scene.gid.still = images.open_photo(tmp_path / "other.png")
    scenes = len(bpy.data.scenes)
    bpy.ops.gid.animate()
    assert len(bpy.data.scenes) == scenes
    assert small_loop.gid.source.name == "other.png"
    assert read.stored_still(small_loop).shape == (48, 40, 3)
    assert (small_loop.gid.scene.render.resolution_x, small_loop.gid.scene.render.resolution_y) == (40, 48)


def test_a_cut_out_is_not_shown_by_an_opaque_photos_loop_and_a_button_makes_one_of_it(small_loop, tmp_path, picture):
    cut_out = np.concatenate([picture(40, 48, seed=2), np.ones((48, 40, 1), np.float32)], 2)
    cut_out[:9] = 0
    image_io.save_png(tmp_path / "cut_out.png", cut_out)
    bpy.context.scene.gid.still = images.open_photo(tmp_path / "cut_out.png")
    before = contents()
    with pytest.raises(SettingsError, match="transparent parts") as refused:
        predict.Order.read(bpy.context).predict()
    assert contents() == before
    remedy = base.remedy_for(refused.value)
    assert (remedy.operator, remedy.label) == ("gid.new_loop", "New Loop")
    assert bpy.ops.gid.new_loop() == {"FINISHED"}
    assert images.has_alpha(read.stored_still(bpy.context.scene.gid.loop))
    assert not images.has_alpha(read.stored_still(small_loop))


def test_a_reroll_from_the_loops_own_scene_changes_it(small_loop):
    home = bpy.context.scene
    bpy.context.window.scene = small_loop.gid.scene
    first, scenes = z_of(small_loop), len(bpy.data.scenes)
    bpy.ops.gid.reroll(step=3)
    assert small_loop.gid.scene.gid.seed == 3
    assert not np.array_equal(z_of(small_loop), first)
    assert len(bpy.data.scenes) == scenes
    bpy.context.window.scene = home


def test_new_loop_makes_another_and_leaves_the_first(small_loop):
    first = z_of(small_loop)
    bpy.context.scene.gid.seed = 5
    assert bpy.ops.gid.new_loop() == {"FINISHED"}
    second = bpy.context.scene.gid.loop
    assert second.gid.scene != small_loop.gid.scene
    assert np.array_equal(z_of(small_loop), first)


def test_edits_stay_through_a_reroll(small_loop):
    small_loop.gid.edits.amplitude, small_loop.gid.edits.turn = 0.5, 1.0
    bpy.ops.gid.reroll()
    edits = read.stored_edits(small_loop)
    assert (edits.amplitude, edits.turn) == (0.5, 1.0)


@pytest.mark.parametrize(("axis", "across"), [("SIDEWAYS", 1), ("UP_DOWN", 0)])
def test_one_click_leaves_one_axis_and_another_seed_keeps_it(small_loop, axis, across):
    assert bpy.ops.gid.one_axis(axis=axis) == {"FINISHED"}
    for _ in range(2):
        amplitudes = np.abs(read.stored_volume(small_loop).amplitudes)
        assert amplitudes[..., 1 - across].max() > 0.1
        assert amplitudes[..., across].max() < 1e-5 * amplitudes.max()
        assert abs(small_loop.gid.edits.turn) <= math.pi / 2 + 1e-6
        assert rig.get_input(small_loop, "Turn") == small_loop.gid.edits.turn
        assert (rig.get_input(small_loop, "One Axis"), rig.get_input(small_loop, "Axis")) == (1, small_loop.gid.axis)
        axis_before = small_loop.gid.axis
        bpy.ops.gid.reroll()
    assert small_loop.gid.axis != axis_before


def test_a_loop_that_was_deleted_is_made_anew(small_loop):
    bpy.data.objects.remove(small_loop)
    assert bpy.ops.gid.animate() == {"FINISHED"}
    assert sight.in_sight(bpy.context) is not None


def test_a_loop_removed_while_its_motion_is_predicted_is_told(small_loop):
    order = predict.Order.read(bpy.context)
    assert order.key == jobs.key_of(small_loop.gid.scene)
    motion = order.predict()
    bpy.data.objects.remove(small_loop)
    before = contents()
    with pytest.raises(Exception, match="the loop was removed"):
        order.fulfil(motion)
    assert contents() == before


def test_a_reroll_is_one_undo_step(small_loop):
    bpy.ops.ed.undo_push(message="before")
    first = z_of(bpy.context.scene.gid.loop).tobytes()
    bpy.ops.gid.reroll("EXEC_DEFAULT", True)
    other = z_of(bpy.context.scene.gid.loop).tobytes()
    assert other != first
    for _ in range(2):
        bpy.ops.ed.undo()
        assert (z_of(bpy.context.scene.gid.loop).tobytes(), bpy.context.scene.gid.seed) == (first, 0)
        bpy.ops.ed.redo()
        assert (z_of(bpy.context.scene.gid.loop).tobytes(), bpy.context.scene.gid.seed) == (other, 1)


def test_a_transparent_photo_asks_for_a_loop_of_its_own(small_loop, tmp_path, picture):
    glass = np.concatenate([picture(40, 48), np.full((48, 40, 1), 0.5, np.float32)], 2)
    image_io.save_png(tmp_path / "glass.png", glass)
    bpy.context.scene.gid.still = images.open_photo(tmp_path / "glass.png")
    with pytest.raises(RuntimeError, match="make a new loop of it"):
        bpy.ops.gid.animate()
    assert bpy.ops.gid.new_loop() == {"FINISHED"}
