"""The part Motion: how far, which way, how fast the loop in sight moves. All of it acts at once."""

from pathlib import Path

import bpy
from bl_ui.utils import PresetPanel

from ..operators import preset
from .sidebar import Part, part_registers
from .status import draw_text, fits

__all__ = ["GID_PT_motion_presets", "Motion"]

_BALL = 0.4  # of the width: where the names of fields end
_OLDER = "An older version made this loop: bring it up to date, and it can be edited."


class Motion(Part):
    name = "motion"
    bl_label = "Motion"

    def draw_header_preset(self, context):
        GID_PT_motion_presets.draw_panel_header(self.layout)

    def show(self, layout, context, plane):
        if not self.is_current(plane):
            draw_text(layout, context, _OLDER)
            layout.operator("gid.update_loop", icon="FILE_REFRESH")
            return
        edits = plane.gid.edits
        column = layout.column(align=True)
        for name in ("amplitude", "rate", "low", "mid", "high"):
            column.prop(edits, name)
        # Above its fields, where the widest of them would be cut beside it.
        split = layout.split(factor=_BALL) if fits(context, "One Axis 0.00", 1 - _BALL) else layout.column()
        split.column().prop(edits, "direction", text="")
        column = split.column(align=True)
        column.use_property_split = False
        column.label(text="Direction")
        column.prop(edits, "turn")
        column.prop(edits, "one_axis")
        for axis, text in (("SIDEWAYS", "Sideways"), ("UP_DOWN", "Up and Down")):
            column.operator("gid.one_axis", text=text).axis = axis
        column.operator("gid.comb_tool", text="Comb", icon="FORCE_WIND")
        row = column.row(align=True)
        row.prop(context.scene.gid, "comb_reach")
        if edits.strokes:
            row.operator("gid.comb_clear", text="", icon="X")
            column.label(text=_count(len(edits.strokes)))
        column = layout.column()
        for name in ("border", "phase", "wander", "gusts"):
            column.prop(edits, name)


def _count(n):
    return f"{n} stroke{'' if n == 1 else 's'} of the comb"


class GID_PT_motion_presets(PresetPanel, bpy.types.Panel):
    bl_idname = "GID_PT_motion_presets"
    bl_label = "Motion Presets"
    preset_subdir = preset.FOLDER
    preset_operator = preset.GID_OT_motion_preset.bl_idname
    preset_add_operator = preset.GID_OT_motion_preset_add.bl_idname


_register_classes, _unregister_classes = part_registers(Motion, GID_PT_motion_presets)
_PRESETS = str(Path(__file__).resolve().parent.parent)  # holds the folder "presets"


def register():
    _register_classes()
    bpy.utils.register_preset_path(_PRESETS)


def unregister():
    bpy.utils.unregister_preset_path(_PRESETS)
    _unregister_classes()
