"""Node group "GID Rig": the Geometry Nodes modifier that moves the plane.

Its parts are nested groups: `clock`, the `lookup`, a `mode` for each frequency, and two forms of the still that follow
their motion: the `sheet` in the viewport, one cell a texel of the volume, and the `tents` that a final render sees.
"""

from dataclasses import dataclass

from ...gid_core.errors import SettingsError
from ...gid_core.motion.pluck import GENTLE
from .. import compat
from . import clock, lookup, mode, offset, sheet, tents
from .builder import GROUP_KEY, VERSION_KEY, groups_of, shared_group
from .sheet import attribute_name
from .tents import CORNER, SIDES, UV

__all__ = [
    "CORNER",
    "MODIFIER",
    "PIXEL",
    "SIDES",
    "UV",
    "VERSION",
    "WAY_OUT",
    "attribute_name",
    "frequency_inputs",
    "get_input",
    "get_picture",
    "group",
    "input_of",
    "inputs_of",
    "is_rigged",
    "is_there",
    "mode_count",
    "modifier_of",
    "set_inputs",
    "version_of",
]

VERSION = 10
WAY_OUT = "go back to an earlier save, or remove the loop and animate the photo again"
MODIFIER = "GID Rig"
_KIND = "GeometryNodeTree"
# Size of one pixel of the still in Blender units. A power of two: resting tents are placed without rounding, and none
# spills over its pixel, where a mover's weight would make a millionth of it show.
PIXEL = 1 / 128


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
        "One Axis": _Input(
            "Float", 0.0, "Takes what moves across the motion's axis, as turned: 1 leaves one axis", 0.0, 1.0, "FACTOR"
        ),
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
        "Axis": _Input(
            "Float",
            0.0,
            "Main axis of the motion as predicted, clockwise from the right",
            subtype="ANGLE",
        ),
        "Anchor": _Input("Float", 1.0, "1: the loop's first frame is the untouched still; 0: motion as it comes"),
        "Tents": _Input("Bool", False, "Show in the viewport what the render sees: a quad for every pixel, slow"),
        "As Card": _Input("Bool", False, "Render the sheet, as a card in any scene: no tents, and the outline is held"),
        "Pixel Size": _Input("Float", PIXEL, "Size of one pixel of the still"),
        "Still": _Input("Image", None, "The photo, linear"),
        "In Front": _Input("Image", None, "How far in front each pixel lies, 0 to 1"),
        "Kin": _Input("Image", None, "How many pixels to the right, left, below and above go along with each, 0 to 2"),
        "Lookup": _Input("Image", None, "Where in the volume each pixel reads its motion: offsets from its own place"),
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
    return shared_group(MODIFIER, _KIND, VERSION, lambda tree: _build(tree, n_modes), key=_key(n_modes))


def is_there(n_modes):
    """Whether the file has that group as it is today."""
    return any(version_of(one) == VERSION for one in groups_of(_key(n_modes), _KIND))


def _key(n_modes):
    return f"{MODIFIER} {n_modes}"


def modifier_of(obj):
    """The modifier that is the rig of `obj`, None if it has none; known by its group, as an artist may rename it."""
    return next((one for one in obj.modifiers if one.type == "NODES" and _is_rig(one.node_group)), None)


def is_rigged(obj) -> bool:
    """True if `obj` has a rig."""
    return modifier_of(obj) is not None


def _is_rig(group):
    return group is not None and str(group.get(GROUP_KEY, "")).startswith(MODIFIER)


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
    columns = {"Frequency": frequencies, "Ratio": GENTLE.ratio(frequencies)}
    return {
        f"{name} {index}": float(value) for name, column in columns.items() for index, value in enumerate(column, 1)
    }


def set_inputs(obj, values):
    """Set inputs of the rig of `obj` by name.

    Raises:
        SettingsError: it has no rig, or one that was changed.
    """
    modifier, identifiers = _inputs(obj, values)
    for name, value in values.items():
        compat.set_modifier_value(modifier, identifiers[name], value)
    obj.update_tag()  # writing alone makes no one look


def get_input(obj, name):
    """Value of one input of the rig of `obj`, by name.

    Raises:
        SettingsError: it has no rig, or one that was changed.
    """
    return compat.modifier_value(*input_of(obj, name))


def get_picture(obj, name):
    """The image in one input of the rig of `obj`, by name.

    Raises:
        SettingsError: there is none, or as `get_input`.
    """
    image = get_input(obj, name)
    if image is None:
        raise SettingsError(f"the rig of '{obj.name}' lost its picture {name!r}: {WAY_OUT}")
    return image


def input_of(obj, name):
    """The modifier that is the rig of `obj`, and the identifier of one of its inputs.

    Raises:
        SettingsError: it has no rig, or one that was changed.
    """
    modifier, identifiers = _inputs(obj, [name])
    return modifier, identifiers[name]


def _inputs(obj, names):
    """The modifier that is the rig of `obj`, and the identifiers of its inputs, those of `names` among them."""
    modifier = modifier_of(obj)
    identifiers = {} if modifier is None else inputs_of(modifier.node_group)
    missing = [name for name in names if name not in identifiers]
    if modifier is None or missing:
        lacks = f"lost its input {missing[0]!r}" if modifier is not None else "is gone"
        raise SettingsError(f"the rig of '{obj.name}' {lacks}: {WAY_OUT}")
    return modifier, identifiers


def _build(tree, n_modes):
    tree.tree.is_modifier = True
    tree.add_output("Geometry", "Geometry")
    tree.add_input("Geometry", "Geometry")
    _declare(tree, n_modes)
    displacement, coefficients = _modes(tree, n_modes)
    with tree.frame("Sheet in the viewport, tents in a render"):
        shown = _nested(tree, 7, sheet.group(n_modes), sheet.INPUTS)
        for index, pair in enumerate(coefficients, 1):
            for name, value in zip(sheet.coefficient_names(index), pair, strict=True):
                tree.feed(value, shown.inputs[name])
        x, y, _ = tree.components(7, displacement)
        carried = _nested(tree, 8, offset.group(), offset.INPUTS, X=x, Y=y, Smooth=False)
        plate = {"Has Plate": tree.boolean_math("AND", 8, tree.input("Has Plate"), _swing(tree, coefficients))}
        rendered = _nested(tree, 9, tents.group(), tents.INPUTS, Displacement=carried, **plate)
        hidden = tree.boolean_math("NOT", 8, tree.input("Tents"))
        is_sheet = tree.boolean_math("AND", 9, tree.node("GeometryNodeIsViewport", 8), hidden)
        is_sheet = tree.boolean_math("OR", 10, is_sheet, tree.input("As Card"))
        # The default type of a switch differs between versions, so it is stated.
        choice = tree.node(
            "GeometryNodeSwitch", 11, {"Switch": is_sheet, "False": rendered, "True": shown}, input_type="GEOMETRY"
        )
        tree.outputs(12, Geometry=choice)


def _swing(tree, coefficients):
    """0 in a frame in which no mode moves anything: then a render is the still and nothing lies under it."""
    length = 0.0
    for re, minus_im in coefficients:
        pair = tree.vector(7, re, minus_im, length)
        length = tree.node("ShaderNodeVectorMath", 7, {"Vector": pair}, operation="LENGTH").outputs["Value"]
    return tree.math("GREATER_THAN", 7, length, 0.0)


def _nested(tree, column, group, names, **values):
    """A node of one of our groups; of its inputs `names`, those that `values` does not give are inputs of the rig."""
    node = tree.node("GeometryNodeGroup", column, node_tree=group, label=group.name.removeprefix(".GID "))
    for name in names:
        tree.feed(values[name] if name in values else tree.input(name), node.inputs[name])
    return node


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


def _modes(tree, n_modes):
    """Displacement in pixels of the volume, and each mode's coefficient as (Re, Minus Im)."""
    total, coefficients = (0.0, 0.0, 0.0), []
    nested = mode.group()
    with tree.frame("Sum of the modes, where a tent stood in the still"):
        time = _nested(tree, 1, clock.group(), clock.INPUTS)
        own = tree.node("GeometryNodeInputNamedAttribute", 0, {"Name": UV}, data_type="FLOAT_VECTOR")
        uv = _nested(tree, 1, lookup.group(), lookup.INPUTS, UV=own.outputs["Attribute"])
        dials = tree.vector(0, *(tree.input(name) for name in ("Low", "Mid", "High")))
        off = tree.node("ShaderNodeVectorMath", 1, {"Vector": dials, "Vector_001": (1.0,) * 3}, operation="DISTANCE")
        shared = {
            "Frame": time.outputs["Frame"],
            "Rest": time.outputs["Rest"],
            "Dials": dials,
            "Has Dials": tree.math("GREATER_THAN", 1, off.outputs["Value"], 0.0),
            "UV": uv.outputs["UV"],
        }
        for index in range(1, n_modes + 1):
            node = tree.node("GeometryNodeGroup", 2, node_tree=nested, label=f"Mode {index}")
            values = {name: tree.input(f"{name} {index}") for name in mode.MODE_INPUTS}
            values |= {**shared, "Sum": total}
            values |= {name: tree.input(name) for name in mode.SHARED_INPUTS if name not in values}
            for name, value in values.items():
                tree.feed(value, node.inputs[name])
            total = node.outputs["Sum"]
            coefficients.append((node.outputs["Re"], node.outputs["Minus Im"]))
    return total, coefficients
