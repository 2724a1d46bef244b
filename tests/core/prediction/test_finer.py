"""Finer cells: each takes the motion of its own object, and what the flow's cells are too large for moves by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gid_core.model.contract import AROUND, PLACES
from gid_core.prediction.finer import finer_of, placed
from gid_core.prediction.objects import Groups

K = 3


def halves(column, h=8, w=12):
    """Objects of finer cells: 1 from a column on."""
    return (np.arange(w) >= column)[None].repeat(h, 0).astype(int)


def made(objects, moves=None, first=None, parts=None, shape=None, extent=None):
    h, w = objects.shape
    shape = shape or (h // 2, w // 2)
    first = np.arange(objects.max() + 1) if first is None else first
    moves = np.ones(objects.shape) if moves is None else moves
    groups = Groups(objects, objects if parts is None else parts)
    return finer_of(groups, first, (h, w), moves, shape, extent or shape)


def nobody(groups, px):
    raise AssertionError("each object has cells of the flow")


def test_a_cell_of_the_flow_is_of_the_object_that_moves_most_in_it():
    objects, moves = halves(5), np.ones((8, 12))
    moves[:, 4] = 3  # 2 x 2 cells: two of each object in the third column
    assert (made(objects, moves)[0].whose == halves(3, 4, 6)).all()
    moves[:, 4] = 0.1
    assert (made(objects, moves)[0].whose == halves(2, 4, 6)).all()


@pytest.mark.parametrize("column", [3, 4, 5])
def test_motion_ends_where_its_object_does_to_a_finer_cell(column):
    finer, groups = made(halves(column))
    z = np.where(groups.objects == 0, 1, -1)[None, ..., None] * np.ones((K, 1, 1, 2), np.complex64)
    found = finer.carried(z.astype(np.complex64), nobody)
    np.testing.assert_allclose(found, np.where(halves(column) == 0, 1, -1)[None, ..., None] * np.ones((K, 8, 12, 2)))


def test_objects_without_an_edge_between_them_pass_into_one_another():
    finer, groups = made(halves(4), first=np.array([0, 0]))
    z = np.where(groups.objects == 0, 1, 1j)[None, ..., None] * np.ones((K, 1, 1, 2), np.complex64)
    found = finer.carried(z.astype(np.complex64), nobody)
    np.testing.assert_allclose(np.abs(found), 1, rtol=1e-5)  # as far as its cells move
    angle = np.angle(found[0, 0, :, 0])
    assert (np.diff(angle) >= -1e-6).all()
    assert len(np.unique(angle.round(3))) > 2


def test_a_thing_smaller_than_a_cell_of_the_flow_moves_by_itself():
    objects, moves = np.zeros((8, 12), int), np.ones((8, 12))
    objects[2:6, 5] = 1
    moves[objects == 1] = 0.1
    finer, groups = made(objects, moves)
    assert groups.objects.max() == 0
    asked = []

    def drawn(told, px):
        asked.append((told, px))
        return np.full((K, 8, 12, 2), 5j, np.complex64)

    found = finer.carried(np.ones((K, 4, 6, 2), np.complex64), drawn)
    assert asked == [(finer.groups, 4.0)]
    np.testing.assert_allclose(found, np.where(objects == 1, 5j, 1)[None, ..., None] * np.ones((K, 1, 1, 2)))


def test_what_lies_far_from_the_cells_of_its_object_moves_as_it_does_on_the_whole():
    objects, moves = np.zeros((8, 24), int), np.ones((8, 24))
    objects[:, 18:], objects[3, :18] = 1, 1  # a head, and a stem that no cell of the flow knows
    moves[3, :18] = 0.1
    finer, groups = made(objects, moves)
    z = np.where(groups.objects == 1, 2j, 1)[None, ..., None] * np.ones((K, 1, 1, 2), np.complex64)
    found = finer.carried(z.astype(np.complex64), nobody)
    np.testing.assert_allclose(found[:, objects == 1], 2j, rtol=1e-5)


def test_a_part_stays_inside_its_object():
    objects = halves(6)
    parts = np.arange(96).reshape(8, 12) // 24 * 2 + objects
    _, groups = made(objects, parts=parts)
    for part in np.unique(groups.parts):
        assert len(np.unique(groups.objects[groups.parts == part])) == 1
    assert len(np.unique(groups.parts)) == 8


@settings(deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(8, 12), (7, 11), (9, 10)]), st.floats(0.6, 1.0))
def test_any_objects_are_numbered_from_0_and_one_motion_stays_one(seed, shape, part):
    rng = np.random.default_rng(seed)
    objects = rng.integers(0, 4, shape)
    objects = np.unique(objects, return_inverse=True)[1].reshape(shape)
    flow = (4, 6)
    extent = (part * flow[0], part * flow[1])
    finer, groups = made(objects, rng.random(shape), shape=flow, extent=extent)
    for labels in (groups.objects, groups.parts):
        assert labels.shape == flow
        np.testing.assert_array_equal(np.unique(labels), np.arange(labels.max() + 1))
    found = finer.carried(np.ones((K, *flow, 2), np.complex64), lambda *_: np.ones((K, *shape, 2), np.complex64))
    np.testing.assert_allclose(found, 1, rtol=1e-5)


def test_a_texel_is_of_the_object_whose_cell_its_place_most_surely_belongs_with():
    objects = np.array([[0, 0, 1, 1]]).repeat(2, 0)
    own = np.full((len(AROUND), PLACES * 2, PLACES * 4), 0.1)
    own[AROUND.index((0, 0))] = 0.5
    own[AROUND.index((0, 1)), :, 3] = 0.6  # the border runs through the second cell
    found = placed(objects, own, (2, 4), (8, 16))
    np.testing.assert_array_equal(found, halves(6, 8, 16))
    own[0] = 1  # above and to the left, beyond the picture
    assert (placed(objects, own, (2, 4), (8, 16))[:, :4] == 0).all()


def test_cells_beyond_the_picture_own_no_texel():
    objects = np.array([[0, 0, 1, 2]]).repeat(2, 0)
    own = np.full((len(AROUND), 4, 8), 0.1)
    own[AROUND.index((0, 0))] = 0.5
    assert (placed(objects, own, (2, 3), (8, 12)) == halves(8, 8, 12)).all()
