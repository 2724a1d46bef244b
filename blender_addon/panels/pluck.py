"""The panel Pluck below that of the loop: the tool for the hand, whether plucks are kept, and those that are."""

import bpy

from ..jobs import PANEL_CATEGORY
from ..loop import adopt, sight
from ..registration import class_registers

__all__ = ["GID_PT_pluck"]


class GID_PT_pluck(bpy.types.Panel):
    bl_idname = "GID_PT_pluck"
    bl_parent_id = "GID_PT_loop"
    bl_label = "Pluck"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = PANEL_CATEGORY
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context):
        plane = sight.in_sight(context)
        return plane is not None and adopt.is_current(plane)

    def draw(self, context):
        edits = sight.in_sight(context).gid.edits
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.operator("gid.pluck_tool", icon="HAND")
        layout.prop(context.scene.gid, "record_plucks")
        layout.prop(edits, "damping")
        row = layout.row()
        row.label(text=_count(len(edits.plucks)))
        row.operator("gid.clear_plucks", icon="X")


def _count(n):
    return f"{n or 'No'} pluck{'' if n == 1 else 's'} recorded"


register, unregister = class_registers((GID_PT_pluck,))
