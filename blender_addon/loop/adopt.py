"""One click brings a loop of version 0.1.0 up to date: today's rig, and beside it what later edits are made of.

0.1.0 kept no raw motion; it is recovered from what the mode images hold. What the loop plays stays as it is.
"""

import numpy as np

from ...gid_core.motion.recovery import recovered
from .. import compat
from ..nodes import rig
from . import images, live, raw, upgrade
from .read import played_volume, scene_of, stored_still

__all__ = ["adopt", "is_current"]


def is_current(plane) -> bool:
    """True if all that edits need is there.

    Raises:
        SettingsError: `plane` is not a loop.
    """
    return raw.is_stored(plane) and not upgrade.is_outdated(plane)


def adopt(plane) -> None:
    """Bring a loop of any older version up to date; one of today is left as it is.

    Raises:
        SettingsError: `plane` is not a loop, or it is linked from another file.
    """
    upgrade.upgrade(plane)
    if raw.is_stored(plane):
        return
    # At the first use: it loads Pillow.
    from ...gid_core.files import colour, image_io

    gid, volume, still = plane.gid, played_volume(plane), stored_still(plane)
    seen = colour.encode_srgb(image_io.resize(still, volume.width, volume.height)[..., :3])
    raw.store(plane, recovered(volume, np.rint(np.clip(seen, 0, 1) * 255).astype(np.uint8)), live.name_of(plane))
    shown = rig.get_input(plane, "Still")
    gid.front, gid.plate = _front(plane, shown), _plate(scene_of(plane))
    for image in (shown, gid.front, gid.plate):
        # 0.1.0 lost what was painted on them with each save: only what was painted just now is not ours.
        if image is not None and not image.is_dirty:
            images.mark_made(image)
    with live.held():
        gid.edits.amplitude = rig.get_input(plane, "Amount")
        gid.edits.damping = rig.get_input(plane, "Damping")
    _hide(plane)


def _front(plane, still):
    """The image that the tents read beside the still."""
    material = rig.get_input(plane, "Tent Material")
    found = _images_of(material.node_tree if material else None) - {still}
    return found.pop() if len(found) == 1 else None


def _plate(scene):
    """The image in the compositor, where 0.1.0 laid the plate under all."""
    found = {image for image in _images_of(compat.compositor_of(scene)) if image.name.startswith("GID Plate")}
    return found.pop() if len(found) == 1 else None


def _images_of(tree):
    return {node.image for node in (tree.nodes if tree else ()) if getattr(node, "image", None)}


def _hide(plane):
    """Take what no artist looks for out of Blender's menus, by the dot that its name begins with today."""
    numbered = [rig.get_input(plane, f"Image {index}") for index in range(1, live.n_modes(plane) + 1)]
    materials = [rig.get_input(plane, f"{name} Material") for name in ("Sheet", "Tent", "Static")]
    for block in (*numbered, *materials, rig.get_input(plane, "Static Mask"), plane.data):
        if block is not None and block.name.startswith("GID "):
            block.name = "." + block.name
