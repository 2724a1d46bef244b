"""The part What Moves: masks and strength by brush, and what lies in front and behind."""

from ..tools import easel, veil
from .sidebar import Part, part_registers
from .status import draw_text

__all__ = ["Moves"]

_PAINTING = "Drag over the photo. Ctrl paints the other colour, F sets the size."
_INVITATION = "Paint over the photo what shall stand still, or what alone shall move."


class Moves(Part):
    name = "moves"
    bl_label = "What Moves"
    needs = "CURRENT"

    def show(self, layout, context, plane):
        if plane.gid.easel is not None:
            image = easel.painted(plane.gid.scene)
            if image is not None:
                layout.label(text=image.name, icon="BRUSH_DATA")
            draw_text(layout, context, _PAINTING)
            layout.operator("gid.paint_done", icon="CHECKMARK")
            return
        row = layout.row()
        row.use_property_split = False
        row.prop(plane.gid, "show_motion", toggle=True, icon="OVERLAY")
        if plane.gid.show_motion and (top := veil.top_px(plane)) is not None:
            layout.label(text=f"Red moves {top:.2g} pixels or more")
        _draw_mask(layout, context, plane)
        _draw_strength(layout, plane)
        _draw_depth(layout, plane)


def _draw_mask(layout, context, plane):
    mask = plane.gid.edits.mask
    column = layout.column(align=True)
    if mask is None:
        draw_text(column, context, _INVITATION)
        _new(column, "MASK", "ALL", "Paint What Stays")
        _new(column, "MASK", "NOTHING", "Paint What Moves")
        column.template_ID(plane.gid.edits, "mask", open="image.open", text="Mask")
        return
    column.template_ID(plane.gid.edits, "mask", open="image.open", text="Mask")
    row = column.row(align=True)
    _paint(row, "MASK", "BLACK", "Stop")
    _paint(row, "MASK", "WHITE", "Let Move")
    row = column.row(align=True)
    row.operator("gid.mask_invert", text="Invert")
    row.operator("gid.mask_grow", text="Grow")
    row.operator("gid.mask_feather", text="Feather")
    row = column.row(align=True)
    row.operator_menu_enum("gid.mask_from", "channel", text="From Channel")
    row.operator("gid.mask_clear", text="", icon="X").picture = "MASK"


def _draw_strength(layout, plane):
    edits = plane.gid.edits
    column = layout.column(align=True)
    if edits.strength is None:
        _new(column, "STRENGTH", "ALL", "Paint Strength")
        column.template_ID(edits, "strength", open="image.open", text="Strength")
        return
    column.template_ID(edits, "strength", open="image.open", text="Strength")
    row = column.row(align=True)
    _paint(row, "STRENGTH", "BLACK", "Less")
    _paint(row, "STRENGTH", "GREY", "As Predicted")
    _paint(row, "STRENGTH", "WHITE", "More")
    row.operator("gid.mask_clear", text="", icon="X").picture = "STRENGTH"
    column.operator("gid.apply_edits", icon="BRUSH_DATA")


def _draw_depth(layout, plane):
    column = layout.column(align=True)
    row = column.row(align=True)
    _paint(row, "FRONT", "WHITE", "In Front")
    _paint(row, "FRONT", "BLACK", "Behind")
    if plane.gid.plate is not None:
        _paint(column, "PLATE", "BLACK", "Background")


def _new(layout, picture, start, text):
    button = layout.operator("gid.mask_new", text=text, icon="BRUSH_DATA")
    button.picture, button.start = picture, start


def _paint(layout, picture, brush, text):
    button = layout.operator("gid.paint", text=text, icon="BRUSH_DATA")
    button.picture, button.brush = picture, brush


register, unregister = part_registers(Moves)
