"""Procedural z: the phases and sway axes of a motion without a network; baseline, fallback, and start of the flow.

One idea: chance that respects objects. White noise is spread along *affinities* (the probability that neighbouring
cells belong together), so that an object sways as one and its neighbour differently; a carrier travels along the
wind; one axis an object, shared by all its harmonics. Cells are those of the flow's grid, 8 px of the 256-px frame.
"""

from dataclasses import dataclass

import numpy as np

__all__ = [
    "CELL_PX",
    "Wind",
    "blurred",
    "draw_wind",
    "from_reals",
    "generator",
    "procedural",
    "spread",
    "to_reals",
    "unit_rms",
]

CELL_PX = 8.0
AFFINITY_POWER = 4  # p^4 and 60 steps: contrast between objects .38, coherence inside .69 (200 steps of p^3: .28, .83)
SPREAD_STEPS = 60
_RATE = 0.24  # explicit diffusion over four neighbours is stable below 1/4
_AXIS_FREEDOM = 0.7  # of the unit wind vector, in doubled angles: an object's axis stays within 22 degrees of the wind
_GAUSSIAN_TAPS = (np.exp(-(np.arange(-3, 4) ** 2) / 2) / np.exp(-(np.arange(-3, 4) ** 2) / 2).sum()).astype(np.float32)
_SPEEDS = (60.0, 400.0)  # px of the 256-px frame a second, the range that the flow was trained on


@dataclass(frozen=True)
class Wind:
    """Where a gust travels: unit vector (x right, y down) and speed in px of the 256-px frame a second."""

    dx: float
    dy: float
    speed: float = 150.0

    def condition(self) -> np.ndarray:
        """float32 (1, 4) as the flow takes it: dx, dy, log(speed / 150), known."""
        return np.array([[self.dx, self.dy, np.log(self.speed / 150), 1]], np.float32)


def generator(seed: int, purpose: str) -> np.random.Generator:
    """The stream of random numbers for one purpose: other purposes draw independently of it."""
    return np.random.default_rng([seed, *purpose.encode()])


def draw_wind(rng: np.random.Generator, direction=None) -> Wind:
    """A wind along `direction` (x right, y down, any length), or along a near-horizontal one that chance decides."""
    if direction is None:
        angle = rng.uniform(-0.35, 0.35) + np.pi * rng.integers(2)
    else:
        angle = np.arctan2(direction[1], direction[0])
    speed = float(np.exp(rng.uniform(*np.log(_SPEEDS))))
    return Wind(float(np.cos(angle)), float(np.sin(angle)), speed)


def spread(field: np.ndarray, affinity: np.ndarray, steps=SPREAD_STEPS, power=AFFINITY_POWER) -> np.ndarray:
    """Diffuse a field along affinities by explicit steps; the sum over the grid is kept.

    Args:
        field: (..., h, w), real or complex.
        affinity: float (2, h, w), probability that the right / the lower neighbour is the same object.
    Source: Perona and Malik 1990, with learned conductances.
    """
    right = _RATE * affinity[0, :, :-1] ** power
    down = _RATE * affinity[1, :-1, :] ** power
    field = field.copy()
    for _ in range(steps):
        across = right * (field[..., :, 1:] - field[..., :, :-1])
        along = down * (field[..., 1:, :] - field[..., :-1, :])
        field[..., :, :-1] += across
        field[..., :, 1:] -= across
        field[..., :-1, :] += along
        field[..., 1:, :] -= along
    return field


def procedural(affinity, frequencies, wind: Wind, rng: np.random.Generator, cell_px=CELL_PX) -> np.ndarray:
    """Unit-variance motion of every cell: complex64 (K, h, w, 2), mean over k of |z|^2 exactly 1 in each cell.

    Args:
        affinity: float (2, h, w), see `spread`.
        frequencies: (K,) Hz.
        cell_px: side of a cell in px of the 256-px frame.
    """
    _, h, w = affinity.shape
    affinity = affinity.astype(np.float64)  # float64: the same bytes whatever the order of summation in BLAS
    frequencies = np.asarray(frequencies, np.float64)
    noise = rng.standard_normal((2, len(frequencies), h, w))
    local = spread(noise[0] + 1j * noise[1], affinity)
    local /= np.sqrt((np.abs(local) ** 2).mean(0)) + 1e-12
    rows, columns = np.mgrid[0:h, 0:w] * cell_px
    delay_s = (columns * wind.dx + rows * wind.dy) / wind.speed
    carrier = np.exp(-2j * np.pi * frequencies[:, None, None] * delay_s)
    axis = _axes(affinity, wind, rng)
    return ((local * carrier)[..., None] * axis).astype(np.complex64)


def _axes(affinity, wind, rng):
    """One unit axis (h, w, 2) an object, near the wind and on its side. Doubled angles: an axis has no sign."""
    noise = spread(rng.standard_normal((2, *affinity.shape[1:])), affinity)
    noise *= _AXIS_FREEDOM / (np.hypot(*noise) + 1e-12)
    double_wind = 2 * np.arctan2(wind.dy, wind.dx)
    angle = np.arctan2(np.sin(double_wind) + noise[1], np.cos(double_wind) + noise[0]) / 2
    axis = np.stack([np.cos(angle), np.sin(angle)], -1)
    return axis * np.where(axis @ [wind.dx, wind.dy] < 0, -1, 1)[..., None]


def blurred(z: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """z (K, h, w, 2) averaged over about one cell, strong cells counting more; still cells keep what they had.

    Noise inside an object tears it; a Gaussian of sigma 1 raises the coherence of a flow's z from .75 to .83.
    strength: float (h, w), RMS motion.
    """
    weight = strength.astype(np.float32)
    total = _gaussian(weight[None, :, :, None])
    floor = 1e-3 * float(total.max()) + 1e-12
    mean = _gaussian(z * weight[None, :, :, None]) / np.maximum(total, floor)
    return np.where(total > floor, mean, z).astype(z.dtype)


def _gaussian(field):
    """Gaussian blur of sigma 1 cell over axes 1 and 2, edges repeated."""
    for axis in (1, 2):
        pad = [(0, 0)] * field.ndim
        pad[axis] = (3, 3)
        padded = np.pad(field, pad, mode="edge")
        size = field.shape[axis]
        field = sum(tap * np.take(padded, range(i, i + size), axis) for i, tap in enumerate(_GAUSSIAN_TAPS))
    return field


def unit_rms(z: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """z (K, h, w, 2) scaled by one number so that the weighted mean of |z|^2 (both axes) over cells and k is 1."""
    total = float(weight.sum()) * len(z)
    power = float((np.abs(z) ** 2 * weight[None, :, :, None]).sum())
    return z if power == 0 or total == 0 else (z * np.sqrt(total / power)).astype(z.dtype)


def to_reals(z: np.ndarray) -> np.ndarray:
    """complex (K, h, w, 2) -> float32 (K, 4, h, w) in the order xr, yr, xi, yi, each of variance 1 along the axis."""
    parts = np.concatenate([z.real, z.imag], -1) * np.sqrt(2)  # a unit complex number has two halves of variance 1/2
    return np.ascontiguousarray(np.moveaxis(parts, -1, 1), np.float32)


def from_reals(reals: np.ndarray) -> np.ndarray:
    """The inverse of `to_reals`: float (K, 4, h, w) -> complex64 (K, h, w, 2)."""
    parts = np.moveaxis(reals, 1, -1) / np.float32(np.sqrt(2))
    return (parts[..., :2] + 1j * parts[..., 2:]).astype(np.complex64)
