"""Where the panel stands: in the sidebars of the 3D Viewport, the Image Editor and the compositor, the same in each.

A panel is written once, as a `Part`; `part_registers` makes a panel class of it for each sidebar. Parts stand below
the head in the order in which they are registered.
"""

from typing import ClassVar

import bpy

from ...gid_core.errors import GidError
from ..loop import adopt, sight
from ..registration import class_registers
from ..windows import PANEL_CATEGORY
from .status import draw_text

__all__ = ["HEAD", "Part", "part_registers"]

HEAD = "loop"  # name of the part below which all others stand
# {space: what its classes' names end in}
_SPACES = {"VIEW_3D": "", "IMAGE_EDITOR": "_image", "NODE_EDITOR": "_node"}


class Part:
    """One panel of the tab. A subclass has a `name`, a `bl_label`, and draws itself in `show`.

    needs: "LOOP", a loop in sight; "CURRENT", one that can be edited; "" nothing.
    """

    name: ClassVar[str]
    needs: ClassVar[str] = "LOOP"
    bl_region_type = "UI"
    bl_category = PANEL_CATEGORY

    @classmethod
    def poll(cls, context):
        if getattr(context.space_data, "tree_type", "CompositorNodeTree") != "CompositorNodeTree":
            return False  # of the node editors the compositor alone
        plane = sight.in_sight(context)
        return not cls.needs or (plane is not None and (cls.needs == "LOOP" or cls.is_current(plane)))

    @staticmethod
    def is_current(plane):
        """True for a loop that can be edited, False for one of an older version."""
        return adopt.is_current(plane)

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        try:
            self.show(layout, context, sight.in_sight(context))
        except GidError as error:  # what the file keeps was changed: the parts that need it are missing
            draw_text(layout, context, str(error), icon="ERROR")

    def show(self, layout, context, plane):
        """Draw the part; `plane` is the loop in sight, None only where the part needs none."""
        raise NotImplementedError


def part_registers(part: type[Part], *others: type):
    """(register, unregister) of a part: a panel class for each sidebar, and before them what it draws with."""
    return class_registers((*others, *(_panel(part, space) for space in _SPACES)))


def _panel(part, space):
    idname = f"GID_PT_{part.name}{_SPACES[space]}"
    below = {} if part.name == HEAD else {"bl_parent_id": f"GID_PT_{HEAD}{_SPACES[space]}"}
    return type(idname, (part, bpy.types.Panel), {"bl_idname": idname, "bl_space_type": space, **below})
