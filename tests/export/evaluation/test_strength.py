"""How far we go beside films, and whether the tips of blades are found: what the figures say of known motions."""

import numpy as np
import pytest

from onnx_export.evaluation import strength, tips
from onnx_export.scenes import painting


def test_twice_the_motion_is_twice_as_far_everywhere():
    theirs = np.random.default_rng(0).uniform(0, 2, (32, 64))
    row = strength.compared(2 * theirs, theirs, np.ones(theirs.shape, bool))
    assert row["ratio"] == pytest.approx(2)
    assert row["there"] == pytest.approx(2)


def test_there_looks_where_the_film_moves_most_and_unknown_pixels_count_nowhere():
    theirs, ours, known = np.full((20, 20), 0.1), np.full((20, 20), 0.1), np.ones((20, 20), bool)
    theirs[:2], ours[:2] = 2.0, 1.0
    known[10:] = False
    ours[10:] = 50.0
    assert strength.compared(ours, theirs, known)["there"] == pytest.approx(0.5)


def test_animals_are_told_and_not_judged():
    rows = {name: {"kind": "plant", "ratio": ratio, "there": ratio} for name, ratio in (("a", 0.9), ("b", 1.1))}
    rows["cat"] = {"kind": "animal", "ratio": 0.1, "there": 0.1}
    figures = {"loops": strength.summed(rows)}
    median, not_less, farthest = strength.strength_bars(figures)
    assert median.is_met
    assert not_less.is_met
    assert farthest.figure == pytest.approx(1 / 0.9)
    assert farthest.note == "a"
    assert figures["loops"]["kinds"]["animal"]["films"] == 1


def test_a_blade_that_moves_to_its_end_is_found_and_one_that_stands_above_is_not():
    image, known = tips.blades(3)
    assert image.shape == (960, 1536, 3)
    motion = np.zeros((160, 256))
    for blade in known:
        for part in np.linspace(0, 1, 200):
            x, y = (int(place) for place in blade.at(part))
            motion[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = 1
    assert all(tips.found(motion, known))
    motion[: int(min(blade.at(blade.tip)[1] for blade in known)) + 3] = 0
    assert not all(tips.found(motion, known))
    assert all(0 < blade.tip < 1 and blade.root[1] > painting.HEIGHT for blade in known)
