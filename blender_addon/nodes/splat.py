"""Compositor group "Softmax Splat": two sums become a picture.

Image = (Numerator + Plate Weight * Plate) / (Denominator + Plate Weight), for colour and opacity alike: one expression,
continuous in time. Without a plate what nothing covers is transparent. A Rendered viewport draws the sheet, which has
no sums: there one sees what the engine made, "Combined", which is empty in a final render. Usable on any passes that
hold such sums. A loop renders its plate along with the sums, so that it has their size and region; "Plate" is for one
that comes as a picture.
"""

from ...gid_core.frames.splat import HOLE, PLATE_WEIGHT
from .. import compat
from . import assets
from .builder import output_socket, shared_group

__all__ = ["group"]

VERSION = 5
_NO_LEAST = -3.4e38
_DESCRIPTION = "Divide the sums of a softmax splat, over a plate: picture, opacity and holes"


def group():
    """The shared group, an asset of the file, built if need be."""
    made = shared_group("Softmax Splat", "CompositorNodeTree", VERSION, _build, replace=True)
    return assets.as_asset(made, _DESCRIPTION, assets.discs())


def _build(tree):
    tree.add_output("Image", "Color", description="Premultiplied")
    tree.add_output("Alpha", "Float")
    tree.add_output("Holes", "Float", description="1 where nothing landed")
    tree.add_input("Numerator", "Color", (0.0, 0.0, 0.0, 0.0), description="Sum of weight x colour")
    tree.add_input("Denominator", "Float", 0.0, description="Sum of weights")
    tree.add_input(
        "Plate", "Color", (0.0, 0.0, 0.0, 0.0), description="Lies under everything, seen in holes; scaled to the render"
    )
    tree.add_input(
        "Plate Weight",
        "Float",
        0.0,
        minimum=0.0,
        description=f"How much the plate counts: 0 for none, {PLATE_WEIGHT:.1g} to fill holes and nothing else",
    )
    tree.add_input("Opacity", "Float", -1.0, description="Sum of weight x opacity; below 0: all is opaque")
    tree.add_input(
        "Weight Below",
        "Float",
        0.0,
        minimum=0.0,
        description="How much of the denominator is a plate's that was rendered along; Holes looks at the rest",
    )
    tree.add_input(
        "Least", "Float", _NO_LEAST, description="No colour below this: 0 for light, as sharpened tents can undershoot"
    )
    tree.add_input(
        "Lift",
        "Float",
        0.0,
        description="Taken off each colour: what was added before it was weighed, as EEVEE sums no light below 0",
    )
    tree.add_input(
        "Combined",
        "Color",
        (0.0, 0.0, 0.0, 0.0),
        description="Seen where there are no sums, as in a Rendered viewport: the render's own picture",
    )
    get = tree.input
    weight, denominator = get("Plate Weight"), get("Denominator")

    total = tree.math("ADD", 1, denominator, weight)
    has_sums = tree.math("GREATER_THAN", 2, total, HOLE)
    share = tree.math("DIVIDE", 3, has_sums, tree.math("MAXIMUM", 2, total, HOLE))
    has_none = tree.math("SUBTRACT", 3, 1.0, has_sums)
    combined = tree.node("CompositorNodeSeparateColor", 1, {"Image": get("Combined")}, mode="RGB")
    is_opaque = tree.math("LESS_THAN", 1, get("Opacity"), 0.0)
    opacity = tree.node(
        "ShaderNodeMix", 2, {"Factor_Float": is_opaque, "A_Float": get("Opacity"), "B_Float": denominator}
    )
    sums = tree.node("CompositorNodeSeparateColor", 1, {"Image": get("Numerator")}, mode="RGB")
    fitted = compat.scaled_to_render(tree, 0, get("Plate"))
    plate = tree.node("CompositorNodeSeparateColor", 1, {"Image": fitted}, mode="RGB")
    lift = tree.math("MULTIPLY", 1, get("Lift"), -1.0)
    channels = {}
    for name in ("Red", "Green", "Blue", "Alpha"):
        own = output_socket(opacity)
        if name != "Alpha":
            own = tree.math("ADD", 3, sums.outputs[name], tree.math("MULTIPLY", 2, denominator, lift))
        # The sums come first: the first operand decides how large the picture is.
        over = tree.math("ADD", 4, own, tree.math("MULTIPLY", 2, plate.outputs[name], weight))
        alone = tree.math("MULTIPLY", 4, combined.outputs[name], has_none)
        channels[name] = tree.math("MULTIPLY_ADD", 5, over, share, alone)
        if name != "Alpha":
            channels[name] = tree.math("MAXIMUM", 6, channels[name], get("Least"))
    image = tree.node("CompositorNodeCombineColor", 7, channels, mode="RGB")
    landed = tree.math("SUBTRACT", 3, denominator, get("Weight Below"))
    holes = tree.math("SUBTRACT", 5, 1.0, tree.math("GREATER_THAN", 4, landed, HOLE))
    tree.outputs(8, Image=image, Alpha=channels["Alpha"], Holes=holes)
