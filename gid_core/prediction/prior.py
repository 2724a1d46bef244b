"""The physics prior: how a photo might move by rules that can be told, when there is no model or none is wanted.

Green texture, petals beside it and flames on dark ground may move; how they do is `motion.sway`. On hand-masked photos
it finds what moves with a mean AUC of .82, the model of .98 (models/card.json); it knows no objects.
"""

from dataclasses import dataclass

import numpy as np

from ..motion import guided
from ..motion.sway import cells, enclosed, flames, smoothstep, sway

__all__ = ["FREQUENCIES", "Guess", "guess"]

FREQUENCIES = np.arange(1, 17) / 5.0  # Hz; the harmonics of a 5 s loop
_MIN_AREA = 0.004  # of the picture; smaller regions are speckle
# At the affinity from which phases.group joins two parts this is a fixed distance: move them together.
_LIKE_COLOUR = 0.0596  # squared sRGB distance; petals of one flower stay below it, flower and wall do not


@dataclass(frozen=True)
class Guess:
    """envelope: float32 (K, H, W), RMS motion in px of the grid; affinity: float32 (2, ceil(H/8), ceil(W/8))."""

    envelope: np.ndarray
    affinity: np.ndarray


def guess(picture: np.ndarray) -> Guess:
    """What may move in a picture, and how much at each of FREQUENCIES.

    Args:
        picture: float32 (H, W, 3), sRGB-encoded, at the volume's grid.
    """
    movable = np.maximum(_plants(picture), flames(picture))
    regions, rows, columns = cells(movable)
    gaps = enclosed(regions)
    movable = np.maximum(movable, guided.sample(gaps, rows, columns))
    envelope = sway(
        picture,
        movable,
        FREQUENCIES,
        regions=np.maximum(regions, gaps),
        min_area=max(2, _MIN_AREA * regions.size),
    )
    return Guess((envelope * smoothstep(movable, 0.1, 0.5)).astype(np.float32), _affinity(picture))


def _plants(picture):
    red, green, blue = np.moveaxis(picture, -1, 0)
    total = picture.sum(-1) + 0.05
    texture = np.sqrt(np.maximum(guided.box_mean(total**2, 2) - guided.box_mean(total, 2) ** 2, 0)) / 3
    textured = smoothstep(guided.box_mean(texture, 3), 0.012, 0.04)
    leaf = smoothstep((2 * green - red - blue) / total, 0.02, 0.12) * textured
    near_leaves = smoothstep(guided.box_mean(leaf, 32), 0.04, 0.16)
    saturation = (picture.max(-1) - picture.min(-1)) / (picture.max(-1) + 0.05)
    is_warm = (red > 1.05 * green) | ((red > 1.3 * blue) & (green > 1.3 * blue)) | (red + blue > 2.6 * green)
    petal = smoothstep(saturation, 0.35, 0.6) * is_warm * smoothstep(picture.max(-1), 0.3, 0.55) * near_leaves
    movable = guided.box_mean(np.maximum(leaf, petal * smoothstep(texture, 0.002, 0.012)), 2)
    return smoothstep(movable, 0.15, 0.5).astype(np.float32)


def _affinity(picture):
    """Neighbouring 8-px cells of like colour belong together."""
    means = cells(np.moveaxis(picture, -1, 0))[0]
    means = np.pad(means, [(0, 0), (0, means.shape[1] % 2), (0, means.shape[2] % 2)], mode="edge")
    means = means.reshape(3, means.shape[1] // 2, 2, means.shape[2] // 2, 2).mean((2, 4))
    affinity = np.ones((2, *means.shape[1:]), np.float32)
    affinity[0, :, :-1] = np.exp(-((means[:, :, 1:] - means[:, :, :-1]) ** 2).sum(0) / _LIKE_COLOUR)
    affinity[1, :-1, :] = np.exp(-((means[:, 1:] - means[:, :-1]) ** 2).sum(0) / _LIKE_COLOUR)
    return affinity
