"""The pluck: a volume read as image-space modes, each a damped oscillator that is pulled and let go.

One idea: everything is closed form. q_k(t) = q_k(0) e^(lambda_k t), so any frame can be had in any order and any
number of plucks is still 2K scalars a frame, to be added to a loop's. F(p, t) = Re sum_k A_k(p) q_k(t).
Source: paper sec. 6, eq. 6, and its supplement, eq. 6-10; Davis, Chen, Durand, Image-Space Modal Bases (2015).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import SettingsError
from .volume import SpectralVolume

__all__ = [
    "DEMO",
    "GENTLE",
    "SUPPLEMENT",
    "Damping",
    "Pluck",
    "elastic",
    "pluck",
    "poles",
    "response",
    "step",
    "superposed",
]

FLOOR = 0.05  # of the strongest pixel's motion: a pull on a still pixel must not throw the rest across the picture
SLACK_PX = 20.0  # from here on a pull stretches like the square root


@dataclass(frozen=True)
class Damping:
    """Rayleigh damping: q'' + (alpha + beta w^2) q' + w^2 q = 0, alpha in 1/s, beta in s."""

    alpha: float
    beta: float

    @classmethod
    def through(cls, low, high) -> "Damping":
        """From two pairs (Hz, share of critical damping)."""
        (f1, z1), (f2, z2) = low, high
        w1, w2 = 2 * np.pi * f1, 2 * np.pi * f2
        alpha = 2 * w1 * w2 * (z1 * w2 - z2 * w1) / (w2**2 - w1**2)
        beta = 2 * (z2 * w2 - z1 * w1) / (w2**2 - w1**2)
        return cls(float(alpha), float(beta))

    def ratio(self, frequencies) -> np.ndarray:
        """Share of critical damping at each frequency in Hz."""
        w = 2 * np.pi * np.asarray(frequencies, np.float64)
        return self.alpha / (2 * w) + self.beta * w / 2

    def scaled(self, factor: float) -> "Damping":
        """`factor` times the damping: comes to rest that many times sooner."""
        return Damping(self.alpha * factor, self.beta * factor)


SUPPLEMENT = Damping(0.4, 0.08)  # the paper's supplement
DEMO = Damping(0.8, 0.05)  # the paper's live demo
GENTLE = Damping.through((0.4, 0.06), (2.0, 0.04))  # a plant in air: a slow sway rings for about half a minute


@dataclass(frozen=True, eq=False)
class Pluck:
    """A pull at one pixel, let go at `time_s`: the modal coordinates at that moment, complex (K,)."""

    state: np.ndarray
    time_s: float = 0.0


def poles(frequencies, damping: Damping) -> np.ndarray:
    """lambda_k = -zeta w + i w sqrt(1 - zeta^2): complex128 (K,), 1/s. Critical damping is the limit."""
    w = 2 * np.pi * np.asarray(frequencies, np.float64)
    zeta = np.minimum(damping.ratio(frequencies), 1.0)
    return w * (-zeta + 1j * np.sqrt(1 - zeta**2))


def step(state: np.ndarray, frequencies, damping: Damping, seconds: float) -> np.ndarray:
    """The state `seconds` later, exact for any step. The paper's explicit Euler explodes above 0.5 Hz at 30 fps."""
    return np.asarray(state) * np.exp(poles(frequencies, damping) * seconds)


def elastic(pull_px: float, slack_px: float = SLACK_PX) -> float:
    """How far a pull is felt: slope 1 at first, like the square root far out, as in the paper's demo."""
    return slack_px * (np.sqrt(1 + 2 * pull_px / slack_px) - 1)


def pluck(
    volume: SpectralVolume, x: int, y: int, pull: Sequence[float], *, time_s: float = 0.0, floor: float = FLOOR
) -> Pluck:
    """Pull cell (x, y) by `pull` px and let go.

    Args:
        x: column of the cell in the volume's grid.
        y: its row.
        pull: (dx, dy), px of that grid.
        floor: share of the strongest cell's motion below which a cell hardly answers; 0 follows the pull exactly.
    Returns:
        The state with |q_k| ~ |d . A_k| and arg q_k = -arg(d . A_k), d the pull's direction: the smallest one whose
        displacement of the cell along d is the pull's length (with floor 0).
    Raises:
        SettingsError: the cell lies outside, or the pull is not finite.
    Source: paper's supplement, eq. 9-10.
    """
    if not (0 <= x < volume.width and 0 <= y < volume.height):
        raise SettingsError(f"cell ({x}, {y}) lies outside the volume of {volume.width} x {volume.height}")
    pulled = np.asarray(pull, np.float64)
    if pulled.shape != (2,) or not np.isfinite(pulled).all():
        raise SettingsError(f"the pull is {pulled}: give two numbers DX, DY")
    length = float(np.hypot(*pulled))
    if length == 0:
        return Pluck(np.zeros(volume.n_freqs, complex), time_s)
    modes = volume.amplitudes[:, y, x].astype(np.complex128) @ (pulled / length)  # d . A_k, (K,)
    strongest = float((np.abs(volume.amplitudes) ** 2).sum((0, 3)).max())
    energy = float((np.abs(modes) ** 2).sum()) + floor**2 * strongest
    return Pluck(length * modes.conj() / energy if energy > 0 else np.zeros_like(modes), time_s)


def superposed(
    plucks: Sequence[Pluck], frequencies, damping: Damping, *, period_s: float | None = None
) -> list[tuple[float, np.ndarray]]:
    """Any number of plucks as one state at a time: what a clock with one state and one time needs, such as the rig's.

    The equation of motion is linear, so the state at the newest pluck carries all older ones: from there on
    q(t) = state e^(lambda (t - time)) is the `response` of them all.

    Args:
        period_s: length of the loop that the plucks happen in, each once a round for ever; None: they happen once.
    Returns:
        (time_s, complex128 (K,)), one for each moment at which something is plucked, in rising order. With a period
        the times lie in 0..period_s, and before the first of them the last one counts, a period earlier.
    """
    moments = sorted({one.time_s if period_s is None else _in_round(one.time_s, period_s) for one in plucks})
    return [(moment, response(plucks, frequencies, damping, moment, period_s=period_s)) for moment in moments]


def response(
    plucks: Sequence[Pluck], frequencies, damping: Damping, time_s: float, *, period_s: float | None = None
) -> np.ndarray:
    """Scalars of all plucks at one moment: complex128 (K,), to be added to a loop's.

    Args:
        time_s: seconds; before a pluck's own time it adds nothing.
        period_s: length of the loop that the plucks happen in, each once a round for ever; None: they happen once.
    """
    rates = poles(frequencies, damping)
    total = np.zeros(len(rates), np.complex128)
    for one in plucks:
        since = time_s - one.time_s
        if period_s is not None:
            since = (time_s - _in_round(one.time_s, period_s)) % period_s
            total += one.state * np.exp(rates * since) / (1 - np.exp(rates * period_s))
        elif since >= 0:
            total += one.state * np.exp(rates * since)
    return total


def _in_round(seconds, period_s):
    """`seconds` within 0..period_s, never the end itself: a tiny negative number is 0 and not a whole round."""
    rest = seconds % period_s
    return 0.0 if rest >= period_s else rest
