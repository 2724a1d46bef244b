"""The rig's node groups, made by a Blender beside this one while a motion is predicted.

To make them here takes two seconds of the main thread, since each new node checks its whole tree; to take them from a
file a twentieth of one. Where there is no second Blender, `rig.group` makes them in place.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from ..gid_core.child import Crew
from ..gid_core.errors import GidError
from ..gid_core.files.storage import Scratch
from .nodes import rig
from .work import Work, second_blender

__all__ = ["WithGroups", "bring"]

_FILE = "groups.blend"


class WithGroups:
    """Work that makes a loop, and beside it a Blender that makes node groups: over when both are.

    Args:
        joined: its result, of that of the work and the file of the groups, None where they cannot be had.
    """

    def __init__(self, work: Work, n_modes: int, joined: Callable[[Any, Path | None], Any]):
        self._work, self._joined = work, joined
        self._crew: Crew | None = None
        self._file: Path | None = None
        self._scratch = Scratch("gid-groups-")
        order = {"file": str(self._scratch.folder / _FILE), "n_modes": n_modes}
        with contextlib.suppress(GidError):
            module = "blender_addon.groups_child"
            self._crew = Crew(1, module, order, self._scratch.folder, "make node groups", second_blender())

    def poll(self):
        """What happened to the work since the last call."""
        if self._crew is not None:
            try:
                is_made = bool(self._crew.answers())
            except GidError:  # what went wrong there is printed; the loop is built without it
                self._crew = None
            else:
                self._file = self._scratch.folder / _FILE if is_made else self._file
        return self._work.poll()

    def result(self):
        """Both, once they are there."""
        made = self._work.result()
        is_waiting = self._crew is not None and self._file is None
        return None if made is None or is_waiting else self._joined(made, self._file)

    def cancel(self):
        """Stop both; the file is gone then."""
        self._work.cancel()
        if self._crew is not None:
            self._crew.end()
        self._scratch.remove()


def bring(file: Path, n_modes: int) -> None:
    """Take the groups of a file into this one, unless they are here; `rig.group` finds them."""
    if rig.is_there(n_modes):
        return
    known = set(bpy.data.libraries)
    with bpy.data.libraries.load(str(file)) as (_there, here):
        here.node_groups = [rig.MODIFIER]
    for library in set(bpy.data.libraries) - known:
        bpy.data.libraries.remove(library)
