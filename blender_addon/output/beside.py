"""A bake in a Blender beside this one: from the press of the button on, the artist's own has nothing to do with it.

The loop goes there as a file, as it is at that moment: what is changed meanwhile is neither baked nor compared.
"""

from contextlib import contextmanager
from pathlib import Path

import bpy

from ...gid_core.child import Crew
from ...gid_core.errors import GidError, SettingsError
from ...gid_core.files.storage import Scratch, disk_errors
from .. import compat
from ..saving import keep_paint_of
from ..work import Step, second_blender
from .bake import note_baked

__all__ = ["BakeBeside"]


class BakeBeside:
    """A bake under way, as `work.Work`; its result is itself, to be finished.

    place: (folder, take), what `bake.folder_of` wants to know of bakes under way; None until it is known.

    Args:
        plane: of the loop. asked: what `bake.order_of` takes, JSON-ready.
    Raises:
        LimitError: the loop cannot be handed over, or no process can be started.
    """

    def __init__(self, plane, asked: dict):
        self.place: tuple[str, str] | None = None
        self._plane, self._told = plane.session_uid, None
        self._scratch = Scratch("gid-bake-")
        file = self._scratch.folder / "loop.blend"
        try:
            with disk_errors(file):
                _write_loop(plane, file)
            order = {"file": str(file), "plane": plane.name, "space": compat.working_space(), "asked": asked}
            module = "blender_addon.bake_child"
            self._crew = Crew(1, module, order, self._scratch.folder, "bake the loop", second_blender())
        except BaseException:
            self._scratch.remove()
            raise

    def poll(self):
        """What happened since the last call."""
        steps = []
        for _index, message in self._crew.answers():
            if message["event"] == "progress":
                steps.append(Step(message["phase"], message["fraction"]))
            elif message["event"] == "place":
                self.place = message["folder"], message["take"]
            else:
                self._told = message["told"]
        return steps

    def result(self):
        """This bake, once everything is in its folder."""
        return None if self._told is None else self

    def cancel(self):
        """Stop, and leave nothing: what lies on the disk is gone soon after. Harmless when it is over."""
        self._crew.dismiss(self._scratch.remove)

    def finish(self) -> str:
        """Note on the loop where the bake lies, if it is still there. Returns a sentence about the bake."""
        assert self._told is not None  # it is over
        assert self.place is not None
        plane = next((obj for obj in bpy.data.objects if obj.session_uid == self._plane), None)
        if plane is not None:
            note_baked(plane, Path(self.place[0]))
        return self._told


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
