"""From a volume to a loop of any length: which harmonic, gain and phase each mode plays.

`plan_loop` snaps frequencies to the loop's harmonics; `project` fits the volume's own motion over one loop instead.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from ..errors import SettingsError
from .timeline import LoopPlan, snap
from .volume import SpectralVolume

__all__ = ["plan_loop", "project"]

REST_PLACES = 1024  # moments of a loop that are tried as its start; more than a 40-second loop has frames
SEAM_SPEEDS = (0.15, 0.85)  # quantiles of a loop's own speed between which it may begin


def plan_loop(
    volume: SpectralVolume,
    n_frames: int,
    fps: Fraction,
    *,
    keep: str = "speed",
    anchored: bool = True,
    phase: float = 0.0,
) -> LoopPlan:
    """Snap a volume to a loop of any length.

    Args:
        fps: frames per second of the loop, a Fraction.
        keep: "speed", modes slower than the loop swing less far; "swing", they keep their amplitude.
        anchored: frame 0 is the untouched still.
        phase: cycles of the loop by which every mode is ahead: two loops of one motion need not move in step.
    Raises:
        SettingsError: an unknown `keep`, a phase that is no number, or no such length.

    Modes that share a harmonic are turned by one phase each so that their energies add exactly; an anchored loop
    starts where it moves least, so that the anchor pulls as little as it can.
    """
    if keep not in ("speed", "swing"):
        raise SettingsError(f"a loop keeps 'speed' or 'swing', not {keep!r}")
    if not np.isfinite(phase):
        raise SettingsError(f"the phase offset is {phase}: give a number of cycles")
    fps = Fraction(fps)
    harmonics, gains = snap(volume.frequencies, n_frames, fps)
    if keep == "swing":
        gains = np.ones_like(gains)
    modes = volume.weighed().amplitudes.reshape(volume.n_freqs, -1)
    phases = _collision_phases(modes, harmonics, gains)
    if anchored:
        phases = phases + 2 * np.pi * harmonics * _rest(modes, harmonics, gains * np.exp(1j * phases))
    if phase != 0:
        phases = phases + 2 * np.pi * harmonics * phase
    wrapped = np.mod(phases, 2 * np.pi)
    return LoopPlan(int(n_frames), tuple(harmonics.tolist()), tuple(gains.tolist()), tuple(wrapped.tolist()), anchored)


def project(volume: SpectralVolume, n_frames: int, fps) -> SpectralVolume:
    """The loop that is nearest to the volume's own motion over `n_frames`, in the least-squares sense.

    The second way to a loop: closer to the motion as it was, but with a recoil near the seam where the motion does
    not close by itself. The result's frequencies are harmonics of the loop, so `plan_loop` leaves them as they are.
    """
    fps = Fraction(fps)
    duration = float(n_frames / fps)
    highest = min(round(float(volume.frequencies[-1]) * duration), (n_frames - 1) // 2)
    harmonics = np.arange(1, max(1, highest) + 1)
    time = np.arange(n_frames) / n_frames
    columns = np.exp(2j * np.pi * harmonics * time[:, None])
    basis = np.concatenate([columns.real, -columns.imag, np.ones((n_frames, 1))], 1)  # (L, 2M + 1), a mean besides
    own = np.exp(2j * np.pi * volume.frequencies * (time * duration)[:, None])
    own = np.concatenate([own.real, -own.imag], 1)  # (L, 2K)
    solution = np.linalg.lstsq(basis, own, rcond=None)[0][:-1]  # (2M, 2K)
    modes = volume.amplitudes.reshape(volume.n_freqs, -1)
    fitted = solution @ np.concatenate([modes.real, modes.imag])
    half = len(harmonics)
    amplitudes = (fitted[:half] + 1j * fitted[half:]).reshape(half, *volume.amplitudes.shape[1:])
    return replace(volume, amplitudes=amplitudes, frequencies=harmonics / duration)


def _collision_phases(modes, harmonics, gains):
    """One phase a mode: pi/2 away from the sum of those that hold the harmonic already, so that energies add."""
    phases = np.zeros(len(harmonics))
    held: dict[int, np.ndarray] = {}
    for k, harmonic in enumerate(harmonics.tolist()):
        mode = gains[k] * modes[k].astype(np.complex128)
        if harmonic in held:
            phases[k] = np.pi / 2 - np.angle(np.vdot(held[harmonic], mode))
            held[harmonic] = held[harmonic] + mode * np.exp(1j * phases[k])
        else:
            held[harmonic] = mode
    return phases


def _rest(modes, harmonics, scalars):
    """Place of the least motion in the loop, in cycles, from the (K, K) products of the modes.

    Looked for at the same places whatever the frame rate: half the rate then gives every other frame.
    """
    modes = modes.astype(np.complex128)
    turns = np.exp(2j * np.pi * (np.arange(REST_PLACES)[:, None] * harmonics % REST_PLACES) / REST_PLACES)
    scalars = scalars * turns  # (places, K)
    # |Re z|^2 = (|z|^2 + Re z^2) / 2 summed over the field
    # Not by BLAS: beside other work on the machine its threads wait for each other, seconds where one takes 20 ms.
    products, mirrored = (np.einsum("kn,jn->kj", modes, others) for others in (modes.conj(), modes))

    def energy(c):
        return np.einsum("nk,kj,nj->n", c, products, c.conj()).real + np.einsum("nk,kj,nj->n", c, mirrored, c).real

    # A still moment is often a fast one, and a cut at the fastest moment reads as a jump: only ordinary speeds count.
    speed = energy(1j * harmonics * scalars)
    low, high = np.quantile(speed, SEAM_SPEEDS)
    return int(np.argmin(np.where((speed >= low) & (speed <= high), energy(scalars), np.inf))) / REST_PLACES
