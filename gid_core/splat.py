"""Forward splatting: each source pixel adds a bilinear tent of its colour where it lands.

num(q) = sum_p b(q - p - F(p)) w(p) I(p),  den(q) = sum_p b(q - p - F(p)) w(p). Average (w = 1), linear (w given) and
softmax (w = exp W) are one function. Sums run in a fixed order: the same input gives the same bytes.
Source: Niklaus and Liu, Softmax Splatting (CVPR 2020), from the formula; paper sec. 5 for motion as depth.
"""

import math

import numpy as np

__all__ = ["HOLE", "PLATE_WEIGHT", "SHARPNESS", "Splatter", "finish", "importance", "splat", "weight_of"]

SHARPNESS = 12.0  # of exp(12 (r - 1/2)): keeps the order from 0.5 to 50 px and fits half floats
PLATE_WEIGHT = 0.02 * math.exp(-SHARPNESS / 2)  # 2 % of a motionless pixel: shows in holes and nowhere else
HOLE = 1e-3 * math.exp(-SHARPNESS / 2)  # coverage below this is no coverage where there is no plate
_M0, _M_REF, _LONG_SIDE = 0.25, 64.0, 512.0  # px at a 512-px long side: the power law's foot and top
_BAND_PIXELS = 16384  # a band's eight planes stay in a 1-MB cache; fixed, as it decides the order of sums


def importance(mean_motion: np.ndarray, width: int, height: int) -> np.ndarray:
    """r in 0..1, how far in front a pixel is, from the mean motion in px: what moves more is nearer.

    A power law of the motion at a 512-px long side, hence the same at every resolution and safe in float32, where
    exp(motion) overflows at 88 px. Source: paper sec. 5, W(p) = mean |F_t(p)|.
    """
    m = mean_motion * np.float32(_LONG_SIDE / max(width, height))
    return np.minimum(np.log1p(m / np.float32(_M0)) / np.float32(math.log1p(_M_REF / _M0)), 1).astype(np.float32)


def weight_of(front: np.ndarray) -> np.ndarray:
    """exp(12 (r - 1/2)): the splatting weight of r in 0..1, within 0.0025..403."""
    return np.exp(np.float32(SHARPNESS) * (np.asarray(front, np.float32) - np.float32(0.5)))


def splat(image: np.ndarray, displacement: np.ndarray, weight: np.ndarray | None = None):
    """Numerator and denominator of a forward splat.

    Args:
        image: float32 (H, W, C).
        displacement: float32 (H, W, 2), px; a pixel whose displacement is NaN or infinite is dropped.
        weight: float32 (H, W), or None for 1.
    Returns:
        numerator float32 (H, W, C), denominator float32 (H, W).
    """
    return Splatter(image, weight)(displacement)


class Splatter:
    """Splats one picture again and again; keeps its weighted planes."""

    def __init__(self, image: np.ndarray, weight: np.ndarray | None = None):
        height, width, channels = image.shape
        self.shape = image.shape
        # Channels in pairs: one complex addition adds two floats, and np.add.at is fast on 1-D complex64.
        self._planes = np.zeros(((channels + 2) // 2, height, width, 2), np.float32)
        coverage = self._planes[channels // 2, ..., channels % 2]
        coverage[...] = 1 if weight is None else weight
        for channel in range(channels):
            np.multiply(image[..., channel], coverage, out=self._planes[channel // 2, ..., channel % 2])

    def __call__(self, displacement: np.ndarray):
        height, width, channels = self.shape
        padded = width + 2  # one hidden cell on every side takes what lands half outside
        n_cells = (height + 2) * padded
        # Four corners add into shifted views of one grid; index n_cells is where lost pixels go.
        sums = np.zeros((len(self._planes), n_cells + padded + 2), np.complex64)
        rows_per_band = max(1, min(height, _BAND_PIXELS // width))
        for top in range(0, height, rows_per_band):
            bottom = min(height, top + rows_per_band)
            cell, across, down = _landing(displacement[top:bottom], top, height, width)
            for shift, tent in _corners(across, down, padded):
                for plane, total in zip(self._planes, sums, strict=True):
                    values = (plane[top:bottom].reshape(-1) * tent).view(np.complex64)
                    np.add.at(total[shift:], cell, values)
        grid = sums[:, :n_cells].view(np.float32).reshape(-1, height + 2, padded, 2)[:, 1:-1, 1:-1]
        numerator = np.empty(self.shape, np.float32)
        for channel in range(channels):
            numerator[..., channel] = grid[channel // 2, ..., channel % 2]
        return numerator, grid[channels // 2, ..., channels % 2].copy()


def finish(numerator: np.ndarray, denominator: np.ndarray, plate: np.ndarray | None = None) -> np.ndarray:
    """The frame: (num + lambda plate) / (den + lambda), continuous in time; without a plate holes are empty.

    Args:
        plate: (H, W, C), what lies under everything.
    """
    if plate is None:
        covered = denominator > HOLE
        return np.where(covered[..., None], numerator / np.where(covered, denominator, 1)[..., None], np.float32(0))
    weight = np.float32(PLATE_WEIGHT)
    return (numerator + weight * plate) / (denominator + weight)[..., None]


def _landing(displacement, top, height, width):
    """Padded-grid index of the upper left cell that each pixel touches, and the fractions beyond it."""
    x = displacement[..., 0] + np.arange(width, dtype=np.float32)
    y = displacement[..., 1] + np.arange(top, top + len(displacement), dtype=np.float32)[:, None]
    left, above = np.floor(x), np.floor(y)
    lost = ~((left >= -1) & (left < width) & (above >= -1) & (above < height))  # NaN and infinite, too
    x -= left
    y -= above
    if lost.any():
        for values in (left, above, x, y):
            values[lost] = 0
    cell = (above.astype(np.intp) + 1) * (width + 2) + left.astype(np.intp) + 1
    cell[lost] = (height + 2) * (width + 2)
    return cell.ravel(), x.ravel(), y.ravel()


def _corners(across, down, padded):
    """The four shares of a bilinear tent with the shift of their cell; doubled, for the two floats of a pair."""
    a, b = np.repeat(across, 2), np.repeat(down, 2)
    both = a * b
    a -= both
    b -= both
    neither = np.maximum(1 - a - b - both, 0)  # may round to -6e-8
    return (0, neither), (1, a), (padded, b), (padded + 1, both)
