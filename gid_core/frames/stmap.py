"""What a compositor takes elsewhere: source maps (STMap) and motion vectors, as arrays.

Ours is a forward field: each pixel knows where it goes. An STMap is backward, each place knows where its pixel came
from; splatting the pixels' own coordinates turns one into the other.
"""

import numpy as np

from .splat import HOLE, splat

__all__ = ["motion_vectors", "stmap"]


def stmap(displacement: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Absolute source position for every pixel, as Nuke reads it: float32 (H, W, 2).

    s = (x + 1/2)/W to the right, t = 1 - (y + 1/2)/H upwards: (0, 0) is the lower left corner. Where nothing lands
    the map is the identity. Needs 32-bit files: half floats step by a pixel at 2K.

    Args:
        displacement: float32 (H, W, 2), px.
        weight: splatting weight (H, W).
    """
    identity = _identity(*displacement.shape[:2])
    # Offsets are splatted, not coordinates: a motionless pixel then keeps its place to the last bit.
    moved, coverage = splat(-_normalised(displacement), displacement, weight)
    covered = coverage > HOLE
    offset = moved / np.where(covered, coverage, 1)[..., None]
    return identity + np.where(covered[..., None], offset, np.float32(0))


def motion_vectors(displacement: np.ndarray, following: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Motion from one frame to the next, at the place where each pixel is now: float32 (H, W, 2).

    u to the right and v upwards, px a frame, as Nuke's forward.u and forward.v; 0 where nothing lands.

    Args:
        displacement: float32 (H, W, 2), px, of this frame.
        following: of the next.
    """
    step = (following - displacement) * np.array([1, -1], np.float32)
    moved, coverage = splat(step, displacement, weight)
    covered = coverage > HOLE
    return np.where(covered[..., None], moved / np.where(covered, coverage, 1)[..., None], np.float32(0))


def _normalised(vectors):
    height, width = vectors.shape[:2]
    return (vectors / np.array([width, -height], np.float32)).astype(np.float32)


def _identity(height, width):
    s = np.broadcast_to((np.arange(width) + 0.5) / width, (height, width))
    t = np.broadcast_to((1 - (np.arange(height) + 0.5) / height)[:, None], (height, width))
    return np.stack([s, t], -1).astype(np.float32)
