"""The pluck: closed form against stepping, energy, direction, superposition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gid_core import modal, synth
from gid_core.errors import SettingsError
from gid_core.modal import DEMO, GENTLE, SUPPLEMENT, Damping, Pluck
from gid_core.volume import SpectralVolume

FREQUENCIES = np.arange(1, 17) / 5
PRESETS = [SUPPLEMENT, DEMO, GENTLE]


def some_volume(seed=0, height=6, width=8):
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((2, 16, height, width, 2)) / np.arange(1, 17)[:, None, None, None]
    return SpectralVolume(parts[0] + 1j * parts[1], FREQUENCIES)


def euler(state, frequencies, damping, seconds, n):
    """The paper's way, the reference of this test alone: q'' + gamma q' + w^2 q = 0 by small explicit steps."""
    w = 2 * np.pi * np.asarray(frequencies)
    gamma = damping.alpha + damping.beta * w**2
    q, velocity = state, modal.poles(frequencies, damping) * state
    for _ in range(n):
        q, velocity = q + velocity * seconds / n, velocity - (gamma * velocity + w**2 * q) * seconds / n
    return q


@pytest.mark.parametrize("damping", PRESETS)
def test_the_closed_form_solves_the_damped_oscillator(damping):
    rates, w = modal.poles(FREQUENCIES, damping), 2 * np.pi * FREQUENCIES
    light = damping.ratio(FREQUENCIES) < 1
    gamma = damping.alpha + damping.beta * w**2
    assert np.allclose((rates**2 + gamma * rates + w**2)[light], 0, atol=1e-9)


def test_euler_converges_to_the_closed_form():
    low = FREQUENCIES[:5]
    state = np.exp(1j * np.arange(5))
    exact = modal.step(state, low, SUPPLEMENT, 0.5)
    errors = [np.abs(euler(state, low, SUPPLEMENT, 0.5, n) - exact).max() for n in (2000, 4000)]
    assert errors[1] < 0.01
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)


@given(st.floats(0, 3), st.floats(0, 3), st.sampled_from(PRESETS))
def test_steps_add_up(first, second, damping):
    state = np.exp(1j * np.arange(16))
    twice = modal.step(modal.step(state, FREQUENCIES, damping, first), FREQUENCIES, damping, second)
    assert np.allclose(twice, modal.step(state, FREQUENCIES, damping, first + second), atol=1e-12)


@given(st.floats(0, 10), st.floats(0, 10), st.sampled_from(PRESETS))
def test_energy_never_grows(early, late, damping):
    early, late = sorted((early, late))
    plucks = [Pluck(np.exp(1j * np.arange(16)))]
    a, b = (np.abs(modal.response(plucks, FREQUENCIES, damping, t)) for t in (early, late))
    assert (b <= a + 1e-12).all()


def test_without_damping_a_mode_repeats_after_its_period():
    free = Damping(0.0, 0.0)
    for k, f in enumerate(FREQUENCIES):
        plucks = [Pluck(np.eye(16)[k] * (1 + 2j))]
        now, later = (modal.response(plucks, FREQUENCIES, free, t)[k] for t in (0.3, 0.3 + 1 / f))
        assert now == pytest.approx(later, abs=1e-12)


@given(st.integers(0, 7), st.integers(0, 5), st.floats(-9, 9), st.floats(-9, 9))
def test_the_pulled_cell_moves_as_far_as_it_is_pulled(x, y, dx, dy):
    length = np.hypot(dx, dy)
    if length < 1e-3:
        return
    volume = some_volume()
    state = modal.pluck(volume, x, y, (dx, dy), floor=0.0).state
    moved = synth.displacement(volume, state)[y, x]
    assert moved @ np.array([dx, dy]) / length == pytest.approx(length, rel=1e-4)


def test_the_state_has_the_papers_magnitude_and_phase():
    volume, direction = some_volume(), np.array([0.6, 0.8])
    state = modal.pluck(volume, 3, 2, 5 * direction).state
    modes = volume.amplitudes[:, 2, 3].astype(complex) @ direction
    assert np.allclose(np.angle(state), -np.angle(modes), atol=1e-6)
    assert np.allclose(np.abs(state) / np.abs(modes), np.abs(state[0] / modes[0]))


def test_pulling_a_motionless_cell_moves_nothing():
    volume = some_volume()
    amplitudes = volume.amplitudes.copy()
    amplitudes[:, 2, 3] = 0
    state = modal.pluck(SpectralVolume(amplitudes, FREQUENCIES), 3, 2, (5, 0)).state
    assert np.array_equal(state, np.zeros(16))


def test_a_weak_cell_does_not_throw_the_picture():
    volume = some_volume()
    amplitudes = volume.amplitudes.copy()
    amplitudes[:, 2, 3] *= 1e-4
    volume = SpectralVolume(amplitudes, FREQUENCIES)
    thrown = [
        np.abs(synth.displacement(volume, modal.pluck(volume, 3, 2, (5, 0), floor=f).state)).max() for f in (0.0, 0.05)
    ]
    assert thrown[0] > 1000
    assert thrown[1] < 5


def test_two_plucks_are_the_sum_of_each_in_any_order():
    a, b = Pluck(np.exp(1j * np.arange(16))), Pluck(np.exp(-2j * np.arange(16)), time_s=0.4)
    at = [1.5, 0.2, 0.9]
    both = [modal.response([b, a], FREQUENCIES, GENTLE, t) for t in at]
    single = [modal.response([a], FREQUENCIES, GENTLE, t) + modal.response([b], FREQUENCIES, GENTLE, t) for t in at]
    assert np.allclose(both, single, atol=1e-14)
    assert np.array_equal(modal.response([b], FREQUENCIES, GENTLE, 0.2), np.zeros(16))


def test_a_periodic_pluck_equals_endless_repeats_and_closes():
    one, period = Pluck(np.exp(1j * np.arange(16)), time_s=0.5), 2.0
    looped = modal.response([one], FREQUENCIES, GENTLE, 1.3, period_s=period)
    repeats = [Pluck(one.state, one.time_s - n * period) for n in range(400)]
    assert np.allclose(looped, modal.response(repeats, FREQUENCIES, GENTLE, 1.3), atol=1e-9)
    assert np.allclose(looped, modal.response([one], FREQUENCIES, GENTLE, 1.3 + period, period_s=period), atol=1e-9)


def test_the_presets_are_the_papers_constants():
    assert (SUPPLEMENT.alpha, SUPPLEMENT.beta) == (0.4, 0.08)
    assert (DEMO.alpha, DEMO.beta) == (0.8, 0.05)
    assert np.allclose(GENTLE.ratio([0.4, 2.0]), [0.06, 0.04])


def test_an_elastic_pull_is_true_at_first_and_gives_way_far_out():
    assert modal.elastic(0.01) == pytest.approx(0.01, rel=1e-3)
    assert modal.elastic(100) == pytest.approx(46.3, abs=0.1)
    assert modal.elastic(1000) == pytest.approx(181, abs=1)


def test_bad_pulls_are_sentences():
    volume = some_volume()
    with pytest.raises(SettingsError, match="outside"):
        modal.pluck(volume, 99, 0, (1, 0))
    with pytest.raises(SettingsError, match="two numbers"):
        modal.pluck(volume, 0, 0, (np.nan, 0))
