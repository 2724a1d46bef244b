"""Node group "GID Mode": what one frequency of the volume adds to the displacement.

It first makes the mode's complex coefficient of this frame, c_k, from single values (once a frame, not once a pixel),
then Re(A_k c_k) from the mode's image. The coefficients go out too, for whoever has A_k at hand. The group is nested
because a flat tree of all modes is checked anew at every link: seconds instead of a tenth of one.
"""

import math

from .builder import shared_group

__all__ = ["MODE_INPUTS", "group"]

VERSION = 1

# What a rig gives each of its modes, with default and tooltip.
MODE_INPUTS = {
    "Image": ("Image", None, "Re x, Im x, Re y, Im y of the mode, in pixels of this image, y up"),
    "Gain": ("Float", 1.0, "How strongly this frequency takes part"),
    "Phase": ("Float", 0.0, "Turns this frequency, in radians"),
    "Harmonic": ("Int", None, "Whole oscillations in one loop"),
    "Pluck Re": ("Float", 0.0, "Excitation by the pluck, real part"),
    "Pluck Im": ("Float", 0.0, "Excitation by the pluck, imaginary part"),
}


def group():
    """The shared group, built if need be."""
    return shared_group("GID Mode", "GeometryNodeTree", VERSION, _build)


def _build(tree):
    for name, (kind, default, description) in MODE_INPUTS.items():
        tree.add_input(name, kind, default, description=description)
    tree.add_input("Frame", "Float", description="Frames since the loop's start, 0 to below Length")
    tree.add_input("Length", "Int", description="Frames in one loop")
    tree.add_input("Amount", "Float", description="Strength of the loop")
    tree.add_input("Rest", "Float", description="How much of the first frame's pose is taken away, 0..1")
    tree.add_input("Pluck Angle", "Float", description="2 pi (frames since the pluck) / Length; below 0: no pluck")
    tree.add_input("Damping", "Float", description="Damping ratio of the pluck")
    tree.add_input("UV", "Vector", description="Where to read the image")
    tree.add_input("Sum", "Vector", description="Displacement by the modes before this one")
    tree.add_output("Sum", "Vector", description="Displacement, this mode added, in pixels of the image, y up")
    tree.add_output("Re", "Float", description="Real part of the coefficient")
    tree.add_output("Minus Im", "Float", description="Imaginary part of the coefficient, negated")
    get = tree.input

    with tree.frame("Loop: Gain e^(i Phase) (e^(2 pi i Harmonic Frame / Length) - Rest)"):
        # Harmonic * Frame is a whole number at whole frames, so a frame and its copy a loop later agree bit for bit.
        cycles = tree.math("MULTIPLY", 1, get("Harmonic"), get("Frame"))
        turned = tree.math("DIVIDE", 3, tree.math("FLOORED_MODULO", 2, cycles, get("Length")), get("Length"))
        angle = tree.math("MULTIPLY", 4, turned, math.tau)
        loop = _times(
            tree,
            5,
            (tree.math("SUBTRACT", 5, tree.math("COSINE", 4, angle), get("Rest")), tree.math("SINE", 5, angle)),
            tuple(tree.math(wave, 5, get("Phase")) for wave in ("COSINE", "SINE")),
        )
        strength = tree.math("MULTIPLY", 6, get("Gain"), get("Amount"))

    with tree.frame("Pluck: damped oscillation of the same frequency"):
        angle = tree.math("MULTIPLY", 1, get("Pluck Angle"), get("Harmonic"))
        decay = tree.math(
            "EXPONENT", 3, tree.math("MULTIPLY", 2, tree.math("MULTIPLY", 2, angle, get("Damping")), -1.0)
        )
        begun = tree.math("MULTIPLY", 4, decay, tree.math("GREATER_THAN", 3, get("Pluck Angle"), -1e-6))
        slower = tree.math("SUBTRACT", 2, 1.0, tree.math("MULTIPLY", 2, get("Damping"), get("Damping")))
        swing = tree.math("MULTIPLY", 3, angle, tree.math("SQRT", 3, slower))
        pluck = _times(
            tree,
            5,
            tuple(tree.math("MULTIPLY", 5, begun, tree.math(wave, 4, swing)) for wave in ("COSINE", "SINE")),
            (get("Pluck Re"), get("Pluck Im")),
        )

    with tree.frame("Re(A c) = Re A Re c - Im A Im c"):
        re, im = (tree.math("MULTIPLY_ADD", 7, a, strength, b) for a, b in zip(loop, pluck, strict=True))
        minus_im = tree.math("MULTIPLY", 8, im, -1.0)
        texel = tree.node(
            "GeometryNodeImageTexture",
            7,
            {"Image": get("Image"), "Vector": get("UV")},
            interpolation="Linear",
            extension="EXTEND",
        )
        # Colour to float would take the luminance: separate it.
        part = tree.node("FunctionNodeSeparateColor", 8, {"Color": texel.outputs["Color"]}, mode="RGB").outputs
        x = _dot(tree, 9, part["Red"], re, part["Green"], minus_im)
        y = _dot(tree, 9, part["Blue"], re, texel.outputs["Alpha"], minus_im)
        total = tree.vector_math("ADD", 12, get("Sum"), tree.vector(11, x, y))
    tree.outputs(13, Sum=total, Re=re, Minus_Im=minus_im)


def _dot(tree, column, a, b, c, d):
    """a b + c d"""
    return tree.math("MULTIPLY_ADD", column + 1, a, b, tree.math("MULTIPLY", column, c, d))


def _times(tree, column, a, b):
    """Product of two complex numbers given as (re, im)."""
    minus = tree.math("MULTIPLY", column, a[1], -1.0)
    return _dot(tree, column, a[0], b[0], minus, b[1]), _dot(tree, column, a[0], b[1], a[1], b[0])
