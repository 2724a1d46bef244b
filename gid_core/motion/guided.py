"""From the model's coarse grids to the volume's grid: bilinear at any position, and guided by the photo.

A coarse envelope has soft edges; the photo knows where the object ends. The guided filter fits, around every coarse
cell, the envelope as an affine function of the photo's colour and applies the fit at full resolution.
"""

import numpy as np

__all__ = ["box_mean", "centres", "filtered", "maximum", "reconstructed", "sample"]

RADIUS = 2  # cells of the coarse grid: 5 x 5 cells see both sides of an edge
SMOOTHNESS = 1e-3  # variance of sRGB values 0..1 below which a neighbourhood counts as one colour


def sample(field: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Bilinear values of (..., h, w) at fractional cell indices rows (H,) x columns (W,); edges are clamped."""
    return _interpolate(_interpolate(field, columns, -1), rows, -2)


def centres(size: int, target: int, extent: float | None = None) -> np.ndarray:
    """Fractional cell indices of `target` sample centres spread over the first `extent` cells of `size`."""
    return (np.arange(target) + 0.5) * (size if extent is None else extent) / target - 0.5


def box_mean(field: np.ndarray, radius: int) -> np.ndarray:
    """Mean over (2 radius + 1)^2 cells of (..., h, w), over fewer at the borders. Sums run in float64."""
    return _box_axis(_box_axis(field, radius, -1), radius, -2)


def maximum(field: np.ndarray, radius: int) -> np.ndarray:
    """The largest of (2 radius + 1)^2 cells of (..., h, w), of fewer at the borders."""
    for axis in (-1, -2):
        width = [(0, 0)] * field.ndim
        width[axis] = (radius, radius)
        field = np.lib.stride_tricks.sliding_window_view(np.pad(field, width, mode="edge"), 2 * radius + 1, axis).max(
            -1
        )
    return field


def reconstructed(marker: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The largest field (h, w) that is nowhere above a mask and hangs together with a marker, which lies below it.

    Each cell gets what is left at the narrowest place of the best way to it from the marker, over eight neighbours.
    Source: Vincent, Morphological Grayscale Reconstruction in Image Analysis (1993).
    """
    field = np.minimum(marker, mask)
    while True:
        wide = field.copy()
        for first, second in ((wide[1:], wide[:-1]), (wide[:, 1:], wide[:, :-1])):
            below = first.copy()
            np.maximum(first, second, out=first)
            np.maximum(second, below, out=second)
        np.minimum(wide, mask, out=wide)
        if (wide == field).all():
            return field
        field = wide


def filtered(
    coarse: np.ndarray,
    coarse_guide: np.ndarray,
    guide: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    *,
    radius: int = RADIUS,
) -> np.ndarray:
    """Coarse non-negative fields at the resolution of a guide picture, edges where the guide has them.

    Args:
        coarse: float (N, h, w).
        coarse_guide: float (h, w, 3), the guide at the coarse cells, sRGB-encoded.
        guide: float (H, W, 3).
        rows: fractional cell indices of the guide's rows (H,).
        columns: of its columns (W,).
        radius: of the neighbourhoods, in cells.
    Returns:
        float32 (N, H, W), between 0 and the largest coarse value nearby.
    Source: He, Sun, Tang, Guided Image Filtering (2010), sec. 3 and the colour form of sec. 3.5, at two resolutions
        (He and Sun, Fast Guided Filter, 2015).
    """
    coarse = coarse.astype(np.float64)
    picture = np.moveaxis(coarse_guide.astype(np.float64), -1, 0)  # (3, h, w)
    mean_guide = box_mean(picture, radius)
    mean = box_mean(coarse, radius)
    covariance = box_mean(coarse[:, None] * picture, radius) - mean[:, None] * mean_guide  # (N, 3, h, w)
    spread = box_mean(picture[:, None] * picture, radius) - mean_guide[:, None] * mean_guide  # (3, 3, h, w)
    spread = np.moveaxis(spread, (0, 1), (-2, -1)) + SMOOTHNESS * np.eye(3)
    slope = np.einsum("hwij,njhw->nihw", np.linalg.inv(spread), covariance)
    offset = mean - (slope * mean_guide).sum(1)
    slope, offset = box_mean(slope, radius), box_mean(offset, radius)
    ceiling = sample(maximum(coarse, 1), rows, columns)
    result = sample(offset, rows, columns)
    for channel in range(3):
        result += sample(slope[:, channel], rows, columns) * guide[..., channel]
    return np.clip(result, 0, ceiling).astype(np.float32)


def _interpolate(field, positions, axis):
    size = field.shape[axis]
    positions = np.clip(positions, 0, size - 1)
    low = np.minimum(positions.astype(int), max(size - 2, 0))
    high = np.minimum(low + 1, size - 1)
    shape = [1] * field.ndim
    shape[axis] = len(positions)
    weight = (positions - low).astype(field.real.dtype).reshape(shape)
    return np.take(field, low, axis) * (1 - weight) + np.take(field, high, axis) * weight


def _box_axis(field, radius, axis):
    size = field.shape[axis]
    sums = np.cumsum(field, axis, dtype=np.float64)
    sums = np.concatenate([np.zeros_like(np.take(sums, [0], axis)), sums], axis)
    high = np.minimum(np.arange(size) + radius + 1, size)
    low = np.maximum(np.arange(size) - radius, 0)
    shape = [1] * field.ndim
    shape[axis] = size
    return (np.take(sums, high, axis) - np.take(sums, low, axis)) / (high - low).reshape(shape)
