"""Motion from a clip: what a still camera filmed becomes the motion of a loop."""

from dataclasses import replace
from pathlib import Path

import bpy
from bpy.props import BoolProperty, FloatProperty, StringProperty

from ...gid_core.errors import GidError, ImageError, SettingsError
from .. import clips, jobs
from ..loop import clock, length
from . import base
from .predict import Order, Predicted

__all__ = ["CLASSES"]

_ANOTHER = jobs.Remedy("gid.motion_from_clip", "Choose Another Clip")


def _remedy_for(error: GidError):
    return _ANOTHER if isinstance(error, ImageError | SettingsError) else base.remedy_for(error)


class GID_OT_motion_from_clip(base.Choosing, base.Noting, bpy.types.Operator):
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

    def perform(self, context):
        order = _ClipOrder(context, bpy.path.abspath(self.filepath), self.at, self.keep_photo)
        if not self.is_asked:
            told = jobs.run(order.begin(), order.fulfil)
            if told:
                self.report({"INFO"}, told)
            return {"FINISHED"}
        jobs.start(
            order.key, order.begin, order.fulfil, self.bl_label, window=context.window, remedy_for=self.remedy_for
        )
        return {"INTERFACE"}


class _ClipOrder:
    """What was asked of a clip, read once at the start: the loop's length and rate, and the photo if that is kept.

    Raises:
        GidError: there is no clip, or no photo to keep.
    """

    def __init__(self, context, path, at, keep_photo):
        if not path.strip():
            raise SettingsError("there is no clip: choose one")
        scene, path = context.scene, Path(path)
        fps = length.scene_fps(scene)
        # A picture stands for the frames of its folder, which come at the rate of the scene.
        is_frame = path.suffix.lower() in bpy.path.extensions_image and path.is_file()
        self._path, self._at = (path.parent if is_frame else path), at
        self._fps = str(fps) if self._path.is_dir() else None
        self._photo = Order.read(context) if keep_photo else None
        self._played = {
            "n_frames": length.asked_frames(scene.gid, fps),
            "fps": fps,
            "start": scene.gid.start,
        }
        clock.check_range(scene.gid.start, self._played["n_frames"])
        clock.check_rate(fps)
        self._scene = scene.session_uid
        self.key = jobs.key_of(scene) if self._photo is None else self._photo.key

    def begin(self):
        """The measurement, in processes of its own."""
        photo = None if self._photo is None else self._photo.read_still()
        return clips.filming(self._path, at=self._at, fps=self._fps, photo=photo)

    def fulfil(self, result):
        """Build the loop, all of it or nothing, and show it; what there is to tell."""
        motion, still = result
        if self._photo is not None:
            self._shown(self._photo, motion)
        else:
            scene = next((one for one in bpy.data.scenes if one.session_uid == self._scene), None)
            if scene is None:
                raise SettingsError("the scene was removed while the clip was measured: nothing was made")
            before = scene.gid.still
            image = _packed(still, f"{self._path.stem}.png")
            try:
                scene.gid.still = image
                self._shown(replace(Order.of(scene, image), **self._played), motion)
            except BaseException:
                scene.gid.still = before
                bpy.data.images.remove(image)
                raise
        return "; ".join(motion.provenance["notes"])

    def _shown(self, order, motion):
        taken = f"clip {self._path.name} {self._at:g}"
        order.fulfil(Predicted(order.read_still(), motion), asked=taken, label=self._path.stem)


def _packed(path, name):
    """A picture as an image of this file that needs no other one."""
    image = bpy.data.images.load(str(path), check_existing=False)
    image.pack()
    image.name, image.filepath_raw = name, ""
    return image


CLASSES = (GID_OT_motion_from_clip,)
