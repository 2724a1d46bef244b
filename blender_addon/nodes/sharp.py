"""Node group ".GID Sharp": the colour that a tent carries, sharpened by what its landing will blur.

The same numbers as gid_core.frames.sharp, which says why: second and fourth differences of the still in x and in y,
read at the pixel and two to each side, kin alone, weighed by the fraction of a pixel that the tent lands beyond one.
It is worked out once a tent and stored with it, so that a ray that meets the tent reads no image.
"""

import numpy as np

from ...gid_core.frames.sharp import FOURTH
from .builder import shared_group

__all__ = ["group", "kin_of_pixels", "kin_pixels"]

VERSION = 1
_SIDES = ((1, 0), (-1, 0), (0, -1), (0, 1))  # right, left, below, above, as in sharp.kin; v runs up
_BYTE = 255.0
# Two counts of 0 to 2 share a channel. Alpha cannot hold one: Geometry Nodes multiply colours of 8 bits by it.
_BASE = 3.0


def kin_pixels(kin: np.ndarray) -> np.ndarray:
    """What the image "Kin" holds: float32 (H, W, 3) from the counts (H, W, 4) of gid_core.frames.sharp.kin."""
    pixels = np.zeros((*kin.shape[:2], 3), np.float32)
    pixels[..., 0] = kin[..., 0] + _BASE * kin[..., 1]
    pixels[..., 1] = kin[..., 2] + _BASE * kin[..., 3]
    return pixels / np.float32(_BYTE)


def group():
    """The shared group, built if need be."""
    return shared_group(".GID Sharp", "GeometryNodeTree", VERSION, _build, key="GID Sharp")


def kin_of_pixels(pixels: np.ndarray) -> np.ndarray:
    """The counts uint8 (H, W, 4) that `kin_pixels` packed."""
    both = np.rint(pixels[..., :2] * np.float32(_BYTE)).astype(np.uint8)
    behind, ahead = np.divmod(both, np.uint8(_BASE))
    return np.stack([ahead[..., 0], behind[..., 0], ahead[..., 1], behind[..., 1]], -1)


def _build(tree):
    tree.add_input("Still", "Image", description="The photo, linear")
    tree.add_input("Kin", "Image", description="How many pixels to the right, left, below and above go along, 0 to 2")
    tree.add_input("UV", "Vector", description="The pixel's place in the still")
    tree.add_input("Displacement", "Vector", description="In pixels of the still")
    tree.add_input("Has Opacity", "Bool", False, description="The still is transparent somewhere")
    tree.add_output("Color", "Color", description="Its opacity is the pixel's")

    with tree.frame("Spread: f (f - 1), f the fraction of a pixel beyond one"):
        fraction = tree.vector_math("FRACTION", 1, tree.input("Displacement"))
        square = tree.vector_math("MULTIPLY", 2, fraction, fraction)
        spreads = tree.components(4, tree.vector_math("SUBTRACT", 3, square, fraction))[:2]
    with tree.frame("The pixel, its neighbours, and which of them are kin"):
        uv = tree.input("UV")
        size = tree.node("GeometryNodeImageInfo", 1, {"Image": tree.input("Still")}).outputs
        right, up = (tree.math("DIVIDE", 2, 1.0, size[side]) for side in ("Width", "Height"))
        own = _read(tree, 5, tree.input("Still"), uv)
        reaches = [
            reach
            for pair in tree.components(3, _read(tree, 2, tree.input("Kin"), uv)["Color"])[:2]
            for reach in _unpacked(tree, 4, pair)
        ]
        sides = []
        for (x, y), reach in zip(_SIDES, reaches, strict=True):
            texel = tree.vector(3, *(tree.math("MULTIPLY", 3, part, float(n)) for part, n in ((right, x), (up, y))))
            texels = []
            for n in (1, 2):
                place = tree.vector_math("MULTIPLY_ADD", 4, texel, (float(n),) * 3, uv)
                is_kin = tree.math("GREATER_THAN", 8, reach, n - 0.5)
                texels.append((_read(tree, 5, tree.input("Still"), place), is_kin))
            sides.append(texels)
    with tree.frame("Color: plus spread times (second / 2 + spread times fourth times share)"):
        steps = [[_step(tree, 9, texel["Color"], own["Color"], is_kin) for texel, is_kin in side] for side in sides]
        colour = _sharpened(tree, 11, own["Color"], spreads, steps, tree.vector_math, tree.scale)
    with tree.frame("Opacity: likewise, within 0 and 1"):
        steps = [
            [
                tree.math("MULTIPLY", 10, tree.math("SUBTRACT", 9, texel["Alpha"], own["Alpha"]), is_kin)
                for texel, is_kin in side
            ]
            for side in sides
        ]
        scale = lambda column, value, factor: tree.math("MULTIPLY", column, value, factor)  # noqa: E731
        opacity = _sharpened(tree, 11, own["Alpha"], spreads, steps, tree.math, scale)
        opacity = tree.math("MINIMUM", 18, tree.math("MAXIMUM", 17, opacity, 0.0), 1.0)
        # Colour, premultiplied, lies no farther beyond its opacity than it did.
        beyond = tree.vector_math("SUBTRACT", 18, own["Color"], _grey(tree, 17, own["Alpha"]))
        most = tree.vector_math(
            "ADD", 20, _grey(tree, 19, opacity), tree.vector_math("MAXIMUM", 19, beyond, (0.0,) * 3)
        )
        inside = tree.vector_math("MINIMUM", 21, colour, most)
    with tree.frame("Opaque stills need no opacity"):
        has = tree.input("Has Opacity")
        chosen = tree.node(
            "GeometryNodeSwitch", 22, {"Switch": has, "False": colour, "True": inside}, input_type="VECTOR"
        )
        alpha = tree.node("GeometryNodeSwitch", 22, {"Switch": has, "False": 1.0, "True": opacity}, input_type="FLOAT")
        red, green, blue = tree.components(23, chosen)
        whole = tree.node(
            "FunctionNodeCombineColor",
            24,
            {"Red": red, "Green": green, "Blue": blue, "Alpha": alpha},
            mode="RGB",
        )
        tree.outputs(25, Color=whole)


def _unpacked(tree, column, channel):
    """The two counts in a channel: ahead, behind."""
    both = tree.math("ROUND", column + 1, tree.math("MULTIPLY", column, channel, _BYTE))
    behind = tree.math("FLOOR", column + 3, tree.math("MULTIPLY_ADD", column + 2, both, 1 / _BASE, 0.1))
    return tree.math("MULTIPLY_ADD", column + 4, behind, -_BASE, both), behind


def _sharpened(tree, column, own, spreads, steps, math, scale):
    """Steps (side, distance) to the neighbours' values, as values of one pixel: own + the correction in x and y."""
    total = own
    for spread, (ahead, behind) in zip(spreads, (steps[:2], steps[2:]), strict=True):
        second = math("ADD", column, ahead[0], behind[0])
        far = math("ADD", column, ahead[1], behind[1])
        fourth = math("ADD", column + 2, far, scale(column + 1, second, -4.0))
        weighed = scale(column + 3, fourth, tree.math("MULTIPLY", column + 2, spread, FOURTH))
        both = math("ADD", column + 4, weighed, scale(column + 3, second, 0.5))
        total = math("ADD", column + 6, total, scale(column + 5, both, spread))
    return total


def _step(tree, column, there, here, is_kin):
    return tree.scale(column + 1, tree.vector_math("SUBTRACT", column, there, here), is_kin)


def _grey(tree, column, value):
    return tree.vector(column, value, value, value)


def _read(tree, column, image, uv):
    return tree.node(
        "GeometryNodeImageTexture",
        column,
        {"Image": image, "Vector": uv},
        interpolation="Closest",
        extension="EXTEND",
    ).outputs
