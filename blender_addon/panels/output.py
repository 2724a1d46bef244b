"""The panel Output below that of the loop: what Bake writes, and where."""

import bpy

from ..jobs import PANEL_CATEGORY
from ..loop import sight
from ..registration import class_registers

__all__ = ["GID_PT_output"]


class GID_PT_output(bpy.types.Panel):
    bl_idname = "GID_PT_output"
    bl_parent_id = "GID_PT_loop"
    bl_label = "Output"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = PANEL_CATEGORY
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context):
        return sight.in_sight(context) is not None

    def draw(self, context):
        asked = context.scene.gid.output
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        for name in ("folder", "quality", "range", "format", "movie"):
            layout.prop(asked, name)
        column = layout.column(heading="Passes")
        column.prop(asked, "stmap")
        column.prop(asked, "vectors")
        column = layout.column()
        column.prop(asked, "shutter")
        if asked.shutter > 0:
            column.prop(asked, "samples")
        layout.operator("gid.bake", icon="RENDER_ANIMATION")


register, unregister = class_registers((GID_PT_output,))
