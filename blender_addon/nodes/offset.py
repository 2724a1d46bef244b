"""Node group ".GID Offset": how far the rig carries a place of the still that the modes displace by X and Y.

It turns the displacement by Turn, takes what One Axis takes across the motion's axis, brings pixels of the volume to
Blender units, and holds what Mask and Border hold. Switches on single values compute only what they choose: without
mask and border nothing is read and weighed.
"""

from .builder import shared_group
from .tents import UV, image_size

__all__ = ["INPUTS", "group"]

VERSION = 2
# Inputs of the group, but for X, Y and Smooth inputs of the rig as well.
INPUTS = {
    "X": ("Float", "Displacement to the right, in pixels of Image 1: a field"),
    "Y": ("Float", "Displacement upwards"),
    "Smooth": ("Bool", "Read the mask between its pixels, not as the pixel says"),
    "Turn": ("Float", "Turns every vector, clockwise, in radians"),
    "One Axis": ("Float", "Takes this share of what moves across the axis, once turned"),
    "Axis": ("Float", "Main axis of the modes, clockwise from the right, in radians"),
    "Has Mask": ("Bool", "Let the mask decide what may move"),
    "Mask": ("Image", "White may move, black stands still"),
    "Border": ("Float", "Motion fades to nothing over this part of the long side"),
    "Pixel Size": ("Float", "Size of one pixel of the still"),
    "Still": ("Image", "The photo, linear"),
    "Image 1": ("Image", "A mode of the volume, for its size"),
}


def group():
    """The shared group, built if need be."""
    return shared_group(".GID Offset", "GeometryNodeTree", VERSION, _build, key="GID Offset")


def _build(tree):
    for name, (kind, description) in INPUTS.items():
        tree.add_input(name, kind, description=description)
    tree.add_output("Offset", "Vector", description="In Blender units: a field")
    right, up = _axes(tree)
    with tree.frame("X pixels to the right and Y upwards"):  # a matrix would cost the sheet a fifth of its frame
        free = tree.vector_math("ADD", 13, tree.scale(12, right, tree.input("X")), tree.scale(12, up, tree.input("Y")))
    freedom = _freedom(tree)
    with tree.frame("What holds it"):
        is_pinned = tree.math("GREATER_THAN", 13, tree.input("Border"), 0.0)
        held = _either(
            tree,
            15,
            tree.boolean_math("OR", 14, tree.input("Has Mask"), is_pinned),
            tree.scale(14, free, freedom),
            free,
            "VECTOR",
        )
        tree.outputs(16, Offset=held)


def _axes(tree):
    """What one pixel of the volume to the right and one upward become: turned, narrowed, in Blender units."""
    with tree.frame("Turn, and volume pixels to units: Pixel Size times still size over volume size"):
        still, volume = image_size(tree, 5, "Still"), image_size(tree, 5, "Image 1")
        ratio = (tree.math("DIVIDE", 6, a, b) for a, b in zip(still, volume, strict=True))
        units = tree.scale(8, tree.vector(7, *ratio), tree.input("Pixel Size"))
        # Turn runs clockwise on the picture, y is up here: right is (cos, -sin) and up is (sin, cos).
        cos, sin = (tree.math(wave, 6, tree.input("Turn")) for wave in ("COSINE", "SINE"))
        right = tree.vector(8, cos, tree.math("MULTIPLY", 7, sin, -1.0))
        up = tree.vector(8, sin, cos)
    with tree.frame("One Axis: less what each has across the axis"):
        turned = tree.math("ADD", 6, tree.input("Axis"), tree.input("Turn"))
        across = tree.vector(8, *(tree.math(wave, 7, turned) for wave in ("SINE", "COSINE")))
        kept = []
        for axis, wave in ((right, "SINE"), (up, "COSINE")):  # of the angle between the axis and the vector as it was
            share = tree.math("MULTIPLY", 8, tree.math(wave, 7, tree.input("Axis")), tree.input("One Axis"))
            kept.append(tree.vector_math("SUBTRACT", 10, axis, tree.scale(9, across, share)))
        return tuple(tree.vector_math("MULTIPLY", 11, axis, units) for axis in kept)


def _freedom(tree):
    """How freely a place may move: Mask, times a window that Border pins the rim with."""
    get = tree.input
    with tree.frame("Mask"):
        uv = tree.node("GeometryNodeInputNamedAttribute", 1, {"Name": UV}, data_type="FLOAT_VECTOR")
        uv = uv.outputs["Attribute"]
        exact, smooth = (_white(tree, 2, uv, interpolation) for interpolation in ("Closest", "Linear"))
        masked = _either(tree, 5, get("Has Mask"), _either(tree, 4, get("Smooth"), smooth, exact), 1.0)
    with tree.frame("Border: smoothly from 0 at the rim to 1 where its reach ends"):
        sides = image_size(tree, 2, "Still")
        distances = []
        for side, place in zip(sides, tree.components(2, uv), strict=False):
            nearer = tree.math("MINIMUM", 4, place, tree.math("SUBTRACT", 3, 1.0, place))
            distances.append(tree.math("MULTIPLY", 5, nearer, side))
        reach = tree.math("MULTIPLY", 5, tree.math("MAXIMUM", 4, *sides), get("Border"))
        inward = tree.math("MINIMUM", 6, *distances)
        window = tree.node(
            "ShaderNodeMapRange", 7, {"Value": inward, "From Max": reach}, interpolation_type="SMOOTHSTEP"
        )
        is_pinned = tree.math("GREATER_THAN", 7, get("Border"), 0.0)
        pinned = _either(tree, 8, is_pinned, window.outputs["Result"], 1.0)
        return tree.math("MULTIPLY", 9, masked, pinned)


def _white(tree, column, uv, interpolation):
    texel = tree.node(
        "GeometryNodeImageTexture",
        column,
        {"Image": tree.input("Mask"), "Vector": uv},
        interpolation=interpolation,
        extension="EXTEND",
    )
    return tree.components(column + 1, texel.outputs["Color"])[0]


def _either(tree, column, switch, true, false, kind="FLOAT"):
    # The default type of a switch differs between versions, so it is stated.
    return tree.node(
        "GeometryNodeSwitch", column, {"Switch": switch, "True": true, "False": false}, input_type=kind
    ).outputs["Output"]
