"""Cut-outs of hand-masked photographs as sprites of synthetic scenes: real texture, known motion and known objects.

A flower sways from a root below it, a hung garment or lantern from the line at its top. Cut-outs are made from pictures
that the caller has; none is kept.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ..scenes import kinds

__all__ = ["Cutout", "cut"]

_AREAS = {False: (0.012, 0.4), True: (0.0005, 0.8)}  # of the picture: a smaller one has no texture
_LONG_SIDE = 260  # px; a scene is painted at 512 x 320


@dataclass(frozen=True)
class Cutout:
    """picture: RGBA, transparent around the thing; group: the photograph it is from; is_hung: pinned at its top."""

    picture: Image.Image
    group: int
    is_hung: bool


def cut(rows) -> list[Cutout]:
    """The things that the rows of `masks.labelled_rows` mark as moving, each polygon one thing.

    Args:
        rows: (picture PIL RGB, row of masks.json) pairs.
    """
    found = []
    for group, (picture, row) in enumerate(rows):
        width, height = picture.size
        for polygon in row["move"]:
            points = [(x * width / 10, y * height / 10) for x, y in polygon]
            is_hung = kinds.is_hung(row)
            low, high = _AREAS[is_hung]
            if not low < _area(points) / (width * height) < high:
                continue
            if not is_hung and _touches_rim(points, width, height):
                continue
            alpha = Image.new("L", picture.size, 0)
            ImageDraw.Draw(alpha).polygon(points, fill=255)
            xs, ys = zip(*points, strict=True)
            box = (
                max(0, int(min(xs))),
                max(0, int(min(ys))),
                min(width, int(max(xs)) + 1),
                min(height, int(max(ys)) + 1),
            )
            alpha = ImageChops.multiply(alpha, alpha.filter(ImageFilter.GaussianBlur(1.5)))
            thing = picture.crop(box)
            thing.putalpha(alpha.crop(box))
            thing.thumbnail((_LONG_SIDE, _LONG_SIDE))
            found.append(Cutout(thing, group, is_hung))
    return found


def _area(points):
    """Shoelace formula, px^2."""
    x, y = np.array(points).T
    return abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2


def _touches_rim(points, width, height):
    """A thing cut by the picture's edge has a straight side that gives it away; its foot may be cut."""
    x, y = np.array(points).T
    return x.min() < 0.02 * width or x.max() > 0.98 * width or y.min() < 0.02 * height
