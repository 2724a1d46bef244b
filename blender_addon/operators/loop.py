"""What can be done with the loop in sight: show it, leave it, give it another length, remove it."""

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty, StringProperty

from ...gid_core.errors import SettingsError
from ..loop import clock, comparison, edit, length, live, remove, sight
from ..shot import uses
from . import base

__all__ = ["CLASSES"]

_LOOP = StringProperty(
    name="Loop", description="The session id of its plane; empty: the loop in sight", options={"HIDDEN", "SKIP_SAVE"}
)


class GID_OT_show_loop(base.OnLoop, bpy.types.Operator):
    """Show the loop in this window: its scene, framed by its camera, playing"""

    bl_idname = "gid.show_loop"
    bl_label = "Show Loop"
    bl_options = {"INTERNAL"}  # no UNDO: which scene a window shows is not data

    loop: _LOOP

    def perform(self, context):
        plane = self.plane(context)
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
        scene = context.scene
        sight.leave(context.window)
        if comparison.is_comparison(scene):
            comparison.close(scene)
            bpy.ops.ed.undo_push(message=self.bl_label)
        return {"FINISHED"}


class GID_OT_retime(base.OnLoop, bpy.types.Operator):
    """Give the loop the panel's length, first frame and the scene's frame rate, with the same motion"""

    bl_idname = "gid.retime"
    bl_label = "Apply Length and Rate"
    bl_options = {"REGISTER", "UNDO"}

    def perform(self, context):
        plane = sight.in_sight(context)
        settings = context.scene.gid
        fps = length.scene_fps(context.scene)
        clock.check_rate(fps)
        plan = edit.plan_for(plane, length.asked_frames(settings, fps), fps)
        edit.retime_loop(plane, plan, fps, settings.start)
        length.share(plane, settings)


class GID_OT_length(base.Reporting, bpy.types.Operator):
    """Set the length that the panel asks for; the loop in sight follows at once"""

    bl_idname = "gid.length"
    bl_label = "Set Length"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    seconds: FloatProperty(name="Seconds", min=0.0, description="Length in seconds; 0: one of the others counts")
    frames: IntProperty(name="Frames", min=0, description="Length in frames; 0: one of the others counts")
    use_range: BoolProperty(
        name="Scene Range", description="As long as your scene's frame range, and beginning with it"
    )

    def perform(self, context):
        settings = context.scene.gid
        if self.use_range:
            _take_range(context)
        elif self.frames:
            length.ask(settings, n_frames=self.frames)
        elif self.seconds:
            length.ask(settings, seconds=self.seconds)


class GID_OT_wind(base.OnLoop, bpy.types.Operator):
    """Let the loop be as long as your scene's range and blow in a wind that does not repeat itself meanwhile"""

    bl_idname = "gid.wind"
    bl_label = "Ambient Wind"
    bl_options = {"REGISTER", "UNDO"}

    wander: IntProperty(name="Wander", default=1, min=1, description="Another number, another wind")
    gusts: FloatProperty(
        name="Gusts", default=0.5, min=0.0, max=1.0, subtype="FACTOR", description="How much it rises and falls"
    )

    def perform(self, context):
        plane = sight.in_sight(context)
        edit.check_fits(plane, None)
        _take_range(context)
        with live.held():
            plane.gid.edits.wander, plane.gid.edits.gusts = self.wander, self.gusts
        edit.follow_rate(plane)


def _take_range(context):
    """Ask for a loop as long as the artist's scene, and beginning with it."""
    scene = sight.home_of(context.scene) or context.scene
    n_frames = scene.frame_end - scene.frame_start + 1
    if n_frames < 2:
        raise SettingsError("your scene's range is a single frame: give it 2 frames or more")
    length.ask(context.scene.gid, n_frames=n_frames, start=scene.frame_start)


class GID_OT_select_rig(base.OnLoop, bpy.types.Operator):
    """Make the loop's plane the active object, so that the properties editor shows the modifier that moves it"""

    bl_idname = "gid.select_rig"
    bl_label = "Select Rig"
    bl_options = {"REGISTER", "UNDO"}

    def perform(self, context):
        plane = sight.in_sight(context)
        scene = context.scene if plane.name in context.scene.objects else plane.gid.scene
        if context.window is not None and context.window.scene != scene:
            context.window.scene = scene
        sight.select(plane, scene)
        for area in context.window.screen.areas if context.window is not None else ():
            if area.type == "PROPERTIES":
                area.spaces.active.context = "MODIFIER"


class GID_OT_remove(base.Removing, base.OnLoop, bpy.types.Operator):
    """Remove this loop and everything made for it; the photo stays, and so does what you put into its scene"""

    bl_idname = "gid.remove"
    bl_label = "Remove"
    bl_options = {"REGISTER", "UNDO"}

    loop: _LOOP

    def question(self, context):
        """What is asked before."""
        plane = self.plane(context)
        return f"Remove '{plane.name}'?", _what_stays(plane)

    def perform(self, context):
        plane = self.plane(context)
        told = _what_stays(plane)
        if not remove.artists_own(plane):
            for window in context.window_manager.windows:
                if window.scene == plane.gid.scene:
                    sight.leave(window)
        uses.remove_loop(plane)
        self.report({"INFO"}, told)


def _what_stays(plane):
    own, used = remove.artists_own(plane), uses.uses_of(plane)
    goes = f"What shows it goes with it: {_named(used)}. " if used else ""
    if not own:
        return f"{goes}The photo stays in the file"
    return f"{goes}Its scene '{plane.gid.scene.name}' stays, as it holds something of yours: {_named(own)}"


def _named(things):
    return ", ".join(things[:3]) + (" and others" if len(things) > 3 else "")


CLASSES = (GID_OT_show_loop, GID_OT_back, GID_OT_retime, GID_OT_length, GID_OT_wind, GID_OT_select_rig, GID_OT_remove)
