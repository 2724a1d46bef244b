"""A folder of photos becomes a folder of loops, beside whatever else goes on in Blender."""

from functools import partial

import bpy
from bpy.props import BoolProperty, StringProperty

from .. import jobs
from . import base

__all__ = ["CLASSES"]


class GID_OT_batch(base.Choosing, base.JobOperator, bpy.types.Operator):
    """Choose a folder: each of its photos becomes a loop, in a folder beside it, by the settings of this panel"""

    bl_idname = "gid.batch"
    bl_label = "Animate a Folder"
    bl_options = {"REGISTER"}  # no UNDO: no data changes
    remedy_for = staticmethod(base.no_remedy)

    directory: StringProperty(name="Photos", subtype="DIR_PATH", options={"SKIP_SAVE"})
    out: StringProperty(
        name="Loops",
        subtype="DIR_PATH",
        description="Folder for the loops; empty: one beside that of the photos",
        options={"SKIP_SAVE"},
    )
    use_clips: BoolProperty(
        name="Move as Clips",
        description="A photo moves as the clip of its name in the folder, a clip without a photo as it was filmed",
        options={"SKIP_SAVE"},
    )
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        if jobs.current(jobs.ANYWHERE):
            cls.poll_message_set("A folder is being animated: wait for it, or cancel it")
            return False
        return True

    def order(self, context):
        from ..output import batch  # at the first use: it loads Pillow

        photos, out = (bpy.path.abspath(folder) for folder in (self.directory, self.out))
        begin = partial(batch.begin, batch.arguments_of(context.scene, photos.rstrip("/\\"), out, self.use_clips))
        return base.Order(jobs.ANYWHERE, begin, begin, batch.told)


CLASSES = (GID_OT_batch,)
