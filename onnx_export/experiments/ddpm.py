"""The paper's diffusion: a schedule of noise, the noise that a network predicts, and guidance without a classifier.

The steps themselves are gid_core's sampler.ddim. A network is called as FlowNet is, with t = level / levels; what it is
told is a dict of its further arguments (`TOLD`).
"""

import torch

from gid_core.prediction import sampler

__all__ = ["LEVELS", "TOLD", "alphas_cumprod", "bounded", "noised", "predict_noise", "sampled", "untold"]

LEVELS = 1000
TOLD = ("slices", "envelope", "affinity", "features", "wind")
LIMIT = 3.0  # standard deviations of a latent
_BETAS = (0.0015, 0.0195)  # of latent diffusion; the paper names no schedule of its own


def alphas_cumprod(levels: int = LEVELS):
    """Share of signal power at each level, (levels,), falling from 0.9985 to 0.0001: linear in the root of beta.

    Source: Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models (CVPR 2022), their settings.
    """
    roots = torch.linspace(_BETAS[0] ** 0.5, _BETAS[1] ** 0.5, levels, dtype=torch.float64)
    return (1 - roots.square()).cumprod(0)


def noised(clean, noise, level, alphas):
    """sqrt(a) clean + sqrt(1 - a) noise at each row's level: clean (B, ...), level int (B,)."""
    alpha = alphas[level].to(clean.dtype).view(-1, *(1,) * (clean.dim() - 1))
    return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise


def untold(told):
    """The same conditions with nothing said: zeros but for the slices."""
    return {name: value if name == "slices" else torch.zeros_like(value) for name, value in told.items()}


def predict_noise(network, told, guidance: float = 0.0, levels: int = LEVELS):
    """callable(z (B, k, 4, h, w), level) -> noise: (1 + w) eps(z; c) - w eps(z; nothing), w = guidance.

    Source: paper eq. 5, first two terms; Ho and Salimans, Classifier-Free Diffusion Guidance (2022), eq. 6.
    """
    nothing = untold(told)

    def noise_of(z, level):
        t = torch.full((len(z),), level / levels)
        found = network(z, t, *(told[name] for name in TOLD)).float()
        if guidance:
            blind = network(z, t, *(nothing[name] for name in TOLD)).float()
            found = (1 + guidance) * found - guidance * blind
        return found

    return noise_of


def bounded(noise_of, alphas, limit: float = LIMIT):
    """The same noise, but of a clean latent that stays within +- limit.

    At the first levels the clean latent is the noise's error times eighty: without a bound a little training leaves
    amplitudes that are tens of times too large. Latents have unit variance where things move.
    Source: Ho et al., Denoising Diffusion Probabilistic Models (2020), whose code clips the clean image likewise.
    """

    def noise_within(z, level):
        signal, sigma = alphas[level].sqrt().float(), (1 - alphas[level]).sqrt().float()
        clean = ((z - sigma * noise_of(z, level)) / signal).clamp(-limit, limit)
        return (z - signal * clean) / sigma

    return noise_within


def sampled(network, told, start, steps: int, guidance: float = 0.0):
    """DDIM from white noise `start` (B, k, 4, h, w) to a latent of the same shape."""
    with torch.no_grad():
        alphas = alphas_cumprod()
        return sampler.ddim(bounded(predict_noise(network, told, guidance), alphas), start, alphas, steps).float()
