"""Horn-Schunck from coarse to fine, in numpy: the classical smooth field, beside gid_core's Lucas-Kanade."""

import numpy as np

from gid_core.footage.flow import coarse_to_fine, median
from gid_core.footage.warp import pulled_back

__all__ = ["horn_schunck"]

_SMOOTHNESS = 8.0  # Horn-Schunck's alpha, grey levels: measured best of 4, 8, 12, 20 on Middlebury
_WARPS, _SWEEPS = 4, 40
_ROBUST = 2.0  # grey levels: larger differences count less, as 1/r, instead of bending the field


def horn_schunck(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Flow that is smooth everywhere: float32 (H, W, 2), px.

    Args:
        first, second: (H, W) grey, 0..255.
    Source: Horn and Schunck, Determining Optical Flow (1981), Jacobi sweeps; warping and the robust data weight after
    Brox et al. (ECCV 2004).
    """
    return coarse_to_fine(first, second, _horn_schunck_level)


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
        flow = median(flow)
    return flow


def _derivatives(one, two, flow):
    back = pulled_back(two, flow)
    mean = (one + back) / 2
    gy, gx = np.gradient(mean)
    return gx, gy, back - one


def _neighbours(field):
    """Horn and Schunck's mean of the eight neighbours: 1/6 beside, 1/12 across."""
    p = np.pad(field, [(1, 1), (1, 1), (0, 0)], mode="edge")
    rows = p[:-2] + p[2:]
    return rows[:, 1:-1] / 6 + (p[1:-1, :-2] + p[1:-1, 2:]) / 6 + (rows[:, :-2] + rows[:, 2:]) / 12
