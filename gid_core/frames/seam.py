"""Is a loop's end like any other moment? Two faults have names: a *jump* (its step is larger), a *hold* (smaller)."""

import numpy as np

from ..files import frame_files
from ..files.colour import decode_srgb
from ..files.image_io import resize
from ..motion.timeline import LoopPlan
from ..motion.volume import SpectralVolume

__all__ = ["grey_blocks", "grey_of", "picture_seam", "seam_ratio", "steps"]

_BLOCK = 8  # px


def steps(volume: SpectralVolume, plan: LoopPlan) -> np.ndarray:
    """RMS change of the displacement from each frame to the next, float64 (n_frames,), px of the volume's grid.

    The last one leads from the last frame to the first. Displacement is linear in the 2K scalars of a frame, so all
    steps follow from one 2K x 2K matrix of inner products, without a field for each frame.
    """
    amplitudes = volume.weighed().amplitudes.reshape(volume.n_freqs, -1)
    basis = np.concatenate([amplitudes.real, -amplitudes.imag]).astype(np.float64)
    products = basis @ basis.T / (volume.height * volume.width)
    scalars = np.array([plan.scalars(frame) for frame in range(plan.n_frames)])
    scalars = np.concatenate([scalars.real, scalars.imag], 1)
    change = np.roll(scalars, -1, 0) - scalars
    return np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", change, products, change), 0))


def seam_ratio(volume: SpectralVolume, plan: LoopPlan) -> float | None:
    """The last frame's step to the first, relative to the median step: near 1 in a good loop; None if nothing moves."""
    found = steps(volume, plan)
    median = float(np.median(found))
    return None if median == 0 else float(found[-1] / median)


def picture_seam(greys) -> float | None:
    """Step from the last frame to the first relative to the median step between frames; None if nothing moves.

    A step is the RMS change of grey, averaged over blocks. Near 1 in a good loop: higher is a jump, lower a hold.

    Args:
        greys: of each frame of one loop, in order, what `grey_blocks` makes of it.
    """
    greys = list(greys)
    steps = [
        float(np.sqrt(np.mean((following - grey) ** 2)))
        for grey, following in zip(greys, [*greys[1:], greys[0]], strict=True)
    ]
    median = float(np.median(steps))
    return steps[-1] / median if median > 0 else None


def grey_blocks(pixels: np.ndarray) -> np.ndarray:
    """float32 (h, w): means of linear grey over blocks; motion stays, grain and coding noise average out.

    Args:
        pixels: float32 (H, W, 3|4), linear.
    """
    grey = np.clip(pixels[..., :3], 0, 1).mean(-1)  # as a file of 8 bits holds it
    rows, columns = (max(1, size // _BLOCK) for size in grey.shape)
    return resize(grey, columns, rows)


def grey_of(file, kind: str) -> np.ndarray:
    """The `grey_blocks` of a frame's file of format `kind`."""
    levels = frame_files.load_levels(file, kind)
    return grey_blocks(decode_srgb(levels[..., :3] / np.float32(np.iinfo(levels.dtype).max)))
