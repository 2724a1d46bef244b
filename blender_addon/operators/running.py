"""What can be done with jobs: stop them, and take away what they left to say. Escape stops the one in sight."""

import bpy
from bpy.props import IntProperty

from .. import jobs
from ..registration import class_registers
from . import base

__all__ = ["CLASSES"]

_KEY = IntProperty(name="Key", description="Of the job or notice; 0: those in sight", options={"HIDDEN", "SKIP_SAVE"})
_keymaps: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


class GID_OT_cancel(bpy.types.Operator):
    """Stop what is running; nothing is made"""

    bl_idname = "gid.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}  # no UNDO: no data changes

    key: _KEY

    @classmethod
    def poll(cls, context):
        if not any(jobs.current(key) for key in (jobs.ANYWHERE, *base.keys(context))):
            cls.poll_message_set("Nothing is running")
            return False
        return True

    def execute(self, context):
        stopped = [key for key in ([self.key] if self.key else base.keys(context)) if jobs.current(key)]
        for key in stopped:
            jobs.stop(key)
        return {"FINISHED"} if stopped else {"PASS_THROUGH"}  # Escape then goes on to whom it was meant for


class GID_OT_dismiss(bpy.types.Operator):
    """Take this message away"""

    bl_idname = "gid.dismiss"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}  # no UNDO: no data changes

    key: _KEY

    def execute(self, context):
        for key in [self.key] if self.key else base.keys(context):
            jobs.dismiss(key)
        return {"FINISHED"}


CLASSES = (GID_OT_cancel, GID_OT_dismiss)
_register_classes, _unregister_classes = class_registers(CLASSES)


def register():
    _register_classes()
    configuration = bpy.context.window_manager.keyconfigs.addon
    if configuration is not None:  # in the background there are no keys
        # While nothing runs the poll fails, and Escape goes on to whom it was meant for.
        keymap = configuration.keymaps.new("Window", space_type="EMPTY")
        _keymaps.append((keymap, keymap.keymap_items.new(GID_OT_cancel.bl_idname, "ESC", "PRESS")))


def unregister():
    for keymap, item in _keymaps:
        keymap.keymap_items.remove(item)
    _keymaps.clear()
    _unregister_classes()
