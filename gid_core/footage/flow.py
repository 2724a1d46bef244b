"""Optical flow in numpy: robust Lucas and Kanade, dense, from coarse to fine.

One vector for the window about each pixel, solved with weights that forget what does not match. On sways of a
photograph it keeps the amplitude to half a percent, which OpenCV's DIS does not, at a few times its cost
(`python3 build.py bench clip` measures both); leaps of many pixels are not its task.
"""

from collections.abc import Callable

import numpy as np

from ..errors import SettingsError
from ..files.resample import bilinear as to_grid
from .warp import pulled_back

__all__ = ["checked_pair", "coarse_to_fine", "flow", "grey", "median"]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_SMALLEST_PX = 16
_SHORTEST_PX = 12  # the coarsest level; less holds no texture to follow
# The window is a box of 7 px twice, a tent of 13; of 5 px twice the error is half as large again.
_WINDOW_PX = 7
_STEPS = 5
_ROBUST = 5.0  # grey levels by which a pixel differs that weighs half: what is covered, or another thing
_LEAST_TEXTURE = 10.0  # (grey levels a px)^2 added to the window's matrix: flat windows keep the coarser vector
_LONGEST_STEP_PX = 1.0  # a linearised step is not valid farther than that


def grey(picture: np.ndarray) -> np.ndarray:
    """Luma (Rec. 601) of an encoded picture: uint8 (H, W).

    Args:
        picture: uint8 (H, W, 3) or already (H, W).
    """
    if picture.ndim == 2:
        return picture
    return np.rint(picture.astype(np.float32) @ _LUMA).astype(np.uint8)


def flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where each pixel of the first picture is in the second: float32 (H, W, 2), px, x right and y down.

    Args:
        first: (H, W) grey, 0..255, or uint8 (H, W, 3).
        second: likewise.
    Raises:
        SettingsError: see `checked_pair`.

    Source: Lucas and Kanade (IJCAI 1981), dense, in the pyramid of Bouguet (2000), gradients of the first picture as in
        Baker and Matthews (IJCV 2004); the weight of a residual is Geman and McClure's.
    """
    return coarse_to_fine(*checked_pair(first, second), _at_level)


def checked_pair(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures, grey, that flow can be looked for between.

    Raises:
        SettingsError: they differ in size or are too small.
    """
    first, second = grey(first), grey(second)
    if first.shape != second.shape:
        raise SettingsError(f"two pictures of one clip have one size, not {first.shape} and {second.shape}")
    if min(first.shape) < _SMALLEST_PX:
        raise SettingsError(f"{first.shape[1]} x {first.shape[0]} px is too small to track: {_SMALLEST_PX} or more")
    return first, second


def coarse_to_fine(first: np.ndarray, second: np.ndarray, at_level: Callable) -> np.ndarray:
    """Flow, float32 (H, W, 2), that `at_level(one, two, flow)` improves at each level of a pyramid."""
    pyramids = _pyramid(first), _pyramid(second)
    found = np.zeros((*pyramids[0][-1].shape, 2), np.float32)
    for one, two in zip(*(reversed(p) for p in pyramids), strict=True):
        height, width = one.shape
        if found.shape[:2] != one.shape:
            scale = np.array([width / found.shape[1], height / found.shape[0]], np.float32)
            found = to_grid(found, width, height) * scale
        found = at_level(one, two, found)
    return found


def median(field: np.ndarray) -> np.ndarray:
    """Of 3 x 3 vectors in each component, (H, W, 2): drops single wrong ones."""
    padded = _padded(field, 1)
    height, width = field.shape[:2]
    around = [padded[j : j + height, i : i + width] for j in range(3) for i in range(3)]
    return np.partition(np.stack(around), 4, axis=0)[4]


def _at_level(one, two, found):
    gy, gx = np.gradient(one)
    for _ in range(_STEPS):
        u, v = found[..., 0], found[..., 1]
        residual = pulled_back(two, found) - one
        weight = 1 / (1 + (residual / _ROBUST) ** 2)
        # Each pixel of a window was warped by its own vector, so the window's one vector is solved for as a whole.
        constant = gx * u + gy * v - residual
        wx, wy = weight * gx, weight * gy
        xx, xy, yy, xc, yc = _window(np.stack([wx * gx, wx * gy, wy * gy, wx * constant, wy * constant]))
        xx, yy = xx + _LEAST_TEXTURE, yy + _LEAST_TEXTURE
        xc, yc = xc + _LEAST_TEXTURE * u, yc + _LEAST_TEXTURE * v
        step = np.stack([yy * xc - xy * yc, xx * yc - xy * xc], -1) / (xx * yy - xy * xy)[..., None] - found
        length = np.sqrt((step * step).sum(-1, keepdims=True))
        found = found + step * np.minimum(1, _LONGEST_STEP_PX / np.maximum(length, 1e-6))
    return median(found)


def _pyramid(picture):
    levels = [_blurred(np.asarray(picture, np.float32))]
    while min(levels[-1].shape) >= 2 * _SHORTEST_PX:
        height, width = levels[-1].shape
        levels.append(to_grid(_blurred(levels[-1]), (width + 1) // 2, (height + 1) // 2))
    return levels


def _blurred(picture):
    """Binomial 1 2 1 both ways: sigma .7 px."""
    p = _padded(picture, 1)
    rows = p[:-2] + 2 * p[1:-1] + p[2:]
    return (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16


def _padded(field, n):
    return np.pad(field, [(n, n), (n, n)] + [(0, 0)] * (field.ndim - 2), mode="edge")


def _window(fields):
    """Mean over the window about each pixel of (N, H, W), by running sums, a box twice along each axis."""
    half = _WINDOW_PX // 2
    for axis in (1, 1, 2, 2):
        width = [(0, 0)] * 3
        width[axis] = (half + 1, half)
        sums = np.cumsum(np.pad(fields, width, mode="edge"), axis, dtype=np.float64)
        n = sums.shape[axis]
        fields = (sums.take(range(_WINDOW_PX, n), axis) - sums.take(range(n - _WINDOW_PX), axis)) / _WINDOW_PX
    return fields.astype(np.float32)
