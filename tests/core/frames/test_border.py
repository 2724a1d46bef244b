"""The picture reaches its frame: border pixels go on outwards, and no motion bares what lies behind them."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gid_core.files.colour import encode_srgb
from gid_core.frames.renderer import LoopRenderer
from gid_core.frames.splat import Splatter, splat, weight_of
from gid_core.motion.plan import plan_loop
from gid_core.motion.volume import SpectralVolume

ROUNDING = 6e-6  # float32 sums of up to a hundred shares in another order, relative to the largest
OFF = 20  # of 255: a border pixel beyond the colours within reach by more than this is a flicker
SIDE = 96, 64


def scene(seed, height, width, reach):
    rng = np.random.default_rng(seed)
    displacement = (rng.standard_normal((height, width, 2)) * reach).astype(np.float32)
    return rng.random((height, width, 3), np.float32), displacement, weight_of(rng.random((height, width), np.float32))


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9), st.sampled_from([0.0, 0.3, 3.0, 15.0]))
@example(3, 1, 6, 3.0)
@example(39338, 1, 7, 15.0)
def test_border_pixels_splat_as_if_repeated_beyond_the_frame(seed, height, width, reach):
    image, displacement, weight = scene(seed, height, width, reach)
    displacement = displacement.clip(-12, 12)
    displacement = np.where(np.random.default_rng(seed).random((height, width, 1)) < 0.2, 2, displacement)
    found = Splatter(image, weight, beyond=True)(displacement)
    sides = (14, 14), (14, 14)
    wide = [np.pad(field, (*sides, (0, 0)), mode="edge") for field in (image, displacement)]
    expected = splat(*wide, np.pad(weight, sides, mode="edge"))
    for ours, theirs in zip(found, expected, strict=True):
        theirs = theirs[14:-14, 14:-14]
        assert np.abs(ours - theirs).max() <= ROUNDING * max(np.abs(theirs).max(), 1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_a_displacement_that_is_no_number_has_no_copies(bad):
    image, displacement, weight = scene(1, 6, 7, 3.0)
    without = weight.copy()
    for y, x in ((0, 0), (2, 0), (5, 3), (0, 6)):
        displacement[y, x, y % 2] = bad
        without[y, x] = 0
    found = Splatter(image, weight, beyond=True)(displacement)
    if bad == 3e38:  # a number: it covers whatever lies on its way
        assert all(np.isfinite(field).all() for field in found)
        return
    displacement = np.where(np.isfinite(displacement), displacement, 0)
    for ours, theirs in zip(found, Splatter(image, without, beyond=True)(displacement), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_resting_and_leaving_pixels_add_nothing():
    image, displacement, weight = scene(2, 8, 9, 2.0)
    displacement[:, 0, 0], displacement[:, -1, 0] = -1, 0
    displacement[0, :, 1], displacement[-1, :, 1] = 0, 3
    for ours, theirs in zip(
        Splatter(image, weight, beyond=True)(displacement), splat(image, displacement, weight), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def leaving(reach_px):
    """Bright and dark waves that sway across all four sides, each its own way."""
    width, height = SIDE
    y, x = np.mgrid[:height, :width].astype(np.float32)
    bands = 0.5 + 0.45 * np.sin(x / 4) * np.sin(y / 5)
    still = np.stack([bands, 0.6 + 0.3 * np.sin(x / 9 + y / 7), 1 - bands], -1).astype(np.float32)
    k = np.arange(1, 17)[:, None, None, None]
    turn = np.exp(2j * np.pi * np.random.default_rng(0).random((16, 1, 1, 2)))
    volume = SpectralVolume(
        reach_px * turn / k * np.exp(0.5j * x / width)[..., None] * [1, 0.7], k.ravel() / 5, {"seed": 0}
    )
    return still, volume


def beyond_reach(still, loop, n_frames):
    """Of each frame: the largest step (0..255) of a border pixel beyond the colours that can reach it."""
    worst = []
    photo = encode_srgb(still) * 255
    for n in range(n_frames):
        reach = int(np.ceil(np.abs(loop.displacement(n)).max())) + 1
        frame = encode_srgb(loop.frame(n)) * 255
        off = []
        for turned, still_turned in (
            (frame, photo),
            (frame[::-1], photo[::-1]),
            (frame.swapaxes(0, 1), photo.swapaxes(0, 1)),
            (frame[:, ::-1].swapaxes(0, 1), photo[:, ::-1].swapaxes(0, 1)),
        ):
            strip = np.pad(still_turned[: reach + 2], ((0, 0), (reach, reach), (0, 0)), mode="edge")
            windows = np.lib.stride_tricks.sliding_window_view(strip, 2 * reach + 1, axis=1)
            low, high = windows.min((0, -1)), windows.max((0, -1))
            off.append(np.maximum(low - turned[:2], turned[:2] - high).max())
        worst.append(max(off))
    return worst


def rims(field):
    """The outermost pixels: left, right, top, bottom."""
    return field[:, 0], field[:, -1], field[0], field[-1]


@pytest.mark.parametrize("reach_px", [2, 12])
def test_no_border_pixel_of_any_frame_leaves_the_colours_within_its_reach(reach_px):
    still, volume = leaving(reach_px)
    plan = plan_loop(volume, 24, Fraction(24))
    green = np.zeros_like(still) + np.float32([0, 1, 0])  # shines through wherever the frame is bared
    loop = LoopRenderer(still, volume, plan, plate=green)
    fields = [loop.displacement(n) for n in range(24)]
    assert reach_px / 2 < max(np.abs(field).max() for field in fields) < 2 * reach_px
    assert max(beyond_reach(still, loop, 24)) <= OFF
    bared = [splat(still, field, weight_of(loop.front))[1] == 0 for field in fields]
    assert all(any(rim.any() for rim in side) for side in zip(*map(rims, bared), strict=True))
