"""A motion on disk with what was asked of it: volume.npz, format 2.

`amplitudes`, `frequencies` and `provenance` lie in it as in format 1, edits applied and the mask folded in, for readers
who want what was asked for; beside them the raw motion (`envelope`, `z`, `cells`, `picture`, `raw_provenance`) and the
edits (JSON, their pictures as the arrays `mask` and `strength`), so that each edit can be taken back. `lookup` says
where the still's pixels read either of them; without it they read at their own place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..errors import SettingsError, VolumeError
from . import archive
from .edits import Edits, apply
from .motion import Motion
from .volume import SpectralVolume

__all__ = ["Saved", "load", "save"]

FORMAT = 2


@dataclass(frozen=True, eq=False)
class Saved:
    """What a file holds: the volume as asked for, and of what it came; both None in a file of format 1."""

    volume: SpectralVolume
    motion: Motion | None = None
    edits: Edits | None = None


def save(path, motion: Motion, edits: Edits | None = None, provenance: Mapping | None = None) -> None:
    """Write motion and edits, whole or not at all.

    Args:
        provenance: what else to tell of the volume; plain JSON values.
    Raises:
        LimitError: the disk is full or read-only.
    """
    edits = Edits() if edits is None else edits
    arrays = apply(motion, edits).folded().as_arrays()
    arrays["provenance"] = {**arrays["provenance"], **(provenance or {})}
    archive.written(
        path,
        {
            **arrays,
            "format": np.array(FORMAT, np.int64),
            "envelope": motion.envelope,
            "z": motion.z,
            "lookup": motion.lookup,
            "members": motion.members,
            "cells": np.array(motion.cells, np.float64),
            "picture": motion.picture,
            "raw_provenance": motion.provenance,
            "edits": edits.told(),
            "mask": edits.mask,
            "strength": edits.strength,
        },
    )


def load(path) -> Saved:
    """Read what `save` or `SpectralVolume.save` wrote.

    Raises:
        VolumeError: the file is missing, damaged, too large, of a later format or not a volume.
    """
    with archive.opened(path) as file:
        volume = SpectralVolume.read(file)
        if "format" not in file:
            return Saved(volume)
        found = int(file.array("format", np.int64, 0))
        if found != FORMAT:
            raise VolumeError(f"{path} has format {found}, this version reads 1 and {FORMAT}: use a later version")
        told = file.mapping("edits")
        motion = Motion(
            file.array("envelope", np.float32, 3),
            file.array("z", np.complex64, 4),
            volume.frequencies,
            tuple(file.array("cells", np.float64, 1)),
            file.array("picture", np.uint8, 3),
            file.mapping("raw_provenance"),
            file.array("lookup", np.uint8, 3) if "lookup" in file else None,
            file.array("members", np.uint16, 2) if "members" in file else None,
        )
        if volume.amplitudes.shape[:3] != motion.envelope.shape:
            raise VolumeError(f"{path} holds a volume and a motion of two sizes: make it again")
        pictures = {name: file.array(name, np.float32, 2) for name in ("mask", "strength") if name in file}
        try:
            edits = Edits.retold(told, **pictures)
        except SettingsError as error:
            raise VolumeError(f"{path} holds edits that cannot be read: {error}") from error
        return Saved(replace(apply(motion, edits), provenance=volume.provenance), motion, edits)
