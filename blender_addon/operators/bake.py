"""Bake: the loop in sight as frames, a movie and passes on disk."""

from fractions import Fraction

import bpy

from .. import jobs
from ..loop import sight
from . import base

__all__ = ["CLASSES"]


class GID_OT_bake(base.Reporting, bpy.types.Operator):
    """Write the loop as frames and a movie, rendered beside Blender; one frame is compared with Blender's own"""

    bl_idname = "gid.bake"
    bl_label = "Bake"
    bl_options = {"REGISTER"}  # no UNDO: no data changes

    @classmethod
    def poll(cls, context):
        if sight.in_sight(context) is None:
            cls.poll_message_set("There is no loop here: animate a photo, or select the plane of a loop")
            return False
        return base.is_free(cls, context)

    def perform(self, context):
        from ..output.bake import Bake  # at the first use: it loads Pillow

        order = self._order(context)
        self.report({"INFO"}, jobs.run(Bake(order), Bake.finish))

    def invoke(self, context, event):
        return self.execute(context) if bpy.app.background else self.attempt(self._start, context)

    def _start(self, context):
        from ..output.bake import Bake

        order = self._order(context)
        key = jobs.key_of(sight.in_sight(context).gid.scene)
        jobs.start(key, lambda: Bake(order), Bake.finish, self.bl_label, window=context.window)
        return {"INTERFACE"}

    def _order(self, context):
        from ...gid_core.frames.frame_worker import Sheet
        from ..output.bake import BakeOrder, folder_of, frames_of, loop_of

        plane, asked = sight.in_sight(context), context.scene.gid.output
        passes = tuple(name for name in ("stmap", "vectors") if getattr(asked, name))
        return BakeOrder(
            loop_of(plane, asked.quality.lower()),
            frames_of(plane, asked.range == "SCENE"),
            folder_of(plane, asked.folder),
            Sheet(asked.format, passes, asked.shutter, asked.samples, plane.gid.start),
            asked.movie,
            Fraction(plane.gid.fps),
            plane.session_uid,
        )


CLASSES = (GID_OT_bake,)
