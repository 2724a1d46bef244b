"""Finer cells: the closer look tells objects apart on cells of half the size, and the flow's motion is carried there.

The flow moves cells of the first look, large enough to know what a thing is and too large for a stem. So objects are
gathered on the closer look's cells; a cell of the flow is of the object that moves most in it; and each finer cell
takes the motion of its own object, gently where the photo has no edge. An object that has none of the flow's cells has
a phase of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..model.contract import AROUND, CELL_STRIDE, PLACES
from ..motion import cells, guided
from .objects import Groups, numbered

__all__ = ["Finer", "finer_of", "placed"]

_FAINT = 1e-3  # px: what hardly moves counts only where nothing else does


@dataclass(frozen=True, eq=False)
class Finer:
    """Objects of the closer look's cells, beside the flow's.

    groups: of the (h, w) finer cells. objects: int (h, w), and whose: int, of the flow's cells, the same with those as
    one between which the photo has no edge. extent: (rows, columns) of the flow's cells that the finer ones span.
    """

    groups: Groups
    objects: np.ndarray
    whose: np.ndarray
    extent: tuple[float, float]

    @cached_property
    def members(self) -> np.ndarray:
        """Which of the flow's cells around each finer one are of its object: uint16 (h, w), of cells.members."""
        return cells.members(self.whose, self.objects, self.extent)

    def carried(self, z: np.ndarray, drawn: Callable[[Groups, float], np.ndarray]) -> np.ndarray:
        """z complex64 (K, ., ., 2) of the flow's cells, at the finer ones: complex64 (K, h, w, 2).

        drawn: of groups and the side of their cells in px of the 256-px frame, how they would move by themselves,
            complex64 (K, h, w, 2); asked where an object has none of the flow's cells.
        """
        objects, is_far = self.objects, self.members == 0
        found = cells.read(z, objects.shape, self.extent, self.members)
        count = np.bincount(self.whose.ravel(), minlength=objects.max() + 1)
        is_alone = is_far & (count[objects] == 0)
        for label in np.unique(objects[is_far & ~is_alone]):
            found[:, is_far & (objects == label)] = _mean(z[:, self.whose == label])[:, None]
        if is_alone.any():
            found[:, is_alone] = drawn(self.groups, CELL_STRIDE * self.extent[1] / objects.shape[1])[:, is_alone]
        return found


def _mean(z):
    """The mean of z (K, n, 2) over cells, as strong as they are: (K, 2)."""
    mean = z.mean(1)
    power, left = (np.abs(z) ** 2).sum() / z.shape[1], (np.abs(mean) ** 2).sum()
    return mean * np.sqrt(power / max(left, 1e-12))


def finer_of(groups: Groups, first: np.ndarray, spanned, moves: np.ndarray, shape, extent) -> tuple[Finer, Groups]:
    """(`Finer`, objects and parts of the flow's cells), of what the closer look found.

    Args:
        groups: of the closer look's cells (h, w). first: int (n,), of owners.joined, for its objects.
        spanned: (rows, columns) of those cells that the photo spans.
        moves: float (h, w), how far each of them moves, px. shape: (rows, columns) of the flow's cells; extent: of them
            that the photo spans.
    """
    objects, size = groups.objects, groups.objects.shape
    spread = tuple(n * wide / of for n, wide, of in zip(size, extent, spanned, strict=True))
    rows, columns = (
        np.minimum(((np.arange(n) + 0.5) * wide / n).astype(int), most - 1)
        for n, wide, most in zip(size, spread, shape, strict=True)
    )
    cell = rows[:, None] * shape[1] + columns
    votes = np.zeros((shape[0] * shape[1], objects.max() + 1), np.float32)
    np.add.at(votes, (cell, objects), moves + _FAINT)
    down, right = (
        np.minimum(((np.arange(most) + 0.5) * n / wide).astype(int), n - 1)
        for n, wide, most in zip(size, spread, shape, strict=True)
    )
    votes[np.arange(len(votes)), objects[down[:, None], right].ravel()] += _FAINT  # cells of padding have no other
    whose = votes.argmax(1).reshape(shape)
    # Of the parts of its object the one that moves most in it.
    parts = np.full(len(votes), -1)
    belongs = objects == whose.ravel()[cell]
    order = np.argsort((moves * belongs).ravel(), kind="stable")
    parts[cell.ravel()[order]] = groups.parts.ravel()[order]
    none = parts < 0
    parts[none] = groups.parts[down[:, None], right].ravel()[none]
    split = whose.ravel().astype(np.int64) * (groups.parts.max() + 1) + parts  # a part stays inside its object
    return Finer(groups, first[objects], first[whose], spread), Groups(numbered(whose), numbered(split.reshape(shape)))


def placed(objects: np.ndarray, own: np.ndarray, extent: tuple[float, float], shape: tuple[int, int]) -> np.ndarray:
    """The object of each texel, that of the nearest place: int (H, W).

    Args:
        objects: int (h, w), of each cell. own: float (len(AROUND), PLACES h, PLACES w), of the closer look.
        extent: (rows, columns) of cells that the picture spans. shape: (H, W) of texels.
    """
    rows, columns = (
        np.clip(np.rint(guided.centres(n, size, PLACES * wide)), 0, n - 1).astype(int)
        for n, size, wide in zip(own.shape[1:], shape, extent, strict=True)
    )
    steps = np.array(AROUND)[own[:, rows[:, None], columns].argmax(0)]
    return objects[
        np.clip(rows[:, None] // PLACES + steps[..., 0], 0, objects.shape[0] - 1),
        np.clip(columns // PLACES + steps[..., 1], 0, objects.shape[1] - 1),
    ]
