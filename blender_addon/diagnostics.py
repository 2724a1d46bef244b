"""What a bug report needs to say of this machine: versions, the model, who computes; no paths and no names.

It is made when asked for, and goes nowhere but where the artist pastes it.
"""

import platform
from importlib import metadata

import bpy
import numpy as np

from ..gid_core.errors import GidError
from ..gid_core.version import __version__
from . import jobs

__all__ = ["report"]


def report(folder: str = "") -> str:
    """Lines of plain text.

    Args:
        folder: of the motion model; empty for the one that came with the add-on.
    """
    lines = [
        f"Image Dynamics {__version__}",
        f"Blender {bpy.app.version_string} ({bpy.app.build_hash.decode()}), {bpy.app.build_platform.decode()}",
        f"{platform.system()} {platform.release()}, {platform.machine()}",
        f"Python {platform.python_version()}, numpy {np.__version__}",
        f"Pillow {_version_of('pillow')}",
        f"onnxruntime {_version_of('onnxruntime')}, providers: {_providers()}",
        *_model(folder),
        f"loops in this file: {sum(obj.gid.scene is not None for obj in bpy.data.objects)}",
    ]
    lines += [f"said: {said}" for said in jobs.notices() if not _has_path(said)]
    return "\n".join(lines) + "\n"


def _version_of(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "is not there"


def _providers():
    from ..gid_core.model import session  # at the first use: it may load onnxruntime

    try:
        return ", ".join(session.available_providers())
    except GidError as error:
        return f"none ({type(error).__name__})"


def _model(folder):
    from ..gid_core.model import card as cards

    try:
        card = cards.read_card(folder or cards.default_folder())
    except GidError as error:
        return [f"model: {type(error).__name__}"]
    where = "another folder" if folder else "as shipped"
    return [f"model: {card.name} {card.version}, {where}", *(f"  {role} {sha}" for role, sha in card.sha256().items())]


def _has_path(text):
    return "/" in text or "\\" in text
