"""Node group ".GID Lookup": where a pixel of the still reads the modes, moved towards its own kind in the photo.

The image holds an offset a pixel, as gid_core.motion.places has it: two bytes, x and y, in steps of 1/64 texel of the
volume. Upside down for Blender, as `loop.images.flipped` leaves it, y runs up and its zero is the byte below. Bytes and
steps are whole in float32, so a pixel with no offset reads where it would read without the image, bit for bit. Without
an image, as in loops of older versions, nothing of this is computed.
"""

from ...gid_core.motion.places import OWN, STEPS
from .builder import output_socket, shared_group
from .tents import image_size

__all__ = ["INPUTS", "group"]

VERSION = 1
INPUTS = {
    "UV": ("Vector", "The pixel's place in the still"),
    "Lookup": ("Image", "Offsets in steps of 1/64 texel: red to the right from 128, green upwards from 127"),
    "Image 1": ("Image", "A mode of the volume, for its size"),
}

_BYTE = 255.0
_OWN_PLACE = (float(OWN), _BYTE - OWN, 0.0)


def group():
    """The shared group, built if need be."""
    return shared_group(".GID Lookup", "GeometryNodeTree", VERSION, _build, key="GID Lookup")


def _build(tree):
    for name, (kind, description) in INPUTS.items():
        tree.add_input(name, kind, description=description)
    tree.add_output("UV", "Vector", description="Where to read the modes")
    with tree.frame("Offset: (byte - zero) / 64 texels"):
        pixel = tree.node(
            "GeometryNodeImageTexture",
            1,
            {"Image": tree.input("Lookup"), "Vector": tree.input("UV")},
            interpolation="Closest",
            extension="EXTEND",
        )
        red, green, _ = tree.components(2, pixel.outputs["Color"])
        levels = tree.vector(3, red, green)
        whole = tree.vector_math("FLOOR", 5, tree.vector_math("MULTIPLY_ADD", 4, levels, (_BYTE,) * 3, (0.5, 0.5, 0.0)))
        steps = tree.vector_math("SUBTRACT", 6, whole, _OWN_PLACE)
    with tree.frame("UV + offset / size of the volume"):
        sides = tree.vector(7, *image_size(tree, 6, "Image 1"), 1.0)
        per_side = tree.vector_math("MULTIPLY", 8, sides, (float(STEPS),) * 3)
        share = tree.vector_math("DIVIDE", 9, steps, per_side)
        aside = tree.vector_math("ADD", 10, tree.input("UV"), share)
    with tree.frame("With an image only"):
        width, _ = image_size(tree, 10, "Lookup")
        has = tree.math("GREATER_THAN", 11, width, 0.0)
        # The default type of a switch differs between versions, so it is stated.
        place = tree.node(
            "GeometryNodeSwitch", 12, {"Switch": has, "True": aside, "False": tree.input("UV")}, input_type="VECTOR"
        )
        tree.outputs(13, UV=output_socket(place, "Output"))
