"""Clips whose motion is known exactly: a texture of plane waves, read where each pixel of a frame comes from.

The texture is a formula, so no interpolation stands between the motion and the frames; what a tracker then misses is
its own. Tests and the benchmark use these clips; nothing here is training material.
"""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from gid_core.files.clips import Clip
from gid_core.footage.warp import inverse_positions

__all__ = ["Texture", "made_clip", "patch_sway", "truth"]

_WAVES = 60
_CONTRAST = 45.0  # grey levels, rms


class Texture:
    """A grey texture that can be read anywhere: `texture(x, y)` in 0..255, float.

    Args:
        seed: of its waves.
        shortest, longest: wavelengths, px.
    """

    def __init__(self, seed: int = 0, shortest: float = 5.0, longest: float = 40.0):
        rng = np.random.default_rng([seed, 21])
        length = np.exp(rng.uniform(np.log(shortest), np.log(longest), _WAVES))
        angle = rng.uniform(0, 2 * np.pi, _WAVES)
        self._kx, self._ky = 2 * np.pi * np.cos(angle) / length, 2 * np.pi * np.sin(angle) / length
        self._phase = rng.uniform(0, 2 * np.pi, _WAVES)

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        total = np.zeros(np.shape(x), np.float32)
        for kx, ky, phase in zip(self._kx, self._ky, self._phase, strict=True):
            total += np.cos((kx * x + ky * y + phase).astype(np.float32))
        return 128 + _CONTRAST * total * np.float32(np.sqrt(2 / _WAVES))


def made_clip(
    displacement: Callable,
    n_frames: int,
    fps=30,
    size=(96, 64),
    *,
    texture: Callable | None = None,
    noise: float = 0.0,
    seed: int = 0,
) -> Clip:
    """A clip of a texture that moves as told; frame 0 is displaced too, if the motion says so.

    Args:
        displacement: function (x, y, seconds) -> (dx, dy), px, for positions of the rest pose.
        size: (width, height).
        noise: standard deviation, grey levels, of each frame's own noise.
    """
    width, height = size
    texture = texture or Texture(seed)
    rng = np.random.default_rng([seed, 22])
    frames = np.empty((n_frames, height, width, 3), np.uint8)
    for index in range(n_frames):
        seconds = float(index / Fraction(fps))
        x, y = inverse_positions(lambda x, y, s=seconds: displacement(x, y, s), height, width)
        picture = texture(x, y)
        if noise:
            picture = picture + rng.normal(0, noise, picture.shape)
        frames[index] = np.clip(np.rint(picture), 0, 255)[..., None]
    times = np.array([float(index / Fraction(fps)) for index in range(n_frames)])
    return Clip(frames, times, 0, "made")


def truth(displacement: Callable, clip: Clip) -> np.ndarray:
    """What a perfect tracker returns: float64 (T, H, W, 2), px, at the rest frame's pixels, from their place in it."""
    height, width = clip.frames.shape[1:3]
    rest = clip.times[clip.rest]
    x, y = inverse_positions(lambda x, y: displacement(x, y, rest), height, width)
    start = np.stack(np.broadcast_arrays(*displacement(x, y, rest)), -1)
    return np.stack([np.stack(np.broadcast_arrays(*displacement(x, y, t)), -1) - start for t in clip.times])


def patch_sway(signal: Callable, size=(96, 64), *, direction=(1.0, 0.0), reach: float = 0.25) -> Callable:
    """A displacement that is still at the rim and sways in the middle, as a plant before a wall.

    Args:
        signal: function of seconds, px.
        reach: radius of the moving part, as a share of the width.
    """
    width, height = size
    dx, dy = direction

    def displacement(x, y, seconds):
        distance = ((x - width / 2) ** 2 + (y - height / 2) ** 2) / (reach * width) ** 2
        moving = np.exp(-(distance**2)) * signal(seconds)
        return dx * moving, dy * moving

    return displacement
