"""The pluck: exact at any frame, and the paper's explicit Euler shown for what it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gid_core.errors import SettingsError
from gid_core.motion import pluck
from gid_core.motion.synth import displacement
from gid_core.motion.volume import SpectralVolume

FREQUENCIES = np.arange(1, 17) / 5
EXACT = 1e-12
SINGLE = 2e-6
PRESETS = (pluck.SUPPLEMENT, pluck.DEMO, pluck.GENTLE)
few = settings(max_examples=40)


def stem(height=12, width=9):
    """A plant whose foot, row 0, does not move."""
    rng = np.random.default_rng(0)
    rise = np.linspace(0, 1, height)[:, None, None] ** 1.5
    direction = rng.standard_normal((16, 1, 1, 2)) + 1j * rng.standard_normal((16, 1, 1, 2))
    bend = np.exp(1j * rng.uniform(0, 3, (16, 1, width, 1)) * rise)
    return SpectralVolume(direction * bend * rise / np.arange(1, 17)[:, None, None, None] ** 0.7, FREQUENCIES)


def start():
    return np.exp(1j * np.arange(16)) / np.arange(1, 17)


def euler(state, damping, seconds, steps):
    """The paper's integration of x'' + 2 zeta w x' + w^2 x = 0, for Re q."""
    w = 2 * np.pi * FREQUENCIES
    zeta = damping.ratio(FREQUENCIES)
    x, v = state.real.copy(), (pluck.poles(FREQUENCIES, damping) * state).real
    for _ in range(steps):
        x, v = x + seconds / steps * v, v - seconds / steps * (w * w * x + 2 * zeta * w * v)
    return x


@pytest.mark.parametrize(("damping", "alpha", "beta"), [(pluck.SUPPLEMENT, 0.4, 0.08), (pluck.DEMO, 0.8, 0.05)])
def test_presets_have_the_published_constants(damping, alpha, beta):
    w = 2 * np.pi * FREQUENCIES
    assert (damping.alpha, damping.beta) == (alpha, beta)
    # The damper of q'' + (alpha + beta w^2) q' + w^2 q is 2 zeta w.
    np.testing.assert_allclose(2 * damping.ratio(FREQUENCIES) * w, alpha + beta * w**2)


def test_damping_goes_through_two_points():
    damping = pluck.Damping.through((0.4, 0.06), (2.0, 0.04))
    np.testing.assert_allclose(damping.ratio([0.4, 2.0]), [0.06, 0.04])
    np.testing.assert_allclose(damping.scaled(3).ratio([0.4, 2.0]), [0.18, 0.12])
    np.testing.assert_allclose(damping.ratio([0.2, 1, 3.2]), [0.11, 0.036, 0.053], atol=0.002)


@pytest.mark.parametrize("damping", PRESETS)
def test_poles_solve_the_equation_of_motion(damping):
    w = 2 * np.pi * FREQUENCIES
    rates = pluck.poles(FREQUENCIES, damping)
    residual = rates**2 + (damping.alpha + damping.beta * w**2) * rates + w**2
    np.testing.assert_allclose(residual / w**2, 0, atol=EXACT)
    assert (rates.real < 0).all()


@pytest.mark.parametrize("damping", PRESETS)
def test_stepping_is_the_closed_form_at_any_step(damping):
    rates = pluck.poles(FREQUENCIES, damping)
    for steps in (1, 7, 60):
        state = start()
        for _ in range(steps):
            state = pluck.step(state, FREQUENCIES, damping, 2.0 / steps)
        np.testing.assert_allclose(state, start() * np.exp(rates * 2.0), atol=EXACT)


def test_fine_euler_steps_lead_to_the_exact_step_and_coarse_ones_explode():
    exact = pluck.step(start(), FREQUENCIES, pluck.GENTLE, 2.0).real
    errors = [np.abs(euler(start(), pluck.GENTLE, 2.0, steps) - exact).max() for steps in (2 * 30, 20_000, 40_000)]
    assert errors[0] > 100
    assert errors[1] < 0.02
    assert errors[2] < 0.6 * errors[1]  # first order


@pytest.mark.parametrize("damping", PRESETS)
def test_energy_never_grows(damping):
    w = 2 * np.pi * FREQUENCIES
    rates = pluck.poles(FREQUENCIES, damping)
    states = [pluck.step(start(), FREQUENCIES, damping, t) for t in np.linspace(0, 4, 400)]
    energy = [(rates * q).real ** 2 + (w * q.real) ** 2 for q in states]
    assert (np.diff(energy, axis=0) <= EXACT * np.array(energy[0])).all()


def test_without_damping_each_mode_repeats_after_its_period():
    free = pluck.Damping(0.0, 0.0)
    for k in range(16):
        later = pluck.step(start(), FREQUENCIES, free, 1 / FREQUENCIES[k])
        np.testing.assert_allclose(later[k], start()[k], atol=EXACT)


def test_heavy_damping_comes_to_rest_without_swinging():
    later = pluck.step(np.ones(16), FREQUENCIES, pluck.SUPPLEMENT.scaled(40), 1.0)
    assert np.isfinite(later).all()
    assert (np.abs(later) < 1).all()


@few
@given(st.floats(-30, 30), st.floats(-30, 30), st.integers(1, 11), st.integers(0, 8))
def test_the_grabbed_cell_follows_the_pull(dx, dy, y, x):
    length = np.hypot(dx, dy)
    volume = stem()
    one = pluck.pluck(volume, x, y, (dx, dy), floor=0)
    moved = displacement(volume, one.state)[y, x]
    assert abs(moved @ [dx, dy] - length**2) <= 1e-4 * max(length**2, 1e-6)


def test_the_state_has_the_papers_magnitude_and_phase():
    volume = stem()
    pull = np.array([6.0, -3.0])
    along = volume.amplitudes[:, 10, 4].astype(np.complex128) @ (pull / np.hypot(*pull))
    state = pluck.pluck(volume, 4, 10, pull).state
    ratio = np.abs(state) / np.abs(along)
    np.testing.assert_allclose(ratio, ratio[0])
    np.testing.assert_allclose(np.exp(1j * np.angle(state)), np.exp(-1j * np.angle(along)), atol=EXACT)


def test_the_state_is_the_smallest_that_follows():
    volume = stem()
    pull = np.array([6.0, -3.0])
    along = volume.amplitudes[:, 10, 4].astype(np.complex128) @ (pull / np.hypot(*pull))
    rows = np.concatenate([along.real, -along.imag])[None]
    smallest = np.linalg.lstsq(rows, [np.hypot(*pull)], rcond=None)[0]
    state = pluck.pluck(volume, 4, 10, pull, floor=0).state
    np.testing.assert_allclose(state, smallest[:16] + 1j * smallest[16:], atol=EXACT)


def test_a_pull_on_what_hardly_moves_does_not_throw_the_rest():
    volume = stem()
    largest = [
        np.linalg.norm(displacement(volume, pluck.pluck(volume, 4, y, (6.0, -3.0)).state), axis=-1).max()
        for y in range(12)
    ]
    assert max(largest) < 4 * np.hypot(6, 3)
    assert not pluck.pluck(volume, 4, 0, (6.0, -3.0)).state.any()
    assert not pluck.pluck(volume.scaled(0), 4, 5, (6.0, -3.0), floor=0).state.any()


def test_twice_the_pull_is_twice_the_motion_and_no_pull_is_none():
    volume = stem()
    once, twice = (pluck.pluck(volume, 4, 9, (d, d)).state for d in (2.0, 4.0))
    np.testing.assert_allclose(twice, 2 * once)
    assert not pluck.pluck(volume, 4, 9, (0.0, 0.0)).state.any()


def test_a_pluck_outside_or_without_a_number_is_refused():
    with pytest.raises(SettingsError, match="outside the volume of 9 x 12"):
        pluck.pluck(stem(), 9, 3, (1, 1))
    with pytest.raises(SettingsError, match="DX, DY"):
        pluck.pluck(stem(), 3, 3, (np.nan, 1))


def test_plucks_add():
    volume = stem()
    plucks = [pluck.pluck(volume, 4, 10, (5, 1), time_s=0.0), pluck.pluck(volume, 2, 7, (-2, 3), time_s=0.73)]
    together = pluck.response(plucks, FREQUENCIES, pluck.GENTLE, 1.9)
    apart = sum(pluck.response([one], FREQUENCIES, pluck.GENTLE, 1.9) for one in plucks)
    np.testing.assert_allclose(together, apart, atol=EXACT)
    # The same as stepping through time and adding the second pull when it comes.
    stepped = pluck.step(plucks[0].state, FREQUENCIES, pluck.GENTLE, 0.73) + plucks[1].state
    np.testing.assert_allclose(together, pluck.step(stepped, FREQUENCIES, pluck.GENTLE, 1.17), atol=EXACT)


def test_before_its_time_a_pluck_does_nothing():
    late = [pluck.Pluck(start(), 2.0)]
    assert not pluck.response(late, FREQUENCIES, pluck.DEMO, 1.99).any()
    np.testing.assert_array_equal(pluck.response(late, FREQUENCIES, pluck.DEMO, 2.0), start())


def test_the_order_of_frames_does_not_matter():
    plucks = [pluck.Pluck(start(), 0.2), pluck.Pluck(1j * start(), 0.5)]
    times = np.arange(30) / 24
    forwards = [pluck.response(plucks, FREQUENCIES, pluck.DEMO, t).tobytes() for t in times]
    backwards = [pluck.response(plucks, FREQUENCIES, pluck.DEMO, t).tobytes() for t in times[::-1]]
    assert forwards == backwards[::-1]


def test_a_pluck_in_a_loop_is_periodic_and_equals_endless_repeats():
    plucks = [pluck.Pluck(start(), 0.3), pluck.Pluck(1j * start(), 1.1)]
    found = pluck.response(plucks, FREQUENCIES, pluck.GENTLE, 0.7, period_s=2.0)
    later = pluck.response(plucks, FREQUENCIES, pluck.GENTLE, 8.7, period_s=2.0)
    repeats = [pluck.Pluck(one.state, one.time_s + 2.0 * m) for one in plucks for m in range(401)]
    brute = pluck.response(repeats, FREQUENCIES, pluck.GENTLE, 0.7 + 400 * 2.0)
    np.testing.assert_allclose(later, found, atol=1e-11)
    np.testing.assert_allclose(found, brute, atol=1e-10)


some_plucks = st.lists(
    st.builds(
        lambda seed, size, t: pluck.Pluck(size * np.exp(1j * np.random.default_rng(seed).uniform(0, 7, 16)), t),
        st.integers(0, 99),
        st.floats(0.1, 3),
        st.floats(-3, 9),
    ),
    min_size=1,
    max_size=5,
)
any_damping = st.builds(lambda factor: pluck.GENTLE.scaled(factor), st.floats(0.1, 40))


@few
@given(some_plucks, any_damping, st.floats(-3, 20))
def test_any_number_of_plucks_is_one_state_at_the_newest(plucks, damping, now):
    expected = pluck.response(plucks, FREQUENCIES, damping, now)
    one_by_one = sum(pluck.response([one], FREQUENCIES, damping, now) for one in plucks)
    np.testing.assert_allclose(expected, one_by_one, atol=1e-10)
    begun = [(t, state) for t, state in pluck.superposed(plucks, FREQUENCIES, damping) if t <= now]
    found = pluck.step(begun[-1][1], FREQUENCIES, damping, now - begun[-1][0]) if begun else 0
    np.testing.assert_allclose(found, expected, atol=1e-10)


@few
@given(some_plucks, any_damping, st.floats(0, 0.999), st.floats(0.5, 10))
def test_in_a_loop_the_newest_state_carries_all_rounds(plucks, damping, place, period_s):
    moments = pluck.superposed(plucks, FREQUENCIES, damping, period_s=period_s)
    times = [t for t, _ in moments]
    assert times == sorted(set(times))
    assert 0 <= times[0] <= times[-1] < period_s
    now = place * period_s
    earlier = [(moments[-1][0] - period_s, moments[-1][1]), *moments]
    begun, state = [(t, state) for t, state in earlier if t <= now][-1]
    found = pluck.step(state, FREQUENCIES, damping, now - begun)
    expected = pluck.response(plucks, FREQUENCIES, damping, now, period_s=period_s)
    np.testing.assert_allclose(found, expected, atol=1e-8 * max(1, np.abs(expected).max()))


def test_plucks_at_one_moment_are_one():
    both = pluck.superposed([pluck.Pluck(start(), 1.0), pluck.Pluck(2 * start(), 1.0)], FREQUENCIES, pluck.GENTLE)
    assert len(both) == 1
    np.testing.assert_allclose(both[0][1], 3 * start(), atol=EXACT)
    assert pluck.superposed([], FREQUENCIES, pluck.GENTLE) == []


def test_a_pluck_swings_in_hertz_whatever_the_loop_snaps_to():
    """Its zero crossings come at the modes' own frequency, slowed by sqrt(1 - zeta^2) and by nothing else."""
    one = pluck.Pluck(np.eye(16)[4].astype(complex))
    times = np.arange(0, 4, 1e-4)
    swing = [pluck.response([one], FREQUENCIES, pluck.GENTLE, t).real[4] for t in times]
    crossings = times[1:][np.diff(np.sign(swing)) != 0]
    zeta = pluck.GENTLE.ratio(FREQUENCIES)[4]
    np.testing.assert_allclose(1 / (2 * np.diff(crossings).mean()), FREQUENCIES[4] * np.sqrt(1 - zeta**2), rtol=1e-3)


def test_a_pull_stretches_like_a_spring_that_hardens():
    assert pluck.elastic(0.0) == 0
    np.testing.assert_allclose(pluck.elastic(0.01), 0.01, rtol=1e-3)
    np.testing.assert_allclose([pluck.elastic(d) for d in (1, 10, 100, 1000)], [0.98, 8.3, 46, 181], rtol=0.01)
    felt = [pluck.elastic(d) for d in range(200)]
    assert (np.diff(felt) > 0).all()
    assert (np.diff(felt, 2) < 0).all()
