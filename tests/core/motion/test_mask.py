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
