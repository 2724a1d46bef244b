"""What can be done with the loop in sight: show it, leave it, give it another length, remove it."""

import bpy

from ..loop import edit, remove, sight
from . import base
from .predict import length, scene_fps

__all__ = ["CLASSES"]


class GID_OT_show_loop(base.OnLoop, bpy.types.Operator):
    """Show the loop in this window: its scene, framed by its camera, playing"""

    bl_idname = "gid.show_loop"
    bl_label = "Show Loop"
    bl_options = {"INTERNAL"}  # no UNDO: which scene a window shows is not data

    def perform(self, context):
        plane = sight.in_sight(context)
        if bpy.app.background:
            context.window.scene = plane.gid.scene
        sight.show(plane, context.window)


class GID_OT_back(bpy.types.Operator):
    """Bring this window back to your own scene, with its viewports as they were; the loop stays"""

    bl_idname = "gid.back"
    bl_label = "Back to Your Scene"
    bl_options = {"INTERNAL"}  # no UNDO: which scene a window shows is not data

    @classmethod
    def poll(cls, context):
        if sight.home_of(context.scene) is None:
            cls.poll_message_set("This window shows no loop")
            return False
        return True

    def execute(self, context):
        sight.leave(context.window)
        return {"FINISHED"}


class GID_OT_retime(base.OnLoop, bpy.types.Operator):
    """Give the loop the panel's length, first frame and the scene's frame rate, with the same motion"""

    bl_idname = "gid.retime"
    bl_label = "Apply Length"
    bl_options = {"REGISTER", "UNDO"}

    def perform(self, context):
        plane = sight.in_sight(context)
        settings = context.scene.gid
        fps = scene_fps(context.scene)
        plan = edit.plan_for(plane, length(settings, fps), fps)
        edit.retime_loop(plane, plan, fps, settings.start)


class GID_OT_remove(base.OnLoop, bpy.types.Operator):
    """Remove this loop and everything made for it; the photo stays, and so does what you put into its scene"""

    bl_idname = "gid.remove"
    bl_label = "Remove"
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context, event):
        plane = sight.in_sight(context)
        return context.window_manager.invoke_confirm(
            self, event, title=f"Remove '{plane.name}'?", message=_what_stays(plane), confirm_text="Remove"
        )

    def perform(self, context):
        plane = sight.in_sight(context)
        told = _what_stays(plane)
        if not remove.artists_own(plane):
            for window in context.window_manager.windows:
                if window.scene == plane.gid.scene:
                    sight.leave(window)
        remove.remove_loop(plane)
        self.report({"INFO"}, told)


def _what_stays(plane):
    own = remove.artists_own(plane)
    if not own:
        return "The photo stays in the file"
    named = ", ".join(own[:3]) + (" and others" if len(own) > 3 else "")
    return f"Its scene '{plane.gid.scene.name}' stays, as it holds something of yours: {named}"


CLASSES = (GID_OT_show_loop, GID_OT_back, GID_OT_retime, GID_OT_remove)
