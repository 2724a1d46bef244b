"""What an artist asks of a volume that is there already: a mask, a direction, gains. No network, no time."""

from dataclasses import replace

import numpy as np

from ..errors import SettingsError
from ..files.resample import bilinear
from .volume import SpectralVolume

__all__ = ["apply_mask", "main_axis", "turn", "weigh"]


def apply_mask(volume: SpectralVolume, mask: np.ndarray) -> SpectralVolume:
    """The motion times a mask; where the mask is 0 the volume is exactly 0.

    Args:
        mask: float (h, w) in 0..1 on any grid.
    Raises:
        SettingsError: not one channel of values in 0..1.
    """
    mask = np.asarray(mask, np.float32)
    if mask.ndim != 2 or mask.size == 0 or not (np.isfinite(mask).all() and mask.min() >= 0 and mask.max() <= 1):
        raise SettingsError("the mask must be one picture channel with values from 0 to 1")
    mask = bilinear(mask, volume.width, volume.height)
    return replace(volume, amplitudes=volume.amplitudes * mask[..., None])


def main_axis(volume: SpectralVolume) -> float:
    """Angle of the axis that most of the motion follows, radians in -pi/2..pi/2, x right and y down."""
    x, y = np.moveaxis(volume.amplitudes.astype(np.complex128), -1, 0)
    across = (np.abs(x) ** 2 - np.abs(y) ** 2).sum()
    along = 2 * (x * y.conj()).real.sum()
    return float(np.arctan2(along, across) / 2)


def turn(volume: SpectralVolume, direction, strength: float = 1.0) -> SpectralVolume:
    """The motion turned so that its main axis points along `direction`.

    Args:
        direction: (dx, dy), x right and y down, any length; an axis has no sign.
        strength: 0 leaves the motion alone, 1 turns it all the way.
    Every vector turns by the same angle, so that objects keep the differences between them.
    """
    if not (len(direction) == 2 and np.isfinite(direction).all() and np.hypot(*direction) > 0):
        raise SettingsError(f"the direction is {direction}: give two numbers DX, DY that are not both 0")
    angle = np.arctan2(direction[1], direction[0]) - main_axis(volume)
    angle = strength * (np.mod(angle + np.pi / 2, np.pi) - np.pi / 2)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    return replace(volume, amplitudes=volume.amplitudes @ rotation)


def weigh(volume: SpectralVolume, gains) -> SpectralVolume:
    """Each mode times its gain, (K,): more of the slow sway, less of the shiver."""
    gains = np.asarray(gains, np.float32)
    if gains.shape != (volume.n_freqs,) or not np.isfinite(gains).all():
        raise SettingsError(f"{volume.n_freqs} modes need as many gains, not {gains.shape}")
    return replace(volume, amplitudes=volume.amplitudes * gains[:, None, None, None])
