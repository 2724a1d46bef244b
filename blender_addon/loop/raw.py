"""The motion of a loop as it was predicted, kept in the file beside what the rig plays.

Packed images hold it bit for bit: envelopes, phases and members in the tiles of `atlas`, and the photo on the motion's
grid; the loop's properties hold the rest. Nothing but the add-on reads them.
"""

import json

import numpy as np

from ...gid_core.errors import SettingsError
from ...gid_core.motion.motion import Motion
from . import atlas, images

__all__ = ["is_stored", "load", "store"]


def is_stored(plane) -> bool:
    """False for a loop of version 0.1.0, which kept no raw motion."""
    return None not in (plane.gid.envelope, plane.gid.chance, plane.gid.picture)


def store(plane, motion: Motion, name: str) -> None:
    """Keep a motion with a loop, in the images that are there already or in new ones called after `name`."""
    gid = plane.gid
    envelope, chance = atlas.envelope_tiles(motion.envelope), atlas.chance_tiles(motion.z)
    picture = motion.picture.astype(np.float32) / 255
    gid.envelope = _kept(gid.envelope, f".GID Envelope {name}", envelope)
    gid.chance = _kept(gid.chance, f".GID Chance {name}", chance)
    gid.picture = _kept(gid.picture, f".GID Picture {name}", picture, is_byte=True)
    if motion.members is None:
        gid.members = None
    else:
        tile = atlas.members_tile(motion.members)
        gid.members = _kept(gid.members, f".GID Members {name}", tile, is_byte=True)
    gid.frequencies = json.dumps([float(f) for f in motion.frequencies])
    gid.cells = json.dumps(motion.cells)
    gid.provenance = json.dumps(dict(motion.provenance))


def load(plane) -> Motion:
    """What `store` kept, bit for bit.

    Raises:
        SettingsError: the loop keeps no raw motion.
        VolumeError: its images were changed.
    """
    if not is_stored(plane):
        raise SettingsError(f"the loop '{plane.name}' was made by an older version: bring it up to date first")
    gid = plane.gid
    frequencies = np.array(json.loads(gid.frequencies), np.float64)
    picture = images.pixels_of(gid.picture)[..., :3]
    return Motion(
        atlas.envelope_of(images.pixels_of(gid.envelope), len(frequencies)),
        atlas.chance_of(images.pixels_of(gid.chance), len(frequencies)),
        frequencies,
        tuple(json.loads(gid.cells)),
        np.rint(picture * 255).astype(np.uint8),
        json.loads(gid.provenance),
        members=None if gid.members is None else atlas.members_of(images.pixels_of(gid.members)),
    )


def _kept(image, name, pixels, *, is_byte=False):
    if image is None:
        return images.new_image(name, pixels, is_byte=is_byte)
    return images.rewrite(image, pixels)
