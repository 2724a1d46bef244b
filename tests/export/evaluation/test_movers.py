"""Between movers: an error is told where two things that move touch, and nowhere else."""

import numpy as np
import pytest

from onnx_export.evaluation import movers

SIZE = (64, 64)


def halves(left, right):
    """(amplitudes complex (1, 64, 64, 2) of two halves side by side, their objects)."""
    objects = np.where(np.arange(SIZE[1]) < 32, 1, 2) * np.ones((SIZE[0], 1), int)
    amplitudes = np.zeros((1, *SIZE, 2), complex)
    amplitudes[0, ..., 0] = np.where(objects == 1, left, right)
    return amplitudes, objects


def test_what_is_read_as_it_moves_has_no_error():
    true, objects = halves(2.0, 2.0j)
    assert movers.compared(true, true, objects) == {"error": 0, "amplitude": 1}


def test_a_mixture_at_the_border_is_told_and_one_far_off_is_not():
    true, objects = halves(2.0, -2.0)
    mixed = true.copy()
    mixed[:, :, 31:33] = 0  # the mean of both
    found = movers.compared(mixed, true, objects)
    assert found["error"] == pytest.approx(1 / 3)  # of three texels to each side one
    assert found["amplitude"] == 0
    far = true.copy()
    far[:, :, 10] = far[:, :, 50] = 0
    assert movers.compared(far, true, objects) == {"error": 0, "amplitude": 1}


def test_a_thing_before_what_stands_says_nothing():
    true, objects = halves(2.0, 0.0)
    assert movers.compared(true, true, objects) == {}


def test_a_cell_has_the_phase_of_what_moves_farthest_in_it():
    strength, z = np.ones(SIZE), np.zeros((1, *SIZE, 2), complex)
    strength[10, 21], z[0, 10, 21] = 3, 1j
    cells = movers.at_cells(z, strength)
    assert cells.shape == (1, 8, 8, 2)
    assert (cells[0, 1, 2] == 1j).all()
    assert (cells[0, 0, 0] == 0).all()
