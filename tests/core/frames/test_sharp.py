"""Tents carry colours sharpened by what their landing blurs: no frame is softer than the still, no layer leaks."""

from fractions import Fraction

import numpy as np
import pytest

from gid_core.files.colour import encode_srgb
from gid_core.frames.renderer import LoopRenderer
from gid_core.frames.sharp import differences, kin, sharpened
from gid_core.frames.splat import Splatter, finish, splat, weight_of
from gid_core.motion.plan import plan_loop
from gid_core.motion.volume import SpectralVolume

HEIGHT, WIDTH = 40, 56
ROUNDING = 2e-6  # float32 sums of a few dozen shares, relative to the largest
HELD = 0.95  # of the still's sharpness
RINGS = 12  # of 255 in sRGB: RINGING is 6 of a root of light, at the darkest a little more in sRGB


def picture(channels=3, seed=0):
    return np.random.default_rng(seed).random((HEIGHT, WIDTH, channels), np.float32)


def shift(x, y):
    return np.zeros((HEIGHT, WIDTH, 2), np.float32) + np.float32([x, y])


def all_kin():
    """All along, and all of the correction, whatever the picture."""
    return kin([shift(1, 1)], np.ones((HEIGHT, WIDTH), np.float32), np.zeros((HEIGHT, WIDTH, 3), np.float32))


def kin_of(fields, weight=None, image=None):
    weight = np.ones((HEIGHT, WIDTH), np.float32) if weight is None else weight
    return kin(fields, weight, np.zeros((HEIGHT, WIDTH, 3), np.float32) if image is None else image)


def test_kin_counts_up_to_three_pixels_and_ends_at_the_frame_whose_own_pixels_have_none_across():
    found = all_kin()
    columns, rows = (np.array([0] + [3] * (size - 4) + [2, 1, 0]) for size in (WIDTH, HEIGHT))
    assert (found[..., 0] == columns).all()
    assert (found[..., 1] == columns[::-1]).all()
    assert (found[..., 2] == rows[:, None]).all()
    assert (found[..., 3] == rows[::-1, None]).all()
    assert (found[..., 4] == 255).all()


@pytest.mark.parametrize("by", ["motion", "layer"])
def test_kin_ends_where_motion_or_layer_changes(by):
    field, weight = shift(1, 0), np.ones((HEIGHT, WIDTH), np.float32)
    if by == "motion":
        field[:, 30:] += 0.31
    else:
        weight[:, 30:] = 3.1
    found = kin_of([field, field], weight)
    assert (found[:, 26:30, 0] == [3, 2, 1, 0]).all()
    assert (found[:, 30:34, 1] == [0, 1, 2, 3]).all()
    assert (found[5:-5, :, 2:4] == 3).all()
    field[:, 30:] = field[:, :1] + np.float32([0.2, 0])
    assert (kin_of([field])[:, 28:30, 0] == 3).all()


def test_whole_pixels_and_even_colours_stay_bit_for_bit():
    image = picture()
    for moved in (shift(0, 0), shift(3, -2)):
        np.testing.assert_array_equal(sharpened(image, all_kin(), moved), image)
    even = np.full_like(image, 0.3)
    np.testing.assert_array_equal(sharpened(even, all_kin(), shift(0.5, 0.4)), even)


def test_a_ramp_needs_no_sharpening():
    ramp = np.mgrid[:HEIGHT, :WIDTH].sum(0).astype(np.float32)[..., None]
    inside = np.s_[3:-3, 3:-3]
    np.testing.assert_array_equal(sharpened(ramp, all_kin(), shift(0.5, 0.3))[inside], ramp[inside])
    alone = np.zeros((HEIGHT, WIDTH, 5), np.uint8)
    alone[..., 4] = 255
    np.testing.assert_array_equal(sharpened(picture(), alone, shift(0.5, 0.3)), picture())


def test_what_is_no_kin_sharpens_nothing():
    image, field = picture(), shift(0.5, 0.5)
    field[:, 30:] += 5
    relation = kin_of([field])
    before = sharpened(image, relation, field)
    image[:, 30:] = 7
    np.testing.assert_array_equal(sharpened(image, relation, field)[:, :30], before[:, :30])
    assert not differences(np.ones_like(image), relation).any()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_splatter_splats_the_sharpened_colours(channels):
    rng = np.random.default_rng(1)
    image, weight = picture(channels), weight_of(rng.random((HEIGHT, WIDTH), np.float32))
    field = rng.normal(0, 3, (HEIGHT, WIDTH, 2)).astype(np.float32)
    relation = kin([field * 0.05], weight, image)
    found = Splatter(image, weight, kin=relation)(field)
    expected = splat(sharpened(image, relation, field), field, weight)
    for ours, theirs in zip(found, expected, strict=True):
        assert np.abs(ours - theirs).max() <= ROUNDING * np.abs(theirs).max()


def test_half_a_pixel_keeps_fine_detail():
    x = np.arange(WIDTH)
    stripes = (0.5 + 0.4 * np.sin(x * 2 * np.pi / 4))[None, :, None] * np.ones((HEIGHT, 1, 1))
    stripes = stripes.astype(np.float32)
    plain = finish(*splat(stripes, shift(0.5, 0)))[:, 8:-8].std() / stripes.std()
    sharp = finish(*Splatter(stripes, kin=all_kin())(shift(0.5, 0)))[:, 8:-8].std() / stripes.std()
    assert plain < 0.72
    assert 0.97 < sharp < 1.07  # a period of 4 px, half a pixel off: where the series gives the most


HARD = {"bright": (0.02, 0.9), "dark": (0.9, 0.02), "black": (0.9, 0.0), "faint": (0.4, 0.5)}


@pytest.mark.parametrize("edge", HARD)
@pytest.mark.parametrize("landing", [(0.5, 0), (0, 0.25), (0.5, 0.5), (0.3, 0.8)])
def test_frames_do_not_ring_beside_hard_edges(edge, landing):
    image = np.full((HEIGHT, WIDTH, 3), HARD[edge][0], np.float32)
    image[10:30, 20:] = HARD[edge][1]
    frames = {}
    for share in ("bounded", "free"):
        relation = kin_of([shift(*landing)], image=image)
        if share == "free":
            relation[..., 4] = 255
        frames[share] = encode_srgb(np.clip(finish(*Splatter(image, kin=relation)(shift(*landing))), 0, 1))
    low, high = encode_srgb(np.float32(sorted(HARD[edge])))
    beyond = {share: 255 * max(low - frame.min(), frame.max() - high) for share, frame in frames.items()}
    assert beyond["bounded"] <= RINGS
    assert beyond["bounded"] <= beyond["free"]
    plain = encode_srgb(finish(*splat(image, shift(*landing))))
    assert np.abs(frames["bounded"] - plain).max() > 2 / 255  # and it is sharpened


def test_opacity_stays_within_its_bounds_and_colour_within_opacity():
    image = picture(4)
    image[..., 3] = image[..., 3] > 0.5
    image[..., :3] *= image[..., 3:]
    image[4, 4] = [5, 5, 5, 0]  # light without substance, such as a flame, may be more than its opacity
    numerator, _ = Splatter(image, kin=kin_of([shift(1, 1)], image=image))(shift(0.5, 0.5))
    away = np.s_[8:, 8:]
    assert numerator[..., 3].min() >= 0
    assert numerator[..., 3].max() <= 1 + ROUNDING
    assert (numerator[away][..., :3] <= numerator[away][..., 3:] + ROUNDING).all()
    assert numerator[3:6, 3:6, :3].max() > 0.7


def test_every_frame_of_a_loop_is_as_sharp_as_the_still():
    rng = np.random.default_rng(2)
    height, width = 96, 128
    grain = rng.normal(0, 1, (height, width, 3)).astype(np.float32)
    for _ in range(3):  # as lenses and sensors do
        grain = sum(np.roll(grain, (a, b), (0, 1)) for a in (0, 1, 2) for b in (0, 1, 2)) / 9
    still = np.clip(0.4 + 0.5 * grain, 0.02, 1).astype(np.float32)
    k = np.arange(1, 17)[:, None, None, None]
    turn = np.exp(2j * np.pi * rng.random((16, 1, 1, 2)))
    volume = SpectralVolume(turn / k * np.ones((16, 24, 32, 2)), k.ravel() / 5)
    loop = LoopRenderer(still, volume, plan_loop(volume, 24, Fraction(24)))
    inside = np.s_[12:-12, 12:-12]

    def sharpness(image):
        grey = encode_srgb(np.clip(image, 0, 1)).mean(-1)
        laplacian = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
        return np.sqrt((laplacian[inside] ** 2).mean())

    kept = [sharpness(loop.frame(n)) / sharpness(still) for n in range(24)]
    plain = Splatter(still, weight_of(loop.front), beyond=True)
    softest = min(sharpness(finish(*plain(loop.displacement(n)))) / sharpness(still) for n in range(24))
    assert softest < 0.85
    assert min(kept) >= HELD
    assert max(kept) <= 2 - HELD
    assert kept[1] / kept[0] >= HELD  # no crisp flash at the first frame
