"""The rig's node groups, made by a Blender beside this one while a motion is predicted.

To make them here takes two seconds of the main thread, since each new node checks its whole tree; to take them from a
file a twentieth of one. Where there is no second Blender, `rig.group` makes them in place.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from ..gid_core.errors import GidError
from .nodes import rig
from .work import Beside, Work

__all__ = ["WithGroups", "bring"]


class WithGroups:
    """Work that makes a loop, and beside it a Blender that makes node groups: over when both are.

    Args:
        joined: its result, of that of the work and the file of the groups, None where they cannot be had.
    """

    def __init__(self, work: Work, n_modes: int, joined: Callable[[Any, Path | None], Any]):
        self._work, self._joined = work, joined
        self._groups: Beside | None = None
        with contextlib.suppress(GidError):
            self._groups = Beside(
                "blender_addon.groups_child",
                lambda folder: {"file": str(folder / "groups.blend"), "n_modes": n_modes},
                "make node groups",
                lambda _folder, word: Path(word["file"]),
            )

    def poll(self):
        """What happened to the work since the last call."""
        if self._groups is not None:
            try:
                self._groups.poll()
            except GidError:  # what went wrong there is printed; the loop is built without it
                self._groups.cancel()
                self._groups = None
        return self._work.poll()

    def result(self):
        """Both, once they are there."""
        made = self._work.result()
        file = None if self._groups is None else self._groups.result()
        is_waiting = self._groups is not None and file is None
        return None if made is None or is_waiting else self._joined(made, file)

    def cancel(self):
        """Stop both; the file is gone then."""
        self._work.cancel()
        if self._groups is not None:
            self._groups.cancel()


def bring(file: Path, n_modes: int) -> None:
    """Take the groups of a file into this one, unless they are here; `rig.group` finds them."""
    if rig.is_there(n_modes):
        return
    known = set(bpy.data.libraries)
    with bpy.data.libraries.load(str(file)) as (_there, here):
        here.node_groups = [rig.MODIFIER]
    for library in set(bpy.data.libraries) - known:
        bpy.data.libraries.remove(library)
