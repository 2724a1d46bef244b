"""Walls: what stands behind or beside a mover and was taken for a part of it, told by how it looks.

A gap between leaves through which bricks are seen is narrower than a cell of any look, and so are the meshes of a
lattice. But a wall goes on where surely nothing moves, and there it shows its colours; and what is built of straight
bars at right angles never grew.
"""

import numpy as np

from ..motion import guided
from ..motion.sway import components, smoothstep

__all__ = ["built", "without_walls"]

_BLOCK = 4  # px of the grid in which the directions of edges are gathered
_WINDOW = 4  # blocks around one, over which they are compared
# Of edges in a window: how nearly all run in two directions at right angles, and how much of them in the lesser one.
# Leaves and meadows show .2 of the first, a lattice .7 and .27; folds and reeds run in one direction.
_SQUARE, _LESSER = 0.5, 0.2
_LARGE = 0.15  # of the photo, from which a thing is a wall; what is woven or folded so is smaller

_TONES = 6  # levels of each colour that are told apart
_PLACE = 16  # px of the grid in which colours are counted
_AROUND = 2  # places around one, whose colours are compared with its own
_KNOWN = 0.05  # of what is around: the least from which the colours of a mover, or of a wall, are known
_LIKELY = (0.1, 0.3)  # of being the mover's by its colour: surely the wall's, possibly the mover's
_SURELY = (0.4, 0.6)  # the same beside what is built, of which the looks knew no part to stand
_ROUNDS = 2  # a gap counts as the mover at first


def without_walls(moves: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """How much of its envelope each pixel moves by, less where it looks as what stands around the mover: float (H, W).

    Args:
        moves: float (H, W), 0..1; picture: float32 (H, W, 3), sRGB-encoded, at the motion's grid.
    Source: colour models of what is known of two classes (Boykov, Jolly 2001; GrabCut, Rother et al. 2004).
    """
    wall = built(picture) & (moves > 0.5)
    is_mistaken = wall.mean() > _LARGE  # else the looks knew most of it to stand
    begin = np.where(wall, 0, moves) if is_mistaken else moves
    if not begin.any() or begin.min() == 1:
        return begin
    tones, found = _Tones(picture), begin
    for _ in range(_ROUNDS):
        likely, is_known = tones.likely(found)
        found = np.where(is_known, moves * smoothstep(likely, *(_SURELY if is_mistaken else _LIKELY)), begin)
    return found


class _Tones:
    """The tones of a picture (H, W, 3), counted over places."""

    def __init__(self, picture):
        red, green, blue = np.moveaxis((np.clip(picture, 0, 1 - 1e-6) * _TONES).astype(np.int32), -1, 0)
        present, tone = np.unique((red * _TONES + green) * _TONES + blue, return_inverse=True)
        tone = tone.reshape(picture.shape[:2])
        self.shape = len(present), *(-(-n // _PLACE) for n in tone.shape)
        self.at = [(np.arange(n) + 0.5) / _PLACE - 0.5 for n in tone.shape]
        rows, columns = (np.arange(n) // _PLACE for n in tone.shape)
        self._own = self._flat(tone, rows, columns)
        self._corners = []  # (flat index, weight) of the four places around each pixel
        (low_row, row_share), (low_column, column_share) = ((np.floor(axis).astype(int), axis % 1) for axis in self.at)
        for down, y in ((0, 1 - row_share), (1, row_share)):
            for right, x in ((0, 1 - column_share), (1, column_share)):
                self._corners.append((self._flat(tone, low_row + down, low_column + right), y[:, None] * x))

    def _flat(self, tone, rows, columns):
        _, height, width = self.shape
        return (tone * height + np.clip(rows, 0, height - 1)[:, None]) * width + np.clip(columns, 0, width - 1)

    def likely(self, moves):
        """(probability that a pixel is the mover's by its tone, where enough of both is around to know): (H, W) each,
        for moves (H, W) in 0..1."""
        shares, is_known = [], np.ones(moves.shape, bool)
        for part in (moves, 1 - moves):
            counts = np.bincount(self._own.ravel(), part.ravel(), minlength=np.prod(self.shape)).reshape(self.shape)
            counts = guided.box_mean(counts, _AROUND)
            total = counts.sum(0)
            is_known &= guided.sample(total, *self.at) > _KNOWN * _PLACE**2
            share = (counts / np.maximum(total, 1e-9)).ravel()
            shares.append(sum(share[index] * weight for index, weight in self._corners))
        return guided.box_mean(shares[0] / np.maximum(shares[0] + shares[1], 1e-9), 1), is_known


def built(picture: np.ndarray) -> np.ndarray:
    """What is built of bars at right angles, as a lattice or a fence, and fills a good part of a photo: bool (H, W)."""
    rows, columns = (n // _BLOCK for n in picture.shape[:2])
    found = np.zeros(picture.shape[:2], bool)
    if min(rows, columns) < 2:
        return found
    grey = picture[: rows * _BLOCK, : columns * _BLOCK].mean(-1, dtype=np.float64)
    down, right = np.gradient(grey)
    slope = right + 1j * down
    power = np.abs(slope) ** 2
    turn = slope**2 / np.maximum(power, 1e-12)  # an edge has no sign: twice its angle

    def gathered(field):
        return guided.box_mean(field.reshape(rows, _BLOCK, columns, _BLOCK).mean((1, 3)), _WINDOW)

    total = gathered(power) + 1e-7
    one, square = (
        np.hypot(gathered(field.real), gathered(field.imag)) / total for field in (power * turn, power * turn**2)
    )
    lesser = (1 - one / np.maximum(square, 1e-6) ** 0.25) / 2  # as much blur of directions takes from both
    labels = components((square > _SQUARE) & (lesser > _LESSER))
    count = np.bincount(labels[labels >= 0], minlength=labels.size)
    is_wall = (labels >= 0) & (count[labels] > _LARGE * labels.size)
    inside = is_wall.repeat(_BLOCK, 0).repeat(_BLOCK, 1)
    found[: len(inside), : len(inside[0])] = inside
    return found
