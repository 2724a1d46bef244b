"""Node group "GID Rig": the Geometry Nodes modifier that moves the plane.

One displacement field serves two forms of the still. In the viewport a *sheet* follows it, one cell a texel of the
volume, with the modes' values stored on its points. A final render sees what `tents` makes of it.
"""

import math
from dataclasses import dataclass

from ...gid_core.motion.edits import band_weights
from ...gid_core.motion.pluck import GENTLE
from .. import compat
from . import mode, tents
from .builder import VERSION_KEY, output_socket, shared_group
from .tents import CORNER, SIDES, UV, image_size

__all__ = [
    "CORNER",
    "MODIFIER",
    "PIXEL",
    "SIDES",
    "UV",
    "VERSION",
    "attribute_name",
    "frequency_inputs",
    "get_input",
    "group",
    "inputs_of",
    "mode_count",
    "set_inputs",
    "version_of",
]

VERSION = 4
MODIFIER = "GID Rig"
# Size of one pixel of the still in Blender units. A power of two: resting tents are placed without rounding, and none
# spills over its pixel, where a mover's weight would make a millionth of it show.
PIXEL = 1 / 128

# A key's value read from the F-curve is off by some 1e-7 of the loop's length; whole frames are snapped to.
_SNAP_FRAMES = 0.004


@dataclass(frozen=True)
class _Input:
    kind: str
    default: object
    description: str
    minimum: float | None = None
    maximum: float | None = None
    subtype: str | None = None


# {panel: {name: what}}, in the order of the modifier's panel.
_INPUTS = {
    "Motion": {
        "Amount": _Input("Float", 1.0, "How far everything sways; 0 is the still"),
        "Turn": _Input("Float", 0.0, "Turns the direction of all motion; positive is clockwise", subtype="ANGLE"),
        "Low": _Input("Float", 1.0, "Strength of the slow sway", 0.0),
        "Mid": _Input("Float", 1.0, "Strength of the motion between sway and shiver", 0.0),
        "High": _Input("Float", 1.0, "Strength of the quick shiver", 0.0),
        "Phase Offset": _Input("Float", 0.0, "Starts the motion later in its loop, in loops: 0.5 is half a loop ahead"),
    },
    "What Moves": {
        "Has Mask": _Input("Bool", False, "Let the mask decide what may move"),
        "Mask": _Input("Image", None, "White may move, black stands still"),
        "Border": _Input(
            "Float",
            0.0,
            "Motion fades to nothing over this part of the picture's long side towards its edges",
            0.0,
            1.0,
            "FACTOR",
        ),
    },
    "Pluck": {
        "Pluck Time": _Input("Float", -1.0, "Seconds since the newest pluck, keyed; below 0: no pluck"),
        "Damping": _Input("Float", 1.0, "How soon a pluck comes to rest: 2 is twice as soon, 0 rings for ever", 0.0),
    },
    "Advanced": {
        "Clock": _Input("Float", 0.0, "Frames since the loop's start, keyed"),
        "Length": _Input("Int", 120, "Frames in one loop", 1),
        "Anchor": _Input("Float", 1.0, "1: the loop's first frame is the untouched still; 0: motion as it comes"),
        "Tents": _Input("Bool", False, "Show in the viewport what the render sees: a quad for every pixel, slow"),
        "Pixel Size": _Input("Float", PIXEL, "Size of one pixel of the still"),
        "Still": _Input("Image", None, "The photo, linear"),
        "In Front": _Input("Image", None, "How far in front each pixel lies, 0 to 1"),
        "Kin": _Input("Image", None, "How many pixels to the right, left, below and above go along with each, 0 to 2"),
        "Has Opacity": _Input("Bool", False, "The still is transparent somewhere"),
        "Static Mask": _Input("Image", None, "White where the volume holds no motion"),
        "Sheet Material": _Input("Material", None, "Of the sheet in the viewport"),
        "Tent Material": _Input("Material", None, "Of the tents in a render"),
        "Static Material": _Input("Material", None, "Of the motionless rest in a render"),
        "Plate Material": _Input("Material", None, "Of what shows through holes in a render"),
        "Has Plate": _Input("Bool", False, "Something lies under the moving pixels and shows through holes"),
    },
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


def version_of(rig):
    """Version of a rig group; `VERSION` is today's."""
    return rig.get(VERSION_KEY, 0)


def mode_count(rig):
    """How many frequencies a rig group is made for."""
    return sum(name.startswith("Harmonic ") for name in inputs_of(rig))


def frequency_inputs(frequencies):
    """{name: value} of the inputs that the frequencies of a volume alone decide.

    Args:
        frequencies: (K,) Hz.
    """
    slow, fast = band_weights(frequencies)
    columns = {"Frequency": frequencies, "Ratio": GENTLE.ratio(frequencies), "Low Share": slow, "High Share": fast}
    return {
        f"{name} {index}": float(value) for name, column in columns.items() for index, value in enumerate(column, 1)
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
    _declare(tree, n_modes)
    frame, rest = _timing(tree)
    displacement, coefficients = _modes(tree, frame, rest, n_modes)
    axes = _axes(tree)
    sheet = _sheet(tree, coefficients, axes)
    offset = _tent_offset(tree, displacement, axes)
    with tree.frame("Sheet in the viewport, tents in a render"):
        rendered = tree.node("GeometryNodeGroup", 17, node_tree=tents.group())
        for name in tents.INPUTS:
            tree.feed(offset if name == "Displacement" else tree.input(name), rendered.inputs[name])
        hidden = tree.boolean_math("NOT", 18, tree.input("Tents"))
        is_sheet = tree.boolean_math("AND", 19, tree.node("GeometryNodeIsViewport", 18), hidden)
        # The default type of a switch differs between versions, so it is stated.
        choice = tree.node(
            "GeometryNodeSwitch", 20, {"Switch": is_sheet, "False": rendered, "True": sheet}, input_type="GEOMETRY"
        )
        tree.outputs(21, Geometry=choice)


def _declare(tree, n_modes):
    """The inputs, in panels; those of single modes are folded away inside the last."""
    panels = {name: tree.add_panel(name, is_closed=name == "Advanced") for name in _INPUTS}
    for panel, inputs in _INPUTS.items():
        for name, one in inputs.items():
            tree.add_input(
                name,
                one.kind,
                one.default,
                description=one.description,
                minimum=one.minimum,
                maximum=one.maximum,
                subtype=one.subtype,
                panel=panels[panel],
            )
    for name, (kind, default, description) in mode.MODE_INPUTS.items():
        panel = tree.add_panel(f"{name} of Each Mode", parent=panels["Advanced"])
        for index in range(1, n_modes + 1):
            value = index if name == "Harmonic" else default
            tree.add_input(f"{name} {index}", kind, value, description=description, panel=panel)


def _timing(tree):
    """(frame of the loop, how much of the first frame's pose is taken away)."""
    get = tree.input
    with tree.frame("Clock: whole frames exact, then wrapped into the loop"):
        whole = tree.math("ROUND", 1, get("Clock"))
        near = tree.math("COMPARE", 2, get("Clock"), whole, _SNAP_FRAMES)
        snapped = tree.node("ShaderNodeMix", 3, {"Factor_Float": near, "A_Float": get("Clock"), "B_Float": whole})
        frame = tree.math("FLOORED_MODULO", 4, snapped, get("Length"))
    with tree.frame("Rest: Anchor ((1 + cos(2 pi Frame / Length)) / 2)^4"):
        angle = tree.math("MULTIPLY", 2, tree.math("DIVIDE", 1, frame, get("Length")), math.tau)
        raised = tree.math("MULTIPLY_ADD", 3, tree.math("COSINE", 2, angle), 0.5, 0.5)
        square = tree.math("MULTIPLY", 3, raised, raised)
        rest = tree.math("MULTIPLY", 4, tree.math("MULTIPLY", 4, square, square), get("Anchor"))
    return frame, rest


def _modes(tree, frame, rest, n_modes):
    """Displacement in pixels of the volume, and each mode's coefficient as (Re, Minus Im)."""
    total, coefficients = (0.0, 0.0, 0.0), []
    nested = mode.group()
    with tree.frame("Where a tent stood in the still"):
        uv = _uv(tree, 4)
    with tree.frame("Sum of the modes"):
        for index in range(1, n_modes + 1):
            node = tree.node("GeometryNodeGroup", 6, node_tree=nested, label=f"Mode {index}")
            values = {name: tree.input(f"{name} {index}") for name in mode.MODE_INPUTS}
            values |= {"Frame": frame, "Rest": rest, "UV": uv, "Sum": total}
            values |= {name: tree.input(name) for name in mode.SHARED_INPUTS if name not in values}
            for name, value in values.items():
                tree.feed(value, node.inputs[name])
            total = node.outputs["Sum"]
            coefficients.append((node.outputs["Re"], node.outputs["Minus Im"]))
    return total, coefficients


def _uv(tree, column):
    return tree.node("GeometryNodeInputNamedAttribute", column, {"Name": UV}, data_type="FLOAT_VECTOR").outputs[
        "Attribute"
    ]


def _axes(tree):
    """What one pixel of the volume to the right and one upward become: turned by Turn, in Blender units."""
    with tree.frame("Turn, and volume pixels to units: Pixel Size times still size over volume size"):
        still, volume = image_size(tree, 5, "Still"), image_size(tree, 5, "Image 1")
        ratio = (tree.math("DIVIDE", 6, a, b) for a, b in zip(still, volume, strict=True))
        units = tree.scale(8, tree.vector(7, *ratio), tree.input("Pixel Size"))
        # Turn runs clockwise on the picture, y is up here: right is (cos, -sin) and up is (sin, cos).
        cos, sin = (tree.math(wave, 6, tree.input("Turn")) for wave in ("COSINE", "SINE"))
        right = tree.vector(8, cos, tree.math("MULTIPLY", 7, sin, -1.0))
        up = tree.vector(8, sin, cos)
        return tuple(tree.vector_math("MULTIPLY", 9, axis, units) for axis in (right, up))


def _freedom(tree, column, uv, interpolation):
    """How freely a place may move: Mask, times a window that Border pins the rim with.

    A switch on a single value computes only what it chooses: without mask and border nothing is read or computed.
    """
    get = tree.input
    texel = tree.node(
        "GeometryNodeImageTexture",
        column,
        {"Image": get("Mask"), "Vector": uv},
        interpolation=interpolation,
        extension="EXTEND",
    )
    white = tree.components(column + 1, texel.outputs["Color"])[0]
    masked = tree.node(
        "GeometryNodeSwitch", column + 2, {"Switch": get("Has Mask"), "False": 1.0, "True": white}, input_type="FLOAT"
    )
    sides = image_size(tree, column, "Still")
    distances = []
    for side, place in zip(sides, tree.components(column, uv), strict=False):
        nearer = tree.math("MINIMUM", column + 1, place, tree.math("SUBTRACT", column, 1.0, place))
        distances.append(tree.math("MULTIPLY", column + 2, nearer, side))
    reach = tree.math("MULTIPLY", column + 2, tree.math("MAXIMUM", column + 1, *sides), get("Border"))
    inward = tree.math("MINIMUM", column + 3, *distances)
    window = tree.node(
        "ShaderNodeMapRange", column + 4, {"Value": inward, "From Max": reach}, interpolation_type="SMOOTHSTEP"
    )
    is_pinned = tree.math("GREATER_THAN", column + 3, get("Border"), 0.0)
    pinned = tree.node(
        "GeometryNodeSwitch",
        column + 5,
        {"Switch": is_pinned, "False": 1.0, "True": window.outputs["Result"]},
        input_type="FLOAT",
    )
    return tree.math("MULTIPLY", column + 6, masked, pinned)


def _offset(tree, column, x, y, axes, freedom):
    """Displacement (x, y) in pixels of the volume as a vector in units."""
    right, up = axes
    along = tree.vector_math("MULTIPLY_ADD", column + 1, right, x, tree.vector_math("MULTIPLY", column, up, y))
    return tree.scale(column + 2, along, freedom)


def _tent_offset(tree, displacement, axes):
    with tree.frame("Tents: how far each is carried"):
        freedom = _freedom(tree, 6, _uv(tree, 5), "Closest")
        x, y, _ = tree.components(10, displacement)
        return _offset(tree, 11, x, y, axes, freedom)


def _sheet(tree, coefficients, axes):
    with tree.frame("Sheet: the viewport's view, by dot products of what its points hold"):
        series = [number for pair in coefficients for number in pair]
        series += [0.0] * (-len(series) % 3)
        triples = [tree.vector(7, *series[i : i + 3]) for i in range(0, len(series), 3)]
        x, y = (_stored_sum(tree, axis, triples) for axis in "xy")
    with tree.frame("Sheet: how far each point is carried"):
        offset = _offset(tree, 16, x, y, axes, _freedom(tree, 9, _uv(tree, 8), "Linear"))
        moved = tree.node("GeometryNodeSetPosition", 19, {"Geometry": tree.input("Geometry"), "Offset": offset})
        return output_socket(
            tree.node("GeometryNodeSetMaterial", 20, {"Geometry": moved, "Material": tree.input("Sheet Material")})
        )


def _stored_sum(tree, axis, triples):
    total = 0.0
    for index, triple in enumerate(triples, 1):
        stored = tree.node(
            "GeometryNodeInputNamedAttribute", 7, {"Name": attribute_name(axis, index)}, data_type="FLOAT_VECTOR"
        ).outputs["Attribute"]
        total = tree.math("ADD", 9, total, tree.vector_math("DOT_PRODUCT", 8, stored, triple))
    return total
