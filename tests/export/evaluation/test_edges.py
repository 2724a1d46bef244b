"""Edges and thin things: what is true scores best, what is fat, thin or leaky scores worse."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from gid_core.model import session
from onnx_export.evaluation import edges
from onnx_export.scenes import painting

ROWS, COLUMNS = 160, 256


@pytest.fixture(scope="module")
def true():
    rows, columns = np.indices((ROWS, COLUMNS))
    px = np.where(np.hypot(rows - 80, columns - 90) < 40, 0.5 + rows / 160, 0.0)
    px[60:62, 130:220] = 1.0  # a blade, two cells wide
    return px


def test_the_truth_and_any_multiple_of_it_score_best(true):
    for scale in (1, 0.5, 2):
        found = edges.compared(scale * true, true)
        assert found["boundary_f"] > 0.97
        assert found["thin_found"] == found["order"] == pytest.approx(1)
        assert found["leak"] == found["beyond"] == 0
    assert edges.compared(true, true)["error"] == pytest.approx(0, abs=1e-6)


def test_what_is_fat_leaks_and_loses_its_border(true):
    fat = cv2.dilate(true, np.ones((9, 9)))
    found = edges.compared(fat, true)
    assert found["boundary_f"] < 0.6
    assert found["leak"] > 0.5
    assert found["beyond"] < 0.2


def test_a_blade_that_stands_is_not_found(true):
    without = true.copy()
    without[60:62, 130:] = 0
    found = edges.compared(without, true)
    assert found["thin_found"] < 0.1
    assert found["error"] > 0
    assert edges.compared(np.zeros_like(true), true)["boundary_f"] == 0


def test_a_painted_scene_is_the_same_at_any_size():
    small, large = (painting.paint(3, detail=n) for n in (1, 2))
    assert large.image.shape == (320, 512, 3)
    assert large.maps.shape == (len(small.maps), 80, 128)
    assert (large.wind == small.wind).all()
    halved = cv2.resize(large.image, (256, 160), interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(halved - small.image).mean() < 12  # but for the grain
    moves = cv2.resize(large.maps[0], (64, 40), interpolation=cv2.INTER_AREA)
    assert np.corrcoef(moves.ravel(), small.maps[0].ravel())[0, 1] > 0.95


def test_a_model_is_measured_with_intervals_and_bars():
    model = session.load_model(Path(__file__).parents[3] / "models")
    figures = edges.score_edges(model, 1, painting.HELD_OUT_SEED + 1)
    assert figures["scenes"] == 1
    assert set(figures["lead"]) == set(edges.FIGURES)
    assert len(edges.edge_bars(figures)) == 3
    assert edges.edge_lines(figures)[0].startswith(str(figures["scenes"]))
