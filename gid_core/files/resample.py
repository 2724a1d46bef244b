"""Fields from one grid to another: bilinear as Geometry Nodes do it, bicubic for a change of grid that keeps detail.

Texel centres lie at (i + 1/2)/n on every grid and edges are clamped; corners are never aligned.
"""

import numpy as np

__all__ = ["bilinear", "fitted", "resample"]


def bilinear(field: np.ndarray, width: int, height: int) -> np.ndarray:
    """Values of (h, w, ...) at the pixel centres of a picture: (height, width, ...).

    The same numbers as an Image Texture node with linear interpolation and extended edges.
    """
    rows, columns = _lerp_plan(field.shape[0], height), _lerp_plan(field.shape[1], width)
    return _lerp(_lerp(field, *columns, axis=1), *rows, axis=0)


def fitted(field: np.ndarray, width: int, height: int) -> np.ndarray:
    """A map (h, w) at another size, float32 (height, width), within the range of its values.

    Bilinear where it grows; where it shrinks the tent widens, so that no pixel is passed over. What is felt of one
    value only keeps it to the last bit: black stays black and white stays white.
    """
    for axis, target in ((1, width), (0, height)):
        size = field.shape[axis]
        if target > size:
            field = _lerp(field, *_lerp_plan(size, target), axis=axis)
        elif target < size:
            field = np.moveaxis(np.tensordot(_tent_matrix(size, target), field.astype(np.float64), (1, axis)), 0, axis)
    return np.ascontiguousarray(field, np.float32)


def resample(field: np.ndarray, width: int, height: int) -> np.ndarray:
    """Bicubic (Keys, a = -1/2) resampling of (..., h, w, C); the kernel widens when the grid shrinks.

    Args:
        field: real or complex.
    """
    h, w = field.shape[-3:-1]
    along = _weighed(field, field.ndim - 3, *_cubic_plan(h, height))
    return _weighed(along, field.ndim - 2, *_cubic_plan(w, width))


def _lerp_plan(n, target) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    position = np.clip((np.arange(target) + 0.5) * n / target - 0.5, 0, n - 1)
    low = position.astype(np.intp)
    return low, np.minimum(low + 1, n - 1), (position - low).astype(np.float32)


def _lerp(field, low, high, weight, axis):
    weight = weight.reshape(-1, *[1] * (field.ndim - axis - 1))
    a, b = field.take(low, axis), field.take(high, axis)
    b -= a
    b *= weight
    a += b
    return a


def _tent_matrix(n, target):
    """(target, n) weights of a tent as wide as one sample of the target on each side, each row summing to 1."""
    centre = (np.arange(target)[:, None] + 0.5) * n / target - 0.5
    weight = np.maximum(1 - np.abs(np.arange(n) - centre) * target / n, 0)
    return weight / weight.sum(1, keepdims=True)


def _cubic_plan(n, target):
    """(index, weight), both (target, taps): which samples make each one of the target; their weights sum to 1.

    A product with the whole (target, n) matrix takes half a minute for a photo of 4K where numpy has no fast BLAS.
    """
    scale = n / target
    reach = max(scale, 1.0)
    centre = (np.arange(target) + 0.5) * scale - 0.5
    taps = np.arange(-int(np.ceil(2 * reach)), int(np.ceil(2 * reach)) + 1)
    index = np.floor(centre).astype(np.intp)[:, None] + taps
    x = np.abs(index - centre[:, None]) / reach
    weight = np.where(x < 1, (1.5 * x - 2.5) * x * x + 1, np.where(x < 2, ((-0.5 * x + 2.5) * x - 4) * x + 2, 0))
    return np.clip(index, 0, n - 1), weight / weight.sum(1, keepdims=True)


def _weighed(field, axis, index, weight):
    """Sums over the taps of a plan, along an axis."""
    weight = weight.astype(field.real.dtype).reshape(*weight.shape, *[1] * (field.ndim - axis - 1))
    total = np.zeros((*field.shape[:axis], len(index), *field.shape[axis + 1 :]), field.dtype)
    for tap in np.flatnonzero(weight.any(axis=(0, *range(2, weight.ndim)))):
        part = field.take(index[:, tap], axis)
        part *= weight[:, tap]
        total += part
    return total
