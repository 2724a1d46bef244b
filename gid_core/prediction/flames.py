"""Flames: where a photo burns, and how far it leaps there.

A flame is bright and not blue, taller than wide and no broader at its top, and above and beside it is dark.
"""

import numpy as np

from ..motion import guided
from ..motion.sway import components, smoothstep

__all__ = ["leaps_px", "whole"]

_SHINES = 0.72  # mean of red and green, sRGB: a flame; the wax beside it is orange
_AROUND = 24  # px of the 256-px frame, at least, beside it that must be dark
_SHAPED = 8  # px of height from which a flame is seen to be taller than wide
_GLARES = (0.83, 0.87)  # of its brightest quarter, sRGB: cloth and bars in the light, the white of a flame
_HEIGHT = 25  # px of a flame that leaps by _LEAPS
_LEAPS = 1.7  # px, RMS: three fifths of what painted ones do, for most stand sheltered
_GLOWS = 2  # px around it that go with it, of its light and its blue foot
_SURE_PX = 0.8  # by which it leaps, if it surely is one
_KNOWN = 0.5  # of a flame must move, or it is a lamp


def leaps_px(picture: np.ndarray) -> np.ndarray:
    """px, RMS, by which flames leap: float (H, W), 0 where nothing burns.

    Small ones leap by the root of their height, as painted ones do; one that is seen close up, by a part of it.

    Args:
        picture: float32 (H, W, 3), sRGB-encoded, the longer side 256.
    """
    found = np.zeros(picture.shape[:2])
    for y, x, px in _flames(picture):
        found[y, x] = px
    return found


def whole(moves: np.ndarray, px: np.ndarray) -> np.ndarray:
    """moves (H, W), 0..1, where a flame most of which moves does so as a whole, with its glow. px: of `leaps_px`."""
    found, labels = moves.copy(), components(px > _SURE_PX)
    for label in np.unique(labels[labels >= 0]):
        flame = labels == label
        if moves[flame].mean() > _KNOWN:
            np.maximum(found, guided.maximum(flame.astype(moves.dtype), _GLOWS), out=found)
    return found


def _flames(picture):
    """(rows, columns, px by which it leaps) of the pixels of each bright spot; 0 px where none burns."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    grey, is_bright = picture.mean(-1), ((red + green) / 2 > _SHINES) & (red >= blue)
    rows, columns = np.nonzero(is_bright)
    labels = components(is_bright)[is_bright]
    order = np.argsort(labels, kind="stable")
    ends = np.flatnonzero(np.diff(labels[order])) + 1
    for part in np.split(order, ends) if len(order) else ():
        y, x = rows[part], columns[part]
        height, width = int(np.ptp(y)) + 1, int(np.ptp(x)) + 1
        beside = max(_AROUND, height // 2)
        top, left, right = max(0, y.min() - beside), max(0, x.min() - beside), x.max() + 1 + beside
        around = slice(top, y.max() + 1), slice(left, right)
        outside = grey[around][~is_bright[around]]  # below it may stand a candle that it lights
        dark = 1 - smoothstep(outside.mean(), 0.2, 0.32) if len(outside) else 0
        slender = smoothstep(height / width, 0.8, 1.2) if height > _SHAPED else 1
        middle = (y.mean() - y.min()) / max(height - 1, 1)
        stands = smoothstep(middle, 0.38, 0.44) if height > _SHAPED else 1  # a pennant or a drop hangs
        core = np.percentile((red + green)[y, x] / 2, 75)
        glares = smoothstep(core, *_GLARES) if height > _SHAPED else 1
        size = height / _HEIGHT
        yield y, x, _LEAPS * max(size**0.5, size) * dark * slender * stands * glares
