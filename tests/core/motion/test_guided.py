"""Coarse fields at full resolution: exact where they are smooth, with the photo's edges where it has some."""

import numpy as np
from gid_dev.gid_core.files.resample import bilinear
from gid_dev.gid_core.motion import guided


def test_sampling_agrees_with_the_bilinear_of_the_volume():
    field = np.random.default_rng(0).random((3, 7, 9))
    found = guided.sample(field, guided.centres(7, 20), guided.centres(9, 31))
    np.testing.assert_allclose(found, np.moveaxis(bilinear(np.moveaxis(field, 0, -1), 31, 20), -1, 0), rtol=1e-6)


def test_an_extent_cuts_the_padding_off():
    ramp = np.arange(16.0)[None]
    found = guided.sample(ramp, np.zeros(1), guided.centres(16, 10, 10))
    np.testing.assert_allclose(found[0], np.arange(10))


def test_one_cell_is_enough():
    np.testing.assert_array_equal(
        guided.sample(np.full((1, 1), 5.0), np.zeros(3), np.arange(4.0)), np.full((3, 4), 5.0)
    )


def test_box_means_equal_the_slow_obvious_loop():
    field = np.random.default_rng(1).random((6, 8))
    slow = [[field[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].mean() for x in range(8)] for y in range(6)]
    np.testing.assert_allclose(guided.box_mean(field, 2), slow)


def test_edges_come_from_the_photo():
    """A disc whose coarse envelope is soft becomes sharp where the picture is."""
    y, x = np.mgrid[0:128, 0:192]
    disc = (np.hypot(x - 90, y - 60) < 34).astype(float)
    guide = 0.2 + 0.6 * disc[..., None] * np.ones(3)
    coarse = disc.reshape(32, 4, 48, 4).mean((1, 3))
    coarse_guide = guide.reshape(32, 4, 48, 4, 3).mean((1, 3))
    rows, columns = guided.centres(32, 128), guided.centres(48, 192)
    sharp = guided.filtered(coarse[None], coarse_guide, guide, rows, columns)[0]
    soft = guided.sample(coarse[None], rows, columns)[0]
    assert np.abs(sharp - disc).mean() < 0.35 * np.abs(soft - disc).mean()
    assert sharp.dtype == np.float32


def test_what_is_still_stays_exactly_still():
    coarse = np.zeros((2, 16, 16))
    coarse[:, :4, :4] = 1
    guide = np.random.default_rng(2).random((64, 64, 3))
    found = guided.filtered(
        coarse, guide.reshape(16, 4, 16, 4, 3).mean((1, 3)), guide, guided.centres(16, 64), guided.centres(16, 64)
    )
    assert (found[:, 24:, :] == 0).all()
    assert found.min() >= 0
    assert found.max() <= 1


def test_a_field_is_reconstructed_where_it_hangs_together_with_its_marker():
    mask = np.zeros((5, 9))
    mask[2, :6] = [0.9, 0.9, 0.5, 0.7, 0.7, 0.8]  # a way with a narrow place
    mask[1, 6], mask[2, 8] = 0.6, 0.9  # on by a corner; and what lies apart
    marker = np.zeros_like(mask)
    marker[2, 0] = 0.9
    expected = np.zeros_like(mask)
    expected[2, :6], expected[1, 6] = [0.9, 0.9, 0.5, 0.5, 0.5, 0.5], 0.5
    np.testing.assert_array_equal(guided.reconstructed(marker, mask), expected)
