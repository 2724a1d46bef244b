"""The panel in the 3D viewport's sidebar. It reads properties and the running job, and changes nothing."""

import textwrap

import bpy

from .. import jobs

__all__ = ["GID_PT_loop"]

NOTICE_CHARACTERS = 42  # a label is cut, not wrapped; about this many fit a sidebar of the default width


class GID_PT_loop(bpy.types.Panel):
    bl_idname = "GID_PT_loop"
    bl_label = "Image Dynamics"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Image Dynamics"

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
        _draw_action(layout)
        if settings.loop is not None and settings.loop.gid.scene is not None:
            _draw_loop(layout, settings.loop.gid)


def _draw_action(layout):
    job = jobs.current()
    if job is None:
        layout.operator("gid.animate", icon="PLAY")
    else:
        row = layout.row(align=True)
        row.progress(factor=job.fraction, text=job.phase)
        row.operator("gid.cancel", text="", icon="CANCEL")
    for i, line in enumerate(textwrap.wrap(jobs.notice(), NOTICE_CHARACTERS)):
        layout.label(text=line, icon="BLANK1" if i else "ERROR")


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
