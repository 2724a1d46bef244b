"""Where motion is held back: an artist's mask, what is done to one, and a window that pins the frame's rim.

Arrays, no volumes. Masks are whatever an artist paints, so nothing here takes them for black and white: what grows
and what softens are greys, too.
"""

import math

import numpy as np

from ..errors import SettingsError
from ..files.resample import fitted

__all__ = ["border_window", "checked_map", "feathered", "grown", "inverted", "mask_weight"]

# A regular octagon of reach r along the axes is a square of reach (sqrt 2 - 1) r dilated by a diamond of the rest.
_SQUARE_SHARE = math.sqrt(2) - 1
_STEPS = 65535  # a softened mask keeps 16 bits: rounding of sums never makes motion where a mask was black
_SEAM_TAPS = np.array([1, 4, 6, 4, 1]) / 16  # the soft border inside a mask is two cells wide


def checked_map(values, name: str, top: float) -> np.ndarray:
    """A picture of one channel as float32 (h, w).

    Args:
        name: what it is, for the sentence.
        top: the largest value allowed.
    Raises:
        SettingsError: another shape, or a value outside 0..top.
    """
    values = np.asarray(values)
    if values.ndim != 2 or values.size == 0 or not np.can_cast(values.dtype, np.float64, "same_kind"):
        raise SettingsError(f"the {name} must be one picture channel with values from 0 to {top:g}")
    values = np.ascontiguousarray(values, np.float32)
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= top):
        raise SettingsError(f"the {name} must be one picture channel with values from 0 to {top:g}")
    return values


def border_window(width: int, height: int, border: float) -> np.ndarray:
    """How freely each pixel moves when the frame's rim is pinned: float32 (height, width) in 0..1.

    With d the distance in pixels from a pixel's centre to the nearest edge of the frame,
    t = clip(d / (border max(width, height)), 0, 1) and the window is t t (3 - 2 t). 0 pins nothing.
    """
    if border == 0:
        return np.ones((height, width), np.float32)
    reach = np.float32(border * max(width, height))
    x, y = (np.arange(size, dtype=np.float32) + np.float32(0.5) for size in (width, height))
    across, down = np.minimum(x, np.float32(width) - x), np.minimum(y, np.float32(height) - y)
    t = np.clip(np.minimum(across, down[:, None]) / reach, 0, 1).astype(np.float32)
    return t * t * (np.float32(3) - np.float32(2) * t)


def mask_weight(mask: np.ndarray, width: int, height: int) -> np.ndarray:
    """A mask at a volume's grid: float32 (height, width), exactly 0 wherever a picture pixel of mask 0 would feel it.

    Displacement is read bilinearly, so a texel reaches over one more texel on each side: it is zero unless every mask
    pixel within that reach is above zero. The border fades over two texels inside, so that no seam tears.

    For files whose readers know no masks; a mask beside a volume (`SpectralVolume.mask`) holds at every pixel.
    """
    mask = np.asarray(mask, np.float32)
    blocked: np.ndarray = np.pad(np.cumsum(np.cumsum(mask <= 0, 0), 1), ((1, 0), (1, 0)))
    top, bottom = _reach(height, mask.shape[0])
    left, right = _reach(width, mask.shape[1])
    count = blocked[np.ix_(bottom, right)] - blocked[np.ix_(top, right)]
    count = count - blocked[np.ix_(bottom, left)] + blocked[np.ix_(top, left)]
    is_free = (count == 0).astype(np.float32)
    padded = np.pad(is_free, 2, mode="edge")
    faded = sum(t * padded[i : i + height] for i, t in enumerate(_SEAM_TAPS))
    faded = sum(t * faded[:, i : i + width] for i, t in enumerate(_SEAM_TAPS))
    return (is_free * np.clip(2 * faded - 1, 0.1, 1) * fitted(mask, width, height)).astype(np.float32)


def _reach(size, mask_size):
    """First and one-past-last mask pixel that each of `size` texels can move."""
    index = np.arange(size)
    first = np.floor((index - 0.5) * mask_size / size).astype(int)
    last = np.ceil((index + 1.5) * mask_size / size).astype(int)
    return np.clip(first, 0, mask_size), np.clip(last, 0, mask_size)


def inverted(mask: np.ndarray) -> np.ndarray:
    """What moved stands, what stood moves: float32 (h, w)."""
    return np.float32(1) - np.asarray(mask, np.float32)


def grown(mask: np.ndarray, reach_px: int) -> np.ndarray:
    """A mask whose white parts reach farther by so many pixels, or less far if it is negative: float32 (h, w).

    Each pixel takes the largest value (the smallest) within a regular octagon that is `reach_px` wide along the axes,
    and up to 8 % more at its corners; beyond the picture's edge its border goes on. Takes time with the logarithm of
    the reach.
    """
    mask = np.asarray(mask, np.float32)
    if reach_px == 0:
        return mask.copy()
    extreme = np.maximum if reach_px > 0 else np.minimum
    reach = abs(int(reach_px))
    square = round(_SQUARE_SHARE * reach)
    for axes in ((0,), (1,)):
        mask = _spread(mask, square, axes, extreme)
    return _spread(mask, reach - square, (0, 1), extreme)


def feathered(mask: np.ndarray, radius_px: int) -> np.ndarray:
    """A mask whose edges fade over so many pixels to either side: float32 (h, w), in steps of 1 / 65535.

    Three box means in a row, nearly a Gaussian; what lies farther than `radius_px` along the axes from any edge keeps
    its value to that step, and beyond the picture's edge its border goes on.
    """
    soft = np.asarray(mask, np.float64)
    for index in range(3):
        half = (int(radius_px) + index) // 3  # the three halves add up to the radius
        for axis in (0, 1):
            soft = _box_mean(soft, half, axis)
    return (np.rint(np.clip(soft, 0, 1) * _STEPS) / _STEPS).astype(np.float32)


def _spread(values, reach, axes, extreme):
    """The extreme over a line along one axis, or over a diamond along both; the reach doubles from pass to pass."""
    done = 0
    while done < reach:
        step = min(max(done, 1), reach - done)
        around = [_shifted(values, sign * step, axis) for axis in axes for sign in (-1, 1)]
        for other in around:
            values = extreme(values, other)
        done += step
    return values


def _shifted(values, step, axis):
    index = np.clip(np.arange(values.shape[axis]) + step, 0, values.shape[axis] - 1)
    return np.take(values, index, axis)


def _box_mean(values, half, axis):
    """Mean over 2 half + 1 values along an axis, the border going on."""
    width = [(0, 0), (0, 0)]
    width[axis] = (half + 1, half)
    sums = np.cumsum(np.pad(values, width, mode="edge"), axis)
    n = values.shape[axis]
    return (np.take(sums, np.arange(2 * half + 1, 2 * half + 1 + n), axis) - np.take(sums, np.arange(n), axis)) / (
        2 * half + 1
    )
