"""The steps from a photo to its motion, each a function of plain arrays; predict calls them in this order.

    encode    photo -> Sight (`see`), Sight -> found (`Model.encode`): alive, envelope, affinity, features
    envelope  found -> E on the encoder's cells (`coarse_envelope`), then at the grid (`fine_envelope`)
    objects   affinity -> Groups (`objects.group`)
    phases    Groups, found -> z on the flow's cells: `start`, `flow`, `finish`, `free`
    motion    E, z -> Motion (predict.py)

Training and evaluation call the same functions. All but the phases and what follows is decided by the photo alone:
encodings.py keeps it, so that another seed costs the flow alone.
"""

from dataclasses import dataclass

import numpy as np

from ..files.colour import encode_srgb
from ..files.image_io import resize
from ..model.card import Card
from ..model.contract import CELL_STRIDE, ENVELOPE_STRIDE, PICTURE_STRIDE
from ..model.session import Model
from ..motion import guided
from . import objects, phases, sampler
from .request import generator
from .wind import Wind

__all__ = [
    "ALIVE",
    "GATE",
    "GRID_LONG_SIDE",
    "Sight",
    "at_grid",
    "coarse_envelope",
    "condition",
    "fine_envelope",
    "finish",
    "flow",
    "free",
    "gate",
    "padded",
    "see",
    "start",
    "strength",
]

GRID_LONG_SIDE = 256  # of the motion's grid, whatever the size of the photo
BACKDROP = 0.18  # middle grey, linear: what the encoder sees behind transparent pixels
# From this probability a cell counts as alive. The gate opens from half of it to one and a half of it, and below is
# exactly still: of photographs set aside from the training, 4.5 % of the cells that must be still are above ALIVE.
ALIVE = 0.08
GATE = (ALIVE / 2, ALIVE * 3 / 2)


# --- see


@dataclass(frozen=True, eq=False)
class Sight:
    """A picture as the encoder takes it.

    rgb: float32 (1, 3, H, W), sRGB-encoded, padded to multiples of 32. size: (height, width) without the padding.
    """

    rgb: np.ndarray
    size: tuple[int, int]

    @property
    def cells(self) -> tuple[float, float]:
        """(rows, columns) of the flow's cells that the picture spans, not always whole."""
        return self.size[0] / CELL_STRIDE, self.size[1] / CELL_STRIDE


def see(photo: np.ndarray, long_side: int) -> Sight:
    """A photo float32 (H, W, 3|4), linear, premultiplied, at the long side that a model was trained for."""
    return padded(_encoded(photo, long_side))


def padded(picture: np.ndarray) -> Sight:
    """A picture float32 (H, W, 3), sRGB-encoded, that has the model's size already."""
    height, width = picture.shape[:2]
    pad = ((0, -height % PICTURE_STRIDE), (0, -width % PICTURE_STRIDE), (0, 0))
    wide = np.pad(picture, pad, mode="reflect")
    return Sight(np.ascontiguousarray(wide.transpose(2, 0, 1)[None]), (height, width))


def at_grid(photo: np.ndarray) -> np.ndarray:
    """A photo at the motion's grid: float32 (H, W, 3), sRGB-encoded, the longer side 256."""
    return _encoded(photo, GRID_LONG_SIDE)


def _encoded(photo, long_side):
    """The photo at a size, sRGB-encoded in 0..1, over middle grey where it is transparent: float32 (H, W, 3)."""
    height, width = photo.shape[:2]
    scale = long_side / max(height, width)
    photo = resize(photo, max(1, round(width * scale)), max(1, round(height * scale)))
    colour = photo[..., :3]
    if photo.shape[2] == 4:
        colour = colour + (1 - photo[..., 3:]) * np.float32(BACKDROP)
    return np.clip(encode_srgb(colour), 0, 1)


# --- envelope


def gate(alive: np.ndarray) -> np.ndarray:
    """How much of its envelope a cell moves by, 0..1, for the probability that it is alive."""
    low, high = GATE
    t = np.clip((alive - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def coarse_envelope(card: Card, found: dict) -> np.ndarray:
    """How far each cell moves: float32 E (K, h/4, w/4), px of the 256-px frame.

    A cell that is hardly alive is exactly still. A cell of the outermost ring moves no farther than its neighbour
    inside: beyond the picture the network saw zeros, and what only the rim shows is their doing.

    Args:
        found: what the encoder says of one picture.
    """
    scales = np.asarray(card.scales, np.float32)[:, None, None]
    envelope = scales * found["envelope"][0] ** 2 * gate(found["alive"][0, 0])
    inside = envelope[:, 1:-1, 1:-1]
    return np.minimum(envelope, np.pad(inside, ((0, 0), (1, 1), (1, 1)), mode="edge"))


def fine_envelope(coarse: np.ndarray, sight: Sight, picture: np.ndarray) -> np.ndarray:
    """E at the motion's grid, its edges where the photo has them: float32 (K, H, W), px of the 256-px frame.

    Args:
        coarse: of `coarse_envelope`.
        picture: of `at_grid`, float32 (H, W, 3).
    """
    rows, columns = (
        guided.centres(size, target, seen / ENVELOPE_STRIDE)
        for size, target, seen in zip(coarse.shape[1:], picture.shape[:2], sight.size, strict=True)
    )
    shown = np.ascontiguousarray(sight.rgb[0].transpose(1, 2, 0))
    height, width, _ = shown.shape
    cells = shown.reshape(height // ENVELOPE_STRIDE, ENVELOPE_STRIDE, width // ENVELOPE_STRIDE, ENVELOPE_STRIDE, 3)
    return guided.filtered(coarse, cells.mean((1, 3)), picture, rows, columns)


def strength(coarse: np.ndarray) -> np.ndarray:
    """RMS motion of each of the flow's cells, float (h, w), of a coarse envelope (K, 2h, 2w)."""
    return np.sqrt((_halved(coarse) ** 2).sum(0))


def _halved(field):
    """2 x 2 means of (K, h, w): the encoder's cells -> the flow's."""
    return field.reshape(len(field), field.shape[1] // 2, 2, field.shape[2] // 2, 2).mean((2, 4))


# --- phases


def start(card: Card, groups: objects.Groups, wind: Wind, seed: int) -> np.ndarray:
    """Where the flow begins: float32 (K, 4, h, w), the card's choice of procedural phases, noise, or a mixture."""
    shape = len(card.frequencies), 4, *groups.objects.shape
    noise = generator(seed, "noise").standard_normal(shape, np.float32)
    if card.start == "noise":
        return noise
    cell_px = CELL_STRIDE * GRID_LONG_SIDE / card.input_long_side
    z = phases.procedural(groups, card.frequencies, wind, generator(seed, "motion"), cell_px, phases.PARTS_SHARE)
    return phases.to_reals(z) + np.float32(card.start_noise) * noise


def condition(model: Model, found: dict, groups: objects.Groups) -> dict[str, np.ndarray]:
    """What the flow is told of a picture at every step and slice, by the names of its inputs: all but z, t and wind.

    Args:
        found: what the encoder says of one picture.
    Raises:
        ModelError: see Model.run.
    """
    ties = objects.ties(groups.objects)[None].astype(np.float32)
    told = model.run("condition", {"affinity": ties, "features": found["features"]})
    return {"envelope": _halved(found["envelope"][0])[None].astype(np.float32), **told}


def flow(
    model: Model, told: dict[str, np.ndarray], begin: np.ndarray, wind: Wind, steps: int, on_step=None
) -> np.ndarray:
    """What the flow makes of a start: complex64 z (K, h, w, 2) on its cells.

    Args:
        told: of `condition`.
        begin: of `start`.
        on_step: called after each step with its number and the sample.
    Raises:
        ModelError: see Model.run.
    """
    inputs = {**told, "wind": wind.condition()}
    end = sampler.rectified_flow(
        lambda z, t: model.velocity(np.asarray(z, np.float32), t, inputs), begin[None], steps, on_step
    )
    return phases.from_reals(np.asarray(end)[0])


def finish(z: np.ndarray, rms: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """z (K, h, w, 2) held together inside objects, of unit variance over the moving cells.

    Args:
        rms: of `strength`, (h, w).
        labels: int (h, w), the objects.
    """
    return phases.unit_rms(phases.held(z, rms, labels), rms)


def free(z: np.ndarray, seed: int) -> np.ndarray:
    """z with another phase of each harmonic: the flow was trained with fixed ones, and any draw is as likely."""
    turns = generator(seed, "phase").random(len(z))
    return z * np.exp(2j * np.pi * turns).astype(np.complex64)[:, None, None, None]
