"""The part Advanced: sizes, who predicts, what was predicted, and the rig beneath."""

from ..loop import images
from .sidebar import Part, part_registers
from .status import draw_text

__all__ = ["Advanced"]


class Advanced(Part):
    name = "advanced"
    bl_label = "Advanced"
    bl_options = {"DEFAULT_CLOSED"}
    needs = ""

    def show(self, layout, context, plane):
        settings = context.scene.gid
        column = layout.column()
        column.prop(settings, "size")
        if settings.still is not None:
            column.label(text="Frames of {} x {}".format(*used_size(settings)))
        column.prop(settings, "use_model")
        column.prop(settings, "start")
        if plane is None:
            return
        draw_text(layout, context, plane.gid.answered)
        layout.label(text=f"{100 * plane.gid.moving:.0f} % of the picture can move")
        layout.operator("gid.select_rig", icon="RESTRICT_SELECT_OFF")


def used_size(settings):
    """(width, height) in pixels of the frames that the panel's still will have."""
    width, height = images.size_of(settings.still)
    share = min(1.0, settings.size / max(width, height, 1))
    return max(1, round(width * share)), max(1, round(height * share))


register, unregister = part_registers(Advanced)
