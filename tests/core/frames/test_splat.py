"""The splat against a slow, obvious loop, and the laws that any splat keeps."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gid_core.frames.splat import HOLE, PLATE_WEIGHT, Splatter, finish, importance, splat, weight_of

ROUNDING = 1e-6  # float32 sums of a few dozen shares, relative to the largest
few = settings(max_examples=40)


def slow_splat(image, displacement, weight=None):
    """One Python loop over source pixels, float64."""
    height, width, channels = image.shape
    numerator, denominator = np.zeros((height, width, channels)), np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            to_x, to_y = x + float(displacement[y, x, 0]), y + float(displacement[y, x, 1])
            if not (np.isfinite(to_x) and np.isfinite(to_y)):
                continue
            w = 1.0 if weight is None else float(weight[y, x])
            for row in range(max(0, int(np.floor(to_y))), min(height - 1, int(np.floor(to_y)) + 1) + 1):
                for column in range(max(0, int(np.floor(to_x))), min(width - 1, int(np.floor(to_x)) + 1) + 1):
                    tent = max(0.0, 1 - abs(to_x - column)) * max(0.0, 1 - abs(to_y - row))
                    numerator[row, column] += tent * w * image[y, x]
                    denominator[row, column] += tent * w
    return numerator, denominator


def scene(seed, height=13, width=17, channels=3, reach=4.0):
    rng = np.random.default_rng(seed)
    image = rng.random((height, width, channels), np.float32)
    displacement = (rng.standard_normal((height, width, 2)) * reach).astype(np.float32)
    return image, displacement, weight_of(rng.random((height, width), np.float32))


def assert_close(found, expected, tolerance=ROUNDING, whole=1e-9):
    """whole: a pixel's whole share; where a thousandth of one lands, it is as exact as the whole."""
    for ours, theirs in zip(found, expected, strict=True):
        assert np.abs(ours - theirs).max() <= tolerance * max(np.abs(theirs).max(), whole)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", ["average", "linear", "softmax"])
def test_agrees_with_the_slow_loop(channels, kind):
    image, displacement, softmax = scene(channels, channels=channels)
    weight = {"average": None, "linear": softmax / softmax.max(), "softmax": softmax}[kind]
    numerator, denominator = splat(image, displacement, weight)
    assert numerator.dtype == denominator.dtype == np.float32
    assert numerator.shape == image.shape
    assert denominator.shape == image.shape[:2]
    assert_close((numerator, denominator), slow_splat(image, displacement, weight))


@few
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9), st.sampled_from([0.0, 0.3, 3.0, 40.0]))
@example(276, 1, 6, 3.0)
def test_agrees_with_the_slow_loop_on_any_shape_and_reach(seed, height, width, reach):
    image, displacement, weight = scene(seed, height, width, reach=reach)
    found, expected = splat(image, displacement, weight), slow_splat(image, displacement, weight)
    assert_close(found, expected, whole=weight.max())


def test_bands_do_not_show():
    image, displacement, weight = scene(1, 700, 60, reach=2.0)  # two bands
    found = splat(image, displacement, weight)
    rolled = splat(*(np.concatenate([field[300:], field[:300]]) for field in (image, displacement, weight)))
    inside = slice(20, 380)  # rows 320..680 of the first are rows 20..380 of the second
    assert_close([field[320:680] for field in found], [field[inside] for field in rolled])


@few
@given(st.integers(0, 10**6), st.integers(-5, 5), st.integers(-5, 5))
def test_moving_everything_by_whole_pixels_is_a_shift(seed, dx, dy):
    image, _, weight = scene(seed)
    displacement = np.broadcast_to(np.array([dx, dy], np.float32), (*image.shape[:2], 2))
    numerator, denominator = splat(image, displacement, weight)
    expected = np.zeros_like(image)
    height, width = weight.shape
    expected[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)] = (image * weight[..., None])[
        max(0, -dy) : height + min(0, -dy), max(0, -dx) : width + min(0, -dx)
    ]
    np.testing.assert_array_equal(numerator, expected)
    assert (denominator > 0).sum() == max(0, height - abs(dy)) * max(0, width - abs(dx))


def test_no_motion_without_weights_returns_the_picture_bit_for_bit():
    image, _, _ = scene(3)
    numerator, denominator = splat(image, np.zeros((*image.shape[:2], 2), np.float32))
    np.testing.assert_array_equal(numerator, image)
    np.testing.assert_array_equal(denominator, 1)


@few
@given(st.integers(0, 10**6))
def test_light_is_conserved_when_nothing_leaves(seed):
    image, displacement, weight = scene(seed, 6, 7, reach=2.0)
    displacement = displacement.clip(-8, 8)
    wide = [np.pad(field, ((9, 9), (9, 9), (0, 0))) for field in (image, displacement)]
    numerator, denominator = splat(*wide, np.pad(weight, 9))
    light = (image * weight[..., None]).sum((0, 1), dtype=np.float64)
    np.testing.assert_allclose(numerator.sum((0, 1), dtype=np.float64), light, rtol=ROUNDING)
    np.testing.assert_allclose(denominator.sum(dtype=np.float64), weight.sum(dtype=np.float64), rtol=ROUNDING)


@few
@given(st.floats(0, 0.9), st.floats(0.05, 0.5))
def test_what_is_in_front_covers_what_is_behind(behind, ahead):
    front = min(1.0, behind + ahead)
    image = np.zeros((3, 8, 1), np.float32)
    image[:, 1] = 1  # a white column lands on the black one at x = 5
    displacement = np.zeros((3, 8, 2), np.float32)
    displacement[:, 1, 0] = 4
    r = np.full((3, 8), behind, np.float32)
    r[:, 1] = front
    white = finish(*splat(image, displacement, weight_of(r)))[:, 5]
    r[:, 1], r[:, 5] = behind, front
    black = finish(*splat(image, displacement, weight_of(r)))[:, 5]
    share = 1 / (1 + np.exp(-12 * (front - behind)))
    np.testing.assert_allclose(white, share, atol=1e-4)
    np.testing.assert_allclose(black, 1 - share, atol=1e-4)
    assert (white > black).all()


def test_a_wall_stays_still_beside_fifty_pixels_of_motion():
    motion = np.zeros((288, 512), np.float32)
    motion[:, 100:200] = 50.0
    motion[:, 300:320] = 1.0  # a small mover before the same wall
    weight = weight_of(importance(motion, 512, 288))
    assert np.isfinite(weight).all()
    wall, small, large = weight[0, 0], weight[0, 310], weight[0, 150]
    assert wall / (wall + large) < 5e-5  # the wall does not show through the large mover
    assert wall / (wall + small) < 0.05  # nor much through the small one, which 50 px elsewhere do not starve
    assert small < large
    displacement = np.zeros((288, 512, 2), np.float32)
    displacement[:, 100:200, 0] = 50
    image = np.ones((288, 512, 3), np.float32) * np.linspace(0.1, 1, 512, dtype=np.float32)[:, None]
    frame = finish(*splat(image, displacement, weight))
    assert np.isfinite(frame).all()
    np.testing.assert_allclose(frame[:, 250:], image[:, 250:], rtol=ROUNDING)
    np.testing.assert_allclose(frame[:, 150:250], image[:, 100:200], rtol=1e-4)


def test_importance_is_the_same_at_every_resolution():
    motion = np.linspace(0, 100, 64, dtype=np.float32).reshape(4, 16)
    np.testing.assert_allclose(importance(motion, 512, 288), importance(motion * 4, 2048, 1152), atol=ROUNDING)
    assert importance(motion * 1e30, 512, 288).max() == 1
    assert importance(np.zeros((2, 2), np.float32), 512, 288).max() == 0


def test_weights_fit_half_floats():
    weight = weight_of(np.array([0.0, 0.5, 1.0])).astype(np.float16)
    assert np.isfinite(weight).all()
    assert weight.min() > np.finfo(np.float16).tiny
    assert weight[1] == 1


@few
@given(st.integers(0, 10**6), st.sampled_from([np.nan, np.inf, -np.inf, 3e38]), st.booleans())
def test_a_displacement_that_is_no_number_drops_its_pixel_alone(seed, bad, horizontal):
    image, displacement, weight = scene(seed)
    y, x = np.random.default_rng(seed).integers(0, 13, 2)
    without = weight.copy()
    without[y, x] = 0
    expected = splat(image, displacement, without)
    displacement[y, x, 0 if horizontal else 1] = bad
    found = splat(image, displacement, weight)
    assert np.isfinite(found[0]).all()
    assert_close(found, expected)


def test_two_runs_give_the_same_bytes():
    image, displacement, weight = scene(5, 90, 400, reach=30.0)
    displacement[:40, :, 0] -= np.arange(400, dtype=np.float32)  # everything collapses onto a few columns
    first, second = Splatter(image, weight), Splatter(image, weight)
    for a, b, c in zip(first(displacement), first(displacement), second(displacement), strict=True):
        assert a.tobytes() == b.tobytes() == c.tobytes()


def test_hdr_values_are_kept():
    image, displacement, _ = scene(6)
    image[4:6] = 5e4
    numerator, denominator = splat(image, displacement)
    expected, coverage = slow_splat(image, displacement)
    assert numerator.max() > 1e4
    assert_close((numerator, denominator), (expected, coverage))


def test_channels_do_not_mix():
    image, displacement, weight = scene(7)
    swapped, _ = splat(image[..., ::-1], displacement, weight)
    np.testing.assert_array_equal(swapped, splat(image, displacement, weight)[0][..., ::-1])


def test_mirroring_commutes():
    image, displacement, weight = scene(8)
    mirrored = displacement[:, ::-1] * np.array([-1, 1], np.float32)
    found = splat(image[:, ::-1], mirrored, weight[:, ::-1])
    assert_close([field[:, ::-1] for field in found], splat(image, displacement, weight))


def test_only_ratios_of_weights_matter():
    image, displacement, weight = scene(9)
    numerator, denominator = splat(image, displacement, weight)
    times, shares = splat(image, displacement, weight * np.float32(3.7))
    assert_close((times / np.float32(3.7), shares / np.float32(3.7)), (numerator, denominator))


def test_a_splatter_gives_what_splat_gives():
    image, displacement, weight = scene(10, channels=4)
    splatter = Splatter(image, weight)
    splatter(displacement * 2)
    for ours, theirs in zip(splatter(displacement), splat(image, displacement, weight), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_plate_fills_holes_and_hides_elsewhere():
    image, _, _ = scene(11)
    plate = np.full_like(image, 9)
    numerator, denominator = image.copy(), np.ones(image.shape[:2], np.float32)
    numerator[3, 4], denominator[3, 4] = 0, 0
    frame = finish(numerator, denominator, plate)
    np.testing.assert_array_equal(frame[3, 4], 9)
    denominator[3, 4] = 1
    others = np.abs(finish(numerator, denominator, plate) - numerator)
    assert others.max() <= 9 * PLATE_WEIGHT * 1.001


def test_holes_are_empty_without_a_plate():
    image, _, _ = scene(12)
    denominator = np.ones(image.shape[:2], np.float32)
    denominator[2], denominator[5] = 0, HOLE / 2
    frame = finish(image, denominator)
    assert not frame[[2, 5]].any()
    np.testing.assert_array_equal(frame[6], image[6])


def test_the_plate_enters_without_a_pop():
    coverage = np.linspace(0, 1e-3, 400, dtype=np.float32)
    frame = finish(coverage[:, None, None], coverage[:, None], np.zeros((400, 1, 1), np.float32))
    steps = np.diff(frame[:, 0, 0])
    assert (steps > 0).all()
    assert steps.max() < 0.06
