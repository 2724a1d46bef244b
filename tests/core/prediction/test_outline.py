"""What is alive and where it ends, from two looks at a photo."""

from types import SimpleNamespace

import numpy as np
import pytest
from gid_dev.gid_core.model import contract
from gid_dev.gid_core.prediction import outline, stages

SIZE = (288, 512)  # of the closer look: 72 x 128 cells
CELLS = (72, 128)


def disc(radius, height=0.9):
    rows, columns = np.indices(CELLS)
    return np.where(np.hypot(rows - 36, columns - 64) <= radius, height, 0.0)


def test_two_looks_that_agree_are_one_and_those_that_differ_meet():
    sure = np.array([0.1, 0.5, 0.97])
    np.testing.assert_allclose(outline.fused(sure, sure), sure)
    assert 0.5 < outline.fused(np.array([0.9]), np.array([0.1])) < 0.75  # the first look counts more
    assert np.isfinite(outline.fused(np.array([0.0, 1.0]), np.array([1.0, 0.0]))).all()
    one, other = np.random.default_rng(0).random((2, 50))
    both = outline.fused(one, other)
    assert (both >= np.minimum(one, other)).all()
    assert (both <= np.maximum(one, other)).all()


@pytest.mark.parametrize("confidence", [0.9, 0.4])
def test_an_edge_is_as_sharp_where_little_is_certain(confidence):
    rng = np.random.default_rng(0)
    guide = np.where(disc(12)[..., None] > 0, 0.8, 0.2) + rng.normal(0, 0.01, (*CELLS, 3))
    found = np.maximum(disc(12), np.where(disc(16) > 0, 0.08, 0.0)) * confidence  # with a halo
    opened, alive = outline.Outline(found, found, SIZE, guide.astype(np.float32)).at_grid(
        guide.repeat(2, 0).repeat(2, 1).astype(np.float32)
    )
    assert opened.shape == alive.shape == (144, 256)
    assert alive[72, 128] == pytest.approx(confidence * 0.9, rel=0.02)
    assert alive[72, 128 + 30] < outline.ALIVE / 2
    assert opened[72, 128] == pytest.approx(1, abs=1e-3)
    assert opened[72, 128 + 30] < 0.05  # three cells beyond the disc
    assert opened[4, 4] == 0


def test_the_closest_look_alone_tells_where_it_ends():
    guide = np.full((*CELLS, 3), 0.5, np.float32)
    found = outline.Outline(disc(20), disc(10), SIZE, guide)
    opened, _ = found.at_grid(np.full((72, 128, 3), 0.5, np.float32))
    assert opened[36, 64] > 0.9
    assert opened[36, 64 + 17] < 0.05


def test_a_field_keeps_its_mean_on_coarser_cells():
    found = outline.resampled(disc(15), SIZE, (36, 64), (144, 256), taps=4)
    assert found.shape == (36, 64)
    assert found.mean() == pytest.approx(disc(15).mean(), rel=1e-3)


def ramp(channels, h, w):
    """From 0 at the left to 1 at the right, (1, channels, h, w)."""
    return np.broadcast_to((np.arange(w, dtype=np.float32) + 0.5) / w, (1, channels, h, w))


def told(rgb):
    """What the first look says of objects, the same places in any look."""
    h, w = (n // contract.CELL_STRIDE for n in rgb.shape[2:])
    return {"features": ramp(5, h, w), "affinity": ramp(8, h, w)}


@pytest.mark.parametrize(
    ("long_side", "roles", "looks"),
    [
        (191, contract.SIGNATURES, 1),
        (192, contract.SIGNATURES, 2),
        (2000, contract.SIGNATURES, 2),
        (2000, contract.PREDICTION, 1),
    ],
)
def test_a_thumbnail_and_a_model_without_the_graph_look_once(long_side, roles, looks):
    seen = []

    def encode(rgb):
        seen.append(rgb.shape[2:])
        h, w = rgb.shape[2] // 4, rgb.shape[3] // 4
        return told(rgb) | {
            "alive": np.full((1, 1, h, w), 0.5, np.float32),
            "envelope": np.ones((1, 16, h, w), np.float32),
        }

    def run(role, inputs):
        assert role == contract.CLOSER
        np.testing.assert_allclose(inputs["coarse"], 0.5, rtol=1e-5)
        for name, of in (("told", "features"), ("known", "affinity")):
            h, w = (n // contract.TOLD_STRIDE for n in inputs["rgb"].shape[2:])
            np.testing.assert_allclose(inputs[name], ramp(len(told(inputs["rgb"])[of][0]), h, w), atol=0.06)
        return encode(inputs["rgb"]) | {"own": None}

    model = SimpleNamespace(card=SimpleNamespace(input_long_side=256, files=roles), encode=encode, run=run)
    photo = np.zeros((long_side // 2, long_side, 3), np.float32)
    picture = stages.at_grid(photo)
    found, sights, moves = stages.look(model, photo, picture)
    assert len(seen) == len(sights) == looks
    assert (256, 384, 512)[looks - 1] <= max(seen[-1]) <= 512
    assert found["alive"].shape[2:] == tuple(n // 4 for n in sights[0].rgb.shape[2:])
    np.testing.assert_allclose(found["alive"], 0.5, rtol=1e-5)
    np.testing.assert_allclose(moves, np.ones(picture.shape[:2]), rtol=1e-5)


def test_what_the_closer_look_alone_finds_counts_where_it_hangs_together_with_what_both_know():
    def encode(rgb):
        h, w = rgb.shape[2] // 4, rgb.shape[3] // 4
        known = np.zeros((1, 1, h, w), np.float32)
        known[..., h // 2 :, w // 4 : w // 2] = 0.9  # seen at 256 px
        return told(rgb) | {"alive": known, "envelope": np.ones((1, 16, h, w), np.float32)}

    def run(role, inputs):
        alive = inputs["coarse"].copy()
        height, width = alive.shape[2:]
        alive[..., height // 8 :, width // 3 : width // 3 + 4] = 0.6  # its tip
        alive[..., height // 8 : height // 2, 3 * width // 4 : 3 * width // 4 + 4] = 0.6  # as sure, and nothing's tip
        return {"alive": alive, "affinity": None, "own": None}

    card = SimpleNamespace(input_long_side=256, files=contract.SIGNATURES)
    photo = np.zeros((256, 512, 3), np.float32)
    model = SimpleNamespace(card=card, encode=encode, run=run)
    found, _, _ = stages.look(model, photo, stages.at_grid(photo))
    alive = found["alive"][0, 0]
    assert alive[8, 22] > 4 * max(alive[8, 48], 1e-3)
