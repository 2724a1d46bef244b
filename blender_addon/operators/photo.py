"""Ways in from Blender's own menus: a photo from disk, or the one in the image editor, becomes a loop in one go."""

import bpy
from bpy.props import BoolProperty, StringProperty

from ..loop import images
from . import base

__all__ = ["CLASSES"]


def _animate(context, image):
    context.scene.gid.still = image
    return bpy.ops.gid.animate("INVOKE_DEFAULT")


class GID_OT_add_photo(base.Reporting, bpy.types.Operator):
    """Open a photo, predict how it moves, and show it as a seamless loop in a scene of its own"""

    bl_idname = "gid.add_photo"
    bl_label = "Animated Photo"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        return base.is_free(cls, context)

    def invoke(self, context, event):
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def perform(self, context):
        return _animate(context, images.open_photo(bpy.path.abspath(self.filepath)))


class GID_OT_animate_image(base.Reporting, bpy.types.Operator):
    """Predict how the photo in this image editor moves, and show it as a seamless loop in a scene of its own"""

    bl_idname = "gid.animate_image"
    bl_label = "Animate This Photo"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if getattr(context.space_data, "image", None) is None:
            cls.poll_message_set("Open a photo in this editor first")
            return False
        return base.is_free(cls, context)

    def perform(self, context):
        return _animate(context, context.space_data.image)


CLASSES = (GID_OT_add_photo, GID_OT_animate_image)
