"""Where a photo, seen at the grid, has an edge: its colours change more over a border than beside it.

An even ramp changes as much from one end to the other as an edge does, and is none: motion that were cut there would
tear a smooth surface.
"""

import math

import numpy as np

from . import guided

__all__ = ["edges", "edges_at"]

_STEP = 0.08  # sRGB distance over a border from which it may be an edge of the photo
_SHARP = 1.2  # and how many times the colours' change beside it; an even ramp has 3/4


def edges(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether an edge lies between a texel and the next, give or take one: bool (H - 1, W) below it, (H, W - 1) beside.

    Args:
        picture: float32 (H, W, 3), sRGB-encoded.
    """
    return _along_columns(picture), _along_columns(picture.swapaxes(0, 1)).T


def edges_at(picture: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """`edges` of a picture that is at least as large as a grid, as the grid's: bool (H - 1, W), (H, W - 1).

    What lies closer together than the grid can show has edges here, within a texel of where they lie.

    Args:
        picture: float32 (h, w, 3), sRGB-encoded. shape: (H, W) of the grid.
    """
    below, beside = edges(picture)
    return _gathered(below, shape), _gathered(beside.T, shape[::-1]).T


def _gathered(below, shape):
    height, width = len(below) + 1, below.shape[1]
    wide = guided.maximum(below, math.ceil(height / shape[0]))
    rows = np.rint((np.arange(shape[0] - 1) + 1) * height / shape[0] - 1).astype(int)
    return wide[rows[:, None], ((np.arange(shape[1]) + 0.5) * width / shape[1]).astype(int)]


def _along_columns(picture):
    wide = np.pad(picture, ((3, 3), (0, 0), (0, 0)), mode="edge")
    far, before, behind, beyond = (wide[first : first + len(picture) - 1] for first in (0, 2, 5, 7))
    over, beside = _distance(before, behind), _distance(far, before) + _distance(behind, beyond)
    return (over > _STEP) & (over > _SHARP * beside)


def _distance(a, b):
    return np.sqrt(((a - b) ** 2).sum(-1))
