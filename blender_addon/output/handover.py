"""A loop for a Blender beside this one goes there as a file, as it is at that moment, and no later change with it."""

from contextlib import contextmanager

import bpy

from ...gid_core.errors import GidError, SettingsError
from ...gid_core.files.storage import disk_errors
from .. import compat
from ..saving import keep_paint_of

__all__ = ["hand_over", "take_over"]


def hand_over(plane, folder) -> dict:
    """Write the loop of `plane` into a folder. Returns what the other Blender needs to know of it, JSON-ready.

    Raises:
        GidError: it cannot be written.
    """
    file = folder / "loop.blend"
    with disk_errors(file):
        _write_loop(plane, file)
    return {"file": str(file), "plane": plane.name, "space": compat.working_space()}


def take_over(order: dict):
    """In the other Blender: open what was handed over. Returns the plane of the loop."""
    bpy.ops.wm.open_mainfile(filepath=order["file"], load_ui=False)
    compat.use_working_space(order["space"])
    return bpy.data.objects[order["plane"]]


def _write_loop(plane, file):
    """The scene of a loop as a file, with all that it needs."""
    try:
        keep_paint_of(plane)
    except GidError as error:
        raise SettingsError(f"what was painted cannot be baked: {error}") from error
    with _apart(plane.gid.scene):
        try:
            bpy.data.libraries.write(str(file), {plane.gid.scene}, path_remap="ABSOLUTE")
        except RuntimeError as error:
            raise OSError(str(error).strip()) from error


@contextmanager
def _apart(scene):
    """Without the way back to the artist's scene, all of which would be written along."""
    home, scene.gid.home = scene.gid.home, None
    try:
        yield
    finally:
        scene.gid.home = home
