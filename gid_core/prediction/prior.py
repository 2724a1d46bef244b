"""The physics prior: how a photo might move by rules that can be told, when there is no model or none is wanted.

Green texture, petals beside it and flames on dark ground may move, or exactly what a mask says. Each connected region
is held at its root (the ground, or the point it hangs from) and swings more the farther a cell is from there, as a
damped oscillator in turbulent wind: larger regions slower. It knows no objects: expect less than from the model.
"""

from dataclasses import dataclass

import numpy as np

from . import guided

__all__ = ["FREQUENCIES", "Guess", "guess"]

FREQUENCIES = np.arange(1, 17) / 5.0  # Hz; the harmonics of a 5 s loop
_CELL = 4  # px of the grid to a cell of the region analysis
_MIN_AREA = 0.004  # of the picture; smaller regions are speckle
_GAIN = 0.018  # rms sway of a tip, in parts of the region's size: 1.6 px for 90 px
_RMS_RANGE_PX = (0.4, 2.4)  # what real loops of plants show on this grid
_FLAME_HZ = 3.0
# At the affinity from which phases.group joins two parts this is a fixed distance: move them together.
_LIKE_COLOUR = 0.0596  # squared sRGB distance; petals of one flower stay below it, flower and wall do not


@dataclass(frozen=True)
class Guess:
    """envelope: float32 (K, H, W), RMS motion in px of the grid; affinity: float32 (2, ceil(H/8), ceil(W/8))."""

    envelope: np.ndarray
    affinity: np.ndarray


def guess(picture: np.ndarray, mask: np.ndarray | None = None) -> Guess:
    """What may move in a picture, and how much at each of FREQUENCIES.

    Args:
        picture: float32 (H, W, 3), sRGB-encoded, at the volume's grid.
        mask: float (H, W) in 0..1; where given, it alone decides what moves.
    """
    flame = _flames(picture)
    movable = np.maximum(_plants(picture), flame) if mask is None else np.asarray(mask, np.float32)
    cells, rows, columns = _cells(movable)
    if mask is None:
        holes = _holes(cells > 0.4)
        cells = np.maximum(cells, holes)
        movable = np.maximum(movable, guided.sample(holes, rows, columns))
    colours = np.moveaxis(_cells(np.moveaxis(picture, -1, 0))[0], 0, -1)
    labels = _components(cells > 0.4)
    tip_rms, resonance = np.zeros_like(cells), np.zeros_like(cells)
    min_area = 1 if mask is not None else max(2, _MIN_AREA * cells.size)
    flame_cells = _cells(flame)[0]
    for label in np.unique(labels[labels >= 0]):
        region = labels == label
        burns = float(flame_cells[region].mean()) > 0.3
        if region.sum() < min_area and not burns:
            continue
        swing, size_px = _swing(region, stands=burns)
        tip_rms[region] = (swing * np.clip(_GAIN * size_px, *_RMS_RANGE_PX))[region]
        resonance[region] = _FLAME_HZ if burns else np.clip(0.9 * np.sqrt(60 / size_px), 0.5, 1.8)
    rms = guided.filtered(tip_rms[None], colours, picture, rows, columns)[0]
    rms *= _smoothstep(movable, 0.1, 0.5) if mask is None else movable > 0
    # Regions alone have a resonance: at their borders the nearest one counts, not a mean with nothing.
    known = guided.sample((resonance > 0).astype(np.float64), rows, columns)
    resonance = guided.sample(resonance, rows, columns)
    response = _response(np.divide(resonance, known, out=np.ones_like(resonance), where=known > 1e-6))
    return Guess((rms * response).astype(np.float32), _affinity(picture))


def _plants(picture):
    red, green, blue = np.moveaxis(picture, -1, 0)
    total = picture.sum(-1) + 0.05
    texture = np.sqrt(np.maximum(guided.box_mean(total**2, 2) - guided.box_mean(total, 2) ** 2, 0)) / 3
    textured = _smoothstep(guided.box_mean(texture, 3), 0.012, 0.04)
    leaf = _smoothstep((2 * green - red - blue) / total, 0.02, 0.12) * textured
    near_leaves = _smoothstep(guided.box_mean(leaf, 32), 0.04, 0.16)
    saturation = (picture.max(-1) - picture.min(-1)) / (picture.max(-1) + 0.05)
    is_warm = (red > 1.05 * green) | ((red > 1.3 * blue) & (green > 1.3 * blue)) | (red + blue > 2.6 * green)
    petal = _smoothstep(saturation, 0.35, 0.6) * is_warm * _smoothstep(picture.max(-1), 0.3, 0.55) * near_leaves
    movable = guided.box_mean(np.maximum(leaf, petal * _smoothstep(texture, 0.002, 0.012)), 2)
    return _smoothstep(movable, 0.15, 0.5).astype(np.float32)


def _flames(picture):
    """Small, bright, warm spots in dark surroundings."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    is_warm = guided.box_mean(_smoothstep(red - blue, 0.15, 0.4), 4)  # the core is white, its rim is not
    is_hot = _smoothstep(red, 0.8, 0.95) * _smoothstep(is_warm, 0.1, 0.3) * (green <= red) * (blue <= red)
    surroundings = 1 - _smoothstep(guided.box_mean(picture.mean(-1), 24), 0.25, 0.45)
    is_small = 1 - _smoothstep(guided.box_mean(is_hot, 24), 0.15, 0.3)
    return (np.minimum(3 * guided.box_mean(is_hot, 2), 1) * surroundings * is_small).astype(np.float32)


def _cells(field):
    """Means over 4 x 4 px of (..., H, W), and the fractional cell indices of the H rows and W columns."""
    height, width = field.shape[-2:]
    pad = [(0, 0)] * (field.ndim - 2) + [(0, -height % _CELL), (0, -width % _CELL)]
    padded = np.pad(field, pad, mode="edge")
    blocks = padded.reshape(*field.shape[:-2], padded.shape[-2] // _CELL, _CELL, padded.shape[-1] // _CELL, _CELL)
    rows = (np.arange(height) + 0.5) / _CELL - 0.5
    columns = (np.arange(width) + 0.5) / _CELL - 0.5
    return blocks.mean((-3, -1)), rows, columns


def _holes(mask):
    """1.0 in the gaps (h, w) that a region encloses, as a flower its pale heart; up to a fifth of the picture."""
    labels = _components(~mask)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    found, counts = np.unique(labels[labels >= 0], return_counts=True)
    inner = [label for label, count in zip(found, counts, strict=True) if label not in border and count < mask.size / 5]
    return np.isin(labels, inner).astype(np.float32)


def _components(mask):
    """Labels (h, w) of the 4-connected components of a mask; -1 outside. The smallest index floods its component."""
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


def _swing(region, stands):
    """0 at the root of a region, 1 at its tip, along paths inside it; and the region's size in px of the grid.

    The root is where the region touches the ground: its lowest cells. A region that reaches the upper edge of the
    picture and stays out of its lower third hangs from there instead.
    """
    rows = np.flatnonzero(region.any(1))
    hangs = not stands and rows[0] == 0 and rows[-1] < 2 * len(region) / 3
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


def _response(resonance_hz):
    """Spectrum (K, H, W) of an oscillator in wind, of unit energy over FREQUENCIES.

    Source: |1 / (1 - x^2 + 2 i zeta x)| times the von Karman spectrum of turbulence, (1 + (f / corner)^2)^(-5/12).
    """
    frequencies = FREQUENCIES[:, None, None]
    x = frequencies / resonance_hz
    corner_hz = 0.6 * np.maximum(resonance_hz, 1)  # what is small and quick feels smaller, quicker eddies
    gain = 1 / np.abs(1 - x**2 + 2j * 0.25 * x) * (1 + (frequencies / corner_hz) ** 2) ** (-5 / 12)
    return gain / np.sqrt((gain**2).sum(0))


def _affinity(picture):
    """Neighbouring 8-px cells of like colour belong together."""
    cells = _cells(np.moveaxis(picture, -1, 0))[0]
    cells = np.pad(cells, [(0, 0), (0, cells.shape[1] % 2), (0, cells.shape[2] % 2)], mode="edge")
    cells = cells.reshape(3, cells.shape[1] // 2, 2, cells.shape[2] // 2, 2).mean((2, 4))
    affinity = np.ones((2, *cells.shape[1:]), np.float32)
    affinity[0, :, :-1] = np.exp(-((cells[:, :, 1:] - cells[:, :, :-1]) ** 2).sum(0) / _LIKE_COLOUR)
    affinity[1, :-1, :] = np.exp(-((cells[:, 1:] - cells[:, :-1]) ** 2).sum(0) / _LIKE_COLOUR)
    return affinity


def _smoothstep(x, low, high):
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
