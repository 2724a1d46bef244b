"""Pluck the loop in sight by hand: press on the picture, pull, let go.

While it is held the rig shows the state whose displacement of the pressed pixel, along the pull, is the elastic pull of
the hand. Let go, it rings down: kept as keys from this frame on when plucks are recorded, and the scene plays then, so
that what is seen is what renders; else in real time, over whatever plays or stands still, and nothing is left behind.
"""

import math

import bpy
import numpy as np
from bpy.props import FloatVectorProperty, IntProperty

from ...gid_core.errors import SettingsError
from ...gid_core.motion.edits import Pull, cell
from ...gid_core.motion.pluck import elastic, pluck
from ...gid_core.motion.volume import SpectralVolume
from ..loop import edit, read, sight
from ..operators import base
from ..registration import class_registers
from . import hand, place, ringing
from .drag import Drag

__all__ = ["TOOL", "Grip"]

TOOL = "gid.pluck"
_SLIGHTEST = 1e-3  # of the picture's long side: a hand that only clicked has not pulled
_NO_ANSWER = 0.5  # of the pull: below, the place is called still


class Grip:
    """A place of a loop's picture in the hand: what a pull of it leaves in the loop's modes.

    Args:
        point: (x, y) in 0..1 of the picture, y down.
    Raises:
        GidError: the loop cannot be plucked; the sentence says why.
    """

    def __init__(self, plane, point):
        edit.check_fits(plane, None)
        self.point = point
        self.volume = read.stored_volume(plane).weighed()
        self._long_side = max(self.volume.width, self.volume.height)
        # A state depends on two cells, the pressed and the liveliest one; summing the whole volume at each motion of
        # the mouse would take 40 ms.
        row, column = cell(self.volume, *point)
        energy = (np.abs(self.volume.amplitudes) ** 2).sum((0, 3))
        y, x = (int(index) for index in np.unravel_index(np.argmax(energy), energy.shape))
        pair = self.volume.amplitudes[:, [row, y], [column, x]]
        self._pair = SpectralVolume(pair[:, None], self.volume.frequencies)

    def felt(self, way):
        """The part of the hand's way that the picture follows: both (dx, dy) in shares of the long side."""
        length_px = math.hypot(*way) * self._long_side
        share = elastic(length_px) / length_px if length_px > 0 else 0.0
        return way[0] * share, way[1] * share

    def state(self, offset):
        """Modal coordinates, complex (K,), of a pull by `offset`, in shares of the long side."""
        return pluck(self._pair, 0, 0, np.multiply(offset, self._long_side)).state

    def answer(self, state, offset):
        """How far the pixel goes along `offset` at a state, as a share of it: 1 follows wholly."""
        moved = (self._pair.amplitudes[:, 0, 0] * state[:, None]).sum(0).real / self._long_side
        return float(moved @ offset) / max(offset[0] ** 2 + offset[1] ** 2, 1e-12)


class GID_OT_pluck(Drag, bpy.types.Operator):
    """Pull a place of the picture and let it go: it rings down by itself"""

    bl_idname = "gid.pluck"
    bl_label = "Pluck"
    bl_options = {"REGISTER", "UNDO", "BLOCKING"}
    hint = "Pull and let go"

    point: FloatVectorProperty(
        name="Point", size=2, default=(0.5, 0.5), min=0.0, max=1.0, description="Place in parts of the picture, y down"
    )
    offset: FloatVectorProperty(
        name="Offset",
        size=2,
        default=(0.0, 0.0),
        description="How far it is pulled, right and down, in parts of the picture's long side",
    )
    frame: IntProperty(name="Frame", description="Frame of the scene at which it is let go; by default the one shown")

    def perform(self, context):
        plane = sight.in_sight(context)
        if not any(self.offset):
            raise SettingsError("the pull has no length: give OFFSET, in parts of the picture's long side")
        frame = self.frame if self.properties.is_property_set("frame") else context.scene.frame_current
        ringing.settle(plane)
        (x, y), (dx, dy) = self.point, self.offset
        edit.add_pluck(plane, Pull(x, y, dx, dy, edit.second_of(plane, frame)))

    def press(self, context, plane, held):
        """True on the picture: what is seen there is in the hand."""
        point = place.on_picture(plane, place.still_place(plane, context.evaluated_depsgraph_get(), held))
        if not all(0 <= one <= 1 for one in point):
            return False
        self._begin, self._grip, self._felt = held, Grip(plane, point), (0.0, 0.0)
        context.window.cursor_modal_set("SCROLL_XY")
        return True

    def go_on(self, context, plane, held):
        """Show the state of a pull to here."""
        self._felt = self._grip.felt(place.pull_of(plane, self._begin, held))
        state = self._grip.state(self._felt)
        ringing.hold(plane, context.scene, self._grip.volume, state)
        still = " (this place hardly moves)" if self._grip.answer(state, self._felt) < _NO_ANSWER else ""
        context.area.header_text_set(f"Pull {100 * math.hypot(*self._felt):.1f} % of the picture{still}")

    def let_go(self, context, plane):
        """Let it ring down, as keys or for now."""
        if math.hypot(*self._felt) < _SLIGHTEST:
            ringing.drop(plane)
            return {"CANCELLED"}
        if not context.scene.gid.record_plucks:
            ringing.let_go(plane)
            return {"CANCELLED"}  # nothing of the file has changed: no undo step
        self.point, self.offset, self.frame = self._grip.point, self._felt, context.scene.frame_current
        ringing.drop(plane)
        done = self.execute(context)
        if done == {"FINISHED"}:
            sight.play(context.window)
        return done

    def take_back(self, plane):
        """It stands as it did."""
        ringing.drop(plane)

    def put_down(self, context):
        """The cursor is Blender's again."""
        context.window.cursor_modal_restore()
        if context.area is not None:
            context.area.header_text_set(None)


class GID_OT_clear_plucks(base.OnLoop, bpy.types.Operator):
    """Take all plucks from the loop, and stop what rings"""

    bl_idname = "gid.clear_plucks"
    bl_label = "Clear Plucks"
    bl_options = {"REGISTER", "UNDO"}

    def perform(self, context):
        plane = sight.in_sight(context)
        ringing.settle(plane)
        edit.clear_plucks(plane)


class GID_OT_pluck_tool(base.OnLoop, bpy.types.Operator):
    """Take the tool that pulls the picture, or lay it down: press on the picture in the viewport, pull, let go"""

    bl_idname = "gid.pluck_tool"
    bl_label = "Pluck in Viewport"
    bl_options = {"INTERNAL"}  # no UNDO: the tool in the hand is not data

    def perform(self, context):
        hand.take_or_lay_down(context, sight.in_sight(context), TOOL)


class GID_WST_pluck(bpy.types.WorkSpaceTool):
    bl_space_type = "VIEW_3D"
    bl_context_mode = "OBJECT"
    bl_idname = TOOL
    bl_label = "Pluck"
    bl_description = "Pull a place of an animated photo and let it go: it rings down by itself"
    bl_icon = "brush.uv_sculpt.grab"
    bl_cursor = "HAND"
    bl_keymap = (("gid.pluck", {"type": "LEFTMOUSE", "value": "PRESS"}, None),)

    def draw_settings(context, layout, tool):
        plane = sight.in_sight(context)
        layout.prop(context.scene.gid, "record_plucks")
        if plane is not None:
            layout.prop(plane.gid.edits, "damping")


_CLASSES = (GID_OT_pluck, GID_OT_clear_plucks, GID_OT_pluck_tool)
_register_classes, _unregister_classes = class_registers(_CLASSES)


def register():
    _register_classes()
    bpy.utils.register_tool(GID_WST_pluck, separator=True)


def unregister():
    bpy.utils.unregister_tool(GID_WST_pluck)
    _unregister_classes()
