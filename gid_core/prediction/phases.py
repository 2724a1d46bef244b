"""Procedural z: the phases and sway axes of a motion without a network; baseline, fallback, and start of the flow.

One idea: chance that respects objects. *Affinities* (the probability that neighbouring cells belong together) are
gathered into objects; an object draws one phase and one axis, shared by all its harmonics, and answers the gust that
passes its middle. The larger it is the more it is a field (a meadow, a crown): eddies inside it, and each place
answers the gust that passes there. Cells are those of the flow's grid, 8 px of the 256-px frame.
"""

import heapq
from dataclasses import dataclass

import numpy as np

from ..model.contract import PAIRS

__all__ = [
    "CELL_PX",
    "Groups",
    "Wind",
    "draw_wind",
    "field_share",
    "from_reals",
    "generator",
    "group",
    "held",
    "procedural",
    "spread",
    "ties",
    "to_reals",
    "unit_rms",
]

CELL_PX = 8.0
EDDY_STEPS = 30  # of spreading: eddies of about 4 cells, 30 px
FIELD_CELLS = 400  # an object of so many cells is half a field
_TOGETHER = 0.36  # mean affinity of the border over which two parts are one object
_SURE = 0.8  # and over which they surely are
PARTS_SHARE = 0.5  # of the energy of an object's phase that each of its parts draws for itself, where the flow starts
_HOLD_STEPS = 90  # of averaging what the flow leaves; more is more whole, fewer keeps neighbours apart
_HOLD_POWER = 4  # of the agreement of two neighbours, over which they are averaged
_ACROSS = 0.2  # of what an object moves across its axis is kept: members bend to and fro, hardly in ellipses
_RATE = 0.24  # explicit diffusion over four neighbours is stable below 1/4
_AXIS_FREEDOM = 0.7  # of the unit wind vector, in doubled angles: an object's axis stays within 22 degrees of the wind
_SPEEDS = (60.0, 400.0)  # px of the 256-px frame a second, the range that the flow was trained on


@dataclass(frozen=True)
class Wind:
    """Where a gust travels: unit vector (x right, y down) and speed in px of the 256-px frame a second."""

    dx: float
    dy: float
    speed: float = 150.0

    def condition(self) -> np.ndarray:
        """float32 (1, 4) as the flow takes it: dx, dy, log(speed / 150), known."""
        return np.array([[self.dx, self.dy, np.log(self.speed / 150), 1]], np.float32)


def generator(seed: int, purpose: str) -> np.random.Generator:
    """The stream of random numbers for one purpose: other purposes draw independently of it."""
    return np.random.default_rng([seed, *purpose.encode()])


def draw_wind(rng: np.random.Generator, direction=None) -> Wind:
    """A wind along `direction` (x right, y down, any length), or along a near-horizontal one that chance decides."""
    if direction is None:
        angle = rng.uniform(-0.35, 0.35) + np.pi * rng.integers(2)
    else:
        angle = np.arctan2(direction[1], direction[0])
    speed = float(np.exp(rng.uniform(*np.log(_SPEEDS))))
    return Wind(float(np.cos(angle)), float(np.sin(angle)), speed)


@dataclass(frozen=True, eq=False)
class Groups:
    """Cells that move together: int (h, w) each, numbered from 0 in the order of their first cells.

    parts: what surely moves as one, each inside one of objects. The flow joins them.
    """

    objects: np.ndarray
    parts: np.ndarray


def group(affinity: np.ndarray) -> Groups:
    """Cells gathered into parts, and parts into objects.

    The two groups with the strongest common border merge first, until no border's mean affinity is above a threshold:
    .8 for parts, .36 for objects. So one doubtful cell does not join two objects, as it does when noise leaks along
    affinities.

    Args:
        affinity: float (n, h, w), probability that the cell at the first n of PAIRS is the same object. Pairs that span
            several cells see over a border that runs through one.
    Source: average-linkage agglomeration (Bailoni et al., GASP, CVPR 2022).
    """
    shape, borders = affinity.shape[1:], _cell_borders(affinity)
    queue = [(-v, i, j, n) for i, known in enumerate(borders) for j, (v, n) in known.items() if i < j and v > _TOGETHER]
    heapq.heapify(queue)
    into, parts = list(range(len(borders))), None
    while queue:
        strength, i, j, n = heapq.heappop(queue)
        if into[i] != i or into[j] != j or borders[i][j][1] != n:
            continue  # one of them has merged since, or their border has grown
        if parts is None and -strength <= _SURE:
            parts = _numbered(into, shape)
        if len(borders[i]) < len(borders[j]):
            i, j = j, i
        into[j] = i
        del borders[i][j], borders[j][i]
        for k, (value, count) in borders[j].items():
            total, length = borders[i].get(k, (0.0, 0))
            border = (total + value, length + count)
            borders[i][k] = borders[k][i] = border
            del borders[k][j]
            if border[0] > _TOGETHER * border[1]:
                heapq.heappush(queue, (-border[0] / border[1], min(i, k), max(i, k), border[1]))
    objects = _numbered(into, shape)
    return Groups(objects, objects if parts is None else parts)


def _cell_borders(affinity):
    """Of each cell: neighbour -> (sum of affinities, number of them)."""
    _, h, w = affinity.shape
    cell = np.arange(h * w).reshape(h, w)
    borders = [{} for _ in range(h * w)]
    for values, (down, right) in zip(affinity, PAIRS, strict=False):
        first = slice(None, h - down), slice(max(0, -right), w - max(0, right))
        second = slice(down, None), slice(max(0, right), w - max(0, -right))
        for i, j, value in zip(*(x.ravel().tolist() for x in (cell[first], cell[second], values[first])), strict=True):
            borders[i][j] = borders[j][i] = (value, 1)
    return borders


def _numbered(into, shape):
    """Cells by the group that they ended in: int (h, w)."""
    roots = list(into)
    for i in range(len(roots)):
        while roots[i] != roots[roots[i]]:
            roots[i] = roots[roots[i]]
    _, first, index = np.unique(roots, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[index].reshape(shape)


def ties(labels: np.ndarray) -> np.ndarray:
    """1 where the right / the lower neighbour is the same object: float (2, h, w), 0 at the rim."""
    found = np.zeros((2, *labels.shape))
    found[0, :, :-1] = labels[:, :-1] == labels[:, 1:]
    found[1, :-1] = labels[:-1] == labels[1:]
    return found


def field_share(labels: np.ndarray) -> np.ndarray:
    """How much of a field each cell's object is: float (h, w), 0 for a point, one half at 400 cells."""
    count = np.bincount(labels.ravel())[labels]
    return count / (count + FIELD_CELLS)


def spread(field: np.ndarray, affinity: np.ndarray, steps=EDDY_STEPS) -> np.ndarray:
    """Diffuse a field (..., h, w), real or complex, along affinities (2, h, w); the sum over the grid is kept."""
    right = _RATE * affinity[0, :, :-1]
    down = _RATE * affinity[1, :-1, :]
    field = field.copy()
    for _ in range(steps):
        across = right * (field[..., :, 1:] - field[..., :, :-1])
        along = down * (field[..., 1:, :] - field[..., :-1, :])
        field[..., :, :-1] += across
        field[..., :, 1:] -= across
        field[..., :-1, :] += along
        field[..., 1:, :] -= along
    return field


def procedural(
    groups: Groups, frequencies, wind: Wind, rng: np.random.Generator, cell_px=CELL_PX, parts_share=0.0
) -> np.ndarray:
    """Unit-variance motion of every cell: complex64 (K, h, w, 2), mean over k of |z|^2 exactly 1 in each cell.

    Args:
        groups: of `group`.
        frequencies: (K,) Hz.
        cell_px: side of a cell in px of the 256-px frame.
        parts_share: of the energy of an object's phase that each of its parts draws for itself.
    """
    labels = groups.objects
    frequencies = np.asarray(frequencies, np.float64)
    noise = rng.standard_normal((2, len(frequencies), *labels.shape))
    noise = noise[0] + 1j * noise[1]
    part = field_share(labels)
    whole = _unit(_object_mean(noise, labels))
    if parts_share:
        own = _unit(_object_mean(noise, groups.parts))
        whole = _unit(np.sqrt(1 - parts_share) * whole + np.sqrt(parts_share) * own)
    eddies = _unit(spread(noise, ties(labels)))
    local = _unit(np.sqrt(1 - part) * whole + np.sqrt(part) * eddies)
    rows, columns = np.mgrid[0 : labels.shape[0], 0 : labels.shape[1]] * cell_px
    delay_s = (columns * wind.dx + rows * wind.dy) / wind.speed
    middle_s = _object_mean(delay_s, labels)
    delay_s = middle_s + part * (delay_s - middle_s)
    carrier = np.exp(-2j * np.pi * frequencies[:, None, None] * delay_s)
    axis = _axes(rng.standard_normal((2, *labels.shape)), labels, wind)
    return ((local * carrier)[..., None] * axis).astype(np.complex64)


def _object_mean(field, labels):
    """(..., h, w) -> its mean over each cell's object. Sums in one order: the same bytes on every machine."""
    flat = field.reshape(-1, labels.size)
    index, count = labels.ravel(), np.bincount(labels.ravel())
    parts = (flat.real, flat.imag) if np.iscomplexobj(flat) else (flat,)
    means = [np.stack([np.bincount(index, row) for row in part]) / count for part in parts]
    means = means[0] + 1j * means[1] if len(means) == 2 else means[0]
    return means[:, index].reshape(field.shape)


def _unit(local):
    return local / (np.sqrt((np.abs(local) ** 2).mean(0)) + 1e-12)


def _axes(noise, labels, wind):
    """One unit axis (h, w, 2) an object, near the wind and on its side. Doubled angles: an axis has no sign."""
    noise = _object_mean(noise, labels)
    noise *= _AXIS_FREEDOM / (np.hypot(*noise) + 1e-12)
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
        labels: int (h, w), the objects of `group`.
    """
    tied, weight = ties(labels) * _agreement(z) ** _HOLD_POWER, strength.astype(np.float64)
    total = spread(weight, tied, _HOLD_STEPS)
    floor = 1e-3 * float(total.max()) + 1e-12
    mean = spread(np.moveaxis(z, -1, 1) * weight, tied, _HOLD_STEPS) / np.maximum(total, floor)
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
