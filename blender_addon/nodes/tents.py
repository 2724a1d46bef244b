"""Node group ".GID Tents", what a final render sees: a tent for every pixel that can move, one quad for all others.

A *tent* is a quad of 2 x 2 pixels whose material falls off as a bilinear kernel, so that the sum of all tents is the
splat. A tent that rests on its pixel centre touches no other pixel, hence all motionless pixels together are one
*static quad*. The plate is one more quad below it, so that whatever the render's size, region and camera are, the
plate follows. The tents of the frame's border reach outwards without falling off, as gid_core.frames.border has it:
motion that leads inwards bares nothing.
"""

from ...gid_core.frames.splat import SHARPNESS
from . import sharp
from .builder import output_socket, shared_group

__all__ = ["CORNER", "INPUTS", "LIGHT", "SIDES", "UV", "WEIGHT", "group", "image_size"]

VERSION = 3
UV, CORNER, SIDES = "gid_uv", "gid_corner", "gid_sides"
LIGHT, WEIGHT = "gid_light", "gid_weight"  # of a tent: its colour and opacity, and how much it counts

# Of two tents at equal depth Cycles loses one. 256 x 256 levels part any two from less than 256 px apart; over 16 px
# float32 still tells them apart.
_LEVELS, _LEVEL_PX = 256, 16 / 256**2
# By this a tent at rest is smaller than two pixels: a ray through the next pixel's centre misses it, where it would
# else meet its rim, give or take a rounding that shows in a hole. A power of two: sums with it are exact.
_SLACK = 2**-9


# Inputs of the group, but for Displacement inputs of the rig as well.
INPUTS = {
    "Still": ("Image", "The photo, linear"),
    "In Front": ("Image", "How far in front each pixel lies, 0 to 1"),
    "Kin": ("Image", "How far the neighbours of each pixel go along, and how much it is sharpened"),
    "Has Opacity": ("Bool", "The still is transparent somewhere"),
    "Static Mask": ("Image", "White where the volume holds no motion"),
    "Pixel Size": ("Float", "Size of one pixel of the still"),
    "Displacement": ("Vector", "How far a tent is carried: a field of where it stood in the still, Blender units"),
    "Tent Material": ("Material", "Of the tents"),
    "Static Material": ("Material", "Of the motionless rest"),
    "Plate Material": ("Material", "Of what shows through holes"),
    "Has Plate": ("Bool", "Something lies under the moving pixels and shows through holes"),
}


def group():
    """The shared group, built if need be. It is nested for the same reason as the modes': a tree is checked whole."""
    return shared_group(".GID Tents", "GeometryNodeTree", VERSION, _build, key="GID Tents")


def image_size(tree, column, name):
    """Width and height of the image in the group input `name`."""
    info = tree.node("GeometryNodeImageInfo", column, {"Image": tree.input(name)}).outputs
    return info["Width"], info["Height"]


def _build(tree):
    tree.add_output("Geometry", "Geometry")
    for name, (kind, description) in INPUTS.items():
        tree.add_input(name, kind, description=description)
    static = _quad(tree, "Static quad: all that never moves", "Static Material", -1.0)
    plate = _quad(tree, "Plate: what shows through holes", "Plate Material", -2.0)
    tents = _tents(tree)
    with tree.frame("All that a render sees"):
        shown = tree.node(
            "GeometryNodeSwitch", 29, {"Switch": tree.input("Has Plate"), "True": plate}, input_type="GEOMETRY"
        )
        rendered = tree.node("GeometryNodeJoinGeometry", 30)
        for part in (static, output_socket(shown), tents):
            tree.feed(part, rendered.inputs["Geometry"])
        tree.outputs(31, Geometry=rendered)


def _tents(tree):
    """Geometry: a tent for every pixel that can move, carried by Displacement."""
    (points, size), (first, last, is_rim) = _carried(tree, _points(tree)), _border(tree)
    with tree.frame("Tents: those of the border apart"):
        is_inner = tree.math("SUBTRACT", 17, 1.0, is_rim)
        first, last = tree.vector(17, *first), tree.vector(17, *last)
    inner = _realised(tree, "Tents", points, size, 2, 1, is_inner)
    rim = _realised(tree, "Tents of the border", points, size, 5, 2, is_rim)
    rim = _reaching_out(tree, rim, first, last)
    with tree.frame("Tents: all of them"):
        whole = tree.node("GeometryNodeJoinGeometry", 27)
        for part in (inner, rim):
            tree.feed(part, whole.inputs["Geometry"])
        return output_socket(
            tree.node("GeometryNodeSetMaterial", 28, {"Geometry": whole, "Material": tree.input("Tent Material")})
        )


def _quad(tree, label, material, height_px):
    """Geometry: one quad as large as the still, below the tents."""
    with tree.frame(label):
        px = tree.input("Pixel Size")
        sides = tree.vector(7, *image_size(tree, 6, "Still"))
        width, height, _ = tree.components(8, tree.scale(7, sides, px))
        corner = tree.vector_math("SIGN", 8, tree.node("GeometryNodeInputPosition", 7))
        quad = _rectangle(tree, 8, width, height, 2)
        quad = _stored(tree, 9, quad, UV, tree.vector_math("MULTIPLY_ADD", 9, corner, (0.5, 0.5, 0.0), (0.5, 0.5, 0.0)))
        quad = _stored(tree, 9, quad, SIDES, sides)
        below = tree.vector(9, z=tree.math("MULTIPLY", 8, px, height_px))
        quad = tree.node("GeometryNodeSetPosition", 10, {"Geometry": quad, "Offset": below})
        return output_socket(
            tree.node("GeometryNodeSetMaterial", 11, {"Geometry": quad, "Material": tree.input(material)})
        )


def _points(tree):
    with tree.frame("Points: one for each pixel that can move"):
        px = tree.input("Pixel Size")
        width, height = image_size(tree, 6, "Still")
        count = tree.integer_math("MULTIPLY", 7, width, height)
        points = output_socket(tree.node("GeometryNodePoints", 8, {"Count": count}))
        index = tree.node("GeometryNodeInputIndex", 6)
        # Whole numbers to the end: a float has no digit left for the pixels of an 8K picture.
        column = tree.integer_math("MODULO", 7, index, width)
        row = tree.integer_math("DIVIDE", 7, index, width)
        x, y = tree.math("ADD", 8, column, 0.5), tree.math("ADD", 8, row, 0.5)
        uv = tree.vector(9, tree.math("DIVIDE", 8, x, width), tree.math("DIVIDE", 8, y, height))
        is_static = tree.node(
            "GeometryNodeImageTexture",
            10,
            {"Image": tree.input("Static Mask"), "Vector": uv},
            interpolation="Closest",
            extension="EXTEND",
        )
        red = tree.components(11, is_static.outputs["Color"])[0]
        level = tree.math(
            "MULTIPLY_ADD",
            9,
            tree.math("FLOORED_MODULO", 8, y, float(_LEVELS)),
            float(_LEVELS),
            tree.math("FLOORED_MODULO", 8, x, float(_LEVELS)),
        )
        place = tree.vector(
            10,
            tree.math("SUBTRACT", 9, x, tree.math("MULTIPLY", 8, width, 0.5)),
            tree.math("SUBTRACT", 9, y, tree.math("MULTIPLY", 8, height, 0.5)),
            tree.math("MULTIPLY", 9, level, _LEVEL_PX),
        )
        points = _stored(tree, 10, points, UV, uv)
        points = tree.node("GeometryNodeSetPosition", 11, {"Geometry": points, "Position": tree.scale(11, place, px)})
        return tree.node(
            "GeometryNodeDeleteGeometry",
            12,
            {"Geometry": points, "Selection": tree.math("GREATER_THAN", 11, red, 0.5)},
            domain="POINT",
        )


def _carried(tree, points):
    """(the points where they land, with the light and the weight of their tents; the size of a tent: a field)."""
    with tree.frame("Where each lands, and with what light and weight"):
        captured = tree.node("GeometryNodeCaptureAttribute", 13, {"Geometry": points})
        captured.capture_items.new("VECTOR", "Displacement")
        tree.feed(tree.input("Displacement"), captured.inputs["Displacement"])
        points, displacement = captured.outputs["Geometry"], captured.outputs["Displacement"]
        points = tree.node("GeometryNodeSetPosition", 14, {"Geometry": points, "Offset": displacement})
        uv = tree.node("GeometryNodeInputNamedAttribute", 13, {"Name": UV}, data_type="FLOAT_VECTOR")
        uv = uv.outputs["Attribute"]
        in_px = tree.scale(14, displacement, tree.math("DIVIDE", 13, 1.0, tree.input("Pixel Size")))
        light = tree.node("GeometryNodeGroup", 15, node_tree=sharp.group(), label="Sharp")
        values = {name: tree.input(name) for name in ("Still", "Kin", "Has Opacity")}
        for name, value in {**values, "UV": uv, "Displacement": in_px}.items():
            tree.feed(value, light.inputs[name])
        front = tree.node(
            "GeometryNodeImageTexture",
            14,
            {"Image": tree.input("In Front"), "Vector": uv},
            interpolation="Closest",
            extension="EXTEND",
        )
        r = tree.components(15, front.outputs["Color"])[0]
        weight = tree.math("EXPONENT", 17, tree.math("MULTIPLY", 16, tree.math("SUBTRACT", 15, r, 0.5), SHARPNESS))
        points = _stored(tree, 18, points, LIGHT, light, "FLOAT_COLOR")
        points = _stored(tree, 19, points, WEIGHT, weight, "FLOAT")
        length = tree.node("ShaderNodeVectorMath", 15, {"Vector": displacement}, operation="LENGTH").outputs["Value"]
        is_moved = tree.math("GREATER_THAN", 16, length, 0.0)
        return points, tree.math("MULTIPLY_ADD", 17, is_moved, _SLACK, 1 - _SLACK)


def _border(tree):
    """((x, y) of the first column and row, (x, y) of the last, either): fields, 1 for pixels that stand there."""
    with tree.frame("Border: is the pixel in the first or last column or row?"):
        uv = tree.node("GeometryNodeInputNamedAttribute", 12, {"Name": UV}, data_type="FLOAT_VECTOR")
        first, last = [], []
        for place, n in zip(tree.components(13, uv.outputs["Attribute"]), image_size(tree, 12, "Still"), strict=False):
            place = tree.math("MULTIPLY", 14, place, n)
            first.append(tree.math("LESS_THAN", 15, place, 1.0))
            last.append(tree.math("GREATER_THAN", 15, place, tree.math("SUBTRACT", 14, n, 1.0)))
        return first, last, tree.math("MAXIMUM", 17, *(tree.math("MAXIMUM", 16, *pair) for pair in (first, last)))


def _realised(tree, label, points, size, n, half, selection):
    """n x n vertices, 2 `half` pixels times `size` wide, on each selected point; CORNER is what would be the pixels."""
    with tree.frame(label):
        px = tree.input("Pixel Size")
        place = tree.node("GeometryNodeInputPosition", 12)
        by_px = tree.math("DIVIDE", 12, 1.0, px)
        pixels = tree.vector_math("MULTIPLY_ADD", 14, place, tree.vector(13, by_px, by_px), (0.5, 0.5, 0.5))
        corner = tree.vector_math("FLOOR", 15, pixels)  # Blender 5.2 has ROUND, the others have not
        side = tree.math("MULTIPLY", 13, px, 2.0 * half)
        quad = _stored(tree, 16, _rectangle(tree, 14, side, side, n), CORNER, corner)
        inputs = {"Points": points, "Selection": selection, "Instance": quad, "Scale": size}
        tents = tree.node("GeometryNodeInstanceOnPoints", 18, inputs)
        return tree.node("GeometryNodeRealizeInstances", 19, {"Geometry": tents})


def _reaching_out(tree, tents, first, last):
    """Tents of border pixels, 5 x 5 vertices: as heavy from the pixel to the frame's edge as they are at the pixel.

    Args:
        first, last: (x, y), 1 for pixels of the first and of the last column and row.
    """
    with tree.frame("Border: tents reach out to the frame without falling off"):
        px = tree.input("Pixel Size")
        # The frame's upper right corner.
        edge = tree.scale(20, tree.vector(19, *image_size(tree, 18, "Still")), tree.math("MULTIPLY", 19, px, 0.5))
        place = tree.node("GeometryNodeInputNamedAttribute", 19, {"Name": CORNER}, data_type="FLOAT_VECTOR")
        place = place.outputs["Attribute"]
        corner = tree.vector_math("SIGN", 20, place)
        # 1 where the corner leads out: to the right in the last column, to the left in the first.
        out = tree.vector_math(
            "MAXIMUM",
            22,
            tree.vector_math("MULTIPLY", 21, corner, last),
            tree.scale(21, tree.vector_math("MULTIPLY", 21, corner, first), -1.0),
        )
        # The outer ring of vertices falls onto the next one, or goes out to the frame where it leads there. It goes no
        # farther, as a camera may see more than the frame.
        outer = tree.vector_math("SUBTRACT", 21, place, corner)
        next_one = tree.vector_math(
            "SUBTRACT", 22, tree.node("GeometryNodeInputPosition", 21), tree.scale(21, outer, px)
        )
        outwards = tree.vector_math("MULTIPLY", 23, corner, next_one)
        missing = tree.vector_math("SUBTRACT", 24, tree.vector_math("MAXIMUM", 23, outwards, edge), outwards)
        step = tree.vector_math("MULTIPLY", 24, tree.vector_math("MULTIPLY", 23, outer, out), missing)
        position = tree.vector_math("ADD", 25, next_one, step)
        tents = tree.node("GeometryNodeSetPosition", 25, {"Geometry": tents, "Position": position})
        inner = tree.vector_math("SUBTRACT", 24, (1.0, 1.0, 1.0), out)
        return _stored(tree, 26, tents, CORNER, tree.vector_math("MULTIPLY", 24, corner, inner))


def _rectangle(tree, column, size_x, size_y, n):
    return tree.node(
        "GeometryNodeMeshGrid", column, {"Size X": size_x, "Size Y": size_y, "Vertices X": n, "Vertices Y": n}
    ).outputs["Mesh"]


def _stored(tree, column, geometry, name, value, kind="FLOAT2"):
    return output_socket(
        tree.node(
            "GeometryNodeStoreNamedAttribute",
            column,
            {"Geometry": geometry, "Name": name, "Value": value},
            data_type=kind,
            domain="POINT",
        )
    )
