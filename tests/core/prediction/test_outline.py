"""What is alive and where it ends, from two looks at a photo."""

from types import SimpleNamespace

import numpy as np
import pytest
from gid_dev.gid_core.prediction import outline, stages

SIZE = (288, 512)  # of the closer look: 72 x 128 cells
CELLS = (72, 128)


def disc(radius, height=0.9):
    rows, columns = np.indices(CELLS)
    return np.where(np.hypot(rows - 36, columns - 64) <= radius, height, 0.0)


def test_the_fine_look_alone_wakes_nothing():
    fine = np.ones(CELLS)
    assert outline.fused(np.zeros(CELLS), fine, SIZE).max() == 0


def test_what_the_coarse_look_is_sure_of_stays_whole():
    both = outline.fused(disc(20), np.zeros(CELLS), SIZE)
    assert both[36, 64] == pytest.approx(0.9)


def test_the_fine_look_adds_what_is_thin_and_touches_and_takes_what_is_beyond_the_edge():
    coarse, fine = disc(12), disc(8)
    fine[36, 64:80] = 0.9  # a blade that reaches beyond the disc
    both = outline.fused(coarse, fine, SIZE)
    assert both[36, 79] == pytest.approx(0.45)  # the coarse look did not see it
    assert both[26, 64] == pytest.approx(0.45)  # only the coarse one did
    assert both[36, 70] == pytest.approx(0.9)


@pytest.mark.parametrize("confidence", [0.9, 0.4])
def test_an_edge_is_as_sharp_where_little_is_certain(confidence):
    rng = np.random.default_rng(0)
    guide = np.where(disc(12)[..., None] > 0, 0.8, 0.2) + rng.normal(0, 0.01, (*CELLS, 3))
    halo = np.where(disc(16) > 0, 0.08, 0.0)
    found = outline.Outline(np.maximum(disc(12), halo) * confidence, SIZE, guide.astype(np.float32))
    opened = found.at_grid(guide.repeat(2, 0).repeat(2, 1).astype(np.float32))
    assert opened.shape == (144, 256)
    assert opened[72, 128] == pytest.approx(1, abs=1e-3)
    assert opened[72, 128 + 30] < 0.05  # in the halo, three cells beyond the disc
    assert opened[4, 4] == 0


def test_a_field_keeps_its_mean_on_coarser_cells():
    found = outline.resampled(disc(15), SIZE, (36, 64), (144, 256), taps=4)
    assert found.shape == (36, 64)
    assert found.mean() == pytest.approx(disc(15).mean(), rel=1e-3)


@pytest.mark.parametrize(("long_side", "looks"), [(100, 1), (383, 1), (384, 2), (2000, 2)])
def test_a_small_photo_is_looked_at_once(long_side, looks):
    seen = []

    def encode(rgb):
        seen.append(rgb.shape[2:])
        h, w = rgb.shape[2] // 4, rgb.shape[3] // 4
        return {"alive": np.full((1, 1, h, w), 0.5, np.float32), "envelope": np.ones((1, 16, h, w), np.float32)}

    model = SimpleNamespace(card=SimpleNamespace(input_long_side=256), encode=encode)
    found, sights, edge = stages.look(model, np.zeros((long_side // 2, long_side, 3), np.float32))
    assert len(seen) == looks
    assert max(seen[-1]) <= 512
    assert found["alive"].shape[2:] == tuple(n // 4 for n in sights[0].rgb.shape[2:])
    np.testing.assert_allclose(found["alive"], 0.5, rtol=1e-5)
    assert edge.alive.shape == (seen[-1][0] // 4, seen[-1][1] // 4)
