"""What can be done with a loop that exists: show it, give it another length, remove it."""

import bpy

from ...gid_core.errors import GidError
from ...gid_core.motion.plan import plan_loop
from ..loop import edit, read, remove
from .predict import length, scene_fps

__all__ = ["CLASSES"]


def active_loop(context):
    """The loop that an operator means: the active object if it is one, else the panel's; None if there is none."""
    for candidate in (context.object, context.scene.gid.loop):
        if candidate is not None and candidate.gid.scene is not None:
            return candidate
    return None


class _LoopOperator:
    @classmethod
    def poll(cls, context):
        if active_loop(context) is None:
            cls.poll_message_set("Select a loop, or animate a still first")
            return False
        return True


class GID_OT_show_loop(_LoopOperator, bpy.types.Operator):
    """Show the scene that renders the loop in this window"""

    bl_idname = "gid.show_loop"
    bl_label = "Show Loop Scene"
    bl_options = {"INTERNAL"}  # no UNDO: which scene a window shows is not data

    def execute(self, context):
        context.window.scene = active_loop(context).gid.scene
        return {"FINISHED"}


class GID_OT_retime(_LoopOperator, bpy.types.Operator):
    """Give the loop the panel's length, first frame and the scene's frame rate, with the same motion"""

    bl_idname = "gid.retime"
    bl_label = "Apply Length"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        plane = active_loop(context)
        settings = context.scene.gid
        fps = scene_fps(context.scene)
        try:
            plan = plan_loop(read.stored_volume(plane), length(settings, fps), fps)
            edit.retime_loop(plane, plan, fps, settings.start)
        except GidError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class GID_OT_remove(_LoopOperator, bpy.types.Operator):
    """Remove the loop, its scene and everything made for it; the photo stays"""

    bl_idname = "gid.remove"
    bl_label = "Remove"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        try:
            remove.remove_loop(active_loop(context))
        except GidError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


CLASSES = (GID_OT_show_loop, GID_OT_retime, GID_OT_remove)
