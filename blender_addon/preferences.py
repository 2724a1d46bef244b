"""What holds for every file of this user: which motion model answers."""

import bpy
from bpy.props import StringProperty

from .registration import class_registers

__all__ = ["ADDON_ID", "model_choice", "model_folder"]

# The root package: bl_ext.<repository>.image_dynamics in an installed extension.
ADDON_ID = __package__.rpartition(".")[0]


class GidPreferences(bpy.types.AddonPreferences):
    bl_idname = ADDON_ID

    model: StringProperty(
        name="Motion Model",
        subtype="DIR_PATH",
        description="Folder with a card.json and its ONNX files; empty: the model that came with the add-on",
    )

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "model")
        row = layout.row()
        row.operator("gid.manual", icon="HELP")
        row.operator("gid.copy_diagnostics", icon="COPYDOWN")
        layout.operator("gid.save_assets", icon="ASSET_MANAGER")


def model_folder():
    """The folder that the preferences name, empty for the model that came with the add-on."""
    addon = bpy.context.preferences.addons.get(ADDON_ID)  # absent when run from a checkout
    folder = addon.preferences.model if addon and addon.preferences else ""
    return bpy.path.abspath(folder) if folder else ""


def model_choice(settings):
    """What `predict.Request.model` has to be for the panel's settings: "physics", "auto", or a folder."""
    if not settings.use_model:
        return "physics"
    return model_folder() or "auto"


register, unregister = class_registers((GidPreferences,))
