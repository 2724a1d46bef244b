"""Samplers against closed forms: on a Gaussian the exact velocity and the exact noise are known."""

import numpy as np
import pytest

from gid_core.errors import Cancelled, SettingsError
from gid_core.prediction.sampler import ddim, rectified_flow

MEAN, SPREAD = 3.0, 0.5


def exact_velocity(x, t):
    """Velocity that carries N(0, 1) to N(MEAN, SPREAD^2) when start and end are independent: E[x1 - x0 | x_t]."""
    variance = (1 - t) ** 2 + (t * SPREAD) ** 2
    centred = x - t * MEAN
    return MEAN + (t * SPREAD**2 - (1 - t)) / variance * centred


def exact_noise(alphas):
    def predict(x, index):
        a = alphas[index]
        return np.sqrt(1 - a) * (x - np.sqrt(a) * MEAN) / (a * SPREAD**2 + 1 - a)

    return predict


def cosine_schedule(n):
    return np.cos(np.linspace(0.01, np.pi / 2 - 0.01, n)) ** 2


def test_rectified_flow_carries_a_gaussian_to_its_target():
    start = np.random.default_rng(0).standard_normal(4000)
    end = rectified_flow(exact_velocity, start, 400)
    # The exact map of this flow is x -> MEAN + SPREAD x; Euler's error falls with the step.
    assert np.abs(end - (MEAN + SPREAD * start)).max() < 0.02


def test_euler_halves_its_error_with_twice_the_steps():
    start = np.linspace(-2, 2, 9)
    exact = MEAN + SPREAD * start
    errors = [np.abs(rectified_flow(exact_velocity, start, n) - exact).max() for n in (50, 100, 200)]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.15)


def test_straight_paths_need_one_step():
    start = np.array([1.0, -2.0])
    assert np.array_equal(rectified_flow(lambda x, t: np.full_like(x, 0.25), start, 1), start + 0.25)


def test_ddim_carries_a_gaussian_to_its_target():
    alphas = cosine_schedule(1000)
    start = np.random.default_rng(1).standard_normal(4000)
    end = ddim(exact_noise(alphas), start, alphas, 250)
    assert end.mean() == pytest.approx(MEAN, abs=0.05)
    assert end.std() == pytest.approx(SPREAD, rel=0.05)
    assert np.corrcoef(start, end)[0, 1] > 0.999  # the map is deterministic and rising


def test_ddim_with_the_true_noise_of_one_point_returns_the_point():
    alphas = cosine_schedule(100)
    clean, noise = np.array([0.3, -1.2]), np.array([0.7, 0.1])
    start = np.sqrt(alphas[-1]) * clean + np.sqrt(1 - alphas[-1]) * noise
    assert np.allclose(ddim(lambda x, i: noise, start, alphas, 7), clean)


@pytest.mark.parametrize("sampler", ["flow", "ddim"])
def test_every_step_is_told_and_may_stop_the_work(sampler):
    def run(on_step):
        if sampler == "flow":
            return rectified_flow(lambda x, t: -x, np.ones(3), 5, on_step)
        return ddim(lambda x, i: 0 * x, np.ones(3), cosine_schedule(50), 5, on_step)

    seen = []
    end = run(lambda step, sample: seen.append((step, sample.copy())))
    assert [step for step, _ in seen] == [1, 2, 3, 4, 5]
    assert np.array_equal(seen[-1][1], end)

    def stop(step, sample):
        if step == 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        run(stop)


def test_no_steps_is_a_sentence():
    with pytest.raises(SettingsError, match="at least 1 step"):
        rectified_flow(lambda x, t: x, np.ones(1), 0)
