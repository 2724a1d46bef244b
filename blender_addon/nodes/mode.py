"""Node group ".GID Mode": what one frequency of the volume adds to the displacement.

It first makes the mode's complex coefficient of this frame, c, from single values (once a frame, not once a pixel),
then Re(A c) from the mode's image. The coefficient goes out too, for whoever has A at hand. The group is nested
because Blender checks a whole tree at every new link: all modes in one flat tree take seconds to build.
"""

import math

from .builder import shared_group

__all__ = ["MODE_INPUTS", "SHARED_INPUTS", "group"]

VERSION = 2

# What a rig gives each of its modes, with default and tooltip.
MODE_INPUTS = {
    "Image": ("Image", None, "Re x, Im x, Re y, Im y of the mode, in pixels of this image, y up"),
    "Gain": ("Float", 1.0, "How strongly this frequency takes part in a loop of this length"),
    "Phase": ("Float", 0.0, "Turns this frequency, in radians"),
    "Harmonic": ("Int", None, "Whole oscillations in one loop"),
    "Frequency": ("Float", 1.0, "Oscillations a second after a pluck, in Hz"),
    "Ratio": ("Float", 0.05, "Share of critical damping after a pluck while Damping is 1"),
    "Low Share": ("Float", 0.0, "How much of this frequency the dial Low governs, 0 to 1"),
    "High Share": ("Float", 0.0, "How much of this frequency the dial High governs, 0 to 1"),
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
    "Low": ("Float", 1.0, "Strength of the slowest frequencies"),
    "Mid": ("Float", 1.0, "Strength of the frequencies between"),
    "High": ("Float", 1.0, "Strength of the fastest frequencies"),
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
    re, minus_im = _coefficient(tree, _loop(tree), _pluck(tree), _band(tree))
    tree.outputs(12, Sum=_displacement(tree, re, minus_im), Re=re, Minus_Im=minus_im)


def _loop(tree):
    """The loop's coefficient as (re, im)."""
    get = tree.input
    with tree.frame("Time: e^(2 pi i Harmonic Frame / Length) - Rest"):
        # Harmonic * Frame is a whole number at whole frames, so a frame and its copy a loop later agree bit for bit.
        cycles = tree.math("MULTIPLY", 1, get("Harmonic"), get("Frame"))
        turned = tree.math("DIVIDE", 3, tree.math("FLOORED_MODULO", 2, cycles, get("Length")), get("Length"))
        angle = tree.math("MULTIPLY", 4, turned, math.tau)
        time = tree.math("SUBTRACT", 6, tree.math("COSINE", 5, angle), get("Rest")), tree.math("SINE", 5, angle)
    with tree.frame("Start: Gain Amount e^(i (Phase + 2 pi Harmonic Phase Offset))"):
        ahead = tree.math("FRACT", 2, tree.math("MULTIPLY", 1, get("Harmonic"), get("Phase Offset")))
        phase = tree.math("MULTIPLY_ADD", 3, ahead, math.tau, get("Phase"))
        strength = tree.math("MULTIPLY", 4, get("Gain"), get("Amount"))
        start = _scaled(tree, 5, _turn(tree, 4, phase), strength)
    with tree.frame("Loop: Start Time"):
        return _times(tree, 7, start, time)


def _pluck(tree):
    """The pluck's coefficient as (re, im), 0 before there is one."""
    get = tree.input
    with tree.frame("Damping: zeta = min(Damping Ratio, 1)"):
        zeta = tree.math("MINIMUM", 2, tree.math("MULTIPLY", 1, get("Damping"), get("Ratio")), 1.0)
    with tree.frame("Pole: e^(2 pi Frequency Time (-zeta + i sqrt(1 - zeta^2)))"):
        seconds = tree.math("MAXIMUM", 2, get("Pluck Time"), 0.0)  # far before a pluck the decay would overflow
        cycles = tree.math("MULTIPLY", 3, seconds, get("Frequency"))
        decay = tree.math("EXPONENT", 5, tree.math("MULTIPLY", 4, tree.math("MULTIPLY", 3, zeta, -math.tau), cycles))
        has_begun = tree.math("GREATER_THAN", 5, get("Pluck Time"), _BEGUN_S)
        lost = tree.math("MULTIPLY", 3, zeta, zeta)
        slower = tree.math("SQRT", 4, tree.math("SUBTRACT", 3, 1.0, lost))
        turned = tree.math("FRACT", 5, tree.math("MULTIPLY", 4, cycles, slower))
        swing = _turn(tree, 6, tree.math("MULTIPLY", 5, turned, math.tau))
        pole = _scaled(tree, 7, swing, tree.math("MULTIPLY", 6, decay, has_begun))
    with tree.frame("Pluck: (Pluck Re + i Pluck Im) Pole"):
        return _times(tree, 8, (get("Pluck Re"), get("Pluck Im")), pole)


def _band(tree):
    """The gain that Low, Mid and High give this mode: exactly 1 where all three are."""
    get = tree.input
    with tree.frame("Band: Mid + Low Share (Low - Mid) + High Share (High - Mid)"):
        gain = get("Mid")
        for column, dial in enumerate(("Low", "High"), 2):
            change = tree.math("SUBTRACT", 1, get(dial), get("Mid"))
            gain = tree.math("MULTIPLY_ADD", column, get(f"{dial} Share"), change, gain)
        return gain


def _coefficient(tree, loop, pluck, band):
    """(Re c, -Im c) of c = Band (Loop + Pluck)."""
    with tree.frame("Coefficient: c = Band (Loop + Pluck)"):
        re, im = (tree.math("MULTIPLY", 10, tree.math("ADD", 9, a, b), band) for a, b in zip(loop, pluck, strict=True))
        return re, tree.math("MULTIPLY", 11, im, -1.0)


def _displacement(tree, re, minus_im):
    """Sum, with Re(A c) = Re A Re c - Im A Im c of this mode added."""
    get = tree.input
    with tree.frame("Displacement: Sum + Re(A c)"):
        texel = tree.node(
            "GeometryNodeImageTexture",
            7,
            {"Image": get("Image"), "Vector": get("UV")},
            interpolation="Linear",
            extension="EXTEND",
        )
        # Colour to float would take the luminance: separate it.
        part = tree.node("FunctionNodeSeparateColor", 8, {"Color": texel.outputs["Color"]}, mode="RGB").outputs
        x = _dot(tree, 8, part["Red"], re, part["Green"], minus_im)
        y = _dot(tree, 8, part["Blue"], re, texel.outputs["Alpha"], minus_im)
        return tree.vector_math("ADD", 11, get("Sum"), tree.vector(10, x, y))


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
