"""The head of the panel. It reads properties and running jobs, and changes nothing."""

from fractions import Fraction

from ..loop import sight
from .edits import draw_edits
from .sidebar import HEAD, Part, part_registers
from .status import draw_jobs, draw_notices, draw_text

__all__ = ["Loop", "rate"]

_INVITATION = "Open a photo, then animate it: it becomes a seamless loop in a scene of its own."


class Loop(Part):
    name = HEAD
    bl_label = "Image Dynamics"
    needs = ""

    def show(self, layout, context, plane):
        settings = context.scene.gid
        if plane is not None and plane.gid.easel is not None:
            layout.operator("gid.paint_done", icon="CHECKMARK")  # on top, within reach whatever is folded
        if settings.still is None:
            draw_text(layout, context, _INVITATION)
        layout.template_ID(settings, "still", open="gid.open_still")
        column = layout.column()
        column.prop(settings, "size")
        if settings.still is not None:
            _draw_value(column, "Frames", "{} x {}".format(*used_size(settings)))
        column.prop(settings, "seed")
        column.prop(settings, "use_model")
        column = layout.column(align=True)
        column.prop(settings, "length_unit")
        column.prop(settings, "n_frames" if settings.length_unit == "FRAMES" else "seconds")
        column.prop(settings, "start")
        if not draw_jobs(layout, context):
            _draw_actions(layout, plane)
        draw_notices(layout, context)
        if plane is not None:
            _draw_loop(layout, plane)
        home = sight.home_of(context.scene)
        if home is not None:
            layout.operator("gid.back", text=f"Back to {home.name}", icon="LOOP_BACK")


def _draw_actions(layout, plane):
    row = layout.row(align=True)
    row.operator("gid.animate", icon="PLAY")
    if plane is not None:
        row.operator("gid.reroll", text="", icon="TRIA_LEFT").step = -1
        row.operator("gid.reroll", text="", icon="TRIA_RIGHT").step = 1
        layout.operator("gid.new_loop", icon="ADD")


def used_size(settings):
    """(width, height) in pixels of the frames that the panel's still will have."""
    width, height = settings.still.size
    share = min(1.0, settings.size / max(width, height, 1))
    return max(1, round(width * share)), max(1, round(height * share))


def rate(fps):
    """A frame rate as artists say it: 24 fps, 59.94 fps, 23.976 fps."""
    return f"{float(Fraction(fps)):.3f}".rstrip("0").rstrip(".") + " fps"


def _draw_value(layout, name, value):
    row = layout.split(factor=0.4)
    row.alignment = "RIGHT"
    row.label(text=name)
    row.label(text=value)


def _draw_loop(layout, plane):
    loop = plane.gid
    box = layout.box()
    box.label(text=plane.name, icon="OUTLINER_OB_IMAGE")
    box.label(text=f"{loop.n_frames} frames at {rate(loop.fps)}, {100 * loop.moving:.0f} % moves")
    box.label(text=loop.answered)
    draw_edits(box, plane)
    box.operator("gid.show_loop", icon="HIDE_OFF")
    row = box.row(align=True)
    row.operator("gid.retime")
    row.operator("gid.remove", icon="TRASH")


register, unregister = part_registers(Loop)
