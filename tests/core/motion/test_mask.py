"""Masks and the pinned border: what is held back and how softly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gid_core.errors import SettingsError
from gid_core.motion import mask as masks


def test_a_white_mask_stops_nothing():
    free = masks.mask_weight(np.ones((60, 90)), 256, 171)
    np.testing.assert_array_equal(free, np.ones((171, 256), np.float32))


def test_the_soft_border_lies_inside_the_mask():
    mask = np.zeros((171, 256), np.float32)
    mask[:, 100:] = 1
    weight = masks.mask_weight(mask, 256, 171)
    assert (weight[:, :101] == 0).all()
    assert (weight[:, 105:] == 1).all()
    assert (np.diff(weight[80, 100:106]) >= 0).all()
    assert 0 < weight[80, 102] < 1


def test_grey_in_a_mask_moves_less():
    weight = masks.mask_weight(np.full((32, 32), 0.25), 64, 64)
    np.testing.assert_allclose(weight, 0.25, rtol=1e-6)


@given(st.integers(1, 90), st.integers(1, 90), st.floats(0.01, 1))
def test_the_border_pins_the_rim_and_is_the_same_on_all_sides(width, height, border):
    window = masks.border_window(width, height, border)
    assert window.shape == (height, width)
    assert window.dtype == np.float32
    assert window.min() >= 0
    assert window.max() <= 1
    np.testing.assert_array_equal(window, window[::-1, ::-1])
    reach = border * max(width, height)
    y, x = np.mgrid[0:height, 0:width] + 0.5
    distance = np.minimum(np.minimum(x, width - x), np.minimum(y, height - y))
    assert (window[distance >= 1.001 * reach] == 1).all()
    assert (window[distance < 0.999 * reach] < 1).all()
    t = np.clip(distance / reach, 0, 1)
    np.testing.assert_allclose(window, t * t * (3 - 2 * t), atol=1e-5)


def test_no_border_pins_nothing():
    assert (masks.border_window(7, 5, 0) == 1).all()


@pytest.mark.parametrize("mask", [np.full((3, 3), 2.0), np.full((3, 3), np.nan), np.ones((3, 3, 3)), np.zeros((0, 3))])
def test_a_bad_mask_is_a_sentence(mask):
    with pytest.raises(SettingsError, match="mask"):
        masks.checked_map(mask, "mask", 1)


def disc(radius, size=81):
    y, x = np.mgrid[:size, :size] - size // 2
    return (np.hypot(x, y) <= radius).astype(np.float32)


def test_inverting_twice_gives_the_mask():
    mask = np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8)
    np.testing.assert_allclose(masks.inverted(masks.inverted(mask)), mask, atol=1e-7)
    assert masks.inverted(mask)[0, 0] == 1


@pytest.mark.parametrize("reach", [1, 2, 3, 7, 12, 25])
def test_a_point_grows_into_an_octagon(reach):
    mask = np.zeros((81, 81), np.float32)
    mask[40, 40] = 0.75
    grown = masks.grown(mask, reach)
    assert set(np.unique(grown)) == {0, np.float32(0.75)}
    for row in (grown[40], grown[:, 40]):
        assert (row > 0).sum() == 2 * reach + 1
    assert (grown[disc(0.99 * reach - 1) > 0] > 0).all()
    assert (grown[disc(1.09 * reach + 1) == 0] == 0).all()


@given(st.integers(-20, 20), st.integers(0, 2**31))
def test_growing_is_monotone_and_shrinking_is_its_mirror(reach, seed):
    mask = np.random.default_rng(seed).random((17, 23)).astype(np.float32)
    grown = masks.grown(mask, reach)
    assert (grown >= mask).all() if reach >= 0 else (grown <= mask).all()
    np.testing.assert_allclose(masks.grown(masks.inverted(mask), -reach), masks.inverted(grown), atol=1e-6)


def test_growing_reaches_over_the_whole_of_a_small_picture():
    mask = np.zeros((5, 9), np.float32)
    mask[2, 4] = 1
    assert (masks.grown(mask, 200) == 1).all()


@pytest.mark.parametrize("radius", [1, 2, 3, 10, 31])
def test_a_feathered_edge_fades_within_its_radius_and_no_farther(radius):
    mask = np.zeros((40, 120), np.float32)
    mask[:, 60:] = 1
    soft = masks.feathered(mask, radius)
    assert (soft[:, : 60 - radius] == 0).all()
    assert (soft[:, 60 + radius :] == 1).all()
    assert (np.diff(soft[20]) >= 0).all()
    assert 0 < soft[20, 59] < 0.5 < soft[20, 60] < 1


def test_feathering_by_nothing_keeps_black_and_white():
    mask = disc(20)
    np.testing.assert_array_equal(masks.feathered(mask, 0), mask)
