"""Frames from a still and a displacement by the ways that a sharpened softmax splat competes with."""

import numpy as np
from gid_dev.gid_core.frames.splat import HOLE, Splatter, finish, weight_of
from gid_dev.gid_core.motion.synth import mean_motion

_FOOT_PX = 0.1  # of the linear splat's weights: what rests weighs something, too


def bicubic(picture, x, y):
    """Samples (h, w, C) of a picture at columns x and rows y, Catmull-Rom; beyond the frame its border goes on."""
    height, width = picture.shape[:2]
    left, top = np.floor(x), np.floor(y)
    across, down = _taps((x - left).astype(np.float32)), _taps((y - top).astype(np.float32))
    columns = [np.clip(left.astype(np.intp) + offset, 0, width - 1) for offset in range(-1, 3)]
    rows = [np.clip(top.astype(np.intp) + offset, 0, height - 1) * width for offset in range(-1, 3)]
    flat = np.ascontiguousarray(picture, np.float32).reshape(height * width, -1)
    found = np.zeros((*np.shape(x), flat.shape[1]), np.float32)
    for row, part in zip(rows, down, strict=True):
        line = sum(flat[row + column] * share[..., None] for column, share in zip(columns, across, strict=True))
        found += part[..., None] * line
    return found


def average(renderer, number):
    return finish(*Splatter(renderer.still)(renderer.displacement(number)), renderer.plate)


def linear(renderer, number, volume):
    """Weighted by the mean motion."""
    height, width = renderer.still.shape[:2]
    weight = mean_motion(volume, width, height) + np.float32(_FOOT_PX)
    return finish(*Splatter(renderer.still, weight)(renderer.displacement(number)), renderer.plate)


def softmax(renderer, number):
    """As 0.1.0 did it."""
    return finish(*Splatter(renderer.still, weight_of(renderer.front))(renderer.displacement(number)), renderer.plate)


def inverse(renderer, number):
    """The splatted way back, then the still by bicubic; the plate where nothing lands."""
    displacement = renderer.displacement(number)
    back, weight = Splatter(-displacement, weight_of(renderer.front))(displacement)
    covered = weight > HOLE
    back /= np.where(covered, weight, 1)[..., None]
    return np.where(covered[..., None], _at(renderer.still, back), renderer.plate)


def backward(renderer, number):
    """The still at q - F(q): no splat, no holes, two silhouettes."""
    return _at(renderer.still, -renderer.displacement(number))


def _at(picture, offset):
    y, x = np.mgrid[: offset.shape[0], : offset.shape[1]].astype(np.float32)
    return bicubic(picture, x + offset[..., 0], y + offset[..., 1])


def _taps(f):
    return (
        ((-0.5 * f + 1) * f - 0.5) * f,
        (1.5 * f - 2.5) * f * f + 1,
        ((-1.5 * f + 2) * f + 0.5) * f,
        (0.5 * f - 0.5) * f * f,
    )
