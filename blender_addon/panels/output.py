"""The part Output: what Bake writes, and where."""

from .sidebar import Part, part_registers
from .status import draw_jobs, draw_notices

__all__ = ["Output"]


class Output(Part):
    name = "output"
    bl_label = "Output"
    bl_options = {"DEFAULT_CLOSED"}

    def show(self, layout, context, plane):
        asked = context.scene.gid.output
        for name in ("folder", "quality", "range", "format", "movie"):
            layout.prop(asked, name)
        if asked.movie != "none":
            column = layout.column(align=True)
            column.prop(asked, "repeats")
            column.prop(asked, "hold")
        column = layout.column(heading="Passes")
        column.prop(asked, "stmap")
        column.prop(asked, "vectors")
        column = layout.column()
        column.prop(asked, "shutter")
        if asked.shutter > 0:
            column.prop(asked, "samples")
        # What is under way and what came of it stand in the head, too, which may be scrolled out of sight.
        if not draw_jobs(layout, context):
            column = layout.column(align=True)
            column.operator("gid.preview", icon="PLAY")
            column.operator("gid.bake", icon="RENDER_ANIMATION")
        draw_notices(layout, context)
        if plane.gid.baked:
            layout.operator("gid.open_bake", icon="FILE_FOLDER")
        layout.operator("gid.check", icon="CHECKMARK")


register, unregister = part_registers(Output)
