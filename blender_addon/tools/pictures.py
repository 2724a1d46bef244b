"""The pictures of a loop that an artist paints: which there are, new ones, and what is done to a mask.

A picture of ours is changed in place; one that the artist brought along stays as it is, and the loop gets a copy.
All is computed before anything is written, so that what cannot be leaves the loop as it was.
"""

from collections.abc import Callable

import bpy
import numpy as np

from ...gid_core.errors import SettingsError
from ..loop import edit, images, live
from ..nodes import rig

__all__ = ["CHANNELS", "TITLES", "change", "check_editable", "drop", "picture_of", "start", "take"]

# {kind: what an artist calls it}
TITLES = {"MASK": "Mask", "STRENGTH": "Strength", "FRONT": "In Front", "PLATE": "Plate"}
_FIELDS = {"MASK": "mask", "STRENGTH": "strength"}  # of the edits; the other two are the loop's own
# {channel: its weights}; grey as the eye weighs the primaries of Rec. 709
CHANNELS = {
    "GREY": (0.2126, 0.7152, 0.0722, 0.0),
    "RED": (1.0, 0.0, 0.0, 0.0),
    "GREEN": (0.0, 1.0, 0.0, 0.0),
    "BLUE": (0.0, 0.0, 1.0, 0.0),
    "ALPHA": (0.0, 0.0, 0.0, 1.0),
}


def check_editable(plane) -> None:
    """Refuse a loop that cannot take edits: a linked one, and one of an older version.

    Raises:
        SettingsError: the sentence says what to do.
    """
    edit.check_fits(plane, None)


def picture_of(plane, kind: str):
    """The image of that kind, None if there is none."""
    return getattr(plane.gid.edits, _FIELDS[kind]) if kind in _FIELDS else getattr(plane.gid, kind.lower())


def start(plane, kind: str, value: float):
    """A new mask or strength of the still's size, of one value everywhere, in the place of the one that was there.

    Returns:
        the image. It holds floats: a strength may go beyond white, and Geometry Nodes make floats of bytes, too.
    Raises:
        SettingsError: the loop takes no edits.
    """
    check_editable(plane)
    width, height = rig.get_input(plane, "Still").size
    return _give(plane, kind, np.full((height, width), value, np.float32))


def take(plane, source, channel: str):
    """A new mask made of one channel of any image: a matte, a cut-out's alpha, a depth map. Its size stays.

    Raises:
        SettingsError, ImageError: the loop takes no edits, or the image has no pixels.
    """
    check_editable(plane)
    values = np.clip(images.pixels_of(source) @ np.array(CHANNELS[channel], np.float32), 0, 1)
    return _give(plane, "MASK", values)


def change(plane, alter: Callable[[np.ndarray], np.ndarray]):
    """The mask as `alter` makes it of what it was: float32 (h, w) in 0..1 to the same.

    Raises:
        SettingsError, ImageError: there is no mask, or it has no pixels.
    """
    check_editable(plane)
    mask = plane.gid.edits.mask
    if mask is None:
        raise SettingsError(f"the loop '{plane.name}' has no mask: make or choose one first")
    altered = np.clip(alter(np.clip(images.pixels_of(mask)[..., 0], 0, 1)), 0, 1)
    if not images.is_made(mask):
        return _give(plane, "MASK", altered)
    changed = images.rewrite(mask, altered[..., None])
    images.mark_made(changed)
    _act(plane)
    return changed


def drop(plane, kind: str) -> None:
    """Let the loop go without its mask or strength; a picture of ours goes with it, the artist's own stays."""
    check_editable(plane)
    image = picture_of(plane, kind)
    with live.held():
        setattr(plane.gid.edits, _FIELDS[kind], None)
    _act(plane)
    _bury(image)


def _give(plane, kind, values):
    """Make an image of values (h, w) and let the loop use it; of ours, the one that was there goes."""
    name = f"GID {TITLES[kind]} {live.name_of(plane)}"
    image = images.new_image(name, values[..., None])
    images.mark_made(image)
    before = picture_of(plane, kind)
    with live.held():
        setattr(plane.gid.edits, _FIELDS[kind], image)
    _act(plane)
    _bury(before)
    image.name = name  # free now, if the one before was ours
    return image


def _act(plane):
    edit.apply_edits(plane)
    live.ring(plane)


def _bury(image):
    """Remove an image of ours that nothing uses any more; the canvas of a brush counts as nothing."""
    if image is None or not images.is_made(image):
        return
    for scene in bpy.data.scenes:
        if scene.tool_settings.image_paint.canvas == image:
            scene.tool_settings.image_paint.canvas = None
    if not bpy.data.user_map(subset={image})[image]:
        bpy.data.images.remove(image)
