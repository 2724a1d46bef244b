"""Motion from a clip: what a still camera filmed becomes the motion of a loop."""

from dataclasses import replace
from pathlib import Path

import bpy
from bpy.props import BoolProperty, FloatProperty, StringProperty

from ...gid_core.errors import GidError, ImageError, SettingsError
from .. import clips, jobs
from ..loop import length
from ..work import Chain, Threaded
from . import base
from .predict import Order

__all__ = ["CLASSES"]

_ANOTHER = jobs.Remedy("gid.motion_from_clip", "Choose Another Clip")


def _remedy_for(error: GidError):
    return _ANOTHER if isinstance(error, ImageError | SettingsError) else base.remedy_for(error)


class GID_OT_motion_from_clip(base.Choosing, base.JobOperator, bpy.types.Operator):
    """Choose a video of a still camera, or a picture of a folder of frames: what sways in it becomes a loop"""

    bl_idname = "gid.motion_from_clip"
    bl_label = "Motion from Clip"
    bl_options = {"REGISTER", "UNDO"}
    remedy_for = staticmethod(_remedy_for)

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    display_type: base.DISPLAY
    at: FloatProperty(
        name="Still At", description="Seconds from the clip's start to the frame that becomes the still", min=0, step=10
    )
    keep_photo: BoolProperty(
        name="Keep the Photo",
        description="Let the photo of the panel, taken from the same place, move as the clip does",
    )

    @classmethod
    def poll(cls, context):
        return base.is_free(cls, context)

    def order(self, context):
        order = _ClipOrder(context, bpy.path.abspath(self.filepath), self.at, self.keep_photo)
        return base.Order(order.key, order.begin, order.begin, order.fulfil)


class _ClipOrder:
    """What was asked of a clip, read once at the start: the loop's length and rate, and the photo if that is kept.

    Raises:
        GidError: there is no clip, or no photo to keep.
    """

    def __init__(self, context, path, at, keep_photo):
        if not path.strip():
            raise SettingsError("there is no clip: choose one")
        scene, path = context.scene, Path(path)
        # A picture stands for the frames of its folder, which come at the rate of the scene.
        is_frame = path.suffix.lower() in bpy.path.extensions_image and path.is_file()
        self._path, self._at = (path.parent if is_frame else path), at
        self._fps = str(length.scene_fps(scene)) if self._path.is_dir() else None
        self._keeps_photo = keep_photo
        self._filmed: Path | None = None  # the clip's own still, once it is there
        self._order = Order.read(context) if keep_photo else Order.stated(scene, self._path.stem, self._read_filmed)
        self.key = self._order.key

    def begin(self):
        """The measurement, in processes of its own; what the loop shows is worked out in threads."""
        if self._keeps_photo:
            work = Chain(Threaded("opening the photo", self._order.read_still), self._of_photo)
        else:
            work = Chain(self._filming(None), self._of_filmed)
        return self._order.with_groups(work)

    def _of_photo(self, still):
        self._order.check(still)
        return Chain(self._filming(still), lambda filmed: self._order.work_out(still, filmed[0]))

    def _of_filmed(self, filmed):
        motion, self._filmed = filmed
        order = self._order
        return Threaded("building the loop", lambda: order.worked_out(order.read_still(), motion))

    def _filming(self, photo):
        return clips.filming(self._path, at=self._at, fps=self._fps, photo=photo)

    def _read_filmed(self):
        from ...gid_core.files.image_io import load_photo  # at the first use: it loads Pillow

        return load_photo(self._filmed).pixels

    def fulfil(self, predicted):
        """Build the loop, all of it or nothing, and show it; what there is to tell."""
        if self._keeps_photo:
            self._shown(self._order, predicted)
        else:
            scene = next((one for one in bpy.data.scenes if one.session_uid == self._order.scene), None)
            if scene is None:
                raise SettingsError("the scene was removed while the clip was measured: nothing was made")
            before = scene.gid.still
            image = _packed(self._filmed, f"{self._path.stem}.png")
            try:
                scene.gid.still = image
                self._shown(replace(self._order, image=image.session_uid), predicted)
            except BaseException:
                scene.gid.still = before
                bpy.data.images.remove(image)
                raise
        return "; ".join(predicted.motion.provenance["notes"])

    def _shown(self, order, predicted):
        order.fulfil(predicted, asked=f"clip {self._path.name} {self._at:g}", label=self._path.stem)


def _packed(path, name):
    """A picture as an image of this file that needs no other one."""
    image = bpy.data.images.load(str(path), check_existing=False)
    image.pack()
    image.name, image.filepath_raw = name, ""
    return image


CLASSES = (GID_OT_motion_from_clip,)
