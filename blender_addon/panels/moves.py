"""The part What Moves: masks and strength by brush, and what lies in front and behind."""

from ..tools import easel, veil
from ..tools.pictures import picture_of
from .sidebar import Part, part_registers
from .status import draw_text, side_by_side

__all__ = ["Moves"]

# {picture: what becomes of that which is painted black, grey and white}
_DOES = {
    "MASK": ("shall stand still", "shall move less", "shall move"),
    "STRENGTH": ("shall move less", "shall move as predicted", "shall move more"),
    "FRONT": ("lies behind", "passes in front", "passes in front"),
}
_ON_PLATE = "Paint what shows through where something has moved away"
_PAINTING = "{}; Ctrl: what {}. F sets the brush's size."
_INVITATION = "Paint over the photo what shall stand still, or what alone shall move."


class Moves(Part):
    name = "moves"
    bl_label = "What Moves"
    needs = "CURRENT"

    def show(self, layout, context, plane):
        if plane.gid.easel is not None:
            draw_text(layout, context, _told(plane, context.scene), icon="BRUSH_DATA")
            layout.operator("gid.paint_done", icon="CHECKMARK")
            return
        row = layout.row()
        row.use_property_split = False
        row.prop(plane.gid, "show_motion", toggle=True, icon="OVERLAY")
        if plane.gid.show_motion and (top := veil.top_px(plane)) is not None:
            layout.label(text=f"Red moves {top:.2g} pixels or more")
        _draw_mask(layout, context, plane)
        _draw_strength(layout, context, plane)
        _draw_depth(layout, context, plane)


def _told(plane, scene):
    """What a stroke does on the picture that is painted, in a sentence."""
    image = easel.painted(scene)
    kind = next((kind for kind in _DOES if image is not None and image == picture_of(plane, kind)), None)
    if kind is None:
        return f"{_ON_PLATE}. F sets the brush's size."
    shades, level = _DOES[kind], round(2 * easel.colour(scene))
    return _PAINTING.format(f"Drag over what {shades[min(level, 2)]}", shades[0 if level else 2])


def _draw_mask(layout, context, plane):
    mask = plane.gid.edits.mask
    column = layout.column(align=True)
    if mask is None:
        draw_text(column, context, _INVITATION)
        _new(column, "MASK", "ALL", "Paint What Stays")
        _new(column, "MASK", "NOTHING", "Paint What Moves")
        column.template_ID(plane.gid.edits, "mask", open="image.open", text="Mask")
        return
    column.label(text="Mask")  # beside the name there is no room for it
    column.template_ID(plane.gid.edits, "mask", open="image.open")
    row = side_by_side(column, context, "Stop", "Let Move")
    _paint(row, "MASK", "BLACK", "Stop")
    _paint(row, "MASK", "WHITE", "Let Move")
    row = side_by_side(column, context, "Invert", "Grow", "Feather")
    row.operator("gid.mask_invert", text="Invert")
    row.operator("gid.mask_grow", text="Grow")
    row.operator("gid.mask_feather", text="Feather")
    row = column.row(align=True)
    row.operator_menu_enum("gid.mask_from", "channel", text="From Channel")
    row.operator("gid.mask_clear", text="", icon="X").picture = "MASK"


def _draw_strength(layout, context, plane):
    edits = plane.gid.edits
    column = layout.column(align=True)
    if edits.strength is None:
        _new(column, "STRENGTH", "ALL", "Paint Strength")
        column.template_ID(edits, "strength", open="image.open", text="Strength")
        return
    column.label(text="Strength")
    column.template_ID(edits, "strength", open="image.open")
    row = side_by_side(column, context, "Less", "As Predicted", "More")
    _paint(row, "STRENGTH", "BLACK", "Less")
    _paint(row, "STRENGTH", "GREY", "As Predicted")
    _paint(row, "STRENGTH", "WHITE", "More")
    row = column.row(align=True)
    row.operator("gid.apply_edits", icon="BRUSH_DATA")
    row.operator("gid.mask_clear", text="", icon="X").picture = "STRENGTH"


def _draw_depth(layout, context, plane):
    column = layout.column(align=True)
    column.label(text="Where Things Pass Each Other")
    row = side_by_side(column, context, "In Front", "Behind")
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
