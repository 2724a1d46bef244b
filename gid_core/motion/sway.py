"""How a region of a picture sways by rules that can be told, once it is known what may move.

Each connected region is held at its root (the ground, or the point it hangs from) and swings more the farther a cell
is from there, as a damped oscillator in turbulent wind: larger regions slower, flames fast and standing. The physics
prior uses it for what it takes to be movable, an edit for what an artist says must move.
"""

import numpy as np

from . import guided

__all__ = ["cells", "components", "enclosed", "flames", "smoothstep", "sway", "swing"]

_CELL = 4  # px of the grid to a cell of the region analysis
_GAIN = 0.018  # rms sway of a tip, in parts of the region's size: 1.6 px for 90 px
_RMS_RANGE_PX = (0.4, 2.4)  # what real loops of plants show on this grid
_FLAME_HZ = 3.0
_IN_REGION = 0.4  # of a cell may move: then it belongs to a region


def sway(
    picture: np.ndarray,
    movable: np.ndarray,
    frequencies: np.ndarray,
    *,
    regions: np.ndarray | None = None,
    min_area: float = 1,
) -> np.ndarray:
    """How far each pixel sways at each frequency: float32 (K, H, W), RMS motion in px of the grid, 0 where nothing may.

    Args:
        picture: float32 (H, W, 3), sRGB-encoded, at the volume's grid: it tells flames, and has the edges.
        movable: float (H, W) in 0..1, what may move; it alone decides.
        frequencies: (K,) Hz; the motion's energy is shared out over them.
        regions: float (h, w) of `cells`, where they are not the means of `movable`.
        min_area: cells of 4 x 4 px below which a region stands still, unless it burns.
    """
    means, rows, columns = cells(np.asarray(movable, np.float32))
    regions = means if regions is None else regions
    colours = np.moveaxis(cells(np.moveaxis(picture, -1, 0))[0], 0, -1)
    labels = components(regions > _IN_REGION)
    tip_rms, resonance = np.zeros_like(regions), np.zeros_like(regions)
    flame_cells = cells(flames(picture))[0]
    for label in np.unique(labels[labels >= 0]):
        region = labels == label
        burns = float(flame_cells[region].mean()) > 0.3
        if region.sum() < min_area and not burns:
            continue
        along, size_px = swing(region, not burns and _hangs(region))
        tip_rms[region] = (along * np.clip(_GAIN * size_px, *_RMS_RANGE_PX))[region]
        resonance[region] = _FLAME_HZ if burns else np.clip(0.9 * np.sqrt(60 / size_px), 0.5, 1.8)
    rms = guided.filtered(tip_rms[None], colours, picture, rows, columns)[0]
    # Regions alone have a resonance: at their borders the nearest one counts, not a mean with nothing.
    known = guided.sample((resonance > 0).astype(np.float64), rows, columns)
    resonance = guided.sample(resonance, rows, columns)
    resonance = np.divide(resonance, known, out=np.ones_like(resonance), where=known > 1e-6)
    response = _response(np.asarray(frequencies, np.float64), resonance)
    return (np.where(movable > 0, rms, 0) * response).astype(np.float32)


def flames(picture: np.ndarray) -> np.ndarray:
    """Small, bright, warm spots in dark surroundings: float32 (H, W) in 0..1, of a picture as `sway` takes it."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    is_warm = guided.box_mean(smoothstep(red - blue, 0.15, 0.4), 4)  # the core is white, its rim is not
    is_hot = smoothstep(red, 0.8, 0.95) * smoothstep(is_warm, 0.1, 0.3) * (green <= red) * (blue <= red)
    surroundings = 1 - smoothstep(guided.box_mean(picture.mean(-1), 24), 0.25, 0.45)
    is_small = 1 - smoothstep(guided.box_mean(is_hot, 24), 0.15, 0.3)
    return (np.minimum(3 * guided.box_mean(is_hot, 2), 1) * surroundings * is_small).astype(np.float32)


def cells(field: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means over 4 x 4 px of (..., H, W), and the fractional cell indices of the H rows and W columns."""
    height, width = field.shape[-2:]
    pad = [(0, 0)] * (field.ndim - 2) + [(0, -height % _CELL), (0, -width % _CELL)]
    padded = np.pad(field, pad, mode="edge")
    blocks = padded.reshape(*field.shape[:-2], padded.shape[-2] // _CELL, _CELL, padded.shape[-1] // _CELL, _CELL)
    rows = (np.arange(height) + 0.5) / _CELL - 0.5
    columns = (np.arange(width) + 0.5) / _CELL - 0.5
    return blocks.mean((-3, -1)), rows, columns


def enclosed(regions: np.ndarray) -> np.ndarray:
    """1.0 in gaps (h, w) that regions of cells enclose, as a flower its pale heart; up to a fifth of the picture."""
    labels = components(regions <= _IN_REGION)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    found, counts = np.unique(labels[labels >= 0], return_counts=True)
    small = found[counts < labels.size / 5]
    return np.isin(labels, np.setdiff1d(small, border)).astype(np.float32)


def smoothstep(x, low: float, high: float) -> np.ndarray:
    """0 up to `low`, 1 from `high`, and a curve without corners between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def components(mask: np.ndarray) -> np.ndarray:
    """Labels, int (h, w), of the 4-connected components of a mask, bool (h, w); -1 outside."""
    # The smallest index floods its component.
    labels = np.where(mask, np.arange(mask.size).reshape(mask.shape), mask.size)
    while True:
        spread = labels.copy()
        for target, source in _neighbours():
            np.minimum(spread[target], labels[source], out=spread[target])
        spread[~mask] = mask.size
        # Pointer jumping: a label is the index of a cell, and that cell may know a smaller one by now.
        table = np.append(spread.ravel(), mask.size)
        spread = table[spread]
        if (spread == labels).all():
            return np.where(mask, labels, -1)
        labels = spread


def _hangs(region):
    """What reaches the upper edge of the picture and stays out of its lower third hangs from there."""
    rows = np.flatnonzero(region.any(1))
    return rows[0] == 0 and rows[-1] < 2 * len(region) / 3


def swing(region: np.ndarray, hangs: bool) -> tuple[np.ndarray, float]:
    """How far along the paths inside a region its cells lie, and its size in px of the grid.

    Args:
        region: bool (h, w), connected cells; hangs: its root is its highest cells instead of its lowest.
    Returns:
        float (h, w), .1 at the root and 1 at the tip.
    """
    rows = np.flatnonzero(region.any(1))
    depth = max(1, len(rows) // 8)
    root = region.copy()
    if hangs:
        root[rows[0] + depth :] = False
    else:
        root[: rows[-1] + 1 - depth] = False
    distance = np.where(root, 0.0, np.inf)
    while True:
        spread = distance.copy()
        for target, source in _neighbours():
            np.minimum(spread[target], distance[source] + 1, out=spread[target])
        spread[~region] = np.inf
        if (spread == distance).all():
            break
        distance = spread
    distance[~region] = 0
    reach = max(float(distance.max()), 1.0)
    return np.minimum(distance / reach, 1) ** 1.3 * 0.9 + 0.1, _CELL * max(len(rows), np.sqrt(region.sum()))


def _neighbours():
    everything, first, last = slice(None), slice(None, -1), slice(1, None)
    return (
        ((first, everything), (last, everything)),
        ((last, everything), (first, everything)),
        ((everything, first), (everything, last)),
        ((everything, last), (everything, first)),
    )


def _response(frequencies, resonance_hz):
    """Spectrum (K, H, W) of an oscillator in wind, of unit energy over the frequencies.

    Source: |1 / (1 - x^2 + 2 i zeta x)| times the von Karman spectrum of turbulence, (1 + (f / corner)^2)^(-5/12).
    """
    frequencies = frequencies[:, None, None]
    x = frequencies / resonance_hz
    corner_hz = 0.6 * np.maximum(resonance_hz, 1)  # what is small and quick feels smaller, quicker eddies
    gain = 1 / np.abs(1 - x**2 + 2j * 0.25 * x) * (1 + (frequencies / corner_hz) ** 2) ** (-5 / 12)
    return gain / np.sqrt((gain**2).sum(0))
