"""How far a kind of thing sways, by its size: one scale for painted things and for photographed ones.

RMS at the tip, px of a 256-wide frame; sizes in the same px. Measured loops of the field show 0.5 to 4 px; with flowers
at 2.0 and cloth at 2.2 the median of ours moved 1.6 times as far as they do.
"""

import numpy as np

__all__ = ["FALL", "expected", "flame_px", "flower_px", "hung_px", "is_hung"]

_HUNG = ("clothing", "lantern")  # in the name of a source: its things hang
_FLOWERS, _CANDLE = "flower", "CandleGlass"
FALL = 1.3  # a stem of length 1 sways by x^1.3 at x from its root
_STEM = 2.1  # heights of a blossom from its top to its root, the mean of what collages draw
_ONE_THING = 0.25  # of the picture: a larger outline of a flower photograph may be a whole bed


def hung_px(height):
    """Cloth, garments, lanterns, each with its cord: a pendulum."""
    return 1.6 * (height / 70) ** 0.5


def flame_px(height):
    return 2.8 * (height / 25) ** 0.5


def flower_px(length):
    """length: from root to tip."""
    return 1.4 * min(length / 80, 1.6)


def is_hung(row) -> bool:
    """Whether the things of a row of masks.json hang: its source holds such things alone, or the row says so."""
    return row.get("hangs", False) or any(name in row["source"] for name in _HUNG)


def expected(row, size):
    """Pairs (polygon of a row of masks.json in px, its expected RMS (n,) from its top to its foot), where a kind tells.

    size: (width, height) of the picture. Outlines cut by the picture's edge and outlines of whole beds have no size to
    tell by; neither have trees, whose leaves' size no outline knows.
    """
    width, height = size
    down = np.linspace(0, 1, 32)
    found = []
    for polygon in row["move"]:
        points = [(x * width / 10, y * height / 10) for x, y in polygon]
        x, y = np.array(points).T
        tall, wide = np.ptp(y) * 256 / width, np.ptp(x) * 256 / width
        is_whole = x.min() > 0.01 * width and x.max() < 0.99 * width and y.min() > 0.01 * height
        if is_hung(row):
            found.append((points, hung_px(tall) * np.clip(down, 0.03, 1)))
        elif _CANDLE in row["path"]:
            found.append((points, np.full(len(down), flame_px(tall))))
        elif _FLOWERS in row["source"] and is_whole and tall * wide < _ONE_THING * 256 * 256 * height / width:
            found.append((points, flower_px(_STEM * tall) * np.clip(1 - down / _STEM, 0, 1) ** FALL))
    return found
