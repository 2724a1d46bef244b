"""Colours sharpened by what landing between pixels will blur.

A tent that lands a fraction f beyond a pixel is shared out as (1 - f, f): a blur of variance v = f (1 - f) in x, and
likewise in y. Its inverse, 1 / sqrt(1 - 4 v sin^2(w/2)), is as a series of even differences
I - v/2 I_xx + 3/8 v^2 I_xxxx - 5/16 v^3 I_xxxxxx + ...: here I - v/2 I_xx - 2 v^3 I_xxxxxx, whose last term stands
for all that follow the first (and the same in y). Each pixel is sharpened by its own v, so that a frame is as sharp
as the still wherever its pixels land, and one that rests keeps its colour bit for bit.

A neighbour that moves otherwise, or lies in another layer, will not be beside the pixel when it lands: it must not
sharpen it, or silhouettes come out dotted. *Kin* says how far to each side neighbours go along; beyond, the last
one's colour stands in for theirs, as it does beyond the frame. It also says how much of the correction a pixel takes:
all of it, but where frames would ring, beside hard edges.
"""

from collections.abc import Iterable
from functools import partial

import numpy as np

__all__ = ["APART_PX", "LAYERS", "REACH", "RINGING", "SIXTH", "differences", "kin", "sharpened"]

APART_PX = 0.3  # two neighbours whose motion differs by more (RMS over time) move apart
LAYERS = 3.0  # two neighbours whose weights differ by more than this factor lie in two layers
SIXTH = 2.0  # of v^3 I_xxxxxx
REACH = 3  # pixels to each side that a sixth difference takes in
_FACTORS = ((1, 10), (0, -5), (0, 1))  # of the first, second and third step to a side, in second and sixth difference
# How far a frame may fall below and rise above the colours that meet there, as roots of linear light: where it is dark
# the eye sees more.
RINGING = 6 / 255, 9 / 255
_ALL = 255  # the whole correction, as a byte
_FRACTIONS = 0.25, 0.5, 0.75
_BAND_ROWS = 128


def kin(fields: Iterable[np.ndarray], weight: np.ndarray, image: np.ndarray) -> np.ndarray:
    """How each pixel may be sharpened: uint8 (H, W, 5).

    The first four say how many pixels to the right, to the left, below and above move along, 0 to 3. The last is the
    share of the correction, of 255.

    Args:
        fields: displacements (H, W, 2) in px at a few moments that stand for all.
        weight: splatting weight (H, W).
        image: float32 (H, W, C), linear.
    """
    height, width = weight.shape
    steps = [np.zeros((height, width), np.float32) for _ in range(2)]
    n_fields = 0
    for field in fields:
        n_fields += 1
        for axis, step in zip((1, 0), steps, strict=True):
            change = np.diff(field, axis=axis)
            step[_but_last(axis)] += (change**2).sum(-1)
    found = np.zeros((height, width, 5), np.uint8)
    for axis, step, (ahead, behind) in zip((1, 0), steps, ((0, 1), (2, 3)), strict=True):
        first, second = weight[_but_last(axis)], weight[_but_first(axis)]
        is_one_layer = np.maximum(first, second) <= np.float32(LAYERS) * np.minimum(first, second)
        along = (step[_but_last(axis)] <= np.float32(APART_PX**2 * n_fields)) & is_one_layer
        for channel, (here, there) in ((ahead, (_but_last, _but_first)), (behind, (_but_first, _but_last))):
            reach = found[..., channel]
            for _ in range(REACH):
                reach[here(axis)] = along * (1 + np.minimum(reach[there(axis)], REACH - 1))
            # Beyond the border lie copies of its pixels (`border`): nothing to sharpen in that direction.
            reach[_part(axis, 0, 1)] = reach[_part(axis, -1, None)] = 0
    found[..., 4] = _share(image, _differences(image, found))
    return found


def differences(image: np.ndarray, kin: np.ndarray) -> np.ndarray:
    """Second and sixth differences in x and in y, by kin: float32 (2, 2, H, W, C), axis then order."""
    found = _differences(image, kin)
    found *= (kin[..., 4] / np.float32(_ALL))[..., None]
    return found


def _differences(image, kin):
    found = np.zeros((2, 2, *image.shape), np.float32)
    for index, axis in enumerate((1, 0)):
        size = image.shape[axis]
        for side in (0, 1):
            reach, forwards = kin[..., 2 * index + side], side == 0
            for distance, factors in enumerate(_FACTORS, 1):
                if size <= distance:
                    continue
                # To the neighbour at this distance from the one before it; no step where that is no kin.
                here, nearer, there = (
                    _part(axis, *((n, size - distance + n) if forwards else (distance - n, size - n)))
                    for n in (0, distance - 1, distance)
                )
                step = (image[there] - image[nearer]) * (reach[here] >= distance)[..., None]
                for total, times in zip(found[index], factors, strict=True):
                    if times:
                        total[here] += step if times == 1 else np.float32(times) * step
    return found


def _share(image, differences):
    """How much of the correction (H, W) each pixel may take, in bytes.

    All of it, unless a picture that is shifted by some quarters of a pixel in x, or in y, or by half a pixel in both,
    would leave the range of the pixels around by more than `RINGING`. Roots of light tell steps as the eye does, and
    take a tenth of the time of sRGB's curve. None beside light without substance, such as a flame, which opacity keeps
    from being sharpened.
    """
    height, width = image.shape[:2]
    share = np.full((height, width), _ALL, np.uint8)
    if image.shape[2] == 4:
        opacity = image[..., 3:]
        glows = ((image[..., :3] > opacity) & (opacity < 1)).any(-1, keepdims=True)
        for _ in range(REACH):
            glows = _around(np.pad(glows, ((1, 1), (0, 0), (0, 0))), np.logical_or)
        share[glows[..., 0]] = 0
    colours = slice(None, 3)  # opacity has bounds of its own
    for top in range(0, height, _BAND_ROWS):
        # Landings between the rows `top` to `bottom`, seen with a row more above and below.
        bottom = min(height - 1, top + _BAND_ROWS)
        rows = np.clip(np.arange(top - 1, bottom + 2), 0, height - 1)
        still = image[rows, :, colours]
        by_axis = differences[..., top : bottom + 1, :, colours]
        low, high = _around(still, np.minimum), _around(still, np.maximum)
        part, still = share[top : bottom + 1], still[1:-1]
        for axes in ((1,), (0,), (0, 1)):
            bounds = _bounds(_between(low, axes, np.minimum), _between(high, axes, np.maximum))
            fits = np.full(bounds[0].shape[:2], _ALL, np.uint8)
            for fraction in _FRACTIONS if len(axes) == 1 else (0.5,):
                change = sum(_correction(by_axis[1 - axis], fraction) for axis in axes)
                landed = (_between(field, axes, partial(_mix, fraction)) for field in (still, change))
                np.minimum(fits, _fitting(*landed, *bounds), out=fits)
            for y in (0, 1)[: 1 + (0 in axes)]:
                for x in (0, 1)[: 1 + (1 in axes)]:
                    touched = part[y : y + fits.shape[0], x : x + fits.shape[1]]
                    np.minimum(touched, fits, out=touched)
    return share


def _correction(differences, fraction):
    second, sixth = differences
    spread = np.float32(fraction * (fraction - 1))
    return spread * (second / 2 + np.float32(SIXTH) * spread * spread * sixth)


def _bounds(low, high):
    """Least and greatest that may be seen where colours from `low` to `high` meet."""
    low = np.sqrt(np.maximum(low, 0)) - np.float32(RINGING[0])
    low = np.where(low > 0, low * low, np.float32(-np.inf))  # below 0 there is no light to be missed
    return low, (np.sqrt(np.maximum(high, 0)) + np.float32(RINGING[1])) ** 2


def _fitting(plain, change, low, high):
    """Which share of a change (h, w, C) keeps `plain` plus it within `low` and `high`: uint8 (h, w)."""
    room = np.where(change < 0, low - plain, high - plain)
    with np.errstate(divide="ignore", invalid="ignore"):
        fits = np.where(np.abs(change) > np.abs(room), room / change, np.float32(1)).min(-1)
    return np.floor(np.clip(fits, 0, 1) * np.float32(_ALL)).astype(np.uint8)


def _around(rows, choose):
    """Least or greatest of the 3 x 3 pixels around each: (h - 2, W, C) from (h, W, C)."""
    upright = choose(choose(rows[:-2], rows[1:-1]), rows[2:])
    found = upright.copy()
    found[:, 1:] = choose(found[:, 1:], upright[:, :-1])
    found[:, :-1] = choose(found[:, :-1], upright[:, 1:])
    return found


def _between(field, axes, join):
    """Neighbours along axes, joined two by two."""
    for axis in axes:
        size = field.shape[axis]
        field = join(field[_part(axis, 0, size - 1)], field[_part(axis, 1, size)])
    return field


def _mix(fraction, one, other):
    return one + np.float32(fraction) * (other - one)


def sharpened(image: np.ndarray, kin: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    """The colours (H, W, C) that the tents of a displacement (H, W, 2) carry; `splat.Splatter` makes them in bands."""
    fraction = displacement - np.floor(displacement)
    colours = image.astype(np.float32)
    for index, (second, sixth) in enumerate(differences(image, kin)):
        spread = (fraction[..., index] * (fraction[..., index] - 1))[..., None]  # -v
        colours += spread * (second / 2 + spread * spread * (np.float32(SIXTH) * sixth))
    return colours


def _but_last(axis):
    return _part(axis, 0, -1)


def _but_first(axis):
    return _part(axis, 1, None)


def _part(axis, first, last):
    return (slice(first, last), slice(None)) if axis == 0 else (slice(None), slice(first, last))
