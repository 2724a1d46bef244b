"""Wind over a long loop: it does not repeat itself within, it closes, and it is drawn by its number alone."""

from fractions import Fraction

import numpy as np
import pytest

from gid_core.errors import SettingsError
from gid_core.motion.edits import Edits, apply
from gid_core.motion.plan import plan_loop
from gid_core.motion.wander import detuned, gusts

from .some import some_motion

FREQUENCIES = np.arange(1, 17) / 5
FPS, MINUTE = Fraction(24), 24 * 60


def likeness(plan, lag):
    """How much the motion of a minute is that of `lag` frames later: 1 is a repetition."""
    scalars = np.stack([plan.scalars(frame) for frame in range(0, MINUTE, 7)])
    later = np.stack([plan.scalars(frame + lag) for frame in range(0, MINUTE, 7)])
    return abs(np.vdot(scalars, later)) / np.vdot(scalars, scalars).real


def plan(wander):
    return plan_loop(apply(some_motion(1), Edits(wander=wander)), MINUTE, FPS, anchored=False)


@pytest.mark.parametrize("wander", [1, 2, 7])
def test_a_minute_of_wind_does_not_repeat_itself_and_closes(wander):
    assert likeness(plan(0), 5 * 24) > 0.999  # as predicted it does, every five seconds
    windy = plan(wander)
    lags = range(3 * 24, MINUTE - 3 * 24, 5)
    assert max(likeness(windy, lag) for lag in lags) < 0.9
    assert np.gcd.reduce(windy.harmonics) == 1
    assert np.array_equal(windy.scalars(MINUTE + 5), windy.scalars(5))


def test_frequencies_stay_in_order_and_near_their_places():
    for seed in range(1, 50):
        found = detuned(FREQUENCIES, seed)
        assert (np.diff(found) > 0).all()
        assert found[0] > 0
        assert np.abs(found - FREQUENCIES).max() < 0.1
    assert np.array_equal(detuned(FREQUENCIES, 0), FREQUENCIES)
    assert np.array_equal(detuned(FREQUENCIES, 3), detuned(FREQUENCIES, 3))


@pytest.mark.parametrize("wander", [-1, 0.5])
def test_a_wander_that_is_no_number_of_a_draw_is_refused(wander):
    with pytest.raises(SettingsError, match="wander"):
        Edits(wander=wander)


@pytest.mark.parametrize("n_frames", [2, 12, 48, 120, 1440])
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_gusts_close_with_the_loop_and_stay_within_their_strength(n_frames, strength):
    keys = gusts(n_frames, FPS, 4, strength)
    frames, factors = zip(*keys, strict=True)
    assert (frames[0], frames[-1], factors[0]) == (0, n_frames, factors[-1])
    assert (np.diff(frames) > 0).all()
    assert np.abs(np.array(factors) - 1).max() <= 0.6 * strength + 1e-12
    assert keys == gusts(n_frames, FPS, 4, strength)
    assert n_frames < 1000 or len(keys) > 15
