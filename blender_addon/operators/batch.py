"""A folder of photos becomes a folder of loops, beside whatever else goes on in Blender."""

import bpy
from bpy.props import BoolProperty, StringProperty

from .. import jobs
from . import base

__all__ = ["CLASSES"]


class GID_OT_batch(base.Choosing, bpy.types.Operator):
    """Choose a folder: each of its photos becomes a loop, in a folder beside it, by the settings of this panel"""

    bl_idname = "gid.batch"
    bl_label = "Animate a Folder"
    bl_options = {"REGISTER"}  # no UNDO: no data changes

    directory: StringProperty(name="Photos", subtype="DIR_PATH", options={"SKIP_SAVE"})
    out: StringProperty(
        name="Loops",
        subtype="DIR_PATH",
        description="Folder for the loops; empty: one beside that of the photos",
        options={"SKIP_SAVE"},
    )
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        if jobs.current(jobs.ANYWHERE):
            cls.poll_message_set("A folder is being animated: wait for it, or cancel it")
            return False
        return True

    def perform(self, context):
        from ..output import batch  # at the first use: it loads Pillow

        photos, out = (bpy.path.abspath(folder) for folder in (self.directory, self.out))
        arguments = batch.arguments_of(context.scene, photos.rstrip("/\\"), out)
        if not self.is_asked:
            self.report({"INFO"}, jobs.run(batch.begin(arguments), batch.told))
            return {"FINISHED"}
        jobs.start(jobs.ANYWHERE, lambda: batch.begin(arguments), batch.told, self.bl_label, window=context.window)
        return {"INTERFACE"}


CLASSES = (GID_OT_batch,)
