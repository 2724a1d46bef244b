"""Where motion is held back: an artist's mask, and a window that pins the frame's rim. Arrays, no volumes."""

import numpy as np

from ..errors import SettingsError
from ..files.resample import fitted

__all__ = ["border_window", "checked_map", "mask_weight"]

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
