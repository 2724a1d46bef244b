"""The nodes move sheet and tents exactly as gid_core says, and a frame and its copy a loop later are the same."""

import math
from fractions import Fraction

import numpy as np
import pytest
from gid_dev.blender_addon.loop import images, mesh, read
from gid_dev.blender_addon.nodes import rig
from gid_dev.gid_core.frames.renderer import LoopRenderer
from gid_dev.gid_core.motion import synth
from gid_dev.gid_core.motion.plan import plan_loop

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
    data.foreach_get("vector", values)
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
def test_every_moving_pixel_is_a_tent_at_its_place(make_loop, occluding_volume, picture, grid):
    volume = occluding_volume(*grid)
    plane = make_loop(*SIZE, volume=volume)
    rig.set_inputs(plane, {"Tents": True})
    reference = LoopRenderer(picture(*SIZE), volume, plan_of(plane))
    moving = ~reference.static
    assert 0.1 < moving.mean() < 0.9
    is_tent = points(plane, 8, rig.CORNER, 2)[:, 0] != 0  # the static quad knows no corner
    xyz = points(plane, 8)[is_tent]
    assert len(xyz) == 4 * moving.sum()
    centres = xyz.reshape(-1, 4, 3).mean(1)[:, :2] / rig.PIXEL + np.array(SIZE) / 2
    pixel = np.floor(points(plane, 8, rig.UV, 2)[is_tent][::4] * SIZE).astype(int)
    column, row = pixel[:, 0], SIZE[1] - 1 - pixel[:, 1]
    displacement = reference.displacement(7)[row, column]
    want = np.stack([column + 0.5, SIZE[1] - row - 0.5], 1) + displacement * [1, -1]
    assert sorted(zip(row.tolist(), column.tolist(), strict=True)) == [tuple(p) for p in np.argwhere(moving).tolist()]
    assert np.abs(centres - want).max() < MOTION_PX


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


def test_pluck_is_a_damped_oscillation_added_to_the_loop(make_loop):
    plane = make_loop(*SIZE, amount=0.0)
    volume = read.stored_volume(plane)
    excitation = np.exp(1j * np.arange(16)) * 0.5
    rig.set_inputs(plane, {"Damping": 0.1, **{f"Pluck Re {k + 1}": excitation[k].real for k in range(16)}})
    rig.set_inputs(plane, {f"Pluck Im {k + 1}": excitation[k].imag for k in range(16)})
    assert (sheet_displacement(plane, 5) == 0).all()  # no pluck yet
    for frames_since in (0.0, 3.5, 40.0):
        rig.set_inputs(plane, {"Pluck Time": frames_since})
        omega_t = 2 * np.pi * np.array(plan_of(plane).harmonics) * frames_since / 24
        scalars = excitation * np.exp((-0.1 + 1j * np.sqrt(1 - 0.1**2)) * omega_t)
        want = expected_at_corners(volume, scalars, *SIZE)
        assert np.abs(sheet_displacement(plane, 5) - want).max() < MOTION_PX


def test_volume_still_and_provenance_come_back_bit_for_bit(make_loop, occluding_volume, picture):
    plane = make_loop(*SIZE)
    stored, given = read.stored_volume(plane), occluding_volume(*SIZE)
    assert stored.amplitudes.tobytes() == given.amplitudes.tobytes()
    assert stored.frequencies.tobytes() == given.frequencies.tobytes()
    assert stored.provenance == given.provenance
    assert read.stored_still(plane).tobytes() == picture(*SIZE).tobytes()


def test_images_of_the_loop_are_those_of_the_reference(make_loop, occluding_volume, picture):
    plane = make_loop(*SIZE)
    reference = LoopRenderer(picture(*SIZE), occluding_volume(*SIZE), plan_of(plane))
    mask = images.pixels_of(rig.get_input(plane, "Static Mask"))
    assert np.array_equal(mask[..., 0], reference.static)
