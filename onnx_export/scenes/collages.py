"""Cut-outs of photographs put into a synthetic scene: real texture, known motion and known objects.

Each painter takes a painting.Canvas and sprites (see cutouts.py). Lengths are px of a 256-wide frame.
"""

import math

import numpy as np
from PIL import Image

from . import kinds
from .painters import hung_mode, line, meadow

__all__ = ["collage"]

_W, _H = 256, 160
_HUNG_SHARE = 0.4  # of the collages: photographs with masks are nearly all of flowers
_BED_SHARE = 0.3  # of the collages of flowers are beds: many small ones, which sway by fewer pixels than a near one


def collage(c, sprites):
    """Things of one photograph, or of any: flowers on stems of their own, a bed of them, or hung things."""
    r = c.rng
    hung = [s for s in sprites if s.is_hung]
    pool = hung if hung and r.random() < _HUNG_SHARE else [s for s in sprites if not s.is_hung] or hung
    first = pool[r.integers(len(pool))]
    alike = [s for s in pool if s.group == first.group or r.random() < 0.03]
    if first.is_hung:
        _hung(c, alike)
    elif r.random() < _BED_SHARE:
        _bed(c, alike)
    else:
        _flowers(c, alike)


def _lit(c, sprite):
    """A sprite, perhaps mirrored, a little brighter or darker."""
    r = c.rng
    picture = sprite.picture.transpose(Image.FLIP_LEFT_RIGHT) if r.random() < 0.5 else sprite.picture
    light = r.uniform(0.75, 1.1)
    red, green, blue, alpha = picture.split()
    return Image.merge("RGBA", [p.point(lambda v: min(255, int(v * light))) for p in (red, green, blue)] + [alpha])


def _hung(c, sprites):
    r = c.rng
    size, f0 = math.exp(r.uniform(math.log(9), math.log(130))), r.uniform(0.45, 0.8)
    for _ in range(1 if size > 50 else r.integers(1, 5)):
        pegged, x, gap = line(c), r.uniform(-10, 70), r.uniform(0.05, 1.5) * size
        while x < _W - 8:
            picture = _lit(c, sprites[r.integers(len(sprites))])
            h = size * r.uniform(0.75, 1.25)
            w = h * picture.width / picture.height
            y = pegged(x + w / 2)
            c.sprite(picture, x, y, w, h, hung_mode(c, c.new_object(), x, y, h, f0))
            x += w + gap * r.uniform(0.5, 1.5)


def _flowers(c, sprites):
    r = c.rng
    size, centre = math.exp(r.uniform(math.log(14), math.log(110))), r.uniform(0.2, 0.8) * _W
    breadth, green = r.uniform(30, 130), c.jitter((75, 125, 55), 28)
    strength, f0 = math.exp(r.normal(0, 0.12)), r.uniform(0.6, 1.2)
    for _ in range(r.integers(1, 7)):
        h = size * r.uniform(0.7, 1.3)
        place = centre + r.normal(0, breadth), r.uniform(-0.1, 0.75) * _H + h * 0.2
        _flower(c, sprites, place, h, h * r.uniform(1.2, 3), (strength, f0), green)


def _bed(c, sprites):
    """Flowers over a meadow, smaller towards the horizon; the far ones are painted first."""
    r = c.rng
    horizon, near = r.uniform(-0.1, 0.6) * _H, math.exp(r.uniform(math.log(9), math.log(40)))
    far, green = near * r.uniform(0.25, 0.8), c.jitter((75, 125, 55), 28)
    motion = math.exp(r.normal(0, 0.12)), r.uniform(0.6, 1.2)
    if r.random() < 0.7:
        meadow(c, horizon, near)
    density = r.uniform(0.3, 1.2)
    for y in np.sort(r.uniform(horizon, _H * 1.05, min(140, int(density * 4000 / near)))):
        h = (far + (near - far) * (y - horizon) / (1.05 * _H - horizon)) * r.uniform(0.75, 1.25)
        _flower(c, sprites, (r.uniform(0, _W), y), h, h * r.uniform(1.5, 3), motion, green)


def _flower(c, sprites, place, h, length, motion, green):
    """A flower of height h around `place`, on a stem that roots `length` below its top."""
    r, (strength, f0) = c.rng, motion
    picture = _lit(c, sprites[r.integers(len(sprites))])
    w, x, top = h * picture.width / picture.height, place[0], place[1] - h / 2
    root = np.array([x + r.normal(0, 0.15) * length, top + length])
    along = np.array(place) - root
    mode = c.mode(
        amplitude=strength * kinds.flower_px(length),
        f0=f0 * r.uniform(0.85, 1.2) * (80 / max(length, 30)) ** 0.5,
        zeta=0.08,
        direction=c.sway(along),
        object_id=c.new_object(),
        anchor=tuple(root),
        origin=tuple(root),
        along=tuple(along / (along @ along)),
        power=kinds.FALL,
        share=0.3,
    )
    if r.random() < 0.7:
        half, y = r.uniform(0.8, 2) * min(1, h / 20), top + h * 0.6
        foot = [(root[0] + half, root[1]), (root[0] - half, root[1])]
        c.polygon([(x - half, y), (x + half, y), *foot], c.jitter(green, 10), mode)
    c.sprite(picture, x - w / 2, top, w, h, mode)
