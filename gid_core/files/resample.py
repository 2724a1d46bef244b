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
    rows = _cubic_matrix(h, height).astype(field.real.dtype)
    columns = _cubic_matrix(w, width).astype(field.real.dtype)
    return np.ascontiguousarray(np.einsum("Yy,...yxc,Xx->...YXc", rows, field, columns, optimize=True))


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


def _cubic_matrix(n, target):
    """(target, n) weights, each row summing to 1."""
    scale = n / target
    reach = max(scale, 1.0)
    centre = (np.arange(target) + 0.5) * scale - 0.5
    taps = np.arange(-int(np.ceil(2 * reach)), int(np.ceil(2 * reach)) + 1)
    index = np.floor(centre).astype(np.intp)[:, None] + taps
    x = np.abs(index - centre[:, None]) / reach
    weight = np.where(x < 1, (1.5 * x - 2.5) * x * x + 1, np.where(x < 2, ((-0.5 * x + 2.5) * x - 4) * x + 2, 0))
    matrix = np.zeros((target, n))
    np.add.at(matrix, (np.arange(target)[:, None], np.clip(index, 0, n - 1)), weight)
    return matrix / matrix.sum(1, keepdims=True)
