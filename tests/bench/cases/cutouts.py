"""Pictures of things that may move before a wall that must not, drawn by code: the mover's outline is known.

Flowers, leaves, lanterns and laundry before bricks, shingles and a lattice. Lengths in px of a picture 1600 wide.
"""

import numpy as np
from gid_dev.gid_core.files import colour

from onnx_export.scenes.clouds import texture

SIZE = (1600, 1000)


def pictures():
    """(name, float32 (H, W, 3) linear, the mover bool (H, W)) of each."""
    for seed, (name, wall, mover) in enumerate(
        (
            ("daisy before bricks", bricks, daisy),
            ("sunflower before a lattice", lattice, sunflower),
            ("tulips before shingles", shingles, tulips),
            ("leaves before bricks", bricks, leaves),
            ("lanterns before shingles", shingles, lanterns),
            ("laundry before bricks", bricks, laundry),
        )
    ):
        sheet = _Sheet(seed)
        wall(sheet)
        sheet.begin()
        mover(sheet)
        yield name, colour.decode_srgb(np.clip(sheet.picture, 0, 1)), sheet.cover > 0.5


class _Sheet:
    """A picture that is painted on, sRGB; `cover`: how much of each pixel was painted over since `begin`."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.y, self.x = (axis.astype(np.float32) for axis in np.mgrid[: SIZE[1], : SIZE[0]])
        self.picture = np.zeros((*self.y.shape, 3), np.float32)
        self.cover = np.zeros(self.y.shape, np.float32)
        self.grain = colour.encode_srgb(texture(*SIZE, seed=seed)) - 0.45

    def begin(self):
        self.cover[:] = 0
        self.grain = self.grain[::-1, ::-1]

    def paint(self, depth, paint, grain=0.3):
        """Where depth > 0, px inwards; paint: (3,) or (H, W, 3)."""
        alpha = np.clip(depth + 0.5, 0, 1).astype(np.float32)
        self.picture += alpha[..., None] * (np.asarray(paint, np.float32) + grain * self.grain - self.picture)
        np.maximum(self.cover, alpha, out=self.cover)

    def shade(self, paint, light):
        return np.asarray(paint, np.float32) * light[..., None]


def bricks(sheet):
    row = np.floor(sheet.y / 46)
    column = np.floor((sheet.x + 60 * (row % 2)) / 120)
    along = (sheet.x + 60 * (row % 2)) % 120
    inside = np.minimum.reduce([sheet.y - 46 * row, 46 - sheet.y + 46 * row, along, 120 - along])
    tone = 0.85 + 0.3 * sheet.rng.random((64, 64))[row.astype(int) % 64, column.astype(int) % 64]
    sheet.paint(np.full_like(sheet.x, 1), (0.62, 0.6, 0.57))
    sheet.paint(inside - 4, sheet.shade((0.55, 0.27, 0.2), tone), 0.5)


def shingles(sheet):
    sheet.paint(np.full_like(sheet.x, 1), (0.25, 0.25, 0.28))
    for row in range(-1, SIZE[1] // 60 + 1):
        top, shift = 60 * row, 45 * (row % 2)
        column = np.floor((sheet.x + shift) / 90)
        across = (sheet.x + shift) % 90 - 45
        depth = np.minimum(42 - abs(across), 84 - (across / 45) ** 2 * 26 - (sheet.y - top))
        depth = np.minimum(depth, sheet.y - top)
        tone = 0.75 + 0.35 * sheet.rng.random(32)[column.astype(int) % 32] - 0.003 * (sheet.y - top)
        sheet.paint(depth, sheet.shade((0.5, 0.5, 0.56), np.clip(tone, 0.2, 1.2)), 0.4)


def lattice(sheet):
    sheet.paint(np.full_like(sheet.x, 1), (0.2, 0.23, 0.2))
    for sign, tone in ((1, 0.8), (-1, 1.0)):
        across = (sheet.x + sign * sheet.y) / 2**0.5 % 70 - 35
        sheet.paint(13 - abs(across), sheet.shade((0.72, 0.68, 0.6), tone - 0.012 * abs(across)))


def daisy(sheet):
    _stem(sheet, 800, 430, 5)
    _blossom(sheet, (790, 420), 230, 17, (0.96, 0.95, 0.92), (0.92, 0.72, 0.12), 0.26)


def sunflower(sheet):
    _stem(sheet, 830, 450, 8)
    for side in (-1, 1):
        _leaf(sheet, (830 + side * 20, 820), np.pi / 2 - side * 1.2, 230, 80)
    _blossom(sheet, (820, 430), 260, 21, (0.95, 0.72, 0.08), (0.28, 0.17, 0.08), 0.4)


def tulips(sheet):
    for x, top, tint in ((520, 300, (0.85, 0.12, 0.2)), (820, 240, (0.95, 0.75, 0.15)), (1090, 340, (0.8, 0.2, 0.5))):
        _stem(sheet, x, top + 150, 6)
        _leaf(sheet, (x - 4, 940), -np.pi / 2 - 0.35, 420, 60)
        for angle in (-0.32, 0.32, 0.0):
            _leaf(sheet, (x, top + 190), -np.pi / 2 + angle, 230, 84, tint)


def leaves(sheet):
    _stem(sheet, 760, 120, 6)
    for index, y in enumerate(range(180, 900, 110)):
        for side in (-1, 1):
            _leaf(sheet, (760, y + 30 * side), -np.pi / 2 + side * 1.15, 330 - 18 * index, 105)


def lanterns(sheet):
    for x, y, radius, tint in (
        (420, 430, 120, (0.9, 0.2, 0.12)),
        (830, 520, 150, (0.95, 0.6, 0.15)),
        (1230, 400, 115, (0.85, 0.15, 0.25)),
    ):
        sheet.paint(np.minimum(2.5 - abs(sheet.x - x), y - sheet.y), (0.12, 0.1, 0.1))
        across, down = (sheet.x - x) / radius, (sheet.y - y) / (0.82 * radius)
        away = np.hypot(across, down)
        ribs = 0.9 + 0.12 * np.cos(9 * np.arcsin(np.clip(across / np.sqrt(np.maximum(1 - down**2, 0.02)), -1, 1)))
        sheet.paint((1 - away) * 0.82 * radius, sheet.shade(tint, ribs * (1.1 - 0.35 * away**2)), 0.15)
        for edge in (-0.84, 0.9):
            box = np.minimum(0.42 * radius - abs(sheet.x - x), 13 - abs(sheet.y - y - edge * 0.82 * radius))
            sheet.paint(box, (0.15, 0.1, 0.08), 0.15)
        sheet.paint(
            np.minimum(16 - abs(sheet.x - x), (sheet.y - y - 0.85 * radius) * (y + 1.7 * radius - sheet.y) / 60), tint
        )


def laundry(sheet):
    line = 210 + 26 * np.sin(sheet.x / 1600 * np.pi)
    sheet.paint(2.5 - abs(sheet.y - line), (0.85, 0.85, 0.8))
    for x, width, height, tint in (
        (260, 250, 430, (0.9, 0.9, 0.95)),
        (620, 330, 520, (0.25, 0.45, 0.75)),
        (1060, 280, 400, (0.92, 0.8, 0.35)),
    ):
        fold = 9 * np.sin((sheet.x - x) / 31) + 6 * np.sin((sheet.y + 2 * sheet.x) / 83)
        depth = np.minimum.reduce(
            [sheet.x - x - 0.4 * fold, x + width - sheet.x + 0.4 * fold, sheet.y - line, line + height + fold - sheet.y]
        )
        light = 0.88 + 0.1 * np.sin((sheet.x - x + 0.1 * sheet.y) / 31)
        sheet.paint(depth, sheet.shade(tint, light), 0.12)


def _stem(sheet, x, top, radius):
    across = sheet.x - x - 12 * np.sin((sheet.y - top) / 190)
    sheet.paint(np.minimum(radius - abs(across), sheet.y - top), sheet.shade((0.3, 0.48, 0.16), 1 - 0.06 * across), 0.2)


def _blossom(sheet, centre, radius, n_petals, petal, middle, inner):
    x, y = sheet.x - centre[0], sheet.y - centre[1]
    away, angle = np.hypot(x, y), np.arctan2(y, x)
    for layer, turn in ((0.72, 0.5), (1.0, 0.0)):
        phase = angle * n_petals / (2 * np.pi) + turn
        outline = radius * (1.08 - 0.08 * layer) * np.abs(np.cos(np.pi * phase)) ** 0.35
        light = layer * (0.82 + 0.18 * np.abs(np.cos(np.pi * phase)) - 0.1 * np.cos(5 * np.pi * phase) ** 2)
        sheet.paint(0.5 * (outline - away), sheet.shade(petal, light), 0.12)
    seeds = 0.85 + 0.25 * np.cos(away / 4) * np.cos(angle * 34)
    sheet.paint(inner * radius - away, sheet.shade(middle, seeds), 0.3)


def _leaf(sheet, root, angle, length, width, tint=(0.24, 0.47, 0.14)):
    x, y = sheet.x - root[0], sheet.y - root[1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    share = np.clip(along / length, 0, 1)
    outline = width * np.sin(np.pi * share**0.8) ** 0.9
    depth = np.where((along > 0) & (along < length), 0.8 * (outline / 2 * 1.0 - abs(across)), -9)
    veins = 0.92 + 0.1 * np.cos((along - abs(across)) / 9) - 0.16 * (abs(across) < 3)
    sheet.paint(depth, sheet.shade(tint, veins * np.where(across > 0, 1.1, 0.9)), 0.2)
