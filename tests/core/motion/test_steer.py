"""Masks, direction and gains on a volume that is there already."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gid_core.errors import SettingsError
from gid_core.motion import steer
from gid_core.motion.volume import SpectralVolume


def some_volume(seed=0):
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((2, 4, 6, 8, 2)) * np.array([3.0, 1.0])
    return SpectralVolume(parts[0] + 1j * parts[1], np.arange(1, 5) / 5)


def test_a_mask_of_zero_leaves_no_motion_at_all():
    mask = np.ones((12, 16), np.float32)
    mask[:, :8] = 0
    masked = steer.apply_mask(some_volume(), mask)
    assert not masked.amplitudes[:, :, :4].any()
    assert np.array_equal(masked.amplitudes[:, :, 5:], some_volume().amplitudes[:, :, 5:])
    assert not steer.apply_mask(some_volume(), np.zeros((3, 3))).amplitudes.any()


@given(st.floats(-np.pi, np.pi), st.integers(0, 50))
def test_turning_brings_the_main_axis_to_the_direction(angle, seed):
    direction = (np.cos(angle), np.sin(angle))
    axis = steer.main_axis(steer.turn(some_volume(seed), direction))
    assert abs(np.sin(axis - angle)) < 1e-3  # an axis has no sign


def test_turning_keeps_energy_and_half_strength_goes_half_way():
    volume = some_volume()
    whole, half = (steer.turn(volume, (0, 1), strength) for strength in (1.0, 0.5))
    assert np.allclose((np.abs(whole.amplitudes) ** 2).sum(-1), (np.abs(volume.amplitudes) ** 2).sum(-1), rtol=1e-4)
    before, middle = steer.main_axis(volume), steer.main_axis(half)
    assert abs(np.sin(2 * (middle - before) - (steer.main_axis(whole) - before))) < 1e-3  # axes have no sign
    assert np.allclose(steer.turn(volume, (0, 1), 0.0).amplitudes, volume.amplitudes)


def test_gains_weigh_each_mode():
    volume = some_volume()
    weighed = steer.weigh(volume, [1, 0, 2, 1])
    assert not weighed.amplitudes[1].any()
    assert np.array_equal(weighed.amplitudes[2], 2 * volume.amplitudes[2])


@pytest.mark.parametrize("mask", [np.full((3, 3), 2.0), np.full((3, 3), np.nan), np.ones((3, 3, 3)), np.zeros((0, 3))])
def test_a_bad_mask_is_a_sentence(mask):
    with pytest.raises(SettingsError, match="mask"):
        steer.apply_mask(some_volume(), mask)


def test_bad_directions_and_gains_are_sentences():
    with pytest.raises(SettingsError, match="direction"):
        steer.turn(some_volume(), (0, 0))
    with pytest.raises(SettingsError, match="gains"):
        steer.weigh(some_volume(), [1, 2])
