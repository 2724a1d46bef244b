"""From a still to a loop: load a photo, predict its motion.

What was asked is read once, at the start: the artist may go on working while the prediction runs. Datablocks are kept
by their session id until then, because undo and loading a file make every Python reference stale.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, StringProperty

from ...gid_core.errors import SettingsError
from ...gid_core.motion import edits, timeline
from ...gid_core.motion.plan import plan_loop
from .. import jobs, preferences
from ..loop import build, images, sight
from ..properties import GidSettings
from . import base

if TYPE_CHECKING:
    import numpy as np

    from ...gid_core.prediction.predict import Request

__all__ = ["CLASSES", "Order"]

_SETTINGS = tuple(name for name in GidSettings.__annotations__ if name != "home")


@dataclass(frozen=True)
class Order:
    """What was asked of one still, independent of Blender's datablocks."""

    name: str
    still: "np.ndarray"  # float32 (H, W, 3|4), linear, premultiplied, at working size
    request: "Request"
    amplitude: float
    n_frames: int
    fps: Fraction
    start: int
    scene: int
    image: int

    @classmethod
    def read(cls, scene):
        """The order that the panel of `scene` states.

        Raises:
            GidError: there is no still, or it cannot be read.
        """
        from ...gid_core.files import image_io
        from ...gid_core.prediction import predict  # at the first use: they load Pillow

        settings = scene.gid
        image = settings.still
        if image is None:
            raise SettingsError("there is no still: open a photo in the panel first")
        fps = scene_fps(scene)
        return cls(
            name=bpy.path.display_name_from_filepath(image.name) or image.name,
            still=image_io.fit(images.read_still(image), settings.size),
            request=predict.Request(seed=settings.seed, model=preferences.model_choice(settings)),
            amplitude=settings.amplitude,
            n_frames=length(settings, fps),
            fps=fps,
            start=settings.start,
            scene=scene.session_uid,
            image=image.session_uid,
        )

    def begin(self):
        """The prediction in a process of its own."""
        from ...gid_core import worker  # at the first use: it loads Pillow

        return worker.start_worker(self.still, self.request)

    def predict(self):
        """The prediction here and now."""
        from ...gid_core.prediction import predict

        return predict.predict(self.still, self.request)

    def fulfil(self, motion):
        """Build the loop of `motion`, all of it or nothing, and show it in the window that asked."""
        scene, image = _by_session(bpy.data.scenes, self.scene), _by_session(bpy.data.images, self.image)
        if scene is None or image is None:
            raise SettingsError("the still or its scene was removed while its motion was predicted: nothing was made")
        volume = edits.apply(motion, edits.Edits(amplitude=self.amplitude))
        plan = plan_loop(volume, self.n_frames, self.fps)
        plane = build.build_loop(build.LoopSpec(self.name, self.still, volume, plan, self.fps, start=self.start))
        plane.gid.source = image
        plane.gid.answered = answered(volume.provenance)
        scene.gid.loop = plane
        for name in _SETTINGS:  # the panel of the loop's own scene begins where this one stands
            setattr(plane.gid.scene.gid, name, getattr(scene.gid, name))
        sight.show(plane, bpy.context.window)
        if plane.gid.moving < sight.NOTHING_MOVES:
            jobs.note(jobs.key_of(plane.gid.scene), sight.NOTHING_SAID, is_error=False)


def _by_session(collection, session_uid):
    return next((block for block in collection if block.session_uid == session_uid), None)


def scene_fps(scene):
    """Frame rate of a scene as the fraction that its two floats stand for: 24 / 1.001 is 24000/1001."""
    return Fraction(scene.render.fps) / Fraction(scene.render.fps_base).limit_denominator(10000)


def length(settings, fps):
    """Length in frames that the panel asks for."""
    return settings.n_frames if settings.length_unit == "FRAMES" else timeline.frames_for(settings.seconds, fps)


def answered(provenance):
    """One line for the panel: what made a motion, and by which seed."""
    return f"Motion by {provenance.get('source', 'an unknown source')}, seed {provenance.get('seed', 0)}"


class GID_OT_open_still(base.Reporting, bpy.types.Operator):
    """Open a photo and make it the still"""

    bl_idname = "gid.open_still"
    bl_label = "Open Still"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context, event):
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def perform(self, context):
        context.scene.gid.still = images.open_photo(bpy.path.abspath(self.filepath))


class GID_OT_animate(base.JobOperator, bpy.types.Operator):
    """Predict how the still moves and build its loop in a scene of its own"""

    bl_idname = "gid.animate"
    bl_label = "Animate"
    bl_options = {"REGISTER", "UNDO"}

    use_prior: BoolProperty(
        name="Use the Physics Prior",
        description="Switch the motion model off first",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    half_size: BoolProperty(
        name="Half the Size", description="Halve the working size first", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context):
        if context.scene.gid.still is None:
            cls.poll_message_set("Open a photo as the still first")
            return False
        return base.is_free(cls, context)

    def order(self, context):
        settings = context.scene.gid
        if self.use_prior:
            settings.use_model = False
        if self.half_size:
            settings.size //= 2
        order = Order.read(context.scene)
        return base.Order(order.scene, order.begin, order.predict, order.fulfil)


CLASSES = (GID_OT_open_still, GID_OT_animate)
