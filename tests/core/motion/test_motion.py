"""A motion is envelope times phases; what does not fit together is refused."""

from dataclasses import replace

import numpy as np
import pytest
from gid_dev.gid_core.errors import VolumeError
from gid_dev.gid_core.motion.motion import Motion
from hypothesis import given, settings
from hypothesis import strategies as st

SINGLE = 1e-6


def some_parts(n_freqs=2, height=12, width=16):
    rng = np.random.default_rng(0)
    return {
        "envelope": rng.random((n_freqs, height, width), np.float32),
        "z": (rng.standard_normal((n_freqs, 3, 4, 2)) + 1j * rng.standard_normal((n_freqs, 3, 4, 2))),
        "frequencies": np.arange(1, n_freqs + 1) / 5,
        "cells": (2.5, 4.0),
        "picture": rng.integers(0, 256, (height, width, 3), np.uint8),
    }


def test_the_volume_is_the_envelope_times_the_phases_read_where_the_cells_are():
    """z is linear over the cells here, so that its direction and its power between them are known."""
    parts = some_parts()
    y, x = np.mgrid[0:3, 0:4]
    parts["z"] = np.broadcast_to((1 + y + 1j * x)[None, ..., None], (2, 3, 4, 2))
    motion = Motion(**parts)
    rows = np.clip((np.arange(12) + 0.5) / 12 * 2.5 - 0.5, 0, 2)  # two and a half cells are the picture's height
    columns = np.clip((np.arange(16) + 0.5) / 16 * 4 - 0.5, 0, 3)
    expected = 1 + rows[:, None] + 1j * columns
    power = np.interp(rows, range(3), (1 + np.arange(3)) ** 2)[:, None]
    power = power + np.interp(columns, range(4), np.arange(4) ** 2)
    expected *= np.sqrt(power) / abs(expected)
    np.testing.assert_allclose(motion.phases()[0, ..., 1], expected, atol=1e-5)
    amplitudes = motion.volume().amplitudes
    np.testing.assert_allclose(amplitudes[1, ..., 0], motion.envelope[1] * expected, atol=1e-5)
    np.testing.assert_array_equal(motion.volume().frequencies, motion.frequencies)


def test_another_envelope_stands_in_for_its_own():
    motion = Motion(**some_parts())
    twice = motion.volume(motion.envelope * 2)
    np.testing.assert_array_equal(twice.amplitudes, motion.volume().amplitudes * 2)


@settings(max_examples=30)
@given(st.integers(1, 20), st.integers(1, 20))
def test_phases_of_any_grid_stay_within_those_of_the_cells(height, width):
    parts = some_parts()
    parts["z"] = np.ones((2, 3, 4, 2))
    parts["envelope"], parts["picture"] = np.ones((2, height, width)), np.zeros((height, width, 3), np.uint8)
    np.testing.assert_allclose(Motion(**parts).phases(), 1, atol=SINGLE)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3]), st.floats(0, 1))
def test_what_lies_between_two_phases_moves_as_far_as_they_do(seed, n_freqs, alike):
    """All harmonics and both axes together; where the phases cancel it may lack a half."""
    rng = np.random.default_rng(seed)
    turns = rng.uniform(0, 2 * np.pi, (n_freqs, 3, 4, 1)) * (1 - alike)
    parts = some_parts(n_freqs) | {"z": np.exp(1j * turns) * [0.6, 0.8]}
    parts["envelope"] = parts["envelope"] + np.float32(0.1)
    motion = Motion(**parts)
    power = (abs(motion.volume().amplitudes) ** 2).sum((0, 3)) / (motion.envelope**2).sum(0)
    assert power.max() < 1 + 1e-4
    if alike > 2 / 3:  # within a third of a turn of one another: their mean is at least half as long
        np.testing.assert_allclose(power, 1, atol=1e-4)


def test_what_rules_guessed_says_so():
    motion = Motion(**some_parts(), provenance={"source": "physics prior"})
    assert motion.is_guessed
    assert not replace(motion, provenance={"source": "a model"}).is_guessed
    assert not replace(motion, provenance={}).is_guessed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("envelope", np.ones((12, 16))),
        ("envelope", np.ones((3, 12, 16))),
        ("envelope", -np.ones((2, 12, 16))),
        ("envelope", np.full((2, 12, 16), np.nan)),
        ("z", np.ones((2, 3, 4))),
        ("z", np.ones((3, 3, 4, 2))),
        ("z", np.ones((2, 3, 4, 3))),
        ("z", np.ones((2, 0, 4, 2))),
        ("z", np.full((2, 3, 4, 2), np.inf)),
        ("frequencies", [0.2]),
        ("frequencies", [0.4, 0.2]),
        ("frequencies", [0.0, 0.2]),
        ("frequencies", [0.2, np.nan]),
        ("cells", (2.5,)),
        ("cells", (0.0, 4.0)),
        ("cells", (3.1, 4.0)),
        ("cells", (np.nan, 4.0)),
        ("picture", np.zeros((12, 15, 3), np.uint8)),
        ("picture", np.zeros((12, 16), np.uint8)),
    ],
)
def test_a_motion_that_makes_no_sense_is_refused(name, value):
    with pytest.raises(VolumeError):
        Motion(**{**some_parts(), name: value})
