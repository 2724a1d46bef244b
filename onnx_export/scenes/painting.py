"""Synthetic scenes: a painted picture whose motion is known exactly.

A Canvas paints colour at twice the size and, at half the size, the index of a Mode: how those pixels move. What is
painted is in painters.py (what moves) and standing.py; what a Mode does in time is in motion.py. A scene is a pure
function of its seed (and of the photographs that serve as backdrops and cut-outs). All lengths are in px of the 256-px
frame; a scene with `detail` 4 is the same scene at four times the size, its grain apart.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from . import collages, painters, standing, walls
from .motion import FIELDS

__all__ = [
    "HEIGHT",
    "HELD_OUT_SEED",
    "THIN_SEED",
    "WIDTH",
    "Canvas",
    "Mode",
    "Scene",
    "bare_wall",
    "paint",
    "paint_walled",
]

WIDTH, HEIGHT = 256, 160
THIN_SEED = 5 * 10**5  # seeds of thin scenes begin here, those of others end here
HELD_OUT_SEED = 10**6  # and here those of the scenes that measure: no training seed reaches it
_STILL_SHARE = 0.14  # of the scenes have nothing that moves
_DARK_SHARE = 0.18
_CUTOUT_SHARE = 0.45  # of the moving scenes hold cut-outs of photographs, if there are any
_FAR_SHARE = 0.4  # of the scenes with two kinds of thing have one of them far away and out of focus
_BARE_SHARE = 0.25  # of the walled scenes have nothing before the wall
_BACKDROP_SHARE = 0.5  # of the scenes stand before a photograph, if there are any


@dataclass(frozen=True)
class Mode:
    """How some pixels sway. Lengths in px of a 256-wide frame, frequencies in Hz.

    The amplitude grows as ((p - origin) . along)^power, so that a root is still and a tip is not; power 0 is uniform.
    anchor None makes a field: each place follows the wind that passes it. share is the part of a second mode at f1.
    """

    amplitude: float
    f0: float
    zeta: float
    direction: tuple[float, float]
    object_id: int
    anchor: tuple[float, float] | None = None
    origin: tuple[float, float] = (0.0, 0.0)
    along: tuple[float, float] = (0.0, 0.0)
    power: float = 0.0
    f1: float = 2.5
    share: float = 0.0


@dataclass(frozen=True)
class Scene:
    """image uint8 (160, 256, 3); maps float32 (len(FIELDS), 40, 64), cells of 4 px; wind float32 (3,): dx, dy, px of a
    256-px frame a second. With a detail d the image and the maps have d times as many rows and columns."""

    image: np.ndarray
    maps: np.ndarray
    wind: np.ndarray


class Canvas:
    """A picture in the making and the modes of its pixels."""

    def __init__(self, rng, photographs=(), detail=1):
        self.rng, self.photographs, self._detail = rng, photographs, detail
        self.fine, self._coarse = 2 * detail, detail / 2  # pixels of the colour, of the index to a px of the frame
        self.colour = Image.new("RGB", (self.fine * WIDTH, self.fine * HEIGHT))
        self.light = Image.new("RGB", (WIDTH // 2, HEIGHT // 2))  # added at the end, after darkness: flames and lamps
        self.bright = Image.new("RGB", self.colour.size)  # flames: as bright in the dark
        self.darkness = 1.0
        self._index = Image.new("I", (detail * WIDTH // 2, detail * HEIGHT // 2))
        self._paint = ImageDraw.Draw(self.colour)
        self._mark = ImageDraw.Draw(self._index)
        self._modes = [Mode(0, 1, 0.1, (1, 0), 0, (0, 0))]
        self._objects = 0
        angle = rng.uniform(-0.35, 0.35) + math.pi * rng.integers(2)
        self.wind = np.array([math.cos(angle), math.sin(angle)])
        self.speed = math.exp(rng.uniform(math.log(60), math.log(400)))

    def new_object(self) -> int:
        self._objects += 1
        return self._objects

    def mode(self, **fields) -> int:
        """Index to paint with."""
        self._modes.append(Mode(**fields))
        return len(self._modes) - 1

    def polygon(self, points, colour, mode=0):
        self._paint.polygon([(self.fine * x, self.fine * y) for x, y in points], fill=_rgb(colour))
        self._marked(points, mode)

    def _marked(self, points, mode):
        self._mark.polygon([(self._coarse * x, self._coarse * y) for x, y in points], fill=int(mode))

    def flame(self, points, colour, mode, clear=0.0, soft=0.0):
        """A polygon that shines: darkness does not dim it.

        Over `clear` px above its foot it lets the wick show; its edge is `soft` px wide.
        """
        self._marked(points, mode)
        stencil = Image.new("L", self.colour.size)
        ImageDraw.Draw(stencil).polygon([(self.fine * x, self.fine * y) for x, y in points], fill=255)
        height = max(y for _, y in points) - (np.arange(self.fine * HEIGHT) + 0.5) / self.fine
        opaque = np.clip(height / max(clear, 1e-6), 0, 1)
        stencil = stencil.filter(ImageFilter.GaussianBlur(self.fine * soft))
        shown = Image.fromarray((np.asarray(stencil) * opaque[:, None]).astype(np.uint8))
        for picture in (self.colour, self.bright):
            picture.paste(_rgb(colour), mask=shown)

    def reserve(self, x, y, rx, ry, mode):
        """Where nothing is painted and yet moves: what a flame leans and leaps into."""
        box = np.array([x - rx, y - ry, x + rx, y + ry]) * self._coarse
        self._mark.ellipse(list(box), fill=int(mode))

    def box(self, x0, y0, x1, y1, colour, mode=0):
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour, mode)

    def disc(self, x, y, rx, ry, colour, mode=0):
        turn = np.linspace(0, 2 * math.pi, 18, endpoint=False)
        self.polygon([(x + rx * math.cos(a), y + ry * math.sin(a)) for a in turn], colour, mode)

    def text(self, x, y, text, size, colour):
        self._paint.text((self.fine * x, self.fine * y), text, fill=_rgb(colour), font_size=self.fine * size)

    def sprite(self, picture, x, y, width, height, mode):
        """An RGBA picture over the box from (x, y), half a pixel soft at its edge."""
        fine, coarse = self.fine, self._coarse
        box = (round(fine * x), round(fine * y))
        thing = picture.resize((max(2, round(fine * width)), max(2, round(fine * height))), Image.LANCZOS)
        self.colour.paste(thing.convert("RGB"), box, thing.getchannel("A"))
        size = max(1, round(coarse * width)), max(1, round(coarse * height))
        mark = thing.getchannel("A").resize(size, Image.BOX)
        mark = mark.point(lambda v: 255 * (v > 127)).convert("1")
        self._index.paste(int(mode), (round(coarse * x), round(coarse * y)), mark)

    def glow(self, x, y, radius, colour):
        """Light around a point, added to the darkened picture; it moves nothing."""
        halo = Image.new("RGB", self.light.size)
        ImageDraw.Draw(halo).ellipse(
            [(x - radius / 3) / 2, (y - radius / 3) / 2, (x + radius / 3) / 2, (y + radius / 3) / 2], fill=_rgb(colour)
        )
        halo = halo.filter(ImageFilter.GaussianBlur(radius / 4))
        self.light.paste(Image.fromarray(np.maximum(np.asarray(self.light), np.asarray(halo))))

    def move_away(self, blur):
        """What is painted so far lies far behind the focus, blurred by half as many px, and sways by fewer px."""
        self.colour = self.colour.filter(ImageFilter.GaussianBlur(self._detail * blur))
        self._paint = ImageDraw.Draw(self.colour)
        gain = 1 / (1 + 0.25 * blur)
        self._modes = [replace(mode, amplitude=mode.amplitude * gain) for mode in self._modes]

    def jitter(self, colour, spread=18):
        return np.asarray(colour, float) + self.rng.normal(0, spread, 3) * 0.5 + self.rng.normal(0, spread) * 0.7

    def sway(self, along):
        """Unit direction of sway of a member: across it, on the wind's side, and a little along the wind."""
        across = np.array([-along[1], along[0]], float) / (math.hypot(*along) + 1e-6)
        across = across if across @ self.wind >= 0 else -across
        direction = across + 0.35 * self.wind
        return tuple(direction / np.hypot(*direction))

    def finished(self) -> Scene:
        rng, size = self.rng, (self._detail * WIDTH, self._detail * HEIGHT)
        image = self.colour.resize(size, Image.LANCZOS)
        if rng.random() < 0.4:
            image = image.filter(ImageFilter.GaussianBlur(self._detail * rng.uniform(0.3, 1.1)))
        shade = np.asarray(Image.fromarray(rng.normal(0, 1, (5, 8)).astype("f")).resize(size, 3))[..., None]
        pixels = (np.asarray(image, np.float32) / 255) ** rng.uniform(0.75, 1.35) * 255 * (1 + 0.1 * shade)
        pixels = pixels * self.darkness + np.asarray(self.light.resize(size, Image.BICUBIC), np.float32)
        pixels = np.maximum(pixels, np.asarray(self.bright.resize(size, Image.BOX), np.float32))
        pixels += rng.normal(0, rng.uniform(1, 7), (*size[::-1], 1)) + rng.normal(0, 2, (*size[::-1], 3))
        wind = np.array([*self.wind, self.speed], np.float32)
        return Scene(np.clip(pixels, 0, 255).astype(np.uint8), self._maps(), wind)

    def _maps(self):
        table = np.array([_row(m) for m in self._modes])[np.asarray(self._index)]  # (H/2, W/2, columns)
        rows, columns = table.shape[:2]
        y, x = (np.mgrid[0:rows, 0:columns] + 0.5) / self._coarse
        along = (x - table[..., -5]) * table[..., -3] + (y - table[..., -4]) * table[..., -2]
        power = table[..., -1]
        gain = np.where(power > 0, np.clip(along, 0.03, 1.2) ** np.maximum(power, 0.01), 1)
        maps = np.moveaxis(table[..., : len(FIELDS)], -1, 0).copy()
        maps[0] *= gain
        is_field = maps[8] > 0
        maps[5], maps[6] = np.where(is_field, x, maps[5]), np.where(is_field, y, maps[6])
        count, h, w = maps.shape
        cells = maps.reshape(count, h // 2, 2, w // 2, 2).transpose(0, 1, 3, 2, 4).reshape(count, h // 2, w // 2, 4)
        strongest = np.broadcast_to(cells[0].argmax(-1)[None, ..., None], (count, h // 2, w // 2, 1))
        found = np.take_along_axis(cells, strongest, -1)[..., 0]
        moving = (cells[0] > 0).sum(-1)
        found[0] = cells[0].sum(-1) / np.maximum(moving, 1) * np.minimum(moving / 2, 1)
        return found.astype(np.float32)


def _row(mode):
    anchor = (0, 0) if mode.anchor is None else mode.anchor
    motion = [mode.amplitude, mode.f0, mode.zeta, *mode.direction, *anchor, mode.object_id, mode.anchor is None]
    return [*motion, mode.f1, mode.share, *mode.origin, *mode.along, mode.power]


def _rgb(colour):
    return tuple(int(np.clip(c, 0, 255)) for c in colour)


def paint_walled(seed: int, cutouts=(), detail: int = 1) -> Scene:
    """A scene of one or two kinds of thing before a wall that fills the picture, or, now and then, of the wall alone.

    cutouts, detail: as of `paint`.
    """
    rng = np.random.default_rng([seed, 8])
    canvas = Canvas(rng, detail=detail)
    walls.wall(canvas)
    if rng.random() < _BARE_SHARE:
        return canvas.finished()
    kinds, odds = painters.moving_kinds(is_dark=False)
    for index in rng.choice(len(kinds), rng.integers(1, 3), replace=False, p=odds):
        if cutouts and rng.random() < _CUTOUT_SHARE:
            collages.collage(canvas, cutouts)
        else:
            kinds[index](canvas)
    return canvas.finished()


def bare_wall(seed: int, detail: int = 1) -> Image.Image:
    """A wall that fills the picture, alone: PIL RGB, `detail` times 256 x 160."""
    canvas = Canvas(np.random.default_rng([seed, 9]), detail=detail)
    walls.wall(canvas)
    return canvas.colour.resize((detail * WIDTH, detail * HEIGHT), Image.LANCZOS)


def paint(seed: int, photographs=(), cutouts=(), is_thin=False, detail: int = 1) -> Scene:
    """The scene of a seed.

    photographs: PIL RGB pictures in which nothing moves, used as backdrops; cutouts: sprites, see cutouts.py.
    is_thin: only what photographs seldom show, see painters.thin_kinds; detail: how many times the usual size.
    """
    rng = np.random.default_rng([seed, 7])
    canvas = Canvas(rng, photographs, detail)
    is_dark = rng.random() < (0.4 if is_thin else _DARK_SHARE)
    if is_dark:
        canvas.darkness = rng.uniform(0.12, 0.5)
    if photographs and rng.random() < _BACKDROP_SHARE:
        _backdrop(canvas, photographs[rng.integers(len(photographs))])
    else:
        standing.ground(canvas)
    for _ in range(rng.integers(0, 3)):
        standing.standing(canvas)
    if is_thin:
        kinds, odds = painters.thin_kinds()
        kinds[rng.choice(len(kinds), p=odds)](canvas)
    elif rng.random() < _STILL_SHARE:
        for _ in range(rng.integers(1, 4)):
            standing.standing(canvas)
    else:
        kinds, odds = painters.moving_kinds(is_dark)
        chosen = [kinds[i] for i in rng.choice(len(kinds), rng.integers(1, 3), replace=False, p=odds)]
        if cutouts and not is_dark and rng.random() < _CUTOUT_SHARE:
            chosen[-1] = lambda c: collages.collage(c, cutouts)
        for index, painter in enumerate(chosen):
            if index and rng.random() < _FAR_SHARE:
                canvas.move_away(rng.uniform(1, 9))
            painter(canvas)
    if rng.random() < 0.25:
        standing.standing(canvas)
    return canvas.finished()


def _backdrop(canvas, photograph):
    rng = canvas.rng
    width, height = photograph.size
    crop = min(width, height * 1.6) * rng.uniform(0.5, 1)
    x, y = rng.uniform(0, width - crop), rng.uniform(0, height - crop / 1.6)
    picture = photograph.resize(canvas.colour.size, box=(x, y, x + crop, y + crop / 1.6))
    if rng.random() < 0.4:
        picture = picture.filter(ImageFilter.GaussianBlur(canvas.fine / 2 * rng.uniform(2, 9)))
    canvas.colour.paste(picture)
