"""Samplers as pure functions around a network: a start, a callable, a number of steps, and the result.

Nothing here draws random numbers or knows what is sampled. `on_step(step, sample)` is called after each step, from 1
to `steps`; it may raise to stop the work.
"""

from collections.abc import Callable

import numpy as np

from ..errors import SettingsError

__all__ = ["ddim", "rectified_flow"]


def rectified_flow(velocity: Callable, start: np.ndarray, steps: int, on_step=None) -> np.ndarray:
    """Carry a sample along the flow from t = 0 to t = 1 by Euler steps.

    Args:
        velocity: callable(sample, t), the network's dx/dt.
        start: the sample at t = 0.
    Source: Liu, Gong, Liu, Flow Straight and Fast (ICLR 2023), eq. 1.
    """
    sample = start
    for step in range(_counted(steps)):
        sample = sample + velocity(sample, step / steps) / steps
        if on_step is not None:
            on_step(step + 1, sample)
    return sample


def ddim(
    predict_noise: Callable, start: np.ndarray, alphas_cumprod: np.ndarray, steps: int, on_step=None
) -> np.ndarray:
    """Denoise by deterministic DDIM steps (eta = 0).

    Args:
        predict_noise: callable(sample, index), the noise in a sample at a level of the schedule.
        start: the sample at the noisiest level.
        alphas_cumprod: (N,), falling share of signal power at each level.
    Source: Song, Meng, Ermon, Denoising Diffusion Implicit Models (ICLR 2021), eq. 12.
    """
    alphas = np.asarray(alphas_cumprod, np.float64)
    levels = np.linspace(len(alphas) - 1, 0, _counted(steps)).round().astype(int)
    sample = start
    for step, level in enumerate(levels):
        noise = predict_noise(sample, int(level))
        alpha = alphas[level]
        target = alphas[levels[step + 1]] if step + 1 < steps else 1.0
        clean = (sample - np.sqrt(1 - alpha) * noise) / np.sqrt(alpha)
        sample = np.sqrt(target) * clean + np.sqrt(1 - target) * noise
        if on_step is not None:
            on_step(step + 1, sample)
    return sample


def _counted(steps):
    if steps < 1:
        raise SettingsError(f"a sampler takes at least 1 step, not {steps}")
    return int(steps)
