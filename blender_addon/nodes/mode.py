"""Node group ".GID Mode": what one frequency of the volume adds to the displacement.

It first makes the mode's complex coefficient of this frame, c, from single values (once a frame, not once a pixel),
then Re(A c) from the mode's image. The coefficient goes out too, for whoever has A at hand. The group is nested
because Blender checks a whole tree at every new link: all modes in one flat tree take seconds to build. What a frame
may do without is nested once more, behind switches and in groups of its own: nodes that are not asked for cost a frame
some 0.1 microseconds each just by being in a group that runs, and nothing in one that does not.
"""

import math

from ...gid_core.motion.edits import BANDS_HZ
from .builder import output_socket, shared_group

__all__ = ["MODE_INPUTS", "SHARED_INPUTS", "group"]

VERSION = 3

# What a rig gives each of its modes, with default and tooltip.
MODE_INPUTS = {
    "Image": ("Image", None, "Re x, Im x, Re y, Im y of the mode, in pixels of this image, y up"),
    "Gain": ("Float", 1.0, "How strongly this frequency takes part in a loop of this length"),
    "Phase": ("Float", 0.0, "Turns this frequency, in radians"),
    "Harmonic": ("Int", None, "Whole oscillations in one loop"),
    "Frequency": ("Float", 1.0, "Oscillations a second after a pluck, in Hz"),
    "Ratio": ("Float", 0.05, "Share of critical damping after a pluck while Damping is 1"),
    "Pluck Re": ("Float", 0.0, "State at the newest pluck, real part"),
    "Pluck Im": ("Float", 0.0, "State at the newest pluck, imaginary part"),
}

# What all modes of a rig share.
SHARED_INPUTS = {
    "Frame": ("Float", 0.0, "Frames since the loop's start, 0 to below Length"),
    "Length": ("Int", 120, "Frames in one loop"),
    "Amount": ("Float", 1.0, "Strength of the loop"),
    "Rest": ("Float", 0.0, "How much of the first frame's pose is taken away, 0 to 1"),
    "Phase Offset": ("Float", 0.0, "Part of the loop by which the motion runs ahead, in loops"),
    "Has Dials": ("Bool", False, "Some dial is not at 1"),
    "Dials": ("Vector", (1.0, 1.0, 1.0), "Strength of the slow, the middle and the fast frequencies"),
    "Pluck Time": ("Float", -1.0, "Seconds since the newest pluck; below 0: no pluck"),
    "Damping": ("Float", 1.0, "Times the mode's own damping"),
    "UV": ("Vector", None, "Where to read the image"),
    "Sum": ("Vector", None, "Displacement by the modes before this one"),
}

# Pluck Time comes from an F-curve: its 0 may be a hair below.
_BEGUN_S = -1e-6


def group():
    """The shared group, built if need be."""
    return shared_group(".GID Mode", "GeometryNodeTree", VERSION, _build, key="GID Mode")


def _build(tree):
    for name, (kind, default, description) in {**MODE_INPUTS, **SHARED_INPUTS}.items():
        tree.add_input(name, kind, default, description=description)
    tree.add_output("Sum", "Vector", description="Displacement, this mode added, in pixels of the image, y up")
    tree.add_output("Re", "Float", description="Real part of the coefficient")
    tree.add_output("Minus Im", "Float", description="Imaginary part of the coefficient, negated")
    get = tree.input
    with tree.frame("Band: the gain by the dials"):
        dialled = _nested(tree, 4, _part("Band", _BAND_INPUTS, {"Gain": "Float"}, _build_band))
        band = _either(tree, 5, get("Has Dials"), dialled.outputs["Gain"], 1.0)
    re, im = _loop(tree, band)
    with tree.frame("Coefficient: c = Loop, plus Pluck once there is one"):
        has_begun = tree.math("GREATER_THAN", 9, get("Pluck Time"), _BEGUN_S)
        pluck = _part("Pluck", _PLUCK_INPUTS, {"Re": "Float", "Im": "Float"}, _build_pluck)
        plucked = _nested(tree, 9, pluck, Band=band, Loop_Re=re, Loop_Im=im)
        re, im = (
            _either(tree, 10, has_begun, plucked.outputs[name], alone) for name, alone in (("Re", re), ("Im", im))
        )
        minus_im = tree.math("MULTIPLY", 11, im, -1.0)
    with tree.frame("Displacement: Sum + Re(A c)"):
        image = _part("Image", _IMAGE_INPUTS, {"Sum": "Vector"}, _build_image)
        tree.outputs(13, Sum=_nested(tree, 12, image, Re=re, Minus_Im=minus_im), Re=re, Minus_Im=minus_im)


def _part(name, inputs, outputs, build):
    """One of the groups that the mode is made of: {name: kind} of its sockets, and what fills it."""

    def declare(tree):
        for socket, kind in outputs.items():
            tree.add_output(socket, kind)
        for socket, kind in inputs.items():
            tree.add_input(socket, kind, description=_described(socket))
        build(tree)

    return shared_group(f".GID Mode {name}", "GeometryNodeTree", VERSION, declare, key=f"GID Mode {name}")


def _described(name):
    known = {**MODE_INPUTS, **SHARED_INPUTS}
    return known[name][-1] if name in known else ""


def _nested(tree, column, part, **values):
    """A node of one of those groups; inputs that `values` does not give are inputs of the mode."""
    node = tree.node("GeometryNodeGroup", column, node_tree=part, label=part.name.removeprefix(".GID Mode "))
    values = {name.replace("_", " "): value for name, value in values.items()}
    for socket in node.inputs:
        tree.feed(values[socket.name] if socket.name in values else tree.input(socket.name), socket)
    return node


def _loop(tree, band):
    """The loop's coefficient as (re, im)."""
    get = tree.input
    with tree.frame("Start: 2 pi Harmonic Phase Offset + Phase"):
        ahead = tree.math("FRACT", 2, tree.math("MULTIPLY", 1, get("Harmonic"), get("Phase Offset")))
        start = tree.math("MULTIPLY_ADD", 3, ahead, math.tau, get("Phase"))
    with tree.frame("Now: Start + 2 pi Harmonic Frame / Length"):
        # Harmonic * Frame is a whole number at whole frames, so a frame and its copy a loop later agree bit for bit.
        cycles = tree.math("MULTIPLY", 1, get("Harmonic"), get("Frame"))
        turned = tree.math("DIVIDE", 3, tree.math("FLOORED_MODULO", 2, cycles, get("Length")), get("Length"))
        now = tree.math("MULTIPLY_ADD", 4, turned, math.tau, start)
    with tree.frame("Loop: Gain Amount Band (e^(i Now) - Rest e^(i Start))"):
        strength = tree.math("MULTIPLY", 6, tree.math("MULTIPLY", 5, get("Gain"), get("Amount")), band)
        taken = tree.math("MULTIPLY", 6, get("Rest"), -1.0)
        swings = zip(_turn(tree, 6, now), _turn(tree, 6, start), strict=True)
        return _scaled(
            tree, 8, [tree.math("MULTIPLY_ADD", 7, first, taken, swing) for swing, first in swings], strength
        )


_PLUCK_INPUTS = dict.fromkeys(
    ("Damping", "Ratio", "Pluck Time", "Frequency", "Pluck Re", "Pluck Im", "Band", "Loop Re", "Loop Im"), "Float"
)


def _build_pluck(tree):
    """The loop's coefficient with the pluck's added."""
    get = tree.input
    with tree.frame("Damping: zeta = min(Damping Ratio, 1)"):
        zeta = tree.math("MINIMUM", 2, tree.math("MULTIPLY", 1, get("Damping"), get("Ratio")), 1.0)
    with tree.frame("Pole: Band e^(2 pi Frequency Time (-zeta + i sqrt(1 - zeta^2)))"):
        seconds = tree.math("MAXIMUM", 2, get("Pluck Time"), 0.0)
        cycles = tree.math("MULTIPLY", 3, seconds, get("Frequency"))
        decay = tree.math("EXPONENT", 5, tree.math("MULTIPLY", 4, tree.math("MULTIPLY", 3, zeta, -math.tau), cycles))
        lost = tree.math("MULTIPLY", 3, zeta, zeta)
        slower = tree.math("SQRT", 4, tree.math("SUBTRACT", 3, 1.0, lost))
        turned = tree.math("FRACT", 5, tree.math("MULTIPLY", 4, cycles, slower))
        swing = _turn(tree, 6, tree.math("MULTIPLY", 5, turned, math.tau))
        pole = _scaled(tree, 7, swing, tree.math("MULTIPLY", 6, decay, get("Band")))
    with tree.frame("Loop + (Pluck Re + i Pluck Im) Pole"):
        re, im = _times(tree, 8, (get("Pluck Re"), get("Pluck Im")), pole)
        tree.outputs(13, Re=tree.math("ADD", 12, get("Loop Re"), re), Im=tree.math("ADD", 12, get("Loop Im"), im))


_BAND_INPUTS = {"Frequency": "Float", "Dials": "Vector"}


def _build_band(tree):
    """The gain that the dials give this mode, as gid_core.motion.edits.mode_gains says: 1 where all dials are at 1."""
    get = tree.input
    low, middle, high = (math.log2(hz) for hz in BANDS_HZ)
    with tree.frame("Mid + Low Share (Low - Mid) + High Share (High - Mid), shares over log Frequency"):
        place = tree.math("LOGARITHM", 1, get("Frequency"), 2.0)
        dials = tree.components(1, get("Dials"))
        gain = dials[1]
        for column, (dial, end) in enumerate(((dials[0], low), (dials[2], high)), 3):
            share = tree.node(
                "ShaderNodeMapRange", 2, {"Value": place, "From Min": middle, "From Max": end}, clamp=True
            ).outputs["Result"]
            gain = tree.math("MULTIPLY_ADD", column, share, tree.math("SUBTRACT", 2, dial, dials[1]), gain)
        tree.outputs(5, Gain=gain)


_IMAGE_INPUTS = {"Image": "Image", "UV": "Vector", "Re": "Float", "Minus Im": "Float", "Sum": "Vector"}


def _build_image(tree):
    """Sum, with Re(A c) = Re A Re c - Im A Im c of this mode added."""
    get = tree.input
    with tree.frame("Sum + Re(A c)"):
        texel = tree.node(
            "GeometryNodeImageTexture",
            7,
            {"Image": get("Image"), "Vector": get("UV")},
            interpolation="Linear",
            extension="EXTEND",
        )
        # Colour to float would take the luminance: separate it.
        part = tree.node("FunctionNodeSeparateColor", 8, {"Color": texel.outputs["Color"]}, mode="RGB").outputs
        x = _dot(tree, 8, part["Red"], get("Re"), part["Green"], get("Minus Im"))
        y = _dot(tree, 8, part["Blue"], get("Re"), texel.outputs["Alpha"], get("Minus Im"))
        tree.outputs(12, Sum=tree.vector_math("ADD", 11, get("Sum"), tree.vector(10, x, y)))


def _either(tree, column, switch, true, false):
    # The default type of a switch differs between versions, so it is stated.
    return output_socket(
        tree.node("GeometryNodeSwitch", column, {"Switch": switch, "True": true, "False": false}, input_type="FLOAT")
    )


def _dot(tree, column, a, b, c, d):
    """a b + c d"""
    return tree.math("MULTIPLY_ADD", column + 1, a, b, tree.math("MULTIPLY", column, c, d))


def _times(tree, column, a, b):
    """Product of two complex numbers given as (re, im)."""
    minus = tree.math("MULTIPLY", column, a[1], -1.0)
    return _dot(tree, column, a[0], b[0], minus, b[1]), _dot(tree, column, a[0], b[1], a[1], b[0])


def _turn(tree, column, angle):
    """e^(i angle) as (re, im)."""
    return tree.math("COSINE", column, angle), tree.math("SINE", column, angle)


def _scaled(tree, column, number, factor):
    """A complex number given as (re, im) times a real one."""
    return tuple(tree.math("MULTIPLY", column, part, factor) for part in number)
