"""Objects: cells that move together, gathered from affinities, and fields that spread inside them.

*Affinities* are the probability that two cells belong together. Cells are those of the flow's grid, 8 px of the 256-px
frame (contract.CELL_STRIDE).
"""

import heapq
from collections import Counter
from dataclasses import dataclass

import numpy as np

from ..model.contract import PAIRS

__all__ = [
    "EDDY_STEPS",
    "FIELD_CELLS",
    "RATE",
    "Groups",
    "alike",
    "field_share",
    "group",
    "numbered",
    "object_mean",
    "spread",
    "ties",
]

EDDY_STEPS = 30  # of spreading: eddies of about 4 cells, 30 px
FIELD_CELLS = 400  # an object of so many cells is half a field
RATE = 0.24  # explicit diffusion over four neighbours is stable below 1/4
_TOGETHER = 0.36  # mean affinity of the border over which two parts are one object
_SURE = 0.8  # and over which they surely are


@dataclass(frozen=True, eq=False)
class Groups:
    """Cells that move together: int (h, w) each, numbered from 0 in the order of their first cells.

    parts: what surely moves as one, each inside one of objects. The flow joins them.
    """

    objects: np.ndarray
    parts: np.ndarray


def group(affinity: np.ndarray, least: int = 1) -> Groups:
    """Cells gathered into parts, and parts into objects.

    The two groups with the strongest common border merge first, until no border's mean affinity is above a threshold:
    .8 for parts, .36 for objects. So one doubtful cell does not join two objects, as it does when noise leaks along
    affinities. Then what has fewer than `least` cells joins the neighbour that it most likely belongs to.

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
            parts = _merged(into, shape)
        kept, beside = _merge(i, j, into, borders)
        for k in beside:
            total, count = borders[kept][k]
            if total > _TOGETHER * count:
                heapq.heappush(queue, (-total / count, min(kept, k), max(kept, k), count))
    parts = _merged(into, shape) if parts is None else parts
    _absorb(least, into, borders)
    return Groups(_merged(into, shape), parts)


def _merge(i, j, into, borders):
    """Make two groups one: (the name that remains, those beside it whose border has changed)."""
    if len(borders[i]) < len(borders[j]):
        i, j = j, i
    into[j] = i
    del borders[i][j], borders[j][i]
    for k, (value, count) in borders[j].items():
        total, length = borders[i].get(k, (0.0, 0))
        borders[i][k] = borders[k][i] = (total + value, length + count)
        del borders[k][j]
    return i, borders[j]


def _absorb(least, into, borders):
    """Groups of fewer than `least` cells, the smallest first, into the neighbour with the strongest border."""
    roots = [_root(into, i) for i in range(len(into))]
    size = Counter(roots)
    small = [(n, i) for i, n in size.items() if n < least]
    heapq.heapify(small)
    while small:
        n, i = heapq.heappop(small)
        if into[i] != i or size[i] != n or not borders[i]:
            continue
        j = max(borders[i], key=lambda k: (borders[i][k][0] / borders[i][k][1], -k))
        together = size[i] + size[j]
        kept, _ = _merge(i, j, into, borders)
        size[kept] = together
        if together < least:
            heapq.heappush(small, (together, kept))


def _root(into, i):
    while into[i] != i:
        i = into[i]
    return i


def _cell_borders(affinity):
    """Of each cell: neighbour -> (sum of affinities, number of them)."""
    _, h, w = affinity.shape
    cell = np.arange(h * w).reshape(h, w)
    borders: list[dict[int, tuple[float, int]]] = [{} for _ in range(h * w)]
    for values, (down, right) in zip(affinity, PAIRS, strict=False):
        first = slice(None, h - down), slice(max(0, -right), w - max(0, right))
        second = slice(down, None), slice(max(0, right), w - max(0, -right))
        for i, j, value in zip(*(x.ravel().tolist() for x in (cell[first], cell[second], values[first])), strict=True):
            borders[i][j] = borders[j][i] = (value, 1)
    return borders


def _merged(into, shape):
    """Cells by the group that they ended in: int (h, w)."""
    return numbered(np.reshape([_root(into, i) for i in range(len(into))], shape))


def numbered(labels: np.ndarray) -> np.ndarray:
    """The same parts of a field of labels int (h, w), numbered from 0 in the order of their first cells."""
    _, first, index = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[index].reshape(labels.shape)


def alike(labels: np.ndarray, affinity: np.ndarray) -> np.ndarray:
    """The mean affinity of next neighbours along the border of each two of n objects: float (n, n), symmetric, 0 where
    they have none.

    Args:
        labels: int (h, w), the objects, numbered from 0. affinity: as `group` takes it.
    """
    n, (h, w) = int(labels.max()) + 1, labels.shape
    total, count = np.zeros((n, n)), np.zeros((n, n))
    for values, (down, right) in zip(affinity, PAIRS[:2], strict=False):
        one, other, value = labels[: h - down, : w - right], labels[down:, right:], values[: h - down, : w - right]
        meets = one != other
        np.add.at(total, (one[meets], other[meets]), value[meets])
        np.add.at(count, (one[meets], other[meets]), 1)
    return (total + total.T) / np.maximum(count + count.T, 1)


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
    """Diffuse a field (..., h, w), real or complex, along affinities (2, h, w); the sum over the grid is kept.

    Returns:
        float or complex of the field's shape, in single precision if the field is.
    """
    h, w = field.shape[-2:]
    kind = np.result_type(field, np.float32)
    real = np.finfo(kind).dtype
    # Cells first and fields last: neighbours are long runs of memory, five times faster than (..., h, w).
    cells = np.array(np.moveaxis(field.reshape(-1, h, w), 0, -1), kind, order="C").view(real)
    right = np.repeat((RATE * affinity[0, :, :-1]).astype(real)[..., None], cells.shape[-1], -1)
    down = np.repeat((RATE * affinity[1, :-1]).astype(real)[..., None], cells.shape[-1], -1)
    across, along = np.empty_like(right), np.empty_like(down)
    for _ in range(steps):
        np.subtract(cells[:, 1:], cells[:, :-1], out=across)
        np.subtract(cells[1:], cells[:-1], out=along)
        across *= right
        along *= down
        cells[:, :-1] += across
        cells[:, 1:] -= across
        cells[:-1] += along
        cells[1:] -= along
    return np.ascontiguousarray(np.moveaxis(cells.view(kind), -1, 0)).reshape(field.shape)


def object_mean(field: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of a field (..., h, w), real or complex, over each cell's object.

    Sums in one order: the same bytes on every machine.
    """
    flat = field.reshape(-1, labels.size)
    index, count = labels.ravel(), np.bincount(labels.ravel())
    parts = (flat.real, flat.imag) if np.iscomplexobj(flat) else (flat,)
    real, *imaginary = (np.stack([np.bincount(index, row) for row in part]) / count for part in parts)
    means = real + 1j * imaginary[0] if imaginary else real
    return means[:, index].reshape(field.shape)
