"""The process that makes node groups: a Blender of its own, which leaves them in a file."""

import bpy

from ..gid_core.child import serving
from .nodes import rig

__all__ = ["serve"]


def serve(order: dict) -> None:
    """A child's whole life; see `gid_core.child`. order: "n_modes" of the rig, and the "file" to leave it in."""
    serving(_work, order)


def _work(order, _commands, send):
    bpy.data.libraries.write(order["file"], {rig.group(order["n_modes"])})
    send(event="done", file=order["file"])
