"""What Bake is asked for, kept in `Scene.gid.output`."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

__all__ = ["GidOutput"]


class GidOutput(bpy.types.PropertyGroup):
    """Settings of a bake."""

    folder: StringProperty(
        name="Folder", default="//loops/", subtype="DIR_PATH", options={"PATH_SUPPORTS_BLEND_RELATIVE"},
        description="Where the bake goes, into a folder named after the loop",
    )  # fmt: skip
    quality: EnumProperty(
        name="Quality",
        items=[
            ("CORE", "Core", "The same pixels as Blender's own render of the loop, many times faster"),
            ("BEST", "Best", "Cleaner outlines and holes than Blender's own render, several times slower than Core"),
        ],
    )
    range: EnumProperty(
        name="Frames",
        items=[
            ("LOOP", "One Loop", "Every frame of the loop once"),
            ("SCENE", "Scene's Range", "What F12 would render"),
        ],
    )
    format: EnumProperty(
        name="Format",
        items=[
            ("png", "PNG", "8 bits, sRGB, straight alpha"),
            ("png16", "PNG 16", "16 bits, sRGB, straight alpha"),
            ("exr", "EXR Float", "32-bit linear light, premultiplied alpha"),
            ("exr-half", "EXR Half", "16-bit linear light, premultiplied alpha"),
        ],
    )
    movie: EnumProperty(
        name="Movie",
        items=[
            ("h264", "H.264", "loop.mp4, plays everywhere"),
            ("prores", "ProRes 4444", "loop.mov, with alpha; needs PyAV"),
            ("webp", "WebP", "loop.webp, repeats for ever"),
            ("gif", "GIF", "loop.gif, repeats for ever"),
            ("none", "None", "Frames only"),
        ],
    )
    repeats: IntProperty(name="Repeats", default=1, min=1, max=100, description="How often the movie shows the loop")
    hold: IntProperty(
        name="Hold", default=0, min=0, max=1000, description="Frames that the loop's first one stays at the movie's end"
    )
    stmap: BoolProperty(name="STMap", description="Also a map of where each pixel comes from, 32-bit EXR")
    vectors: BoolProperty(name="Motion Vectors", description="Also motion to the next and previous frame, 32-bit EXR")
    shutter: FloatProperty(
        name="Shutter", default=0.0, min=0.0, max=360.0, description="Motion blur in degrees: 180 is film's, 0 is none"
    )
    samples: IntProperty(name="Samples", default=16, min=1, max=256, description="Moments of an open shutter")
