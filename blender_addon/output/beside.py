"""A bake in a Blender beside this one: from the press of the button on, the artist's own has nothing to do with it."""

from functools import partial
from pathlib import Path

import bpy

from ..work import Beside
from .bake import note_baked
from .handover import hand_over

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
    return {**hand_over(plane, folder), "asked": asked}
