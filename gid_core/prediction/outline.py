"""The outline: what is alive in a photo and where it ends, found by two looks.

Seen at 256 px the network knows large smooth things, and the tips of blades are lost; seen at 512 px it is the other
way round. So the coarse look decides what is alive, and the fine one where that ends: it counts near what the coarse
one found, and what the coarse one is sure of stays whole.
"""

from dataclasses import dataclass

import numpy as np

from ..model.contract import ENVELOPE_STRIDE
from ..motion import guided

__all__ = ["ALIVE", "GATE", "Outline", "fused", "gate", "resampled"]

ALIVE = 0.12  # from this probability a cell counts as alive
GATE = (0.03, 0.25)  # it moves all the way from the second, and is exactly still up to the first
_NEAR_PX = 8  # px of the 256-px frame within which two looks mean one thing
# What is this much less alive than what is near it lies beyond the edge, and opens from the first to the second.
_EDGE = (0.1, 0.5)
_FAINT = 0.05  # the least that an edge is told by


def gate(alive: np.ndarray, low: float = GATE[0], high: float = GATE[1]) -> np.ndarray:
    """How much of its envelope a cell moves by, 0..1, for the probability that it is alive."""
    t = np.clip((alive - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


@dataclass(frozen=True, eq=False)
class Outline:
    """alive: float (h, w), probability that a cell moves; size: (height, width) in px of the look, 4 to a cell, which
    the cells may exceed; guide: float32 (h, w, 3), the photo at the cells, sRGB-encoded."""

    alive: np.ndarray
    size: tuple[int, int]
    guide: np.ndarray

    def at_grid(self, picture: np.ndarray) -> np.ndarray:
        """How much of its envelope each pixel of a picture (H, W, 3) moves by: float32 (H, W), 0..1.

        It ends where the photo has an edge and `alive` falls below half of what it is nearby, so that what is known
        with little confidence, a lantern at night, ends as sharply as what is certain.
        """
        rows, columns = (
            guided.centres(n, target, seen / ENVELOPE_STRIDE)
            for n, target, seen in zip(self.alive.shape, picture.shape[:2], self.size, strict=True)
        )
        nearby = guided.sample(guided.maximum(self.alive, _radius(self.size)), rows, columns)
        sharp = guided.filtered(self.alive[None], self.guide, picture, rows, columns)[0]
        return (gate(nearby) * gate(sharp / np.maximum(nearby, _FAINT), *_EDGE)).astype(np.float32)


def fused(coarse: np.ndarray, fine: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`alive` of two looks, both float (h, w) on the fine one's cells.

    size: (height, width) of the fine look in px.
    """
    radius = _radius(size)
    near = np.minimum(fine, guided.maximum(coarse, radius))
    return np.maximum((coarse + near) / 2, -guided.maximum(-coarse, radius))


def resampled(field: np.ndarray, size, cells, onto, taps: int = 1) -> np.ndarray:
    """A field (..., h, w) on the cells of a look, on those of another look at the same photo.

    size, onto: (height, width) of the two looks in px, without padding; cells: (rows, columns) of the other one.
    taps: samples of each cell a side, whose mean it is: 1 towards finer cells, more towards coarser ones.
    """
    rows, columns = (
        (np.arange(n * taps) + 0.5) / taps * own / other - 0.5 for n, own, other in zip(cells, size, onto, strict=True)
    )
    found = guided.sample(field, rows, columns)
    if taps == 1:
        return found
    return found.reshape(*field.shape[:-2], cells[0], taps, cells[1], taps).mean((-3, -1))


def _radius(size):
    return max(1, round(_NEAR_PX / ENVELOPE_STRIDE * max(size) / 256))
