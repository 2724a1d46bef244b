"""From a still to a loop: load a photo, predict its motion.

What was asked is read once, at the start: the artist may go on working while the prediction runs. Datablocks are kept
by their session id until then, because undo and loading a file make every Python reference stale. All that takes long
and needs no datablock is done in threads and processes: Blender's window must not wait for it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from ...gid_core.errors import SettingsError
from ...gid_core.motion.edits import Edits
from ...gid_core.motion.motion import ASKED_FOR
from ...gid_core.motion.plan import plan_loop
from ...gid_core.motion.timeline import LoopPlan
from ...gid_core.motion.volume import N_FREQS
from .. import groups, jobs, preferences
from ..loop import build, clock, edit, images, length, live, raw, sight, takes
from ..nodes import rig
from ..properties import GidSettings
from ..work import Chain, Inline, Threaded
from . import base

if TYPE_CHECKING:
    import numpy as np

    from ...gid_core.motion.motion import Motion
    from ...gid_core.prediction.request import Request

__all__ = ["CLASSES", "Order", "Predicted"]

_SETTINGS = tuple(
    name for name in GidSettings.__annotations__ if name not in ("home", "output", "listed", "is_comparison")
)


@dataclass(frozen=True)
class Predicted:
    """What comes of an order: the still as it was read, float32 (H, W, 3|4), its motion, and what a loop keeps of both.

    plan, pictures: of a new loop, foreseen: of one that is there; kept: of the motion; groups: file of the rig's node
    groups. None where they are worked out, or made, with the loop.
    """

    still: "np.ndarray"
    motion: "Motion"
    plan: LoopPlan | None = None
    pictures: build.Pictures | None = None
    foreseen: edit.Foreseen | None = None
    kept: raw.Kept | None = None
    groups: Path | None = None


@dataclass(frozen=True)
class Order:
    """What was asked of one still, independent of Blender's datablocks.

    read_still: gives it as float32 (H, W, 3|4), linear, premultiplied, at working size; in any thread.
    scene, image, plane: session ids of the scene that asked, of the photo, and of the loop that shall show its motion;
    plane is 0 for a new one.
    """

    name: str
    read_still: "Callable[[], np.ndarray]"
    request: "Request"
    n_frames: int
    fps: Fraction
    start: int
    scene: int
    image: int
    plane: int
    key: int

    @classmethod
    def read(cls, context, *, seed: int | None = None, is_new: bool = False):
        """The order that the panel in `context` states.

        Args:
            seed: in place of the panel's.
            is_new: make a new loop, whatever is in sight.
        Raises:
            GidError: there is no still, it cannot be read, or the loop in sight cannot show it.
        """
        scene = context.scene
        if scene.gid.still is None:
            raise SettingsError("there is no still: open a photo in the panel first")
        plane = None if is_new else sight.in_sight(context)
        return cls.of(scene, scene.gid.still, plane, seed)

    @classmethod
    def of(cls, scene, image, plane=None, seed: int | None = None):
        """The order of one photo, all else as the panel of a scene states it.

        Args:
            plane: of the loop that shall show it; None for a new one. seed: in place of the panel's.
        Raises:
            GidError: the photo cannot be read, or the loop cannot be changed.
        """
        name = bpy.path.display_name_from_filepath(image.name) or image.name
        return cls.stated(scene, name, images.reader_of(image), image.session_uid, plane, seed)

    @classmethod
    def stated(cls, scene, name, read, image=0, plane=None, seed: int | None = None):
        """The order of what `read` gives in any thread, float32 (H, W, 3|4), all else as `of`.

        image: session id; 0 while there is none in the file.
        """
        from ...gid_core.prediction.request import Request  # at the first use

        settings = scene.gid
        fps = length.scene_fps(scene)
        n_frames = length.asked_frames(settings, fps)
        clock.check_range(settings.start, n_frames)
        clock.check_rate(fps)
        if plane is not None:
            edit.check_fits(plane, None)
        return cls(
            name=name,
            read_still=partial(_fitted, read, settings.size),
            request=Request(seed=settings.seed if seed is None else seed, model=preferences.model_choice(settings)),
            n_frames=n_frames,
            fps=fps,
            start=settings.start,
            scene=scene.session_uid,
            image=image,
            plane=0 if plane is None else plane.session_uid,
            key=jobs.key_of(scene if plane is None else plane.gid.scene),
        )

    def begin(self):
        """The photo read and its pictures worked out in threads, the prediction in a process of its own."""
        return self.with_groups(Chain(Threaded("opening the photo", self._opened), self._predicted))

    def with_groups(self, work):
        """Work whose result is a `Predicted`, and beside it the rig's node groups, where they are wanted."""
        if bpy.app.background or self.plane or rig.is_there(N_FREQS):  # in the background no window stands still
            return work
        return groups.WithGroups(work, N_FREQS, lambda predicted, file: replace(predicted, groups=file))

    def _opened(self):
        from ...gid_core import worker  # at the first use: it loads Pillow

        return self.read_still(), worker.start_worker

    def _predicted(self, opened):
        still, start_worker = opened
        self.check(still)
        return Chain(start_worker(still, self.request), partial(self.work_out, still))

    def check(self, still):
        """Refuse a still that the loop which is meant cannot show.

        Raises:
            SettingsError: it cannot.
        """
        if self.plane:
            edit.check_fits(self._loop(), still)

    def work_out(self, still, motion):
        """The `Predicted` of a motion, as work in a thread."""
        if self.plane:
            foreseen = edit.foreseen(self._loop(), motion, still)
            return Threaded(
                "building the loop",
                lambda: Predicted(still, motion, foreseen=foreseen(), kept=raw.Kept.of(motion)),
            )
        return Threaded("building the loop", lambda: self.worked_out(still, motion))

    def worked_out(self, still, motion):
        """The `Predicted` of a motion for a new loop; in any thread."""
        plan = self._plan(motion)
        pictures = build.Pictures.of(still, build.baked(motion, Edits()), plan)
        return Predicted(still, motion, plan, pictures, kept=raw.Kept.of(motion))

    def predict(self):
        """All of it here and now."""
        from ...gid_core.prediction import predict

        still = self.read_still()
        self.check(still)
        return Predicted(still, predict.predict(still, self.request))

    def fulfil(self, predicted: Predicted, *, is_shown: bool = True, asked: str = "", label: str = ""):
        """Let the loop that was meant show the motion, or build a new one, all of it or nothing; show it to who asked.

        Args:
            is_shown: False leaves the window as it is.
            asked, label: of a take that no model made, see `takes.note`.
        Raises:
            GidError: what was asked for is gone, or cannot be.
        """
        scene, image = _by_session(bpy.data.scenes, self.scene), _by_session(bpy.data.images, self.image)
        if scene is None or image is None:
            raise SettingsError("the still or its scene was removed while its motion was predicted: nothing was made")
        plane = self._changed(predicted) if self.plane else self._built(predicted)
        plane.gid.source = image
        plane.gid.answered = answered(predicted.motion.provenance)
        takes.note(plane, seed=self.request.seed, asked=asked or self.request.model, label=label, kept=predicted.kept)
        scene.gid.seed, scene.gid.loop = self.request.seed, plane
        with live.held():
            for name in _SETTINGS:  # the panel of the loop's own scene goes on where this one stands
                setattr(plane.gid.scene.gid, name, getattr(scene.gid, name))
            plane.gid.scene.gid.still = image
        if is_shown:
            sight.show(plane, bpy.context.window)
        if plane.gid.moving < sight.NOTHING_MOVES:
            jobs.note(jobs.key_of(plane.gid.scene), sight.NOTHING_SAID, is_error=False)

    def _plan(self, motion):
        return plan_loop(motion.volume(), self.n_frames, self.fps)

    def _built(self, predicted):
        still, motion = predicted.still, predicted.motion
        if predicted.groups is not None:
            groups.bring(predicted.groups, motion.n_freqs)
        return build.build_loop(
            build.LoopSpec(
                self.name,
                still,
                motion,
                predicted.plan or self._plan(motion),
                self.fps,
                start=self.start,
                pictures=predicted.pictures,
                kept=predicted.kept,
            )
        )

    def _loop(self):
        plane = _by_session(bpy.data.objects, self.plane)
        if plane is None or plane.gid.scene is None:
            raise SettingsError("the loop was removed while its motion was predicted: nothing was made")
        return plane

    def _changed(self, predicted):
        plane = self._loop()
        takes.begin(plane)
        edit.replace_motion(plane, predicted.motion, predicted.still, foreseen=predicted.foreseen, kept=predicted.kept)
        played = plane.gid.n_frames, plane.gid.start, clock.fps_of(plane)
        if played != (self.n_frames, self.start, self.fps):
            edit.retime_loop(plane, edit.plan_for(plane, self.n_frames, self.fps), self.fps, self.start)
        return plane


def _fitted(read, size):
    from ...gid_core.files import image_io

    return image_io.fit(read(), size)


def _by_session(collection, session_uid):
    return next((block for block in collection if block.session_uid == session_uid), None)


def answered(provenance):
    """For the panel: what made a motion, on which processor, by which seed; and what there is to know of it."""
    where = provenance.get("provider", "").replace("ExecutionProvider", "")
    made = f"Motion by {provenance.get('source', 'an unknown source')}" + (f" on {where}" if where else "")
    reasons = [
        *provenance.get("provider_notes", ()),
        *provenance.get("notes", ()),
        provenance.get("reason", ASKED_FOR),
    ]
    told = [reason for reason in reasons if reason != ASKED_FOR]
    seed = "" if "clip" in provenance else f", seed {provenance.get('seed', 0)}"
    return ". ".join([made + seed, *told])


class GID_OT_open_still(base.Choosing, base.Noting, bpy.types.Operator):
    """Open the photo that shall come to life"""

    bl_idname = "gid.open_still"
    bl_label = "Open Photo"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    display_type: base.DISPLAY

    def perform(self, context):
        context.scene.gid.still = images.open_photo(bpy.path.abspath(self.filepath))
        jobs.dismiss(jobs.key_of(context.scene))  # what was said of the photo before


class _Predicts(base.JobOperator):
    """An operator that asks for the motion of the panel's still."""

    @classmethod
    def poll(cls, context):
        if context.scene.gid.still is None:
            cls.poll_message_set("Open a photo as the still first")
            return False
        return base.is_free(cls, context)

    def order(self, context):
        order = self.asked(context)
        return base.Order(order.key, order.begin, lambda: Inline(order.predict), order.fulfil)


class GID_OT_animate(_Predicts, bpy.types.Operator):
    """Predict how the still moves, and show it in the loop in sight; without one, make a loop in a scene of its own"""

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

    def asked(self, context):
        settings = context.scene.gid
        if self.use_prior:
            settings.use_model = False
        if self.half_size:
            settings.size //= 2
        return Order.read(context)


class GID_OT_new_loop(_Predicts, bpy.types.Operator):
    """Make another loop of the still in a scene of its own, beside the one in sight"""

    bl_idname = "gid.new_loop"
    bl_label = "New Loop"
    bl_options = {"REGISTER", "UNDO"}

    def asked(self, context):
        return Order.read(context, is_new=True)


class GID_OT_reroll(_Predicts, bpy.types.Operator):
    """Let the still move in another way: the motion of the next seed, or of the one before, in the same loop"""

    bl_idname = "gid.reroll"
    bl_label = "Re-Roll"
    bl_options = {"REGISTER", "UNDO"}

    step: IntProperty(name="Step", default=1, description="How far to go from the seed that is shown")

    def asked(self, context):
        return Order.read(context, seed=self._seed(context))

    def perform(self, context):
        """A seed that the loop has a take of needs no prediction."""
        index = self._kept(context)
        if index < 0:
            return super().perform(context)
        plane = sight.in_sight(context)
        takes.show(plane, index)
        sight.show(plane, context.window)
        return {"FINISHED"}

    def _seed(self, context):
        return max(0, context.scene.gid.seed + self.step)

    def _kept(self, context):
        plane = sight.in_sight(context)
        if plane is None or plane.gid.source != context.scene.gid.still:
            return -1
        return takes.find(plane, self._seed(context), preferences.model_choice(context.scene.gid))


CLASSES = (GID_OT_open_still, GID_OT_animate, GID_OT_new_loop, GID_OT_reroll)
