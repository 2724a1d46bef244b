"""Wind over a scene's range: keys that an animator can edit, a loop that closes, and cards out of step."""

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import compat
from gid_dev.blender_addon.loop import read
from gid_dev.blender_addon.nodes import rig
from gid_dev.gid_core.motion.wander import gusts, played


def amount_curve(plane):
    modifier = plane.modifiers[rig.MODIFIER]
    path = compat.clock_path(modifier, rig.inputs_of(modifier.node_group)["Amount"])
    return next((curve for curve in compat.own_curves(plane) if curve.data_path == path), None)


def test_ambient_wind_fills_the_scenes_range_with_motion_that_does_not_repeat(small_loop):
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 11, 730
    assert bpy.ops.gid.wind(wander=3, gusts=0.5) == {"FINISHED"}
    assert (small_loop.gid.start, small_loop.gid.n_frames) == (11, 720)
    plan, volume = read.stored_plan(small_loop), read.stored_volume(small_loop)
    assert np.allclose(volume.frequencies, played(read.stored_motion(small_loop).frequencies, 1.0, 3))
    assert np.gcd.reduce(plan.harmonics) == 1
    assert rig.get_input(small_loop, "Frequency 7") == pytest.approx(volume.frequencies[6], abs=1e-5)
    keys = [(round(key.co.x) - 11, key.co.y) for key in amount_curve(small_loop).keyframe_points]
    assert np.allclose(keys, gusts(720, 24, 3, 0.5))


def test_gusts_follow_amplitude_and_length_and_are_taken_back(small_loop):
    edits = small_loop.gid.edits
    edits.gusts = 1.0
    edits.amplitude = 2.0
    bpy.context.scene.gid.n_frames = 96
    keys = [(round(key.co.x) - 1, key.co.y) for key in amount_curve(small_loop).keyframe_points]
    assert np.allclose(keys, [(frame, 2 * factor) for frame, factor in gusts(96, 24, 0, 1.0)])
    edits.gusts = 0.0
    assert amount_curve(small_loop) is None
    assert rig.get_input(small_loop, "Amount") == 2.0


def test_an_animators_own_keys_of_amount_stay_without_gusts(small_loop):
    modifier = small_loop.modifiers[rig.MODIFIER]
    path = compat.clock_path(modifier, rig.inputs_of(modifier.node_group)["Amount"])
    compat.ensure_fcurve(small_loop, path).keyframe_points.insert(5, 0.25)
    small_loop.gid.edits.amplitude = 1.5
    assert [key.co.y for key in amount_curve(small_loop).keyframe_points] == [0.25]


def test_a_row_of_cards_is_out_of_step(small_loop):
    home = bpy.context.scene
    assert bpy.ops.gid.add_cards(count=3, gap=0.0, height=2.0) == {"FINISHED"}
    cards = [obj for obj in home.objects if obj.gid.shows == small_loop]
    assert len(cards) == 3
    places = np.array([card.location for card in cards])
    assert np.allclose(np.linalg.norm(np.diff(places, axis=0), axis=1), 2.0 * 48 / 32, atol=1e-5)
    begins = [card.animation_data.nla_tracks[0].strips[0].frame_start for card in cards]
    assert np.allclose(np.diff(begins), 4)  # a third of twelve frames
