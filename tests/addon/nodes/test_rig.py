"""The nodes move sheet and tents exactly as gid_core says, and a frame and its copy a loop later are the same."""

import math
from dataclasses import replace
from fractions import Fraction

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.loop import images, mesh, read
from gid_dev.blender_addon.nodes import builder, mode, rig, tents
from gid_dev.gid_core.frames.renderer import LoopRenderer
from gid_dev.gid_core.motion import pluck, synth
from gid_dev.gid_core.motion.edits import mode_gains
from gid_dev.gid_core.motion.mask import border_window
from gid_dev.gid_core.motion.plan import plan_loop

FLOAT32 = 3e-7  # of what a volume is made of: two roundings
MOTION_PX = 1e-3  # float32 of positions and of sums over 16 modes
SIZE = 64, 40


def points(plane, frame, attribute="position", width=3):
    """Point attribute of the plane as the viewport evaluates it at a scene frame."""
    scene = plane.gid.scene
    scene.frame_set(math.floor(frame), subframe=frame % 1)
    graph = scene.view_layers[0].depsgraph
    graph.update()
    geometry = plane.evaluated_get(graph).evaluated_geometry()  # the mesh lives as long as this
    data = geometry.mesh.attributes[attribute].data
    values = np.empty(len(data) * width, np.float32)
    data.foreach_get("vector" if width > 1 else "value", values)
    return values.reshape(-1, width)


def sheet_displacement(plane, frame):
    """(h + 1, w + 1, 2) at the corners of the cells, px of the still, row 0 on top, y down."""
    rest = np.empty(len(plane.data.vertices) * 3, np.float32)
    plane.data.vertices.foreach_get("co", rest)
    volume = read.stored_volume(plane)
    moved = (points(plane, frame) - rest.reshape(-1, 3))[:, :2] / rig.PIXEL
    moved = moved.reshape(volume.height + 1, volume.width + 1, 2)[::-1]
    return moved * [1, -1]


def expected_at_corners(volume, scalars, width, height):
    field = synth.displacement(volume, scalars) * [width / volume.width, height / volume.height]
    return mesh._at_corners(field.astype(np.float32))


def plan_of(plane, **options):
    return plan_loop(read.stored_volume(plane), plane.gid.n_frames, Fraction(plane.gid.fps), **options)


@pytest.mark.parametrize("frame", [1, 2, 8, 13.25, 24, 31])
def test_sheet_follows_the_displacement_of_the_volume(make_loop, frame):
    plane = make_loop(*SIZE)
    want = expected_at_corners(read.stored_volume(plane), plan_of(plane).scalars(frame - 1), *SIZE)
    assert np.abs(sheet_displacement(plane, frame) - want).max() < MOTION_PX


def test_sheet_of_a_smaller_volume_moves_in_pixels_of_the_still(make_loop, occluding_volume):
    volume = occluding_volume(20, 16)
    plane = make_loop(*SIZE, volume=volume, anchored=False, amount=0.5, start=1001, n_frames=50)
    want = 0.5 * expected_at_corners(volume, plan_of(plane, anchored=False).scalars(7), *SIZE)
    assert np.abs(want).max() > 0.3
    assert np.abs(sheet_displacement(plane, 1008) - want).max() < MOTION_PX


@pytest.mark.parametrize("grid", [SIZE, (20, 16)])
def test_every_moving_pixel_is_a_tent_at_its_place(make_loop, occluding_volume, jumping_lookup, picture, grid):
    volume = occluding_volume(*grid)
    if grid != SIZE:
        volume = replace(volume, lookup=jumping_lookup(*SIZE))
    plane = make_loop(*SIZE, volume=volume)
    rig.set_inputs(plane, {"Tents": True})
    reference = LoopRenderer(picture(*SIZE), volume, plan_of(plane))
    moving = ~reference.static
    assert 0.1 < moving.mean() < 0.9
    column, row, moved = tents_moved(plane, 8)
    assert sorted(zip(row.tolist(), column.tolist(), strict=True)) == [tuple(p) for p in np.argwhere(moving).tolist()]
    assert np.abs(moved - reference.displacement(7)[row, column]).max() < MOTION_PX


def test_amount_zero_and_the_anchored_first_frame_rest(make_loop):
    plane = make_loop(*SIZE)
    assert np.abs(sheet_displacement(plane, 1)).max() < 1e-5
    rig.set_inputs(plane, {"Amount": 0.0})
    assert (sheet_displacement(plane, 9) == 0).all()


@pytest.mark.parametrize(
    ("start", "n_frames", "fps"), [(1, 24, 24), (1001, 48, Fraction(24000, 1001)), (1001, 599, 60)]
)
def test_frames_a_loop_apart_are_bit_equal(make_loop, start, n_frames, fps):
    plane = make_loop(16, 10, start=start, n_frames=n_frames, fps=Fraction(fps))
    for elapsed in (0, 1, n_frames // 2, n_frames - 1):
        one = points(plane, start + elapsed)
        for loops in (1, 7):
            assert np.array_equal(points(plane, start + elapsed + loops * n_frames), one)


def turned(field, angle):
    """Vectors (x right, y down) turned from x towards y."""
    cos, sin = math.cos(angle), math.sin(angle)
    return field @ np.array([[cos, sin], [-sin, cos]])


@pytest.mark.parametrize("grid", [SIZE, (20, 16)])
def test_turn_turns_every_vector_from_right_towards_down(make_loop, occluding_volume, grid):
    volume = occluding_volume(*grid)
    plane = make_loop(*SIZE, volume=volume)
    rig.set_inputs(plane, {"Turn": 0.7})
    field = turned(synth.displacement(volume, plan_of(plane).scalars(7)), 0.7) * np.divide(SIZE, grid)
    want = mesh._at_corners(field.astype(np.float32))
    assert np.abs(sheet_displacement(plane, 8) - want).max() < MOTION_PX


@pytest.mark.parametrize("grid", [SIZE, (20, 16)])
@pytest.mark.parametrize(("turn", "share"), [(0.0, 1.0), (0.7, 1.0), (-1.1, 0.4)])
def test_one_axis_takes_what_moves_across_it(make_loop, occluding_volume, grid, turn, share):
    volume = occluding_volume(*grid)
    plane = make_loop(*SIZE, volume=volume)
    rig.set_inputs(plane, {"Turn": turn, "One Axis": share, "Axis": 0.3})
    across = np.array([-math.sin(0.3 + turn), math.cos(0.3 + turn)])
    field = turned(synth.displacement(volume, plan_of(plane).scalars(7)), turn)
    field = (field - share * (field @ across)[..., None] * across) * np.divide(SIZE, grid)
    want = mesh._at_corners(field.astype(np.float32))
    assert np.abs(sheet_displacement(plane, 8) - want).max() < MOTION_PX


def test_low_mid_and_high_weigh_the_modes_as_gid_core_does(make_loop):
    plane = make_loop(*SIZE)
    volume = read.stored_volume(plane)
    for gains in ((0.25, 1.0, 2.0), (0.0, 0.0, 1.0), (1.5, 0.5, 0.0)):
        rig.set_inputs(plane, dict(zip(("Low", "Mid", "High"), gains, strict=True)))
        scalars = plan_of(plane).scalars(7) * mode_gains(volume.frequencies, *gains)
        assert np.abs(sheet_displacement(plane, 8) - expected_at_corners(volume, scalars, *SIZE)).max() < MOTION_PX


def test_dials_at_one_change_no_bit(make_loop):
    plane = make_loop(*SIZE)
    before = points(plane, 8)
    rig.set_inputs(plane, {"Low": 0.2, "Turn": 1.0, "One Axis": 0.5, "Border": 0.3, "Phase Offset": 0.4})
    assert not np.array_equal(points(plane, 8), before)
    rig.set_inputs(plane, {"Low": 1.0, "Turn": 0.0, "One Axis": 0.0, "Border": 0.0, "Phase Offset": 0.0})
    assert np.array_equal(points(plane, 8), before)


@pytest.mark.parametrize("anchored", [True, False])
def test_phase_offset_is_that_part_of_the_loop_ahead(make_loop, anchored):
    plane = make_loop(*SIZE, anchored=anchored)
    plan = plan_of(plane, anchored=anchored)
    ahead = np.exp(2j * np.pi * np.array(plan.harmonics) * 0.3)
    rig.set_inputs(plane, {"Phase Offset": 0.3})
    for frame in (1, 8):
        want = expected_at_corners(read.stored_volume(plane), plan.scalars(frame - 1) * ahead, *SIZE)
        assert np.abs(sheet_displacement(plane, frame) - want).max() < MOTION_PX


def tents_moved(plane, frame):
    """(column, row, (dx, dy) in px, y down) of all tents as the render sees them, rows from the top."""
    is_tent = points(plane, frame, tents.WEIGHT, 1)[:, 0] > 0  # not static quad, plate or a cell that rests
    place = points(plane, frame)[is_tent, :2] / rig.PIXEL + np.array(SIZE) / 2
    pixel = np.floor(points(plane, frame, rig.UV, 2)[is_tent] * SIZE).astype(int)
    is_rim = ((pixel == 0) | (pixel == np.array(SIZE) - 1)).any(1)
    # The tents of the border have 25 points each, the middle one at the pixel.
    centres = np.concatenate([place[is_rim][12::25], place[~is_rim].reshape(-1, 4, 2).mean(1)])
    pixel = np.concatenate([pixel[is_rim][12::25], pixel[~is_rim][::4]])
    moved = (centres - (pixel + 0.5)) * [1, -1]
    return pixel[:, 0], SIZE[1] - 1 - pixel[:, 1], moved


def test_mask_and_border_weigh_every_pixel_of_a_render(make_loop, occluding_volume, jumping_lookup, picture):
    volume = replace(occluding_volume(20, 16), lookup=jumping_lookup(*SIZE))
    plane = make_loop(*SIZE, volume=volume)
    mask = np.random.default_rng(0).random((SIZE[1], SIZE[0])).astype(np.float32)
    mask[:, 28:36], mask[:12] = 0.0, 1.0
    image = images.new_image("Mask", mask[..., None])
    reference = LoopRenderer(picture(*SIZE), volume, plan_of(plane)).displacement(7)
    for border in (0.0, 0.2):
        rig.set_inputs(plane, {"Tents": True, "Has Mask": True, "Mask": image, "Border": border})
        column, row, moved = tents_moved(plane, 8)
        weight = (mask * border_window(*SIZE, border))[row, column]
        assert np.abs(moved - reference[row, column] * weight[:, None]).max() < MOTION_PX
        assert (weight == 0).sum() > 100
        assert (moved[weight == 0] == 0).all()


def test_cells_that_rest_have_no_tents(make_loop):
    plane = make_loop(*SIZE)
    mask = np.ones((SIZE[1], SIZE[0], 1), np.float32)
    mask[:, :40] = 0
    rig.set_inputs(plane, {"Tents": True, "Mask": images.new_image("Mask", mask)})
    column, row, _ = tents_moved(plane, 8)
    rig.set_inputs(plane, {"Has Mask": True})
    kept = tents_moved(plane, 8)[0]
    assert column.min() < 32 <= kept.min() < 40  # the third column of cells moves in part, and keeps all its tents
    assert len(kept) == (column >= 32).sum()
    cells = {(x // 16, y // 16) for x, y in zip(column, SIZE[1] - 1 - row, strict=True)}
    assert len(points(plane, 1)) == 4 + 4 * len(cells)  # the still: the static quad and no tent


def test_the_sheet_shows_mask_and_border_live(make_loop):
    plane = make_loop(*SIZE)
    free = sheet_displacement(plane, 8)
    mask = np.ones((SIZE[1], SIZE[0], 1), np.float32)
    mask[:, :32] = 0
    rig.set_inputs(plane, {"Has Mask": True, "Mask": images.new_image("Mask", mask)})
    masked = sheet_displacement(plane, 8)
    assert np.abs(free[:, :32]).max() > 1
    assert (masked[:, :32] == 0).all()
    assert np.abs(masked[:, 33:] - free[:, 33:]).max() < 1e-5
    rig.set_inputs(plane, {"Has Mask": False, "Border": 0.25})
    x, y = np.arange(SIZE[0] + 1), np.arange(SIZE[1] + 1)[:, None]
    t = np.minimum(np.minimum(np.minimum(x, SIZE[0] - x), np.minimum(y, SIZE[1] - y)) / (0.25 * SIZE[0]), 1)
    window = t * t * (3 - 2 * t)
    assert np.abs(sheet_displacement(plane, 8) - free * window[..., None]).max() < MOTION_PX


def test_pluck_is_a_damped_oscillation_in_hertz_added_to_the_loop(make_loop):
    plane = make_loop(*SIZE, amount=0.0)
    volume = read.stored_volume(plane)
    state = np.exp(1j * np.arange(16)) * 0.5
    rig.set_inputs(plane, {f"Pluck Re {k + 1}": state[k].real for k in range(16)})
    rig.set_inputs(plane, {f"Pluck Im {k + 1}": state[k].imag for k in range(16)})
    assert (sheet_displacement(plane, 5) == 0).all()  # no pluck yet
    for damping in (1.0, 0.0, 3.0, 100.0):
        for seconds in (0.0, 0.146, 1.7):
            rig.set_inputs(plane, {"Pluck Time": seconds, "Damping": damping})
            scalars = pluck.step(state, volume.frequencies, pluck.GENTLE.scaled(damping), seconds)
            want = expected_at_corners(volume, scalars, *SIZE)
            assert np.abs(sheet_displacement(plane, 5) - want).max() < MOTION_PX
    rig.set_inputs(plane, {"Pluck Time": -1e6, "Damping": 3.0})
    assert (sheet_displacement(plane, 5) == 0).all()


def test_a_person_can_read_the_node_trees(make_loop):
    scene = make_loop(*SIZE).gid.scene
    compositor = getattr(scene, "compositing_node_group", None) or scene.node_tree
    groups = [group for group in bpy.data.node_groups if group != compositor]
    for tree in (compositor, *groups, *(material.node_tree for material in bpy.data.materials)):
        nodes = [node for node in tree.nodes if node.bl_idname != "NodeFrame"]
        boxes = [(*node.location_absolute, node.width, builder._height(node)) for node in nodes]
        for i, (x, y, width, height) in enumerate(boxes):
            for left, top, wide, high in boxes[:i]:
                assert x >= left + wide or left >= x + width or y <= top - high or top <= y - height, nodes[i]
        assert not any(node.select for node in tree.nodes)
    for tree in (rig.group(16), mode.group()):
        assert all(node.parent for node in tree.nodes if node.bl_idname not in {"NodeFrame", "NodeGroupOutput"})


def test_inputs_of_single_modes_are_folded_away(make_loop):
    make_loop(*SIZE)
    items = list(rig.group(16).interface.items_tree)
    assert all(item.description for item in items if item.item_type == "SOCKET" and item.name != "Geometry")
    panels = {item.name: item for item in items if item.item_type == "PANEL"}
    assert [name for name, panel in panels.items() if panel.parent.index == -1] == [
        "Motion",
        "What Moves",
        "Pluck",
        "Advanced",
    ]
    of_modes = [item for item in items if item.item_type == "SOCKET" and item.name[-1].isdigit()]
    assert len(of_modes) == 16 * len(mode.MODE_INPUTS)
    assert all(item.parent.default_closed and item.parent.parent == panels["Advanced"] for item in of_modes)


def test_volume_still_and_provenance_come_back(make_loop, occluding_volume, picture):
    plane = make_loop(*SIZE)
    stored, given = read.stored_volume(plane), occluding_volume(*SIZE)
    assert np.abs(stored.amplitudes - given.amplitudes).max() <= FLOAT32 * np.abs(given.amplitudes).max()
    assert stored.frequencies.tobytes() == given.frequencies.tobytes()
    assert given.provenance.items() <= stored.provenance.items()
    assert read.stored_still(plane).tobytes() == picture(*SIZE).tobytes()


def test_images_of_the_loop_are_those_of_the_reference(make_loop, occluding_volume, picture):
    plane = make_loop(*SIZE)
    reference = LoopRenderer(picture(*SIZE), occluding_volume(*SIZE), plan_of(plane))
    mask = images.pixels_of(rig.get_input(plane, "Static Mask"))
    assert np.array_equal(mask[..., 0], reference.static)
