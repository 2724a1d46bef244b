"""What the colour configuration of this Blender (OCIO) calls the things that we need, and what it computes in.

Configurations share no names, so spaces are asked for by role: a new image, byte or float, stands in the one for it.
Inside of gid_core light is linear in sRGB primaries; a scene's may be in others (ACEScg in an ACES configuration), and
what a render reads is converted to those. Where both are the same, as in Blender's own configuration, no bit changes.
"""

import json
from functools import lru_cache

import bpy
import mathutils
import numpy as np

from .intact import numbers

__all__ = [
    "byte_space",
    "data_space",
    "float_space",
    "from_scene",
    "is_foreign",
    "is_linear_srgb",
    "note_of",
    "show_as_stored",
    "to_scene",
]

# Linear light in sRGB primaries, in Blender's configurations and in those of ACES.
_LINEAR_SRGB = (
    "Linear Rec.709",
    "Linear Rec.709 (sRGB)",
    "Linear",
    "Utility - Linear - sRGB",
    "lin_srgb",
    "lin_rec709",
)
# What a picture of 8 bits is encoded in, likewise.
_SRGB = ("sRGB", "sRGB - Texture", "sRGB Encoded Rec.709 (sRGB)", "Utility - sRGB - Texture", "srgb_texture", "srgb_tx")
# Displays and views that show a picture's own colours, no film look baked in: first those of Blender, then of ACES.
_DISPLAYS = ("sRGB", "sRGB - Display", "sRGB Display", "ACES/sRGB")
_VIEWS = ("Standard", "Un-tone-mapped", "Un-tone-mapped (sRGB)", "sRGB", "Raw")
_SAME = 1e-4  # of a matrix: 4.5 says one to six digits


def byte_space() -> str:
    """Name of the space of 8-bit pictures, Blender's "sRGB"."""
    return _spaces()[0]


def float_space() -> str:
    """Name of the space of float pictures: the scene's own linear light."""
    return _spaces()[1]


def data_space() -> str:
    """Name of the space of what is no colour, Blender's "Non-Color"."""
    return _spaces()[2]


@lru_cache(1)  # a Blender keeps the configuration that it started with
def _spaces():
    found = []
    for is_float in (False, True):
        image = bpy.data.images.new(".GID Role", 1, 1, float_buffer=is_float)
        if not is_float:  # some ACES configurations give them none of their own, and they stand in ACEScct
            _take(image.colorspace_settings, "name", _SRGB)
        found.append(image.colorspace_settings.name)
        # To say this of a float image that shall hold numbers is not enough in 4.5: its pixels change on reload.
        image.colorspace_settings.is_data = True
        data = image.colorspace_settings.name
        bpy.data.images.remove(image)
    return (*found, data)


def is_linear_srgb(space: str) -> bool:
    """True if a space of that name is linear light in sRGB primaries."""
    return space in _LINEAR_SRGB


def show_as_stored(scene) -> str | None:
    """Let `scene` show its light as an sRGB picture has it. Returns its view if that bakes in a look."""
    display, view = scene.display_settings, scene.view_settings
    _take(display, "display_device", _DISPLAYS)
    taken = _take(view, "view_transform", _VIEWS)
    _take(view, "look", ("None",))
    view.exposure, view.gamma = 0.0, 1.0
    return None if taken else view.view_transform


def _take(owner, name, wanted):
    """Set an enumeration to the first of the names that the configuration has; False if it has none."""
    for one in wanted:
        try:
            setattr(owner, name, one)
        except TypeError:
            continue
        return True
    return False


def _matrix():
    """(3, 3) from linear sRGB to the scene's linear light; None where they are the same."""
    columns = [mathutils.Color(unit).from_rec709_linear_to_scene_linear()[:] for unit in np.eye(3).tolist()]
    matrix = np.array(columns, np.float64).T
    return None if np.abs(matrix - np.eye(3)).max() < _SAME else matrix


def to_scene(pixels: np.ndarray) -> np.ndarray:
    """Linear sRGB as the scene's linear light: float32 (H, W, 3|4), the input itself where both are the same."""
    return _through(_matrix(), pixels)


def from_scene(pixels: np.ndarray, note: str | None = None) -> np.ndarray:
    """The scene's linear light as linear sRGB: float32 (H, W, 3|4), the input itself where both are the same.

    note: what `note_of` said when the pixels were stored; None: they are of this configuration.
    """
    matrix = _matrix() if note is None else _of_note(note)
    return _through(None if matrix is None else np.linalg.inv(matrix), pixels)


def note_of() -> str:
    """What a loop keeps of the configuration that it is made under: a JSON matrix, empty for Blender's own."""
    matrix = _matrix()
    return "" if matrix is None else json.dumps(np.round(matrix, 5).tolist())


def is_foreign(image, note: str) -> bool:
    """True if a loop's image, and what the loop kept by `note_of`, were made under another configuration than this one.

    Its colours would be others then, and in 4.5 its motion, too.
    """
    if not image.colorspace_settings.name:  # its space is unknown here
        return True
    theirs, ours = (np.eye(3) if one is None else one for one in (_of_note(note), _matrix()))
    return bool(np.abs(theirs - ours).max() > 10 * _SAME)


def _of_note(note):
    return numbers(note, 3, 3) if note else None


def _through(matrix, pixels):
    if matrix is None:
        return pixels
    turned = pixels.copy()
    turned[..., :3] = pixels[..., :3] @ matrix.T.astype(np.float32)
    return turned
