"""Is a loop's end like any other moment? Two faults have names: a *jump* (its step is larger), a *hold* (smaller)."""

from collections.abc import Callable

import numpy as np

from ..files import frame_files
from ..files.colour import decode_srgb
from ..files.image_io import resize
from ..motion.timeline import LoopPlan
from ..motion.volume import SpectralVolume

__all__ = ["grey_blocks", "grey_of", "picture_seam", "seam_ratio", "steps"]

_BLOCK = 8  # px
_MEASURED = 1000  # steps of a longer loop whose median stands for all


def steps(volume: SpectralVolume, plan: LoopPlan, frames=None) -> np.ndarray:
    """RMS change of the displacement from each of `frames` (None: all) to the next, float64, px of the volume's grid.

    The last frame's leads to the first. Displacement is linear in the 2K scalars of a frame, so all steps follow from
    one 2K x 2K matrix of inner products, without a field for each frame.
    """
    frames = range(plan.n_frames) if frames is None else frames
    amplitudes = volume.weighed().amplitudes.reshape(volume.n_freqs, -1)
    basis = np.concatenate([amplitudes.real, -amplitudes.imag]).astype(np.float64)
    products = basis @ basis.T / (volume.height * volume.width)
    change = np.array([plan.scalars((frame + 1) % plan.n_frames) - plan.scalars(frame) for frame in frames])
    change = np.concatenate([change.real, change.imag], 1)
    return np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", change, products, change), 0))


def seam_ratio(volume: SpectralVolume, plan: LoopPlan) -> float | None:
    """The last frame's step to the first, relative to the median step: near 1 in a good loop; None if nothing moves."""
    found = steps(volume, plan, _measured(plan.n_frames))
    median = float(np.median(found))
    return None if median == 0 else float(found[-1] / median)


def picture_seam(grey: Callable[[int], np.ndarray], n_frames: int) -> float | None:
    """Step from the last frame to the first relative to the median step between frames; None if nothing moves.

    A step is the RMS change of grey, averaged over blocks. Near 1 in a good loop: higher is a jump, lower a hold.

    Args:
        grey: what `grey_blocks` makes of the picture of a frame, counted from the loop's first.
    """
    found, after, following = [], None, np.zeros(0)
    for frame in _measured(n_frames):
        here = following if frame == after else grey(frame)
        after = (frame + 1) % n_frames
        following = grey(after)
        found.append(float(np.sqrt(np.mean((following - here) ** 2))))
    median = float(np.median(found))
    return found[-1] / median if median > 0 else None


def _measured(n_frames):
    """Frames whose step to the next is measured, the last one at the end: all, or some all over a long loop."""
    apart = -(-n_frames // _MEASURED)
    return sorted({*range(0, n_frames, apart), n_frames - 1})


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
