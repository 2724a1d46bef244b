"""Plucks by hand: the pressed pixel follows, what is not recorded leaves nothing, what is renders as gid_core says."""

import math
import types
from fractions import Fraction

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import compat
from gid_dev.blender_addon.loop import images, read
from gid_dev.blender_addon.nodes import rig, sharp
from gid_dev.blender_addon.tools import place, ringing
from gid_dev.blender_addon.tools.pluck import Grip
from gid_dev.gid_core.frames.renderer import LoopRenderer
from gid_dev.gid_core.motion.edits import Edits, Pull, cell, plucked
from gid_dev.gid_core.motion.pluck import GENTLE, elastic, step
from gid_dev.gid_core.motion.volume import SpectralVolume
from mathutils import Matrix, Vector

FOLLOWS = 0.05
AGREES_DB = 100
FPS = Fraction(24)
LIVELY = 0.3  # of the strongest place's motion along the pull: gid_core's floor holds what is stiller back
EDITS = Edits(amplitude=0.8, turn=0.3, one_axis=0.5, low=1.2, high=0.5)


@pytest.fixture
def loop(make_loop, drawn_motion, picture):
    """A loop of a drawn motion with edits, in sight."""
    still = picture(64, 40)
    plane = make_loop(still=still, motion=drawn_motion(still), edits=EDITS)
    bpy.context.window.scene = plane.gid.scene
    return plane


def smooth_volume(width, height):
    """A sway so smooth that the sheet's cells and the volume's agree."""
    y, x = np.mgrid[:height, :width] + 0.5
    lively = (np.sin(np.pi * x / width) * np.sin(np.pi * y / height))[None, ..., None]
    turn = np.exp(2j * np.pi * np.random.default_rng(3).random((16, 1, 1, 2)))
    return SpectralVolume(3.0 / np.arange(1, 17)[:, None, None, None] * lively * turn * [1, 0.5], np.arange(1, 17) / 5)


def inputs(plane):
    names = [name for name in rig.inputs_of(plane.modifiers[rig.MODIFIER].node_group) if name != "Geometry"]
    values = {name: rig.get_input(plane, name) for name in names}
    return {name: value.name if isinstance(value, bpy.types.ID) else value for name, value in values.items()}


def curves(plane):
    return [
        (curve.data_path, curve.mute, [(*key.co, key.interpolation) for key in curve.keyframe_points])
        for curve in compat.own_curves(plane)
    ]


def points(plane, frame=None):
    """Places of the sheet's points as the viewport shows them, (N, 2) in Blender units."""
    scene = plane.gid.scene
    if frame is not None:
        scene.frame_set(frame)
    graph = scene.view_layers[0].depsgraph
    graph.update()
    mesh = plane.evaluated_get(graph).data
    values = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", values)
    return values.reshape(-1, 3)[:, :2].astype(np.float64)


def whole(plane):
    return (
        inputs(plane),
        curves(plane),
        [tuple(one.values()) for one in plane.gid.edits.plucks],
        points(plane).tobytes(),
    )


def pull(plane, point=(0.5, 0.5), way=(0.05, 0.02)):
    """Hold the loop as the hand does: (grip, felt, state)."""
    grip = Grip(plane, point)
    felt = grip.felt(way)
    state = grip.state(felt)
    ringing.hold(plane, plane.gid.scene, grip.volume, state)
    return grip, felt, state


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is told: clock.now in seconds."""
    clock = types.SimpleNamespace(now=100.0)
    monkeypatch.setattr(ringing.time, "monotonic", lambda: clock.now)
    return clock


def test_the_pressed_pixel_follows_the_elastic_pull(loop):
    volume = read.stored_volume(loop)
    long_side = max(volume.width, volume.height)
    tried = 0
    for way_px in [(1.0, 0.3), (-0.5, 1.0), (3.0, -3.0), (0.0, 9.0)]:
        along = np.array(way_px) / math.hypot(*way_px)
        felt_px = elastic(math.hypot(*way_px))
        energy = (np.abs(volume.amplitudes @ along) ** 2).sum(0)
        strongest = (np.abs(volume.amplitudes) ** 2).sum((0, 3)).max()
        for row, column in np.ndindex(volume.height, volume.width):
            point = (column + 0.5) / volume.width, (row + 0.5) / volume.height
            row, column = cell(volume, *point)  # that the pixel reads, by the lookup
            if (row + column) % 3 or energy[row, column] <= LIVELY**2 * strongest:
                continue
            grip = Grip(loop, point)
            state = grip.state(grip.felt(np.array(way_px) / long_side))
            moved = (volume.amplitudes[:, row, column] * state[:, None]).sum(0).real @ along
            assert moved == pytest.approx(felt_px, rel=FOLLOWS)
            assert grip.answer(state, grip.felt(np.array(way_px) / long_side)) == pytest.approx(1, rel=FOLLOWS)
            tried += 1
    assert tried > 20


def test_a_grip_gives_the_states_of_the_core(loop):
    volume = read.stored_volume(loop)
    for point, offset in [((0.7, 0.3), (0.05, 0.0)), ((1.0, 0.0), (0.02, -0.3)), ((0.31, 0.99), (-0.1, 0.1))]:
        (want,) = plucked(volume, [Pull(*point, *offset)])
        assert np.abs(Grip(loop, point).state(offset) - want.state).max() < 1e-12 * np.abs(want.state).max()


def test_what_stands_still_hardly_answers(loop):
    grip = Grip(loop, (0.05, 0.5))  # the drawing's left quarter stands still
    assert grip.answer(grip.state((0.05, 0.0)), (0.05, 0.0)) < 0.1


def test_the_sheet_carries_the_pressed_pixel_where_the_hand_pulls(make_loop):
    plane = make_loop(64, 40, volume=smooth_volume(64, 40))
    calm = points(plane, 1)
    middle = int((calm**2).sum(1).argmin())
    _, felt, _ = pull(plane, way=(0.03, 0.01))
    moved = (points(plane)[middle] - calm[middle]) / (64 * rig.PIXEL)
    along = np.array(felt) / math.hypot(*felt)
    assert moved @ (along * [1, -1]) == pytest.approx(math.hypot(*felt), rel=FOLLOWS)


@pytest.mark.parametrize("recorded", [0, 2])
def test_a_cancelled_pull_leaves_the_loop_as_it_was(loop, recorded):
    for frame in range(recorded):
        bpy.ops.gid.pluck(point=(0.6, 0.4), offset=(0.02, 0.05), frame=3 + 4 * frame)
    loop.gid.scene.frame_set(9)
    before = whole(loop)
    for way in ((0.02, 0.0), (0.05, 0.03)):
        pull(loop, way=way)
        assert points(loop).tobytes() != before[-1]
    ringing.drop(loop)
    assert whole(loop) == before
    assert not ringing.is_live(loop)
    assert loop.gid.before_pluck == ""


def test_a_pull_adds_to_the_plucks_that_are_keyed(loop):
    bpy.ops.gid.pluck(point=(0.6, 0.4), offset=(0.02, 0.05), frame=3)
    calm = points(loop, 9)
    _, _, state = pull(loop)
    shown = points(loop) - calm
    ringing.settle(loop)
    bpy.ops.gid.clear_plucks()
    calm = points(loop, 9)
    pull(loop)
    assert np.abs(points(loop) - calm - shown).max() < 1e-5
    assert np.abs(shown).max() > 0.01
    assert np.abs(state).max() > 0


def test_what_is_let_go_rings_down_in_real_time_and_leaves_nothing(loop, clock):
    before = whole(loop)
    _, _, state = pull(loop)
    for _ in range(2):  # while it is held time goes on, and the pull stays
        clock.now += 3
        ringing._go_on()
    held = complex(rig.get_input(loop, "Pluck Re 3"), rig.get_input(loop, "Pluck Im 3"))
    assert held == pytest.approx(EDITS.amplitude * state[2], rel=1e-5)
    ringing.let_go(loop)
    for seconds in (0.04, 0.5):
        clock.now += seconds
        ringing._go_on()
    frequencies = read.stored_volume(loop).frequencies
    want = EDITS.amplitude * step(state, frequencies, GENTLE, 0.54)
    got = [complex(rig.get_input(loop, f"Pluck Re {k}"), rig.get_input(loop, f"Pluck Im {k}")) for k in range(1, 17)]
    assert np.abs(got - want).max() < 1e-5 * np.abs(want).max()
    clock.now += 120
    ringing._go_on()
    assert not ringing.is_live(loop)
    assert whole(loop) == before


def test_plucks_that_ring_superpose(loop, clock):
    _, _, first = pull(loop, way=(0.05, 0.0))
    ringing.let_go(loop)
    clock.now += 0.4
    _, _, second = pull(loop, point=(0.7, 0.3), way=(0.0, -0.04))
    ringing.let_go(loop)
    frequencies = read.stored_volume(loop).frequencies
    want = EDITS.amplitude * (step(first, frequencies, GENTLE, 0.4) + second)
    assert rig.get_input(loop, "Pluck Re 2") == pytest.approx(want[1].real, rel=1e-4)
    ringing.settle_all()


def test_a_scene_that_plays_shows_the_ringing_with_each_frame(loop, clock):
    pull(loop)
    ringing.let_go(loop)
    before = rig.get_input(loop, "Pluck Re 2")
    clock.now += 0.2
    loop.gid.scene.frame_set(5)
    assert rig.get_input(loop, "Pluck Re 2") != before
    ringing.settle(loop)
    listening = [f for f in bpy.app.handlers.frame_change_pre if f.__module__ == ringing.__name__]
    assert listening == []


def test_a_saved_file_holds_no_half_swing(loop, tmp_path):
    name = loop.name
    before = inputs(loop)
    pull(loop)
    ringing.let_go(loop)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "ringing.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "ringing.blend"))
    assert inputs(bpy.data.objects[name]) == before
    assert bpy.data.objects[name].gid.before_pluck == ""


def test_undo_from_the_midst_of_a_swing_gives_a_loop_at_rest(loop):
    name = loop.name
    before = whole(loop)
    bpy.ops.ed.undo_push(message="calm")
    pull(loop)
    ringing.let_go(loop)
    bpy.ops.ed.undo_push(message="something else while it rings")
    loop.gid.scene.frame_set(4)
    bpy.ops.ed.undo_push(message="one more")
    bpy.ops.ed.undo()  # to the step that was taken while it rang
    plane = bpy.data.objects[name]
    assert not ringing.is_live(plane)
    assert plane.gid.before_pluck == ""
    assert inputs(plane) == before[0]
    assert curves(plane) == before[1]


def test_each_pluck_is_one_undo_step_and_redo_gives_it_back(loop):
    name = loop.name
    bpy.ops.ed.undo_push(message="none")
    states = [whole(loop)]
    for k in range(3):
        assert bpy.ops.gid.pluck(point=(0.4 + 0.1 * k, 0.4), offset=(0.05, -0.02), frame=1 + 7 * k) == {"FINISHED"}
        bpy.ops.ed.undo_push(message="Pluck")
        states.append(whole(bpy.data.objects[name]))
    assert len({repr(state) for state in states}) == 4
    for state in states[-2::-1]:
        bpy.ops.ed.undo()
        assert whole(bpy.data.objects[name]) == state
    for state in states[1:]:
        bpy.ops.ed.redo()
        assert whole(bpy.data.objects[name]) == state


@pytest.mark.parametrize("frame", [1, 8, 13, 24, 40])
def test_a_recorded_pluck_is_seen_on_its_own_frame(loop, frame):
    bpy.ops.gid.pluck(point=(0.6, 0.4), offset=(0.05, 0.0), frame=frame)
    loop.gid.scene.frame_set(frame)
    bpy.context.view_layer.update()
    assert rig.get_input(loop, "Pluck Time") == pytest.approx(0, abs=1e-4)
    assert loop.gid.edits.plucks[0].time_s == pytest.approx((frame - 1) % 24 / 24)


def test_recorded_keys_render_the_frames_of_the_core(loop, rendered, psnr):
    bpy.ops.gid.pluck(point=(0.6, 0.4), offset=(0.04, 0.015), frame=5)
    bpy.ops.gid.pluck(point=(0.4, 0.7), offset=(0.0, -0.05), frame=14)
    volume = read.stored_volume(loop)
    states = plucked(volume, read.stored_edits(loop).plucks)
    front, plate = images.pixels_of(loop.gid.front)[..., 0], images.pixels_of(loop.gid.plate)[..., :3]
    what = read.stored_still(loop), volume, read.stored_plan(loop)
    kin = sharp.kin_of_pixels(images.pixels_of(rig.get_input(loop, "Kin")))
    core = LoopRenderer(*what, front=front, plate=plate, kin=kin, plucks=states, fps=FPS)
    calm = LoopRenderer(*what, front=front, plate=plate, kin=kin)
    frames = (5, 14, 20, 26)
    for frame, got in zip(frames, rendered(loop, frames), strict=True):
        assert psnr(got[..., :3], core.frame((frame - 1) % 24)) >= AGREES_DB
        assert psnr(got[..., :3], calm.frame((frame - 1) % 24)) < 60


def test_clear_plucks_leaves_the_loop_as_before_the_first(loop):
    before = whole(loop)
    bpy.ops.gid.pluck(offset=(0.05, 0.0), frame=4)
    assert whole(loop) != before
    assert bpy.ops.gid.clear_plucks() == {"FINISHED"}
    assert whole(loop) == before


@pytest.mark.parametrize("asked", [{"offset": (0.0, 0.0)}, {"offset": (math.nan, 0.1)}])
def test_a_pull_that_is_none_is_refused_and_changes_nothing(loop, asked):
    before = whole(loop)
    with pytest.raises(RuntimeError, match=r"no length|finite"):
        bpy.ops.gid.pluck(**asked)
    assert whole(loop) == before


def test_a_linked_loop_and_none_are_told_in_a_sentence(loop, tmp_path):
    scene, plane = loop.gid.scene.name, loop.name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "loop.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with pytest.raises(RuntimeError, match="Select a loop"):
        bpy.ops.gid.pluck(offset=(0.1, 0.0))
    with bpy.data.libraries.load(str(tmp_path / "loop.blend"), link=True) as (_, wanted):
        wanted.scenes = [scene]
    linked = bpy.data.objects[plane]
    with bpy.context.temp_override(scene=linked.gid.scene, object=linked):
        for call in (lambda: bpy.ops.gid.pluck(offset=(0.1, 0.0)), bpy.ops.gid.clear_plucks):
            with pytest.raises(RuntimeError, match="is linked: change it in its own file"):
                call()


def seen_from(eye, target, *, is_perspective, size=(400, 300)):
    """A region and a view as a viewport has them, looking from `eye` to `target`."""
    view = Vector(target) - Vector(eye)
    camera = Matrix.Translation(eye) @ view.to_track_quat("-Z", "Y").to_matrix().to_4x4()
    aspect, near, far = size[0] / size[1], 0.1, 100.0
    window = Matrix.Diagonal((1 / aspect, 1, -2 / (far - near), 1))
    window[2][3] = -(far + near) / (far - near)
    if is_perspective:
        window = Matrix.Diagonal((2 / aspect, 2, -(far + near) / (far - near), 0))
        window[2][3], window[3][2] = -2 * far * near / (far - near), -1
    matrix = camera.inverted()
    shown = types.SimpleNamespace(
        view_matrix=matrix, perspective_matrix=window @ matrix, window_matrix=window, is_perspective=is_perspective,
        view_perspective="PERSP" if is_perspective else "ORTHO",
    )  # fmt: skip
    return types.SimpleNamespace(width=size[0], height=size[1]), shown


def on_screen(region, view, point):
    """Where a view shows a place of the world, px."""
    seen = view.perspective_matrix @ Vector((*point, 1.0))
    return (seen.x / seen.w / 2 + 0.5) * region.width, (seen.y / seen.w / 2 + 0.5) * region.height


@pytest.mark.parametrize("is_perspective", [True, False])
@pytest.mark.parametrize("turned", [False, True], ids=["flat", "turned"])
def test_any_view_finds_the_pixel_of_the_still_under_the_mouse(loop, is_perspective, turned):
    if turned:
        tilt = Matrix.Rotation(0.7, 3, "X").to_quaternion()
        loop.matrix_world = Matrix.LocRotScale(Vector((1, 2, 0.5)), tilt, Vector((2, 2, 2)))
    moved, rest = points(loop, 9), np.array([vertex.co[:2] for vertex in loop.data.vertices])
    region, view = seen_from((1.0, -1.5, 6.0), (0.6, 1.0, 0.0), is_perspective=is_perspective)
    graph = loop.gid.scene.view_layers[0].depsgraph
    for index in range(40, len(rest), 53):
        mouse = on_screen(region, view, loop.matrix_world @ Vector((*moved[index], 0.0)))
        hit = place.on_plane(loop, region, view, mouse)
        assert np.abs(hit - moved[index]).max() < 1e-4
        x, y = place.on_picture(loop, place.still_place(loop, graph, hit))
        want = rest[index] / (np.array([64, 40]) * rig.PIXEL)
        assert (x, y) == pytest.approx((want[0] + 0.5, 0.5 - want[1]), abs=1e-3)
    begin, end = np.zeros(2), np.array([0.1, 0.05])
    assert place.pull_of(loop, begin, end) == pytest.approx((0.1 / (64 * rig.PIXEL), -0.05 / (64 * rig.PIXEL)))


def test_a_plane_seen_from_its_edge_is_not_hit(loop):
    region, view = seen_from((5.0, 0.0, 0.0), (0.0, 0.0, 0.0), is_perspective=False)
    assert place.on_plane(loop, region, view, (200, 150)) is None


def test_the_tool_is_in_the_toolbar():
    from bl_ui.space_toolsystem_common import ToolSelectPanelHelper as toolbars

    tools = toolbars._tools_flatten(toolbars._tool_class_from_space_type("VIEW_3D")._tools["OBJECT"])
    assert [tool.label for tool in tools if tool is not None and tool.idname == "gid.pluck"] == ["Pluck"]
