"""What can be done with the takes of the loop in sight: show, compare and remove them."""

import bpy
from bpy.props import IntProperty

from ..loop import comparison, sight, takes
from . import base

__all__ = ["CLASSES"]

_TAKE = IntProperty(name="Take", min=0, description="Which of the loop's takes, from 0 on", options={"SKIP_SAVE"})


def _has_others(operator, context):
    """For a poll: True if the loop in sight has more than one take."""
    if len(sight.in_sight(context).gid.takes) < 2:
        operator.poll_message_set("There is no other take: re-roll for one")
        return False
    return True


class GID_OT_take_show(base.OnEdited, bpy.types.Operator):
    """Show this take; its seed, length and edits are those of the panel"""

    bl_idname = "gid.take_show"
    bl_label = "Show Take"
    bl_options = {"REGISTER", "UNDO"}

    take: _TAKE

    def perform(self, context):
        plane = sight.in_sight(context)
        takes.show(plane, self.take)
        _end_comparison(context, plane)


class GID_OT_take_remove(base.Removing, base.OnEdited, bpy.types.Operator):
    """Remove this take from the loop"""

    bl_idname = "gid.take_remove"
    bl_label = "Remove Take"
    bl_options = {"REGISTER", "UNDO"}

    take: _TAKE

    def question(self, context):
        """What is asked before."""
        kept = sight.in_sight(context).gid.takes
        name = kept[self.take].name if self.take < len(kept) else "this take"
        return f"Remove the take '{name}'?", "Its seed gives it again"

    def perform(self, context):
        takes.forget(sight.in_sight(context), self.take)


class GID_OT_take_keep(base.Removing, base.OnEdited, bpy.types.Operator):
    """Remove all takes of this loop but the one that is shown"""

    bl_idname = "gid.take_keep"
    bl_label = "Keep Only This"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return super().poll(context) and _has_others(cls, context)

    def question(self, context):
        """What is asked before."""
        others = len(sight.in_sight(context).gid.takes) - 1
        return f"Remove {others} other {'take' if others == 1 else 'takes'}?", "Their seeds give them again"

    def perform(self, context):
        takes.keep_only(sight.in_sight(context))


class GID_OT_take_compare(base.OnEdited, bpy.types.Operator):
    """Play all takes of the photo side by side; a click on one selects it, Use Selected shows it"""

    bl_idname = "gid.take_compare"
    bl_label = "Compare"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return super().poll(context) and _has_others(cls, context)

    def perform(self, context):
        plane = sight.in_sight(context)
        _end_comparison(context, plane)
        scene = comparison.scene_of_takes(plane)
        if bpy.app.background:
            context.window.scene = scene
        sight.present(scene, context.window, is_chosen_from=True)


class GID_OT_take_use(base.OnEdited, bpy.types.Operator):
    """Show the take that is selected here in the loop, and end the comparison"""

    bl_idname = "gid.take_use"
    bl_label = "Use Selected"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        if comparison.take_of(context.scene, context.object) < 0:
            cls.poll_message_set("Click on one of the takes that are compared")
            return False
        return True

    def perform(self, context):
        plane = sight.in_sight(context)
        takes.show(plane, comparison.take_of(context.scene, context.object))
        _end_comparison(context, plane)


class GID_OT_take_compare_end(base.OnEdited, bpy.types.Operator):
    """Back to the loop, with the take that it showed"""

    bl_idname = "gid.take_compare_end"
    bl_label = "End Comparison"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if not comparison.is_comparison(context.scene):
            cls.poll_message_set("Nothing is compared here")
            return False
        return super().poll(context)

    def perform(self, context):
        _end_comparison(context, sight.in_sight(context))


def _end_comparison(context, plane):
    """Remove the comparisons of a loop; windows that showed one show the loop."""
    for scene in [one for one in bpy.data.scenes if comparison.is_comparison(one) and one.gid.loop == plane]:
        windows = [window for window in context.window_manager.windows if window.scene == scene]
        for window in windows:
            if bpy.app.background:
                window.scene = plane.gid.scene
            sight.show(plane, window)
        comparison.close(scene)
        for window in windows:
            sight.play(window)  # what played ended with its scene


CLASSES = (
    GID_OT_take_show,
    GID_OT_take_remove,
    GID_OT_take_keep,
    GID_OT_take_compare,
    GID_OT_take_use,
    GID_OT_take_compare_end,
)
