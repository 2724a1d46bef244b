"""Node group ".GID Clock": the frame of the loop that a clock shows, and how much of the first pose is taken away then.

It is nested, like all parts of the rig, because Blender checks a whole tree at every new node and link.
"""

import math

from .builder import shared_group

__all__ = ["INPUTS", "group"]

VERSION = 1
INPUTS = {
    "Clock": ("Float", "Frames since the loop's start"),
    "Length": ("Int", "Frames in one loop"),
    "Anchor": ("Float", "1: the loop's first frame is the untouched still; 0: motion as it comes"),
}

# A key's value read from the F-curve is off by some 1e-7 of the loop's length; whole frames are snapped to.
_SNAP_FRAMES = 0.004


def group():
    """The shared group, built if need be."""
    return shared_group(".GID Clock", "GeometryNodeTree", VERSION, _build, key="GID Clock")


def _build(tree):
    for name, (kind, description) in INPUTS.items():
        tree.add_input(name, kind, description=description)
    tree.add_output("Frame", "Float", description="Frames since the loop's start, 0 to below Length")
    tree.add_output("Rest", "Float", description="How much of the first frame's pose is taken away, 0 to 1")
    get = tree.input
    with tree.frame("Clock: whole frames exact, then wrapped into the loop"):
        whole = tree.math("ROUND", 1, get("Clock"))
        near = tree.math("COMPARE", 2, get("Clock"), whole, _SNAP_FRAMES)
        snapped = tree.node("ShaderNodeMix", 3, {"Factor_Float": near, "A_Float": get("Clock"), "B_Float": whole})
        frame = tree.math("FLOORED_MODULO", 4, snapped, get("Length"))
    with tree.frame("Rest: Anchor ((1 + cos(2 pi Frame / Length)) / 2)^4"):
        angle = tree.math("MULTIPLY", 6, tree.math("DIVIDE", 5, frame, get("Length")), math.tau)
        raised = tree.math("MULTIPLY_ADD", 8, tree.math("COSINE", 7, angle), 0.5, 0.5)
        square = tree.math("MULTIPLY", 9, raised, raised)
        rest = tree.math("MULTIPLY", 11, tree.math("MULTIPLY", 10, square, square), get("Anchor"))
    tree.outputs(12, Frame=frame, Rest=rest)
