"""Walls that fill a picture: as regular as leaves and petals, and built. Things move before them, they never do.

Each painter takes a painting.Canvas and covers it; lengths are in px of the 256-px frame.
"""

import math

import numpy as np

__all__ = ["wall"]

_W, _H = 256, 160
_MARGIN = 80  # px beyond the frame that are painted, so that a turned wall has no corner


def wall(c):
    """One wall, sometimes written on, in light from one side."""
    kinds = (_bricks, _bricks, _shingles, _lattice, _lattice, _planks, _tiles, _netting, _ironwork)
    kinds[c.rng.integers(len(kinds))](c)
    if c.rng.random() < 0.2:
        _graffiti(c)


def _turned(c, spread):
    """A function that carries points about the middle of the frame by a small random turn."""
    turn = c.rng.normal(0, spread)
    u, v = math.cos(turn), math.sin(turn)

    def at(points):
        return [
            (_W / 2 + (x - _W / 2) * u - (y - _H / 2) * v, _H / 2 + (x - _W / 2) * v + (y - _H / 2) * u)
            for x, y in points
        ]

    return at


def _ground(c, colour):
    c.box(0, 0, _W, _H, colour)


def _log_uniform(r, low, high):
    return math.exp(r.uniform(math.log(low), math.log(high)))


def _cells(width, height, shift):
    """(left, top) of a running bond over the frame and its margin."""
    for row in range(-math.ceil(_MARGIN / height), math.ceil((_H + _MARGIN) / height)):
        start = -_MARGIN - (row % 2) * shift * width
        for column in range(math.ceil((_W + 2 * _MARGIN) / width) + 1):
            yield start + column * width, row * height


def _bricks(c):
    r = c.rng
    height = _log_uniform(r, 4, 16)
    width, joint = height * r.uniform(1.8, 3.2), height * r.uniform(0.06, 0.18)
    colours = ((150, 75, 55), (175, 150, 125), (120, 115, 112), (205, 195, 185))
    colour, at, spread = c.jitter(colours[r.integers(4)], 25), _turned(c, 0.05), r.uniform(4, 22)
    _ground(c, c.jitter((165, 160, 152), 35))
    for x, y in _cells(width, height, 0.5):
        x1, y1 = x + width - joint, y + height - joint
        c.polygon(at([(x, y), (x1, y), (x1, y1), (x, y1)]), c.jitter(colour, spread))
        lit = c.jitter(colour * 1.1, spread)
        c.polygon(at([(x, y), (x1, y), (x1, y + 0.3 * height), (x, y + 0.2 * height)]), lit)


def _shingles(c):
    r = c.rng
    width = _log_uniform(r, 6, 26)
    height, depth = width * r.uniform(0.5, 0.9), r.uniform(0, 0.5)
    colour, at, spread = (
        c.jitter(r.uniform(50, 170) * np.array([1, 0.95, 0.95]), 25),
        _turned(c, 0.04),
        r.uniform(4, 18),
    )
    _ground(c, colour * 0.5)
    for x, y in _cells(width, height, 0.5):
        a, b, foot = x + 0.04 * width, x + 0.96 * width, y + 1.25 * height
        round_foot = [(b, foot - depth * height), ((a + b) / 2, foot), (a, foot - depth * height)]
        shade = c.jitter(colour, spread)
        c.polygon(at([(a, y), (b, y), *round_foot]), shade * 0.75)
        c.polygon(at([(a, y), (b, y), (b, foot - (depth + 0.3) * height), (a, foot - (depth + 0.3) * height)]), shade)


def _lattice(c):
    """Laths crossing on the slant or upright, dark or a garden's green behind them."""
    r = c.rng
    step = _log_uniform(r, 6, 24)
    half, colour = step * r.uniform(0.1, 0.27), c.jitter(r.uniform(60, 230) * np.array([1, 0.96, 0.9]), 20)
    _ground(c, c.jitter(((35, 40, 36), (70, 100, 60), (150, 165, 175))[r.integers(3)], 25))
    first = (math.pi / 4 if r.random() < 0.7 else 0) + r.normal(0, 0.03)
    for angle, tone in ((first, 0.85), (first + math.pi / 2, 1.0)):
        _laths(c, angle, step, half, colour * tone, 6)


def _laths(c, angle, step, half, colour, spread):
    """Parallel bars over the whole frame."""
    u, v = math.cos(angle), math.sin(angle)
    reach = math.hypot(_W, _H)
    for offset in np.arange(-reach, reach, step):
        x, y = _W / 2 - v * offset, _H / 2 + u * offset
        a, b = (x - reach * u, y - reach * v), (x + reach * u, y + reach * v)
        for low, high, light in ((-half, half, 0.85), (-half, 0.5 * half, 1.0)):
            side = [(p[0] - v * w, p[1] + u * w) for p, w in ((a, low), (b, low), (b, high), (a, high))]
            c.polygon(side, c.jitter(colour * light, spread))


def _planks(c):
    """A fence, a boarded wall or blinds."""
    r = c.rng
    step, colour = (
        _log_uniform(r, 5, 30),
        c.jitter(((140, 105, 75), (200, 195, 185), (90, 100, 105))[r.integers(3)], 30),
    )
    _ground(c, colour * r.uniform(0.2, 0.7))
    angle = (0 if r.random() < 0.4 else math.pi / 2) + r.normal(0, 0.02)
    _laths(c, angle, step, step * r.uniform(0.3, 0.48), colour, 16)


def _tiles(c):
    r = c.rng
    size, gap = _log_uniform(r, 6, 32), r.uniform(0.03, 0.1)
    colours, at = [c.jitter(r.uniform(50, 235, 3), 10) for _ in range(r.integers(1, 4))], _turned(c, 0.4)
    _ground(c, c.jitter((200, 198, 192), 30))
    for x, y in _cells(size, size, 0):
        x1, y1, colour = x + size * (1 - gap), y + size * (1 - gap), colours[r.integers(len(colours))]
        c.polygon(at([(x, y), (x1, y), (x1, y1), (x, y1)]), c.jitter(colour, 8))
        if len(colours) > 1:  # a pattern of petals, as painted tiles have
            x, y = (x + x1) / 2, (y + y1) / 2
            for turn in np.arange(4) * math.pi / 2:
                a, b = 0.4 * size * math.cos(turn), 0.4 * size * math.sin(turn)
                petal = [(x, y), (x + 0.5 * a - 0.2 * b, y + 0.5 * b + 0.2 * a), (x + a, y + b)]
                c.polygon(at([*petal, (x + 0.5 * a + 0.2 * b, y + 0.5 * b - 0.2 * a)]), c.jitter(colours[-1], 8))


def _netting(c):
    """Wire netting: thin lines on the slant."""
    r = c.rng
    step = _log_uniform(r, 4, 14)
    _ground(c, c.jitter(((60, 80, 50), (120, 120, 118), (190, 205, 220))[r.integers(3)], 25))
    for angle in (math.pi / 4, -math.pi / 4):
        _laths(c, angle, step, r.uniform(0.25, 0.6), c.jitter((150, 152, 150), 30), 6)


def _ironwork(c):
    """Railings with rings and spirals that look like tendrils."""
    r = c.rng
    _ground(c, c.jitter(((205, 195, 180), (110, 120, 100), (70, 75, 85))[r.integers(3)], 25))
    iron, step = c.jitter((45, 45, 48), 15), _log_uniform(r, 8, 26)
    _laths(c, math.pi / 2, step, step * r.uniform(0.05, 0.12), iron, 4)
    for y in np.arange(r.uniform(0, step), _H, step * r.uniform(1.2, 3)):
        for x in np.arange(-step, _W + step, step):
            turns = np.linspace(0, r.uniform(1.2, 2.2) * 2 * math.pi, 28)
            radius, wide = step * 0.42 * (1 - turns / turns[-1] * 0.75), 0.06 * step
            for sign in (-1, 1):
                outer, inner = (
                    [
                        (x + (q + w) * math.cos(t), y + sign * (q + w) * math.sin(t))
                        for t, q in zip(turns, radius, strict=True)
                    ]
                    for w in (wide, -wide)
                )
                c.polygon([*outer, *inner[::-1]], iron)


def _graffiti(c):
    """Bright letters and flowers that are paint: flat, with the joints of the wall hidden."""
    r = c.rng
    for _ in range(r.integers(1, 4)):
        text = "".join(r.choice(list("ABEHKMRSTWXZ2345678"), r.integers(2, 6)))
        x, y, size, colour = (
            r.uniform(-10, 160),
            r.uniform(0, 110),
            r.uniform(18, 60),
            c.jitter(r.uniform(0, 255, 3), 10),
        )
        c.text(x + 0.05 * size, y + 0.05 * size, text, size, colour * 0.3)
        c.text(x, y, text, size, colour)
    if r.random() < 0.5:
        x, y, size, petal = (
            r.uniform(20, 230),
            r.uniform(20, 140),
            r.uniform(8, 30),
            c.jitter(r.uniform(60, 255, 3), 10),
        )
        for turn in np.arange(6) * math.pi / 3:
            c.disc(x + 0.7 * size * math.cos(turn), y + 0.7 * size * math.sin(turn), 0.45 * size, 0.45 * size, petal)
        c.disc(x, y, 0.4 * size, 0.4 * size, 255 - petal)
