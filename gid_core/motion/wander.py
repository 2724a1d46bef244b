"""Wind that does not come back: frequencies off their common beat, and gusts over a loop, by a seed.

All modes of a motion are multiples of one frequency, so that however long it plays, it comes back every five seconds.
Detuned, each by its own part of the way to its neighbours, they do not; a long loop closes all the same.
"""

from fractions import Fraction

import numpy as np

__all__ = ["detuned", "gusts", "played"]

_DETUNE = 0.42  # of the way to the next frequency: below a half, so their order stays
_GUST_S = (1.2, 3.5)  # seconds from one key of a gust to the next, least and most
_STRONGEST = 1.6  # what a full gust multiplies the motion by; a lull multiplies by as little as 2 - 1.6


def detuned(frequencies: np.ndarray, seed: int) -> np.ndarray:
    """Frequencies (K,) in Hz, rising, each off its place; a seed of 0 leaves them as they are."""
    frequencies = np.asarray(frequencies, np.float64)
    if seed == 0:
        return frequencies
    room = np.diff(frequencies, prepend=0.0).min()
    return frequencies + _DETUNE * room * np.random.default_rng((seed, 0x77616E64)).uniform(-1, 1, len(frequencies))


def played(frequencies: np.ndarray, rate: float, wander: int) -> np.ndarray:
    """The frequencies (K,) at which a motion plays: detuned by `wander`, times `rate`; as they are at 1 and 0."""
    found = detuned(frequencies, wander)
    return found if rate == 1 else found * rate


def gusts(n_frames: int, fps: Fraction, seed: int, strength: float) -> list[tuple[int, float]]:
    """Keys of a wind that rises and falls over a loop: (frame, factor) each, factors about 1.

    Args:
        strength: 0 is a steady wind, 1 lulls to 0.4 and gusts to 1.6.
    Returns:
        keys from frame 0 to `n_frames`, of which the last repeats the first, so that the loop closes.
    """
    rng = np.random.default_rng((seed, 0x67757374))
    least, most = (max(1, round(one * float(fps))) for one in _GUST_S)
    frames = [0]
    while n_frames - frames[-1] > least + most:
        frames.append(frames[-1] + int(rng.integers(least, most + 1)))
    if n_frames - frames[-1] >= 2 * least:
        frames.append((frames[-1] + n_frames) // 2)
    factors = 1 + strength * (_STRONGEST - 1) * rng.uniform(-1, 1, len(frames))
    keys = [(frame, float(factor)) for frame, factor in zip(frames, factors, strict=True)]
    return [*keys, (n_frames, keys[0][1])]
