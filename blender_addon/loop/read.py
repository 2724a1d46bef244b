"""What a loop is made of, read back from its datablocks."""

import bpy
import numpy as np

from ...gid_core.errors import SettingsError
from ...gid_core.motion.edits import Edits, apply
from ...gid_core.motion.motion import Motion
from ...gid_core.motion.timeline import LoopPlan
from ...gid_core.motion.volume import SpectralVolume
from ...gid_core.motion.wander import played
from ..nodes import rig
from . import colours, images, live, raw
from .intact import intact, numbers, record

__all__ = [
    "cards_of",
    "copied_with",
    "has_foreign_colours",
    "played_volume",
    "refuse_foreign_colours",
    "refuse_unkept",
    "scene_of",
    "still_of",
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
    if plane.gid.scene is None or not rig.is_rigged(plane):
        raise SettingsError(f"the object '{plane.name}' is not a loop: select the plane of one")
    return plane.gid.scene


def cards_of(plane) -> list:
    """The cards that show the loop of `plane` in artists' scenes."""
    hidden = (plane.gid.motion,)
    return [obj for obj in bpy.data.objects if obj.gid.shows == plane and obj.users_scene not in ((), hidden)]


def refuse_unkept(plane) -> None:
    """Refuse to change a loop whose change this file would not keep, or that would change another one along.

    Raises:
        SettingsError: `plane` is not a loop; it or its scene is linked, or overrides what is; or its scene is a full
            copy of another one's. The sentence says where to change it.
    """
    owner = scene_of(plane)
    if plane.library or owner.library:
        raise SettingsError(f"the loop '{plane.name}' is linked: change it in its own file")
    if plane.override_library:
        raise SettingsError(f"the loop '{plane.name}' overrides a linked one: change it in that one's file")
    if owner not in plane.users_scene and (twin := copied_with(plane)) is not None:
        # 4.5: the copy still names the scene that it was copied from
        raise SettingsError(
            f"the loop '{plane.name}' is a copy that shares the scene of '{twin.name}': change that one, "
            "or animate the photo here anew"
        )


def has_foreign_colours(plane) -> bool:
    """True for a loop that was made under another colour configuration: what is made of it here has other colours."""
    with intact(plane.name):
        return colours.is_foreign(rig.get_picture(plane, "Still"), plane.gid.colours)


def refuse_foreign_colours(plane) -> None:
    """Refuse such a loop.

    Raises:
        SettingsError: it is one.
    """
    if has_foreign_colours(plane):
        raise SettingsError(
            f"the loop '{plane.name}' was made under another colour configuration (OCIO): start Blender with that one, "
            "or animate the photo here anew"
        )


def copied_with(plane):
    """A loop in another scene that shows the same images, since one's scene was copied in full; None: there is none."""
    still = rig.get_input(plane, "Still")
    return next(
        (
            other
            for other in bpy.data.objects
            if other != plane
            and other.gid.scene is not None
            and rig.is_rigged(other)
            and rig.get_input(other, "Still") == still
            and set(other.users_scene).isdisjoint(plane.users_scene)
        ),
        None,
    )


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
    return apply(raw.load(plane), live.asked(plane)) if raw.is_stored(plane) else played_volume(plane)


def played_volume(plane) -> SpectralVolume:
    """What the images of the modes hold: strength and strokes are in it, what acts live is not.

    Raises:
        SettingsError: they, or what is kept beside them, are not as they were left.
    """
    with intact(plane.name):
        frequencies, provenance = numbers(plane.gid.frequencies, None), record(plane.gid.provenance)
        modes = [
            images.pixels_of(rig.get_picture(plane, f"Image {index}"), is_vector=True)
            for index in range(1, len(frequencies) + 1)
        ]
        amplitudes = np.ascontiguousarray(np.stack(modes)).view(np.complex64)
        lookup = raw.lookup_of(plane.gid)
    edits = plane.gid.edits
    return SpectralVolume(amplitudes, played(frequencies, edits.rate, edits.wander), provenance, lookup=lookup)


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

    To rounding only where the scene's light is not linear sRGB, as under an ACES configuration.

    Raises:
        SettingsError: `plane` is not a loop.
    """
    scene_of(plane)
    with intact(plane.name):
        return still_of(images.pixels_of(rig.get_picture(plane, "Still")), plane.gid.colours)


def still_of(pixels: np.ndarray, note: str) -> np.ndarray:
    """`stored_still` of the pixels of its image, and what the loop notes of their colours; in any thread."""
    still = colours.from_scene(pixels, note)
    return still if images.has_alpha(still) else np.ascontiguousarray(still[..., :3])
