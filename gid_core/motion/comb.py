"""Combing: strokes over the picture say along which direction things move there, each place its own.

A stroke turns the motion under it: by one angle that brings its main axis along the stroke, and along a bent stroke by
what the stroke bends. Beside the stroke the turn fades to nothing. Angles are smooth over the picture, so neighbours
that swing together go on to do so.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..errors import SettingsError

__all__ = ["REACH_TOP", "Stroke", "axis", "local_turn", "strokes_of"]

REACH_TOP = 1.0
_PIECES = 24  # a stroke is looked at in as many straight pieces
_SOFTNESS = 0.5  # of the reach: how far the direction of one piece is felt along its neighbours


@dataclass(frozen=True)
class Stroke:
    """One stroke of the comb.

    points: (x, y) each, 0..1 of the picture's width and height, y down, two or more. reach: how far beside the stroke
    it is felt, in parts of the picture's long side, above 0 to 1.

    Raises:
        SettingsError: it leads nowhere, or a number is out of range.
    """

    points: tuple[tuple[float, float], ...]
    reach: float = 0.1

    def __post_init__(self):
        points = tuple((float(x), float(y)) for x, y in self.points)
        object.__setattr__(self, "points", points)
        if len(points) < 2 or not np.isfinite(points).all() or np.ptp(points, axis=0).max() == 0:
            raise SettingsError("a stroke needs two points or more that lie apart: draw it again")
        if not (math.isfinite(self.reach) and 0 < self.reach <= REACH_TOP):
            raise SettingsError(f"the reach of a stroke is {self.reach}: give a part of the picture above 0 to 1")


def strokes_of(text: str, reach: float) -> tuple[Stroke, ...]:
    """The strokes that a text tells: places X,Y in 0..1, y down, with blanks between them and a semicolon after each.

    Raises:
        SettingsError: it tells none; or as `Stroke`.
    """
    try:
        told = [tuple(map(_place, stroke.split())) for stroke in text.split(";")]
    except ValueError:
        example = "0.2,0.5 0.4,0.4; 0.6,0.5 0.8,0.5"
        raise SettingsError(f'the comb is {text!r}: give places of strokes such as "{example}"') from None
    return tuple(Stroke(points, reach) for points in told)


def _place(text):
    x, y = text.split(",")
    return float(x), float(y)


def axis(amplitudes: np.ndarray, weight=None) -> float:
    """Angle of the axis that most of the motion follows, radians in -pi/2..pi/2, x right and y down.

    Args:
        amplitudes: complex (K, H, W, 2). weight: (H, W), how much each place counts; None for all alike.
    """
    x, y = np.moveaxis(amplitudes.astype(np.complex128), -1, 0)
    share = 1.0 if weight is None else weight.astype(np.float64) ** 2
    across = ((np.abs(x) ** 2 - np.abs(y) ** 2) * share).sum()
    along = 2 * ((x * y.conj()).real * share).sum()
    return float(np.arctan2(along, across) / 2)


def local_turn(amplitudes: np.ndarray, strokes) -> np.ndarray:
    """By how many radians strokes turn each place, from x (right) towards y (down): float32 (H, W).

    Args:
        amplitudes: complex (K, H, W, 2), the motion that they comb.
    """
    height, width = amplitudes.shape[1:3]
    long_side = max(height, width)
    turned, felt = np.zeros((height, width)), np.zeros((height, width))
    for stroke in strokes:
        starts, steps = _pieces(stroke, width / long_side, height / long_side)
        square = _squared_distances(starts, steps, height, width)
        near = 1 - np.clip(np.sqrt(square.min(0)) / stroke.reach, 0, 1)
        weight = near * near * (3 - 2 * near)
        bends = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
        middle = float(np.arctan2(steps[:, 1].sum(), steps[:, 0].sum()))
        base = np.mod(middle - axis(amplitudes, weight) + np.pi / 2, np.pi) - np.pi / 2
        share = np.exp(-(square - square.min(0)) / (2 * (_SOFTNESS * stroke.reach) ** 2))
        own = base + np.tensordot(_around(bends, middle), share, 1) / share.sum(0)
        turned += weight * own
        felt += weight
    return (turned / np.maximum(felt, 1)).astype(np.float32)


def _pieces(stroke, x_unit, y_unit):
    """Starts and steps (n, 2) of straight pieces of a stroke, of equal length, in parts of the long side."""
    points = np.array(stroke.points, np.float64) * (x_unit, y_unit)
    lengths = np.r_[0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    at = np.linspace(0, lengths[-1], _PIECES + 1)
    corners = np.stack([np.interp(at, lengths, points[:, i]) for i in (0, 1)], -1)
    return corners[:-1], np.diff(corners, axis=0)


def _squared_distances(starts, steps, height, width):
    """Of each cell's centre from each piece: (n, H, W), in parts of the long side."""
    long_side = max(height, width)
    x = (np.arange(width) + 0.5) / long_side
    y = (np.arange(height)[:, None] + 0.5) / long_side
    found = []
    for (x0, y0), (dx, dy) in zip(starts, steps, strict=True):
        along = np.clip(((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
        found.append((x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2)
    return np.stack(found)


def _around(bends, middle):
    """How the pieces are turned against the whole stroke; one that closes on itself has no direction of its own."""
    return bends - bends.mean() + (np.mod(bends.mean() - middle + np.pi, 2 * np.pi) - np.pi)
