"""What moves in a synthetic scene: things that sway, hang, flutter and flicker.

Each painter takes a painting.Canvas. Amplitudes go by kind and size (px of a 256-wide frame), so that they can be
learned from the picture, see kinds.py.
"""

import itertools
import math

import numpy as np

from . import kinds, standing

__all__ = ["hung_mode", "line", "meadow", "moving_kinds", "thin_kinds"]

_W, _H = 256, 160


def moving_kinds(is_dark):
    """Painters of moving things and the odds of each."""
    painters = (plants, closeup, foliage, meadow, hanging, cloth, bunting, candles)
    odds = np.array([0.02, 0.02, 0.1, 0.02, 0.3, 0.02, 0.02, 0.5] if is_dark else [5, 3, 4, 2, 4, 4, 2, 3], float)
    return painters, odds / odds.sum()


def thin_kinds():
    """Painters of what no collection of photographs shows often: hung things, cloth, pennants, flames, brushes."""
    return (hanging, cloth, bunting, candles, standing.bristled), (0.16, 0.12, 0.06, 0.28, 0.38)


def _leaf(c, x, y, angle, length, width, colour, mode):
    u, v = math.cos(angle), math.sin(angle)
    outline = [(0, 0), (0.3, 0.5), (0.65, 0.42), (1, 0), (0.65, -0.42), (0.3, -0.5)]
    points = [(x + length * a * u - width * b * v, y + length * a * v + width * b * u) for a, b in outline]
    c.polygon(points, colour, mode)
    c.polygon(points[:4], np.asarray(colour) * 0.82, mode)


def hung_mode(c, name, x, y, h, f0):
    """Mode of a cloth that hangs from y."""
    r = c.rng
    return c.mode(
        amplitude=kinds.hung_px(h),
        f0=f0 * r.uniform(0.85, 1.2),
        zeta=0.3,
        direction=c.sway((0, 1)),
        object_id=name,
        origin=(x, y),
        along=(0, 1 / h),
        power=1.0,
        share=0.35,
        f1=r.uniform(1.2, 2.2),
    )


_PETALS = ((235, 200, 60), (225, 90, 130), (240, 240, 235), (200, 60, 50), (150, 90, 190), (240, 150, 60))


def plants(c):
    """Flowers and herbs: each bends from its root, by the square or so of the height."""
    r = c.rng
    scale, base = r.uniform(0.5, 1.4), r.uniform(_H * 0.7, _H * 1.15)
    centre, breadth, kind = r.uniform(0.1, 0.9) * _W, r.uniform(20, 160), r.integers(4)
    petal, green = c.jitter(_PETALS[r.integers(len(_PETALS))], 25), c.jitter((75, 125, 55), 28)
    f0, strength = r.uniform(0.6, 1.2), 1.4 * math.exp(r.normal(0, 0.12))
    for _ in range(r.integers(2, 13)):
        name, length = c.new_object(), r.uniform(45, 120) * scale
        root = np.array([centre + r.normal(0, breadth * 0.5), base + r.normal(0, 6)])
        lean, bend, parts = -math.pi / 2 + r.normal(0, 0.25), r.normal(0, 0.5), 9
        frequency, amplitude = f0 * r.uniform(0.85, 1.2) * (80 / length) ** 0.5, strength * length / 80
        spine = [root]
        for j in range(parts):
            angle = lean + bend * j / parts
            spine.append(spine[-1] + length / parts * np.array([math.cos(angle), math.sin(angle)]))
        shared = {"zeta": 0.08, "direction": c.sway(spine[-1] - root), "object_id": name, "anchor": tuple(root)}
        width, colour = r.uniform(1.2, 3.2) * scale, c.jitter(green, 10)
        for j in range(parts):
            reach = ((j + 0.5) / parts) ** 1.7
            mode = c.mode(amplitude=amplitude * reach, f0=frequency, share=0.15, **shared)
            a, b, w = spine[j], spine[j + 1], width * (1 - 0.5 * j / parts)
            c.polygon([(a[0] - w, a[1]), (a[0] + w, a[1]), (b[0] + w, b[1]), (b[0] - w, b[1])], colour, mode)
            if j > 0 and r.random() < 0.55:
                flutter = c.mode(
                    amplitude=amplitude * reach * 1.15 + 0.2, f0=frequency, f1=r.uniform(1.8, 3), share=0.6, **shared
                )
                size = r.uniform(12, 32) * scale
                _leaf(c, *b, r.uniform(-2.9, -0.2), size, size * 0.4, c.jitter(colour, 14), flutter)
        head = c.mode(amplitude=amplitude, f0=frequency, share=0.25, **shared)
        x, y, size = *spine[-1], r.uniform(6, 17) * scale
        if kind < 3:
            count, turn = (5, 9, 14)[kind], r.uniform(0, 6)
            for j in range(count):
                angle = turn + 2 * math.pi * j / count
                _leaf(c, x, y, angle, size * 1.5, size * (1.5, 0.9, 0.6)[kind], c.jitter(petal, 12), head)
            c.disc(x, y, 0.4 * size, 0.4 * size, c.jitter((150, 105, 40), 20), head)
        else:
            for _ in range(7):
                _leaf(c, x, y, r.uniform(-3.1, 0), size * 2.2, size * 0.6, c.jitter(colour, 16), head)


def closeup(c):
    """One blossom that fills the frame: a ring or a rose of petals, or a ball of seeds."""
    r = c.rng
    name, kind = c.new_object(), r.integers(3)
    x, y, size = r.uniform(0.25, 0.75) * _W, r.uniform(0.25, 0.7) * _H, r.uniform(35, 95)
    petal, root = c.jitter(_PETALS[r.integers(len(_PETALS))], 25), (x + r.normal(0, 20), _H + 60)
    amplitude = r.uniform(1.4, 1.8) * (60 / size) ** 0.3
    shared = {"f0": r.uniform(0.6, 1.4), "zeta": 0.1, "direction": c.sway((x - root[0], y - root[1]))}
    shared.update(object_id=name, anchor=root, origin=root, along=((x - root[0]) / 1e4, 1 / (y - root[1])), power=0.8)
    body = c.mode(amplitude=amplitude, share=0.2, **shared)
    edge = c.mode(amplitude=amplitude * 1.15, share=0.5, f1=r.uniform(1.6, 3), **shared)
    c.polygon([(x - 3, y), (x + 3, y), (root[0] + 4, _H + 5), (root[0] - 4, _H + 5)], c.jitter((75, 120, 55)), body)
    rings = (1, 5, 2)[kind]
    for ring in range(rings):
        reach, count, turn = size * (1 - 0.75 * ring / rings), r.integers(6, 18), r.uniform(0, 6)
        for j in range(count):
            colour, angle = c.jitter(petal * (1 - 0.06 * ring), 12), turn + 2 * math.pi * j / count
            _leaf(c, x, y, angle, reach, reach * (0.5, 0.9, 0.2)[kind], colour, edge if ring == 0 else body)
    if kind == 2:
        for _ in range(150):
            a, q = r.uniform(0, 2 * math.pi), size * 0.8 * math.sqrt(r.random())
            grain = c.jitter((225, 225, 220), 20)
            c.disc(x + q * math.cos(a), y + q * math.sin(a), 2.5, 2.5, grain, edge)
    elif r.random() < 0.7:
        c.disc(x, y, size * 0.22, size * 0.22, c.jitter((170, 130, 50), 30), body)


def foliage(c):
    """A tree or a bush: clumps that follow the gust as it passes, more towards the top; leaves that flutter."""
    r = c.rng
    x, y, size = r.uniform(0, _W), r.uniform(0, _H * 0.55), r.uniform(35, 95)
    foot = min(_H, y + 2.2 * size)
    f0, strength = r.uniform(0.5, 1.1), r.uniform(0.9, 1.15)
    colour = c.jitter([(60, 105, 45), (105, 125, 50), (150, 110, 45), (225, 170, 190)][r.integers(4)], 22)
    if r.random() < 0.6:
        c.polygon([(x - 4, y), (x + 4, y), (x + 7, _H), (x - 7, _H)], c.jitter((85, 65, 50), 15))
    name = c.new_object()
    for _ in range(7):
        bx, by, radius = x + r.normal(0, size * 0.45), y + r.normal(0, size * 0.35), size * r.uniform(0.3, 0.6)
        sway = {"f0": f0 * r.uniform(0.85, 1.2), "zeta": 0.25, "direction": c.sway((0, -1)), "object_id": name}
        sway.update(origin=(x, foot), along=(0, -1 / (foot - y + size)), power=0.7)
        modes = [
            c.mode(amplitude=strength * r.uniform(0.93, 1.07), share=share, f1=r.uniform(1.8, 3.1), **sway)
            for share in (0.3, 0.7)
        ]
        for _ in range(60):
            a, q, length = r.uniform(0, 2 * math.pi), radius * math.sqrt(r.random()), r.uniform(7, 15)
            u, v = bx + q * math.cos(a), by + q * math.sin(a)
            lit = 0.65 + 0.5 * (1 - (v - by + radius) / (2 * radius + 1))
            mode = modes[int(r.random() < 0.4)]
            _leaf(c, u, v, r.uniform(0, 2 * math.pi), length, length * 0.55, c.jitter(colour, 22) * lit, mode)


def meadow(c, horizon=None, length=None):
    """Grass or corn: blades that bend from the ground, the gust travelling over them. Long blades move farther."""
    r = c.rng
    name, length = c.new_object(), length or r.uniform(10, 32)
    horizon = r.uniform(_H * 0.4, _H * 0.9) if horizon is None else horizon
    f0, strength = r.uniform(0.8, 1.8), 0.7 * (length / 22) ** 0.6
    colour, has_ears = c.jitter([(80, 125, 50), (175, 155, 80), (120, 135, 60)][r.integers(3)], 22), r.random() < 0.3
    for y in np.sort(horizon + (_H + 10 - horizon) * r.random(320) ** 0.8):  # near blades hide the feet of far ones
        x = r.uniform(-5, _W + 5)
        blade = length * r.uniform(0.6, 1.3) * (0.5 + (y - horizon) / (_H - horizon + 1))
        lean = r.normal(0, 0.2)
        mode = c.mode(
            amplitude=strength * (blade / length),
            f0=f0,
            zeta=0.2,
            direction=c.sway((lean, -1)),
            object_id=name,
            origin=(x, y),
            along=(lean / blade, -1 / blade),
            power=1.2,
            share=0.3,
        )
        c.polygon([(x - 1.5, y), (x + 1.5, y), (x + lean * blade, y - blade)], c.jitter(colour, 20), mode)
        if has_ears:
            c.disc(x + lean * blade, y - blade, 1.5, 3.5, c.jitter(colour * 1.15, 15), mode)


def hanging(c):
    """Lanterns, bells, baubles on a cord: a few near ones, or strings of many small ones over the picture."""
    r = c.rng
    paper = ((200, 40, 40), (235, 120, 40), (240, 225, 190), (230, 190, 60))
    colour = c.jitter(paper[r.integers(len(paper))] if r.random() < 0.4 else r.uniform(60, 240, 3), 10)
    if r.random() < 0.55:
        for _ in range(r.integers(1, 8)):
            _lantern(c, r.uniform(10, _W - 10), r.uniform(-10, 50), r.uniform(3, 60), r.uniform(6, 24), colour)
        return
    size = math.exp(r.uniform(math.log(2.5), math.log(8)))
    for _ in range(r.integers(2, 7)):
        height = _sagging(r.uniform(-20, 110), r.uniform(-20, 110), r.uniform(2, 30))
        x0, x1 = (0, _W) if r.random() < 0.7 else np.sort(r.uniform(0, _W, 2))
        _cord(c, np.linspace(x0, x1, 12), height, (60, 58, 56))
        for x in np.arange(x0 + r.uniform(2, 12), x1, size * r.uniform(2.3, 7)):
            _lantern(c, x, height(x), r.uniform(0, 1.5) * size, size * r.uniform(0.85, 1.15), colour)


def _lantern(c, x, y, cord, size, colour):
    """A pendulum that hangs from (x, y)."""
    r = c.rng
    total = cord + 2.2 * size
    mode = c.mode(
        amplitude=1.2 * (max(total, 25) / 70) ** 0.5,  # a string of small ones sways as a whole
        f0=r.uniform(0.6, 0.9) * (70 / max(total, 25)) ** 0.5,
        zeta=0.05,
        direction=c.sway((0, 1)),
        object_id=c.new_object(),
        anchor=(x, y),
        origin=(x, y),
        along=(0, 1 / total),
        power=0.8,
    )
    if cord > 1:
        c.box(x - 0.8, y, x + 0.8, y + cord, (60, 55, 50), mode)
    tall, shade = r.uniform(0.8, 1.5), c.jitter(colour, 20)
    middle = y + cord + size * tall
    c.disc(x, middle, size, size * tall, shade, mode)
    c.disc(x, middle, size * 0.5, size * tall, shade + 25, mode)
    for s in range(1, r.integers(1, 6) if size > 5 else 1):
        level = middle + size * tall * (2 * s / 6 - 1)
        c.box(x - size * 0.8, level, x + size * 0.8, level + 0.8, shade * 0.8, mode)
    if c.darkness < 0.9:
        c.glow(x, middle, size * 2.5, shade * 0.8)


def line(c):
    """A washing line over the picture; callable: its height (px) at x."""
    r = c.rng
    height = _sagging(r.uniform(0, 65), r.uniform(0, 65), r.uniform(0, 12))
    _cord(c, np.linspace(0, _W, 9), height, c.jitter((70, 68, 66), 40))
    return height


def _sagging(left, right, sag):
    """A cord between two heights at the picture's sides (px); callable: its height at x."""

    def height(x):
        part = x / _W
        return left + (right - left) * part + 4 * sag * part * (1 - part)

    return height


def _cord(c, xs, height, colour):
    for a, b in itertools.pairwise(xs):
        y0, y1 = height(a), height(b)
        c.polygon([(a, y0 - 0.7), (b, y1 - 0.7), (b, y1 + 0.7), (a, y0 + 0.7)], colour)


# outlines in a unit box, the line at 0
_GARMENTS = (
    (
        (0.25, 0),
        (0.75, 0),
        (1, 0.3),
        (0.87, 0.42),
        (0.75, 0.3),
        (0.75, 1),
        (0.25, 1),
        (0.25, 0.3),
        (0.13, 0.42),
        (0, 0.3),
    ),
    ((0.2, 0), (0.8, 0), (0.9, 1), (0.6, 1), (0.5, 0.3), (0.4, 1), (0.1, 1)),
    ((0.3, 0), (0.65, 0), (0.65, 0.7), (1, 0.85), (1, 1), (0.35, 1), (0.3, 0.75)),
    (
        *((0.35, 0), (0.7, 0), (0.76, 0.3), (1, 0.45), (0.95, 0.54), (0.78, 0.5), (0.82, 0.93), (0.72, 0.95)),
        *((0.66, 0.6), (0.6, 1), (0.5, 1), (0.49, 0.6), (0.42, 0.97), (0.33, 0.95), (0.34, 0.55), (0.24, 0.85)),
        *((0.15, 0.8), (0.22, 0.4), (0.28, 0.25)),
    ),
)


def cloth(c):
    """Laundry on lines, pinned at the top: sheets, shirts, trousers, socks, gloves; near and few, or far and many."""
    r = c.rng
    scale, f0 = math.exp(r.uniform(math.log(0.28), math.log(1.25))), r.uniform(0.45, 0.8)
    is_alike, first = r.random() < 0.3, c.jitter(r.uniform(60, 250, 3), 8)
    shape = r.integers(len(_GARMENTS))
    for _ in range(1 if scale > 0.7 else r.integers(1, 4)):
        pegged, x = line(c), r.uniform(-10, 60)
        while x < min(_W - 8, r.uniform(150, 500)):
            name, w, h = c.new_object(), r.uniform(20, 70) * scale, r.uniform(35, 100) * scale
            colour = c.jitter(first, 6) if is_alike else c.jitter(r.uniform(50, 250, 3), 8)
            y = pegged(x + w / 2)
            mode = hung_mode(c, name, x, y, h, f0)
            if is_alike or r.random() < 0.6:
                outline = _GARMENTS[shape if is_alike else r.integers(len(_GARMENTS))]
                side = r.integers(2)
                c.polygon([(x + w * (1 - u if side else u), y + h * v) for u, v in outline], colour, mode)
                for fold in r.uniform(0.32, 0.66, r.integers(0, 4)):
                    a, depth = x + w * fold, r.uniform(0.4, 0.6)
                    c.box(a, y + 0.05 * h, a + 0.06 * w, y + depth * h, colour * r.uniform(0.8, 1.1), mode)
            else:
                _sheet(c, x, y, w, h, colour, mode)
            if r.random() < 0.5:
                pin = c.jitter(r.uniform(40, 230, 3), 10)
                for at in (0.4, 0.6) if w > 20 else (0.5,):
                    c.box(x + at * w - 1.3 * scale, y - 4 * scale, x + at * w + 1.3 * scale, y + 5 * scale, pin)
            x += w + r.uniform(2, 50) * scale


def _sheet(c, x, y, w, h, colour, mode):
    r = c.rng
    waves, turn = r.uniform(2, 5), r.uniform(0, 6)
    for j in range(10):
        a, b, fold = x + w * j / 10, x + w * (j + 1) / 10, 22 * math.sin(waves * j / 10 * 6.28 + turn)
        hem = y + h + 0.03 * h * math.sin(waves * j + turn)
        c.polygon([(a, y), (b, y), (b, hem), (a, hem)], colour + fold, mode)


def bunting(c):
    """Pennants on a string that sags."""
    r = c.rng
    y, sag, size, f0 = r.uniform(0, 70), r.uniform(0, 30), r.uniform(7, 22), r.uniform(0.7, 1.4)
    step = size * r.uniform(1, 1.7)
    for x in np.arange(r.uniform(-10, 5), _W, step):
        name, top = c.new_object(), y + sag * math.sin(math.pi * x / _W)
        mode = c.mode(
            amplitude=1.1 * (size / 14) ** 0.5,
            f0=f0 * r.uniform(0.9, 1.1),
            zeta=0.25,
            direction=c.sway((0, 1)),
            object_id=name,
            anchor=(x, top),
            origin=(x, top - 2),
            along=(0, 1 / (size * 1.5)),
            power=0.8,
            share=0.4,
        )
        shade = c.jitter(r.uniform(60, 250, 3), 10)
        c.polygon([(x - size / 2, top), (x + size / 2, top), (x, top + size * 1.5)], shade, mode)
        c.box(x - step / 2, top - 0.7, x + step / 2, top + 0.7, (80, 78, 75))


def candles(c):
    """Candles and torches: a flame that tapers and flickers over a still body, and its halo in the dark."""
    r = c.rng
    wax, closeness = c.jitter((225, 215, 190), 25), math.exp(r.uniform(math.log(0.4), math.log(2.4)))
    for _ in range(r.integers(1, 6)):
        name, x, y = c.new_object(), r.uniform(15, _W - 15), r.uniform(60, _H - 10)
        h, w = r.uniform(12, 30) * closeness, r.uniform(4, 8) * closeness
        if r.random() < 0.5:  # a tea light, lit from inside
            lit, cup = np.array([205, 130, 45]) * r.uniform(0.6, 1.1) / max(c.darkness, 0.35), w * r.uniform(3, 5)
            rim, tilt = (
                y + r.uniform(-0.4, 1) * w,
                r.uniform(0.2, 0.5),
            )  # seen from above the flame stands before its wax
            c.box(x - cup, rim, x + cup, rim + w * r.uniform(2, 4), lit * 0.45)
            c.disc(x, rim, cup, cup * tilt, lit)
        else:
            c.box(x - w * 1.6, y + 3, x + w * 1.6, _H, wax)
        thick, bend = max(0.8, 0.15 * w), r.normal(0, 0.25) * w
        for part in np.linspace(0, 1, 5):  # a wick that curls
            top = y + 4 - part * (4 + r.uniform(0.1, 0.4) * h)
            c.disc(x + bend * part**2, top, thick, max(thick, 0.06 * h), (40, 35, 30))
        mode = c.mode(
            amplitude=kinds.flame_px(h),
            f0=r.uniform(1.6, 3),
            zeta=0.6,
            direction=c.sway((0, -1)),
            object_id=name,
            anchor=(x, y),
            origin=(x, y + 2),
            along=(0, -1 / h),
            power=0.5,  # all of a flame flickers but its foot
        )
        c.reserve(x, y - 0.55 * h, 0.95 * w, 0.7 * h, mode)
        pale, full = r.uniform(0, 1), r.uniform(0, 1)
        foot, clear, soft = r.uniform(0.2, 1), r.uniform(0.05, 0.6) * h, r.uniform(0, 0.25) * w
        for part, colour in ((1, (250, 150, 40)), (0.75, (255, 215, 110)), (0.45, (255, 250, 225))):
            colour = np.asarray(colour) * (1 - pale) + np.array([255, 246, 225]) * pale
            side = [
                (foot * 0.7, 0),
                (0.7 + 0.2 * full, 0.25),
                (0.6 + 0.3 * full, 0.5),
                (0.3 + 0.3 * full, 0.78),
                (0, 1),
            ]
            outline = [(x - w * u * part, y - h * v * part) for u, v in side]
            outline += [(x + w * u * part, y - h * v * part) for u, v in side[-2::-1]]
            c.flame(outline, colour, mode, clear, soft)
        if c.darkness < 0.9:
            c.glow(x, y - h * 0.4, h * r.uniform(1.2, 2.2), (230, 150, 60))
            c.glow(x, y - h * 0.4, h * 0.6, (255, 225, 150))
