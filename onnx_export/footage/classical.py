"""Horn-Schunck and Lucas-Kanade from coarse to fine, in numpy: the two named references, and the way without OpenCV.

Both take grey pictures in 0..255 and return the flow from the first to the second, px. They share the pyramid, the
warping and a 3 x 3 median between warps, which drops single wrong vectors; they differ in the one thing their names
stand for: a smooth field (Horn-Schunck) or one vector for a window (Lucas-Kanade).
"""

import numpy as np

from gid_core.files.resample import bilinear as to_grid

from .warp import pulled_back

__all__ = ["horn_schunck", "lucas_kanade"]

_SHORTEST_PX = 12  # the coarsest level; less holds no texture to follow
_SMOOTHNESS = 8.0  # Horn-Schunck's alpha, grey levels: measured best of 4, 8, 12, 20 on Middlebury
_WARPS, _SWEEPS = 4, 40
_ROBUST = 2.0  # grey levels: larger differences count less, as 1/r, instead of bending the field
_WINDOW_PX = 9
_WINDOW_STEPS = 5
_LEAST_TEXTURE = 4.0  # (grey levels a px)^2 added to the window's matrix: flat windows keep the coarser vector
_LONGEST_STEP_PX = 1.0  # a linearised step is not valid farther than that


def horn_schunck(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Flow that is smooth everywhere: float32 (H, W, 2), px.

    Args:
        first, second: (H, W) grey, 0..255.
    Source: Horn and Schunck, Determining Optical Flow (1981), Jacobi sweeps; warping and the robust data weight after
    Brox et al. (ECCV 2004).
    """
    return _coarse_to_fine(first, second, _horn_schunck_level)


def lucas_kanade(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Flow that is constant in each window: float32 (H, W, 2), px.

    Args:
        first, second: (H, W) grey, 0..255.
    Source: Lucas and Kanade (IJCAI 1981), dense, in the pyramid of Bouguet (2000).
    """
    return _coarse_to_fine(first, second, _lucas_kanade_level)


def _coarse_to_fine(first, second, level):
    pyramids = _pyramid(first), _pyramid(second)
    flow = np.zeros((*pyramids[0][-1].shape, 2), np.float32)
    for one, two in zip(*(reversed(p) for p in pyramids), strict=True):
        height, width = one.shape
        if flow.shape[:2] != one.shape:
            scale = np.array([width / flow.shape[1], height / flow.shape[0]], np.float32)
            flow = to_grid(flow, width, height) * scale
        flow = level(one, two, flow)
    return flow


def _pyramid(picture):
    levels = [_blurred(np.asarray(picture, np.float32))]
    while min(levels[-1].shape) >= 2 * _SHORTEST_PX:
        height, width = levels[-1].shape
        levels.append(to_grid(_blurred(levels[-1]), (width + 1) // 2, (height + 1) // 2))
    return levels


def _horn_schunck_level(one, two, flow):
    for _ in range(_WARPS):
        gx, gy, gt = _derivatives(one, two, flow)
        weight = 1 / np.sqrt(1 + (gt / _ROBUST) ** 2)
        denominator = _SMOOTHNESS**2 / weight + gx * gx + gy * gy
        gx_part, gy_part = gx / denominator, gy / denominator
        # gt is linearised about the field of this warp: only what is added to it counts.
        constant = gt - gx * flow[..., 0] - gy * flow[..., 1]
        for _ in range(_SWEEPS):
            mean = _neighbours(flow)
            excess = gx * mean[..., 0] + gy * mean[..., 1] + constant
            flow = np.stack([mean[..., 0] - gx_part * excess, mean[..., 1] - gy_part * excess], -1)
        flow = _median(flow)
    return flow


def _lucas_kanade_level(one, two, flow):
    for _ in range(_WINDOW_STEPS):
        gx, gy, gt = _derivatives(one, two, flow)
        # Each pixel of a window was warped by its own vector, so the window's one vector is solved for as a whole.
        constant = gt - gx * flow[..., 0] - gy * flow[..., 1]
        products = np.stack([gx * gx, gx * gy, gy * gy, gx * constant, gy * constant], -1)
        xx, xy, yy, xt, yt = np.moveaxis(_window(products), -1, 0)
        xx, yy = xx + _LEAST_TEXTURE, yy + _LEAST_TEXTURE
        xt, yt = xt - _LEAST_TEXTURE * flow[..., 0], yt - _LEAST_TEXTURE * flow[..., 1]
        solved = -np.stack([yy * xt - xy * yt, xx * yt - xy * xt], -1) / (xx * yy - xy * xy)[..., None]
        step = solved - flow
        length = np.sqrt((step * step).sum(-1, keepdims=True))
        flow = _median(flow + step * np.minimum(1, _LONGEST_STEP_PX / np.maximum(length, 1e-6)))
    return flow


def _derivatives(one, two, flow):
    back = pulled_back(two, flow)
    mean = (one + back) / 2
    gy, gx = np.gradient(mean)
    return gx, gy, back - one


def _padded(field, n):
    return np.pad(field, [(n, n), (n, n)] + [(0, 0)] * (field.ndim - 2), mode="edge")


def _blurred(picture):
    """Binomial 1 2 1 both ways: sigma .7 px."""
    p = _padded(picture, 1)
    rows = p[:-2] + 2 * p[1:-1] + p[2:]
    return (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16


def _neighbours(field):
    """Horn and Schunck's mean of the eight neighbours: 1/6 beside, 1/12 across."""
    p = _padded(field, 1)
    rows = p[:-2] + p[2:]
    return rows[:, 1:-1] / 6 + (p[1:-1, :-2] + p[1:-1, 2:]) / 6 + (rows[:, :-2] + rows[:, 2:]) / 12


def _median(field):
    p = _padded(field, 1)
    height, width = field.shape[:2]
    around = [p[j : j + height, i : i + width] for j in range(3) for i in range(3)]
    return np.partition(np.stack(around), 4, axis=0)[4]


def _window(field):
    """Mean of the window about each pixel, by running sums."""
    half = _WINDOW_PX // 2
    p = _padded(field, half).astype(np.float64)
    for axis in (0, 1):
        sums = np.cumsum(p, axis)
        sums = np.concatenate([np.zeros_like(sums.take([0], axis)), sums], axis)
        n = sums.shape[axis]
        p = sums.take(range(_WINDOW_PX, n), axis) - sums.take(range(n - _WINDOW_PX), axis)
    return (p / _WINDOW_PX**2).astype(np.float32)
