"""Presets of the part Motion: Blender preset files, those that come with the add-on and the artist's own."""

import bpy
from bl_operators.presets import AddPresetBase
from bpy.props import StringProperty

from ...gid_core.errors import SettingsError
from . import base

__all__ = ["CLASSES", "FIELDS", "FOLDER"]

FOLDER = "image_dynamics/motion"  # below Blender's folders of presets
FIELDS = (
    "amplitude",
    "rate",
    "low",
    "mid",
    "high",
    "border",
    "damping",
)  # of the edits; which way it goes belongs to a photo


class GID_OT_motion_preset(base.OnLoop, bpy.types.Operator):
    """Let the loop in sight move as this preset says; its direction, mask and plucks stay"""

    bl_idname = "gid.motion_preset"
    bl_label = "Apply Motion Preset"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    def perform(self, context):
        folders = [bpy.path.abspath(folder) for folder in bpy.utils.preset_paths(FOLDER)]
        if not any(bpy.path.is_subdir(self.filepath, folder) for folder in folders):
            raise SettingsError("this file is not among Blender's presets: choose one in the menu")
        bpy.utils.execfile(self.filepath)


class GID_OT_motion_preset_add(AddPresetBase, bpy.types.Operator):  # type: ignore[misc]  # as Blender itself does
    """Keep how the loop in sight moves as a preset of your own, or remove one"""

    bl_idname = "gid.motion_preset_add"
    bl_label = "Add Motion Preset"

    preset_menu = "GID_PT_motion_presets"
    preset_subdir = FOLDER
    preset_defines = ("edits = bpy.context.scene.gid.in_sight.gid.edits",)
    preset_values = tuple(f"edits.{name}" for name in FIELDS)

    @classmethod
    def poll(cls, context):
        return base.OnLoop.poll.__func__(cls, context)


CLASSES = (GID_OT_motion_preset, GID_OT_motion_preset_add)
