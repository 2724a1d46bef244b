"""What a variant is worth on a scene whose motion is known: local films, stillness, amplitude, tempo, phases.

One idea: a *local film* is 2 x 2 moving cells over 0.8 s. What an eye would notice of it becomes four numbers: how
much the cells tear apart, how round their path is, how fast and how jerkily they move. Drawn and made films are
compared by the energy distance of these numbers, which is 0 only if both have one distribution. (On the films
themselves it is blind: in 64 dimensions all distances are alike, and white noise looked like the truth.) The truth has
32 harmonics, so that every number of harmonics leaves something out.
"""

import math

import numpy as np
import torch

from ..evaluation.phases import phase_statistics
from ..scenes import motion
from .variants import harmonics, volume_of

__all__ = ["REFERENCE", "Truth", "energy_distance", "figures", "local_films", "truth_of"]

REFERENCE = harmonics(32)
_DRAWS, _PLACES, _FEWEST = 4, 160, 8
_TIMES = torch.arange(16) / 20  # s
_LEAST_SPREAD = 0.1  # of a number over the truth's films, so that rounding is no difference
_PERIOD_S = 5.0
_MOVES_PX, _STILL_PX = 0.3, 0.02
_LOG_FLOOR_PX = 0.05
_LOG_FLOOR = 0.05  # a twentieth of the motion is seen by nobody
_WEAKEST = 0.1  # of a flat spectrum: the least that a harmonic is divided by


class Truth:
    """Drawn motions of one scene of conditions, its places and its local films.

    maps (fields, h, w), wind (3,); places int (n, 2): upper left cells; films: `_DRAWS` tensors (n, 4); spread (4,):
    of their numbers.
    """

    def __init__(self, maps, wind, seed: int):
        generator = torch.Generator().manual_seed(seed)
        self.maps, self.wind = maps, wind
        self.amplitude = maps[motion.AMPLITUDE]
        self.moves = self.amplitude > _MOVES_PX
        block = self.moves[:-1, :-1] & self.moves[1:, :-1] & self.moves[:-1, 1:] & self.moves[1:, 1:]
        places = torch.nonzero(block)
        chosen = torch.randperm(len(places), generator=generator)[:_PLACES] if len(places) else []
        self.places = places[chosen]
        self.volumes = [volume_of(maps[None], wind[None], REFERENCE, generator)[0] for _ in range(_DRAWS)]
        films = [local_films(v, REFERENCE, self.places, generator) for v in self.volumes]
        self.spread = torch.cat(films).std(0).clamp(min=_LEAST_SPREAD) if len(places) else torch.ones(4)
        self.films = [film / self.spread for film in films]


def truth_of(rows, seed: int = 7) -> list:
    """A Truth of each row of conditions; the same for every variant."""
    return [Truth(rows["maps"][i], rows["wind"][i], seed + i) for i in range(len(rows["wind"]))]


def local_films(volume, frequencies, places, generator):
    """What is seen at places (n, 2), each from its own random moment: (n, 4) of a volume complex (K, 2, h, w).

    Logarithms of: RMS around the four cells' mean over RMS; minor over major axis of the path; RMS velocity over RMS;
    RMS acceleration over RMS velocity.
    """
    row, column = places[:, 0], places[:, 1]
    cells = torch.stack([volume[:, :, row + y, column + x] for y in (0, 1) for x in (0, 1)], -1)  # (K, 2, n, 4)
    starts = torch.rand(len(places), generator=generator) * _PERIOD_S
    hz = torch.as_tensor(frequencies, dtype=torch.float32).view(-1, 1, 1)
    turn = 2 * math.pi * hz * (starts[:, None] + _TIMES)  # (K, n, T)
    turns = torch.polar(torch.ones_like(turn), turn).to(volume.dtype)
    film = torch.einsum("kcnj,knt->ncjt", cells, turns).real

    def size(field):
        return field.square().flatten(1).mean(1).sqrt()

    whole = size(film).clamp(min=1e-6)
    torn = size(film - film.mean(2, keepdim=True)) / whole
    path = film.flatten(2)
    axes = torch.linalg.eigvalsh(path @ path.mT / path.shape[2]).clamp(min=0).sqrt()  # (n, 2), minor first
    round_ = axes[:, 0] / axes[:, 1].clamp(min=1e-6)
    speed = size(film.diff()) / whole
    jerk = size(film.diff().diff()) / whole / speed.clamp(min=1e-6)
    return (torch.stack([torn, round_, speed, jerk], 1) + _LOG_FLOOR).log()


def energy_distance(ones, others) -> float:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| over E|X - X'|: 0 for one distribution. NaN without enough films.

    ones, others: lists of (n, d), each an independent draw; X and X' come from different draws, so nothing that the
    films of one draw share lowers their distance.
    Source: Székely and Rizzo, Energy statistics (Journal of Statistical Planning and Inference, 2013), eq. 5.
    """
    if len(ones[0]) < _FEWEST:
        return float("nan")

    def mean(pairs):
        return float(np.mean([float(torch.cdist(a, b).mean()) for a, b in pairs]))

    def inside(draws):
        return mean([(a, b) for i, a in enumerate(draws) for b in draws[:i]])

    own = inside(ones)
    return (2 * mean([(a, b) for a in ones for b in others]) - own - inside(others)) / own


def figures(truth: Truth, volumes, frequencies, seed: int = 3) -> dict:
    """Figures of one scene; those that a scene cannot tell are left out.

    Args:
        volumes: list of two or more complex (K, 2, h, w) in px, from independent seeds.
        frequencies: (K,) Hz.

    film: `energy_distance` to the truth. leak: mean amplitude where nothing moves, over that where it does.
    amplitude: mean |log amplitude error|. tempo: RMS frequency against the truth's. coherence, same, different,
    perpendicular, wave: evaluation.phases.phase_statistics of volume / true envelope, of 16 harmonics or more.
    """
    generator = torch.Generator().manual_seed(seed)
    size = torch.stack([v.abs().square().sum((0, 1)) for v in volumes]).mean(0).sqrt()
    hz = torch.as_tensor(frequencies, dtype=torch.float32)
    still = truth.amplitude < _STILL_PX
    found = {}
    if truth.moves.any():
        if still.any():
            found["leak"] = float(size[still].mean() / size[truth.moves].mean().clamp(min=1e-6))
        wrong = (size + _LOG_FLOOR_PX).log() - (truth.amplitude + _LOG_FLOOR_PX).log()
        found["amplitude"] = float(wrong[truth.moves].abs().mean())
        tempo = _tempo(volumes, hz, truth.moves) / _tempo(truth.volumes, torch.tensor(REFERENCE), truth.moves)
        found["tempo"] = float(tempo)
    films = [local_films(v, frequencies, truth.places, generator) / truth.spread for v in volumes]
    found["film"] = energy_distance(truth.films, films)
    count = len(motion.FREQUENCIES)
    if len(hz) >= count and tuple(frequencies[:count]) == motion.FREQUENCIES:
        rows = [_phases(truth, volume[:count]) for volume in volumes]
        found |= {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    return {key: value for key, value in found.items() if math.isfinite(value)}


def _tempo(volumes, hz, moves):
    power = torch.stack([v.abs().square().sum(1)[:, moves].sum(1) for v in volumes]).sum(0)  # (K,)
    return ((power * hz.square()).sum() / power.sum().clamp(min=1e-12)).sqrt()


def _phases(truth, volume):
    """phase_statistics of a volume of motion.FREQUENCIES, each cell and harmonic over its true envelope."""
    envelope = motion.envelope(truth.maps[None])[0]
    flat = truth.amplitude / math.sqrt(len(envelope))
    z = volume / torch.maximum(envelope, _WEAKEST * flat).clamp(min=1e-6)[:, None]
    kept = ("coherence", "same", "different", "perpendicular", "rms", "wave")
    found = phase_statistics(z.movedim(1, -1).numpy(), truth.maps.numpy(), truth.wind[:3].tolist())
    return {key: found[key] for key in kept if key in found}
