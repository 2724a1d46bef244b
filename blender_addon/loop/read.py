"""What a loop is made of, read back from its datablocks."""

import json

import bpy
import numpy as np

from ...gid_core.errors import SettingsError
from ...gid_core.motion.edits import Edits, apply
from ...gid_core.motion.motion import Motion
from ...gid_core.motion.timeline import LoopPlan
from ...gid_core.motion.volume import SpectralVolume
from ..nodes import rig
from . import images, live, raw

__all__ = [
    "cards_of",
    "played_volume",
    "scene_of",
    "stored_edits",
    "stored_motion",
    "stored_plan",
    "stored_still",
    "stored_volume",
]


def scene_of(plane):
    """The scene that renders the loop of `plane`.

    Raises:
        SettingsError: `plane` is not a loop.
    """
    if plane.gid.scene is None or rig.MODIFIER not in plane.modifiers:
        raise SettingsError(f"the object '{plane.name}' is not a loop: select the plane of one")
    return plane.gid.scene


def cards_of(plane) -> list:
    """The cards that show the loop of `plane` in artists' scenes."""
    return [obj for obj in bpy.data.objects if obj.gid.shows == plane and obj.users_scene]


def stored_motion(plane) -> Motion:
    """The motion of the loop as it was predicted, bit for bit.

    Raises:
        SettingsError: `plane` is not a loop, or an older version made it.
    """
    scene_of(plane)
    return raw.load(plane)


def stored_edits(plane) -> Edits:
    """What the artist asks of the loop now.

    Raises:
        SettingsError: `plane` is not a loop.
        ImageError: a picture among it cannot be read.
    """
    scene_of(plane)
    return live.asked(plane)


def stored_volume(plane) -> SpectralVolume:
    """The volume of the loop with its edits, as the core makes it of motion and edits.

    A loop of an older version has its images alone to tell of it.

    Raises:
        SettingsError: `plane` is not a loop.
    """
    scene_of(plane)
    if raw.is_stored(plane):
        return apply(raw.load(plane), live.asked(plane))
    return played_volume(plane)


def played_volume(plane) -> SpectralVolume:
    """What the images of the modes hold: strength is in it, what acts live is not."""
    frequencies = np.array(json.loads(plane.gid.frequencies), np.float64)
    modes = [
        images.pixels_of(rig.get_input(plane, f"Image {index}"), is_vector=True)
        for index in range(1, len(frequencies) + 1)
    ]
    amplitudes = np.ascontiguousarray(np.stack(modes)).view(np.complex64)
    return SpectralVolume(amplitudes, frequencies, json.loads(plane.gid.provenance))


def stored_plan(plane) -> LoopPlan:
    """What the rig of the loop plays, the phase of its edits included.

    Raises:
        SettingsError: `plane` is not a loop.
    """
    scene_of(plane)
    indices = range(1, live.n_modes(plane) + 1)
    harmonics = np.array([rig.get_input(plane, f"Harmonic {index}") for index in indices])
    phases = np.array([rig.get_input(plane, f"Phase {index}") for index in indices])
    phases = np.mod(phases + 2 * np.pi * harmonics * plane.gid.edits.phase, 2 * np.pi)
    gains = [rig.get_input(plane, f"Gain {index}") for index in indices]
    length, anchor = rig.get_input(plane, "Length"), rig.get_input(plane, "Anchor")
    return LoopPlan(length, tuple(harmonics.tolist()), tuple(gains), tuple(phases.tolist()), anchor > 0)


def stored_still(plane) -> np.ndarray:
    """The still of the loop: float32 (H, W, 3|4), linear, premultiplied, bit for bit as it was given.

    Raises:
        SettingsError: `plane` is not a loop.
    """
    scene_of(plane)
    still = images.pixels_of(rig.get_input(plane, "Still"))
    return still if images.has_alpha(still) else np.ascontiguousarray(still[..., :3])
