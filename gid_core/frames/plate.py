"""The plate: the still with its movers cut out and filled, made once and shown through every hole.

Pull-push filling: the picture is averaged down over its known pixels until everything is known, then the gaps are
filled from the coarser level on the way back. Source: Gortler et al., The Lumigraph (SIGGRAPH 1996), sec. 3.4.
"""

import numpy as np

from ..files.colour import in_halves

__all__ = ["MOVER_PX", "make_plate", "movers_of", "pull_push"]

GROW_PX = 1  # a mover's rim is mixed with what is behind it; more only takes away what the gap is filled from
MOVER_PX = 0.5  # mean motion from which a pixel is cut out; less uncovers nothing that the eye could see
_NEARLY_ALL = 0.98  # of the picture: then too little rests to fill from


def make_plate(image: np.ndarray, movers: np.ndarray, grow_px: int = GROW_PX) -> np.ndarray:
    """The picture without its movers: float32 (H, W, C). Pixels away from movers are returned untouched.

    Args:
        movers: bool (H, W), what moves.
        grow_px: how far around the movers the picture is cut away, too.
    If everything moves there is nothing to fill from, and the plate is the still. What is filled is rounded to half
    floats.
    """
    cut = _grow(np.asarray(movers, bool), grow_px)
    if cut.all() or not cut.any():
        return image.copy()
    known = (~cut[..., None]).astype(np.float32)
    filled = in_halves(pull_push(image * known, known))
    return np.where(cut[..., None], filled, image).astype(np.float32)


def movers_of(motion: np.ndarray) -> np.ndarray:
    """What is cut out of a still for its plate: bool (H, W), of the mean motion in px; all that moves visibly.

    Nothing where nearly everything does: holes are slits then, between things that part, and what stood there in the
    still looks right in them. What little rests, or moves less, is of other colours and shines through as dots.
    """
    moving = motion > MOVER_PX
    return moving if moving.mean() < _NEARLY_ALL else np.zeros_like(moving)


def pull_push(weighted, weight):
    """Values everywhere (H, W, C), from known ones times their weight (H, W, C) and that weight 0..1 (H, W, 1)."""
    height, width = weight.shape[:2]
    if weight.min() >= 1 or max(height, width) == 1:
        return weighted / np.maximum(weight, 1e-12)
    colours, weights = _halve(weighted), _halve(weight)
    known = np.minimum(weights, 1)  # a coarse cell is certain as soon as one of its four pixels is
    behind = pull_push(colours * (known / np.maximum(weights, 1e-12)), known)
    return weighted + (1 - weight) * _double(behind, height, width)


def _halve(field):
    """Sums over blocks of 2 x 2; a missing last row or column counts as nothing."""
    height, width = field.shape[:2]
    field = np.pad(field, ((0, height % 2), (0, width % 2), (0, 0)))
    rows = field[0::2] + field[1::2]
    return rows[:, 0::2] + rows[:, 1::2]


def _double(field, height, width):
    """Bilinear to twice the size, texel centres at (i + 1/2)/n."""
    return _double_axis(_double_axis(field, height, 0), width, 1)


def _double_axis(field, size, axis):
    field = np.moveaxis(field, axis, 0)
    before = np.concatenate([field[:1], field[:-1]])
    after = np.concatenate([field[1:], field[-1:]])
    out = np.empty((2 * len(field), *field.shape[1:]), field.dtype)
    out[0::2] = 0.75 * field + 0.25 * before
    out[1::2] = 0.75 * field + 0.25 * after
    return np.moveaxis(out[:size], 0, axis)


def _grow(mask, radius):
    for axis in (0, 1):
        grown = mask.copy()
        for step in range(1, radius + 1):
            ahead, behind = [slice(None)] * 2, [slice(None)] * 2
            ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
            grown[tuple(ahead)] |= mask[tuple(behind)]
            grown[tuple(behind)] |= mask[tuple(ahead)]
        mask = grown
    return mask
