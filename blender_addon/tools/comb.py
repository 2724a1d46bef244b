"""Comb the loop in sight by hand: draw over the picture along which direction things move there.

A stroke acts when the mouse is let go. While it is drawn it shows as a line; its places are those of the still that
were under the mouse when it was pressed, and the picture's from there on.
"""

import json

import bpy
import gpu
from bpy.props import FloatProperty, FloatVectorProperty, StringProperty
from gpu_extras.batch import batch_for_shader

from ...gid_core.errors import SettingsError
from ...gid_core.motion.comb import Stroke
from ..loop import adopt, edit, sight
from ..operators import base
from ..registration import class_registers
from . import hand, place

__all__ = ["TOOL", "register", "unregister"]

TOOL = "gid.comb"
_STEP_PX = 4  # of the screen, between two places of a stroke
_LINE_PX, _COLOUR = 4.0, (1.0, 0.69, 0.01, 1.0)


class _OnLoop(base.OnLoop):
    """An operator on the loop in sight, if it takes edits."""

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        plane = sight.in_sight(context)
        if plane.library or not adopt.is_current(plane):
            cls.poll_message_set("The loop is linked, or of an older version: it takes no edits")
            return False
        return base.is_free(cls, context)


class GID_OT_comb(_OnLoop, bpy.types.Operator):
    """Draw over the picture: what lies under the stroke moves along it"""

    bl_idname = "gid.comb"
    bl_label = "Comb"
    bl_options = {"REGISTER", "UNDO"}

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

    def invoke(self, context, event):
        if bpy.app.background or context.region_data is None:
            return self.execute(context)
        return self.attempt(lambda context: self._press(context, event), context)

    def modal(self, context, event):
        if event.type.startswith("TIMER"):
            return {"PASS_THROUGH"}  # playback goes on
        if event.type == "MOUSEMOVE":
            self._go_on(context, event)
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE":
            return self._let_go(context)
        elif event.type in {"ESC", "RIGHTMOUSE"} and event.value == "PRESS":
            self.cancel(context)
            return {"CANCELLED"}
        return {"RUNNING_MODAL"}

    def cancel(self, context):
        """Blender calls it, too, when the window closes."""
        bpy.types.SpaceView3D.draw_handler_remove(self._handler, "WINDOW")
        context.workspace.status_text_set(None)
        if context.area is not None:
            context.area.tag_redraw()

    def _press(self, context, event):
        plane = sight.in_sight(context)
        if not hand.is_shown(plane, context):
            raise SettingsError(f"the loop '{plane.name}' is not in this view: show it first, then comb it")
        point = self._where(plane, context, event)
        if point is None or not all(0 <= one <= 1 for one in point):
            return {"PASS_THROUGH", "CANCELLED"}  # beside the picture a click selects, as ever
        self._points, self._line = [point], [(event.mouse_region_x, event.mouse_region_y, 0.0)]
        self._handler = bpy.types.SpaceView3D.draw_handler_add(_draw, (self._line,), "WINDOW", "POST_PIXEL")
        context.workspace.status_text_set("Draw along which direction things move    Right Mouse, Esc: cancel")
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def _where(self, plane, context, event):
        mouse = event.mouse_region_x, event.mouse_region_y
        found = place.on_plane(plane, context.region, context.region_data, mouse)
        return None if found is None else place.on_picture(plane, found)

    def _go_on(self, context, event):
        x, y, _ = self._line[-1]
        if abs(event.mouse_region_x - x) + abs(event.mouse_region_y - y) < _STEP_PX:
            return
        point = self._where(sight.in_sight(context), context, event)
        if point is not None:
            self._points.append(point)
            self._line.append((event.mouse_region_x, event.mouse_region_y, 0.0))
            context.area.tag_redraw()

    def _let_go(self, context):
        self.cancel(context)
        if len(self._points) < 2:
            return {"CANCELLED"}
        self.path, self.reach = json.dumps(self._points), context.scene.gid.comb_reach
        return self.execute(context)


def _draw(line):
    if len(line) < 2:
        return
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    shader.bind()
    shader.uniform_float("viewportSize", (bpy.context.region.width, bpy.context.region.height))
    shader.uniform_float("lineWidth", _LINE_PX)
    shader.uniform_float("color", _COLOUR)
    batch_for_shader(shader, "LINE_STRIP", {"pos": line}).draw(shader)


class GID_OT_comb_tool(_OnLoop, bpy.types.Operator):
    """Take the comb: draw over the picture in the viewport along which direction things move there"""

    bl_idname = "gid.comb_tool"
    bl_label = "Comb in Viewport"
    bl_options = {"INTERNAL"}  # no UNDO: the tool in the hand is not data

    def perform(self, context):
        hand.take(context, sight.in_sight(context), TOOL)


class GID_OT_comb_clear(_OnLoop, bpy.types.Operator):
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
