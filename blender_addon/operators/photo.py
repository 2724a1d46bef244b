"""Ways in: photos from disk or dropped, the one in an image editor, that of an object, become loops in one go."""

from dataclasses import replace
from pathlib import Path

import bpy
from bpy.props import BoolProperty, CollectionProperty, StringProperty

from ...gid_core.errors import Cancelled, GidError
from .. import jobs
from ..loop import images, sight
from ..work import Inline
from . import base
from .predict import Order

__all__ = ["CLASSES", "ENDINGS"]

ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".exr", ".hdr", ".dpx", ".jp2", ".tga")


class GID_OT_add_photo(base.Choosing, base.JobOperator, bpy.types.Operator):
    """Open photos, predict how they move, and show each as a seamless loop in a scene of its own"""

    bl_idname = "gid.add_photo"
    bl_label = "Animated Photo"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    display_type: base.DISPLAY

    @classmethod
    def poll(cls, context):
        return base.is_free(cls, context)

    def invoke(self, context, event):
        is_dropped = self.files or self.filepath
        return self.execute(context) if is_dropped else super().invoke(context, event)

    def perform(self, context):
        folder = bpy.path.abspath(self.directory)
        names = [one.name for one in self.files if one.name]
        paths = [str(Path(folder) / name) for name in names] or [bpy.path.abspath(self.filepath)]
        if len(paths) > 1:
            several = _Several(context, paths)
            self.is_asked = not bpy.app.background  # dropped ones come by a drop alone
            key = jobs.key_of(context.scene)
            return self.carry_out(context, base.Order(key, several.begin, several.begin, several.finish))
        context.scene.gid.still = images.open_photo(paths[0])
        return bpy.ops.gid.new_loop("INVOKE_DEFAULT")


class GID_OT_animate_image(base.Noting, bpy.types.Operator):
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


class GID_OT_animate_object(base.Noting, bpy.types.Operator):
    """Predict how the photo on the active image plane or reference image moves, in a scene of its own"""

    bl_idname = "gid.animate_object"
    bl_label = "Animate the Photo of This Object"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if _photo_of(context.object) is None:
            cls.poll_message_set("Select an image plane or a reference image first")
            return False
        return base.is_free(cls, context)

    def perform(self, context):
        return _animate(context, _photo_of(context.object))


def _animate(context, image):
    """Animate an image of this file: in the loop in sight if that shows it, else in a new one."""
    context.scene.gid.still = image
    plane = sight.in_sight(context)
    operator = bpy.ops.gid.animate if plane is not None and plane.gid.source == image else bpy.ops.gid.new_loop
    return operator("INVOKE_DEFAULT")


def _photo_of(obj):
    """The image that an object shows: of a reference image, or the first texture of its active material."""
    if obj is None or obj.gid.scene is not None:  # a loop shows what it was made of
        return None
    if obj.type == "EMPTY":
        return obj.data if obj.empty_display_type == "IMAGE" else None
    tree = obj.active_material.node_tree if obj.active_material is not None else None
    if tree is None:
        return None
    return next((n.image for n in [tree.nodes.active, *tree.nodes] if getattr(n, "image", None) is not None), None)


class _Several:
    """Several photos, one after another, as one job: predicted and built; one that cannot be stops no other.

    A loop is built as soon as its motion is there, so that Blender stands still for one at a time.
    """

    def __init__(self, context, paths):
        self._scene, self._paths, self._left = context.scene.session_uid, len(paths), list(paths)
        self._work, self._order, self._motion = None, None, None
        self._made, self._refused = 0, []

    @property
    def has_more(self):
        """Whether a photo is not done yet."""
        return bool(self._left or self._work)

    def begin(self):
        return self

    def poll(self):
        """Events of the photo that is looked at."""
        if self._work is None and self._left:
            self._next()
        if self._work is None or self._motion is not None:
            return []
        place = f"Photo {self._paths - len(self._left)} of {self._paths}"
        try:
            events = [replace(event, phase=f"{place}, {event.phase}") for event in self._work.poll()]
            self._motion = self._work.result()
        except Cancelled:
            raise
        except GidError as error:
            self._refuse(error)
            return []
        return events

    def result(self):
        """The next motion, or an empty one when there will be none."""
        return self._motion if self._motion is not None or self.has_more else ()

    def cancel(self):
        if self._work is not None:
            self._work.cancel()

    def finish(self, _motion):
        """Build the loop of the motion that is there; after the last show it, and tell what there is to tell."""
        if self._motion is not None:
            try:
                self._order.fulfil(self._motion, is_shown=False)
                self._made += 1
            except GidError as error:
                self._refused.append(str(error))
            self._work = self._motion = None
        if self.has_more:
            return None
        if self._made:
            sight.show(self._asking().gid.loop, bpy.context.window)
        told = f"{self._made} loops made" if self._made != 1 else "1 loop made"
        return "; ".join([told, *self._refused])

    def _next(self):
        path = self._left.pop(0)
        try:
            self._order = Order.of(self._asking(), images.open_photo(path))
            self._work = self._order.begin() if not bpy.app.background else Inline(self._order.predict)
        except GidError as error:
            self._refuse(error)

    def _asking(self):
        return next(scene for scene in bpy.data.scenes if scene.session_uid == self._scene)

    def _refuse(self, error):
        self._refused.append(str(error))
        self._work = None


CLASSES = (GID_OT_add_photo, GID_OT_animate_image, GID_OT_animate_object)
