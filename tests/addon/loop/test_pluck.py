"""Plucks are keys on the rig: what they show is what gid_core says, on every frame and in every round of the loop."""

import math
from fractions import Fraction

import numpy as np
import pytest
from gid_dev.blender_addon import compat
from gid_dev.blender_addon.loop import pluck, read
from gid_dev.blender_addon.nodes import rig
from gid_dev.gid_core.errors import SettingsError
from gid_dev.gid_core.frames.renderer import LoopRenderer
from gid_dev.gid_core.motion import pluck as modal
from gid_dev.gid_core.motion.plan import plan_loop

FPS = Fraction(24)
STATE = 1e-5  # of a state of 1: the float32 of keys, and of a time of seconds


def states_of(plucks, frequencies, n_frames, fps=FPS):
    """What the loop shows right after each pluck, all older ones and rounds included."""
    return modal.superposed(plucks, frequencies, modal.GENTLE, period_s=float(n_frames / fps))


def keyed(plane):
    """{input: its F-curve} of all that the action drives."""
    modifier = plane.modifiers[rig.MODIFIER]
    names = {compat.clock_path(modifier, one): name for name, one in rig.inputs_of(modifier.node_group).items()}
    bag = plane.animation_data.action.layers[0].strips[0].channelbag(plane.animation_data.action_slot)
    return {names[curve.data_path]: curve for curve in bag.fcurves}


def ringing(curves, frequencies, frame):
    """The pluck's part of the modes' coefficients, as the rig makes it of its curves."""
    parts = [[curves[f"Pluck {part} {k}"].evaluate(frame) for k in range(1, 17)] for part in ("Re", "Im")]
    seconds = curves["Pluck Time"].evaluate(frame)
    assert seconds >= 0
    return modal.step(parts[0] + 1j * np.array(parts[1]), frequencies, modal.GENTLE, seconds)


def two_plucks(volume, times):
    return tuple(
        modal.pluck(volume, volume.width // 2 + i, volume.height // 2, (9.0 - 14 * i, 1.0 + i), time_s=time)
        for i, time in enumerate(times)
    )


@pytest.mark.parametrize(
    "times",
    [(0.25, 0.8), (0.0, 0.5), (0.13, 0.131), (0.99, 0.31), (0.0,), (0.5, 0.5), (0.1, 0.2, 0.3, 0.97)],
    ids=str,
)
@pytest.mark.parametrize(("start", "n_frames", "fps"), [(1, 24, FPS), (1001, 31, Fraction(30000, 1001))])
def test_keys_carry_every_pluck_and_every_round(make_loop, times, start, n_frames, fps):
    plane = make_loop(16, 10, start=start, n_frames=n_frames, fps=fps)
    volume = read.stored_volume(plane)
    plucks = two_plucks(volume, times)
    pluck.key_plucks(plane, states_of(plucks, volume.frequencies, n_frames, fps), start, n_frames, fps)
    curves = keyed(plane)
    period_s = float(n_frames / fps)
    for elapsed in range(n_frames):
        time_s = float(elapsed / fps)
        want = modal.response(plucks, volume.frequencies, modal.GENTLE, time_s, period_s=period_s)
        scale = max(np.abs(one.state).max() for one in plucks)
        assert np.abs(ringing(curves, volume.frequencies, start + elapsed) - want).max() < STATE * 10 * scale, elapsed
        for rounds in (1, 7, -1):
            for curve in (curve for name, curve in curves.items() if name != "Clock"):
                assert curve.evaluate(start + elapsed + rounds * n_frames) == curve.evaluate(start + elapsed)


def test_an_animator_finds_plain_curves_in_one_group(make_loop):
    plane = make_loop(16, 10)
    volume = read.stored_volume(plane)
    pluck.key_plucks(plane, states_of(two_plucks(volume, (0.25, 0.8)), volume.frequencies, 24), 1, 24, FPS)
    curves = keyed(plane)
    assert set(curves) == {"Clock", "Pluck Time", *(f"Pluck {part} {k}" for part in ("Re", "Im") for k in range(1, 17))}
    for name, curve in curves.items():
        assert [modifier.type for modifier in curve.modifiers] == ["CYCLES"]
        kinds = {key.interpolation for key in curve.keyframe_points}
        if name.startswith("Pluck"):
            assert curve.group.name == "Pluck"
            assert kinds == ({"LINEAR", "CONSTANT"} if name == "Pluck Time" else {"CONSTANT"})
            assert {7.0, 21.0} <= {key.co[0] for key in curve.keyframe_points}  # whole frames


def test_new_plucks_take_the_place_of_old_ones_and_none_leaves_nothing(make_loop):
    plane = make_loop(16, 10)
    frequencies = read.stored_volume(plane).frequencies
    before = points(plane, 5)
    volume = read.stored_volume(plane)
    for times in ((0.25, 0.8), (0.4,), (0.1, 0.2, 0.9)):
        pluck.key_plucks(plane, states_of(two_plucks(volume, times), frequencies, 24), 1, 24, FPS)
        assert len(keyed(plane)["Pluck Re 3"].keyframe_points) == len(times) + 2
        assert not np.array_equal(points(plane, 5), before)
    pluck.key_plucks(plane, [], 1, 24, FPS)
    assert set(keyed(plane)) == {"Clock"}
    assert rig.get_input(plane, "Pluck Time") < 0
    assert np.array_equal(points(plane, 5), before)


def test_a_pluck_of_another_volume_is_refused_and_changes_nothing(make_loop):
    plane = make_loop(16, 10)
    with pytest.raises(SettingsError, match="pluck the loop's own volume"):
        pluck.key_plucks(plane, [(0.2, np.ones(4, complex))], 1, 24, FPS)
    assert set(keyed(plane)) == {"Clock"}


def points(plane, frame):
    """Positions that the viewport shows."""
    plane.gid.scene.frame_set(math.floor(frame))
    graph = plane.gid.scene.view_layers[0].depsgraph
    graph.update()
    geometry = plane.evaluated_get(graph).evaluated_geometry()  # the mesh lives as long as this
    values = np.empty(len(geometry.mesh.vertices) * 3, np.float32)
    geometry.mesh.attributes["position"].data.foreach_get("vector", values)
    return values


def test_a_render_with_two_plucks_running_agrees_and_closes(make_loop, occluding_volume, picture, rendered, psnr):
    width, height = 256, 160
    volume = occluding_volume(width, height, reach_px=40)
    plane = make_loop(width, height, volume=volume)
    plucks = two_plucks(volume, (0.25, 0.55))  # the second rings into the first frame of the next round
    pluck.key_plucks(plane, states_of(plucks, volume.frequencies, 24), 1, 24, FPS)
    reference = LoopRenderer(picture(width, height), volume, plan_loop(volume, 24, FPS), plucks=plucks, fps=FPS)
    frames = (1, 7, 16, 25, 40)
    got = dict(zip(frames, rendered(plane, frames), strict=True))
    for frame in frames:
        assert np.abs(reference.displacement((frame - 1) % 24) - calm(reference, volume, frame)).max() > 1
        assert psnr(got[frame][..., :3], reference.frame((frame - 1) % 24)) >= 100
    for one, later in ((1, 25), (16, 40)):
        assert np.array_equal(got[one], got[later])


def calm(reference, volume, frame):
    """The displacement without plucks."""
    plan = plan_loop(volume, 24, FPS)
    return LoopRenderer(reference.still, volume, plan, plate=False).displacement((frame - 1) % 24)
