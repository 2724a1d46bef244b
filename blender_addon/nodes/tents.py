"""Node group ".GID Tents", what a final render sees: a tent for every pixel that can move, one quad for all others.

A *tent* is a quad of 2 x 2 pixels whose material falls off as a bilinear kernel, so that the sum of all tents is the
splat. A tent that rests on its pixel centre touches no other pixel, hence all motionless pixels together are one
*static quad*. Likewise a *cell* of 16 x 16 pixels that all rest in this frame, under a painted mask or in the first
frame of a loop, is one quad in that frame. The plate is one more quad below them, so that whatever the render's size,
region and camera are, the plate follows. The tents of the frame's border reach outwards without falling off, as
gid_core.frames.border has it: motion that leads inwards bares nothing.
"""

from ...gid_core.frames.splat import SHARPNESS
from . import sharp
from .builder import output_socket, shared_group

__all__ = ["CORNER", "INPUTS", "LIGHT", "RESTING", "SIDES", "UV", "WEIGHT", "group", "image_size"]

VERSION = 4
UV, CORNER, SIDES = "gid_uv", "gid_corner", "gid_sides"
RESTING = "gid_resting"  # of a quad: 1 for a cell that rests, which stands for the pixels that the static quad leaves
LIGHT, WEIGHT = "gid_light", "gid_weight"  # of a tent: its colour and opacity, and how much it counts

# Of two tents at equal depth Cycles loses one. 256 x 256 levels part any two from less than 256 px apart; over 16 px
# float32 still tells them apart.
_LEVELS, _LEVEL_PX = 256, 16 / 256**2
# By this a tent at rest is smaller than two pixels: a ray through the next pixel's centre misses it, where it would
# else meet its rim, give or take a rounding that shows in a hole. A power of two: sums with it are exact.
_SLACK = 2**-9
_CELL_PX = 16.0  # side of a cell: larger ones seldom rest whole, smaller ones save no more
_CELL_HEIGHT_PX = -1.5  # below the static quad: of two hits at one depth Cycles loses one

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
    points, displacement = _displaced(tree, _points(tree))
    points, resting = _parted(tree, points, displacement)
    tents = _tents(tree, points, displacement)
    with tree.frame("All that a render sees, made real at once"):
        shown = tree.node(
            "GeometryNodeSwitch", 29, {"Switch": tree.input("Has Plate"), "True": plate}, input_type="GEOMETRY"
        )
        whole = tree.node("GeometryNodeJoinGeometry", 30)
        for part in (static, output_socket(shown), resting, *tents):
            tree.feed(part, whole.inputs["Geometry"])
        tree.outputs(32, Geometry=tree.node("GeometryNodeRealizeInstances", 31, {"Geometry": whole}))


def _tents(tree, points, displacement):
    """A tent for each point, carried by its displacement: the inner ones, as instances, and those of the border."""
    (points, size), (first, last, is_rim) = _carried(tree, points, displacement), _border(tree)
    with tree.frame("Tents: those of the border apart"):
        is_inner = tree.math("SUBTRACT", 17, 1.0, is_rim)
        first, last = tree.vector(17, *first), tree.vector(17, *last)
    inner = _instanced(tree, "Tents", points, size, 2, 1, is_inner)
    rim = _instanced(tree, "Tents of the border", points, size, 5, 2, is_rim)
    return inner, _reaching_out(tree, rim, first, last)


def _displaced(tree, points):
    """(the points, how far each is displaced in this frame: a field that is worked out once)."""
    with tree.frame("Displacement in this frame"):
        captured = tree.node("GeometryNodeCaptureAttribute", 13, {"Geometry": points})
        captured.capture_items.new("VECTOR", "Displacement")
        tree.feed(tree.input("Displacement"), captured.inputs["Displacement"])
        return captured.outputs["Geometry"], captured.outputs["Displacement"]


def _parted(tree, points, displacement):
    """(the points but for those of cells that rest whole, a quad on each such cell).

    Where every pixel moves none of this is computed.
    """
    with tree.frame("Cells: in which of them does anything move?"):
        width, height = image_size(tree, 13, "Still")
        length = _length(tree, 14, displacement)
        least = tree.node("GeometryNodeAttributeStatistic", 15, {"Geometry": points, "Attribute": length})
        all_move = tree.math("GREATER_THAN", 16, least.outputs["Min"], 0.0)
        uv = tree.node("GeometryNodeInputNamedAttribute", 13, {"Name": UV}, data_type="FLOAT_VECTOR")
        place = tree.vector_math("MULTIPLY", 14, uv.outputs["Attribute"], tree.vector(13, width, height))
        corner = tree.vector_math("FLOOR", 16, tree.scale(15, place, 1 / _CELL_PX))
        column, row, _ = tree.components(17, corner)
        per_row = tree.math("CEIL", 15, tree.math("DIVIDE", 14, width, _CELL_PX))
        cell = tree.math("MULTIPLY_ADD", 18, row, per_row, column)
        n_moving = _accumulated(tree, 19, tree.math("GREATER_THAN", 15, length, 0.0), cell)["Total"]
        n_before = _accumulated(tree, 19, 1.0, cell)["Trailing"]
        rests = tree.math("LESS_THAN", 20, n_moving, 0.5)
        is_first = tree.math("MULTIPLY", 21, rests, tree.math("LESS_THAN", 20, n_before, 0.5))
        is_other = tree.math("SUBTRACT", 22, 1.0, is_first)
        moving, first = (
            tree.node("GeometryNodeDeleteGeometry", 23, {"Geometry": points, "Selection": chosen}, domain="POINT")
            for chosen in (rests, is_other)
        )
    resting = _cells(tree, first, corner)
    with tree.frame("Cells: where all move, nothing of that"):
        values = {"Switch": all_move, "False": moving, "True": points}
        kept = tree.node("GeometryNodeSwitch", 31, values, input_type="GEOMETRY")
        values = {"Switch": all_move, "False": resting}
        quads = tree.node("GeometryNodeSwitch", 31, values, input_type="GEOMETRY")
        return output_socket(kept), output_socket(quads)


def _cells(tree, points, corner):
    """Geometry: a quad on the cell of each point. corner: the cell's (column, row), a field."""
    with tree.frame("Cells: a quad on each that rests"):
        px = tree.input("Pixel Size")
        sides = tree.vector(13, *image_size(tree, 12, "Still"))
        begin = tree.scale(17, corner, _CELL_PX)
        end = tree.vector_math("MINIMUM", 19, tree.vector_math("ADD", 18, begin, (_CELL_PX,) * 3), sides)
        size = tree.vector_math("SUBTRACT", 20, end, begin)
        middle = tree.vector_math("SUBTRACT", 20, tree.vector_math("ADD", 20, begin, end), sides)
        x, y, _ = tree.components(22, tree.scale(21, middle, 0.5))
        place = tree.scale(23, tree.vector(22, x, y, _CELL_HEIGHT_PX), px)
        points = tree.node("GeometryNodeSetPosition", 24, {"Geometry": points, "Position": place})
        quad = _rectangle(tree, 23, px, px, 2)
        quads = tree.node("GeometryNodeInstanceOnPoints", 25, {"Points": points, "Instance": quad, "Scale": size})
        quads = tree.node("GeometryNodeRealizeInstances", 26, {"Geometry": quads})
        by_px = tree.math("DIVIDE", 22, 1.0, px)
        per_side = tree.vector_math("DIVIDE", 24, tree.vector(23, by_px, by_px), sides)
        place = tree.node("GeometryNodeInputPosition", 25)
        quads = _stored(tree, 27, quads, UV, tree.vector_math("MULTIPLY_ADD", 26, place, per_side, (0.5, 0.5, 0.0)))
        quads = _stored(tree, 28, quads, SIDES, sides)
        quads = _stored(tree, 29, quads, RESTING, 1.0, "FLOAT")
        return tree.node("GeometryNodeSetMaterial", 30, {"Geometry": quads, "Material": tree.input("Static Material")})


def _accumulated(tree, column, value, cell):
    return tree.node("GeometryNodeAccumulateField", column, {"Value": value, "Group Index": cell}).outputs


def _length(tree, column, vector):
    return tree.node("ShaderNodeVectorMath", column, {"Vector": vector}, operation="LENGTH").outputs["Value"]


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


def _carried(tree, points, displacement):
    """(the points where they land, with the light and the weight of their tents; the size of a tent: a field)."""
    with tree.frame("Where each lands, and with what light and weight"):
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
        is_moved = tree.math("GREATER_THAN", 16, _length(tree, 15, displacement), 0.0)
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


def _instanced(tree, label, points, size, n, half, selection):
    """n x n vertices, 2 `half` pixels times `size` wide, on each selected point; CORNER is what would be the pixels."""
    with tree.frame(label):
        px = tree.input("Pixel Size")
        place = tree.node("GeometryNodeInputPosition", 12)
        by_px = tree.math("DIVIDE", 12, 1.0, px)
        pixels = tree.vector_math("MULTIPLY_ADD", 14, place, tree.vector(13, by_px, by_px), (0.5, 0.5, 0.5))
        corner = tree.vector_math("FLOOR", 15, pixels)  # Blender 5.2 has ROUND, the others have not
        side = tree.math("MULTIPLY", 13, px, 2.0 * half)
        quad = _stored(tree, 16, _rectangle(tree, 14, side, side, n), CORNER, corner)
        quad = tree.node("GeometryNodeSetMaterial", 17, {"Geometry": quad, "Material": tree.input("Tent Material")})
        inputs = {"Points": points, "Selection": selection, "Instance": quad, "Scale": size}
        return output_socket(tree.node("GeometryNodeInstanceOnPoints", 18, inputs))


def _reaching_out(tree, tents, first, last):
    """Tents of border pixels, 5 x 5 vertices: as heavy from the pixel to the frame's edge as they are at the pixel.

    Args:
        first, last: (x, y), 1 for pixels of the first and of the last column and row.
    """
    with tree.frame("Border: tents reach out to the frame without falling off"):
        px = tree.input("Pixel Size")
        tents = tree.node("GeometryNodeRealizeInstances", 19, {"Geometry": tents})
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
