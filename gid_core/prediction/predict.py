"""From a photo to its motion, S = E z: what the picture decides times what chance decides.

E (where, how much, at which frequencies) comes from the encoder, z (phase and direction) from a rectified flow that
starts at the procedural z of phases.py; stages.py has the steps. Without a usable model the physics prior stands in
for both, and the provenance says so. The same request gives the same bytes on one machine, whether what the photo
decides was kept from an earlier one or not; what else is asked of a motion are `motion.edits`.
"""

import hashlib
from collections.abc import Callable

import numpy as np

from ..errors import ImageError, ModelError
from ..files.progress import teller
from ..model.session import Model, load_model
from ..motion.motion import ASKED_FOR, PRIOR, Motion
from ..version import __version__
from . import phases, stages
from .encodings import Encoding, Encodings, encode, guess
from .request import Request, generator, photo_seed
from .wind import draw_wind

__all__ = ["checked", "digest_of", "imagine", "predict", "predict_kept"]


def predict(
    photo: np.ndarray,
    request: Request,
    *,
    progress: Callable[[str, float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Motion:
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
    photo = checked(photo)
    digest = request.photo_sha256 or digest_of(photo)
    return predict_kept(digest, lambda: photo, request, Encodings(), progress=progress, cancelled=cancelled)


def predict_kept(
    digest: str, read: Callable[[], np.ndarray], request: Request, kept: Encodings, *, progress=None, cancelled=None
) -> Motion:
    """`predict` of a photo told by the digest of its pixels; `read()` gives them where nothing is kept of it yet."""
    tell = teller(progress, cancelled)
    if request.model == "physics":
        made = _by_rules(digest, read, request, kept, tell, ASKED_FOR)
    else:
        try:
            made = _by_model(digest, read, request, kept, tell)
        except ModelError as error:
            if request.model != "auto":
                raise
            made = _by_rules(digest, read, request, kept, tell, str(error))
    encoding, z, made_by = made
    asked = {"version": __version__, "seed": int(request.seed), "photo": request.photo_sha256 or digest}
    motion = encoding.motion(z, {**asked, **made_by})
    tell("finish", 1.0)
    return motion


def imagine(
    model: Model, encoding: Encoding, seed: int, steps: int, on_step: Callable[[int, np.ndarray], None] | None = None
) -> np.ndarray:
    """How it moves, by the flow: complex64 z (K, h, w, 2) of one seed.

    Args:
        encoding: of encodings.encode with this model.
        on_step: called after each step of the flow with its number and the sample.
    Raises:
        ModelError: see Model.run.
    """
    assert encoding.condition is not None
    wind, own = draw_wind(generator(seed, "wind")), photo_seed(seed, encoding.picture)
    begin = stages.start(model.card, encoding.groups, wind, own)
    z = stages.flow(model, encoding.condition, begin, wind, steps, on_step)
    return encoding.finished(z, wind, own)


def _by_model(digest, read, request, kept, tell):
    tell("load the model", 0.0)
    model = load_model(None if request.model == "auto" else request.model)
    card = model.card
    tell("look at the photo", 0.0)
    encoding = kept.find(digest, card) or kept.keep(digest, encode(model, read()))
    steps = card.steps if request.steps is None else int(request.steps)
    tell("imagine the motion", 0.0)
    z = imagine(model, encoding, request.seed, steps, lambda step, _: tell("imagine the motion", step / steps))
    provenance = {
        "source": f"{card.name} {card.version}",
        "model": {"name": card.name, "version": card.version, "sha256": card.sha256()},
        "provider": model.provider,
        "provider_notes": list(model.notes),
        "steps": steps,
    }
    return encoding, z, provenance


def _by_rules(digest, read, request, kept, tell, reason):
    tell("guess the motion", 0.0)
    encoding = kept.find(digest, None) or kept.keep(digest, guess(read()))
    tell("guess the motion", 0.8)
    wind, own = draw_wind(generator(request.seed, "wind")), photo_seed(request.seed, encoding.picture)
    z = phases.procedural(encoding.groups, encoding.frequencies, wind, generator(own, "motion"))
    return encoding, z, {"source": PRIOR, "reason": reason}


def checked(photo) -> np.ndarray:
    """A photo as float32 (H, W, 3|4).

    Raises:
        ImageError: the array is no picture.
    """
    photo = np.asarray(photo, np.float32)
    if photo.ndim != 3 or photo.shape[2] not in (3, 4) or 0 in photo.shape:
        raise ImageError(f"a photo is (height, width, 3 or 4), this array is {photo.shape}")
    if not np.isfinite(photo).all():
        raise ImageError("the photo holds NaN or infinite values: open another one")
    return photo


def digest_of(photo: np.ndarray) -> str:
    """SHA-256 in hex of a photo's shape and float32 pixels."""
    digest = hashlib.sha256(repr(photo.shape).encode())
    digest.update(np.ascontiguousarray(photo, np.float32).data)
    return digest.hexdigest()
