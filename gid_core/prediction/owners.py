"""Which object owns each texel of the grid, by the photo.

Two objects of two phases have no phase between them: one interpolated across their border dips to nothing. So each
texel is of one object, by the photo's colours, and takes its phases of that object's cells alone (motion/cells.py).
That tears the picture along the border, which is right where the photo has an edge and shows where it has none: objects
that meet inside a smooth surface are therefore one here, and phases change gently from one to the other.
"""

import numpy as np

from ..motion import guided

__all__ = ["apart", "joined", "owners"]

_FINE = 2  # parts of a cell along each axis, on which an object's outline is fitted to the photo
_BATCH = 16  # objects at a time: 10 MB
_SEEN = 0.4  # share of two objects' border that must be an edge, or they are one
_ALIKE = 0.2  # mean affinity along a border, up to which two objects are surely two
_DIRECTIONS = 8  # random unit vectors of so many numbers are nearly at right angles


def owners(objects: np.ndarray, cells: tuple[float, float], picture: np.ndarray) -> np.ndarray:
    """The object of each texel: int (H, W).

    Args:
        objects: int (h, w), of each cell, numbered from 0.
        cells: (rows, columns) of them that the picture spans.
        picture: float32 (H, W, 3), sRGB-encoded.
    A guided filter carries each object's indicator to the photo's edges; the largest wins. Where it finds an object far
    from its cells, they are not asked.
    """
    height, width, _ = picture.shape
    fine = objects.repeat(_FINE, 0).repeat(_FINE, 1)
    rows, columns = (
        guided.centres(n, size, _FINE * extent)
        for n, size, extent in zip(fine.shape, picture.shape[:2], cells, strict=True)
    )
    guide = _guide(picture, fine.shape, rows, columns)
    best = np.full((height, width), -np.inf, np.float32)
    found = np.zeros((height, width), np.int64)
    for first in range(0, int(objects.max()) + 1, _BATCH):
        labels = np.arange(first, min(first + _BATCH, int(objects.max()) + 1))
        part = (fine == labels[:, None, None]).astype(np.float64)
        likely = guided.box_mean(guided.filtered(part, guide, picture, rows, columns, radius=1), 1)
        top = likely.argmax(0)
        value = np.take_along_axis(likely, top[None], 0)[0]
        found = np.where(value > best, labels[top], found)
        best = np.maximum(best, value)
    return found


def joined(n: int, owned: np.ndarray, edges, alike: np.ndarray | None = None) -> np.ndarray:
    """Which of n objects are one because the photo has no edge between them: int (n,), each one's first.

    Args:
        owned: int (H, W), the object of each texel. edges: bool (H - 1, W), (H, W - 1), where the photo has one.
        alike: float (n, n), of objects.alike; objects of which that is sure are two without an edge; None: of none.
    """
    borders, cut = np.zeros((n, n), int), np.zeros((n, n), int)
    below, beside = edges
    for labels, is_edge in ((owned, below), (owned.T, beside.T)):
        upper, lower = np.minimum(labels[:-1], labels[1:]), np.maximum(labels[:-1], labels[1:])
        for found, where in ((borders, upper != lower), (cut, (upper != lower) & is_edge)):
            np.add.at(found, (upper[where], lower[where]), 1)
    first = np.arange(n)
    is_one = (borders > 0) & (cut < _SEEN * borders)
    if alike is not None:
        is_one &= alike > _ALIKE
    for i, j in np.argwhere(is_one):
        first[first == max(first[i], first[j])] = min(first[i], first[j])
    return first


def apart(envelope: np.ndarray, owned: np.ndarray, scale: float) -> np.ndarray:
    """How texels move, as `lookup.lookup` takes it, before chance has drawn phases: float32 (H, W, 8), px of the still.

    The RMS motion along a direction that is the object's own: two objects move otherwise whatever their phases will be.

    Args:
        envelope: float32 (K, H, W), px of the grid. scale: px of the still to a texel.
    """
    label, place = np.arange(int(owned.max()) + 1)[:, None] + 1, np.arange(1, _DIRECTIONS + 1)
    directions = np.cos(2 * np.pi * ((label * np.sqrt(place + 1.5)) % 1))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    rms = np.sqrt((envelope.astype(np.float32) ** 2).sum(0))
    return (np.float32(scale) * rms[..., None] * directions.astype(np.float32)[owned]).astype(np.float32)


def _guide(picture, shape, rows, columns):
    """Means of the picture over the fine cells: float32 (h, w, 3); cells beyond it go on as its border."""
    sums = np.zeros((*shape, 4), np.float32)
    row, column = (np.clip(np.rint(axis).astype(int), 0, n - 1) for axis, n in zip((rows, columns), shape, strict=True))
    np.add.at(sums, (row[:, None], column[None]), np.pad(picture, ((0, 0), (0, 0), (0, 1)), constant_values=1))
    is_known = sums[..., 3] > 0
    last = [np.flatnonzero(is_known.any(1 - axis))[-1] for axis in (0, 1)]
    mean = sums[..., :3] / np.maximum(sums[..., 3:], 1)
    return mean[np.minimum(np.arange(shape[0]), last[0])][:, np.minimum(np.arange(shape[1]), last[1])]
