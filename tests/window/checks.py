"""Whether a screenshot shows the photo, framed, and whether two of them show it moving where its motion is.

Pictures are float arrays (H, W, 3), 0..1, as a screen shows them. numpy alone, so that the checks are tested like
anything else: a grey card must fail them.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["CORRELATION", "Finding", "find_photo", "judge"]

CORRELATION = 0.9  # of grey values; a grey card with a grid has none, the photo under overlays loses some
FRAMED = 0.5  # of the viewport's width or height, whichever the photo fills more
CHANGE = 6 / 255  # of a screen pixel between two moments: more than rounding
MOVED_SHARE = 0.02  # of the pixels that can move
STILL_RATIO = 2.0  # how much more the moving part changes than the rest
_COARSE = 72  # px, width at which the photo is searched for
_LARGEST = 1.3  # of the size that just fits: the sidebar and the header may hide a part of the frame


@dataclass(frozen=True)
class Finding:
    """Where the photo lies in a view, as left, top, width, height in its pixels, and how well it fits there, -1..1."""

    left: float
    top: float
    width: float
    height: float
    correlation: float


def find_photo(view: np.ndarray, photo: np.ndarray) -> Finding:
    """The place in `view` where `photo` fits best, at any scale that fills a good part of the view."""
    unit = view.shape[1] / _COARSE
    small = _resized(_grey(view), round(view.shape[0] / unit), _COARSE)
    fit = min(small.shape[1] / photo.shape[1], small.shape[0] / photo.shape[0])
    best = Finding(0, 0, 0, 0, -1.0)
    for scale in fit * np.arange(_LARGEST, FRAMED - 0.01, -0.02):
        height, width = round(photo.shape[0] * scale), round(photo.shape[1] * scale)
        template = _resized(_grey(photo), height, width)
        for top in range(-height // 6, small.shape[0] - height * 5 // 6 + 1):
            for left in range(-width // 6, small.shape[1] - width * 5 // 6 + 1):
                fitting = _correlation(small, template, top, left)
                if fitting > best.correlation:
                    best = Finding(left * unit, top * unit, width * unit, height * unit, fitting)
    return best


def judge(first: np.ndarray, second: np.ndarray, photo: np.ndarray, moving: np.ndarray) -> list[str]:
    """What is wrong with two screenshots of a viewport, taken at two moments of playback; an empty list if nothing is.

    Args:
        photo: the picture that was animated.
        moving: (H, W), 1 where it can move, on any grid.
    """
    found = find_photo(first, photo)
    if found.correlation < CORRELATION:
        return [f"the photo is not seen: it fits nowhere better than {found.correlation:.2f}, of {CORRELATION} asked"]
    if max(found.width / first.shape[1], found.height / first.shape[0]) < FRAMED:
        return [f"the photo is not framed: it fills {found.width:.0f} x {found.height:.0f} pixels only"]
    change = np.abs(first - second).max(-1)
    rows, columns = (_inside(start, length, n) for start, length, n in (
        (found.top, found.height, first.shape[0]), (found.left, found.width, first.shape[1])))  # fmt: skip
    row = ((rows + 0.5 - found.top) / found.height * moving.shape[0]).astype(int).clip(0, moving.shape[0] - 1)
    column = ((columns + 0.5 - found.left) / found.width * moving.shape[1]).astype(int).clip(0, moving.shape[1] - 1)
    mask = moving[row][:, column] > 0.5
    change = change[rows][:, columns]
    moved = float((change[mask] > CHANGE).mean()) if mask.any() else 0.0
    if moved < MOVED_SHARE:
        return [f"nothing moves: {100 * moved:.1f} % of what could move differs between two moments"]
    if not mask.all() and change[mask].mean() < STILL_RATIO * change[~mask].mean():
        return ["what should stand still changes as much as what moves"]
    return []


def _inside(start, length, n):
    return np.arange(max(0, int(start)), min(n, int(start + length)))


def _grey(picture):
    return np.asarray(picture, np.float64)[..., :3].mean(-1)


def _resized(grey, height, width):
    """Mean over blocks of whole pixels: (height, width)."""
    rows = np.linspace(0, grey.shape[0], height + 1)
    columns = np.linspace(0, grey.shape[1], width + 1)
    sums = np.pad(grey, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    corners = sums[rows.round().astype(int)][:, columns.round().astype(int)]
    area = np.maximum(np.diff(rows.round())[:, None] * np.diff(columns.round())[None], 1)
    return np.diff(np.diff(corners, axis=0), axis=1) / area


def _correlation(view, template, top, left):
    """Normalised correlation of the part of the template that lies in the view."""
    height, width = template.shape
    part = view[max(0, top) : top + height, max(0, left) : left + width]
    template = template[max(0, -top) : max(0, -top) + part.shape[0], max(0, -left) : max(0, -left) + part.shape[1]]
    a, b = part - part.mean(), template - template.mean()
    return float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-9))
