"""Volume and time to displacement: one frame is 2K real scalars on a fixed volume.

F(p, n) = sum_k Re A_k(p) Re c_k(n) - Im A_k(p) Im c_k(n), whatever is asked of the loop. `plan.plan_loop` chooses the
harmonics, gains and phases of the c_k; `timeline.LoopPlan` evaluates them.
"""

import numpy as np

from ..files.resample import bilinear
from .places import Places
from .volume import SpectralVolume

__all__ = ["Synthesiser", "displacement", "mean_motion", "static_mask", "upsample"]

MEAN_OVER_RMS = 0.9  # mean |F| of random volumes lies within 0.84..0.93 of its rms


class Synthesiser:
    """Displacements of one volume, before mask and border; a frame is one product of vector and matrix."""

    def __init__(self, volume: SpectralVolume):
        amplitudes = volume.amplitudes.reshape(volume.n_freqs, -1)
        self._basis = np.concatenate([amplitudes.real, -amplitudes.imag])  # (2K, H W 2)
        self._shape = (volume.height, volume.width, 2)

    def __call__(self, scalars: np.ndarray) -> np.ndarray:
        """float32 (H, W, 2), px of the volume's grid, for complex scalars (K,). Scalars of 0 give exactly 0."""
        weights = np.concatenate([scalars.real, scalars.imag]).astype(np.float32)
        return (weights @ self._basis).reshape(self._shape)


def displacement(volume: SpectralVolume, scalars: np.ndarray) -> np.ndarray:
    """Offsets that carry each cell to its place: float32 (H, W, 2), px of the volume's grid, x right and y down.

    Mask, border and lookup are left out: they belong to the picture's pixels (`upsample`).

    Args:
        scalars: complex (K,), see `timeline.LoopPlan.scalars`.
    Source: paper sec. 4.1, eq. 2.
    """
    return Synthesiser(volume)(scalars)


def upsample(
    field: np.ndarray, width: int, height: int, weight: np.ndarray | None = None, places: Places | None = None
) -> np.ndarray:
    """A displacement (h, w, 2) of the volume's grid on a picture's grid: (height, width, 2), px of the picture.

    weight: float32 (height, width), of `SpectralVolume.weight`; where it is 0 the displacement is exactly 0.
    places: of `SpectralVolume.places`; default: each pixel's own.
    """
    h, w = field.shape[:2]
    read = bilinear(field, width, height) if places is None else places.read(field)
    moved = read * np.array([width / w, height / h], np.float32)
    return moved if weight is None else moved * weight[..., None]


def mean_motion(volume: SpectralVolume, width: int, height: int) -> np.ndarray:
    """Mean |F| over time at a picture's pixels, in px of the picture: float32 (height, width). Paper sec. 5's W."""
    scale = np.array([width / volume.width, height / volume.height], np.float32)
    power = ((np.abs(volume.amplitudes) * scale) ** 2).sum((0, 3)) / 2
    power = volume.places(width, height).read(power)
    mean = np.float32(MEAN_OVER_RMS) * np.sqrt(np.maximum(power, 0))
    weight = volume.weight(width, height)
    return mean if weight is None else mean * weight


def static_mask(volume: SpectralVolume, width: int, height: int) -> np.ndarray:
    """Pixels of a picture in which the volume holds exactly no motion: bool (height, width).

    No gain moves them, however large: a rig's Amount may be turned up with the same mask.
    """
    reach = volume.places(width, height).read(np.abs(volume.amplitudes).sum(0).max(-1))
    weight = volume.weight(width, height)
    return (reach if weight is None else reach * weight) == 0
