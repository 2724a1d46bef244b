"""The panel in the 3D viewport's sidebar. It reads properties and the running job, and changes nothing."""

import bpy

from ..jobs import PANEL_CATEGORY
from .status import draw_jobs, draw_notices

__all__ = ["GID_PT_loop"]


class GID_PT_loop(bpy.types.Panel):
    bl_idname = "GID_PT_loop"
    bl_label = "Image Dynamics"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = PANEL_CATEGORY

    def draw(self, context):
        settings = context.scene.gid
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.template_ID(settings, "still", open="gid.open_still")
        column = layout.column()
        column.prop(settings, "size")
        column.prop(settings, "seed")
        column.prop(settings, "amplitude")
        column.prop(settings, "use_model")
        column = layout.column(align=True)
        column.prop(settings, "length_unit")
        column.prop(settings, "n_frames" if settings.length_unit == "FRAMES" else "seconds")
        column.prop(settings, "start")
        if not draw_jobs(layout, context):
            layout.operator("gid.animate", icon="PLAY")
        draw_notices(layout, context)
        if settings.loop is not None and settings.loop.gid.scene is not None:
            _draw_loop(layout, settings.loop.gid)


def _draw_loop(layout, loop):
    box = layout.box()
    box.label(text=loop.scene.name, icon="SCENE_DATA")
    box.label(text=f"{loop.n_frames} frames at {loop.fps} a second")
    box.label(text=loop.answered)
    box.operator("gid.show_loop")
    row = box.row(align=True)
    row.operator("gid.retime")
    row.operator("gid.remove", icon="TRASH")


register, unregister = bpy.utils.register_classes_factory((GID_PT_loop,))
