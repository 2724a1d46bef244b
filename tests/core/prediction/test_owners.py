"""Objects end where the photo says, and no texel takes its phase of two of them."""

from dataclasses import replace

import numpy as np
import pytest

from gid_core.errors import VolumeError
from gid_core.motion.cells import MEMBERS, members
from gid_core.motion.edges import edges, edges_at
from gid_core.motion.motion import Motion
from gid_core.prediction.objects import alike
from gid_core.prediction.owners import apart, joined, owners

HEIGHT, WIDTH = 32, 48
CELLS = (4.0, 6.0)


def halves(edge=27):
    """Two colours that meet inside a column of cells, and the cells' objects, which do not know where."""
    picture = np.full((HEIGHT, WIDTH, 3), 0.2, np.float32)
    picture[:, edge:] = 0.7
    return picture, (np.arange(6) >= 3)[None].repeat(4, 0).astype(int)


def motion_of(picture, members_, phases=(1, -1)):
    """Two objects that move against each other by one."""
    z = np.ones((1, 4, 6, 2), np.complex64) * phases[0]
    z[:, :, 3:] = phases[1]
    shown = np.rint(picture * 255).astype(np.uint8)
    return Motion(np.ones((1, HEIGHT, WIDTH)), z, [0.2], CELLS, shown, members=members_)


@pytest.mark.parametrize("edge", [22, 24, 27])
def test_an_object_ends_where_its_colour_does(edge):
    picture, objects = halves(edge)
    found = owners(objects, CELLS, picture)
    assert ((found == (np.arange(WIDTH) >= edge)).sum(1) >= WIDTH - 1).all()  # to a texel


def test_cells_beyond_the_picture_count_for_nothing():
    picture, objects = halves()
    padded = np.pad(objects, ((0, 4), (0, 4)), mode="edge")
    np.testing.assert_array_equal(owners(padded, CELLS, picture), owners(objects, CELLS, picture))


def test_between_two_objects_amplitude_does_not_dip():
    picture, objects = halves()
    outline = owners(objects, CELLS, picture)
    mixed, own = (motion_of(picture, m).phases() for m in (None, members(objects, outline, CELLS)))
    assert abs(mixed).min() < 0.3
    np.testing.assert_allclose(abs(own), 1, atol=1e-6)
    np.testing.assert_array_equal(own[0, :, :, 0].real > 0, outline == 0)


def test_one_object_alone_is_read_as_ever_bit_for_bit():
    picture, objects = halves()
    one = objects * 0
    found = members(one, owners(one, CELLS, picture), CELLS)
    motion = motion_of(picture, None, (1 + 2j, 3 - 1j))
    assert replace(motion, members=found).phases().tobytes() == motion.phases().tobytes()
    assert replace(motion, members=found * 0).phases().tobytes() == motion.phases().tobytes()


def test_each_bit_is_a_cell_of_the_texels_object():
    picture, objects = halves()
    found = members(objects, owners(objects, CELLS, picture), CELLS)
    row, column = 12, 20  # its place among the cells is 1.06, 2.06
    for bit, (i, j) in enumerate(MEMBERS):
        assert (found[row, column] >> bit) & 1 == (objects[min(1 + i, 3), 2 + j] == 0)


def test_members_of_another_grid_are_refused():
    with pytest.raises(VolumeError, match="as many as its texels"):
        motion_of(halves()[0], np.zeros((3, 3), np.uint16))


def test_objects_move_apart_by_how_far_they_move():
    outline = np.array([[0, 0, 1, 1, 2]])
    moves = apart(np.array([[[1.0, 2, 2, 0, 2]]]), outline, 5)
    length = np.linalg.norm(moves[0], axis=1)
    np.testing.assert_allclose(length, [5, 10, 10, 0, 10], rtol=1e-5)
    assert np.linalg.norm(moves[0, 0] - moves[0, 1]) == pytest.approx(5, rel=1e-5)
    for one, other in ((1, 2), (2, 4), (1, 4)):
        assert np.linalg.norm(moves[0, one] - moves[0, other]) > 5


def test_objects_that_meet_at_an_edge_of_the_photo_stay_two():
    picture, objects = halves()
    np.testing.assert_array_equal(joined(2, owners(objects, CELLS, picture), edges(picture)), [0, 1])


@pytest.mark.parametrize("rise", [0.0, 0.01, 0.02])
def test_objects_that_meet_inside_a_smooth_surface_are_one(rise):
    _, objects = halves()
    ramp = np.broadcast_to(0.1 + rise * np.arange(WIDTH, dtype=np.float32)[:, None], (HEIGHT, WIDTH, 3))
    outline = owners(objects, CELLS, np.ascontiguousarray(ramp))
    np.testing.assert_array_equal(joined(2, outline, edges(ramp)), [0, 0])


def test_objects_that_surely_are_two_need_no_edge():
    _, objects = halves()
    flat = np.full((HEIGHT, WIDTH, 3), 0.3, np.float32)
    outline = owners(objects, CELLS, flat)
    for affinity, first in ((0.1, [0, 1]), (0.3, [0, 0])):
        likely = alike(objects, np.full((2, *objects.shape), affinity))
        np.testing.assert_allclose(likely, [[0, affinity], [affinity, 0]])
        np.testing.assert_array_equal(joined(2, outline, edges(flat), likely), first)


@pytest.mark.parametrize("times", [1, 1.5, 2])
def test_an_edge_of_a_larger_picture_is_told_where_it_lies_on_the_grid(times):
    large = np.full((round(HEIGHT * times), round(WIDTH * times), 3), 0.5, np.float32)
    large[:, round(24 * times) :] = 0.2
    below, beside = edges_at(large, (HEIGHT, WIDTH))
    assert (below.shape, beside.shape) == ((HEIGHT - 1, WIDTH), (HEIGHT, WIDTH - 1))
    assert not below.any()
    assert beside[:, 23].all()
    assert not beside[:, :20].any()
    assert not beside[:, 28:].any()
    down, _ = edges_at(np.ascontiguousarray(large.swapaxes(0, 1)), (WIDTH, HEIGHT))
    np.testing.assert_array_equal(down, beside.T)


def test_objects_that_touch_none_stay_by_themselves():
    picture, objects = halves()
    np.testing.assert_array_equal(joined(4, owners(objects, CELLS, picture), edges(picture)), [0, 1, 2, 3])
