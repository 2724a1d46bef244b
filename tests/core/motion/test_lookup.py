"""The lookup: pixels read what belongs to their own side of an edge in the photo, and nothing changes without one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gid_core.motion.lookup import lookup, moves_of
from gid_core.motion.places import OWN, STEPS, Places
from gid_core.motion.volume import SpectralVolume

TEXEL = 6.25  # px, as at 1600 px
GRID = (20, 32)
SIZE = (125, 200)
REACH_PX = 5.0


def disc():
    """Inside a disc whose edge runs through texels: bool (H, W)."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.hypot(x - 97.3, y - 58.1) < 31


def photo_of(inside, contrast=0.3, noise=0.05, seed=0):
    """uint8 (H, W, 3): two colours with grain."""
    rng = np.random.default_rng(seed)
    colour = 0.4 + contrast * inside[..., None] * [1, 0.5, -0.5] + noise * rng.standard_normal((*SIZE, 3))
    return np.rint(255 * np.clip(colour, 0, 1)).astype(np.uint8)


def texels_of(moves):
    """Means of (H, W, C) over texels."""
    y, x = (((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(SIZE, GRID, strict=True))
    sums = np.zeros((*GRID, moves.shape[2]))
    count = np.zeros(GRID)
    np.add.at(sums, (y[:, None], x), moves)
    np.add.at(count, (y[:, None], x), 1)
    return (sums / count[..., None]).astype(np.float32)


def errors(inside, photo):
    """Mean error of the motion within two texels of the edge: at the own place, and by the lookup."""
    truth = (REACH_PX * inside[..., None] * [0.8, 0.6]).astype(np.float32)
    moves = texels_of(truth)
    band = np.zeros(SIZE, bool)
    for dy, dx in np.ndindex(25, 25):
        band |= np.roll(inside, (dy - 12, dx - 12), (0, 1)) != inside
    return [
        np.sqrt(((Places(GRID, *SIZE[::-1], found).read(moves) - truth) ** 2).sum(-1))[band].mean()
        for found in (None, lookup(photo, moves))
    ]


def test_motion_ends_at_the_photos_edge():
    for seed in range(3):
        before, now = errors(disc(), photo_of(disc(), seed=seed))
        assert now < before / 4


def test_grain_gives_no_dots():
    """Each side of the edge is read whole: hardly a pixel moves otherwise than the eight around it."""
    inside = disc()
    moves = texels_of(REACH_PX * inside[..., None] * np.ones(2))
    found = Places(GRID, *SIZE[::-1], lookup(photo_of(inside, noise=0.07), moves)).read(moves)[..., 0]
    is_moving = found > REACH_PX / 2
    alike = sum(np.roll(is_moving, (y, x), (0, 1)) == is_moving for y in (-1, 0, 1) for x in (-1, 0, 1)) - 1
    assert (alike <= 2).sum() <= 2


def test_the_soft_rim_of_a_rough_thing_goes_along():
    """Left behind before a smooth ground it would draw the old outline, however the thing's own colours scatter."""
    inside = disc()
    cover = sum(np.roll(inside, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)) / 9
    colours = np.random.default_rng(0).normal((0.6, 0.45, 0.3), 0.2, (*SIZE, 3)) * cover[..., None]
    colours += np.random.default_rng(1).normal(0.1, 0.005, (*SIZE, 3)) * (1 - cover[..., None])
    moves = texels_of(REACH_PX * inside[..., None] * np.ones(2))
    photo = (255 * np.clip(colours, 0, 1)).astype(np.uint8)
    is_moving = Places(GRID, *SIZE[::-1], lookup(photo, moves)).read(moves)[..., 0] > REACH_PX / 2
    assert is_moving[~inside & (cover > 0.3)].mean() > 0.85
    assert not is_moving[cover == 0].any()


@pytest.mark.parametrize("what", ["one colour", "fades", "rests"])
def test_without_an_edge_every_pixel_reads_at_its_own_place(what):
    inside = disc()
    photo = photo_of(inside, contrast=0 if what == "one colour" else 0.3)
    moves = texels_of(REACH_PX * inside[..., None] * np.ones(2))
    if what == "fades":
        moves = np.broadcast_to(np.linspace(0, 20, GRID[1])[None, :, None], (*GRID, 2)).astype(np.float32)
    if what == "rests":
        moves = moves * 0
    found = lookup(photo, moves)
    assert found is None or (found != OWN).any(-1).mean() < 0.01


@settings(max_examples=20)
@given(angle=st.floats(0, 2 * np.pi), rise=st.floats(0.2, 2), grain=st.sampled_from([0.0, 0.01]))
def test_an_even_ramp_is_never_cut(angle, rise, grain):
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    ramp = rise * ((x - 97.3) * np.cos(angle) + (y - 58.1) * np.sin(angle)) / SIZE[1]
    moves = texels_of(REACH_PX * (ramp > 0)[..., None] * np.ones(2))
    assert lookup(photo_of(ramp, noise=grain), moves) is None


def test_a_picture_as_small_as_the_grid_has_no_lookup():
    assert lookup(np.zeros((20, 30, 3), np.uint8), np.ones((*GRID, 2), np.float32)) is None


def test_the_same_photo_gives_the_same_bytes_and_a_mirrored_one_the_mirrored():
    inside = disc()
    photo, moves = photo_of(inside), texels_of(REACH_PX * inside[..., None] * np.ones(2))
    found = lookup(photo, moves)
    assert found.tobytes() == lookup(photo.copy(), moves.copy()).tobytes()
    there = Places(GRID, *SIZE[::-1], found).read(moves)
    mirrored = lookup(np.ascontiguousarray(photo[:, ::-1]), np.ascontiguousarray(moves[:, ::-1]))
    back = Places(GRID, *SIZE[::-1], mirrored).read(np.ascontiguousarray(moves[:, ::-1]))[:, ::-1]
    assert np.mean(abs(back - there) > 0.05) < 0.002  # a pixel in the middle of a texel lies to either side of it
    assert abs(found.astype(int) - OWN).max() <= 2 * STEPS


def test_moves_are_as_far_apart_as_displacements_over_time():
    rng = np.random.default_rng(0)
    amplitudes = rng.standard_normal((16, 3, 4, 2)) + 1j * rng.standard_normal((16, 3, 4, 2))
    volume = SpectralVolume(amplitudes, np.arange(1, 17) / 5)
    moves = moves_of(volume, 40)
    rms = 10 * np.sqrt((abs(amplitudes[:, 0, 0] - amplitudes[:, 1, 1]) ** 2).sum() / 2)
    assert 0.5 < np.linalg.norm(moves[0, 0] - moves[1, 1]) / rms < 2
    np.testing.assert_array_equal(moves_of(replace(volume, amplitudes=amplitudes * 0), 40), 0)
