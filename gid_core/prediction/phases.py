"""z, the phases and sway axes of a motion: procedural, by chance that respects objects, and the finish of a flow's.

One idea: an object draws one phase and one axis, shared by all its harmonics, and answers the gust that passes its
middle. The larger it is the more it is a field (a meadow, a crown): eddies inside it, and each place answers the gust
that passes there. Needs no network: baseline, fallback, and the start of the flow.
"""

from collections.abc import Sequence

import numpy as np

from ..model.contract import CELL_STRIDE
from .objects import Groups, field_share, object_mean, spread, ties
from .wind import Wind

__all__ = ["AXIS_FREEDOM", "CELL_PX", "PARTS_SHARE", "from_reals", "held", "procedural", "to_reals", "unit_rms"]

CELL_PX = float(CELL_STRIDE)  # side of a cell in px of the 256-px frame
PARTS_SHARE = 0.5  # of the energy of an object's phase that each of its parts draws for itself, where the flow starts
AXIS_FREEDOM = 0.7  # of the unit wind vector, in doubled angles: an object's axis stays within 22 degrees of the wind
_HOLD_STEPS = 90  # of averaging what the flow leaves; more is more whole, fewer keeps neighbours apart
_HOLD_POWER = 4  # of the agreement of two neighbours, over which they are averaged
_ACROSS = 0.2  # of what an object moves across its axis is kept: members bend to and fro, hardly in ellipses


def procedural(
    groups: Groups,
    frequencies: Sequence[float] | np.ndarray,
    wind: Wind,
    rng: np.random.Generator,
    cell_px: float = CELL_PX,
    parts_share: float = 0.0,
) -> np.ndarray:
    """Unit-variance motion of every cell: complex64 (K, h, w, 2), mean over k of |z|^2 exactly 1 in each cell.

    Args:
        groups: of objects.group.
        frequencies: (K,) Hz.
        cell_px: side of a cell in px of the 256-px frame.
        parts_share: of the energy of an object's phase that each of its parts draws for itself.
    """
    labels = groups.objects
    frequencies = np.asarray(frequencies, np.float64)
    noise = rng.standard_normal((2, len(frequencies), *labels.shape))
    noise = noise[0] + 1j * noise[1]
    part = field_share(labels)
    whole = _unit(object_mean(noise, labels))
    if parts_share:
        own = _unit(object_mean(noise, groups.parts))
        whole = _unit(np.sqrt(1 - parts_share) * whole + np.sqrt(parts_share) * own)
    eddies = _unit(spread(noise, ties(labels)))
    local = _unit(np.sqrt(1 - part) * whole + np.sqrt(part) * eddies)
    rows, columns = np.mgrid[0 : labels.shape[0], 0 : labels.shape[1]] * cell_px
    delay_s = (columns * wind.dx + rows * wind.dy) / wind.speed
    middle_s = object_mean(delay_s, labels)
    delay_s = middle_s + part * (delay_s - middle_s)
    carrier = np.exp(-2j * np.pi * frequencies[:, None, None] * delay_s)
    axis = _axes(rng.standard_normal((2, *labels.shape)), labels, wind)
    return ((local * carrier)[..., None] * axis).astype(np.complex64)


def _unit(local):
    return local / (np.sqrt((np.abs(local) ** 2).mean(0)) + 1e-12)


def _axes(noise, labels, wind):
    """One unit axis (h, w, 2) an object, near the wind and on its side. Doubled angles: an axis has no sign."""
    noise = object_mean(noise, labels)
    noise *= AXIS_FREEDOM / (np.hypot(*noise) + 1e-12)
    double_wind = 2 * np.arctan2(wind.dy, wind.dx)
    angle = np.arctan2(np.sin(double_wind) + noise[1], np.cos(double_wind) + noise[0]) / 2
    axis = np.stack([np.cos(angle), np.sin(angle)], -1)
    return axis * np.where(axis @ [wind.dx, wind.dy] < 0, -1, 1)[..., None]


def held(z: np.ndarray, strength: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """z (K, h, w, 2) averaged inside each object over about seven cells, strong cells counting more, and on one axis.

    What is left of noise inside an object tears it; nothing passes from one object to the next, and little between
    neighbours that the flow found to move apart. A member bends to and fro: what it moves across its axis is kept to
    `_ACROSS`.

    Args:
        strength: float (h, w), RMS motion; a still cell keeps its z.
        labels: int (h, w), the objects of objects.group.
    """
    # In single precision, as z is: twice as fast, and 1e-6 of z from the same in double.
    tied, weight = ties(labels) * _agreement(z) ** _HOLD_POWER, strength.astype(np.float32)
    total = spread(weight, tied, _HOLD_STEPS)
    floor = 1e-3 * float(total.max()) + 1e-12
    mean = spread(np.moveaxis(z, -1, 1) * weight, tied, _HOLD_STEPS) / np.maximum(total, np.float32(floor))
    x, y = mean[:, 0], mean[:, 1]
    turn = (np.abs(x) ** 2 - np.abs(y) ** 2 + 2j * (x * y.conj()).real).sum(0)  # twice the angle of the main axis
    angle = np.angle(spread(turn * weight, tied, _HOLD_STEPS)) / 2
    along, across = x * np.cos(angle) + y * np.sin(angle), _ACROSS * (y * np.cos(angle) - x * np.sin(angle))
    lined = [along * np.cos(angle) - across * np.sin(angle), along * np.sin(angle) + across * np.cos(angle)]
    return np.where((total > floor)[..., None], np.stack(lined, -1), z).astype(z.dtype)


def _agreement(z):
    """Correlation of a cell's motion with its right and its lower neighbour's: 0..1 (2, h, w), 0 at the rim."""
    found, size = np.zeros((2, *z.shape[1:3])), np.sqrt((np.abs(z) ** 2).sum((0, 3))) + 1e-12
    found[0, :, :-1] = (z[:, :, :-1] * z[:, :, 1:].conj()).real.sum((0, 3)) / (size[:, :-1] * size[:, 1:])
    found[1, :-1] = (z[:, :-1] * z[:, 1:].conj()).real.sum((0, 3)) / (size[:-1] * size[1:])
    return np.maximum(found, 0)


def unit_rms(z: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """z (K, h, w, 2) scaled by one number so that the weighted mean of |z|^2 (both axes) over cells and k is 1."""
    total = float(weight.sum()) * len(z)
    power = float((np.abs(z) ** 2 * weight[None, :, :, None]).sum())
    return z if power == 0 or total == 0 else (z * np.sqrt(total / power)).astype(z.dtype)


def to_reals(z: np.ndarray) -> np.ndarray:
    """complex (K, h, w, 2) -> float32 (K, 4, h, w) in the order xr, yr, xi, yi, each of variance 1 along the axis."""
    parts = np.concatenate([z.real, z.imag], -1) * np.sqrt(2)  # a unit complex number has two halves of variance 1/2
    return np.ascontiguousarray(np.moveaxis(parts, -1, 1), np.float32)


def from_reals(reals: np.ndarray) -> np.ndarray:
    """The inverse of `to_reals`: float (K, 4, h, w) -> complex64 (K, h, w, 2)."""
    parts = np.moveaxis(reals, 1, -1) / np.float32(np.sqrt(2))
    return (parts[..., :2] + 1j * parts[..., 2:]).astype(np.complex64)
