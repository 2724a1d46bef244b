"""Levels: how far the things in a photo move beside one another, where the training pictures could not tell.

What is out of focus follows less than what is sharp; a field that fills the frame breathes, for what stands in it
shelters and holds its neighbours; what surely lives and was never seen to move (paper on a line) moves a little; a
flame leaps by a part of its height; what is rooted moves the farther the farther it is from its root, and carries its
tip along.
"""

import numpy as np

from ..model.contract import CELL_STRIDE, ENVELOPE_STRIDE
from ..motion import guided
from ..motion.sway import components, smoothstep, swing
from .flames import leaps_px
from .outline import ALIVE, gate, resampled

__all__ = ["FLOOR_PX", "focus", "levelled", "rise", "shelter"]

FLOOR_PX = 0.5  # px of the 256-px frame, RMS: what surely lives moves at least so far
_SURE = (0.3, 0.8)  # alive, from nothing of that floor to all of it

_BLOCK = 8  # px in which focus is told
_EDGE = 0.04  # contrast over 4 px from which an edge tells of focus, sRGB
_CLEAR = 0.06  # and from which it counts when the sharpest of a photo is looked for
_FEW = 0.05  # of the blocks, below which a photo has too few edges to tell
# Sharpness, as a part of the sharpest: all out of focus, all in focus. Of 16 photos that are sharp all over a tenth of
# the blocks lie below .57, and of the same blurred by 1.5 px (of 512) a tenth above .54.
_BLURRED = (0.35, 0.65)
_NEAR = 0.55  # from which it is in focus, where there is no between
_FOLLOWS = 0.35  # of its motion that remains where nothing is in focus
_AROUND = 2  # blocks over which focus is averaged
_FIELD = 200  # cells from which an object's focus is no longer one

_FILLS = (0.65, 0.95)  # of the photo that what hangs together covers: a thing, a field that fills the frame
# 818 real clips of plants, most of which fill the frame, move by .44 px RMS (docs/research/loops.md), such fields as
# predicted by 1.0 to 1.9.
_BREATHES = 0.4

_ROOTED = 0.75  # of its motion that a root lacks
_TIP = 0.7  # of the way from root to tip
_CARRIES = 0.8  # of the mean of a region, as far as which its tips go at least: a stem takes its ear along
_CROSSES = 0.9  # of the photo's width: a field
# Of the way from root to tip: where the middle of a region's motion lies so much nearer to its root than the middle of
# its cells, the network contradicts. A crown that the photo's upper edge cuts off does not hang from there.
_CONTRADICTS = 0.03
# Of what lives, out of focus, from which what is in focus is before it: near, and the first look tells of both alike.
_BEHIND = 0.15
_SWAYS = 1.3  # px, RMS, of the tip of what is near and 70 px long: four fifths of what painted things do that hang
_AT_MOST = 1.3  # times farther by that
_BURNS = 0.3  # of a region's cells: a flame

_BESIDE = 2  # cells: how near something lies to what carries it


def levelled(far: np.ndarray, alive: np.ndarray, labels: np.ndarray, picture: np.ndarray, shown: np.ndarray):
    """How far each cell moves if it moves, levelled over the photo: float32 (K, h, w).

    Args:
        far: of stages.reach; alive: float (h, w), both on the cells of the first look.
        labels: int (h/2, w/2), the objects of objects.group.
        picture: float32 (H, W, 3), sRGB-encoded, the photo as the first look sees it, without padding; shown: as the
            closest look does.
    """
    size = picture.shape[:2]
    blocks = tuple(n * ENVELOPE_STRIDE / _BLOCK for n in shown.shape[:2])  # `resampled` counts 4 px to a cell
    sharp = resampled(focus(shown), blocks, labels.shape, tuple(n * ENVELOPE_STRIDE / CELL_STRIDE for n in size))
    lives = alive.reshape(labels.shape[0], 2, labels.shape[1], 2).mean((1, 3)) > ALIVE
    sharp = _by_object(sharp, labels, lives)
    follows = _FOLLOWS + (1 - _FOLLOWS) * smoothstep(sharp, *_BLURRED)
    at = tuple(np.arange(n) / 2 - 0.25 for n in alive.shape)
    gain = guided.sample(follows * shelter(lives & (sharp > _NEAR), size), *at)
    is_near = guided.sample(sharp, *at) > _NEAR
    rms = np.sqrt((far**2).sum(0))
    sways = np.maximum(rms, FLOOR_PX * smoothstep(alive, *_SURE)) * gain
    leaps = _largest(leaps_px(picture), alive.shape)
    wanted = np.maximum(sways, leaps)
    moves = gate(alive)
    burns, cells = leaps > sways, tuple(-(-n // ENVELOPE_STRIDE) for n in size)
    is_before = (lives & (sharp <= _NEAR)).sum() > _BEHIND * lives.sum()
    wanted = wanted * rise(wanted * moves, (alive > ALIVE) & (is_near | burns), burns, cells, is_before)
    wanted = _carried(wanted, moves)
    return (far * (wanted / np.maximum(rms, 1e-3))).astype(np.float32)


def _carried(px, moves):
    """px (h, w), where little moves at least as far as what moves beside it, moves (h, w) in 0..1.

    The first look, which tells how far, does not see the tip of a blade that the closer one found.
    """
    around = guided.box_mean(px * moves, _BESIDE) / np.maximum(guided.box_mean(moves, _BESIDE), 1e-6)
    return px + (1 - moves) * guided.maximum(moves, _BESIDE) * np.maximum(around - px, 0)


def shelter(near: np.ndarray, size) -> np.ndarray:
    """What remains of each cell's motion, float (h, w): 1 of a thing, less of a field that fills the frame.

    What is out of focus goes on behind the field, and stirs no more than it does.

    Args:
        near: bool (h, w), what lives and is in focus; size: (height, width) of the photo in px, 8 to a cell.
    """
    labels = components(near)[near]
    found = np.ones(near.shape)
    if labels.size:
        area = np.bincount(labels)[labels] * CELL_STRIDE**2 / (size[0] * size[1])
        found[near] = 1 - (1 - _BREATHES) * smoothstep(area, *_FILLS)
        found[~near] = found[near].min()
    return found


def rise(
    px: np.ndarray, lives: np.ndarray, burns: np.ndarray, size: tuple[int, int], is_before: bool = False
) -> np.ndarray:
    """By how much more each cell moves than it would without a root: float (h, w), less at roots and more at tips.

    What stands is rooted at the photo's lower edge, what hangs at its upper one; a flame at its foot. What touches
    neither is held somewhere that cannot be seen, and a field that crosses the photo has roots everywhere: those stay,
    and so does what moves, as the network tells it, clearly less towards such a tip. Each region moves as far as before
    on the whole, but what is near and long sways at its tip as such things do.

    Args:
        px: motion (h, w), gated; lives, burns: bool (h, w); size: (rows, columns) of the cells that lie in the photo.
        is_before: `lives` is near: it stands before what is out of focus, and the network took both for one.
    """
    found = np.ones(px.shape)
    inside = slice(size[0]), slice(size[1])
    gain, px, burns, lives = found[inside], px[inside], burns[inside], lives[inside]
    # What a thin stem carries is near it, where its cells are lost; a flame is whole.
    wide = lives | (guided.maximum((lives & ~burns).astype(np.float32), 1) > 0)
    labels = components(wide)
    for label in np.unique(labels[lives]):
        whole = labels == label
        region = whole & lives
        (above, below), is_flame = region[[0, -1]].mean(1), burns[region].mean() > _BURNS
        if is_flame or 0 < max(above, below) < _CROSSES:
            hangs = above > below and not is_flame
            along, motion = swing(whole, hangs)[0][region], px[region]
            agrees = (along * motion).sum() >= (along.mean() - _CONTRADICTS) * motion.sum()
            is_long = is_before and hangs and not region[:, [0, -1]].any(0).all()
            if is_flame or is_long or agrees:
                part = 1 - _ROOTED * (1 - along)
                rises = part * motion if is_flame else part * np.maximum(motion, _CARRIES * motion.mean() * along)
                rises *= motion.sum() / max(rises.sum(), 1e-9)
                if is_long:
                    tip = rises[along > _TIP * along.max()].mean()
                    length = ENVELOPE_STRIDE * region.any(1).sum()
                    rises *= np.clip(_SWAYS * np.sqrt(length / 70) / max(tip, 1e-9), 1, _AT_MOST)
                gain[region] = rises / np.maximum(motion, 1e-9)
    return found


def focus(shown: np.ndarray) -> np.ndarray:
    """How sharp a picture (H, W, 3) is in blocks of 8 px, as a part of its sharpest: float (H/8, W/8), 0..1.

    An edge in focus is as steep over one pixel as over four; blur levels the one first.
    """
    rows, columns = (n // _BLOCK for n in shown.shape[:2])
    if min(rows, columns) < 2:  # a strip shows no edge in both directions
        return np.ones((max(rows, 1), max(columns, 1)))
    grey = shown[: rows * _BLOCK, : columns * _BLOCK].mean(-1).astype(np.float64)
    steep = _steepness(grey).reshape(rows, _BLOCK, columns, _BLOCK).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    wide = _steepness(grey.reshape(2 * rows, _BLOCK // 2, 2 * columns, _BLOCK // 2).mean((1, 3)))
    wide = guided.maximum(wide.reshape(rows, 2, columns, 2).max((1, 3)), 1)
    steep = guided.maximum(np.sort(steep, -1)[..., -6], 1)  # a tenth of a block's pixels: one is noise
    sharpness, clear = steep / np.maximum(wide, _EDGE), wide > _CLEAR
    if clear.mean() < _FEW:
        return np.ones_like(sharpness)
    sharpness = np.clip(sharpness / np.percentile(sharpness[clear], 90), 0, 1)
    return guided.box_mean(sharpness * wide, _AROUND) / np.maximum(guided.box_mean(wide, _AROUND), 1e-6)


def _steepness(grey):
    down, right = np.gradient(grey)
    return 2 * np.hypot(down, right)


def _by_object(sharp, labels, lives):
    """The focus of a thing is that of its sharpest parts, for inside it may be smooth; a field has its own anywhere."""
    found = sharp.copy()
    for label in np.unique(labels[lives]):
        cells = (labels == label) & lives
        part = min(1.0, cells.sum() / _FIELD)
        found[cells] = part * sharp[cells] + (1 - part) * np.percentile(sharp[cells], 85)
    return np.maximum(found, sharp)


def _largest(px, cells):
    """Of px (h, w) of the first look, the largest in each of its cells and those beside it: (rows, columns)."""
    total = [n * ENVELOPE_STRIDE for n in cells]
    padded = np.pad(px, ((0, total[0] - len(px)), (0, total[1] - len(px[0]))))
    return guided.maximum(padded.reshape(cells[0], ENVELOPE_STRIDE, cells[1], ENVELOPE_STRIDE).max((1, 3)), 1)
