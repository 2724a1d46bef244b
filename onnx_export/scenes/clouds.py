"""A texture without objects, for pictures of which all must be known and that look like none."""

import numpy as np

from gid_core.files import colour

__all__ = ["texture"]


def texture(width, height, seed=0, psf_px=0.5):
    """Clouds of every size, as detailed as a photograph: float32 (height, width, 3), linear.

    Amplitudes fall with the frequency as those of natural pictures do, and at the finest as behind a lens and a
    sensor, a Gaussian of `psf_px`. Source: Field, JOSA A 1987.
    """
    rng = np.random.default_rng(seed)
    y, x = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    frequency = np.maximum(np.hypot(x, y), 1 / max(width, height))
    fall = np.exp(-2 * (np.pi * psf_px * frequency) ** 2) / frequency
    planes = []
    for _ in range(3):
        waves = fall * np.exp(2j * np.pi * rng.random(fall.shape))
        plane = np.fft.irfft2(waves, (height, width))
        planes.append(plane / plane.std())
    grey = np.mean(planes, 0)  # channels of a photograph have most of their detail in common
    encoded = 0.45 + 0.16 * (grey[..., None] + 0.4 * np.stack(planes, -1))
    return colour.decode_srgb(encoded.clip(0, 1).astype(np.float32))
