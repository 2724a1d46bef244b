"""Tracks to a spectral volume: a mean, a linear drift and K harmonics, fitted together by least squares.

Fitted together, because a least-squares ramp that is removed first takes part of the slowest sine with it (up to .4 of
its amplitude), and a Fourier transform of what then does not close leaks. Times may be uneven. Frames in which a pixel
is not trusted do not count for that pixel.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import VolumeError
from ..motion.volume import N_FREQS, SpectralVolume
from .tracks import Tracks

__all__ = ["Fit", "fit_volume"]

LEAST_SEEN = 0.7  # share of the frames in which a pixel must be trusted; below, its confidence is 0
_RIDGE = 1e-3  # of a harmonic's own weight: holds what a gap in time leaves open, shrinks the rest by .1 %
_CHUNK_CELLS = 1 << 22  # of a chunk's normal matrices: 32 MB


@dataclass(frozen=True, eq=False)
class Fit:
    """A volume and how well it describes the tracks.

    Args:
        volume: on the tracks' grid, px of it; frequencies are the harmonics of the clip's duration; phases count from
            the rest frame. The mean and the drift are left out: the photo is the rest pose.
        confidence: float32 (H, W), 0..1: share of frames in which the pixel was trusted, 0 below `LEAST_SEEN`.
        motion_px: float32 (H, W), rms of the fitted harmonics.
        residual_px: float32 (H, W), rms of what mean, drift and harmonics leave, in trusted frames.
        drift_px: float32 (H, W), length of the linear drift over the whole clip.
    """

    volume: SpectralVolume
    confidence: np.ndarray
    motion_px: np.ndarray
    residual_px: np.ndarray
    drift_px: np.ndarray


def fit_volume(tracks: Tracks, n_freqs: int = N_FREQS, provenance=None) -> Fit:
    """The volume nearest to the tracks in the least-squares sense.

    Raises:
        VolumeError: the clip has too few frames for that many frequencies.

    Source: paper sec. 4.1 for K = 16 harmonics of the clip; the joint fit is our own, research/numerics.md section 5.
    """
    n_frames, height, width = tracks.trusted.shape
    if n_frames < 2 * n_freqs + 3:
        raise VolumeError(f"{n_freqs} frequencies need {2 * n_freqs + 3} frames or more, the clip has {n_frames}")
    seconds = tracks.seconds
    duration = (seconds[-1] - seconds[0]) * n_frames / (n_frames - 1)
    frequencies = np.arange(1, n_freqs + 1) / duration
    waves = np.exp(2j * np.pi * frequencies * seconds[:, None])  # (T, K)
    middle = (seconds[0] + seconds[-1]) / 2
    drift = (seconds - middle) / duration
    basis = np.concatenate([np.ones((n_frames, 1)), drift[:, None], waves.real, -waves.imag], 1)  # (T, 2 + 2K)

    values = tracks.displacement.reshape(n_frames, -1, 2)
    trusted = tracks.trusted.reshape(n_frames, -1)
    seen = trusted.mean(0)
    flat = values.reshape(n_frames, -1)
    solution = (np.linalg.pinv(basis) @ flat).reshape(basis.shape[1], -1, 2)
    partly = np.flatnonzero((seen >= LEAST_SEEN) & (seen < 1))
    step = max(1, _CHUNK_CELLS // basis.shape[1] ** 2)
    for start in range(0, len(partly), step):
        chosen = partly[start : start + step]
        solution[:, chosen] = _weighted(basis, values[:, chosen], trusted[:, chosen])

    left = flat - (basis @ solution.reshape(len(solution), -1))
    left = (left.reshape(values.shape) ** 2).sum(-1) * trusted
    residual = np.sqrt(left.sum(0) / np.maximum(trusted.sum(0), 1))
    amplitudes = solution[2 : 2 + n_freqs] + 1j * solution[2 + n_freqs :]
    motion = np.sqrt((np.abs(amplitudes) ** 2).sum((0, 2)) / 2)
    grid = (height, width)
    return Fit(
        SpectralVolume(amplitudes.reshape(n_freqs, *grid, 2), frequencies, provenance or {}),
        np.where(seen >= LEAST_SEEN, seen, 0).astype(np.float32).reshape(grid),
        motion.astype(np.float32).reshape(grid),
        residual.astype(np.float32).reshape(grid),
        np.linalg.norm(solution[1], axis=-1).astype(np.float32).reshape(grid),
    )


def _weighted(basis, values, trusted):
    """Least squares over each pixel's own frames: (2 + 2K, pixels, 2)."""
    n_frames, n_columns = basis.shape
    weight = trusted.T.astype(np.float64)
    outer = (basis[:, :, None] * basis[:, None, :]).reshape(n_frames, -1)
    normal = (weight @ outer).reshape(-1, n_columns, n_columns)
    normal[:, range(2, n_columns), range(2, n_columns)] += _RIDGE * n_frames / 2
    right = np.einsum("tc,pt,tpd->pcd", basis, weight, values, optimize=True)
    return np.linalg.solve(normal, right).swapaxes(0, 1)
