"""What is asked of a photo, and what its seed means: streams of chance, one a purpose."""

from dataclasses import dataclass

import numpy as np

from ..errors import SettingsError
from ..files.image_io import resize

__all__ = ["Request", "generator", "photo_seed"]

_KEY_GRID = 12  # cells a side in which a picture is told from others


@dataclass(frozen=True, eq=False)
class Request:
    """What is asked of a photo.

    steps: None for the model's own number. model: "auto", "physics", or a model folder. photo_sha256: of the photo's
    file, for the provenance.

    Raises:
        SettingsError: a value is out of range.
    """

    seed: int = 0
    steps: int | None = None
    model: str = "auto"
    photo_sha256: str | None = None

    def __post_init__(self):
        if self.seed != int(self.seed) or self.seed < 0:
            raise SettingsError(f"the seed is {self.seed}: give a whole number from 0 on")
        if self.steps is not None and not (self.steps == int(self.steps) and 1 <= self.steps <= 1000):
            raise SettingsError(f"the number of steps is {self.steps}: give 1 to 1000")


def generator(seed: int, purpose: str) -> np.random.Generator:
    """The stream of random numbers for one purpose: other purposes draw independently of it."""
    return np.random.default_rng([seed, *purpose.encode()])


def photo_seed(seed: int, picture: np.ndarray) -> int:
    """The seed of how a photo moves: two photos at one seed share the wind, not the places where noise is high.

    A picture is told by the signs of its slowest waves of equalised lightness: the same photo in another size keeps
    its motion, and nearly always in another exposure.

    Args:
        picture: float32 (H, W, 3), sRGB-encoded.
    """
    lightness = resize(picture @ np.array([[0.3], [0.6], [0.1]], np.float32), _KEY_GRID, _KEY_GRID)[..., 0]
    wave = np.cos(np.pi * np.outer(np.arange(3), np.arange(_KEY_GRID) + 0.5) / _KEY_GRID)
    rank = np.argsort(np.argsort(lightness.ravel())).reshape(lightness.shape)
    signs = (wave @ rank @ wave.T).ravel()[1:] > 0
    key = int(np.packbits(signs)[0])
    return int(np.random.SeedSequence([seed, key]).generate_state(1)[0])
