"""Our compositor groups as assets: their catalogue, their previews, and a library of them for the asset browser."""

from pathlib import Path

import bpy
import numpy as np

from ...gid_core.errors import SettingsError
from ...gid_core.files.storage import disk_errors

__all__ = ["CATALOGUE", "FILE", "as_asset", "discs", "save_library", "waves"]

CATALOGUE = "a3b0a0c2-6f7e-4c1b-9d50-3a8d1c4f7e21"  # of ours alone, for ever
FILE = "image_dynamics.blend"
_CATALOGUES = "blender_assets.cats.txt"  # Blender's own name
_HEAD = "# This is an Asset Catalog Definition file for Blender.\n\nVERSION 1\n\n"
_LINE = f"{CATALOGUE}:Compositing/Image Dynamics:Image Dynamics\n"
_SIDE = 128  # px of a preview
_GROUND, _BLUE, _ORANGE = (0.10, 0.14, 0.17), (0.16, 0.50, 0.55), (0.95, 0.63, 0.22)


def as_asset(node_group, description: str, picture: np.ndarray):
    """Offer a group in the asset browser, and keep it in the file while nothing uses it.

    Args:
        picture: float (H, W, 3), 0..1 as a screen shows it, row 0 on top: its preview.
    """
    node_group.use_fake_user = True
    if node_group.asset_data is None:
        node_group.asset_mark()
        data = node_group.asset_data
        data.description, data.author, data.catalog_id = description, "Image Dynamics", CATALOGUE
        _set_preview(node_group, picture)
    return node_group


def save_library(groups, folder: Path) -> Path:
    """Write groups into a library in `folder`, with their catalogue; what else lies there stays. Returns the file.

    Raises:
        SettingsError: the folder is not there. LimitError, SettingsError: the disk does not take it.
    """
    if not folder.is_dir():
        raise SettingsError(f"there is no folder {folder}: choose that of an asset library")
    file, catalogues = folder / FILE, folder / _CATALOGUES
    with disk_errors(folder):
        bpy.data.libraries.write(str(file), set(groups), fake_user=True, compress=True)
        known = catalogues.read_text(encoding="utf-8") if catalogues.exists() else _HEAD
        if CATALOGUE not in known:
            catalogues.write_text(known + ("" if known.endswith("\n") else "\n") + _LINE, encoding="utf-8")
    return file


def _set_preview(block, picture):
    height, width = picture.shape[:2]
    pixels = np.ones((height, width, 4), np.float32)
    pixels[..., :3] = picture
    preview = block.preview_ensure()
    preview.image_size = (width, height)
    preview.image_pixels_float.foreach_set(pixels[::-1].ravel())


def discs() -> np.ndarray:
    """A preview: two discs, one before the other. float (H, W, 3) as `as_asset` takes it."""
    y, x = _places()
    shown = np.full((_SIDE, _SIDE, 3), _GROUND)
    for at, colour in ((0.41, _BLUE), (0.58, _ORANGE)):
        soft = np.clip((0.27 - np.hypot(x - at, y - at)) * 24, 0, 1)[..., None]
        shown = shown + soft * (np.array(colour) - shown)
    return shown


def waves() -> np.ndarray:
    """A preview: stripes that a wave carries along."""
    y, x = _places()
    carried = x + 0.06 * np.sin(2 * np.pi * (1.5 * y + 0.1))
    stripe = (0.5 + 0.5 * np.cos(2 * np.pi * 6 * carried))[..., None]
    inside = (np.maximum(abs(x - 0.5), abs(y - 0.5)) < 0.4)[..., None]
    return np.where(inside, _GROUND + stripe * np.subtract(_ORANGE, _GROUND), _GROUND)


def _places():
    return np.mgrid[:_SIDE, :_SIDE] / _SIDE
