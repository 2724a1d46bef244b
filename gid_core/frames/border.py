"""What lies beyond the frame: the pixels of the border, repeated outwards without end.

Where motion leads inwards, the border would come loose from the frame and show what lies behind it. So each border
pixel stands for a row (a corner pixel: a quadrant) of copies of itself that move as it does. Their tents add up in
closed form: 1 from the nearest copy on outwards, falling to 0 at the pixel itself.
"""

from collections.abc import Sequence

import numpy as np

__all__ = ["add_beyond"]


def add_beyond(sums: np.ndarray, lines: Sequence[np.ndarray], displacement: np.ndarray) -> None:
    """Add to the sums of a splat what the copies beyond the frame bring into it.

    Args:
        sums: float32 (N, H, W, 2), added to in place: pairs of channels, as `splat.Splatter` keeps them.
        lines: what the whole tents of the outermost pixels add: left, right (N, H, 2), top, bottom (N, W, 2).
        displacement: float32 (H, W, 2), px; a pixel whose displacement is NaN or infinite has no copies.
    """
    across, down = displacement[..., 0], displacement[..., 1]
    left, right, top, bottom = lines
    upright = sums.swapaxes(1, 2)
    _add_rows(sums, left, across[:, 0], down[:, 0])
    _add_rows(sums[:, :, ::-1], right, -across[:, -1], down[:, -1])
    _add_rows(upright, top, down[0], across[0])
    _add_rows(upright[:, :, ::-1], bottom, -down[-1], across[-1])
    for line, y, flip_y in ((top, 0, 1), (bottom, -1, -1)):
        for x, flip_x in ((0, 1), (-1, -1)):
            quadrant = sums[:, ::flip_y, ::flip_x]
            _add_quadrant(quadrant, line[:, x], flip_x * across[y, x], flip_y * down[y, x])


def _add_rows(sums, tents, inwards, along):
    """The copies to the left of the first column: (N, H, W, 2) from (N, H, 2), displacements (H,)."""
    height, width = sums.shape[1:3]
    finite = np.isfinite(inwards) & np.isfinite(along)
    reach = np.where(finite, np.clip(inwards, 0, width), 0)
    n_columns = int(np.ceil(reach.max()))
    if not n_columns:
        return
    rows = np.flatnonzero(reach)
    cover = _cover(reach[rows], n_columns)  # (rows, columns)
    landing = np.clip(along[rows], -height - 1, height + 1)
    above = np.floor(landing)
    share = (landing - above).astype(np.float32)
    above = above.astype(np.intp) + rows
    columns = np.arange(n_columns)
    for tent, total in zip(tents[:, rows], sums, strict=True):
        strip = np.zeros((height, n_columns, 2), np.float32)
        flat = strip.view(np.complex64).reshape(-1)
        for row, part in ((above, 1 - share), (above + 1, share)):
            inside = (row >= 0) & (row < height)
            light = tent[inside, None] * (cover * part[:, None])[inside, :, None]
            np.add.at(flat, (row[inside, None] * n_columns + columns).ravel(), light.view(np.complex64).ravel())
        total[:, :n_columns] += strip


def _add_quadrant(sums, tent, inwards, downwards):
    """The copies above and to the left of the first pixel: (N, H, W, 2) from (N, 2)."""
    if not (0 < inwards < np.inf and 0 < downwards < np.inf):
        return
    height, width = sums.shape[1:3]
    across, down = np.float32(min(inwards, width)), np.float32(min(downwards, height))
    n_columns, n_rows = int(np.ceil(across)), int(np.ceil(down))
    cover = _cover(down, n_rows)[:, None] * _cover(across, n_columns)
    sums[:, :n_rows, :n_columns] += tent[:, None, None] * cover[..., None]


def _cover(reach, n):
    """Share (..., n) of each of the first n places that the copies cover when the pixel went `reach` px inwards."""
    return np.clip(np.asarray(reach)[..., None] - np.arange(n, dtype=np.float32), 0, 1).astype(np.float32)
