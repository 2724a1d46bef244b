"""What leaves Blender: a bake of the loop in sight, a quick preview of it, the folder where the last bake lies."""

from functools import partial
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ...gid_core.errors import SettingsError
from .. import jobs
from ..loop import sight
from . import base

__all__ = ["CLASSES"]


class _OfLoop(base.JobOperator):
    """A job that needs a loop in sight, and nothing else running there."""

    remedy_for = staticmethod(base.no_remedy)

    @classmethod
    def poll(cls, context):
        if sight.in_sight(context) is None:
            cls.poll_message_set("There is no loop here: animate a photo, or select the plane of a loop")
            return False
        return base.is_free(cls, context)


class GID_OT_bake(_OfLoop, base.Choosing, bpy.types.Operator):
    """Write the loop as frames and a movie, rendered beside Blender; one frame is compared with Blender's own"""

    bl_idname = "gid.bake"
    bl_label = "Bake"
    bl_options = {"REGISTER"}  # no UNDO: of the file nothing changes but where the bake lies, told with the job's step

    directory: StringProperty(
        name="Folder", subtype="DIR_PATH", description="In place of the panel's", options={"SKIP_SAVE"}
    )
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    # For scripts: the network that draws is not offered in the panel.
    quality: StringProperty(
        name="Quality", description="core, best or network, in place of the panel's", options={"HIDDEN", "SKIP_SAVE"}
    )

    def invoke(self, context, event):
        from ..output.bake import is_nowhere  # at the first use: it loads Pillow

        if not bpy.app.background and is_nowhere(context.scene.gid.output.folder):
            # Beside a file that was never saved would be anywhere: ask, and come back by `execute`.
            return self.choose(context)
        return super().invoke(context, event)

    def order(self, context):
        from ..output.bake import Bake, check_followed, order_of
        from ..output.beside import BakeBeside

        if self.directory:
            context.scene.gid.output.folder = self.directory
        plane, asked = sight.in_sight(context), self._asked(context)
        check_followed(plane)
        return base.Order(
            jobs.key_of(plane.gid.scene),
            lambda: BakeBeside(plane, asked),
            lambda: Bake(order_of(plane, **asked)),
            lambda bake: bake.finish(),
        )

    def _asked(self, context):
        """What the panel asks for, as `bake.order_of` takes it, refused at once where it cannot be."""
        from ...gid_core.frames.bake import check_libraries
        from ...gid_core.frames.frame_worker import Sheet
        from ..output.bake import check_folder

        output = context.scene.gid.output
        check_folder(output.folder)
        sheet = {
            "format": output.format,
            "passes": [name for name in ("stmap", "vectors") if getattr(output, name)],
            "shutter_deg": output.shutter,
            "samples": output.samples,
        }
        check_libraries(Sheet(**sheet), output.movie, has_blender=True)
        return {
            "whole_range": output.range == "SCENE",
            "folder": bpy.path.abspath(output.folder),
            "sheet": sheet,
            "quality": self.quality or output.quality.lower(),
            "movie": output.movie,
            "repeats": output.repeats,
            "hold": output.hold,
            "busy": [place for job in jobs.running() if (place := getattr(job.work, "place", None)) is not None],
        }


class GID_OT_preview(_OfLoop, bpy.types.Operator):
    """Render the loop small and play it in a window of its own: what a bake will show, in a tenth of the time"""

    bl_idname = "gid.preview"
    bl_label = "Preview"
    bl_options = {"REGISTER"}  # no UNDO: no data changes

    def order(self, context):
        from ..output.preview import Preview  # at the first use: it loads Pillow

        plane = sight.in_sight(context)
        begin = partial(Preview, plane)
        return base.Order(jobs.key_of(plane.gid.scene), begin, begin, Preview.play)


class GID_OT_open_bake(base.Reporting, bpy.types.Operator):
    """Open the folder of the loop's last bake"""

    bl_idname = "gid.open_bake"
    bl_label = "Open Folder"
    bl_options = {"INTERNAL"}  # no UNDO: no data changes

    @classmethod
    def poll(cls, context):
        plane = sight.in_sight(context)
        if plane is None or not plane.gid.baked:
            cls.poll_message_set("This loop was not baked yet")
            return False
        return True

    def perform(self, context):
        folder = Path(bpy.path.abspath(sight.in_sight(context).gid.baked))
        if not folder.is_dir():
            raise SettingsError(f"{folder} is gone: bake again")
        bpy.ops.wm.path_open(filepath=str(folder))


class GID_OT_check(base.Reporting, bpy.types.Operator):
    """Look for what would go wrong with this file on another machine, and say what to do about it"""

    bl_idname = "gid.check"
    bl_label = "Check File"
    bl_options = {"REGISTER"}  # no UNDO: no data changes

    def perform(self, context):
        from ..output import preflight

        findings = preflight.check()
        for finding in findings:
            self.report({"WARNING"}, str(finding))
        if not findings:
            self.report({"INFO"}, preflight.told(findings))
        if not bpy.app.background:
            jobs.note(jobs.key_of(context.scene), preflight.told(findings), is_error=bool(findings))


CLASSES = (GID_OT_bake, GID_OT_preview, GID_OT_open_bake, GID_OT_check)
