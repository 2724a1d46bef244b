"""Comb the loop in sight by hand: draw over the picture along which direction things move there.

A stroke acts when the mouse is let go. While it is drawn it shows as a line; its places are those of the still that
were under the mouse when it was pressed, and the picture's from there on.
"""

import json

import bpy
import gpu
from bpy.props import FloatProperty, FloatVectorProperty, StringProperty
from gpu_extras.batch import batch_for_shader

from ...gid_core.motion.comb import Stroke
from ..loop import edit, sight
from ..operators import base
from ..registration import class_registers
from . import hand, place
from .drag import Drag

__all__ = ["TOOL", "register", "unregister"]

TOOL = "gid.comb"
_STEP_PX = 4  # of the screen, between two places of a stroke
_LINE_PX, _COLOUR = 4.0, (1.0, 0.69, 0.01, 1.0)


class GID_OT_comb(Drag, base.OnEdited, bpy.types.Operator):
    """Draw over the picture: what lies under the stroke moves along it"""

    bl_idname = "gid.comb"
    bl_label = "Comb"
    bl_options = {"REGISTER", "UNDO"}
    hint = "Draw along which direction things move"

    begin: FloatVectorProperty(
        name="Begin", size=2, default=(0.4, 0.5), description="Of a straight stroke, in parts of the picture, y down"
    )
    end: FloatVectorProperty(name="End", size=2, default=(0.6, 0.5), description="Of a straight stroke, likewise")
    path: StringProperty(
        name="Path", description="Places of a bent stroke, a JSON list of pairs", options={"HIDDEN", "SKIP_SAVE"}
    )
    reach: FloatProperty(
        name="Reach", default=0.1, min=0.005, max=1.0, subtype="FACTOR",
        description="How far beside the stroke it is felt, in parts of the picture's long side",
    )  # fmt: skip

    def perform(self, context):
        points = json.loads(self.path) if self.path else (tuple(self.begin), tuple(self.end))
        edit.comb(sight.in_sight(context), Stroke(tuple(map(tuple, points)), self.reach))

    def press(self, context, plane, held):
        """True on the picture, where a stroke can begin."""
        point = place.on_picture(plane, held)
        if not all(0 <= one <= 1 for one in point):
            return False
        self._points, self._line = [point], [(*self._mouse, 0.0)]
        self._handler = bpy.types.SpaceView3D.draw_handler_add(_draw, (self._line,), "WINDOW", "POST_PIXEL")
        return True

    def go_on(self, context, plane, held):
        """One more place of the stroke, if it is far enough from the last."""
        x, y, _ = self._line[-1]
        if abs(self._mouse[0] - x) + abs(self._mouse[1] - y) >= _STEP_PX:
            self._points.append(place.on_picture(plane, held))
            self._line.append((*self._mouse, 0.0))
            context.area.tag_redraw()

    def let_go(self, context, _plane):
        """Comb along the stroke."""
        if len(self._points) < 2:
            return {"CANCELLED"}
        self.path, self.reach = json.dumps(self._points), context.scene.gid.comb_reach
        return self.execute(context)

    def put_down(self, context):
        """The line goes."""
        bpy.types.SpaceView3D.draw_handler_remove(self._handler, "WINDOW")
        if context.area is not None:
            context.area.tag_redraw()


def _draw(line):
    if len(line) < 2:
        return
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    shader.bind()
    shader.uniform_float("viewportSize", (bpy.context.region.width, bpy.context.region.height))
    shader.uniform_float("lineWidth", _LINE_PX)
    shader.uniform_float("color", _COLOUR)
    batch_for_shader(shader, "LINE_STRIP", {"pos": line}).draw(shader)


class GID_OT_comb_tool(base.OnEdited, bpy.types.Operator):
    """Take the comb, or lay it down: draw over the picture in the viewport along which direction things move there"""

    bl_idname = "gid.comb_tool"
    bl_label = "Comb in Viewport"
    bl_options = {"INTERNAL"}  # no UNDO: the tool in the hand is not data

    def perform(self, context):
        hand.take_or_lay_down(context, sight.in_sight(context), TOOL)


class GID_OT_comb_clear(base.OnEdited, bpy.types.Operator):
    """Take all strokes of the comb from the loop"""

    bl_idname = "gid.comb_clear"
    bl_label = "Clear Strokes"
    bl_options = {"REGISTER", "UNDO"}

    def perform(self, context):
        edit.clear_strokes(sight.in_sight(context))


class GID_WST_comb(bpy.types.WorkSpaceTool):
    bl_space_type = "VIEW_3D"
    bl_context_mode = "OBJECT"
    bl_idname = TOOL
    bl_label = "Comb"
    bl_description = "Draw over an animated photo along which direction things move there"
    bl_icon = "brush.particle.comb"
    bl_keymap = (("gid.comb", {"type": "LEFTMOUSE", "value": "PRESS"}, None),)

    def draw_settings(context, layout, tool):
        layout.prop(context.scene.gid, "comb_reach")


_CLASSES = (GID_OT_comb, GID_OT_comb_tool, GID_OT_comb_clear)
_register_classes, _unregister_classes = class_registers(_CLASSES)


def register():
    _register_classes()
    bpy.utils.register_tool(GID_WST_comb)


def unregister():
    bpy.utils.unregister_tool(GID_WST_comb)
    _unregister_classes()
