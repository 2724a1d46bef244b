"""Pictures read at other places: bicubic pull-back along a flow, and the forward motion of a still.

A flow u says where each pixel of the first picture went: first(p) == second(p + u(p)). `pulled_back` reads the second
picture there, which is all that trackers and checks need. `moved` makes the second picture from the first and serves
clips whose motion must be known. Edges are clamped; positions are pixel indices, (0, 0) the centre of the first.
"""

from collections.abc import Callable

import numpy as np

__all__ = ["bicubic", "bilinear", "inverse_positions", "moved", "pixel_grid", "pulled_back"]

_INVERSE_STEPS = 24  # a displacement whose gradient is below 1/2 converges to 1e-7 of itself in so many


def pixel_grid(height: int, width: int):
    """x and y of every pixel: two float32 (height, width)."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return x, y


def bilinear(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Values of (H, W, ...) at the positions x, y, px: float32, the positions' shape and then the channels."""
    height, width = picture.shape[:2]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = np.minimum(x.astype(np.intp), max(width - 2, 0)), np.minimum(y.astype(np.intp), max(height - 2, 0))
    extra = (1,) * (picture.ndim - 2)
    fx, fy = (x - left).astype(np.float32), (y - top).astype(np.float32)
    fx, fy = fx.reshape(*fx.shape, *extra), fy.reshape(*fy.shape, *extra)
    flat = np.ascontiguousarray(picture, np.float32).reshape(height * width, *picture.shape[2:])
    at, down, right = top * width + left, width if height > 1 else 0, 1 if width > 1 else 0
    upper = flat[at] * (1 - fx) + flat[at + right] * fx
    lower = flat[at + down] * (1 - fx) + flat[at + down + right] * fx
    return upper * (1 - fy) + lower * fy


def bicubic(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """As `bilinear`, with the Keys kernel (a = -1/2): exact on parabolas, so it hardly blurs a picture twice moved."""
    height, width = picture.shape[:2]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    extra = (1,) * (picture.ndim - 2)
    fx, fy = (x - left).astype(np.float32), (y - top).astype(np.float32)
    flat = np.ascontiguousarray(picture, np.float32).reshape(height * width, *picture.shape[2:])
    columns = [np.clip(left + i, 0, width - 1) for i in range(-1, 3)]
    weights_x = [_keys(fx - i).reshape(*fx.shape, *extra) for i in range(-1, 3)]
    total = np.zeros((*np.shape(x), *picture.shape[2:]), np.float32)
    for j in range(-1, 3):
        row = np.clip(top + j, 0, height - 1) * width
        line = sum(flat[row + column] * weight for column, weight in zip(columns, weights_x, strict=True))
        total += line * _keys(fy - j).reshape(*fy.shape, *extra)
    return total


def pulled_back(picture: np.ndarray, flow: np.ndarray, sample=bicubic) -> np.ndarray:
    """The second picture as the first one's pixels see it: float32 like `picture`, read at p + flow(p).

    Args:
        flow: (H, W, 2), px, first to second.
    """
    x, y = pixel_grid(*flow.shape[:2])
    return sample(picture, x + flow[..., 0], y + flow[..., 1])


def inverse_positions(displacement: Callable, height: int, width: int):
    """Where in the still each pixel of the moved picture comes from: x and y, float64 (height, width).

    Args:
        displacement: function of (x, y) positions in the still, px, giving (dx, dy) there.
    The fixed point q = p - F(q); it exists and is unique where the displacement's gradient stays below 1.
    """
    y, x = np.mgrid[:height, :width].astype(np.float64)
    from_x, from_y = x, y
    for _ in range(_INVERSE_STEPS):
        dx, dy = displacement(from_x, from_y)
        from_x, from_y = x - dx, y - dy
    return from_x, from_y


def moved(picture: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    """The still after each of its pixels went `displacement` (H, W, 2) px: float32 like `picture`, bicubic.

    No occlusion: for smooth fields whose gradient stays below 1.
    """

    def field(x, y):
        return np.moveaxis(bilinear(displacement, x, y), -1, 0)

    return bicubic(picture, *inverse_positions(field, *picture.shape[:2]))


def _keys(x):
    x = np.abs(x)
    return np.where(x < 1, (1.5 * x - 2.5) * x * x + 1, np.where(x < 2, ((-0.5 * x + 2.5) * x - 4) * x + 2, 0))
