"""A motion as it was predicted: how far everything moves and how, kept apart and raw.

S = E z: the envelope E says where, how far and at which frequencies, which the picture decides; z says with which phase
and in which direction, which chance decides. Edits change E or what comes of both and never the motion itself, so
that each of them can be taken back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import VolumeError
from . import cells
from .places import checked_lookup
from .volume import SpectralVolume

__all__ = ["ASKED_FOR", "PRIOR", "Motion"]

PRIOR = "physics prior"  # the provenance's "source" of a motion whose envelope is a guess by rules
ASKED_FOR = "asked for"  # why the rules answered where no model was wanted; else a sentence says what was amiss


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
        members: uint16 (H, W), of the cells around a texel those of its own object (cells.members); None: all.
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
        extent = tuple(float(n) for n in self.cells)
        if len(extent) != 2 or not all(0 < n <= size for n, size in zip(extent, z.shape[1:3], strict=True)):
            raise VolumeError(f"the picture spans {extent} cells of {z.shape[1:3]}: make the motion again")
        for name, value in (("envelope", envelope), ("z", z), ("frequencies", frequencies), ("picture", picture)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "cells", extent)
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
        """z at the grid: complex64 (K, H, W, 2), each texel's of its own object alone (cells.read)."""
        return cells.read(self.z, (self.height, self.width), self.cells, self.members, self.envelope**2)

    def volume(self, envelope: np.ndarray | None = None) -> SpectralVolume:
        """S = E z without any edit; `envelope`, float32 (K, H, W), stands in for the motion's own."""
        envelope = self.envelope if envelope is None else envelope
        with np.errstate(over="ignore", invalid="ignore"):  # the volume refuses what is not finite
            amplitudes = envelope[..., None] * self.phases()
        return SpectralVolume(amplitudes, self.frequencies, self.provenance, lookup=self.lookup)
