"""What an artist asks of a motion: edits are a value, and `apply` a pure function of motion and edits.

No edits give the raw motion, bit for bit; in which order they came about makes no difference; an edit that is taken
back leaves nothing behind. Nothing here runs a network: what was predicted is multiplied, turned and masked.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import SettingsError
from ..files.resample import fitted
from .comb import Stroke, axis, local_turn
from .mask import checked_map
from .motion import Motion
from .places import OWN, STEPS
from .pluck import Pluck, pluck
from .sway import smoothstep, sway
from .volume import SpectralVolume
from .wander import played

__all__ = [
    "BANDS_HZ",
    "PREDICTED_GREY",
    "RATE_LEAST",
    "RATE_TOP",
    "STRENGTH_TOP",
    "Edits",
    "Pull",
    "apply",
    "band_weights",
    "cell",
    "checked_direction",
    "main_axis",
    "mode_gains",
    "plucked",
    "strength_of_grey",
    "turn_towards",
]

STRENGTH_TOP = 4.0
RATE_LEAST, RATE_TOP = 0.05, 2.0  # the fastest mode then swings 6.4 times a second, which 24 frames still show
PREDICTED_GREY = 0.5  # of a picture of strength: as predicted. Artists know it from displacement and overlay: no change
_EIGHT_BITS = 1.01 / 255  # 127 and 128 of 255 both stand for the middle that 8 bits have not
UNMOVED_PX = 0.05  # RMS motion below which nothing is seen to move
BANDS_HZ = (0.4, 0.8, 1.6)  # slow sway, the swing of stems, the shiver of leaves: an octave apart


def strength_of_grey(grey: np.ndarray) -> np.ndarray:
    """The strength that a picture's encoded grey values stand for, the same through every door: float32, 0..4.

    Black is 0, middle grey exactly 1 (as predicted), white 2; float pictures go on beyond white in a straight line.
    """
    strength = np.clip(np.asarray(grey, np.float32) / np.float32(PREDICTED_GREY), 0, STRENGTH_TOP)
    return np.where(np.abs(strength - 1) <= _EIGHT_BITS, np.float32(1), strength)


@dataclass(frozen=True)
class Pull:
    """A pluck as an artist makes it: pull at a place of the picture and let go.

    x, y: of the place, 0..1 of the picture's width and height, y down. dx, dy: the pull in shares of the picture's long
    side. time_s: when it is let go, in seconds.

    Raises:
        SettingsError: the place lies outside the picture, or a number is not finite.
    """

    x: float
    y: float
    dx: float
    dy: float
    time_s: float = 0.0

    def __post_init__(self):
        if not all(math.isfinite(value) for value in (self.x, self.y, self.dx, self.dy, self.time_s)):
            raise SettingsError("a pluck needs finite numbers: X, Y, DX, DY and SECONDS")
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1):
            raise SettingsError(f"the pluck at {self.x:g}, {self.y:g} lies outside the picture: give X and Y in 0..1")


@dataclass(frozen=True, eq=False)
class Edits:
    """All that is asked of a motion; every field is neutral by default.

    Args:
        mask: float (h, w) in 0..1, best at the still's size: what may move, and by how much of its motion.
        strength: float (h, w) in 0..4 of any size: how far each place moves; 1 is as predicted.
        amplitude: how far everything moves; 0 stands still.
        turn: radians by which every vector turns, from x (right) towards y (down).
        one_axis: 0..1, share that is taken of what moves across the main axis of all motion, as turned.
        low: gain of the slow frequencies.
        mid: of the middle ones.
        high: of the fast ones.
        border: share of the picture's long side over which motion fades to nothing at the rim.
        phase: cycles by which the loop is ahead; `plan.plan_loop` takes it.
        rate: how fast it moves: 0.5 is slow motion, half as fast; every frequency is multiplied.
        strokes: Strokes of the comb: along which direction things move, place by place.
        wander: 0, or a number that draws each frequency off its place, so that a long loop does not repeat itself.
        plucks: Pulls; `plucked` makes states of them.
    Raises:
        SettingsError: a value is out of range.
    """

    mask: np.ndarray | None = None
    strength: np.ndarray | None = None
    amplitude: float = 1.0
    turn: float = 0.0
    low: float = 1.0
    mid: float = 1.0
    high: float = 1.0
    border: float = 0.0
    phase: float = 0.0
    plucks: tuple[Pull, ...] = ()
    rate: float = 1.0
    strokes: tuple[Stroke, ...] = ()
    wander: int = 0
    one_axis: float = 0.0

    def __post_init__(self):
        if self.mask is not None:
            object.__setattr__(self, "mask", checked_map(self.mask, "mask", 1))
        if self.strength is not None:
            object.__setattr__(self, "strength", checked_map(self.strength, "strength", STRENGTH_TOP))
        if not (math.isfinite(self.amplitude) and self.amplitude >= 0):
            raise SettingsError(f"the amplitude is {self.amplitude}: give a number from 0 on")
        for name in ("low", "mid", "high"):
            gain = getattr(self, name)
            if not (math.isfinite(gain) and gain >= 0):
                raise SettingsError(f"the gain of the {name} frequencies is {gain}: give a number from 0 on")
        if not 0 <= self.border <= 1:
            raise SettingsError(f"the border is {self.border}: give a share of the picture from 0 to 1")
        if not 0 <= self.one_axis <= 1:
            raise SettingsError(f"one axis is {self.one_axis}: give a share from 0, as predicted, to 1")
        if not (math.isfinite(self.turn) and math.isfinite(self.phase)):
            raise SettingsError("turn and phase of the edits must be finite numbers")
        if not RATE_LEAST <= self.rate <= RATE_TOP:
            raise SettingsError(f"the rate is {self.rate}: give a number from {RATE_LEAST} to {RATE_TOP}")
        if not (isinstance(self.wander, int) and self.wander >= 0):
            raise SettingsError(f"the wander is {self.wander}: give 0 for none, or a whole number from 1 on")
        object.__setattr__(self, "strokes", tuple(self.strokes))
        object.__setattr__(self, "plucks", tuple(self.plucks))

    def told(self) -> dict:
        """The edits as plain JSON values, pictures as digests: for a provenance, and to tell edits apart."""
        return {
            "mask": _digest(self.mask),
            "strength": _digest(self.strength),
            "amplitude": float(self.amplitude),
            "turn": float(self.turn),
            "one_axis": float(self.one_axis),
            "gains": [float(self.low), float(self.mid), float(self.high)],
            "border": float(self.border),
            "phase": float(self.phase),
            "rate": float(self.rate),
            "strokes": [{"points": [list(point) for point in one.points], "reach": one.reach} for one in self.strokes],
            "wander": self.wander,
            "plucks": [[float(v) for v in (pull.x, pull.y, pull.dx, pull.dy, pull.time_s)] for pull in self.plucks],
        }

    @classmethod
    def retold(cls, told: Mapping, mask=None, strength=None) -> "Edits":
        """The edits that `told` tells of, with their pictures.

        Raises:
            SettingsError: something is missing or out of range.
        """
        try:
            low, mid, high = told["gains"]
            return cls(
                mask=mask,
                strength=strength,
                amplitude=float(told["amplitude"]),
                turn=float(told["turn"]),
                low=float(low),
                mid=float(mid),
                high=float(high),
                border=float(told["border"]),
                phase=float(told["phase"]),
                rate=float(told.get("rate", 1.0)),  # files of earlier days have none, nor the next three
                wander=int(told.get("wander", 0)),
                one_axis=float(told.get("one_axis", 0.0)),
                strokes=tuple(
                    Stroke(tuple(map(tuple, one["points"])), one["reach"]) for one in told.get("strokes", ())
                ),
                plucks=tuple(Pull(*(float(value) for value in values)) for values in told["plucks"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"these are no edits ({error}): make them again") from error


def apply(motion: Motion, edits: Edits) -> SpectralVolume:
    """The motion as asked for.

    Strength s makes E' = s E and, where nothing moves and s > 1, s - 1 times the sway that rules give such a place. A
    mask over something that the model calls still is taken at its word: it sways by those rules; and where rules
    guessed what moves, the mask alone decides it (one that is black all over decides nothing). Mask and border stay
    beside the volume, to be read at every pixel.

    The provenance tells of the edits.
    """
    envelope, note = _envelope(motion, edits)
    volume = motion.volume(envelope)
    amplitudes = volume.amplitudes
    frequencies = played(motion.frequencies, edits.rate, edits.wander)
    if edits.strokes:
        amplitudes = _turned(amplitudes, local_turn(amplitudes, edits.strokes))
    if edits.turn != 0:
        amplitudes = amplitudes @ _rotation(edits.turn)
    if edits.one_axis > 0:
        predicted = volume if envelope is motion.envelope else motion.volume()
        amplitudes = amplitudes @ _narrowed(axis(predicted.amplitudes) + edits.turn, edits.one_axis)
    gains = edits.amplitude * mode_gains(frequencies, edits.low, edits.mid, edits.high)
    if (gains != 1).any():
        amplitudes = amplitudes * gains.astype(np.float32)[:, None, None, None]
    provenance = {**motion.provenance, **edits.told(), **note}
    return SpectralVolume(amplitudes, frequencies, provenance, edits.mask, edits.border, motion.lookup)


def mode_gains(frequencies, low: float, mid: float, high: float) -> np.ndarray:
    """Gain of each frequency: float64 (K,), exactly 1 where all three are 1."""
    slow, fast = band_weights(frequencies)
    return mid + slow * (low - mid) + fast * (high - mid)


def band_weights(frequencies) -> tuple[np.ndarray, np.ndarray]:
    """How much of each frequency is slow and how much fast, (K,) each in 0..1; what is left is the middle.

    Over log f: all slow up to 0.4 Hz, all middle at 0.8 Hz, all fast from 1.6 Hz, linear between.
    """
    low, mid, high = np.log2(BANDS_HZ)
    place = np.log2(np.asarray(frequencies, np.float64))
    return np.clip((mid - place) / (mid - low), 0, 1), np.clip((place - mid) / (high - mid), 0, 1)


def main_axis(volume: SpectralVolume) -> float:
    """Angle of the axis that most of the motion follows, radians in -pi/2..pi/2, x right and y down."""
    return axis(volume.weighed().amplitudes)


def turn_towards(motion: Motion, direction: Sequence[float], edits: Edits | None = None) -> float:
    """The `Edits.turn`, within a quarter turn, that brings the main axis of a motion along a direction.

    Args:
        direction: (dx, dy), x right and y down, any length; an axis has no sign.
        edits: what else is asked: then the main axis of what is left moving counts; with `one_axis` that of all
            motion, as it is the one that is left.
    Raises:
        SettingsError: the direction is no direction.
    """
    dx, dy = checked_direction(direction)
    if edits is None or edits.one_axis > 0:
        volume = motion.volume()
    else:
        volume = apply(motion, replace(edits, turn=0.0))
    angle = np.arctan2(dy, dx) - main_axis(volume)
    return float(np.mod(angle + np.pi / 2, np.pi) - np.pi / 2)


def checked_direction(direction) -> tuple[float, float]:
    """(dx, dy) if it points anywhere.

    Raises:
        SettingsError: it does not.
    """
    if not (len(direction) == 2 and np.isfinite(direction).all() and np.hypot(*direction) > 0):
        raise SettingsError(f"the direction is {direction}: give two numbers DX, DY that are not both 0")
    return float(direction[0]), float(direction[1])


def plucked(volume: SpectralVolume, pulls) -> tuple[Pluck, ...]:
    """The states that pulls leave in a volume, edits applied; a place that is masked out hardly answers."""
    felt = volume.weighed()
    long_side = max(felt.width, felt.height)
    states = []
    for pull in pulls:
        row, column = cell(felt, pull.x, pull.y)
        states.append(pluck(felt, column, row, (pull.dx * long_side, pull.dy * long_side), time_s=pull.time_s))
    return tuple(states)


def cell(volume: SpectralVolume, x: float, y: float) -> tuple[int, int]:
    """(row, column) of the volume's cell that a place of the picture reads, x and y in 0..1, y down."""
    across, down = x * volume.width, y * volume.height
    if volume.lookup is not None:
        rows, columns = volume.lookup.shape[:2]
        right, below = volume.lookup[min(int(y * rows), rows - 1), min(int(x * columns), columns - 1)].tolist()
        across, down = across + (right - OWN) / STEPS, down + (below - OWN) / STEPS
    return min(max(int(down), 0), volume.height - 1), min(max(int(across), 0), volume.width - 1)


def _envelope(motion, edits):
    """E as edited, and what the provenance has to tell of it."""
    envelope, note = motion.envelope, {}
    picture = motion.picture.astype(np.float32) / 255
    if edits.mask is not None:
        mask = fitted(edits.mask, motion.width, motion.height)
        is_still = _rms(envelope, mask) < UNMOVED_PX
        # A mask that is black all over says nothing of what lies under it: an artist is about to paint.
        if mask.any() and (motion.is_guessed or is_still):
            envelope = sway(picture, mask, motion.frequencies)
        if mask.any() and is_still and not motion.is_guessed:
            note = {"envelope": "the mask: the model calls everything under it still"}
    if edits.strength is not None:
        strength = fitted(edits.strength, motion.width, motion.height)
        more = np.maximum(strength - 1, 0) * (1 - smoothstep(np.sqrt((envelope**2).sum(0)), 0, UNMOVED_PX))
        envelope = envelope * strength
        if more.any():
            envelope = envelope + more * sway(picture, more > 0, motion.frequencies)
    return envelope.astype(np.float32, copy=False), note


def _rms(envelope, weight):
    """Weighted RMS motion in px of the grid."""
    return float(np.sqrt(((envelope**2).sum(0) * weight).sum() / max(float(weight.sum()), 1e-6)))


def _turned(amplitudes, angle):
    """Vectors (K, H, W, 2) turned by an angle (H, W) each."""
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = amplitudes[..., 0], amplitudes[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y], -1)


def _rotation(angle):
    """Turns row vectors (x right, y down)."""
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)


def _narrowed(angle, share):
    """Takes a share of what row vectors (x right, y down) have across an axis."""
    across = np.array([-np.sin(angle), np.cos(angle)])
    return (np.eye(2) - share * np.outer(across, across)).astype(np.float32)


def _digest(picture):
    return None if picture is None else hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()
