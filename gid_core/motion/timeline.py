"""Frames and phases: the exact arithmetic of loops. Integers and Fractions, no pixels.

One idea: a loop of L frames holds whole cycles only. Each frequency of a volume snaps to a harmonic h of the loop and
its phase at frame n comes from the integer (h n mod L), so that frame n + L equals frame n bit for bit, for ever.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..errors import SettingsError

__all__ = ["LoopPlan", "bump", "frames_for", "parse_fps", "snap"]

MAX_FRAMES = 1_000_000  # more than eleven hours at 24 a second; Blender counts to 1,048,574
_NTSC = {
    Fraction("23.976"): 24,
    Fraction("23.98"): 24,
    Fraction("29.97"): 30,
    Fraction("47.952"): 48,
    Fraction("59.94"): 60,
}


def parse_fps(text) -> Fraction:
    """Frames per second as an exact fraction; 23.976 and its kin mean 24000/1001.

    Raises:
        SettingsError: not a positive number up to 1000.
    """
    try:
        fps = Fraction(str(text).strip())
    except (ValueError, ZeroDivisionError):
        fps = Fraction(0)
    if not 0 < fps <= 1000:
        raise SettingsError(f"frames per second cannot be {text!r}: give a number such as 24, 23.976 or 24000/1001")
    whole = _NTSC.get(fps)
    return Fraction(whole * 1000, 1001) if whole else fps


def frames_for(seconds: float, fps: Fraction) -> int:
    """Whole frames nearest to a length in seconds, at least 2.

    Raises:
        SettingsError: the length is not positive, or longer than `MAX_FRAMES`.
    """
    if not (math.isfinite(seconds) and seconds > 0):
        raise SettingsError(f"a loop cannot last {seconds} seconds: give a positive length")
    return _checked_length(max(2, round(Fraction(seconds) * fps)))


def snap(frequencies: np.ndarray, n_frames: int, fps: Fraction) -> tuple[np.ndarray, np.ndarray]:
    """Harmonic of the loop nearest to each frequency, and the gain that keeps the speed of those below one cycle.

    Args:
        frequencies: (K,) Hz.
    Returns:
        harmonics int64 (K,), at least 1; gains float64 (K,), min(1, cycles in the loop).
    """
    _checked_length(n_frames)
    cycles = [Fraction(float(f)) * n_frames / fps for f in frequencies]
    harmonics = np.array([max(1, math.floor(x + Fraction(1, 2))) for x in cycles], np.int64)
    # A mode slower than the loop is hurried to one cycle; swinging less far, it moves no faster than before.
    gains = np.array([min(1.0, float(x)) for x in cycles])
    return harmonics, gains


def bump(frame, n_frames: int) -> float:
    """b(n) = ((1 + cos(2 pi n / L)) / 2)^4: 1 at the loop's first frame, flat there, 0 half a loop away."""
    return ((1 + math.cos(2 * math.pi * float(frame % n_frames) / n_frames)) / 2) ** 4


@dataclass(frozen=True)
class LoopPlan:
    """How a volume plays as a loop: one harmonic, gain and phase a mode. These are the rig's inputs, too.

    c_k(n) = g_k e^(i phi_k) (e^(2 pi i (h_k n mod L) / L) - b(n)), with b only when `anchored`: then frame 0 is the
    still. The rest frame's rotation and the phases of modes that share a harmonic are inside phi_k.
    """

    n_frames: int
    harmonics: tuple[int, ...]
    gains: tuple[float, ...]
    phases: tuple[float, ...]
    anchored: bool = True

    def __post_init__(self):
        _checked_length(self.n_frames)
        if not len(self.harmonics) == len(self.gains) == len(self.phases) > 0:
            raise SettingsError("a loop plan needs one harmonic, gain and phase for each frequency")
        if min(self.harmonics) < 1:
            raise SettingsError("the harmonics of a loop are whole numbers from 1")

    def scalars(self, frame: int | Fraction | float) -> np.ndarray:
        """c_k at one frame: complex128 (K,). Exactly 0 at the first frame of an anchored loop.

        Args:
            frame: frames since the start of the loop; int, Fraction or float.
        """
        exact = frame if isinstance(frame, int) else Fraction(frame)
        angles = [2 * math.pi * float((h * exact) % self.n_frames) / self.n_frames for h in self.harmonics]
        turns = np.array([complex(math.cos(a), math.sin(a)) for a in angles])
        if self.anchored:
            turns = turns - bump(exact, self.n_frames)
        return np.array(self.gains) * np.exp(1j * np.array(self.phases)) * turns


def _checked_length(n_frames):
    if not 2 <= n_frames <= MAX_FRAMES:
        raise SettingsError(f"a loop cannot have {n_frames} frames: choose 2 to {MAX_FRAMES}")
    return int(n_frames)
