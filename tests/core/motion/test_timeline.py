"""Exact loop arithmetic: what closes, closes bit for bit, at every length and rate."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gid_core.errors import SettingsError
from gid_core.motion.timeline import LoopPlan, bump, frames_for, parse_fps, snap

FREQUENCIES = np.arange(1, 17) / 5
NTSC = Fraction(24000, 1001)
LENGTHS = range(12, 601)
few = settings(max_examples=60)


def plan(n_frames, fps=Fraction(24), anchored=True):
    harmonics, gains = snap(FREQUENCIES, n_frames, fps)
    phases = np.random.default_rng(n_frames).uniform(0, 2 * np.pi, len(harmonics))
    return LoopPlan(n_frames, tuple(harmonics.tolist()), tuple(gains.tolist()), tuple(phases.tolist()), anchored)


@pytest.mark.parametrize("anchored", [True, False])
@pytest.mark.parametrize("fps", [Fraction(24), NTSC])
def test_a_loop_later_every_scalar_is_the_same_bit_for_bit(fps, anchored):
    for n_frames in LENGTHS:
        loop = plan(n_frames, fps, anchored)
        for frame in (0, 1, n_frames // 3, n_frames - 1):
            now = loop.scalars(frame).tobytes()
            assert now == loop.scalars(frame + n_frames).tobytes()
            assert now == loop.scalars(frame - 7 * n_frames).tobytes()
            assert now == loop.scalars(frame + 1000 * n_frames).tobytes()


@pytest.mark.parametrize("fps", [Fraction(24), NTSC])
def test_the_speed_closes_too(fps):
    tiny = Fraction(1, 4096)
    for n_frames in LENGTHS:
        loop = plan(n_frames, fps)
        speeds = [(loop.scalars(at + tiny) - loop.scalars(at - tiny)) / float(2 * tiny) for at in (0, n_frames)]
        assert speeds[0].tobytes() == speeds[1].tobytes()
        assert np.abs(speeds[0]).max() > 0
        # Seen from the last frame's side: what is just before the end leads on to what is just after the start.
        before, at, after = (loop.scalars(n_frames + step * tiny) for step in (-1, 0, 1))
        assert np.abs((after - at) - (at - before)).max() < 1e-5


def test_an_anchored_loop_starts_at_exactly_zero():
    for n_frames in LENGTHS:
        assert not plan(n_frames).scalars(0).any()
        assert not plan(n_frames).scalars(5 * n_frames).any()
        assert plan(n_frames, anchored=False).scalars(0).any()


@few
@given(
    st.integers(2, 3000), st.integers(-(10**6), 10**6), st.fractions(min_value=1, max_value=120, max_denominator=1001)
)
def test_any_loop_closes_at_any_frame_and_rate(n_frames, frame, fps):
    loop = plan(n_frames, fps)
    assert loop.scalars(frame).tobytes() == loop.scalars(frame + n_frames).tobytes()


@few
@given(st.integers(12, 600), st.fractions(min_value=0, max_value=600, max_denominator=999))
def test_frames_between_frames_close_too(n_frames, frame):
    loop = plan(n_frames)
    assert loop.scalars(frame).tobytes() == loop.scalars(frame + n_frames).tobytes()


def test_scalars_are_the_formula():
    loop = plan(48)
    for frame in (0, 1, 17, 30.5):
        share = ((1 + math.cos(2 * math.pi * frame / 48)) / 2) ** 4
        expected = [
            g * np.exp(1j * phase) * (np.exp(2j * np.pi * h * frame / 48) - share)
            for h, g, phase in zip(loop.harmonics, loop.gains, loop.phases, strict=True)
        ]
        np.testing.assert_allclose(loop.scalars(frame), expected, atol=1e-12)


def test_frames_may_be_numpy_integers():
    loop = plan(48)
    assert loop.scalars(np.int32(50)).tobytes() == loop.scalars(2).tobytes()


def test_half_the_rate_with_half_the_length_is_every_other_frame():
    for n_frames in range(12, 301):
        slow, fast = snap(FREQUENCIES, n_frames, Fraction(12)), snap(FREQUENCIES, 2 * n_frames, Fraction(24))
        np.testing.assert_array_equal(slow[0], fast[0])
        np.testing.assert_array_equal(slow[1], fast[1])
    few_frames = plan(60, Fraction(12))
    many = LoopPlan(120, few_frames.harmonics, few_frames.gains, few_frames.phases)
    for frame in range(60):
        np.testing.assert_allclose(few_frames.scalars(frame), many.scalars(2 * frame), atol=1e-14)


def test_snapping_takes_the_nearest_harmonic_and_slows_no_mode_to_rest():
    for n_frames in LENGTHS:
        harmonics, gains = snap(FREQUENCIES, n_frames, Fraction(24))
        cycles = FREQUENCIES * n_frames / 24
        assert harmonics.min() >= 1
        fast = cycles >= 1
        assert np.abs(harmonics - cycles)[fast].max(initial=0) <= 0.5 + 1e-9
        np.testing.assert_array_equal(gains[fast], 1)
        # Speed is gain times harmonic: a hurried mode moves as fast as it did.
        np.testing.assert_allclose((gains * harmonics)[~fast], cycles[~fast])


def test_the_bump_is_one_at_the_start_and_nothing_half_a_loop_away():
    assert bump(0, 48) == bump(48, 48) == 1
    assert bump(24, 48) == 0
    assert all(bump(n, 48) >= bump(n + 1, 48) for n in range(24))


@pytest.mark.parametrize(
    ("text", "fps"),
    [
        ("24", 24),
        (24, 24),
        ("23.976", NTSC),
        (23.976, NTSC),
        ("23.98", NTSC),
        ("24000/1001", NTSC),
        ("29.97", Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("12.5", Fraction(25, 2)),
        (" 30 ", 30),
        (NTSC, NTSC),
    ],
)
def test_rates_are_read_exactly(text, fps):
    assert parse_fps(text) == fps


@pytest.mark.parametrize("text", ["", "fast", "0", "-24", "24/0", "nan", "inf", "1001", None])
def test_a_rate_that_is_none_is_refused(text):
    with pytest.raises(SettingsError, match="give a number"):
        parse_fps(text)


def test_lengths_come_from_seconds():
    assert frames_for(5, Fraction(24)) == 120
    assert frames_for(5, NTSC) == 120
    assert frames_for(0.001, Fraction(24)) == 2


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf, 1e9])
def test_a_length_that_is_none_is_refused(seconds):
    with pytest.raises(SettingsError, match=r"length|frames"):
        frames_for(seconds, Fraction(24))


def test_a_plan_that_does_not_fit_is_refused():
    with pytest.raises(SettingsError, match="frames"):
        LoopPlan(1, (1,), (1.0,), (0.0,))
    with pytest.raises(SettingsError, match="each frequency"):
        LoopPlan(24, (1, 2), (1.0,), (0.0,))
    with pytest.raises(SettingsError, match="whole numbers from 1"):
        LoopPlan(24, (0,), (1.0,), (0.0,))
