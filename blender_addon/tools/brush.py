"""What moves, by brush: a click makes a picture and puts the brush into the hand, with the photo under it.

Masks act while they are painted, and so does all that is done to them here. Strength is worked into the motion when
painting ends, or by *Apply Paint*; in front and plate are seen in renders.
"""

import time

import bpy
from bpy.app.handlers import persistent
from bpy.props import EnumProperty, IntProperty, StringProperty

from ...gid_core.errors import GidError, SettingsError
from ...gid_core.motion import mask as masks
from ...gid_core.motion.edits import PREDICTED_GREY
from .. import jobs, windows
from ..loop import edit, images, live, sight
from ..nodes import rig
from ..operators import base
from ..registration import class_registers
from . import easel, pictures

__all__ = ["CLASSES", "register", "unregister"]

_TICK_S = 0.5
_PACK_S = 10.0  # a 4K picture takes a second to pack; autosave comes every two minutes

_KINDS = [
    ("MASK", "Mask", "What may move: white moves, black stands still"),
    ("STRENGTH", "Strength", "How far each place moves: grey as predicted, black not at all, white twice as far"),
    ("FRONT", "In Front", "What passes in front: white is nearer, black is behind"),
    ("PLATE", "Plate", "What shows through where something has moved away"),
]
_BRUSHES = [
    ("BLACK", "Black", "Stops, or puts behind"),
    ("GREY", "Grey", "Moves as predicted, on a strength"),
    ("WHITE", "White", "Lets move, puts in front, or moves twice as far on a strength"),
]
_GREYS = {"BLACK": 0.0, "GREY": PREDICTED_GREY, "WHITE": 1.0}
_CHANNELS = [(name, name.title(), f"The {name.lower()} of the picture") for name in pictures.CHANNELS]


class _OnLoop(base.OnEdited):
    """Of these, one that knows the brush: what was painted before it is a step of its own."""

    def execute(self, context):
        plane = sight.in_sight(context)
        if plane.gid.easel is None:
            return super().execute(context)
        if any(map(images.is_in_work, _pictures(plane))):
            _pack(plane)
            _push(plane, "Painting")
        done = super().execute(context)
        if done != {"FINISHED"} or plane.gid.easel is None:
            return done
        _push(plane, self.bl_label)
        return {"INTERFACE"}  # nothing more is to be pushed


class _OnMask(_OnLoop):
    """Of these, one that changes the mask that is there."""

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        if sight.in_sight(context).gid.edits.mask is None:
            cls.poll_message_set("The loop has no mask: make or choose one first")
            return False
        return True


class GID_OT_mask_new(_OnLoop, bpy.types.Operator):
    """Make a mask, or a picture of strength, of the photo's size, and paint it over the photo"""

    bl_idname = "gid.mask_new"
    bl_label = "New Mask"
    bl_options = {"REGISTER", "UNDO"}

    picture: EnumProperty(name="Picture", items=_KINDS[:2], default="MASK")
    start: EnumProperty(
        name="Start",
        items=[
            ("ALL", "All Moves", "Everything moves as predicted: paint what shall stand still"),
            ("NOTHING", "Nothing Moves", "Everything stands still: paint what shall move"),
        ],
        default="ALL",
    )

    def perform(self, context):
        plane = sight.in_sight(context)
        easel.put_away(plane, context.window)
        all_move = PREDICTED_GREY if self.picture == "STRENGTH" else 1.0
        pictures.start(plane, self.picture, all_move if self.start == "ALL" else 0.0)

    def invoke(self, context, event):
        done = self.execute(context)
        if done == {"FINISHED"} and not bpy.app.background:
            colour = "BLACK" if self.start == "ALL" else "WHITE"
            return self.attempt(lambda context: _paint(context, self.picture, colour), context)
        return done


class GID_OT_paint(_OnLoop, bpy.types.Operator):
    """Paint on a picture of the loop, with the photo under the brush; Ctrl paints the other colour"""

    bl_idname = "gid.paint"
    bl_label = "Paint"
    bl_options = {"REGISTER", "UNDO"}

    picture: EnumProperty(name="Picture", items=_KINDS, default="MASK")
    brush: EnumProperty(name="Brush", items=_BRUSHES, default="BLACK")

    def perform(self, context):
        return _paint(context, self.picture, self.brush)


class GID_OT_paint_done(_OnLoop, bpy.types.Operator):
    """Lay the brush down: what was painted acts, and is kept in the file"""

    bl_idname = "gid.paint_done"
    bl_label = "Done Painting"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        if sight.in_sight(context).gid.easel is None:
            cls.poll_message_set("Nothing is being painted")
            return False
        return True

    def perform(self, context):
        _finish(sight.in_sight(context), context.window)


class GID_OT_mask_from(_OnLoop, bpy.types.Operator):
    """Make the mask of one channel of a picture: a cut-out's alpha, a matte, a depth map"""

    bl_idname = "gid.mask_from"
    bl_label = "Mask from Channel"
    bl_options = {"REGISTER", "UNDO"}

    image: StringProperty(name="Picture", description="Name of the image; empty: the mask, or the photo without one")
    channel: EnumProperty(name="Channel", items=_CHANNELS, default="ALPHA")

    def perform(self, context):
        plane = sight.in_sight(context)
        if self.image and self.image not in bpy.data.images:
            raise SettingsError(f"there is no image '{self.image}': check the name")
        shown = plane.gid.edits.mask or plane.gid.source or rig.get_input(plane, "Still")
        pictures.take(plane, bpy.data.images[self.image] if self.image else shown, self.channel)


class GID_OT_mask_invert(_OnMask, bpy.types.Operator):
    """Let what stands still move, and what moves stand still"""

    bl_idname = "gid.mask_invert"
    bl_label = "Invert Mask"
    bl_options = {"REGISTER", "UNDO"}

    def perform(self, context):
        pictures.change(sight.in_sight(context), masks.inverted)


class GID_OT_mask_grow(_OnMask, bpy.types.Operator):
    """Let the part that moves reach farther, or less far"""

    bl_idname = "gid.mask_grow"
    bl_label = "Grow Mask"
    bl_options = {"REGISTER", "UNDO"}

    pixels: IntProperty(
        name="Pixels", default=8, soft_min=-200, soft_max=200, subtype="PIXEL",
        description="Of the mask, by which its white part grows; below 0 it shrinks",
    )  # fmt: skip

    def perform(self, context):
        pictures.change(sight.in_sight(context), lambda mask: masks.grown(mask, self.pixels))


class GID_OT_mask_feather(_OnMask, bpy.types.Operator):
    """Let the mask's edges fade: a soft edge bends what moves, a hard one cuts through it"""

    bl_idname = "gid.mask_feather"
    bl_label = "Feather Mask"
    bl_options = {"REGISTER", "UNDO"}

    pixels: IntProperty(
        name="Pixels", default=12, min=0, soft_max=200, subtype="PIXEL",
        description="Of the mask, over which an edge fades to either side",
    )  # fmt: skip

    def perform(self, context):
        pictures.change(sight.in_sight(context), lambda mask: masks.feathered(mask, self.pixels))


class GID_OT_mask_clear(_OnLoop, bpy.types.Operator):
    """Let the loop go without its mask or strength; a picture that you brought along stays in the file"""

    bl_idname = "gid.mask_clear"
    bl_label = "Clear Mask"
    bl_options = {"REGISTER", "UNDO"}

    picture: EnumProperty(name="Picture", items=_KINDS[:2], default="MASK")

    def perform(self, context):
        plane = sight.in_sight(context)
        if easel.is_painted(plane, pictures.picture_of(plane, self.picture)):
            easel.put_away(plane, context.window)
        pictures.drop(plane, self.picture)


def _paint(context, kind, brush):
    """Put the picture of a kind on the easel."""
    plane = sight.in_sight(context)
    image = pictures.picture_of(plane, kind)
    if image is None:
        title = pictures.TITLES[kind]
        way = "make a new one" if kind in ("MASK", "STRENGTH") else "this loop was made without one"
        raise SettingsError(f"the loop '{plane.name}' has no picture '{title}': {way}")
    if image.library:
        raise SettingsError(f"the image '{image.name}' is linked: make it local first")
    if plane.gid.easel is not None:
        _finish(plane, context.window)
        image = pictures.picture_of(plane, kind)
    easel.put_up(plane, image, _GREYS[brush], context.window, context.area)
    _watch()
    return {"FINISHED"}


def _finish(plane, window):
    """Take the easel down; what was painted goes into the file and acts."""
    easel.put_away(plane, window)
    _pack(plane)
    edit.follow_front(plane)
    edit.apply_edits(plane)
    live.ring(plane)


def _pack(plane):
    images.pack_painted(_pictures(plane), in_hand=plane.gid.easel is not None)


def _push(plane, message):
    """Push an undo step of the whole file while the brush is up.

    In texture paint mode Blender pushes one of the painted image's buffer alone: what was done to the loop would be no
    step of its own, and undo would take the strokes before it along. The plane is in object mode.
    """
    with bpy.context.temp_override(active_object=plane, object=plane):
        bpy.ops.ed.undo_push(message=message)


def _pictures(plane):
    found = (pictures.picture_of(plane, kind) for kind in pictures.TITLES)
    return [image for image in found if image is not None]


def _watch():
    if not bpy.app.background and not bpy.app.timers.is_registered(_look):
        _look.packed = time.monotonic()
        bpy.app.timers.register(_look, first_interval=_TICK_S)


def _look():
    """Pack what is painted from time to time, and take down an easel whose brush was laid down some other way."""
    shown = {window.scene: window for window in bpy.context.window_manager.windows}
    easels = [(o, window) for scene, window in shown.items() for o in scene.objects if o.gid.easel is not None]
    if not easels:
        return None
    if windows.is_busy():
        return _TICK_S
    is_time = time.monotonic() - _look.packed > _PACK_S
    for plane, window in easels:
        if not easel.is_up(plane):
            _end_by_itself(plane, window)
        elif is_time:
            # An autosave, and the file that quitting leaves, take an image as it was packed.
            _pack(plane)
    if is_time:
        _look.packed = time.monotonic()
    return _TICK_S


def _end_by_itself(plane, window):
    with bpy.context.temp_override(window=window):
        try:
            _finish(plane, window)
        except GidError as error:
            jobs.note(jobs.key_of(plane.gid.scene), str(error))
        bpy.ops.ed.undo_push(message=GID_OT_paint_done.bl_label)


@persistent
def _watch_loaded(*_arguments):
    """The handler: a file may have been saved while something was painted."""
    if any(plane.gid.easel is not None for plane in bpy.data.objects):
        _watch()


CLASSES = (
    GID_OT_mask_new, GID_OT_paint, GID_OT_paint_done, GID_OT_mask_from, GID_OT_mask_invert, GID_OT_mask_grow,
    GID_OT_mask_feather, GID_OT_mask_clear,
)  # fmt: skip
_register_classes, _unregister_classes = class_registers(CLASSES)


def register():
    _register_classes()
    bpy.app.handlers.load_post.append(_watch_loaded)


def unregister():
    bpy.app.handlers.load_post.remove(_watch_loaded)
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)
    _unregister_classes()
