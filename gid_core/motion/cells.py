"""Phases on coarse cells, read at finer places, each of its own object's cells alone."""

import numpy as np

from . import guided

__all__ = ["MEMBERS", "members", "read"]

# Cells around a place, rows and columns from the one above and to the left of it: the bits of `members`.
MEMBERS = tuple((i, j) for i in range(-1, 3) for j in range(-1, 3))
_MOST_LOST = 2.0  # times that a mean of phases may be enlarged; where they cancel nothing is left to enlarge


def members(objects: np.ndarray, owned: np.ndarray, extent: tuple[float, float]) -> np.ndarray:
    """Which of the 4 x 4 cells around each place are of its object: uint16 (H, W), bits as MEMBERS.

    Args:
        objects: int (h, w), of each cell. owned: int (H, W), of each place.
        extent: (rows, columns) of cells that the places span.
    """
    low = [
        np.floor(guided.centres(n, size, wide)).astype(int)
        for n, size, wide in zip(objects.shape, owned.shape, extent, strict=True)
    ]
    found = np.zeros(owned.shape, np.uint16)
    for bit, (i, j) in enumerate(MEMBERS):
        row, column = (low[0] + i)[:, None], low[1] + j
        row, column = np.clip(row, 0, objects.shape[0] - 1), np.clip(column, 0, objects.shape[1] - 1)
        found |= (objects[row, column] == owned).astype(np.uint16) << np.uint16(bit)
    return found


def read(
    z: np.ndarray,
    shape,
    extent: tuple[float, float],
    members: np.ndarray | None = None,
    weight: np.ndarray | None = None,
) -> np.ndarray:
    """z complex64 (K, h, w, 2) at (H, W) places: complex64 (K, H, W, 2), bilinear, cells beyond the edge as neighbours.

    A place beside another object takes the mean of its own object's cells around it, nearer ones counting more.
    A mean of two phases is shorter than either, so each place is enlarged to move as far as its cells do.

    Args:
        extent: (rows, columns) of cells that the places span.
        members: uint16 (H, W), of `members`; None: all cells are of one object.
        weight: float (K, H, W), how much each frequency's motion counts; None: all alike.
    """
    rows, columns = (guided.centres(n, size, wide) for n, size, wide in zip(z.shape[1:3], shape, extent, strict=True))
    power = (np.abs(z) ** 2).sum(-1, keepdims=True)
    cells = np.concatenate([z, power], -1)  # complex64 (K, h, w, 3)
    found = np.moveaxis(guided.sample(np.moveaxis(cells, -1, 1), rows, columns), 1, -1)
    if members is not None:
        _take_own(found, cells, members, rows, columns)
    found, power = found[..., :2], found[..., 2].real
    size = (np.abs(found) ** 2).sum(-1)
    whole, left = ((x if weight is None else weight * x).sum(0) for x in (power, size))
    gain = np.sqrt(whole / np.maximum(left, whole / _MOST_LOST**2 + np.finfo(np.float32).tiny))
    return found * np.where(whole > 0, gain, 1).astype(np.float32)[..., None]


def _take_own(found, cells, members, rows, columns):
    """In place, where the four cells of a place are not all of its object and some around it are."""
    four = sum(1 << bit for bit, (i, j) in enumerate(MEMBERS) if 0 <= i <= 1 and 0 <= j <= 1)
    y, x = np.nonzero((members & four != four) & (members != 0))
    total = np.zeros((len(y), len(cells), cells.shape[-1]), np.complex64)
    weights = np.zeros(len(y), np.float32)
    cells = np.moveaxis(cells, 0, 2)
    for bit, (i, j) in enumerate(MEMBERS):
        row, column = np.floor(rows[y]) + i, np.floor(columns[x]) + j
        tents = (1 - abs(row - rows[y]) / 2) * (1 - abs(column - columns[x]) / 2)
        weight = (tents * ((members[y, x] >> bit) & 1)).astype(np.float32)
        row, column = (
            np.clip(place, 0, n - 1).astype(np.intp) for place, n in zip((row, column), cells.shape[:2], strict=True)
        )
        total += weight[:, None, None] * cells[row, column]
        weights += weight
    is_sure = weights > 0
    total = total[is_sure] / weights[is_sure, None, None]
    found[:, y[is_sure], x[is_sure]] = np.moveaxis(total, 1, 0)
