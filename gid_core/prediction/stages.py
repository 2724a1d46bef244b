"""The steps from a photo to its motion, each a function of plain arrays; predict calls them in this order.

    encode    photo -> Sight (`see`) -> found: alive, envelope, affinity, features; where what moves ends (`look`)
    objects   affinity -> Groups (`objects.group`)
    envelope  found -> how far (`reach`, `levels.levelled`), within the outline E at the grid (`fine_envelope`)
    phases    Groups, found -> z on the flow's cells: `start`, `flow`, `finish`, `free`
    motion    E, z -> Motion (predict.py)

Training and evaluation call the same functions. All but the phases and what follows is decided by the photo alone:
encodings.py keeps it, so that another seed costs the flow alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..files.colour import encode_srgb
from ..files.image_io import resize
from ..model.card import Card
from ..model.contract import CELL_STRIDE, CLOSER, ENVELOPE_STRIDE, PICTURE_STRIDE, TOLD_STRIDE
from ..model.session import Model
from ..motion import guided
from . import objects, phases, sampler
from .outline import Outline, fused, gate, resampled
from .request import generator
from .wind import Wind

__all__ = [
    "FINE_LONG_SIDE",
    "GRID_LONG_SIDE",
    "Sight",
    "at_grid",
    "coarse_envelope",
    "condition",
    "fine_envelope",
    "finish",
    "flow",
    "free",
    "look",
    "padded",
    "reach",
    "see",
    "shown",
    "start",
    "strength",
]

GRID_LONG_SIDE = 256  # of the motion's grid, whatever the size of the photo
_BAND_ROWS = 128  # of a photo that are encoded at a time
BACKDROP = 0.18  # middle grey, linear: what the encoder sees behind transparent pixels
FINE_LONG_SIDE = 512  # of the closer look; 768 finds more tips and takes twice as long
# Small photos are enlarged for it: of 240 and 320 px, too, it finds more than the first look alone.
_LEAST_LONG_SIDE = 384
_THUMBNAIL = 192  # a long side in px below which a photo has nothing more to show


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

    @property
    def picture(self) -> np.ndarray:
        """float32 (H, W, 3), without the padding."""
        return self.rgb[0].transpose(1, 2, 0)[: self.size[0], : self.size[1]]


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


def shown(photo: np.ndarray) -> np.ndarray:
    """A photo float32 (H, W, 3|4), linear, premultiplied, as one sees it: uint8 (H, W, 3), sRGB, at its own size."""
    found = np.empty((*photo.shape[:2], 3), np.uint8)
    for top in range(0, len(photo), _BAND_ROWS):
        found[top : top + _BAND_ROWS] = np.rint(_seen(photo[top : top + _BAND_ROWS]) * 255)
    return found


def _encoded(photo, long_side):
    """The photo at a size, sRGB-encoded in 0..1, over middle grey where it is transparent: float32 (H, W, 3)."""
    height, width = photo.shape[:2]
    scale = long_side / max(height, width)
    return _seen(resize(photo, max(1, round(width * scale)), max(1, round(height * scale))))


def _seen(photo):
    colour = photo[..., :3]
    if photo.shape[2] == 4:
        colour = colour + (1 - photo[..., 3:]) * np.float32(BACKDROP)
    return np.clip(encode_srgb(colour), 0, 1)


# --- look


def look(model: Model, photo: np.ndarray, picture: np.ndarray) -> tuple[dict, tuple[Sight, ...], np.ndarray]:
    """What a model says of a photo float32 (H, W, 3|4), linear, premultiplied, in two looks.

    A thumbnail, which has no more to show, gets no second one.

    Args:
        picture: of `at_grid`.
    Returns:
        (found, sights, moves): what the encoder says of the first look, `alive` as all tell it; where there is a
        second one, `affinity` and `own` of its cells; the one or two looks;
        how much of its envelope each pixel of the picture moves by, float32, 0..1.
    Raises:
        ModelError: see Model.run.
    """
    is_seen = model.card.input_long_side == max(picture.shape[:2])
    sight = padded(picture) if is_seen else see(photo, model.card.input_long_side)
    found = model.encode(sight.rgb)
    coarse = found["alive"][0, 0]
    if CLOSER not in model.card.files or max(photo.shape[:2]) < _THUMBNAIL:
        alive = _without_rim(coarse)
        return found, (sight,), Outline(alive, alive, sight.size, _means(sight)).at_grid(picture)[0]
    closer = see(photo, min(max(_LEAST_LONG_SIDE, *photo.shape[:2]), FINE_LONG_SIDE))
    cells = tuple(n // ENVELOPE_STRIDE for n in closer.rgb.shape[2:])
    coarse = resampled(coarse, sight.size, cells, closer.size).astype(np.float32)
    inputs = {"rgb": closer.rgb, "coarse": coarse[None, None]}
    largest = tuple(n // TOLD_STRIDE for n in closer.rgb.shape[2:])
    spanned = tuple(n / TOLD_STRIDE for n in closer.size)
    for name, of in (("told", "features"), ("known", "affinity")):
        inputs[name] = resampled(found[of], sight.cells, largest, spanned).astype(np.float32)
    seen = model.run(CLOSER, inputs)
    fine = seen["alive"][0, 0]
    both, fine = (_without_rim(x, ring=2) for x in (fused(coarse, fine), fine))  # as wide as a cell of the first look
    # The tip of a blade that the closer look alone finds hangs together with what both know.
    both = guided.reconstructed(both, np.maximum(both, fine))
    moves, alive = Outline(both, fine, closer.size, _means(closer)).at_grid(picture)
    pixels = tuple(n * ENVELOPE_STRIDE for n in picture.shape[:2])  # `resampled` counts 4 px to a cell
    alive = resampled(alive, pixels, found["alive"].shape[2:], sight.size, taps=ENVELOPE_STRIDE)
    told = {"alive": alive[None, None].astype(np.float32), "affinity": seen["affinity"], "own": seen["own"]}
    return {**found, **told}, (sight, closer), moves


# --- envelope


def reach(card: Card, found: dict) -> np.ndarray:
    """How far each cell moves if it moves: float32 (K, h/4, w/4), px of the 256-px frame.

    A cell of the outermost ring moves no farther than its neighbour inside: beyond the picture the network saw zeros,
    and what only the rim shows is their doing.

    Args:
        found: what the encoder says of one picture.
    """
    scales = np.asarray(card.scales, np.float32)[:, None, None]
    return _without_rim(scales * found["envelope"][0] ** 2)


def _without_rim(field, ring=1):
    """A field (..., h, w) whose outermost cells have no more than what is inside them."""
    inside = field[..., ring:-ring, ring:-ring]
    return np.minimum(field, np.pad(inside, [(0, 0)] * (field.ndim - 2) + [(ring, ring)] * 2, mode="edge"))


def coarse_envelope(card: Card, found: dict) -> np.ndarray:
    """How far each cell moves: float32 E (K, h/4, w/4), px of the 256-px frame. What is hardly alive is exactly still.

    Args:
        found: what the encoder says of one picture.
    """
    return reach(card, found) * gate(_without_rim(found["alive"][0, 0]))


def fine_envelope(far: np.ndarray, sight: Sight, moves: np.ndarray) -> np.ndarray:
    """E at the motion's grid, its edges where the photo has them: float32 (K, H, W), px of the 256-px frame.

    Args:
        far: of `reach`, on the cells of `sight`.
        moves: float32 (H, W), of `look`.
    """
    rows, columns = (
        guided.centres(size, target, seen / ENVELOPE_STRIDE)
        for size, target, seen in zip(far.shape[1:], moves.shape, sight.size, strict=True)
    )
    return (guided.sample(far, rows, columns) * moves).astype(np.float32)


def _means(sight):
    """The picture of a sight at the encoder's cells: float32 (h, w, 3)."""
    shown = np.ascontiguousarray(sight.rgb[0].transpose(1, 2, 0))
    height, width, _ = shown.shape
    cells = shown.reshape(height // ENVELOPE_STRIDE, ENVELOPE_STRIDE, width // ENVELOPE_STRIDE, ENVELOPE_STRIDE, 3)
    return cells.mean((1, 3))


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
    model: Model,
    told: dict[str, np.ndarray],
    begin: np.ndarray,
    wind: Wind,
    steps: int,
    on_step: Callable[[int, np.ndarray], None] | None = None,
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
