"""Wind over a scene's range: keys that an animator can edit, a loop that closes, and cards out of step."""

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import compat
from gid_dev.blender_addon.loop import clock, read
from gid_dev.blender_addon.nodes import rig
from gid_dev.blender_addon.output.bake import loop_of
from gid_dev.gid_core.errors import SettingsError
from gid_dev.gid_core.motion.wander import gusts, played

AGREES_DB = 100


def test_ambient_wind_fills_the_scenes_range_with_motion_that_does_not_repeat(small_loop):
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 11, 730
    assert bpy.ops.gid.wind(wander=3, gusts=0.5) == {"FINISHED"}
    assert (small_loop.gid.start, small_loop.gid.n_frames) == (11, 720)
    plan, volume = read.stored_plan(small_loop), read.stored_volume(small_loop)
    assert np.allclose(volume.frequencies, played(read.stored_motion(small_loop).frequencies, 1.0, 3))
    assert np.gcd.reduce(plan.harmonics) == 1
    assert rig.get_input(small_loop, "Frequency 7") == pytest.approx(volume.frequencies[6], abs=1e-5)
    keys = [(round(key.co.x) - 11, key.co.y) for key in clock.input_curve(small_loop, "Amount").keyframe_points]
    assert np.allclose(keys, gusts(720, 24, 3, 0.5))


def test_gusts_follow_amplitude_and_length_and_are_taken_back(small_loop):
    edits = small_loop.gid.edits
    edits.gusts = 1.0
    edits.amplitude = 2.0
    bpy.context.scene.gid.n_frames = 96
    keys = [(round(key.co.x) - 1, key.co.y) for key in clock.input_curve(small_loop, "Amount").keyframe_points]
    assert np.allclose(keys, [(frame, 2 * factor) for frame, factor in gusts(96, 24, 0, 1.0)])
    edits.gusts = 0.0
    assert clock.input_curve(small_loop, "Amount") is None
    assert rig.get_input(small_loop, "Amount") == 2.0


def test_an_animators_own_keys_of_amount_stay_without_gusts(small_loop):
    modifier = small_loop.modifiers[rig.MODIFIER]
    path = compat.clock_path(modifier, rig.inputs_of(modifier.node_group)["Amount"])
    compat.ensure_fcurve(small_loop, path).keyframe_points.insert(5, 0.25)
    small_loop.gid.edits.amplitude = 1.5
    assert [key.co.y for key in clock.input_curve(small_loop, "Amount").keyframe_points] == [0.25]


def test_the_core_renders_gusts_as_blender_does(small_loop, rendered, psnr):
    edits = small_loop.gid.edits
    edits.amplitude, edits.gusts = 1.5, 1.0
    bpy.context.scene.gid.n_frames = 240
    renderer = loop_of(small_loop).renderer()
    factors = np.array(renderer.amount)
    assert np.ptp(factors) > 0.2
    lull, gust = 1 + int(factors[1:].argmin()), 1 + int(factors[1:].argmax())
    for frame, picture in zip((lull, gust), rendered(small_loop, [lull + 1, gust + 1]), strict=True):
        assert psnr(renderer.frame(frame), picture[..., :3]) >= AGREES_DB
    assert renderer.scalars(240 + gust) == pytest.approx(renderer.scalars(gust))


def test_keys_that_do_not_come_back_are_not_baked(small_loop):
    clock.key_input(small_loop, "Amount", [(1, 1.0, "LINEAR"), (40, 2.0, "LINEAR")])
    with pytest.raises(SettingsError, match="does not come back"):
        loop_of(small_loop)
    clock.key_input(small_loop, "Amount", [(1, 1.0, "LINEAR"), (7, 2.0, "LINEAR"), (13, 1.0, "LINEAR")])
    assert loop_of(small_loop).amount[6] == 2.0
    small_loop.gid.edits.amplitude = 0.0
    with pytest.raises(SettingsError, match="amplitude is 0"):
        loop_of(small_loop)


def test_a_row_of_cards_is_out_of_step(small_loop):
    home = bpy.context.scene
    assert bpy.ops.gid.add_cards(count=3, gap=0.0, height=2.0) == {"FINISHED"}
    cards = [obj for obj in home.objects if obj.gid.shows == small_loop]
    assert len(cards) == 3
    places = np.array([card.location for card in cards])
    assert np.allclose(np.linalg.norm(np.diff(places, axis=0), axis=1), 2.0 * 48 / 32, atol=1e-5)
    begins = [card.animation_data.nla_tracks[0].strips[0].frame_start for card in cards]
    assert np.allclose(np.diff(begins), 4)  # a third of twelve frames
