"""What the add-on remembers: `Object.gid` for each loop, `Scene.gid` for the panel's settings.

A loop keeps rendering when the add-on is gone; these properties only let the add-on find its own work again.
"""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty


class GidLoop(bpy.types.PropertyGroup):
    """State of one loop, on its plane object."""

    scene: PointerProperty(type=bpy.types.Scene, description="The scene that renders this loop")
    camera: PointerProperty(type=bpy.types.Object, description="The camera that was made for this loop")
    source: PointerProperty(type=bpy.types.Image, description="The photo that this loop was made from")
    frequencies: StringProperty(description="Frequencies of the volume in Hz, a JSON list")
    provenance: StringProperty(description="How the volume came about, JSON")
    answered: StringProperty(description="What made the motion: the model's name, or the physics prior")
    n_frames: IntProperty(description="Length of the loop in frames")
    start: IntProperty(description="First frame of the loop")
    fps: StringProperty(description="Frames per second as a fraction")
    moving: FloatProperty(default=1.0, description="The part of the picture, 0 to 1, that can move")


def _is_loop(settings, candidate):
    return candidate.gid.scene is not None


class GidSettings(bpy.types.PropertyGroup):
    """What the panel asks for, and the loop it made last."""

    still: PointerProperty(type=bpy.types.Image, name="Still", description="The photo that comes to life")
    loop: PointerProperty(type=bpy.types.Object, name="Loop", poll=_is_loop, description="The loop made last")
    home: PointerProperty(type=bpy.types.Scene, description="The scene from which this loop's scene was shown")
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
        items=[("SECONDS", "Seconds", "Length in seconds"), ("FRAMES", "Frames", "Length in frames")],
        default="SECONDS",
    )
    seconds: FloatProperty(name="Seconds", default=5.0, min=0.1, max=600.0, description="Length of the loop in seconds")
    n_frames: IntProperty(name="Frames", default=120, min=2, max=14400, description="Length of the loop in frames")
    start: IntProperty(name="First Frame", default=1, description="The frame that shows the untouched still")
    amplitude: FloatProperty(name="Amplitude", default=1.0, min=0.0, soft_max=4.0, description="How far things move")
    use_model: BoolProperty(
        name="Motion Model", default=True, description="Ask the motion model; off: the physics prior answers"
    )


_CLASSES = (GidLoop, GidSettings)
_register_classes, _unregister_classes = bpy.utils.register_classes_factory(_CLASSES)


def register():
    _register_classes()
    bpy.types.Object.gid = PointerProperty(type=GidLoop)
    bpy.types.Scene.gid = PointerProperty(type=GidSettings)


def unregister():
    del bpy.types.Scene.gid
    del bpy.types.Object.gid
    _unregister_classes()
