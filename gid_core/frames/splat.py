"""Forward splatting: each source pixel adds a bilinear tent of its colour where it lands.

num(q) = sum_p b(q - p - F(p)) w(p) I(p),  den(q) = sum_p b(q - p - F(p)) w(p). Average (w = 1), linear (w given) and
softmax (w = exp W) are one function. Sums run in a fixed order: the same input gives the same bytes.
Source: Niklaus and Liu, Softmax Splatting (CVPR 2020), from the formula; paper sec. 5 for motion as depth.
"""

import math

import numpy as np

from ..files.colour import in_halves
from .border import add_beyond
from .sharp import SIXTH, differences

__all__ = ["HOLE", "PLATE_WEIGHT", "SHARPNESS", "Splatter", "finish", "importance", "splat", "weight_of"]

SHARPNESS = 12.0  # of exp(12 (r - 1/2)): keeps the order from 0.5 to 50 px and fits half floats
PLATE_WEIGHT = 0.02 * math.exp(-SHARPNESS / 2)  # 2 % of a motionless pixel: shows in holes and nowhere else
HOLE = 1e-3 * math.exp(-SHARPNESS / 2)  # coverage below this is no coverage where there is no plate
_M0, _M_REF, _LONG_SIDE = 0.25, 64.0, 512.0  # px at a 512-px long side: the power law's foot and top
_BAND_PIXELS = 32768  # a band's planes and sums, 1 MB, stay in the cache; fixed, as it decides the order of sums
_HIDDEN = 3  # cells beside the picture, two before and one after: both cells of what lands outside are hidden


def importance(mean_motion: np.ndarray, width: int, height: int) -> np.ndarray:
    """r in 0..1, how far in front a pixel is, from the mean motion in px: what moves more is nearer.

    A power law of the motion at a 512-px long side, hence the same at every resolution and safe in float32, where
    exp(motion) overflows at 88 px. Rounded to half floats, a 2000th, so that a .blend holds it in little room.
    Source: paper sec. 5, W(p) = mean |F_t(p)|.
    """
    m = mean_motion * np.float32(_LONG_SIDE / max(width, height))
    r = np.minimum(np.log1p(m / np.float32(_M0)) / np.float32(math.log1p(_M_REF / _M0)), 1)
    return in_halves(r)


def weight_of(front: np.ndarray) -> np.ndarray:
    """exp(12 (r - 1/2)): the splatting weight of r in 0..1, within 0.0025..403."""
    return np.exp(np.float32(SHARPNESS) * (np.asarray(front, np.float32) - np.float32(0.5)))


def splat(
    image: np.ndarray, displacement: np.ndarray, weight: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
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
    """Splats one picture again and again; keeps its weighted planes.

    Args:
        kin: of `sharp.kin`: each tent's colour is sharpened by what its landing will blur. The last of four channels
            is opacity: it stays within 0..1, and colours within it where they were.
        beyond: the pixels of the border go on beyond the frame, so that motion never bares it (`border.add_beyond`).
    """

    def __init__(
        self,
        image: np.ndarray,
        weight: np.ndarray | None = None,
        *,
        kin: np.ndarray | None = None,
        beyond: bool = False,
    ):
        self.shape = image.shape
        self._beyond = beyond
        weight = np.ones(image.shape[:2], np.float32) if weight is None else weight
        self._planes = _pairs(image, weight)
        _coverage(self._planes, self.shape)[...] = weight
        self._differences = None
        if kin is not None:
            found = differences(image, kin)
            found[:, 0] *= np.float32(0.5)
            found[:, 1] *= np.float32(SIXTH)
            self._differences = [[_pairs(part, weight) for part in axis] for axis in found]

    def __call__(self, displacement: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, width, channels = self.shape
        padded = width + _HIDDEN
        n_cells = (height + _HIDDEN) * padded
        # The four corners of a tent add into shifted views of one grid, by one array of indices.
        sums = np.zeros((len(self._planes), n_cells + padded + 1), np.complex64)
        rows_per_band = max(1, _BAND_PIXELS // width)
        for top in range(0, height, rows_per_band):
            band = slice(top, min(height, top + rows_per_band))
            cell, across, down = _landing(displacement[band], top, height, width)
            # Neighbours mostly land side by side: the right share of one then falls into the cell of the next one's
            # left share, and joins it before the scattering. Only where such a run ends it travels by itself.
            ends = np.append(np.flatnonzero(cell[1:] - cell[:-1] != 1), cell.size - 1)
            beyond = cell[ends]
            for whole, total in zip(self._tents(np.s_[band], across, down), sums, strict=True):
                lower = whole * down
                for share, shift in ((whole - lower, 0), (lower, padded)):
                    right = share * across
                    share -= right
                    pairs = right.view(np.complex64)
                    np.add.at(total[shift + 1 :], beyond, pairs[ends])
                    pairs[ends] = 0
                    share[2:] += right[:-2]
                    np.add.at(total[shift:], cell, share.view(np.complex64))
        grid = sums[:, :n_cells].view(np.float32).reshape(-1, height + _HIDDEN, padded, 2)[:, 2:-1, 2:-1]
        if self._beyond:
            add_beyond(grid, self._lines(displacement), displacement)
        numerator = np.empty(self.shape, np.float32)
        for channel in range(channels):
            numerator[..., channel] = grid[channel // 2, ..., channel % 2]
        return numerator, _coverage(grid, self.shape).copy()

    def _tents(self, part, across, down):
        """What the tents of a part of the picture add, plane by plane: float32 (2 n,) each.

        Args:
            part: index of rows, or of rows and columns: n pixels.
            across, down: doubled fractions (2 n,) beyond the cell that each pixel lands in.
        """
        if self._differences is None:
            return [plane[part].reshape(-1) for plane in self._planes]
        spreads = [fraction * fraction - fraction for fraction in (across, down)]  # -v
        squares = [spread * spread for spread in spreads]
        tents = []
        for index, plane in enumerate(self._planes):
            whole = plane[part].reshape(-1)
            for spread, square, (second, sixth) in zip(spreads, squares, self._differences, strict=True):
                change = square * sixth[index][part].reshape(-1)
                change += second[index][part].reshape(-1)
                change *= spread
                change += whole
                whole = change
            tents.append(whole)
        if self.shape[2] == 4:
            self._keep_opacity(tents, part)
        return tents

    def _keep_opacity(self, tents, part):
        """Opacity within 0..1, and colour, in place, no farther beyond it than it was."""
        (red_green, blue_alpha, _), (was_rg, was_ba, weight) = (
            tents,
            (plane[part].reshape(-1) for plane in self._planes),
        )
        alpha, was = blue_alpha[1::2], was_ba[1::2]
        np.clip(alpha, 0, weight[::2], out=alpha)
        for colour, before in (
            (red_green[::2], was_rg[::2]),
            (red_green[1::2], was_rg[1::2]),
            (blue_alpha[::2], was_ba[::2]),
        ):
            np.minimum(colour, alpha + np.maximum(before - was, 0), out=colour)

    def _lines(self, displacement):
        """The four outermost lines of the picture as tents: left, right (N, H, 2), top, bottom (N, W, 2)."""
        lines = []
        for part in (np.s_[:, :1], np.s_[:, -1:], np.s_[:1], np.s_[-1:]):
            with np.errstate(invalid="ignore"):
                fraction = displacement[part] - np.floor(displacement[part])
            across, down = _doubled(fraction[..., 0]), _doubled(fraction[..., 1])
            lines.append(np.stack(self._tents(part, across, down)).reshape(len(self._planes), -1, 2))
        return lines


def _pairs(image, weight):
    """Channels times weight in pairs: float32 ((C + 2) // 2, H, W, 2), what is left over 0.

    One complex addition adds two floats, and np.add.at is fast on 1-D complex64.
    """
    height, width, channels = image.shape
    planes = np.zeros(((channels + 2) // 2, height, width, 2), np.float32)
    for channel in range(channels):
        np.multiply(image[..., channel], weight, out=planes[channel // 2, ..., channel % 2])
    return planes


def _coverage(planes, shape):
    """The place of the weights among the pairs: a view (H, W)."""
    return planes[shape[2] // 2, ..., shape[2] % 2]


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
    """Padded-grid index of the upper left cell that each pixel touches, and the fractions beyond it, doubled."""
    floor = np.floor(displacement)
    with np.errstate(invalid="ignore"):
        # Taken before the pixel's own place is added: the same offset splats alike everywhere, even 4000 px away.
        fraction = displacement - floor
    if np.isnan(fraction.sum()):
        floor[np.isnan(fraction)] = -np.inf
    column = floor[..., 0] + np.arange(2, width + 2, dtype=np.float32)
    row = floor[..., 1] + np.arange(top + 2, top + 2 + len(displacement), dtype=np.float32)[:, None]
    np.clip(column, 0, width + 2, out=column)
    np.clip(row, 0, height + 2, out=row)
    cell = row.astype(np.int32) * np.int32(width + _HIDDEN)
    cell += column.astype(np.int32)
    return cell.ravel().astype(np.intp), _doubled(fraction[..., 0]), _doubled(fraction[..., 1])


def _doubled(values):
    """Each value twice, for the two floats of a pair; np.repeat takes three times as long."""
    twice = np.empty((values.size, 2), np.float32)
    twice[:, 0] = twice[:, 1] = values.reshape(-1)
    return twice.reshape(-1)
