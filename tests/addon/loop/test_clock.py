"""The clock counts whole frames, for ever, whatever the start, the length and the rate."""

from fractions import Fraction

import bpy
import pytest
from gid_dev.blender_addon.loop import clock, edit, read
from gid_dev.blender_addon.nodes import clock as rig_clock
from gid_dev.blender_addon.nodes import rig
from gid_dev.gid_core.errors import SettingsError
from gid_dev.gid_core.motion.plan import plan_loop


def curve_of(plane):
    bag = plane.animation_data.action.layers[0].strips[0].channelbag(plane.animation_data.action_slot)
    return bag.fcurves[0]


@pytest.mark.parametrize(("start", "n_frames"), [(1, 24), (1001, 101), (0, 599), (1001, 14400), (86400, 600)])
def test_clock_counts_the_frames_of_the_loop(make_loop, start, n_frames):
    curve = curve_of(make_loop(16, 10, start=start, n_frames=n_frames))
    for elapsed in (0, 1, n_frames // 3, n_frames - 1, n_frames, n_frames + 1, 7 * n_frames + 5, -1, 1 - n_frames):
        off = (curve.evaluate(start + elapsed) - elapsed) % n_frames
        assert min(off, n_frames - off) < rig_clock._SNAP_FRAMES / 2, elapsed


@pytest.mark.parametrize(
    "fps", [Fraction(24), Fraction(25), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(25, 2)]
)
def test_rate_of_the_scene_is_the_fraction(fps):
    scene = bpy.context.scene
    clock.set_rate(scene, fps)
    stored = Fraction(scene.render.fps) / Fraction(scene.render.fps_base).limit_denominator(10000)
    assert stored == fps


def test_film_rate_is_twenty_four_over_a_base_of_1001():
    clock.set_rate(bpy.context.scene, Fraction(24000, 1001))
    assert bpy.context.scene.render.fps == 24
    assert bpy.context.scene.render.fps_base == pytest.approx(1.001, abs=1e-7)


@pytest.mark.parametrize(("start", "n_frames"), [(1001, 48), (1, 2), (0, 600)])
def test_range_of_the_scene_is_one_loop(start, n_frames):
    scene = bpy.context.scene
    for before in ((1, 250), (5000, 6000)):
        scene.frame_start, scene.frame_end = before
        clock.set_range(scene, start, n_frames)
        assert (scene.frame_start, scene.frame_end) == (start, start + n_frames - 1)


@pytest.mark.parametrize("start", [-1, 1_048_570])
def test_range_outside_of_blenders_frames_is_refused(start):
    with pytest.raises(SettingsError, match="start at"):
        clock.set_range(bpy.context.scene, start, 48)


def test_retimed_loop_plays_the_new_plan(make_loop):
    plane = make_loop(16, 10)
    volume = read.stored_volume(plane)
    fps = Fraction(24000, 1001)
    plan = plan_loop(volume, 60, fps)
    edit.retime_loop(plane, plan, fps, 1001)
    scene = plane.gid.scene
    assert (scene.frame_start, scene.frame_end, scene.render.fps) == (1001, 1060, 24)
    assert (plane.gid.n_frames, plane.gid.start, plane.gid.fps) == (60, 1001, "24000/1001")
    assert [rig.get_input(plane, f"Harmonic {k}") for k in range(1, 17)] == list(plan.harmonics)
    assert curve_of(plane).evaluate(1031) == pytest.approx(30, abs=1e-3)
    assert len(curve_of(plane).keyframe_points) == 2


def test_plan_of_another_volume_is_refused_and_changes_nothing(make_loop, occluding_volume):
    plane = make_loop(16, 10)
    plan = plan_loop(occluding_volume(16, 10, n_freqs=4), 60, Fraction(24))
    with pytest.raises(SettingsError, match="plan it anew"):
        edit.retime_loop(plane, plan, Fraction(24))
    assert plane.gid.n_frames == 24
