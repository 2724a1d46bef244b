"""Procedural z: unit variance, objects that hold together, one axis each, a wave along the wind."""

import numpy as np
import pytest
from gid_dev.gid_core.model import contract
from gid_dev.gid_core.prediction import objects, phases
from gid_dev.gid_core.prediction.request import generator
from gid_dev.gid_core.prediction.wind import Wind
from hypothesis import given
from hypothesis import strategies as st

FREQUENCIES = np.arange(1, 17) / 5
WIND = Wind(1.0, 0.0, 150.0)


def affinity(h=20, w=32, wall=16):
    """Two objects, left and right of a wall."""
    found = np.full((2, h, w), 0.97)
    found[0, :, wall - 1] = 0.02
    return found


def draw(seed=0, wind=WIND, **options):
    return phases.procedural(objects.group(affinity(**options)), FREQUENCIES, wind, generator(seed, "motion"))


def correlation(a, b):
    return abs((a * b.conj()).sum()) / np.sqrt((abs(a) ** 2).sum() * (abs(b) ** 2).sum())


def test_every_cell_has_unit_variance():
    z = draw()
    np.testing.assert_allclose((np.abs(z) ** 2).sum(-1).mean(0), 1, rtol=1e-5)


def test_same_seed_same_bytes_other_seed_other_motion():
    assert draw(3).tobytes() == draw(3).tobytes()
    assert correlation(draw(3), draw(4)) < 0.4


def test_purposes_draw_independently():
    a, b = (generator(7, purpose).random(4) for purpose in ("wind", "noise"))
    assert not np.array_equal(a, b)


def test_neighbours_agree_inside_an_object_and_not_across_a_wall():
    calm = Wind(1.0, 0.0, 1e9)  # no lag, so that only the objects differ
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
    wind = Wind(np.cos(angle), np.sin(angle), 150.0)
    z = draw(wind=wind)
    along = np.abs(z @ [wind.dx, wind.dy]) ** 2
    assert along.sum() > 0.8 * (np.abs(z) ** 2).sum()


def lag(z, slow=2):
    """Delay in seconds of each cell at one frequency, against the same draw without a wind to wait for."""
    ratio = z[slow, ..., 0] / draw(wind=Wind(1.0, 0.0, 1e12))[slow, ..., 0]
    return -np.angle(ratio) / (2 * np.pi * FREQUENCIES[slow])


def test_the_carrier_travels_downwind_from_object_to_object():
    found = lag(draw(wind=Wind(1.0, 0.0, 1000.0)))
    left, right = found[:, :16].mean(), found[:, 16:].mean()
    assert right - left == pytest.approx(16 * 8 / 1000, rel=0.02)


def test_the_larger_an_object_the_more_it_is_a_field():
    """A small one answers the gust at its middle, as one; a meadow answers it where it passes."""

    def slope(labels):
        part = objects.field_share(labels)
        return part[0, 0]

    point, half = np.arange(640).reshape(20, 32), np.zeros((20, 20), int)
    assert slope(point) < 0.01
    assert slope(half) == pytest.approx(0.5)


def test_objects_are_the_sides_of_a_wall():
    labels = objects.group(affinity()).objects
    assert labels.max() == 1
    assert (labels[:, :16] == 0).all()
    assert (labels[:, 16:] == 1).all()


def test_one_doubtful_cell_joins_no_objects():
    """Noise leaks through one hole in a wall; a border is judged by its mean."""
    holed = affinity()
    holed[0, 7, 15] = 0.9
    np.testing.assert_array_equal(objects.group(holed).objects, objects.group(affinity()).objects)


def test_a_pair_that_spans_a_blurred_border_tells_two_objects_apart():
    blurred = np.full((len(contract.PAIRS), 20, 32), 0.97)
    blurred[0, :, 14:17] = 0.65  # the border runs through a cell: which side is it?
    near = objects.group(blurred[:2]).objects
    for index, (_, right) in enumerate(contract.PAIRS[2:], 2):
        if right:
            x = np.arange(32)
            blurred[index][:, (x < 16) & (x + right >= 16) | (x >= 16) & (x + right < 16)] = 0.05
    far = objects.group(blurred).objects
    assert near[0, 0] == near[0, 31]
    assert far[0, 0] != far[0, 31]


def test_a_few_cells_that_nothing_holds_together_join_what_they_most_likely_belong_to():
    affinity = np.full((2, 6, 8), 0.9)
    affinity[0, :, 3] = affinity[0, 2, 5] = affinity[0, 2, 6] = affinity[1, 1, 6] = 0.05  # a wall, and around one cell
    affinity[1, 2, 6] = 0.1
    walled = np.where(np.arange(8) > 3, 1, 0)[None].repeat(6, 0)
    one = walled.copy()
    one[2, 6] = 2
    np.testing.assert_array_equal(objects.group(affinity).objects, one)
    np.testing.assert_array_equal(objects.group(affinity, 2).objects, walled)
    alone = np.full((2, 1, 1), 0.9)  # nothing is beside it
    np.testing.assert_array_equal(objects.group(alone, 4).objects, [[0]])


@given(st.integers(0, 2**31))
def test_objects_are_connected_and_numbered(seed):
    labels = objects.group(np.random.default_rng(seed).random((2, 6, 9))).objects
    assert set(labels.ravel()) == set(range(labels.max() + 1))
    assert list(dict.fromkeys(labels.ravel())) == sorted(set(labels.ravel()))
    spread = objects.spread(np.eye(54).reshape(54, 6, 9), objects.ties(labels), 400)
    together = labels.ravel()[:, None] == labels.ravel()
    np.testing.assert_array_equal(spread.reshape(54, 54) > 1e-12, together)


@given(st.integers(0, 2**31))
def test_parts_lie_inside_objects(seed):
    affinity = np.random.default_rng(seed).uniform(0.4, 1, (2, 6, 9))
    found = objects.group(affinity)
    labels, parts = found.objects, found.parts
    assert all(len(set(labels[parts == part])) == 1 for part in range(parts.max() + 1))


def test_a_part_draws_some_of_its_phase_for_itself():
    doubtful = affinity()
    doubtful[1, 9] = 0.7  # one object, of two parts that only perhaps belong together
    groups = objects.group(doubtful)
    assert groups.objects[0, 0] == groups.objects[19, 0]
    assert groups.parts[0, 0] != groups.parts[19, 0]

    def across(share):
        rng = generator(3, "motion")
        z = phases.procedural(groups, FREQUENCIES, Wind(1.0, 0.0), rng, parts_share=share)
        return correlation(z[:, 2, 4], z[:, 17, 4])

    assert across(0.9) < across(0.0) - 0.2


def test_spreading_keeps_the_sum_and_stops_at_walls():
    field = np.zeros((20, 32))
    field[10, 4] = 1
    spread = objects.spread(field, objects.ties(objects.group(affinity()).objects), steps=400)
    assert spread.sum() == pytest.approx(1)
    assert spread[:, 16:].sum() == 0
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


def test_holding_an_object_together_raises_coherence_and_ignores_still_cells_and_neighbours():
    rng = np.random.default_rng(0)
    labels = objects.group(affinity()).objects
    z = draw() + 0.5 * (rng.standard_normal((16, 20, 32, 2)) + 1j * rng.standard_normal((16, 20, 32, 2)))
    strength = np.ones((20, 32))
    strength[:, 8:16] = 0
    z[:, :, 8:16] = 1000
    z[:, :, 16:] *= 1e4
    held = phases.held(z.astype(np.complex64), strength, labels)
    assert np.abs(held[:, :, :8]).max() < 100
    before = correlation(z[:, :, 3], z[:, :, 4])
    assert correlation(held[:, :, 3], held[:, :, 4]) > before


def test_what_the_flow_moves_apart_inside_an_object_stays_apart():
    rng = np.random.default_rng(3)
    axes = [np.array([np.cos(a), np.sin(a)]) for a in (0.4, 2.0)]  # each half to and fro, along its own axis
    one, two = (rng.standard_normal((2, 16, 1, 1, 1)) * np.sqrt(2) * axis for axis in axes)
    noise = rng.standard_normal((2, 16, 6, 16, 2))
    z = np.where(np.arange(16)[:, None] < 8, one, two) + 0.3 * noise
    z = (z[0] + 1j * z[1]).astype(np.complex64)
    held = phases.held(z, np.ones((6, 16)), np.zeros((6, 16), int))

    def distance(field, truth):
        return float(np.abs(field - (truth[0] + 1j * truth[1])).mean())

    assert distance(held[:, :, :6], one) < 0.5 * distance(z[:, :, :6], one)  # the noise is gone
    middle = held[:, :, 7:9].mean(1)
    assert np.abs(middle[:, 0] - middle[:, 1]).mean() > 0.5 * np.abs((one - two)[0] + 1j * (one - two)[1]).mean()


def test_an_object_bends_to_and_fro_whichever_way_it_stands():
    labels = objects.group(affinity()).objects
    z, ones = draw(), np.ones((20, 32))
    z = z + 0.4j * z[..., ::-1] * [-1, 1]  # ellipses, two fifths as wide as long

    def width(field):
        """Minor over major axis of a cell's path, the median of all."""
        x, y = np.moveaxis(field, -1, 0)
        xx, yy, xy = (np.abs(x) ** 2).sum(0), (np.abs(y) ** 2).sum(0), (x * y.conj()).real.sum(0)
        root = np.hypot(xx - yy, 2 * xy)
        return float(np.median(np.sqrt((xx + yy - root) / (xx + yy + root))))

    held = phases.held(z, ones, labels)
    assert width(held) < 0.3 * width(z)
    turn = np.array([[np.cos(0.7), np.sin(0.7)], [-np.sin(0.7), np.cos(0.7)]], np.float32)
    np.testing.assert_allclose(phases.held(z @ turn, ones, labels), held @ turn, atol=2e-5)
