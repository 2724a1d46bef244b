"""The plate: the still with its movers cut out and filled, made once and shown through every hole.

Pull-push filling: the picture is averaged down over its known pixels until everything is known, then the gaps are
filled from the coarser level on the way back. Source: Gortler et al., The Lumigraph (SIGGRAPH 1996), sec. 3.4.
"""

import numpy as np

from ..files.colour import in_halves
from ..motion.guided import maximum

__all__ = ["MOVER_PX", "make_plate", "movers_of", "pull_push"]

GROW_PX = 1  # a mover's rim is mixed with what is behind it; more only takes away what the gap is filled from
MOVER_PX = 0.5  # mean motion from which a pixel is cut out; less uncovers nothing that the eye could see
_NEARLY_ALL = 0.98  # of the picture: then too little rests to fill from
# In parts of the largest mean motion. Beyond the first, twice the way that anything goes, nothing that rests comes to
# light, only what moves less (below the third, of what moves most as near as that). Beyond the second not even at
# thrice the amplitude.
_UNCOVERS, _NEVER, _SLOWER = 4, 12, 0.7
_CELLS = 256  # along the longer side, on which that is told


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
    """What is cut out of a still for its plate: bool (H, W), of the mean motion in px; what moves visibly.

    But nothing where nearly everything does, or far from anything that rests, nor what moves less beside a mover far
    from it: holes are slits there, between things that part, and what stood there in the still looks right in them.
    What little rests, or rests far away, is of other colours: a blurred meadow parts from a flower, and the sky would
    shine through.
    """
    moving = motion > MOVER_PX
    if moving.mean() >= _NEARLY_ALL:
        return np.zeros_like(moving)
    return moving & ~_ground(motion, moving) if moving.any() else moving


def _ground(motion, moving):
    """Movers that are the ground of others, by their distance from what rests: bool (H, W)."""
    height, width = motion.shape
    side = -(-max(height, width) // _CELLS)
    least, most = (_blocks(motion, side, what) for what in (np.min, np.max))
    rests = _blocks(~moving, side, np.max).astype(np.float32)

    def around(cells, reach):
        return maximum(cells, int(np.ceil(reach * motion.max() / side)))

    is_slower = least < _SLOWER * around(most, _UNCOVERS)
    ground = (around(rests, _NEVER) == 0) | (is_slower & (around(rests, _UNCOVERS) == 0))
    return ground.repeat(side, 0).repeat(side, 1)[:height, :width]


def _blocks(field, side, what):
    """The least or the largest of each block of side x side pixels."""
    height, width = field.shape
    field = np.pad(field, ((0, -height % side), (0, -width % side)), mode="edge")
    return what(field.reshape(field.shape[0] // side, side, -1, side), (1, 3))


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
