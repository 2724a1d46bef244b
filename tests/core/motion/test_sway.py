"""How a region sways: held at its root, farther towards its tip, slower the larger it is; a mask alone decides."""

import numpy as np
from gid_dev.gid_core.motion import sway

FREQUENCIES = np.arange(1, 17) / 5
GREY = np.full((96, 128, 3), 0.5, np.float32)


def rms(envelope):
    return np.sqrt((envelope**2).sum(0))


def test_what_hangs_from_the_upper_edge_moves_below():
    mask = np.zeros((96, 128), np.float32)
    mask[:50, 40:60] = 1
    moved = rms(sway.sway(GREY, mask, FREQUENCIES))
    assert moved[42:48, 45:55].mean() > 2 * moved[2:8, 45:55].mean()


def test_a_mask_alone_decides():
    mask = np.zeros((96, 128), np.float32)
    mask[30:70, 90:120] = 1
    moved = rms(sway.sway(GREY, mask, FREQUENCIES))
    assert moved[35:50, 95:115].min() > 0.1
    assert (moved[mask == 0] == 0).all()


def test_a_larger_plant_sways_slower_and_farther():
    tall, small = (np.zeros((256, 256), np.float32) for _ in range(2))
    tall[20:250, 100:150] = 1
    small[200:250, 100:150] = 1
    grey = np.full((256, 256, 3), 0.5, np.float32)
    tall, small = (sway.sway(grey, mask, FREQUENCIES) for mask in (tall, small))
    assert rms(tall).max() > 1.5 * rms(small).max()
    energies = [(envelope**2).sum((1, 2)) for envelope in (tall, small)]
    centres = [(FREQUENCIES * energy).sum() / energy.sum() for energy in energies]
    assert centres[0] < centres[1]


def test_connected_regions_are_told_apart_however_they_wind():
    mask = np.zeros((9, 11), bool)
    mask[1, 1:10] = mask[1:8, 9] = mask[7, 3:10] = mask[4:8, 3] = True  # a spiral
    mask[4, 6] = True  # alone inside it
    labels = sway.components(mask)
    assert len(np.unique(labels[mask])) == 2
    assert labels[4, 6] != labels[1, 1] == labels[4, 3]
    assert (labels[~mask] == -1).all()


def test_any_size_is_taken():
    for height, width in ((1, 256), (256, 3), (37, 211)):
        grey, everything = np.full((height, width, 3), 0.5, np.float32), np.ones((height, width), np.float32)
        envelope = sway.sway(grey, everything, FREQUENCIES)
        assert envelope.shape == (16, height, width)
        assert np.isfinite(envelope).all()


def test_an_empty_mask_stands_still():
    assert not sway.sway(GREY, np.zeros((96, 128), np.float32), FREQUENCIES).any()


def test_the_motion_is_shared_out_over_whatever_frequencies_there_are():
    mask = np.zeros((96, 128), np.float32)
    mask[30:70, 40:70] = 1
    few, many = (rms(sway.sway(GREY, mask, f)) for f in (FREQUENCIES[:4], FREQUENCIES))
    np.testing.assert_allclose(few, many, rtol=1e-5)
