"""Node group ".GID Sharp": the colour that a tent carries, sharpened by what its landing will blur.

The same numbers as gid_core.frames.sharp, which says why: second and sixth differences of the still in x and in y, read
at the pixel and three to each side, kin alone, weighed by the fraction of a pixel that the tent lands beyond one.
It is worked out once a tent and stored with it, so that a ray that meets the tent reads no image.
"""

import numpy as np

from ...gid_core.frames.sharp import REACH, SIXTH
from .builder import shared_group

__all__ = ["group", "kin_of_pixels", "kin_pixels"]

VERSION = 2
_SIDES = ((1, 0), (-1, 0), (0, -1), (0, 1))  # right, left, below, above, as in sharp.kin; v runs up
_BYTE = 255.0
# Two counts share a channel. Alpha cannot hold one: Geometry Nodes multiply colours of 8 bits by it.
_BASE = REACH + 1.0
_FACTORS = 15.0, -6.0, 1.0  # of the neighbours 1, 2 and 3 px away in a sixth difference


def kin_pixels(kin: np.ndarray) -> np.ndarray:
    """What the image "Kin" holds: float32 (H, W, 3) from the bytes (H, W, 5) of gid_core.frames.sharp.kin."""
    pixels = np.zeros((*kin.shape[:2], 3), np.float32)
    pixels[..., 0] = kin[..., 0] + _BASE * kin[..., 1]
    pixels[..., 1] = kin[..., 2] + _BASE * kin[..., 3]
    pixels[..., 2] = kin[..., 4]
    return pixels / np.float32(_BYTE)


def group():
    """The shared group, built if need be."""
    return shared_group(".GID Sharp", "GeometryNodeTree", VERSION, _build, key="GID Sharp")


def kin_of_pixels(pixels: np.ndarray) -> np.ndarray:
    """The bytes uint8 (H, W, 5) that `kin_pixels` packed."""
    packed = np.rint(pixels[..., :3] * np.float32(_BYTE)).astype(np.uint8)
    behind, ahead = np.divmod(packed[..., :2], np.uint8(_BASE))
    return np.stack([ahead[..., 0], behind[..., 0], ahead[..., 1], behind[..., 1], packed[..., 2]], -1)


def _build(tree):
    tree.add_input("Still", "Image", description="The photo, linear")
    tree.add_input(
        "Kin", "Image", description="How far neighbours go along, and how much of the correction a pixel takes"
    )
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
        x_reach, y_reach, share = tree.components(3, _read(tree, 2, tree.input("Kin"), uv)["Color"])
        reaches = [reach for pair in (x_reach, y_reach) for reach in _unpacked(tree, 4, pair)]
        sides = []
        for (x, y), reach in zip(_SIDES, reaches, strict=True):
            texel = tree.vector(3, *(tree.math("MULTIPLY", 3, part, float(n)) for part, n in ((right, x), (up, y))))
            texels = []
            for n in range(1, REACH + 1):  # beyond the last of the kin that one stands for the others
                by = tree.math("MINIMUM", 8, reach, float(n))
                place = tree.vector_math("MULTIPLY_ADD", 10, texel, _grey(tree, 9, by), uv)
                texels.append(_read(tree, 11, tree.input("Still"), place))
            sides.append(texels)
    with tree.frame("Color: plus share times spread times (second / 2 + spread squared times sixth times factor)"):
        steps = [[tree.vector_math("SUBTRACT", 12, texel["Color"], own["Color"]) for texel in side] for side in sides]
        colour = _sharpened(tree, 13, own["Color"], spreads, share, steps, tree.vector_math, tree.scale)
    with tree.frame("Opacity: likewise, within 0 and 1"):
        steps = [[tree.math("SUBTRACT", 12, texel["Alpha"], own["Alpha"]) for texel in side] for side in sides]
        scale = lambda column, value, factor: tree.math("MULTIPLY", column, value, factor)  # noqa: E731
        opacity = _sharpened(tree, 13, own["Alpha"], spreads, share, steps, tree.math, scale)
        opacity = tree.math("MINIMUM", 23, tree.math("MAXIMUM", 22, opacity, 0.0), 1.0)
        # Colour, premultiplied, lies no farther beyond its opacity than it did.
        beyond = tree.vector_math("SUBTRACT", 23, own["Color"], _grey(tree, 22, own["Alpha"]))
        most = tree.vector_math(
            "ADD", 25, _grey(tree, 24, opacity), tree.vector_math("MAXIMUM", 24, beyond, (0.0,) * 3)
        )
        inside = tree.vector_math("MINIMUM", 26, colour, most)
    with tree.frame("Opaque stills need no opacity"):
        has = tree.input("Has Opacity")
        chosen = tree.node(
            "GeometryNodeSwitch", 27, {"Switch": has, "False": colour, "True": inside}, input_type="VECTOR"
        )
        alpha = tree.node("GeometryNodeSwitch", 27, {"Switch": has, "False": 1.0, "True": opacity}, input_type="FLOAT")
        red, green, blue = tree.components(28, chosen)
        whole = tree.node(
            "FunctionNodeCombineColor",
            29,
            {"Red": red, "Green": green, "Blue": blue, "Alpha": alpha},
            mode="RGB",
        )
        tree.outputs(30, Color=whole)


def _unpacked(tree, column, channel):
    """The two counts in a channel: ahead, behind."""
    both = tree.math("ROUND", column + 1, tree.math("MULTIPLY", column, channel, _BYTE))
    behind = tree.math("FLOOR", column + 3, tree.math("MULTIPLY_ADD", column + 2, both, 1 / _BASE, 0.1))
    return tree.math("MULTIPLY_ADD", column + 4, behind, -_BASE, both), behind


def _sharpened(tree, column, own, spreads, share, steps, math, scale):
    """Steps (side, distance) to the neighbours' values, as values of one pixel: own + the correction in x and y."""
    total = own
    for spread, (ahead, behind) in zip(spreads, (steps[:2], steps[2:]), strict=True):
        pairs = [math("ADD", column, *pair) for pair in zip(ahead, behind, strict=True)]
        near, far, farthest = (scale(column + 1, *pair) for pair in zip(pairs, _FACTORS, strict=True))
        sixth = math("ADD", column + 3, math("ADD", column + 2, near, far), farthest)
        square = tree.math("MULTIPLY", column + 2, spread, spread)
        weighed = scale(column + 4, sixth, tree.math("MULTIPLY", column + 3, square, SIXTH))
        both = math("ADD", column + 5, weighed, scale(column + 4, pairs[0], 0.5))
        total = math(
            "ADD", column + 7, total, scale(column + 6, both, tree.math("MULTIPLY", column + 5, spread, share))
        )
    return total


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
