"""The outline: what is alive in a photo and where it ends, found by two looks.

Seen at 256 px the network knows large smooth things, and the tips of blades are lost; seen at 512 px it is the other
way round. So a network of its own takes the closer look, told what the first one found. Both decide how surely a
place is alive; the closer one alone, how far what they know goes on, and where it ends.
"""

from dataclasses import dataclass

import numpy as np

from ..model.contract import ENVELOPE_STRIDE
from ..motion import guided
from .flames import leaps_px, whole
from .walls import without_walls

__all__ = ["ALIVE", "GATE", "Outline", "fused", "gate", "resampled"]

ALIVE = 0.065  # from this probability a cell counts as alive
GATE = (0.02, 0.2)  # it moves all the way from the second, and is exactly still up to the first
_NEAR_PX = 8  # px of the 256-px frame within which an edge is looked for
# What is this much less alive than what is near it lies beyond the edge, and opens from the first to the second.
_EDGE = (0.15, 0.55)
_FAINT = 0.05  # the least that an edge is told by
_WHOLE = 0.35  # of what is near it, the middle of _EDGE: what has as much does not lie beyond an edge
_LEAST = 0.02  # odds that remain far beyond one
_FINE_SHARE = 0.35  # at a half the AUC is .001 higher and a tenth fewer of the lanterns are alive
_SUREST = 1e-5  # nothing is surer to live, or to stand


def gate(alive: np.ndarray, low: float = GATE[0], high: float = GATE[1]) -> np.ndarray:
    """How much of its envelope a cell moves by, 0..1, for the probability that it is alive."""
    t = np.clip((alive - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


@dataclass(frozen=True, eq=False)
class Outline:
    """alive: float (h, w), probability that a cell moves; edge: float (h, w), the same as the closest look alone tells
    it; size: (height, width) in px of the look, 4 to a cell, which the cells may exceed; guide: float32 (h, w, 3), the
    photo at the cells, sRGB-encoded."""

    alive: np.ndarray
    edge: np.ndarray
    size: tuple[int, int]
    guide: np.ndarray

    def at_grid(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What each pixel of a picture (H, W, 3) is: (how much of its envelope it moves by, 0..1; the probability that
        it is alive), float32 (H, W) each.

        It ends where the photo has an edge and `edge` falls to a third of what it is nearby, so that what is known with
        little confidence, a lantern at night, ends as sharply as what is certain. Gaps that look as what stands around
        stand, too, and a flame is whole.
        """
        rows, columns = (
            guided.centres(n, target, seen / ENVELOPE_STRIDE)
            for n, target, seen in zip(self.alive.shape, picture.shape[:2], self.size, strict=True)
        )
        radius = max(1, round(_NEAR_PX / ENVELOPE_STRIDE * max(self.size) / 256))
        nearby, full = (guided.sample(guided.maximum(x, radius), rows, columns) for x in (self.alive, self.edge))
        sharp, alive = guided.filtered(np.stack([self.edge, self.alive]), self.guide, picture, rows, columns)
        remains = sharp / np.maximum(full, _FAINT)
        odds = _odds(alive) * np.clip(remains / _WHOLE, _LEAST, 1)
        moves = gate(nearby) * gate(remains, *_EDGE)
        burning = leaps_px(picture)
        found = whole(np.where(burning > 0, moves, without_walls(moves, picture)), burning)
        odds *= np.clip(np.divide(found, moves, out=np.ones_like(moves), where=moves > 0), _LEAST, 1)
        return found.astype(np.float32), (odds / (1 + odds)).astype(np.float32)


def fused(coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """Probabilities of two looks as one: the geometric mean of their odds, in which the first counts nearly twice."""
    odds = _odds(coarse) ** (1 - _FINE_SHARE) * _odds(fine) ** _FINE_SHARE
    return odds / (1 + odds)


def _odds(probability):
    known = np.clip(probability, _SUREST, 1 - _SUREST)
    return known / (1 - known)


def resampled(field: np.ndarray, size, cells, onto, taps: int = 1) -> np.ndarray:
    """A field (..., h, w) on the cells of a look, on those of another look at the same photo.

    size, onto: (height, width) of the photo in both looks, both in px or both in cells. cells: (rows, columns) of the
    other one.
    taps: samples of each cell a side, whose mean it is: 1 towards finer cells, more towards coarser ones.
    """
    rows, columns = (
        (np.arange(n * taps) + 0.5) / taps * own / other - 0.5 for n, own, other in zip(cells, size, onto, strict=True)
    )
    found = guided.sample(field, rows, columns)
    if taps == 1:
        return found
    return found.reshape(*field.shape[:-2], cells[0], taps, cells[1], taps).mean((-3, -1))
