"""Procedural z: unit variance, objects that hold together, one axis each, a wave along the wind."""

import numpy as np
import pytest
from gid_dev.gid_core import phases

FREQUENCIES = np.arange(1, 17) / 5
WIND = phases.Wind(1.0, 0.0, 150.0)


def affinity(h=20, w=32, wall=16):
    """Two objects, left and right of a wall."""
    found = np.full((2, h, w), 0.97)
    found[0, :, wall - 1] = 0.02
    return found


def draw(seed=0, wind=WIND, **options):
    return phases.procedural(affinity(**options), FREQUENCIES, wind, phases.generator(seed, "motion"))


def correlation(a, b):
    return abs((a * b.conj()).sum()) / np.sqrt((abs(a) ** 2).sum() * (abs(b) ** 2).sum())


def test_every_cell_has_unit_variance():
    z = draw()
    np.testing.assert_allclose((np.abs(z) ** 2).sum(-1).mean(0), 1, rtol=1e-5)


def test_same_seed_same_bytes_other_seed_other_motion():
    assert draw(3).tobytes() == draw(3).tobytes()
    assert correlation(draw(3), draw(4)) < 0.4


def test_purposes_draw_independently():
    a, b = (phases.generator(7, purpose).random(4) for purpose in ("wind", "noise"))
    assert not np.array_equal(a, b)


def test_neighbours_agree_inside_an_object_and_not_across_a_wall():
    calm = phases.Wind(1.0, 0.0, 1e9)  # no lag, so that only the objects differ
    z = draw(wind=calm)
    inside = np.mean([correlation(z[:, y, x], z[:, y, x + 1]) for y in range(20) for x in (5, 10, 20, 25)])
    across = np.mean([correlation(z[:, y, 15], z[:, y, 16]) for y in range(20)])
    assert inside > 0.95
    assert across < inside - 0.3


def test_all_harmonics_of_a_cell_share_one_axis():
    z = draw()
    cross = z[..., 0] * z[..., 1].conj()
    np.testing.assert_allclose(cross.imag, 0, atol=1e-6)
    slope = np.arctan2(z[..., 1].real, z[..., 0].real) % np.pi
    np.testing.assert_allclose(np.cos(2 * (slope - slope[0])), 1, atol=1e-3)


@pytest.mark.parametrize("angle", [0.3, 1.5, 2.8, -2.0])
def test_axes_stay_near_the_wind(angle):
    wind = phases.Wind(np.cos(angle), np.sin(angle), 150.0)
    z = draw(wind=wind)
    along = np.abs(z @ [wind.dx, wind.dy]) ** 2
    assert along.sum() > 0.8 * (np.abs(z) ** 2).sum()


def test_the_carrier_travels_downwind():
    ratio = draw()[..., 0] / draw(wind=phases.Wind(1.0, 0.0, 1e12))[..., 0]
    columns, rows = 8 * np.arange(32), np.zeros(20)
    lag = -2 * np.pi * FREQUENCIES[:, None, None] * (columns + rows[:, None]) / 150
    np.testing.assert_allclose(ratio, np.exp(1j * lag), atol=1e-3)


def test_spreading_keeps_the_sum_and_stops_at_walls():
    field = np.zeros((20, 32))
    field[10, 4] = 1
    spread = phases.spread(field, affinity(), steps=400)
    assert spread.sum() == pytest.approx(1)
    assert spread[:, 16:].sum() < 1e-4
    assert spread.min() >= 0


def test_reals_and_complex_are_the_same():
    z = draw()
    reals = phases.to_reals(z)
    assert reals.shape == (16, 4, 20, 32)
    np.testing.assert_allclose(phases.from_reals(reals), z, rtol=1e-6)
    np.testing.assert_allclose(reals[2, 3, 5, 6], z[2, 5, 6, 1].imag * np.sqrt(2), rtol=1e-6)
    assert (reals**2).sum(1).mean() == pytest.approx(2, rel=1e-4)


def test_unit_rms_counts_the_moving_cells():
    z = draw() * 3
    weight = np.zeros((20, 32))
    weight[:, :8] = 1
    z[:, :, 8:] *= 100
    scaled = phases.unit_rms(z, weight)
    assert (np.abs(scaled[:, :, :8]) ** 2).sum(-1).mean() == pytest.approx(1, rel=1e-4)
    assert phases.unit_rms(z, np.zeros((20, 32))) is z


def test_blurring_raises_coherence_and_ignores_still_cells():
    rng = np.random.default_rng(0)
    z = draw() + 0.5 * (rng.standard_normal((16, 20, 32, 2)) + 1j * rng.standard_normal((16, 20, 32, 2)))
    strength = np.ones((20, 32))
    strength[:, 16:] = 0
    z[:, :, 16:] = 1000
    blurred = phases.blurred(z.astype(np.complex64), strength)
    assert np.abs(blurred[:, :, :16]).max() < 100
    before = correlation(z[:, :, 3], z[:, :, 4])
    assert correlation(blurred[:, :, 3], blurred[:, :, 4]) > before
