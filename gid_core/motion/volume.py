"""The spectral volume: a complex displacement field for each of K frequencies. The one type that all else takes.

F(p, t) = Re sum_k A_k(p) exp(2 pi i f_k t), forward, from the photo. There is no f = 0: the photo is the rest pose.
Files come from outside and are hostile: everything is checked before it is allocated.
"""

import json
import math
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import VolumeError
from ..files.resample import resample
from ..files.storage import replacing

__all__ = ["SpectralVolume", "denormalise", "normalise"]

N_FREQS = 16
MAX_CELLS = 64 * 2048 * 2048  # amplitudes a file may hold: 4 GiB, far above any volume of ours
_MAX_TEXT = 1 << 20
_MAX_PACKING = 50  # arrays may be packed, but a small file that claims far more than it holds is a trap


@dataclass(frozen=True, eq=False)
class SpectralVolume:
    """K complex displacement fields.

    Args:
        amplitudes: complex64 (K, H, W, 2), last axis (x right, y down), px of the volume's own grid, row 0 on top.
        frequencies: float64 (K,), Hz, rising, above 0.
        provenance: how the volume came about; plain JSON values.
    Raises:
        VolumeError: shapes do not fit, or a value is NaN or infinite.

    Source: Generative Image Dynamics (CVPR 2024), sec. 4.1, eq. 2.
    """

    amplitudes: np.ndarray
    frequencies: np.ndarray
    provenance: Mapping = field(default_factory=dict)

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
    def from_trajectories(cls, tracks: np.ndarray, fps, n_freqs: int = N_FREQS, provenance=None) -> "SpectralVolume":
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
        return replace(self, amplitudes=resample(self.amplitudes, width, height) * scale)

    def save(self, path) -> None:
        """Write an .npz, whole or not at all.

        Raises:
            LimitError: the disk is full or read-only.
        """
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(
                file,
                amplitudes=self.amplitudes,
                frequencies=self.frequencies,
                provenance=np.array(json.dumps(dict(self.provenance), sort_keys=True)),
            )

    @classmethod
    def load(cls, path) -> "SpectralVolume":
        """Read what `save` wrote.

        Raises:
            VolumeError: the file is missing, damaged, too large or not a volume.
        """
        try:
            n_on_disk = os.path.getsize(path)
            with zipfile.ZipFile(path) as archive:
                amplitudes = _read_array(archive, n_on_disk, "amplitudes", np.complex64, 4)
                frequencies = _read_array(archive, n_on_disk, "frequencies", np.float64, 1)
                text = str(_read_array(archive, n_on_disk, "provenance", None, 0)[()])
            provenance = json.loads(text)
        except FileNotFoundError as error:
            raise VolumeError(f"there is no volume at {path}: check the path") from error
        except (
            OSError,
            zipfile.BadZipFile,
            EOFError,
            ValueError,
            KeyError,
            NotImplementedError,
            RuntimeError,
            zlib.error,
        ) as error:
            raise VolumeError(f"{path} is not a spectral volume or is damaged ({error}): make it again") from error
        if not isinstance(provenance, dict):
            raise VolumeError(f"{path} holds no provenance: make the volume again")
        return cls(amplitudes, frequencies, provenance)


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


def _read_array(archive, n_on_disk, name, dtype, ndim):
    """One array of an .npz, its header compared with the bytes that are there before anything is allocated."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ValueError(f"{name} has an unknown header")
        shape, fortran, found = np.lib.format.read_array_header_1_0(stream)
        limit = _MAX_TEXT if dtype is None else MAX_CELLS * found.itemsize
        n_bytes = math.prod(shape) * found.itemsize
        if found.hasobject or fortran or len(shape) != ndim or (found.kind != "U" if dtype is None else found != dtype):
            raise ValueError(f"{name} has the wrong type")
        if n_bytes > limit or n_bytes + stream.tell() != info.file_size:
            raise ValueError(f"{name} claims {n_bytes} bytes and has {info.file_size}")
        if n_bytes > _MAX_PACKING * n_on_disk:
            raise ValueError(f"{name} claims {n_bytes} bytes in a file of {n_on_disk}")
        content = stream.read(n_bytes)
    return np.frombuffer(content, found).reshape(shape).copy()
