"""What the add-on remembers: `Object.gid` for each loop, `Scene.gid` for the panel's settings.

A loop keeps rendering when the add-on is gone; these properties only let the add-on find its own work again, and let
the artist go on editing it: the motion as it was predicted lies in two images, what is asked of it in `GidEdits`.
"""

import math

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..gid_core.motion.edits import RATE_LEAST, RATE_TOP
from .loop import edit, length, live, sight
from .loop.clock import MAX_FRAME
from .output.settings import GidOutput
from .registration import class_registers

__all__ = ["GidEdits", "GidLoop", "GidSettings"]


def _acts(one, context):
    plane = one.id_data
    if plane.gid.scene is not None and not live.is_held():
        edit.follow(plane)


def _acts_on_images(one, context):
    plane = one.id_data
    if plane.gid.scene is not None and not live.is_held():
        edit.follow(plane, with_images=True)


def _acts_on_rate(one, context):
    plane = one.id_data
    if plane.gid.scene is not None and not live.is_held():
        edit.follow_rate(plane)


def _acts_on_length(settings, context):
    length.follow(settings)


def _gain(name, description):
    return FloatProperty(name=name, default=1.0, min=0.0, soft_max=4.0, description=description, update=_acts)


class GidPull(bpy.types.PropertyGroup):
    """One pluck: the picture is pulled at a place and let go."""

    x: FloatProperty(name="X", min=0.0, max=1.0, description="Place, in parts of the picture's width", update=_acts)
    y: FloatProperty(
        name="Y", min=0.0, max=1.0, description="Place, in parts of the picture's height, down", update=_acts
    )
    dx: FloatProperty(name="DX", description="Pull to the right, in parts of the picture's long side", update=_acts)
    dy: FloatProperty(name="DY", description="Pull down, in parts of the picture's long side", update=_acts)
    time_s: FloatProperty(
        name="Time", default=0.0, unit="TIME_ABSOLUTE", description="Seconds into the loop at which it is let go",
        update=_acts,
    )  # fmt: skip


class GidStroke(bpy.types.PropertyGroup):
    """One stroke of the comb: things under it move along it."""

    path: StringProperty(description="Places, in parts of the picture, y down: a JSON list of pairs")
    reach: FloatProperty(
        name="Reach",
        default=0.1,
        min=0.005,
        max=1.0,
        subtype="FACTOR",
        description="How far beside it a stroke is felt, in parts of the picture's long side",
        update=_acts_on_images,
    )


def _direction(edits):
    angle = edits.turn + edits.id_data.gid.axis
    return math.cos(angle), -math.sin(angle), 0.0


def _turn_towards(edits, direction):
    x, y, _z = direction
    if x or y:
        edits.turn = (math.atan2(-y, x) - edits.id_data.gid.axis + math.pi) % math.tau - math.pi


class GidEdits(bpy.types.PropertyGroup):
    """What the artist asks of a loop's motion. All of it acts at once, and can be taken back."""

    amplitude: _gain("Amplitude", "How far everything moves; 0 is the still")
    turn: FloatProperty(
        name="Turn",
        subtype="ANGLE",
        soft_min=-math.pi,
        soft_max=math.pi,
        description="Turns the direction of all motion; positive is clockwise",
        update=_acts,
    )
    direction: FloatVectorProperty(
        name="Direction",
        subtype="DIRECTION",
        size=3,
        get=_direction,
        set=_turn_towards,
        description="The axis that most of the motion follows, as on the picture: drag the ball",
    )
    one_axis: FloatProperty(
        name="One Axis",
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        description="Takes what moves across the direction of the ball: 0 is as predicted, 1 moves along it alone",
        update=_acts,
    )
    rate: FloatProperty(
        name="Speed",
        default=1.0,
        min=RATE_LEAST,
        max=RATE_TOP,
        description="How fast everything moves: 0.5 is slow motion, half as fast. The loop keeps its length",
        update=_acts_on_rate,
    )
    wander: IntProperty(
        name="Wander",
        default=0,
        min=0,
        description="A number from 1 on draws every frequency off its place, so that a long loop does not repeat "
        "itself; another number, another wind; 0 is as predicted",
        update=_acts_on_rate,
    )
    gusts: FloatProperty(
        name="Gusts",
        default=0.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        description="The wind rises and falls over the loop, as keys of the rig's Amount that can be edited; "
        "drawn by Wander. They are written anew when amplitude, length or Wander change",
        update=_acts,
    )
    low: _gain("Slow Sway", "Strength of the slowest motion")
    mid: _gain("Swing", "Strength of the motion between sway and shiver")
    high: _gain("Shiver", "Strength of the fastest motion")
    border: FloatProperty(
        name="Pinned Border",
        min=0.0,
        max=1.0,
        soft_max=0.3,
        subtype="FACTOR",
        description="Motion fades to nothing over this part of the picture's long side towards its edges",
        update=_acts,
    )
    phase: FloatProperty(
        name="Phase",
        soft_min=-1.0,
        soft_max=1.0,
        description="Part of the loop by which the motion runs ahead: two loops of one motion need not move in step",
        update=_acts,
    )
    damping: FloatProperty(
        name="Damping",
        default=1.0,
        min=0.1,
        soft_max=4.0,
        description="How soon a pluck comes to rest: 2 is twice as soon",
        update=_acts,
    )
    mask: PointerProperty(
        type=bpy.types.Image, name="Mask", description="White may move, black stands still", update=_acts_on_images
    )
    strength: PointerProperty(
        type=bpy.types.Image,
        name="Strength",
        description="How far each place moves: grey is as predicted, black stands still, white moves twice as far",
        update=_acts_on_images,
    )
    strokes: CollectionProperty(type=GidStroke)
    plucks: CollectionProperty(type=GidPull)


class GidTake(bpy.types.PropertyGroup):
    """A motion that a loop has shown, kept to go back to."""

    seed: IntProperty(description="The seed that gave it")
    asked: StringProperty(description="The model that was asked for it; empty: not known")
    source: PointerProperty(type=bpy.types.Image, description="The photo that it is of")
    answered: StringProperty(description="What made it: the model's name, or the physics prior")
    envelope: PointerProperty(type=bpy.types.Image, description="How far everything moves, as predicted")
    chance: PointerProperty(type=bpy.types.Image, description="Phases and directions, as predicted; has the thumbnail")
    picture: PointerProperty(type=bpy.types.Image, description="The photo on the motion's grid")
    members: PointerProperty(type=bpy.types.Image, description="Which cells around each texel are of its object")
    lookup: PointerProperty(type=bpy.types.Image, description="Where each pixel of the still reads the motion")
    frequencies: StringProperty(description="Frequencies of the motion in Hz, a JSON list")
    cells: StringProperty(description="How many rows and columns of the chance image the picture spans, JSON")
    provenance: StringProperty(description="How the motion came about, JSON")
    axis: FloatProperty(description="Of the motion as predicted: its main axis, clockwise from the right, in radians")


class GidLoop(bpy.types.PropertyGroup):
    """State of one loop, on its plane object."""

    scene: PointerProperty(type=bpy.types.Scene, description="The scene that renders this loop")
    camera: PointerProperty(type=bpy.types.Object, description="The camera that was made for this loop")
    motion: PointerProperty(type=bpy.types.Scene, description="The hidden scene that renders how far it all moves")
    shows: PointerProperty(type=bpy.types.Object, description="Of a card in another scene: the loop that it shows")
    source: PointerProperty(type=bpy.types.Image, description="The photo that this loop was made from")
    edits: PointerProperty(type=GidEdits)
    envelope: PointerProperty(type=bpy.types.Image, description="How far everything moves, as predicted")
    chance: PointerProperty(type=bpy.types.Image, description="Phases and directions, as predicted")
    picture: PointerProperty(type=bpy.types.Image, description="The photo on the motion's grid")
    members: PointerProperty(type=bpy.types.Image, description="Which cells around each texel are of its object")
    lookup: PointerProperty(type=bpy.types.Image, description="Where each pixel of the still reads the motion")
    front: PointerProperty(type=bpy.types.Image, description="What lies in front, to be painted")
    plate: PointerProperty(type=bpy.types.Image, description="What shows through holes, to be painted")
    easel: PointerProperty(type=bpy.types.Object, description="The card that one of these is painted on just now")
    show_motion: BoolProperty(
        name="Show Motion", description="Show in the viewport how far each place moves; nothing of it is rendered"
    )
    frequencies: StringProperty(description="Frequencies of the motion in Hz, a JSON list")
    cells: StringProperty(description="How many rows and columns of the chance image the picture spans, JSON")
    provenance: StringProperty(description="How the motion came about, JSON")
    axis: FloatProperty(description="Of the motion as predicted: its main axis, clockwise from the right, in radians")
    answered: StringProperty(
        description="What made the motion, where it ran, and why not on a faster processor or by a model"
    )
    n_frames: IntProperty(default=1, min=1, max=MAX_FRAME, description="Length of the loop in frames")
    start: IntProperty(description="First frame of the loop")
    fps: StringProperty(description="Frames per second as a fraction")
    colours: StringProperty(description="The scene's linear light when its images were made, JSON; empty: sRGB's")
    takes: CollectionProperty(type=GidTake)
    take: IntProperty(name="Take", min=0, description="Which of the takes is shown, from 0 on")
    is_gusty: BoolProperty(description="The keys of the rig's Amount are those of the edits' gusts")
    before_pluck: StringProperty(description="What a pluck in the viewport plays over, JSON; empty: nothing rings")
    baked: StringProperty(
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
        description="The folder of the last bake; empty: there is none",
    )
    moving: FloatProperty(default=1.0, description="The part of the picture, 0 to 1, that can move")


def _is_loop(settings, candidate):
    return candidate.gid.scene is not None


class GidSettings(bpy.types.PropertyGroup):
    """What the panel asks for, and the loop it made last."""

    @property
    def in_sight(self):
        """The loop that the panel means just now: for presets, and for scripts."""
        return sight.in_sight(bpy.context)

    still: PointerProperty(type=bpy.types.Image, name="Still", description="The photo that comes to life")
    loop: PointerProperty(type=bpy.types.Object, name="Loop", poll=_is_loop, description="The loop made last")
    home: PointerProperty(type=bpy.types.Scene, description="The scene from which this loop's scene was shown")
    output: PointerProperty(type=GidOutput)
    size: IntProperty(
        name="Size",
        default=1280,
        min=64,
        max=8192,
        subtype="PIXEL",
        description="Long side of the loop's frames in pixels; a smaller photo keeps its size",
    )
    seed: IntProperty(name="Seed", default=0, min=0, description="Another number gives another motion")
    length_unit: EnumProperty(
        name="Length",
        items=[
            ("SECONDS", "Seconds", "Length in seconds", "TIME", 0),
            ("FRAMES", "Frames", "Length in frames", "KEYFRAME", 1),
        ],
        default="SECONDS",
        update=_acts_on_length,
    )
    seconds: FloatProperty(
        name="Seconds", default=5.0, min=0.1, max=600.0, description="Length of the loop in seconds", precision=3,
        update=_acts_on_length,
    )  # fmt: skip
    n_frames: IntProperty(
        name="Frames", default=120, min=2, max=14400, description="Length of the loop in frames",
        update=_acts_on_length,
    )  # fmt: skip
    start: IntProperty(
        name="First Frame", default=1, description="The frame that shows the untouched still", update=_acts_on_length
    )
    is_comparison: BoolProperty(description="This scene shows the takes of a loop side by side")
    listed: IntProperty(name="Row", description="Of the list of loops", options={"HIDDEN", "SKIP_SAVE"})
    comb_reach: FloatProperty(
        name="Reach",
        default=0.1,
        min=0.005,
        max=1.0,
        subtype="FACTOR",
        description="How far beside the next stroke of the comb is felt, in parts of the picture's long side",
    )
    record_plucks: BoolProperty(
        name="Record",
        description="Keep each pluck as keys of the loop, where it is let go; off: it rings down and is gone",
    )
    use_model: BoolProperty(
        name="Motion Model", default=True, description="Ask the motion model; off: the physics prior answers"
    )


_CLASSES = (GidPull, GidStroke, GidEdits, GidTake, GidLoop, GidOutput, GidSettings)
_register_classes, _unregister_classes = class_registers(_CLASSES)


def register():
    _register_classes()
    bpy.types.Object.gid = PointerProperty(type=GidLoop)
    bpy.types.Scene.gid = PointerProperty(type=GidSettings)


def unregister():
    del bpy.types.Scene.gid
    del bpy.types.Object.gid
    _unregister_classes()
