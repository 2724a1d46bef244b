"""How the members of a rendered scene move: physics by kind, and the maps filled from an id picture.

numpy only, because it runs inside bpy, where torch is not: FIELDS repeats motion.FIELDS and a test compares them. It
knows nothing of meshes; a member is a root and a tip in the picture and a kind. Lengths are px of a 256-wide frame.
"""

import math
from dataclasses import dataclass

import numpy as np

__all__ = [
    "CELL",
    "FIELDS",
    "HEIGHT",
    "KINDS",
    "OVERSAMPLING",
    "WIDTH",
    "Kind",
    "Member",
    "fill",
    "is_fit",
    "member",
    "object_ids",
]

FIELDS = ("amplitude", "f0", "zeta", "dx", "dy", "anchor_x", "anchor_y", "object", "is_field", "f1", "share")
WIDTH, HEIGHT = 256, 160
CELL = 4  # px of a map cell
OVERSAMPLING = 2  # the id picture has twice the picture's size
_LEAST_CONTRAST = 7  # 8-bit standard deviation
_MOST_COVERED = 0.6  # of the picture, by one object
_STILL = (0, 1, 0.1, 1, 0, 0, 0, 0, 0, 2.5, 0)  # the row of what does not move, as in painting.Canvas
_SWAY_ALONG_WIND = 0.35  # as painters: across the member, and a little along the wind
_MAX_REACH = 1.2  # the tip is where the box ends; leaves stand out of it


@dataclass(frozen=True)
class Kind:
    """What a kind of thing does: RMS amplitude in px at its tip when length_px long, f0 in Hz at that length.

    Amplitude and frequency follow the length by the powers growth and slowing; from root to tip the amplitude grows
    by power.
    """

    amplitude: tuple[float, float]
    f0: tuple[float, float]
    length_px: float
    power: float
    zeta: float
    growth: float = 0.5
    slowing: float = 0.5
    share: tuple[float, float] = (0.0, 0.0)
    f1: tuple[float, float] = (1.8, 3.0)
    is_field: bool = False


KINDS = {
    "crown": Kind((0.70, 1.75), (0.5, 1.1), 100, 0.7, 0.25, 0.4, 0.3, (0.3, 0.7), (1.8, 3.1), True),
    "trunk": Kind((0.21, 0.49), (0.5, 1.1), 100, 2.0, 0.2, 0.4, 0.3),
    "bush": Kind((0.63, 1.05), (0.8, 1.4), 50, 0.7, 0.25, 0.4, 0.3, (0.3, 0.7), (1.8, 3.1), True),
    "plant": Kind((0.70, 1.26), (0.8, 1.5), 50, 1.2, 0.1, 0.4, 0.4, (0.2, 0.6)),
    "flower": Kind((1.12, 1.68), (0.6, 1.2), 80, 1.5, 0.08, 0.5, 0.5, (0.15, 0.4)),
    "pendulum": Kind((0.56, 1.05), (0.6, 0.9), 70, 0.8, 0.05, 0.4, 0.5),
    "sheet": Kind((0.70, 1.40), (0.45, 0.8), 70, 1.0, 0.3, 0.4, 0.3, (0.2, 0.5), (1.2, 2.2), True),
    "garment": Kind((0.70, 1.40), (0.5, 0.9), 70, 1.0, 0.25, 0.4, 0.4, (0.2, 0.4), (1.2, 2.2)),
    "pennant": Kind((0.77, 1.40), (0.7, 1.4), 20, 0.8, 0.25, 0.4, 0.3, (0.2, 0.5)),
    "flag": Kind((1.12, 1.68), (0.9, 1.6), 50, 0.9, 0.25, 0.4, 0.3, (0.3, 0.6)),
    "flame": Kind((1.44, 2.34), (2.5, 4.0), 16, 0.9, 0.6, 0.5, 0.2),
}


@dataclass(frozen=True)
class Member:
    """A part that moves as one, in px, Hz and ids; several parts may belong to one object."""

    object_id: int
    kind: str
    root: tuple[float, float]
    tip: tuple[float, float]
    amplitude: float
    f0: float
    f1: float
    share: float

    @property
    def along(self):
        """Unit vector from root to tip, and the length in px (at least 1)."""
        dx, dy = self.tip[0] - self.root[0], self.tip[1] - self.root[1]
        length = max(math.hypot(dx, dy), 1.0)
        return np.array([dx, dy]) / length, length


def member(object_id, kind, root, tip, rng) -> Member:
    """A member of a kind between two points (px), its strength and pace drawn within the kind's bounds."""
    law = KINDS[kind]
    length = max(math.hypot(tip[0] - root[0], tip[1] - root[1]), 3.0) / law.length_px
    amplitude = rng.uniform(*law.amplitude) * min(length**law.growth, 1.3)
    f0 = rng.uniform(*law.f0) * float(np.clip(length**-law.slowing, 0.7, 1.6))
    f0 = min(f0, max(law.f0[1], 1.8))
    return Member(
        object_id, kind, tuple(root), tuple(tip), amplitude, f0, rng.uniform(*law.f1), rng.uniform(*law.share)
    )


def _direction(m, wind):
    (u, v), _ = m.along
    across = np.array([-v, u])
    across = across if across @ wind[:2] >= 0 else -across
    direction = across + _SWAY_ALONG_WIND * np.asarray(wind[:2])
    return direction / np.hypot(*direction)


def _amplitudes(parts, members, scale):
    """Amplitude in px of each pixel of an id picture; scale = its pixels in a px of the 256-wide frame."""
    amplitude = np.zeros(parts.shape, np.float32)
    for number, m in enumerate(members, 1):
        y, x = np.nonzero(parts == number)
        (u, v), length = m.along
        reach = (((x + 0.5) / scale - m.root[0]) * u + ((y + 0.5) / scale - m.root[1]) * v) / length
        amplitude[y, x] = m.amplitude * np.clip(reach, 0.02, _MAX_REACH) ** KINDS[m.kind].power
    return amplitude


def fill(parts, members, wind) -> np.ndarray:
    """Maps float32 (len(FIELDS), h / CELL, w / CELL) of a scene.

    Args:
        parts: integers (OVERSAMPLING h, OVERSAMPLING w); 0 is still, n is members[n - 1].
        wind: dx, dy, px a second.
    A cell takes the parameters of the member with the most motion in it and the mean amplitude of its pixels that
    move; less if those are under half of it.
    """
    size = CELL * OVERSAMPLING
    rows, columns = parts.shape[0] // size, parts.shape[1] // size

    def cells(values):
        return values.reshape(rows, size, columns, size).swapaxes(1, 2).reshape(rows * columns, -1)

    amplitude, names = cells(_amplitudes(parts, members, OVERSAMPLING)), cells(parts)
    strength = np.zeros((rows * columns, len(members) + 1), np.float32)
    np.add.at(strength, (np.arange(rows * columns)[:, None], names), amplitude)
    table = np.array([_STILL, *(_row(m, wind) for m in members)], np.float32)
    maps = table[strength.argmax(1)].T.reshape(len(FIELDS), rows, columns).copy()
    moving = (names > 0).mean(1)
    mean = amplitude.mean(1) / np.maximum(moving, 1 / amplitude.shape[1])
    maps[0] = (mean * np.minimum(2 * moving, 1)).reshape(rows, columns)
    is_field = maps[FIELDS.index("is_field")] > 0
    y, x = (np.mgrid[0:rows, 0:columns] + 0.5) * CELL
    maps[5], maps[6] = np.where(is_field, x, maps[5]), np.where(is_field, y, maps[6])
    return maps


def _row(m, wind):
    law = KINDS[m.kind]
    motion = [m.amplitude, m.f0, law.zeta, *_direction(m, wind), *m.root, m.object_id]
    return [*motion, float(law.is_field), m.f1, m.share]


def object_ids(parts, members) -> np.ndarray:
    """uint16 (h, w): the object of each picture pixel, of 2 x 2 parts the most common; ties go to what moves."""
    table = np.array([0, *(m.object_id for m in members)], np.uint16)
    names = table[parts]
    h, w = names.shape[0] // 2, names.shape[1] // 2
    return np.sort(names.reshape(h, 2, w, 2).swapaxes(1, 2).reshape(h, w, 4), -1)[..., 2]


def is_fit(image, objects):
    """Whether a picture shows anything, and more than one thing: not blank, no object over most of it."""
    covered = np.bincount(objects.ravel())[1:].max(initial=0) / objects.size
    return image.std() > _LEAST_CONTRAST and covered < _MOST_COVERED
