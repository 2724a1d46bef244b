"""A bake in a Blender beside this one: from the press of the button on, the artist's own has nothing to do with it.

The loop goes there as a file, as it is at that moment: what is changed meanwhile is neither baked nor compared.
"""

from contextlib import contextmanager
from functools import partial
from pathlib import Path

import bpy

from ...gid_core.errors import GidError, SettingsError
from ...gid_core.files.storage import disk_errors
from .. import compat
from ..saving import keep_paint_of
from ..work import Beside
from .bake import note_baked

__all__ = ["BakeBeside"]


class BakeBeside(Beside):
    """A bake under way, as `work.Work`; its result is itself, to be finished. After a cancel it leaves nothing.

    Args:
        plane: of the loop. asked: what `bake.order_of` takes, JSON-ready.
    Raises:
        LimitError: the loop cannot be handed over, or no process can be started.
    """

    def __init__(self, plane, asked: dict):
        self._plane = plane.session_uid
        super().__init__("blender_addon.bake_child", partial(_order, plane, asked), "bake the loop", tidies=True)

    @property
    def place(self) -> tuple[str, str] | None:
        """(folder, take), what `bake.folder_of` wants to know of bakes under way; None until it is known."""
        told = self.heard.get("place")
        return None if told is None else (told["folder"], told["take"])

    def result(self):
        """This bake, once everything is in its folder."""
        return None if super().result() is None else self

    def finish(self) -> str:
        """Note on the loop where the bake lies, if it is still there. Returns a sentence about the bake."""
        assert self.place is not None  # it is over
        plane = next((obj for obj in bpy.data.objects if obj.session_uid == self._plane), None)
        if plane is not None:
            note_baked(plane, Path(self.place[0]))
        return self.heard["done"]["told"]


def _order(plane, asked, folder):
    """What the process is told; the loop lies in its folder then."""
    file = folder / "loop.blend"
    with disk_errors(file):
        _write_loop(plane, file)
    return {"file": str(file), "plane": plane.name, "space": compat.working_space(), "asked": asked}


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
