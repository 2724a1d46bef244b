"""The motion of a loop as it was predicted, kept in the file beside what the rig plays.

Packed images hold it bit for bit: envelopes, phases and members in the tiles of `atlas`, and the photo on the motion's
grid; the loop's properties hold the rest. Nothing but the add-on reads them.
"""

import json

import numpy as np

from ...gid_core.errors import SettingsError
from ...gid_core.motion.comb import axis
from ...gid_core.motion.motion import Motion
from . import atlas, images

__all__ = ["FIELDS", "IMAGES", "is_stored", "load", "of", "share", "store"]

_NEEDED = ("envelope", "chance", "picture")
IMAGES = (*_NEEDED, "members")
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
    if motion.members is None:
        gid.members = None
    else:
        tile = atlas.members_tile(motion.members)
        gid.members = _kept(gid.members, taken, f".GID Members {name}", tile, is_byte=True)
    gid.frequencies = json.dumps([float(f) for f in motion.frequencies])
    gid.cells = json.dumps(motion.cells)
    gid.provenance = json.dumps(dict(motion.provenance))
    gid.axis = axis(motion.volume().amplitudes)


def share(plane, kept) -> None:
    """Let a loop have the motion that a take of it holds, in the same images."""
    for field in FIELDS:
        setattr(plane.gid, field, getattr(kept, field))


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
        SettingsError, VolumeError: an image of it is gone, or was changed.
    """
    if any(getattr(kept, field) is None for field in _NEEDED):
        raise SettingsError(f"the motion of '{name}' is no longer in the file: animate the photo again")
    frequencies = np.array(json.loads(kept.frequencies), np.float64)
    picture = images.pixels_of(kept.picture)[..., :3]
    return Motion(
        atlas.envelope_of(images.pixels_of(kept.envelope), len(frequencies)),
        atlas.chance_of(images.pixels_of(kept.chance), len(frequencies)),
        frequencies,
        tuple(json.loads(kept.cells)),
        np.rint(picture * 255).astype(np.uint8),
        json.loads(kept.provenance),
        members=None if kept.members is None else atlas.members_of(images.pixels_of(kept.members)),
    )


def _kept(image, taken, name, pixels, *, is_byte=False):
    if image is not None and images.holds(image, pixels):
        return image
    if image is None or image in taken:
        return images.new_image(name, pixels, is_byte=is_byte)
    return images.rewrite(image, pixels)
