"""Edits that act at once: `Object.gid.edits` to inputs of the rig, and back to a value. Nothing is rebuilt.

An EEVEE loop has two objects on one clock; both show the edits of the one that is the loop.
"""

import json
import math
from contextlib import contextmanager

import numpy as np

from ...gid_core.motion.comb import Stroke
from ...gid_core.motion.edits import PREDICTED_GREY, Edits, Pull, apply, plucked, strength_of_grey
from ...gid_core.motion.pluck import GENTLE, superposed
from ...gid_core.motion.wander import gusts
from ..nodes import rig
from . import clock, images, pluck, raw
from .intact import intact, numbers

__all__ = [
    "NUMBERS", "add_stroke", "ask", "asked", "bodies", "head_along", "held", "is_held", "n_modes", "name_of", "ring",
    "show",
]  # fmt: skip

# Fields of `Edits` that are one number.
NUMBERS = ("amplitude", "turn", "one_axis", "rate", "wander", "low", "mid", "high", "border", "phase")
_INPUTS = {"amplitude": "Amount", "turn": "Turn", "one_axis": "One Axis", "low": "Low", "mid": "Mid", "high": "High",
           "border": "Border", "phase": "Phase Offset", "damping": "Damping"}  # fmt: skip
_holders: list[None] = []


@contextmanager
def held():
    """Edits that are set in the body do not act by themselves."""
    _holders.append(None)
    try:
        yield
    finally:
        _holders.pop()


def is_held() -> bool:
    """True inside of `held`."""
    return bool(_holders)


def bodies(plane):
    """The objects that are this one loop: the plane and its EEVEE partner."""
    return [obj for obj in clock.on_same_clock(plane) if obj == plane or obj.gid.scene is None]


def n_modes(plane) -> int:
    """How many frequencies the rig of `plane` has; 0 without one."""
    modifier = rig.modifier_of(plane)
    return 0 if modifier is None else rig.mode_count(modifier.node_group)


def name_of(plane) -> str:
    """What the datablocks of a loop are called after."""
    return plane.name.removeprefix("GID Loop ")


def show(plane) -> None:
    """Let the rig play the edits of `plane` as they are now."""
    edits = plane.gid.edits
    values = {name: getattr(edits, field) for field, name in _INPUTS.items()}
    values |= {"Mask": edits.mask, "Has Mask": edits.mask is not None, "Axis": plane.gid.axis}
    for body in bodies(plane):
        rig.set_inputs(body, values)
    _blow(plane)


def _blow(plane):
    """Key Amount by the gusts among the edits; without any, keys that are ours go, and an animator's stay."""
    edits, gid = plane.gid.edits, plane.gid
    if edits.gusts > 0:
        clock.check_range(gid.start, gid.n_frames)  # a damaged file may say that a loop lasts for years
        keys = gusts(gid.n_frames, clock.fps_of(plane), edits.wander, edits.gusts)
        clock.key_input(
            plane, "Amount", [(gid.start + frame, edits.amplitude * factor, "BEZIER") for frame, factor in keys]
        )
    elif gid.is_gusty:
        clock.unkey_input(plane, "Amount")
    gid.is_gusty = edits.gusts > 0


def head_along(plane, angle: float) -> None:
    """Turn all motion so that its main axis follows an angle, clockwise from the right, by a quarter turn at most.

    Nothing acts by it yet. An axis has no sign: farther than a quarter is never needed.
    """
    quarter = math.pi / 2
    with held():
        plane.gid.edits.turn = (angle - plane.gid.axis + quarter) % math.pi - quarter


def ring(plane) -> None:
    """Key the plucks among the edits of `plane`, each once a loop; without any, keys that are there stay."""
    if not plane.gid.edits.plucks:
        return
    edits = asked(plane)
    volume = apply(raw.load(plane), edits)
    fps, n_frames = clock.fps_of(plane), plane.gid.n_frames
    damping = GENTLE.scaled(plane.gid.edits.damping)
    states = superposed(plucked(volume, edits.plucks), volume.frequencies, damping, period_s=float(n_frames / fps))
    # The rig's Amount scales the loop and not what is plucked.
    states = [(time_s, edits.amplitude * state) for time_s, state in states]
    pluck.key_plucks(plane, states, plane.gid.start, n_frames, fps)


def ask(plane, edits: Edits, name: str) -> None:
    """Note edits on a loop and let its rig play them; their pictures become images called after `name`."""
    kept = plane.gid.edits
    with held():
        for field in NUMBERS:
            setattr(kept, field, getattr(edits, field))
        kept.mask = _picture(f"GID Mask {name}", edits.mask)
        grey = None if edits.strength is None else edits.strength * np.float32(PREDICTED_GREY)
        kept.strength = _picture(f"GID Strength {name}", grey)
        kept.strokes.clear()
        for stroke in edits.strokes:
            add_stroke(plane, stroke)
        kept.plucks.clear()
        for pull in edits.plucks:
            one = kept.plucks.add()
            one.x, one.y, one.dx, one.dy, one.time_s = pull.x, pull.y, pull.dx, pull.dy, pull.time_s
    show(plane)
    ring(plane)


def add_stroke(plane, stroke: Stroke) -> None:
    """Note one more stroke of the comb; nothing acts by it yet."""
    one = plane.gid.edits.strokes.add()
    with held():
        one.path, one.reach = json.dumps(stroke.points), stroke.reach


def asked(plane) -> Edits:
    """What the artist asks of a loop, as the core takes it.

    Raises:
        GidError: a picture or a stroke among it cannot be read.
    """
    kept, still = plane.gid.edits, rig.get_picture(plane, "Still")
    with intact(plane.name):
        paths = [numbers(one.path, None, 2).tolist() for one in kept.strokes]
    return Edits(
        mask=None if kept.mask is None else _nearest(_grey(kept.mask), *still.size),
        strength=None if kept.strength is None else strength_of_grey(_grey(kept.strength)),
        strokes=tuple(
            Stroke(tuple(map(tuple, path)), one.reach) for path, one in zip(paths, kept.strokes, strict=True)
        ),
        plucks=tuple(Pull(one.x, one.y, one.dx, one.dy, one.time_s) for one in kept.plucks),
        **{field: getattr(kept, field) for field in NUMBERS},
    )


def _picture(name, values):
    """A new float image of a map (h, w), None for none."""
    if values is None:
        return None
    image = images.new_image(name, values[..., None])
    images.mark_made(image)
    return image


def _grey(image):
    """The numbers of an image as a map (h, w), taken as they are: the rig reads its red channel."""
    top = 4.0 if image.is_float else 1.0
    return np.clip(images.pixels_of(image)[..., 0], 0.0, top)


def _nearest(field, width, height):
    """A map at the still's size as the rig's tents read it: from the pixel that a tent's centre lies in."""
    sides = zip((height, width), field.shape, strict=True)
    rows, columns = (((np.arange(target) + 0.5) * size / target).astype(np.intp) for target, size in sides)
    return field[np.ix_(rows, columns)]
