"""A motion as it was predicted: how far everything moves and how, kept apart and raw.

S = E z: the envelope E says where, how far and at which frequencies, which the picture decides; z says with which phase
and in which direction, which chance decides. Edits change E or what comes of both and never the motion itself, so
that each of them can be taken back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import VolumeError
from . import guided
from .places import checked_lookup
from .volume import SpectralVolume

__all__ = ["ASKED_FOR", "MEMBERS", "PRIOR", "Motion"]

PRIOR = "physics prior"  # the provenance's "source" of a motion whose envelope is a guess by rules
ASKED_FOR = "asked for"  # why the rules answered where no model was wanted; else a sentence says what was amiss
# Cells around a texel, rows and columns from the one above and to the left of its place: the bits of `members`.
MEMBERS = tuple((i, j) for i in range(-1, 3) for j in range(-1, 3))
_MOST_LOST = 2.0  # times that a mean of phases may be enlarged; where they cancel nothing is left to enlarge


@dataclass(frozen=True, eq=False)
class Motion:
    """Envelope and phases of K frequencies.

    Args:
        envelope: float32 (K, H, W) >= 0, px of the grid.
        z: complex64 (K, h, w, 2), last axis (x right, y down), on coarser cells, row 0 on top.
        frequencies: float64 (K,), Hz, rising, above 0.
        cells: (rows, columns), how many cells of z the picture spans, not always whole; what lies beyond is padding.
        picture: uint8 (H, W, 3), sRGB, the photo at the grid.
        provenance: how the motion came about; plain JSON values.
        members: uint16 (H, W), of the cells around a texel (`MEMBERS`) those of its own object, a bit each; None: all.
        lookup: uint8 (h, w, 2), of `lookup`, at the still's size: where its pixels read the volume; None: at their own
            place.
    Raises:
        VolumeError: shapes do not fit, or a value is out of range.
    """

    envelope: np.ndarray
    z: np.ndarray
    frequencies: np.ndarray
    cells: tuple[float, float]
    picture: np.ndarray
    provenance: Mapping = field(default_factory=dict)
    lookup: np.ndarray | None = None
    members: np.ndarray | None = None

    def __post_init__(self):
        envelope = np.ascontiguousarray(self.envelope, np.float32)
        z = np.ascontiguousarray(self.z, np.complex64)
        frequencies = np.ascontiguousarray(self.frequencies, np.float64)
        picture = np.ascontiguousarray(self.picture, np.uint8)
        if envelope.ndim != 3 or min(envelope.shape) < 1:
            raise VolumeError(f"an envelope has the shape (frequencies, height, width), this one has {envelope.shape}")
        if z.ndim != 4 or z.shape[0] != len(envelope) or z.shape[3] != 2 or min(z.shape) < 1:
            raise VolumeError(f"{len(envelope)} frequencies need phases of the shape (K, h, w, 2), not {z.shape}")
        if frequencies.shape != envelope.shape[:1]:
            raise VolumeError(f"{len(envelope)} modes need as many frequencies, not {frequencies.shape}")
        if not (np.isfinite(frequencies).all() and frequencies[0] > 0 and (np.diff(frequencies) > 0).all()):
            raise VolumeError("frequencies must be finite, above 0 and rising: make the motion again")
        if picture.shape != (*envelope.shape[1:], 3):
            raise VolumeError(f"the picture of a motion is as large as its grid, not {picture.shape}")
        if not (np.isfinite(envelope).all() and (envelope >= 0).all() and np.isfinite(z.view(np.float32)).all()):
            raise VolumeError("the motion holds negative, NaN or infinite values: make it again")
        cells = tuple(float(n) for n in self.cells)
        if len(cells) != 2 or not all(0 < n <= size for n, size in zip(cells, z.shape[1:3], strict=True)):
            raise VolumeError(f"the picture spans {cells} cells of {z.shape[1:3]}: make the motion again")
        for name, value in (("envelope", envelope), ("z", z), ("frequencies", frequencies), ("picture", picture)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "cells", cells)
        if self.lookup is not None:
            object.__setattr__(self, "lookup", checked_lookup(self.lookup))
        if self.members is not None:
            members = np.ascontiguousarray(self.members, np.uint16)
            if members.shape != envelope.shape[1:]:
                raise VolumeError(f"the members of a motion are as many as its texels, not {members.shape}")
            object.__setattr__(self, "members", members)

    @property
    def n_freqs(self) -> int:
        return self.envelope.shape[0]

    @property
    def height(self) -> int:
        return self.envelope.shape[1]

    @property
    def width(self) -> int:
        return self.envelope.shape[2]

    @property
    def is_guessed(self) -> bool:
        """Whether rules and no model decided what moves; a mask then decides it instead."""
        return self.provenance.get("source") == PRIOR

    def phases(self) -> np.ndarray:
        """z at the grid: complex64 (K, H, W, 2), bilinear, cells beyond the edge as their neighbours.

        A texel beside another object takes the mean of its own object's cells around it, nearer ones counting more.
        A mean of two phases is shorter than either, so each texel is enlarged to move as far as its cells do.
        """
        rows = guided.centres(self.z.shape[1], self.height, self.cells[0])
        columns = guided.centres(self.z.shape[2], self.width, self.cells[1])
        power = (np.abs(self.z) ** 2).sum(-1, keepdims=True)
        cells = np.concatenate([self.z, power], -1)  # complex64 (K, h, w, 3)
        found = np.moveaxis(guided.sample(np.moveaxis(cells, -1, 1), rows, columns), 1, -1)
        if self.members is not None:
            self._take_own(found, cells, self.members, rows, columns)
        z, power = found[..., :2], found[..., 2].real
        weight = self.envelope**2
        whole, left = (weight * power).sum(0), (weight * (np.abs(z) ** 2).sum(-1)).sum(0)
        gain = np.sqrt(whole / np.maximum(left, whole / _MOST_LOST**2 + np.finfo(np.float32).tiny))
        return z * np.where(whole > 0, gain, 1).astype(np.float32)[..., None]

    def _take_own(self, found, cells, members, rows, columns):
        """In place, where the four cells of a texel are not all of its object and some around it are."""
        four = sum(1 << bit for bit, (i, j) in enumerate(MEMBERS) if 0 <= i <= 1 and 0 <= j <= 1)
        y, x = np.nonzero((members & four != four) & (members != 0))
        total = np.zeros((len(y), self.n_freqs, cells.shape[-1]), np.complex64)
        weights = np.zeros(len(y), np.float32)
        cells = np.moveaxis(cells, 0, 2)
        for bit, (i, j) in enumerate(MEMBERS):
            row, column = np.floor(rows[y]) + i, np.floor(columns[x]) + j
            tents = (1 - abs(row - rows[y]) / 2) * (1 - abs(column - columns[x]) / 2)
            weight = (tents * ((members[y, x] >> bit) & 1)).astype(np.float32)
            row, column = (
                np.clip(place, 0, n - 1).astype(np.intp)
                for place, n in zip((row, column), self.z.shape[1:3], strict=True)
            )
            total += weight[:, None, None] * cells[row, column]
            weights += weight
        is_sure = weights > 0
        total = total[is_sure] / weights[is_sure, None, None]
        found[:, y[is_sure], x[is_sure]] = np.moveaxis(total, 1, 0)

    def volume(self, envelope: np.ndarray | None = None) -> SpectralVolume:
        """S = E z without any edit; `envelope`, float32 (K, H, W), stands in for the motion's own."""
        envelope = self.envelope if envelope is None else envelope
        with np.errstate(over="ignore", invalid="ignore"):  # the volume refuses what is not finite
            amplitudes = envelope[..., None] * self.phases()
        return SpectralVolume(amplitudes, self.frequencies, self.provenance, lookup=self.lookup)
