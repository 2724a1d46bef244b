"""The motion of a loop as it was predicted, kept in the file beside what the rig plays.

Packed images hold it bit for bit: envelopes, phases, members and lookup in the tiles of `atlas`, and the photo on the
motion's grid; the loop's properties hold the rest. The rig reads the lookup, too, the others nothing but the add-on.
"""

import json

import bpy
import numpy as np

from ...gid_core.errors import SettingsError
from ...gid_core.motion.comb import axis
from ...gid_core.motion.motion import Motion
from ..nodes import rig
from . import atlas, clock, images
from .intact import intact

__all__ = ["FIELDS", "IMAGES", "is_stored", "load", "lookup_of", "of", "share", "store"]

_NEEDED = ("envelope", "chance", "picture")
IMAGES = (*_NEEDED, "members", "lookup")
# Properties that hold a motion, of a loop and of a take.
FIELDS = (*IMAGES, "frequencies", "cells", "provenance", "axis")


def is_stored(plane) -> bool:
    """False for a loop of version 0.1.0, which kept no raw motion."""
    return None not in (plane.gid.envelope, plane.gid.chance, plane.gid.picture)


def store(plane, motion: Motion, name: str) -> None:
    """Keep a motion with a loop, in the images that are there already or in new ones called after `name`.

    An image that holds the same pixels stays, and so does one that a take of the loop holds.
    """
    gid = plane.gid
    envelope, chance = atlas.envelope_tiles(motion.envelope), atlas.chance_tiles(motion.z)
    picture = motion.picture.astype(np.float32) / 255
    taken = {getattr(take, field) for take in gid.takes for field in IMAGES}
    gid.envelope = _kept(gid.envelope, taken, f".GID Envelope {name}", envelope)
    gid.chance = _kept(gid.chance, taken, f".GID Chance {name}", chance)
    gid.picture = _kept(gid.picture, taken, f".GID Picture {name}", picture, is_byte=True)
    members = None if motion.members is None else atlas.members_tile(motion.members)
    gid.members = _kept(gid.members, taken, f".GID Members {name}", members, is_byte=True)
    lookup = None if motion.lookup is None else atlas.lookup_tile(motion.lookup)
    gid.lookup = _kept(gid.lookup, taken, f".GID Lookup {name}", lookup, is_byte=True, is_offset=True)
    gid.frequencies = json.dumps([float(f) for f in motion.frequencies])
    gid.cells = json.dumps(motion.cells)
    gid.provenance = json.dumps(dict(motion.provenance))
    gid.axis = axis(motion.volume().amplitudes)
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
        frequencies = np.array(json.loads(kept.frequencies), np.float64)
        picture = images.pixels_of(kept.picture)[..., :3]
        return Motion(
            atlas.envelope_of(images.pixels_of(kept.envelope), len(frequencies)),
            atlas.chance_of(images.pixels_of(kept.chance), len(frequencies)),
            frequencies,
            tuple(json.loads(kept.cells)),
            np.rint(picture * 255).astype(np.uint8),
            json.loads(kept.provenance),
            lookup=lookup_of(kept),
            members=None if kept.members is None else atlas.members_of(images.pixels_of(kept.members)),
        )


def lookup_of(kept) -> np.ndarray | None:
    """The lookup that a loop's or a take's properties hold: uint8 (H, W, 2), None if every pixel reads at its place."""
    return None if kept.lookup is None else atlas.lookup_of(images.pixels_of(kept.lookup, is_offset=True))


def _kept(image, taken, name, pixels, *, is_byte=False, is_offset=False):
    """The image that holds the pixels, None for none of them: one that was there and that no take needs is removed."""
    if pixels is None:
        if image is not None and image not in taken:
            bpy.data.images.remove(image)
        return None
    if image is not None and images.holds(image, pixels, is_offset=is_offset):
        return image
    if image is None or image in taken:
        return images.new_image(name, pixels, is_byte=is_byte, is_offset=is_offset)
    return images.rewrite(image, pixels, is_offset=is_offset)
