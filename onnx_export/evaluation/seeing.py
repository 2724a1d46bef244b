"""What a model is shown of a picture and what its answer means in pixels: the stages of a prediction before chance."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gid_core.files import colour
from gid_core.model.contract import ENVELOPE_STRIDE
from gid_core.prediction import encodings, stages
from gid_core.prediction.outline import gate

__all__ = [
    "Still",
    "amplitude_px",
    "answer",
    "linear",
    "picture_files",
    "scene_rgb",
    "seen",
    "still",
    "stills",
]

_AGREES = 0.75  # of a cell's pixels carry one label
_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, eq=False)
class Still:
    """One hand-masked picture as the model sees it.

    rgb: float32 (1, 3, H, W), padded to multiples of 32; size: unpadded (width, height), of the first look; moves,
    stands: bool (H/4, W/4), its cells that may move, that must not; a cell that is neither is not counted.
    """

    name: str
    picture: Image.Image
    rgb: np.ndarray
    size: tuple[int, int]
    moves: np.ndarray
    stands: np.ndarray

    @property
    def counted(self) -> np.ndarray:
        return self.moves | self.stands

    @property
    def cells(self) -> tuple[int, int]:
        """(rows, columns) of the cells that lie in the picture, the padding left out."""
        return -(-self.size[1] // ENVELOPE_STRIDE), -(-self.size[0] // ENVELOPE_STRIDE)


def picture_files(folder) -> list:
    """Paths of the pictures in DIR/img that have a mask in DIR/mask, by name."""
    folder = Path(folder)
    files = [p for p in sorted((folder / "img").iterdir()) if p.suffix.lower() in _SUFFIXES]
    return [p for p in files if (folder / "mask" / (p.stem + ".png")).exists()]


def seen(picture: Image.Image, long_side: int):
    """(rgb float32 (1, 3, H, W), sRGB-encoded, padded to multiples of 32; unpadded (width, height))."""
    sight = stages.see(linear(picture), long_side)
    return sight.rgb, sight.size[::-1]


def still(name: str, picture: Image.Image, mask: Image.Image, long_side: int) -> Still:
    """A picture and its label image ("L": above 192 may move, below 64 must not) at the model's size."""
    rgb, size = seen(picture, long_side)
    label = np.full(rgb.shape[2:], 128, np.uint8)
    label[: size[1], : size[0]] = np.asarray(mask.resize(size, Image.NEAREST))
    rows, columns = (side // ENVELOPE_STRIDE for side in label.shape)
    cells = label.reshape(rows, ENVELOPE_STRIDE, columns, ENVELOPE_STRIDE)
    moves, stands = (cells > 192).mean((1, 3)) > _AGREES, (cells < 64).mean((1, 3)) > _AGREES
    return Still(name, picture, rgb, size, moves, stands)


def stills(folder, long_side: int):
    """The Stills of DIR/img and DIR/mask, one at a time, by name."""
    for path in picture_files(folder):
        mask = Image.open(Path(folder) / "mask" / (path.stem + ".png")).convert("L")
        yield still(path.stem, Image.open(path).convert("RGB"), mask, long_side)


def answer(model, picture: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """(alive, RMS motion in px of a 256-px frame) of a picture as a prediction knows it before chance: (H/4, W/4) each,
    on the cells of its first look."""
    photo = linear(picture)
    known = encodings.see(model, photo, stages.at_grid(photo))
    alive = known.found["alive"][0, 0]
    return alive, np.sqrt((known.far**2).sum(0)) * gate(alive)


def amplitude_px(model, found) -> np.ndarray:
    """RMS motion (H/4, W/4) of each cell by the network alone, px of a 256-px frame."""
    return np.sqrt((stages.coarse_envelope(model.card, found) ** 2).sum(0))


def scene_rgb(scene) -> np.ndarray:
    """A synthetic scene's picture as the encoder takes it: float32 (1, 3, H, W)."""
    return np.ascontiguousarray(scene.image.transpose(2, 0, 1)[None], np.float32) / 255


def linear(picture: Image.Image) -> np.ndarray:
    """float32 (H, W, 3), linear: what gid_core.prediction.predict takes."""
    return colour.decode_srgb(np.asarray(picture, np.float32) / 255).astype(np.float32)
