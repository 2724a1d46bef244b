"""The spectral volume: a complex displacement field for each of K frequencies. The one type that all else takes.

F(p, t) = weight(p) Re sum_k A_k(q(p)) exp(2 pi i f_k t), forward, from the photo. There is no f = 0: the photo is the
rest pose. The weight is 1 unless the volume has a mask or a pinned border, which hold at every pixel of the picture;
q(p) is p unless it has a lookup (`places`), by which a pixel reads what belongs to its own object.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import SettingsError, VolumeError
from ..files.resample import fitted, resample
from . import archive
from .mask import border_window, checked_map, mask_weight
from .places import Places, checked_lookup, regridded

__all__ = ["SpectralVolume", "denormalise", "normalise"]

N_FREQS = 16


@dataclass(frozen=True, eq=False)
class SpectralVolume:
    """K complex displacement fields.

    Args:
        amplitudes: complex64 (K, H, W, 2), last axis (x right, y down), px of the volume's own grid, row 0 on top.
        frequencies: float64 (K,), Hz, rising, above 0.
        provenance: how the volume came about; plain JSON values.
        mask: float32 (h, w) in 0..1, best at the picture's own size: 0 never moves; None for 1 everywhere.
        border: share of the picture's long side over which motion fades to nothing at the rim.
        lookup: uint8 (h, w, 2), at the picture's own size: where its pixels read (`places.Places`); None: at their own
            place.
    Raises:
        VolumeError: shapes do not fit, or a value is NaN or infinite.
        SettingsError: the mask or the border is out of range.

    Source: Generative Image Dynamics (CVPR 2024), sec. 4.1, eq. 2.
    """

    amplitudes: np.ndarray
    frequencies: np.ndarray
    provenance: Mapping = field(default_factory=dict)
    mask: np.ndarray | None = None
    border: float = 0.0
    lookup: np.ndarray | None = None

    def __post_init__(self):
        amplitudes = np.ascontiguousarray(self.amplitudes, np.complex64)
        frequencies = np.ascontiguousarray(self.frequencies, np.float64)
        if amplitudes.ndim != 4 or amplitudes.shape[3] != 2 or min(amplitudes.shape) < 1:
            raise VolumeError(
                f"a volume has the shape (frequencies, height, width, 2), this one has {amplitudes.shape}"
            )
        if frequencies.shape != amplitudes.shape[:1]:
            raise VolumeError(f"{len(amplitudes)} modes need as many frequencies, not {frequencies.shape}")
        if not (np.isfinite(frequencies).all() and frequencies[0] > 0 and (np.diff(frequencies) > 0).all()):
            raise VolumeError("frequencies must be finite, above 0 and rising: make the volume again")
        if not np.isfinite(amplitudes.view(np.float32)).all():
            raise VolumeError("the volume holds NaN or infinite displacements: make it again")
        if self.mask is not None:
            object.__setattr__(self, "mask", checked_map(self.mask, "mask", 1))
        if self.lookup is not None:
            object.__setattr__(self, "lookup", checked_lookup(self.lookup))
        if not 0 <= self.border <= 1:
            raise SettingsError(f"the border is {self.border}: give a share of the picture from 0 to 1")
        object.__setattr__(self, "amplitudes", amplitudes)
        object.__setattr__(self, "frequencies", frequencies)

    @property
    def n_freqs(self) -> int:
        return self.amplitudes.shape[0]

    @property
    def height(self) -> int:
        return self.amplitudes.shape[1]

    @property
    def width(self) -> int:
        return self.amplitudes.shape[2]

    @classmethod
    def from_trajectories(
        cls, tracks: np.ndarray, fps: float, n_freqs: int = N_FREQS, provenance=None
    ) -> "SpectralVolume":
        """The volume of tracked motion.

        Args:
            tracks: float (T, H, W, 2), displacement from the still at T frames, px.
            fps: frames per second.
        Raises:
            VolumeError: the clip is too short for that many frequencies.

        The least-squares ramp of each track is removed first: tracks do not close, and a ramp leaks into every bin.
        Source: paper sec. 4.1; numerics of the ramp: end-to-end lines turn one noisy frame into motion, least squares
        does not.
        """
        tracks = np.asarray(tracks, np.float64)
        n_frames = len(tracks)
        if n_frames < 2 * n_freqs + 1:
            raise VolumeError(f"{n_freqs} frequencies need {2 * n_freqs + 1} frames or more, the clip has {n_frames}")
        time = np.arange(n_frames) - (n_frames - 1) / 2
        slope = np.tensordot(time, tracks, 1) / (time @ time)
        residual = tracks - tracks.mean(0) - time[:, None, None, None] * slope
        spectrum = np.fft.rfft(residual, axis=0)[1 : n_freqs + 1] * (2 / n_frames)
        frequencies = np.arange(1, n_freqs + 1) * float(fps) / n_frames
        return cls(spectrum, frequencies, provenance or {})

    def scaled(self, gain: float) -> "SpectralVolume":
        """The same motion, `gain` times as far."""
        return replace(self, amplitudes=self.amplitudes * np.float32(gain))

    def resized(self, width: int, height: int) -> "SpectralVolume":
        """The same motion on another grid: real and imaginary parts bicubic, x and y in px of the new grid.

        Magnitude and phase are never interpolated: the phase wraps.
        """
        scale = np.array([width / self.width, height / self.height], np.float32)
        lookup = regridded(self.lookup, *scale)
        return replace(self, amplitudes=resample(self.amplitudes, width, height) * scale, lookup=lookup)

    def places(self, width: int, height: int) -> Places:
        """Where the pixels of a picture read this volume."""
        return Places(self.amplitudes.shape[1:3], width, height, self.lookup)

    def weight(self, width: int, height: int) -> np.ndarray | None:
        """What displacement is multiplied by at a picture's pixels: float32 (height, width) in 0..1, None for 1.

        The mask as it is at its own size, fitted to any other; times the border's window, exact at every size.
        """
        if self.mask is None and self.border == 0:
            return None
        window = border_window(width, height, self.border)
        return window if self.mask is None else fitted(self.mask, width, height) * window

    def weighed(self) -> "SpectralVolume":
        """The same motion without mask and border, each cell multiplied by its weight: for sums over the grid."""
        weight = self.weight(self.width, self.height)
        return self if weight is None else self._times(weight)

    def folded(self) -> "SpectralVolume":
        """The same motion for readers who know no masks: each cell times `mask.mask_weight` and the border's window.

        Nothing moves where the mask is 0, read bilinearly at any size; the border inside the mask is two cells soft.
        The lookup goes with the mask: it would lead across the mask's border.
        """
        if self.mask is None:
            return self.weighed()
        window = border_window(self.width, self.height, self.border)
        weight = mask_weight(self.mask, self.width, self.height) * window
        return replace(self._times(weight), lookup=None)

    def _times(self, weight):
        return replace(self, amplitudes=self.amplitudes * weight[..., None], mask=None, border=0.0)

    def save(self, path) -> None:
        """Write an .npz, whole or not at all; mask and border are folded into the amplitudes.

        Raises:
            LimitError: the disk is full or read-only.
        """
        archive.written(path, self.folded().as_arrays())

    def as_arrays(self) -> dict:
        """What a file holds of a volume: amplitudes, frequencies, provenance, lookup."""
        return {
            "amplitudes": self.amplitudes,
            "frequencies": self.frequencies,
            "provenance": self.provenance,
            "lookup": self.lookup,
        }

    @classmethod
    def load(cls, path) -> "SpectralVolume":
        """Read the volume of any file that `save` or `saved.save` wrote, as asked for.

        Raises:
            VolumeError: the file is missing, damaged, too large or not a volume.
        """
        with archive.opened(path) as file:
            return cls.read(file)

    @classmethod
    def read(cls, file: archive.Archive) -> "SpectralVolume":
        """The volume in an open archive; raises what `archive.Archive` raises."""
        return cls(
            file.array("amplitudes", np.complex64, 4),
            file.array("frequencies", np.float64, 1),
            file.mapping("provenance"),
            # Beside a mask the lookup is the raw motion's: `folded` says why.
            lookup=file.array("lookup", np.uint8, 3) if "lookup" in file and "mask" not in file else None,
        )


def normalise(amplitudes: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Frequency-adaptive normalisation in its complex form: S' = S/|S| sqrt(|S| / s_k), |S| the length of (x, y).

    The paper's signed root of real and imaginary parts bends phases; the length keeps phase and direction exact.

    Args:
        amplitudes: complex (K, ..., 2).
        scales: (K,), the 95th percentile of |S_k| over the training set.
    Source: paper sec. 4.2, eq. 4.
    """
    length = _length(amplitudes)
    scales = np.asarray(scales, length.dtype).reshape(-1, *[1] * (amplitudes.ndim - 1))
    return amplitudes / np.sqrt(np.maximum(length, np.finfo(length.dtype).tiny) * scales)


def denormalise(normalised: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """The inverse of `normalise`: S = S' |S'| s_k."""
    length = _length(normalised)
    scales = np.asarray(scales, length.dtype).reshape(-1, *[1] * (normalised.ndim - 1))
    return normalised * (length * scales)


def _length(vectors):
    return np.sqrt((np.abs(vectors) ** 2).sum(-1, keepdims=True))
