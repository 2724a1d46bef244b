"""Colours sharpened by what landing between pixels will blur.

A tent that lands a fraction f beyond a pixel is shared out as (1 - f, f): a blur of variance v = f (1 - f) in x, and
likewise in y. Its inverse, as a series of second and fourth differences, is
I - v/2 I_xx + v^2/2 I_xxxx (and the same in y). The series of 1 / sqrt(1 - 4 v sin^2(w/2)) has 3/8 for the 1/2: as it
ends here, a little more stands for the terms that are missing. Each pixel is sharpened by its own v, so that a frame
is as sharp as the still wherever its pixels land, and one that rests keeps its colour bit for bit.

A neighbour that moves otherwise, or lies in another layer, will not be beside the pixel when it lands: it must not
sharpen it, or silhouettes come out dotted. *Kin* says how far to each side neighbours go along; beyond, the pixel's
own colour stands in for theirs.
"""

import numpy as np

__all__ = ["APART_PX", "FOURTH", "LAYERS", "differences", "kin", "sharpened"]

APART_PX = 0.3  # two neighbours whose motion differs by more (RMS over time) move apart
LAYERS = 3.0  # two neighbours whose weights differ by more than this factor lie in two layers
FOURTH = 0.7  # of v^2 I_xxxx


def kin(fields, weight: np.ndarray) -> np.ndarray:
    """How many pixels to the right, to the left, below and above move along with each pixel: uint8 (H, W, 4), 0..2.

    Args:
        fields: displacements (H, W, 2) in px at a few moments that stand for all.
        weight: splatting weight (H, W).
    """
    height, width = weight.shape
    steps = [np.zeros((height, width), np.float32) for _ in range(2)]
    n_fields = 0
    for field in fields:
        n_fields += 1
        for axis, step in zip((1, 0), steps, strict=True):
            change = np.diff(field, axis=axis)
            step[_but_last(axis)] += (change**2).sum(-1)
    found = np.zeros((height, width, 4), np.uint8)
    for axis, step, (ahead, behind) in zip((1, 0), steps, ((0, 1), (2, 3)), strict=True):
        first, second = weight[_but_last(axis)], weight[_but_first(axis)]
        is_one_layer = np.maximum(first, second) <= np.float32(LAYERS) * np.minimum(first, second)
        along = (step[_but_last(axis)] <= np.float32(APART_PX**2 * n_fields)) & is_one_layer
        for channel, (here, there) in ((ahead, (_but_last, _but_first)), (behind, (_but_first, _but_last))):
            reach = found[..., channel]
            reach[here(axis)] = along
            reach[here(axis)] += along * (reach[there(axis)].copy() > 0)
    return found


def differences(image: np.ndarray, kin: np.ndarray) -> np.ndarray:
    """Second and fourth differences in x and in y, kin alone: float32 (2, 2, H, W, C), axis then order."""
    found = np.zeros((2, 2, *image.shape), np.float32)
    for index, axis in enumerate((1, 0)):
        second, fourth = found[index]
        for side, sign in ((0, 1), (1, -1)):
            reach = kin[..., 2 * index + side]
            for offset, shares in ((1, ((second, 1), (fourth, -4))), (2, ((fourth, 1),))):
                if image.shape[axis] <= offset:
                    continue
                here, there = _but_last(axis, offset), _but_first(axis, offset)
                here, there = (here, there) if sign > 0 else (there, here)
                step = (image[there] - image[here]) * (reach[here] >= offset)[..., None]
                for total, times in shares:
                    total[here] += step if times == 1 else np.float32(times) * step
    return found


def sharpened(image: np.ndarray, kin: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    """The colours (H, W, C) that the tents of a displacement (H, W, 2) carry; `splat.Splatter` makes them in bands."""
    fraction = displacement - np.floor(displacement)
    colours = image.astype(np.float32)
    for index, (second, fourth) in enumerate(differences(image, kin)):
        half = (fraction[..., index] * (fraction[..., index] - 1) / 2)[..., None]  # -v/2
        colours += half * (second + half * (np.float32(4 * FOURTH) * fourth))
    return colours


def _but_last(axis, count=1):
    return (slice(None, -count), slice(None)) if axis == 0 else (slice(None), slice(None, -count))


def _but_first(axis, count=1):
    return (slice(count, None), slice(None)) if axis == 0 else (slice(None), slice(count, None))
