"""The part Takes: the loops of this file, and the takes of the one in sight."""

from contextlib import suppress

import bpy

from ...gid_core.errors import GidError
from ..loop import clock, comparison, sight
from .sidebar import Part, part_registers
from .status import draw_text, side_by_side

__all__ = ["GID_UL_loops", "Takes"]

_COMPARING = "The takes play side by side: click on one in the view, then use it."
_THUMBNAIL_SCALE = 3.0  # of a button's height


class GID_UL_loops(bpy.types.UIList):
    """The loops of this file: a row for each scene that renders one"""

    bl_idname = "GID_UL_loops"

    def draw_item(self, context, layout, data, scene, icon, active_data, active_property, index=0, flt_flag=0):
        plane = sight.loop_of(scene)
        if plane is None:
            return
        gid = plane.gid
        row = layout.row(align=True)
        photo = gid.source
        picture = {"icon": "IMAGE_DATA"} if photo is None else {"icon_value": photo.preview_ensure().icon_id}
        row.label(text=plane.name.removeprefix("GID Loop "), **picture)
        told = row.row()  # as wide as it is, so that the name has the rest
        told.alignment = "RIGHT"
        with suppress(GidError):
            told.label(text=f"{float(gid.n_frames / clock.fps_of(plane)):.3g} s")
        is_shown = scene == context.scene
        row.operator("gid.show_loop", text="", icon="HIDE_OFF" if is_shown else "HIDE_ON", emboss=False).loop = uid(
            plane
        )
        row.operator("gid.remove", text="", icon="TRASH", emboss=False).loop = uid(plane)

    def filter_items(self, context, data, name):
        shown = [self.bitflag_filter_item if sight.loop_of(scene) else 0 for scene in getattr(data, name)]
        return shown, []


def uid(plane):
    """What the operators call a loop by."""
    return str(plane.session_uid)


class Takes(Part):
    name = "takes"
    bl_label = "Takes"

    def show(self, layout, context, plane):
        is_comparing = comparison.is_comparison(context.scene)
        if is_comparing:
            draw_text(layout, context, _COMPARING)
            chosen = comparison.take_of(context.scene, context.object)
            named = {"text": f"Use {plane.gid.takes[chosen].name}"} if 0 <= chosen < len(plane.gid.takes) else {}
            layout.operator("gid.take_use", icon="CHECKMARK", **named)
            layout.operator("gid.take_compare_end", icon="LOOP_BACK")
        layout.template_list(GID_UL_loops.bl_idname, "", bpy.data, "scenes", context.scene.gid, "listed", rows=2)
        if plane.gid.takes:
            grid = layout.grid_flow(row_major=True, columns=3, even_columns=True, even_rows=True, align=True)
            for index, take in enumerate(plane.gid.takes):
                _show_take(grid.column(align=True), take, index, is_shown=index == plane.gid.take)
            if not is_comparing:
                row = side_by_side(layout, context, "Compare", "Keep Only This")
                row.operator("gid.take_compare", text="Compare", icon="GRID")
                row.operator("gid.take_keep", text="Keep Only This")


def _show_take(column, take, index, *, is_shown):
    if take.chance is not None:
        column.template_icon(icon_value=take.chance.preview_ensure().icon_id, scale=_THUMBNAIL_SCALE)
    row = column.row(align=True)
    row.operator("gid.take_show", text=take.name, depress=is_shown).take = index
    if not is_shown:
        row.operator("gid.take_remove", text="", icon="TRASH").take = index


register, unregister = part_registers(Takes, GID_UL_loops)
