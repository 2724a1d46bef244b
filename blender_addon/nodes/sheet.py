"""Node group ".GID Sheet": the viewport's view of a loop, the plane's own cells following the motion.

The values of the modes are stored on the sheet's points, three numbers an attribute, so that a frame costs one dot
product with the modes' coefficients an attribute and reads no image. A card in an artist's scene is the same sheet,
seen in a render as well; its outline stays the picture's rectangle.
"""

from . import offset
from .builder import output_socket, shared_group
from .tents import UV, image_size

__all__ = ["INPUTS", "MOVED", "attribute_name", "coefficient_names", "group"]

VERSION = 4
MOVED = "gid_moved"  # point attribute of a card: how far it is carried, in parts of the photo's long side, y up
# Inputs of the group besides the coefficients; inputs of the rig as well.
INPUTS = {
    "Geometry": ("Geometry", "The sheet at rest"),
    **{name: value for name, value in offset.INPUTS.items() if name not in {"X", "Y", "Smooth"}},
    "Sheet Material": ("Material", "Of the sheet"),
    "As Card": ("Bool", "Hold the outline: the border slides along the picture's edges and nothing leaves them"),
}


def attribute_name(axis, index):
    """Point attribute of the sheet: the numbers of the modes for one axis ("x", "y"), three by three from index 1."""
    return f"gid_{axis}_{index:02d}"


def coefficient_names(index):
    """Inputs for the coefficient of mode `index`: what mode's outputs Re and Minus Im give."""
    return f"Re {index}", f"Minus Im {index}"


def group(n_modes):
    """The group for `n_modes` frequencies, built if need be."""
    return shared_group(
        ".GID Sheet", "GeometryNodeTree", VERSION, lambda tree: _build(tree, n_modes), key=f"GID Sheet {n_modes}"
    )


def _build(tree, n_modes):
    names = [name for index in range(1, n_modes + 1) for name in coefficient_names(index)]
    tree.add_output("Geometry", "Geometry")
    for name, (kind, description) in INPUTS.items():
        tree.add_input(name, kind, description=description)
    for name in names:
        tree.add_input(name, "Float", description="Coefficient of this frame")
    with tree.frame("Sums of dot products of what the points hold"):
        series = [tree.input(name) for name in names]
        series += [0.0] * (-len(series) % 3)
        triples = [tree.vector(1, *series[i : i + 3]) for i in range(0, len(series), 3)]
        x, y = (_stored_sum(tree, axis, triples) for axis in "xy")
    with tree.frame("How far each point is carried"):
        carried = tree.node("GeometryNodeGroup", 4, {"X": x, "Y": y, "Smooth": True}, node_tree=offset.group())
        for name in offset.INPUTS:
            if name in INPUTS:
                tree.feed(tree.input(name), carried.inputs[name])
        held = _within_the_picture(tree, output_socket(carried))
        # The default type of a switch differs between versions, so it is stated.
        offset_of = tree.node(
            "GeometryNodeSwitch", 9, {"Switch": tree.input("As Card"), "False": carried, "True": held},
            input_type="VECTOR",
        )  # fmt: skip
        rest = tree.node(
            "GeometryNodeSwitch",
            10,
            {"Switch": tree.input("As Card"), "False": tree.input("Geometry"), "True": _told(tree, held)},
            input_type="GEOMETRY",
        )
        moved = tree.node("GeometryNodeSetPosition", 11, {"Geometry": rest, "Offset": offset_of})
        shown = tree.node("GeometryNodeSetMaterial", 12, {"Geometry": moved, "Material": tree.input("Sheet Material")})
        tree.outputs(13, Geometry=output_socket(shown))


def _told(tree, held):
    """The sheet at rest, with how far each of its points is carried for materials to read."""
    long_side = tree.math("MAXIMUM", 5, *image_size(tree, 4, "Still"))
    share = tree.math("DIVIDE", 7, 1.0, tree.math("MULTIPLY", 6, long_side, tree.input("Pixel Size")))
    return tree.node(
        "GeometryNodeStoreNamedAttribute",
        9,
        {"Geometry": tree.input("Geometry"), "Name": MOVED, "Value": tree.scale(8, held, share)},
        data_type="FLOAT_VECTOR",
        domain="POINT",
    )


def _within_the_picture(tree, offset_vector):
    """An offset that keeps points on the picture's edges on them, and all others inside."""
    uv = tree.node("GeometryNodeInputNamedAttribute", 4, {"Name": UV}, data_type="FLOAT_VECTOR").outputs["Attribute"]
    rest = output_socket(tree.node("GeometryNodeInputPosition", 4))
    sides = tree.vector(5, *image_size(tree, 4, "Still"))
    half = tree.scale(6, sides, tree.math("MULTIPLY", 5, tree.input("Pixel Size"), 0.5))
    place = tree.vector_math("ADD", 5, rest, offset_vector)
    inside = tree.vector_math("MINIMUM", 7, place, half)
    inside = tree.vector_math("MAXIMUM", 8, inside, tree.scale(7, half, -1.0))
    # 1 for each axis along which a point lies on the rim, where its UV is 0 or 1.
    rim = tree.vector_math(
        "ADD",
        6,
        tree.vector_math("FLOOR", 5, uv),
        tree.vector_math("FLOOR", 5, tree.vector_math("SUBTRACT", 4, (1.0, 1.0, 1.0), uv)),
    )
    free = tree.vector_math("SUBTRACT", 7, (1.0, 1.0, 1.0), rim)
    return tree.vector_math("MULTIPLY", 9, tree.vector_math("SUBTRACT", 8, inside, rest), free)


def _stored_sum(tree, axis, triples):
    total = None
    for index, triple in enumerate(triples, 1):
        stored = tree.node(
            "GeometryNodeInputNamedAttribute", 1, {"Name": attribute_name(axis, index)}, data_type="FLOAT_VECTOR"
        ).outputs["Attribute"]
        part = tree.vector_math("DOT_PRODUCT", 2, stored, triple)
        total = part if total is None else tree.math("ADD", 3, total, part)
    return total
