"""Edits by one click, and what makes those act that do not by themselves: paint, and loops of older versions."""

import math

import bpy
from bpy.props import EnumProperty

from ..loop import adopt, edit, live, sight
from . import base

__all__ = ["CLASSES"]


class GID_OT_apply_edits(base.OnLoop, bpy.types.Operator):
    """Let the loop follow what was painted on its mask and strength since"""

    bl_idname = "gid.apply_edits"
    bl_label = "Apply Paint"
    bl_options = {"REGISTER", "UNDO"}

    def perform(self, context):
        edit.apply_edits(sight.in_sight(context))


class GID_OT_one_axis(base.OnEdited, bpy.types.Operator):
    """Let everything move along this axis of the picture alone; Turn and One Axis at 0 are the way back"""

    bl_idname = "gid.one_axis"
    bl_label = "One Axis"
    bl_options = {"REGISTER", "UNDO"}

    axis: EnumProperty(
        name="Axis",
        items=[
            ("SIDEWAYS", "Sideways", "To the left and to the right"),
            ("UP_DOWN", "Up and Down", "Upwards and downwards"),
        ],
    )

    def perform(self, context):
        plane = sight.in_sight(context)
        live.head_along(plane, 0.0 if self.axis == "SIDEWAYS" else math.pi / 2)
        plane.gid.edits.one_axis = 1.0  # it acts, and the turn with it


class GID_OT_update_loop(base.OnLoop, bpy.types.Operator):
    """Bring a loop of an older version up to date, so that it can be edited; it goes on to play and render as it did"""

    bl_idname = "gid.update_loop"
    bl_label = "Bring Up to Date"
    bl_options = {"REGISTER", "UNDO"}

    def perform(self, context):
        adopt.adopt(sight.in_sight(context))


CLASSES = (GID_OT_apply_edits, GID_OT_one_axis, GID_OT_update_loop)
