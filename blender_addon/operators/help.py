"""Help: the pages about the panel, and what a bug report needs to say."""

import bpy

from .. import diagnostics, manual, preferences
from . import base

__all__ = ["CLASSES"]


class GID_OT_manual(bpy.types.Operator):
    """Open the page about the panel; F1 over a control opens the page about that"""

    bl_idname = "gid.manual"
    bl_label = "Manual"
    bl_options = {"INTERNAL"}  # no UNDO: no data changes

    def execute(self, context):
        return bpy.ops.wm.url_open(url=manual.page())


class GID_OT_copy_diagnostics(base.Reporting, bpy.types.Operator):
    """Copy what a bug report needs to say of this machine: versions, model, providers; no paths and no names"""

    bl_idname = "gid.copy_diagnostics"
    bl_label = "Copy Diagnostics"
    bl_options = {"REGISTER"}  # no UNDO: no data changes

    def perform(self, context):
        context.window_manager.clipboard = diagnostics.report(preferences.model_folder())
        self.report({"INFO"}, "Copied: paste it into your report")


CLASSES = (GID_OT_manual, GID_OT_copy_diagnostics)
