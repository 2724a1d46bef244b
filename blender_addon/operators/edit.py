"""What makes edits act that do not act by themselves: paint, and loops of older versions."""

import bpy

from ..loop import adopt, edit, sight
from . import base

__all__ = ["CLASSES"]


class GID_OT_apply_edits(base.OnLoop, bpy.types.Operator):
    """Let the loop follow what was painted on its mask and strength since"""

    bl_idname = "gid.apply_edits"
    bl_label = "Apply Paint"
    bl_options = {"REGISTER", "UNDO"}

    def perform(self, context):
        edit.apply_edits(sight.in_sight(context))


class GID_OT_update_loop(base.OnLoop, bpy.types.Operator):
    """Bring a loop of an older version up to date, so that it can be edited; it goes on to play and render as it did"""

    bl_idname = "gid.update_loop"
    bl_label = "Bring Up to Date"
    bl_options = {"REGISTER", "UNDO"}

    def perform(self, context):
        adopt.adopt(sight.in_sight(context))


CLASSES = (GID_OT_apply_edits, GID_OT_update_loop)
