"""Combing turns the motion under a stroke along it, smoothly, and leaves the rest bit for bit."""

import numpy as np
import pytest

from gid_core.errors import SettingsError
from gid_core.motion import comb
from gid_core.motion.comb import Stroke
from gid_core.motion.edits import Edits, apply
from gid_core.motion.plan import plan_loop

from .some import some_motion

SIDE = 64
ALONG = np.deg2rad(3)  # of a stroke's direction: half a cell and the fade beside it


def swaying(angle, side=SIDE):
    """Everything swings along one axis, in one phase."""
    return np.tile(np.array([np.cos(angle), np.sin(angle)], np.complex64) * (2 + 1j), (4, side, side, 1))


def turned(amplitudes, *strokes):
    angle = comb.local_turn(amplitudes, strokes)
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = amplitudes[..., 0], amplitudes[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y], -1)


def axis_at(amplitudes, x, y):
    row, column = int(y * amplitudes.shape[1]), int(x * amplitudes.shape[2])
    return comb.axis(amplitudes[:, row : row + 1, column : column + 1])


def apart(a, b):
    """Between two axes, 0 to a quarter turn."""
    return abs(np.mod(a - b + np.pi / 2, np.pi) - np.pi / 2)


@pytest.mark.parametrize("swing", [0.0, 0.7, -1.5])
@pytest.mark.parametrize("way", [0.0, 0.6, -1.2, 1.5])
def test_what_lies_under_a_straight_stroke_moves_along_it(swing, way):
    end = 0.5 + 0.2 * np.array([np.cos(way), np.sin(way)])
    moved = turned(swaying(swing), Stroke(((0.5, 0.5), tuple(end)), 0.15))
    assert apart(axis_at(moved, *(0.5 + 0.1 * np.array([np.cos(way), np.sin(way)]))), way) < ALONG


def test_far_from_a_stroke_nothing_turns_at_all():
    angle = comb.local_turn(swaying(0.3), [Stroke(((0.2, 0.2), (0.4, 0.2)), 0.1)])
    assert (angle[SIDE // 2 :] == 0).all()
    assert np.abs(np.diff(angle, axis=0)).max() < 0.6  # it fades: no tear between neighbours


def test_along_a_bent_stroke_motion_bends_with_it():
    bow = [(0.5 - 0.3 * np.cos(t), 0.7 - 0.3 * np.sin(t)) for t in np.linspace(0.3, np.pi - 0.3, 20)]
    moved = turned(swaying(0.0), Stroke(tuple(bow), 0.12))
    for place, way in ((4, np.arctan2(bow[5][1] - bow[3][1], bow[5][0] - bow[3][0])), (10, 0.0)):
        assert apart(axis_at(moved, *bow[place]), way) < np.deg2rad(15)


def test_two_strokes_comb_two_places():
    moved = turned(
        swaying(0.2), Stroke(((0.1, 0.2), (0.3, 0.2)), 0.1), Stroke(((0.8, 0.6), (0.8, 0.9)), 0.1)
    )  # fmt: skip
    assert apart(axis_at(moved, 0.2, 0.2), 0) < ALONG
    assert apart(axis_at(moved, 0.8, 0.75), np.pi / 2) < ALONG


def test_combing_keeps_how_far_each_place_moves():
    motion = some_motion(1)
    raw, combed = (
        apply(motion, edits).amplitudes for edits in (Edits(), Edits(strokes=(Stroke(((0.1, 0.1), (0.9, 0.8)), 1.0),)))
    )
    assert np.allclose((np.abs(raw) ** 2).sum(-1), (np.abs(combed) ** 2).sum(-1), rtol=1e-4, atol=1e-6)
    assert not np.allclose(raw, combed)


@pytest.mark.parametrize("points", [((0.5, 0.5),), ((0.5, 0.5), (0.5, 0.5)), ((0.1, np.nan), (0.5, 0.5))])
def test_a_stroke_that_leads_nowhere_is_refused(points):
    with pytest.raises(SettingsError, match="draw it again"):
        Stroke(points)


@pytest.mark.parametrize("reach", [0.0, -1.0, 1.5, np.nan])
def test_a_reach_out_of_range_is_refused(reach):
    with pytest.raises(SettingsError, match="reach"):
        Stroke(((0, 0), (1, 1)), reach)


@pytest.mark.parametrize("rate", [0.0, -1.0, 3.0, np.nan])
def test_a_rate_out_of_range_is_refused(rate):
    with pytest.raises(SettingsError, match="rate"):
        Edits(rate=rate)


def test_slow_motion_takes_as_many_times_as_long():
    """At half the rate a loop of twice the length has the same harmonics: each frame comes at twice its time."""
    motion = some_motion(3)
    whole = plan_loop(apply(motion, Edits()), 120, 24)
    slow = plan_loop(apply(motion, Edits(rate=0.5)), 240, 24)
    assert slow.harmonics == whole.harmonics
    assert np.allclose(slow.scalars(100), whole.scalars(50))


def test_strokes_are_told_as_text():
    first, second = comb.strokes_of("0.2,0.5 .4,.4; 0.6,0.5 0.8,0.5 1,0.6", 0.2)
    assert (first.points, first.reach) == (((0.2, 0.5), (0.4, 0.4)), 0.2)
    assert len(second.points) == 3


@pytest.mark.parametrize("text", ["", "0.2", "0.2,0.5", "0.2,0.5 0.4", "a,b c,d", "0.2,0.5 0.4,0.4;", "nan,0 1,1"])
def test_a_text_that_tells_no_stroke_is_refused(text):
    with pytest.raises(SettingsError, match=r"comb|stroke"):
        comb.strokes_of(text, 0.1)
