"""What stands in a synthetic scene: backdrops, and things that look as if they might move but must not."""

import math
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

__all__ = ["bristled", "ground", "standing"]

_W, _H = 256, 160


def ground(c):
    """A backdrop: two colours and noise of all sizes."""
    r = c.rng
    pairs = [
        ((120, 170, 225), (205, 222, 240)),
        ((60, 80, 50), (90, 110, 70)),
        ((190, 180, 165), (150, 140, 125)),
        ((30, 30, 34), (70, 66, 60)),
    ]
    top, bottom = (c.jitter(p, 30) for p in pairs[r.integers(len(pairs))])
    width, height = c.colour.size
    ramp = np.linspace(0, 1, height)[:, None, None] * np.ones((1, width, 1))
    noise = 0
    for level in range(2, 8):
        grains = Image.fromarray(r.normal(0, 1, (2**level, 2**level)).astype("f"))
        noise = noise + np.asarray(grains.resize((width, height), 3)) * 0.6**level
    pixels = top * (1 - ramp) + bottom * ramp + noise[..., None] * r.uniform(3, 28)
    c.colour.paste(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)))


def standing(c):
    """One thing that never moves."""
    kinds = (_house, _rocks, _pole, _floor, _crate, _bristles, _brushes, _fruit, _window, _stripes, _letters)
    if c.photographs and c.rng.random() < 0.3:
        _patch(c)
    else:
        kinds[c.rng.integers(len(kinds))](c)


def _patch(c):
    """A piece of a photograph in which nothing moves: that something was pasted does not make it move."""
    r = c.rng
    photograph, size = c.photographs[r.integers(len(c.photographs))], math.exp(r.uniform(math.log(18), math.log(110)))
    w, h = size * r.uniform(0.6, 1.6), size
    part = min(photograph.size) * r.uniform(0.2, 0.7)
    x, y = r.uniform(0, photograph.width - part), r.uniform(0, photograph.height - part)
    piece = photograph.resize((200, 200), box=(x, y, x + part, y + part))
    turn, alpha = np.sort(r.uniform(0, 2 * math.pi, r.integers(4, 16))), Image.new("L", piece.size, 0)
    rim = [
        (100 + 98 * q * math.cos(a), 100 + 98 * q * math.sin(a))
        for a, q in zip(turn, r.uniform(0.6, 1, len(turn)), strict=True)
    ]
    ImageDraw.Draw(alpha).polygon(rim, fill=255)
    piece.putalpha(alpha.filter(ImageFilter.GaussianBlur(1)))
    c.sprite(piece, r.uniform(-0.2, 0.9) * _W, r.uniform(-0.2, 0.9) * _H, w, h, 0)


def _house(c):
    r = c.rng
    x, width, y = r.uniform(-20, _W - 40), r.uniform(40, 120), r.uniform(10, 80)
    c.box(x, y, x + width, _H, c.jitter((165, 145, 125), 40))
    if r.random() < 0.6:
        c.polygon([(x - 6, y), (x + width / 2, y - r.uniform(10, 35)), (x + width + 6, y)], c.jitter((120, 60, 50), 30))
    columns, rows = r.integers(2, 6), r.integers(2, 5)
    for i in range(columns):
        for j in range(rows):
            a, b = x + width * (i + 0.25) / columns, y + (_H - y) * (j + 0.2) / rows
            c.box(a, b, a + width / columns * 0.5, b + 12, c.jitter((70, 85, 105), 20))


def _rocks(c):
    r = c.rng
    for _ in range(r.integers(1, 6)):
        x, y, size, grey = r.uniform(0, _W), r.uniform(_H * 0.55, _H), r.uniform(8, 40), c.jitter((125, 120, 115), 25)
        corners = [
            (x + size * math.cos(a) * r.uniform(0.7, 1.2), y + size * 0.7 * math.sin(a) * r.uniform(0.7, 1.2))
            for a in np.sort(r.uniform(0, 2 * math.pi, 9))
        ]
        c.polygon(corners, grey)
        c.polygon([((x + u) / 2, (y + v) / 2 - size * 0.15) for u, v in corners], grey + 18)


def _pole(c):
    x, width = c.rng.uniform(0, _W), c.rng.uniform(2, 14)
    c.box(x, 0, x + width, _H, c.jitter((95, 75, 60), 30))


def _floor(c):
    y = c.rng.uniform(_H * 0.6, _H * 0.92)
    left, right = y + c.rng.normal(0, 5), y + c.rng.normal(0, 5)
    c.polygon([(0, left), (_W, right), (_W, _H), (0, _H)], c.jitter((125, 115, 95), 35))


def _crate(c):
    r = c.rng
    x, y, w, h = r.uniform(0, _W), r.uniform(0, _H), r.uniform(15, 70), r.uniform(15, 60)
    colour = c.jitter(r.uniform(30, 220, 3), 15)
    c.box(x, y, x + w, y + h, colour)
    c.polygon([(x, y), (x + w, y), (x + w * 1.15, y - 6), (x + w * 0.15, y - 6)], colour + 25)


def bristled(c):
    """Brushes and brooms, and nothing that moves."""
    for _ in range(c.rng.integers(1, 4)):
        (_brushes if c.rng.random() < 0.8 else _bristles)(c)


def _bristles(c):
    """Brushes and brooms: as thin and many as grass, but stiff."""
    r = c.rng
    for _ in range(r.integers(1, 5)):
        x, y, angle = r.uniform(0, _W), r.uniform(20, _H), r.uniform(-3.1, 3.1)
        length, width, hair = r.uniform(20, 50), r.uniform(8, 30), c.jitter(r.uniform(20, 230, 3), 10)
        u, v = math.cos(angle), math.sin(angle)
        for _ in range(40):
            s = r.uniform(-0.5, 0.5) * width
            a, b = x - s * v, y + s * u
            tip = (a + length * u + r.normal(0, 1), b + length * v + r.normal(0, 1))
            c.polygon([(a - 0.8, b), (a + 0.8, b), tip], c.jitter(hair, 14))
        handle = [(-0.6 * width, 0), (0.6 * width, 0), (0.25 * width, -2 * length), (-0.25 * width, -2 * length)]
        c.polygon([(x - s * v + t * u, y + s * u + t * v) for s, t in handle], c.jitter(r.uniform(40, 220, 3), 10))


def _brushes(c):
    """Painters' brushes, in a bundle or a row, up to heads that fill the picture; dipped in bright paint or bare."""
    r = c.rng
    size, lean, many = math.exp(r.uniform(0, 2.1)), r.uniform(-3.1, 3.1), r.integers(2, 9)
    if r.random() < 0.5:
        lean = -math.pi / 2 + r.normal(0, 0.2)  # most stand in a pot, heads up
    x0, y0, reach, is_fan = r.uniform(0, _W), r.uniform(0, _H), r.uniform(10, 40) * size, r.random() < 0.5
    fur, is_dipped, light = r.uniform(20, 230, 3), r.random() < 0.5, r.uniform(-1, 1)
    for i in range(many):
        angle = lean + (r.normal(0, 0.25) if is_fan else r.normal(0, 0.05))
        along = (i / many - 0.5) * reach * (1 if is_fan else 2.5)
        x, y = x0 - along * math.sin(lean) + r.normal(0, 3), y0 + along * math.cos(lean) + r.normal(0, 3)
        hair = 235 * r.dirichlet((0.4, 0.4, 0.4)) ** 0.5 if is_dipped else c.jitter(fur, 60 if is_fan else 15)
        _brush(c, (x, y, angle), size * r.uniform(12, 30), size * r.uniform(2.5, 8), hair, light)


def _brush(c, at, length, half, hair, light):
    """Hairs in clumps, lit from one side, in a band of metal on a handle.

    at: px of the middle of the band's rim, and the angle of the hairs; light: on its right side less that on its left.
    """
    r, (x, y, angle) = c.rng, at
    u, v, tip, dome = math.cos(angle), math.sin(angle), r.uniform(0, 1.1), r.uniform(0, 0.5)

    def seen(s, t):  # s half widths across, t px along
        return x - s * half * v + t * u, y + s * half * u + t * v

    def lit(s):
        return 0.75 + 0.35 * light * s - 0.3 * s * s

    c.polygon([seen(-1, 0), seen(1, 0), seen(tip, length * 0.9), seen(-tip, length * 0.9)], hair * 0.6)
    clumps, bend = r.normal(0, 0.08, 12), r.normal(0, 0.15)
    for s in r.permutation(np.linspace(-1, 1, round(30 + 6 * half))):
        clump = clumps[int((s + 1) * 5.9)]
        ends = s * tip + clump + r.normal(0, 0.03) + bend
        far = length * (1 - dome * s * s) * r.uniform(0.8, 1.05)
        shade = c.jitter(hair * lit(s) * r.uniform(0.7, 1.25), 14) + 60 * (r.random() < 0.06)
        wide, middle = r.uniform(0.3, 1.2) / half, (s + ends) / 2 - bend * 0.25 + r.normal(0, 0.02)
        side = [seen(s - wide, 0), seen(s + wide, 0), seen(middle + wide, far / 2), seen(ends, far)]
        c.polygon([*side, seen(middle - wide, far / 2)], shade)
    metal, wood = c.jitter((190, 185, 175), 40), c.jitter(r.uniform(20, 230, 3), 10)
    edges = np.linspace(-1, 1, 7)
    for left, right in pairwise(edges):  # facets round the band and the handle
        shine = lit((left + right) / 2)
        band = [seen(left * 1.05, 0), seen(right * 1.05, 0), seen(0.7 * right, -length), seen(0.7 * left, -length)]
        c.polygon(band, metal * shine)
        ends = -length, -4 * length
        handle = [seen(0.6 * left, ends[0]), seen(0.6 * right, ends[0]), seen(0.2 * right, ends[1])]
        c.polygon([*handle, seen(0.2 * left, ends[1])], wood * shine)


def _stripes(c):
    """Railings, blinds, lattices, spokes: many parallel members that look like stems and never move."""
    r = c.rng
    x, y = r.uniform(-20, _W * 0.7), r.uniform(-20, _H * 0.8)
    count, step, length = r.integers(6, 36), r.uniform(2.5, 9), r.uniform(15, 110)
    colour, lean, is_level = c.jitter(r.uniform(20, 230, 3), 10), r.normal(0, 5), r.random() < 0.3
    for i in range(count):
        shade, at, half = colour + r.normal(0, 9), i * step, step * r.uniform(0.2, 0.35)
        side = [(at - half, 0), (at + half, 0), (at + half + lean, length), (at - half + lean, length)]
        c.polygon([(x + v, y + u) if is_level else (x + u, y + v) for u, v in side], shade)


def _letters(c):
    r = c.rng
    text = "".join(r.choice(list("ABEHKMRSTWXZ2345678"), r.integers(2, 7)))
    c.text(r.uniform(0, _W * 0.7), r.uniform(0, _H * 0.8), text, r.uniform(10, 50), c.jitter(r.uniform(0, 255, 3), 10))


def _fruit(c):
    r = c.rng
    skins = ((220, 60, 40), (240, 190, 50), (120, 170, 60), (150, 90, 50))
    colour, size = c.jitter(skins[r.integers(len(skins))]), r.uniform(6, 18)
    x0, y0 = r.uniform(0, _W - 60), r.uniform(20, _H - 30)
    for _ in range(r.integers(5, 40)):
        x, y, shade = x0 + r.normal(0, 35), y0 + r.normal(0, 25), c.jitter(colour, 14)
        c.disc(x, y, size, size, shade * 0.75)
        c.disc(x - size * 0.15, y - size * 0.2, size * 0.75, size * 0.7, shade)
        c.disc(x - size * 0.3, y - size * 0.4, size * 0.2, size * 0.2, shade + 60)


def _window(c):
    r = c.rng
    x, y, w, h = r.uniform(-30, _W * 0.6), r.uniform(-30, _H * 0.5), r.uniform(60, 160), r.uniform(60, 130)
    frame, bar = c.jitter((200, 195, 185), 50), r.uniform(2, 6)
    for i in range(r.integers(2, 5)):
        c.box(x + w * i / 3, y, x + w * i / 3 + bar, y + h, frame)
    for j in range(r.integers(2, 4)):
        c.box(x, y + h * j / 2, x + w, y + h * j / 2 + bar, frame)
