"""Node group "GID Rig": the Geometry Nodes modifier that moves the plane.

One displacement field serves two forms of the still. In the viewport a *sheet* follows it, one cell a texel of the
volume, with the modes' values stored on its points. In a final render every pixel that can move becomes a *tent*: a
quad of 2 x 2 pixels whose material falls off as a bilinear kernel, so that the sum of all tents is the splat. A tent
that rests on its pixel centre touches no other pixel, hence all motionless pixels together are one *static quad*. The
plate is one more quad below it, so that whatever the render's size, region and camera are, the plate follows.
"""

from .. import compat
from . import mode
from .builder import output_socket, shared_group

__all__ = ["CORNER", "MODIFIER", "PIXEL", "SIDES", "UV", "attribute_name", "group", "inputs_of"]

VERSION = 2
MODIFIER = "GID Rig"
# Size of one pixel of the still in Blender units. A power of two: resting tents are placed without rounding, and none
# spills over its pixel, where a mover's weight would make a millionth of it show.
PIXEL = 1 / 128
UV, CORNER, SIDES = "gid_uv", "gid_corner", "gid_sides"

# Of two tents at equal depth Cycles loses one. 256 x 256 levels part any two from less than 256 px apart; over 16 px
# float32 still tells them apart.
_LEVELS, _LEVEL_PX = 256, 16 / 256**2
# A key's value read from the F-curve is off by some 1e-7 of the loop's length; whole frames are snapped to.
_SNAP_FRAMES = 0.004

_INPUTS = {
    "Clock": ("Float", 0.0, "Frames since the loop's start; keyed"),
    "Length": ("Int", 120, "Frames in one loop"),
    "Amount": ("Float", 1.0, "Strength of the loop; 0 is the still"),
    "Anchor": ("Float", 1.0, "1: the loop's first frame is the untouched still; 0: motion as it comes"),
    "Pluck Time": ("Float", -1.0, "Frames since the pluck; below 0: no pluck"),
    "Damping": ("Float", 0.05, "Damping ratio of the pluck"),
    "Tents": ("Bool", False, "Show in the viewport what the render sees: a quad for every pixel, slow"),
    "Pixel Size": ("Float", PIXEL, "Size of one pixel of the still"),
    "Still": ("Image", None, "The photo, linear"),
    "Static Mask": ("Image", None, "White where nothing can move"),
    "Sheet Material": ("Material", None, "Of the sheet in the viewport"),
    "Tent Material": ("Material", None, "Of the tents in a render"),
    "Static Material": ("Material", None, "Of the motionless rest in a render"),
    "Plate Material": ("Material", None, "Of what shows through holes in a render"),
    "Has Plate": ("Bool", False, "Something lies under the moving pixels and shows through holes"),
}


def group(n_modes):
    """The group for volumes of `n_modes` frequencies, shared by the loops of the file, built if need be."""
    return shared_group(
        "GID Rig", "GeometryNodeTree", VERSION, lambda tree: _build(tree, n_modes), key=f"GID Rig {n_modes}"
    )


def inputs_of(rig):
    """{name: identifier} of the modifier inputs of a rig group."""
    return {
        item.name: item.identifier
        for item in rig.interface.items_tree
        if item.item_type == "SOCKET" and item.in_out == "INPUT"
    }


def attribute_name(axis, index):
    """Point attribute of the sheet: the numbers of the modes for one axis ("x", "y"), three by three from index 1."""
    return f"gid_{axis}_{index:02d}"


def set_inputs(obj, values):
    """Set inputs of the rig of `obj` by name."""
    modifier = obj.modifiers[MODIFIER]
    identifiers = inputs_of(modifier.node_group)
    for name, value in values.items():
        compat.set_modifier_value(modifier, identifiers[name], value)
    obj.update_tag()  # writing alone makes no one look


def get_input(obj, name):
    """Value of one input of the rig of `obj`, by name."""
    modifier = obj.modifiers[MODIFIER]
    return compat.modifier_value(modifier, inputs_of(modifier.node_group)[name])


def _build(tree, n_modes):
    tree.tree.is_modifier = True
    tree.add_output("Geometry", "Geometry")
    tree.add_input("Geometry", "Geometry")
    for name, (kind, default, description) in _INPUTS.items():
        tree.add_input(name, kind, default, description=description)
    for name, (kind, default, description) in mode.MODE_INPUTS.items():
        panel = tree.add_panel(f"{name} of each mode")
        for index in range(1, n_modes + 1):
            value = index if name == "Harmonic" else default
            tree.add_input(f"{name} {index}", kind, value, description=description, panel=panel)

    uv = tree.node("GeometryNodeInputNamedAttribute", 4, {"Name": UV}, data_type="FLOAT_VECTOR").outputs["Attribute"]
    displacement, coefficients = _modes(tree, uv, _timing(tree), n_modes)
    units = _units(tree)
    sheet = _sheet(tree, coefficients, units)
    rendered = tree.node("GeometryNodeJoinGeometry", 16)
    quads = (_quad(tree, "Static quad: all that never moves", "Static Material", -1.0), _plate_quad(tree))
    for part in (*quads, _tents(tree, tree.vector_math("MULTIPLY", 7, displacement, units))):
        tree.feed(part, rendered.inputs["Geometry"])

    hidden = tree.boolean_math("NOT", 15, tree.input("Tents"))
    is_viewport = tree.boolean_math("AND", 16, tree.node("GeometryNodeIsViewport", 15), hidden)
    # The default type differs between versions, so it is stated.
    choice = tree.node(
        "GeometryNodeSwitch",
        17,
        {"Switch": is_viewport, "False": rendered, "True": sheet},
        input_type="GEOMETRY",
    )
    tree.outputs(18, Geometry=choice)


def _timing(tree):
    """What all modes share of this frame, by the name of the mode's input."""
    get = tree.input
    length = get("Length")
    with tree.frame("Clock: whole frames exact, then wrapped into the loop"):
        whole = tree.math("ROUND", 1, get("Clock"))
        near = tree.math("COMPARE", 1, get("Clock"), whole, _SNAP_FRAMES)
        snapped = tree.node("ShaderNodeMix", 2, {"Factor_Float": near, "A_Float": get("Clock"), "B_Float": whole})
        frame = tree.math("FLOORED_MODULO", 3, snapped, length)
    with tree.frame("Rest: Anchor ((1 + cos(2 pi Frame / Length)) / 2)^4"):
        angle = tree.math("MULTIPLY", 2, tree.math("DIVIDE", 2, frame, length), 6.283185307179586)
        raised = tree.math("MULTIPLY_ADD", 3, tree.math("COSINE", 3, angle), 0.5, 0.5)
        square = tree.math("MULTIPLY", 3, raised, raised)
        rest = tree.math("MULTIPLY", 4, tree.math("MULTIPLY", 4, square, square), get("Anchor"))
    pluck = tree.math("DIVIDE", 3, tree.math("MULTIPLY", 2, get("Pluck Time"), 6.283185307179586), length)
    return {
        "Frame": frame,
        "Length": length,
        "Amount": get("Amount"),
        "Rest": rest,
        "Pluck Angle": pluck,
        "Damping": get("Damping"),
    }


def _modes(tree, uv, shared, n_modes):
    """Displacement in pixels of the volume, and each mode's coefficient as (Re, Minus Im)."""
    total, coefficients = (0.0, 0.0, 0.0), []
    nested = mode.group()
    with tree.frame("Sum of the modes"):
        for index in range(1, n_modes + 1):
            own = {name: tree.input(f"{name} {index}") for name in mode.MODE_INPUTS}
            node = tree.node("GeometryNodeGroup", 5, node_tree=nested, inputs=None, label=f"Mode {index}")
            for name, value in {**own, **shared, "UV": uv, "Sum": total}.items():
                tree.feed(value, node.inputs[name])
            total = node.outputs["Sum"]
            coefficients.append((node.outputs["Re"], node.outputs["Minus Im"]))
    return total, coefficients


def _image_size(tree, column, name):
    info = tree.node("GeometryNodeImageInfo", column, {"Image": tree.input(name)}).outputs
    return info["Width"], info["Height"]


def _units(tree):
    """Vector that takes pixels of the volume to Blender units: Pixel Size times still size over volume size."""
    with tree.frame("Volume pixels to units"):
        still, volume = _image_size(tree, 5, "Still"), _image_size(tree, 5, "Image 1")
        ratio = (tree.math("DIVIDE", 6, a, b) for a, b in zip(still, volume, strict=True))
        return tree.scale(7, tree.vector(6, *ratio), tree.input("Pixel Size"))


def _sheet(tree, coefficients, units):
    with tree.frame("Sheet: the viewport's view, by dot products of what its points hold"):
        series = [number for pair in coefficients for number in pair]
        series += [0.0] * (-len(series) % 3)
        triples = [tree.vector(6, *series[i : i + 3]) for i in range(0, len(series), 3)]
        x, y = (_stored_sum(tree, axis, triples) for axis in "xy")
        offset = tree.vector_math("MULTIPLY", 10, tree.vector(9, x, y), units)
        moved = tree.node("GeometryNodeSetPosition", 10, {"Geometry": tree.input("Geometry"), "Offset": offset})
        return output_socket(
            tree.node("GeometryNodeSetMaterial", 11, {"Geometry": moved, "Material": tree.input("Sheet Material")})
        )


def _stored_sum(tree, axis, triples):
    total = 0.0
    for index, triple in enumerate(triples, 1):
        stored = tree.node(
            "GeometryNodeInputNamedAttribute", 6, {"Name": attribute_name(axis, index)}, data_type="FLOAT_VECTOR"
        ).outputs["Attribute"]
        total = tree.math("ADD", 8, total, tree.vector_math("DOT_PRODUCT", 7, stored, triple))
    return total


def _tents(tree, displacement):
    px = tree.input("Pixel Size")
    with tree.frame("Tents: a quad for every pixel that can move"):
        width, height = _image_size(tree, 6, "Still")
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
        points = tree.node(
            "GeometryNodeDeleteGeometry",
            12,
            {"Geometry": points, "Selection": tree.math("GREATER_THAN", 11, red, 0.5)},
            domain="POINT",
        )
        points = tree.node("GeometryNodeSetPosition", 12, {"Geometry": points, "Offset": displacement})
        side = tree.math("MULTIPLY", 10, px, 2.0)
        quad = _rectangle(tree, 11, side, side)
        corner = tree.vector_math("SIGN", 11, tree.node("GeometryNodeInputPosition", 10))
        quad = _stored(tree, 12, quad, CORNER, corner)
        tents = tree.node("GeometryNodeInstanceOnPoints", 13, {"Points": points, "Instance": quad})
        tents = tree.node("GeometryNodeRealizeInstances", 14, {"Geometry": tents})
        return output_socket(
            tree.node("GeometryNodeSetMaterial", 15, {"Geometry": tents, "Material": tree.input("Tent Material")})
        )


def _quad(tree, label, material, height_px):
    """One quad as large as the still, below the tents."""
    px = tree.input("Pixel Size")
    with tree.frame(label):
        sides = tree.vector(7, *_image_size(tree, 6, "Still"))
        width, height, _ = tree.components(8, tree.scale(7, sides, px))
        corner = tree.vector_math("SIGN", 8, tree.node("GeometryNodeInputPosition", 7))
        quad = _rectangle(tree, 8, width, height)
        quad = _stored(tree, 9, quad, UV, tree.vector_math("MULTIPLY_ADD", 9, corner, (0.5, 0.5, 0.0), (0.5, 0.5, 0.0)))
        quad = _stored(tree, 9, quad, SIDES, sides)
        below = tree.vector(9, z=tree.math("MULTIPLY", 8, px, height_px))
        quad = tree.node("GeometryNodeSetPosition", 10, {"Geometry": quad, "Offset": below})
        return output_socket(
            tree.node("GeometryNodeSetMaterial", 11, {"Geometry": quad, "Material": tree.input(material)})
        )


def _plate_quad(tree):
    quad = _quad(tree, "Plate: what shows through holes", "Plate Material", -2.0)
    return output_socket(
        tree.node("GeometryNodeSwitch", 12, {"Switch": tree.input("Has Plate"), "True": quad}, input_type="GEOMETRY")
    )


def _rectangle(tree, column, size_x, size_y):
    return tree.node(
        "GeometryNodeMeshGrid", column, {"Size X": size_x, "Size Y": size_y, "Vertices X": 2, "Vertices Y": 2}
    ).outputs["Mesh"]


def _stored(tree, column, geometry, name, value):
    return output_socket(
        tree.node(
            "GeometryNodeStoreNamedAttribute",
            column,
            {"Geometry": geometry, "Name": name, "Value": value},
            data_type="FLOAT2",
            domain="POINT",
        )
    )
