"""Where each pixel of a picture reads a volume: at its own place, or a little beside it.

A texel of the volume is several pixels wide, so that what is read at a pixel's own place mixes both sides of an
object's outline. A *lookup* says for each pixel of the still by how much to step aside, so that all it reads belongs to
its own object. It is a byte image: the offset in texels of the grid is (value - 128) / 64 in x and in y.
"""

from collections.abc import Sequence

import numpy as np

from ..errors import VolumeError
from ..files.resample import bilinear

__all__ = ["OWN", "STEPS", "Places", "checked_lookup", "regridded"]

OWN = 128  # the value of a pixel that reads at its own place
STEPS = 64  # to a texel
_BAND = 1 << 16  # pixels read at a time: their four texels stay in the cache


class Places:
    """The places of a picture's pixels on a grid.

    Args:
        grid: (h, w) of the volume.
        width: of the picture.
        height: likewise.
        lookup: uint8 (H, W, 2), last axis (x, y), at the still's size, or None; a picture of another size takes the
            nearest pixel's.
    """

    def __init__(self, grid: Sequence[int], width: int, height: int, lookup: np.ndarray | None = None):
        self._grid = tuple(grid)
        self._size = width, height
        self._aside = np.zeros(0, np.intp)  # pixels that read beside their own place
        if lookup is None:
            return
        rows, columns = (_nearest(size, n) for size, n in zip((height, width), lookup.shape, strict=False))
        aside = [np.flatnonzero((lookup[row, columns] != OWN).any(-1)) + i * width for i, row in enumerate(rows)]
        self._aside = np.concatenate(aside)
        row, column = np.divmod(self._aside, width)
        steps = lookup[rows[row], columns[column]]
        self._columns, self._across = _taps(column, width, self._grid[1], steps[:, 0])
        self._rows, self._down = _taps(row, height, self._grid[0], steps[:, 1])

    def read(self, field: np.ndarray) -> np.ndarray:
        """Bilinear values of a field (h, w, ...) of the grid at the picture's pixels: (height, width, ...)."""
        found = bilinear(field, *self._size)
        texels = np.ascontiguousarray(field).reshape(self._grid[0] * self._grid[1], -1)
        pixels = found.reshape(self._size[0] * self._size[1], -1)
        for first in range(0, len(self._aside), _BAND):
            part = slice(first, first + _BAND)
            (left, right), across = self._columns[:, part], self._across[part, None]
            # The same operations in the same order as `bilinear`: a step of nothing changes no bit.
            above, below = (
                _between(texels[row + left], texels[row + right], across) for row in self._rows[:, part] * self._grid[1]
            )
            pixels[self._aside[part]] = _between(above, below, self._down[part, None])
        return found


def checked_lookup(lookup) -> np.ndarray:
    """A lookup as it is kept: uint8 (H, W, 2).

    Raises:
        VolumeError: it has another type or shape.
    """
    lookup = np.asarray(lookup)
    if lookup.dtype != np.uint8 or lookup.ndim != 3 or lookup.shape[2] != 2 or lookup.size == 0:
        raise VolumeError(f"a lookup is bytes of the shape (height, width, 2), not {lookup.dtype} {lookup.shape}")
    return np.ascontiguousarray(lookup)


def regridded(lookup: np.ndarray | None, across: float, down: float) -> np.ndarray | None:
    """The lookup of a grid that has so many times the columns and rows; what is out of range goes to its end."""
    if lookup is None:
        return None
    steps = (lookup.astype(np.float32) - OWN) * np.array([across, down], np.float32)
    return np.clip(np.rint(steps) + OWN, 0, 255).astype(np.uint8)


def _nearest(size, n):
    return ((np.arange(size) + 0.5) * n / size).astype(np.intp)


def _taps(index, size, n, steps):
    """Texels (2, N) on both sides of each pixel's place along an axis, and the second one's share (N,)."""
    position = np.clip((index + 0.5) * n / size - 0.5 + (steps.astype(np.float64) - OWN) / STEPS, 0, n - 1)
    low = position.astype(np.int32)
    return np.stack([low, np.minimum(low + 1, n - 1)]), (position - low).astype(np.float32)


def _between(a, b, share):
    b -= a
    b *= share
    a += b
    return a
