"""A training pair and what may be done to it: augmentations that follow the physics.

What an augmentation does to a pair is what the analysis would find in the film so changed. Up and down are never
exchanged: plants hang from nothing.
"""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from gid_core.errors import SettingsError
from gid_core.files.resample import bilinear
from gid_core.motion.volume import SpectralVolume

__all__ = ["Pair", "reduced"]


@dataclass(frozen=True, eq=False)
class Pair:
    """A still and its motion.

    Args:
        still: uint8 (H, W, 3), sRGB.
        volume: on its own grid, px of it; phases count from the still.
        confidence: float32 (h, w) on the volume's grid, 0..1: the weight of that cell in a loss.
    """

    still: np.ndarray
    volume: SpectralVolume
    confidence: np.ndarray

    def flipped(self) -> "Pair":
        """Left and right exchanged: x displacements change their sign."""
        amplitudes = self.volume.amplitudes[:, :, ::-1] * np.array([-1, 1], np.float32)
        return Pair(self.still[:, ::-1], replace(self.volume, amplitudes=amplitudes), self.confidence[:, ::-1])

    def reversed(self) -> "Pair":
        """Time runs backwards through the still: amplitudes are conjugated."""
        return replace(self, volume=replace(self.volume, amplitudes=self.volume.amplitudes.conj()))

    def resized(self, width: int, height: int) -> "Pair":
        """The still `width` x `height`; the volume's grid keeps its share of it, displacements stay px of that grid."""
        across, down = (
            width * self.volume.width / self.still.shape[1],
            height * self.volume.height / self.still.shape[0],
        )
        across, down = max(1, round(across)), max(1, round(down))
        still = np.asarray(Image.fromarray(self.still).resize((width, height), Image.Resampling.LANCZOS))
        return Pair(still, self.volume.resized(across, down), bilinear(self.confidence, across, down))


def reduced(volume: SpectralVolume, confidence: np.ndarray, stride: int):
    """Volume and confidence on a grid of cells `stride` px wide: means over each cell, weighted by the confidence.

    Raises:
        SettingsError: the grid is no multiple of the stride.
    """
    if volume.height % stride or volume.width % stride:
        raise SettingsError(f"{volume.width} x {volume.height} px do not divide into cells of {stride} px")
    height, width = volume.height // stride, volume.width // stride
    weight = confidence.reshape(height, stride, width, stride)
    total = weight.sum((1, 3))
    # A cell that nobody believes keeps its plain mean: it weighs nothing, and no hole has to be explained.
    weight = np.where(total[:, None, :, None] > 0, weight, 1)[..., None]
    cells = volume.amplitudes.reshape(-1, height, stride, width, stride, 2)
    mean = (cells * weight).sum((2, 4)) / weight.sum((1, 3))
    return replace(volume, amplitudes=mean / stride), (total / stride**2).astype(np.float32)
