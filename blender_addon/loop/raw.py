"""The motion of a loop as it was predicted, kept in the file beside what the rig plays.

Packed images hold it bit for bit: envelopes, phases, members and lookup in the tiles of `atlas`, and the photo on the
motion's grid; the loop's properties hold the rest. The rig reads the lookup, too, the others nothing but the add-on.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import bpy
import numpy as np

from ...gid_core.errors import SettingsError
from ...gid_core.motion.comb import axis
from ...gid_core.motion.motion import Motion
from ..nodes import rig
from . import atlas, clock, images, thumbnail
from .intact import intact, numbers, record
from .packing import Packed

__all__ = ["FIELDS", "IMAGES", "Kept", "is_stored", "load", "lookup_of", "of", "share", "store"]

_NEEDED = ("envelope", "chance", "picture")
IMAGES = (*_NEEDED, "members", "lookup")
# Properties that hold a motion, of a loop and of a take.
FIELDS = (*IMAGES, "frequencies", "cells", "provenance", "axis")


def is_stored(plane) -> bool:
    """False for a loop of version 0.1.0, which kept no raw motion."""
    return None not in (plane.gid.envelope, plane.gid.chance, plane.gid.picture)


@dataclass(frozen=True)
class Kept:
    """A motion as a file keeps it: its images as their files, by `IMAGES`, None for those that it lacks; its main axis.

    thumbnail: as `thumbnail.of` draws it.
    """

    files: Mapping[str, Packed | None]
    axis: float
    thumbnail: np.ndarray

    @classmethod
    def of(cls, motion: Motion) -> "Kept":
        """Worked out of a motion, without a datablock: it may be called in a thread."""
        volume, members, lookup = motion.volume(), None, None
        if motion.members is not None:
            members = images.pack(atlas.members_tile(motion.members), is_byte=True)
        if motion.lookup is not None:
            lookup = images.pack(atlas.lookup_tile(motion.lookup), is_byte=True, is_offset=True)
        files = {
            "envelope": images.pack(atlas.envelope_tiles(motion.envelope)),
            "chance": images.pack(atlas.chance_tiles(motion.z)),
            "picture": images.pack(motion.picture.astype(np.float32) / 255, is_byte=True),
            "members": members,
            "lookup": lookup,
        }
        return cls(files, axis(volume.amplitudes), thumbnail.of(volume, motion.picture))


def store(plane, motion: Motion, name: str, kept: Kept | None = None) -> None:
    """Keep a motion with a loop, in the images that are there already or in new ones called after `name`.

    An image that holds the same pixels stays, and so does one that a take of the loop holds.

    Args:
        kept: what `Kept.of` gives for the motion, if it was worked out before.
    """
    gid, kept = plane.gid, kept or Kept.of(motion)
    taken = {getattr(take, field) for take in gid.takes for field in IMAGES}
    for field in IMAGES:
        image = _holding(getattr(gid, field), taken, f".GID {field.title()} {name}", kept.files[field])
        setattr(gid, field, image)
    gid.frequencies = json.dumps([float(f) for f in motion.frequencies])
    gid.cells = json.dumps(motion.cells)
    gid.provenance = json.dumps(dict(motion.provenance))
    gid.axis = kept.axis
    _show_lookup(plane)


def share(plane, kept) -> None:
    """Let a loop have the motion that a take of it holds, in the same images."""
    for field in FIELDS:
        setattr(plane.gid, field, getattr(kept, field))
    _show_lookup(plane)


def _show_lookup(plane):
    for body in clock.on_same_clock(plane):
        rig.set_inputs(body, {"Lookup": plane.gid.lookup})


def load(plane) -> Motion:
    """What `store` kept, bit for bit.

    Raises:
        SettingsError: the loop keeps no raw motion.
        VolumeError: its images were changed.
    """
    if not is_stored(plane):
        raise SettingsError(f"the loop '{plane.name}' was made by an older version: bring it up to date first")
    return of(plane.gid, plane.name)


def of(kept, name: str) -> Motion:
    """The motion that a loop's or a take's properties hold; `name` is for a refusal.

    Raises:
        SettingsError, VolumeError: an image or a text of it is gone, or was changed.
    """
    if any(getattr(kept, field) is None for field in _NEEDED):
        raise SettingsError(f"the motion of '{name}' is no longer in the file: animate the photo again")
    with intact(name):
        frequencies, cells = numbers(kept.frequencies, None), numbers(kept.cells, 2)
        picture = images.pixels_of(kept.picture)[..., :3]
        return Motion(
            atlas.envelope_of(images.pixels_of(kept.envelope), len(frequencies)),
            atlas.chance_of(images.pixels_of(kept.chance), len(frequencies)),
            frequencies,
            tuple(cells.tolist()),
            np.rint(picture * 255).astype(np.uint8),
            record(kept.provenance),
            lookup=lookup_of(kept),
            members=None if kept.members is None else atlas.members_of(images.pixels_of(kept.members)),
        )


def lookup_of(kept) -> np.ndarray | None:
    """The lookup that a loop's or a take's properties hold: uint8 (H, W, 2), None if every pixel reads at its place."""
    return None if kept.lookup is None else atlas.lookup_of(images.pixels_of(kept.lookup, is_offset=True))


def _holding(image, taken, name, file):
    """The image that holds a file, None for none: one that was there and that no take needs is removed."""
    if file is None:
        if image is not None and image not in taken:
            bpy.data.images.remove(image)
        return None
    if image is not None and images.holds(image, file):
        return image
    if image is None or image in taken:
        return images.new_image(name, file)
    return images.rewrite(image, file)
