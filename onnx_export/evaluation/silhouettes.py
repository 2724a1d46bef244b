"""Frames beside true ones, by where in the picture: near silhouettes, where background comes to light, inside."""

import cv2
import numpy as np

from gid_core.files.colour import encode_srgb

__all__ = ["border_of", "detail", "encoded", "near", "near_jumps", "near_mask", "psnr", "richest", "ssim"]

_WINDOW_PX, _SIGMA_PX = 11, 1.5  # of the structural similarity, with its two constants
_FLAT, _EVEN = 0.01**2, 0.03**2
JUMP_PX = 1.0  # of the motion between neighbours, from which one is told from the other


def near(labels, px: int):
    """bool (H, W): within `px` of a border between labels (H, W), by the larger of the distances in x and in y."""
    return near_mask(border_of(labels[..., None], 0.5), px)


def near_jumps(flow, px: int):
    """The same of the jumps of a motion (H, W, 2)."""
    return near_mask(border_of(flow, JUMP_PX), px)


def border_of(values, jump):
    """Where neighbours of (H, W, C) differ by more than `jump` in a channel."""
    found = np.zeros(values.shape[:2], bool)
    for axis in (0, 1):
        apart = (abs(np.diff(values, axis=axis)) > jump).any(-1)
        found |= np.insert(apart, 0, False, axis)
        found |= np.insert(apart, apart.shape[axis], False, axis)
    return found


def near_mask(mask, px: int):
    """bool (H, W): within `px` of what a mask (H, W) holds."""
    for axis in (0, 1):
        pad = [(px, px) if a == axis else (0, 0) for a in (0, 1)]
        mask = np.lib.stride_tricks.sliding_window_view(np.pad(mask, pad), 2 * px + 1, axis).any(-1)
    return mask


def encoded(picture):
    """A linear picture as sRGB, 0..1."""
    return encode_srgb(np.clip(picture, 0, 1))


def psnr(frame, truth, part=np.s_[:, :]) -> float:
    """dB in sRGB over a part of linear pictures; NaN of nothing."""
    error = (encoded(frame)[part] - encoded(truth)[part]) ** 2
    return float(-10 * np.log10(np.mean(error, dtype=np.float64) + 1e-12)) if error.size else float("nan")


def ssim(frame, truth) -> float:
    """Structural similarity of the sRGB greys of linear pictures, 1 for equal ones.

    Source: Wang, Bovik, Sheikh, Simoncelli, Image Quality Assessment (2004): a Gaussian of 1.5 px in 11 x 11.
    """

    def around(values):
        return cv2.GaussianBlur(values, (_WINDOW_PX, _WINDOW_PX), _SIGMA_PX)

    a, b = (encoded(picture).mean(-1, dtype=np.float64) for picture in (frame, truth))
    mean_a, mean_b = around(a), around(b)
    spread = around(a * a) - mean_a**2 + around(b * b) - mean_b**2
    common = around(a * b) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + _FLAT) / (mean_a**2 + mean_b**2 + _FLAT)
    return float(np.mean(likeness * (2 * common + _EVEN) / (spread + _EVEN)))


def detail(picture, part) -> float:
    """RMS of the Laplacian of a linear picture's sRGB grey over a part, bool (H, W), of it; NaN of nothing."""
    grey = np.pad(encoded(picture).mean(-1), 1, mode="edge")
    beside = grey[1:-1, :-2] + grey[1:-1, 2:] + grey[:-2, 1:-1] + grey[2:, 1:-1]
    found = (beside - 4 * grey[1:-1, 1:-1])[part]
    return float(np.sqrt(np.mean(found**2, dtype=np.float64))) if found.size else float("nan")


def richest(values, width: int, height: int):
    """The part of (H, W) of that size, or as much as there is, over which the sum of values is greatest."""
    height, width = (min(side, size) for side, size in zip((height, width), values.shape, strict=True))
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    boxes = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = np.unravel_index(boxes.argmax(), boxes.shape)
    return np.s_[top : top + height, left : left + width]
