"""The part Takes: the loops of this file, each with the photo that it shows."""

from fractions import Fraction

import bpy

from ..loop import sight
from .sidebar import Part, part_registers

__all__ = ["GID_UL_loops", "Takes"]


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
        row.label(text=f"{float(gid.n_frames / Fraction(gid.fps)):.3g} s")
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
        layout.template_list(GID_UL_loops.bl_idname, "", bpy.data, "scenes", context.scene.gid, "listed", rows=2)


register, unregister = part_registers(Takes, GID_UL_loops)
