"""From a photo to its motion, S = E z: what the picture decides times what chance decides.

E (where, how much, at which frequencies) comes from the encoder, z (phase and direction) from a rectified flow that
starts at the procedural z of phases.py. Without a usable model the physics prior stands in for both, and the
provenance says so. The same request gives the same bytes on one machine; what else is asked of it are `motion.edits`.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from ..errors import Cancelled, ImageError, ModelError, SettingsError
from ..files.image_io import encode_srgb, resize
from ..model import session
from ..motion import guided
from ..motion.motion import PRIOR, Motion
from ..version import __version__
from . import phases, prior, sampler

__all__ = ["ALIVE", "GRID_LONG_SIDE", "Request", "coarse_envelope", "flowed", "imagine", "predict"]

GRID_LONG_SIDE = 256  # of the volume's grid, whatever the size of the photo
_STRIDE = 32  # the encoder's coarsest features
_BACKDROP = 0.18  # middle grey, linear: what the encoder sees behind transparent pixels
# From this probability a cell counts as alive: of photographs set aside from the training, 4.5 % of the still cells
# are above it. Half of it keeps a cell exactly still: a house must not breathe.
ALIVE = 0.08
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


def predict(photo, request: Request, *, progress=None, cancelled=None) -> Motion:
    """How a photo may move.

    Args:
        photo: float32 (H, W, 3|4), linear, premultiplied, any aspect.
        progress: called with a phase's name and the fraction 0..1 of it that is done.
        cancelled: asked at every step; True stops the work.
    Returns:
        A motion whose grid has a long side of 256 and the photo's aspect.
    Raises:
        ImageError: the array is no picture.
        ModelError: the model that `request` names is missing, altered or fails.
        Cancelled: `cancelled` said so.
    """
    photo = _checked(photo)
    tell = _teller(progress, cancelled)
    picture = _encoded(photo, *_grid_size(photo))
    if request.model == "physics":
        made = _from_prior(picture, request, tell, "asked for")
    else:
        try:
            made = _from_model(photo, picture, request, tell)
        except ModelError as error:
            if request.model != "auto":
                raise
            made = _from_prior(picture, request, tell, str(error))
    frequencies, envelope, z, cells, made_by = made
    shown = np.rint(picture * 255).astype(np.uint8)
    motion = Motion(envelope, z, frequencies, cells, shown, {**_asked(photo, request), **made_by})
    tell("finish", 1.0)
    return motion


def _from_model(photo, picture, request, tell):
    tell("load the model", 0.0)
    model = session.load_model(None if request.model == "auto" else request.model)
    card = model.card
    tell("look at the photo", 0.0)
    scale = card.input_long_side / max(photo.shape[:2])
    seen = _encoded(photo, max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale)))
    padded = np.pad(seen, ((0, -seen.shape[0] % _STRIDE), (0, -seen.shape[1] % _STRIDE), (0, 0)), mode="reflect")
    found = model.encode(np.ascontiguousarray(padded.transpose(2, 0, 1)[None]))
    tell("look at the photo", 0.8)

    coarse = coarse_envelope(model, found)
    height, width = picture.shape[:2]
    rows, columns = (
        guided.centres(size, target, seen_size / 4)
        for size, target, seen_size in zip(coarse.shape[1:], (height, width), seen.shape[:2], strict=True)
    )
    envelope = guided.filtered(coarse, _pooled(padded, 4), picture, rows, columns)
    provenance = {
        "source": f"{card.name} {card.version}",
        "model": {"name": card.name, "version": card.version, "sha256": card.sha256()},
        "provider": model.provider,
        "provider_notes": list(model.notes),
    }

    steps = card.steps if request.steps is None else int(request.steps)
    wind = phases.draw_wind(phases.generator(request.seed, "wind"))
    seed = _photo_seed(request.seed, picture)
    tell("imagine the motion", 0.0)
    z = imagine(
        model,
        found,
        np.sqrt((_halved(coarse) ** 2).sum(0)),
        wind,
        seed,
        steps,
        lambda step, *_: tell("imagine the motion", step / steps),
    )
    cells = seen.shape[0] / 8, seen.shape[1] / 8  # a flow cell holds 2 x 2 cells of the envelope
    return card.frequencies, envelope, z, cells, {**provenance, "steps": steps}


def coarse_envelope(model, found) -> np.ndarray:
    """How far each cell moves: float32 E (K, h/4, w/4), px of the 256-px frame.

    A cell that is hardly alive is exactly still. A cell of the outermost ring moves no farther than its neighbour
    inside: beyond the picture the network saw zeros, and what only the rim shows is their doing.

    Args:
        model: session.Model.
        found: what its encoder says of one picture.
    """
    scales = np.asarray(model.card.scales, np.float32)[:, None, None]
    envelope = scales * found["envelope"][0] ** 2 * _smoothstep(found["alive"][0, 0], ALIVE / 2, ALIVE * 3 / 2)
    inside = envelope[:, 1:-1, 1:-1]
    return np.minimum(envelope, np.pad(inside, ((0, 0), (1, 1), (1, 1)), mode="edge"))


def flowed(model, found, groups, wind, seed, steps, on_step=None) -> np.ndarray:
    """What the flow makes of the noise of a seed: complex64 z (K, h, w, 2) on the flow's grid.

    Args:
        model: session.Model.
        found: what its encoder says of one picture.
        groups: of phases.group.
        wind: phases.Wind.
        on_step: called after each step of the flow with its number.
    """
    card = model.card
    shape = len(card.frequencies), 4, *groups.objects.shape
    start = phases.generator(seed, "noise").standard_normal(shape, np.float32)
    if card.start == "procedural":
        cell_px = phases.CELL_PX * GRID_LONG_SIDE / card.input_long_side
        rng = phases.generator(seed, "motion")
        z = phases.procedural(groups, card.frequencies, wind, rng, cell_px, phases.PARTS_SHARE)
        start = phases.to_reals(z) + np.float32(card.start_noise) * start
    condition = {
        "envelope": _halved(found["envelope"][0])[None].astype(np.float32),
        "affinity": phases.ties(groups.objects)[None].astype(np.float32),
        "features": found["features"],
        "wind": wind.condition(),
    }
    end = sampler.rectified_flow(
        lambda z, t: model.velocity(np.asarray(z, np.float32), t, condition), start[None], steps, on_step
    )
    return phases.from_reals(np.asarray(end)[0])


def imagine(model, found, strength, wind, seed, steps, on_step=None) -> np.ndarray:
    """How it moves: `flowed`, held together inside objects, of unit variance over the moving cells.

    strength: float (h, w), RMS motion of each cell.
    """
    groups = phases.group(found["affinity"][0])
    z = flowed(model, found, groups, wind, seed, steps, on_step)
    z = phases.unit_rms(phases.held(z, strength, groups.objects), strength)
    # The phase of each harmonic is free (the flow was trained with a fixed gauge): another draw, another loop.
    turns = phases.generator(seed, "phase").random(len(z))
    return z * np.exp(2j * np.pi * turns).astype(np.complex64)[:, None, None, None]


def _from_prior(picture, request, tell, reason):
    tell("guess the motion", 0.0)
    guess = prior.guess(picture)
    wind = phases.draw_wind(phases.generator(request.seed, "wind"))
    rng = phases.generator(_photo_seed(request.seed, picture), "motion")
    z = phases.procedural(phases.group(guess.affinity), prior.FREQUENCIES, wind, rng)
    tell("guess the motion", 0.8)
    cells = picture.shape[0] / phases.CELL_PX, picture.shape[1] / phases.CELL_PX
    return prior.FREQUENCIES, guess.envelope, z, cells, {"source": PRIOR, "reason": reason}


def _checked(photo):
    photo = np.asarray(photo, np.float32)
    if photo.ndim != 3 or photo.shape[2] not in (3, 4) or 0 in photo.shape:
        raise ImageError(f"a photo is (height, width, 3 or 4), this array is {photo.shape}")
    if not np.isfinite(photo).all():
        raise ImageError("the photo holds NaN or infinite values: open another one")
    return photo


def _teller(progress, cancelled):
    def tell(phase, fraction):
        if cancelled is not None and cancelled():
            raise Cancelled("stopped before the motion was there; nothing was made")
        if progress is not None:
            progress(phase, fraction)

    return tell


def _grid_size(photo):
    height, width = photo.shape[:2]
    scale = GRID_LONG_SIDE / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _encoded(photo, width, height):
    """The photo at a size, sRGB-encoded in 0..1, over middle grey where it is transparent: float32 (H, W, 3)."""
    photo = resize(photo, width, height)
    colour = photo[..., :3]
    if photo.shape[2] == 4:
        colour = colour + (1 - photo[..., 3:]) * np.float32(_BACKDROP)
    return np.clip(encode_srgb(colour), 0, 1)


def _asked(photo, request):
    """The provenance as far as the request decides it."""
    digest = request.photo_sha256 or hashlib.sha256(repr(photo.shape).encode() + photo.tobytes()).hexdigest()
    return {"version": __version__, "seed": int(request.seed), "photo": digest}


def _photo_seed(seed, picture):
    """The seed of what moves how: two photos at one seed share the wind, not the places where noise is high.

    A picture is told by the signs of its slowest waves of equalised lightness: the same photo in another size keeps
    its motion, and nearly always in another exposure.
    """
    lightness = resize(picture @ np.float32([[0.3], [0.6], [0.1]]), _KEY_GRID, _KEY_GRID)[..., 0]
    wave = np.cos(np.pi * np.outer(np.arange(3), np.arange(_KEY_GRID) + 0.5) / _KEY_GRID)
    rank = np.argsort(np.argsort(lightness.ravel())).reshape(lightness.shape)
    signs = (wave @ rank @ wave.T).ravel()[1:] > 0
    key = int(np.packbits(signs)[0])
    return int(np.random.SeedSequence([seed, key]).generate_state(1)[0])


def _pooled(picture, size):
    height, width, channels = picture.shape
    return picture.reshape(height // size, size, width // size, size, channels).mean((1, 3))


def _halved(field):
    """2 x 2 means of (K, h, w)."""
    return field.reshape(len(field), field.shape[1] // 2, 2, field.shape[2] // 2, 2).mean((2, 4))


def _smoothstep(x, low, high):
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
