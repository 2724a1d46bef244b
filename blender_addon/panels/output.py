"""The part Output: what Bake writes, and where."""

from .sidebar import Part, part_registers

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
        column = layout.column(align=True)
        column.operator("gid.preview", icon="PLAY")
        column.operator("gid.bake", icon="RENDER_ANIMATION")
        if plane.gid.baked:
            layout.operator("gid.open_bake", icon="FILE_FOLDER")
        layout.operator("gid.check", icon="CHECKMARK")
        layout.operator("gid.batch", text="Animate a Folder of Photos...", icon="FILE_FOLDER")


register, unregister = part_registers(Output)
