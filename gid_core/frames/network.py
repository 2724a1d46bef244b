"""Frames by a network: features of the still, splatted at three scales, and a decoder that corrects the best frame.

Features are made once a still and the correction once a frame, both in tiles that overlap by as much as a pixel's
answer depends on: no seam shows, and memory does not grow with the picture. The splats between them are ours.
The network sees sRGB in 0..1, and what it changes there is added to the linear frame, so that light beyond 1 stays.
Pixels where nothing moves remain as the best renderer draws them, to the bit.
Source: Generative Image Dynamics (CVPR 2024), sec. 5; Niklaus and Liu, Softmax Splatting (CVPR 2020).
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from ..files.colour import decode_srgb, encode_srgb
from ..model import session
from ..model.contract import FEATURE_STRIDES, RENDERING
from .best import BestRenderer
from .splat import PLATE_WEIGHT, Splatter

__all__ = ["OVERLAP_PX", "NetworkRenderer", "change_share", "in_tiles", "seen"]

OVERLAP_PX = 48  # how far around a pixel lies what the decoder's answer for it depends on
TILE_PX = 512
_BAND_ROWS = 128  # changed at a time: a few MB
_WHOLE_PX = 0.5  # of motion: from there on the network changes a pixel as it likes
_COARSEST = max(FEATURE_STRIDES.values())


class NetworkRenderer(BestRenderer):
    """Renders one loop; takes what `LoopRenderer` takes, keeps what it promises.

    A plate that is given shows in holes as it is. Opacity is the best renderer's, and colours stay within it.
    Frames raise ModelError if the shipped model has no networks that draw, or if they do not run here.
    """

    roles = RENDERING

    @cached_property
    def _model(self):
        return session.load_model(roles=self.roles)

    @cached_property
    def _feature_splatters(self):
        """{name: `Splatter` of the features of that stride}; the first of them is a correction of the log weight."""
        rgb = _channels_first(seen(self.still))
        found = in_tiles(lambda tile: self._model.run("features", tile), {"rgb": rgb}, FEATURE_STRIDES)
        made = {}
        for name, stride in FEATURE_STRIDES.items():
            feature = found.pop(name)[0].transpose(1, 2, 0)
            weight = _blocks(_padded(self.weights), stride).mean((1, 3)) * np.exp(feature[..., 0])
            made[name] = Splatter(feature[..., 1:], weight)
        return made

    def frame(self, frame) -> np.ndarray:
        """The picture at one frame: float32 (H, W, C); the still, bit for bit, when nothing is displaced at all."""
        displacement = self.displacement(frame)
        if not displacement.any():
            return self.still.copy()
        picture, back, coverage = self.drawn(displacement)
        share = change_share(displacement, back)
        if self._is_plate_given or self.plate is None:
            share *= coverage / (coverage + np.float32(PLATE_WEIGHT))
        del back, coverage
        inputs = {**self._splatted(displacement), "picture": _channels_first(seen(picture))}
        change = in_tiles(lambda tile: self._model.run("synthesis", tile), inputs, {"change": 1})["change"]
        encoded, change = (array[0].transpose(1, 2, 0) for array in (inputs["picture"], change))
        return _changed(picture, encoded, change, share)

    def _splatted(self, displacement):
        """What the decoder is told: {name: (1, channels, H/stride, W/stride)}, coverage in place of the weight."""
        displacement, weight = _padded(displacement), _padded(self.weights)[..., None]
        told = {}
        for name, stride in FEATURE_STRIDES.items():
            field = _blocks(displacement * weight, stride).sum((1, 3)) / _blocks(weight, stride).sum((1, 3)) / stride
            numerator, coverage = self._feature_splatters[name](field)
            landed = np.empty((1, 1 + numerator.shape[2], *coverage.shape), np.float32)
            landed[0, 0], landed[0, 1:] = coverage, numerator.transpose(2, 0, 1)
            landed /= coverage + np.float32(PLATE_WEIGHT)
            told[name] = landed
        return told


def seen(picture: np.ndarray) -> np.ndarray:
    """What the network sees of a linear picture (H, W, C): sRGB in 0..1, float32 (H, W, 3)."""
    return np.clip(encode_srgb(np.clip(picture[..., :3], 0, 1)), 0, 1)


def change_share(displacement: np.ndarray, back: np.ndarray) -> np.ndarray:
    """How much of its change each pixel takes, 0..1 (H, W): nothing where it rests and nothing came to it.

    Args:
        displacement: (H, W, 2), px, as `BestRenderer.drawn` takes it.
        back: likewise, as that gives it.
    """
    motion = np.maximum(np.hypot(*np.moveaxis(displacement, -1, 0)), np.hypot(*np.moveaxis(back, -1, 0)))
    return np.minimum(motion / np.float32(_WHOLE_PX), 1)


def in_tiles(run: Callable[[dict], dict], inputs: dict, strides: dict) -> dict:
    """What `run` makes of large arrays, tile by tile: {name: float32 (1, C, H/stride, W/stride)}.

    Args:
        run: function of arrays by name, which gives arrays by name.
        inputs: (1, C, H/stride, W/stride) each; the first of them has stride 1.
        strides: of the outputs.
    """
    height, width = next(iter(inputs.values())).shape[2:]
    made: dict = {}
    for rows, wide_rows in _spans(height):
        for columns, wide_columns in _spans(width):
            tile = {
                name: np.ascontiguousarray(_cut(array, wide_rows, wide_columns, height // array.shape[2]))
                for name, array in inputs.items()
            }
            found = run(tile)
            inner_rows = rows[0] - wide_rows[0], rows[1] - wide_rows[0]
            inner_columns = columns[0] - wide_columns[0], columns[1] - wide_columns[0]
            for name, stride in strides.items():
                if name not in made:
                    shape = (1, found[name].shape[1], height // stride, width // stride)
                    made[name] = np.empty(shape, np.float32)
                _cut(made[name], rows, columns, stride)[...] = _cut(found[name], inner_rows, inner_columns, stride)
    return made


def _spans(size):
    """(first, end) of each tile along an axis, and the same with what it overlaps."""
    for first in range(0, size, TILE_PX):
        end = min(first + TILE_PX, size)
        yield (first, end), (max(0, first - OVERLAP_PX), min(size, end + OVERLAP_PX))


def _cut(array, rows, columns, stride):
    return array[..., rows[0] // stride : rows[1] // stride, columns[0] // stride : columns[1] // stride]


def _padded(picture):
    """(H, W, ...) with its border repeated until both sides are multiples of the coarsest stride."""
    more = [(0, -size % _COARSEST) for size in picture.shape[:2]] + [(0, 0)] * (picture.ndim - 2)
    return np.pad(picture, more, mode="edge")


def _blocks(picture, stride):
    """(H/stride, stride, W/stride, stride, ...) of (H, W, ...)."""
    height, width = picture.shape[:2]
    return picture.reshape(height // stride, stride, width // stride, stride, *picture.shape[2:])


def _channels_first(picture):
    """(1, C, H, W) of (H, W, C), both sides grown as `_padded` has it."""
    return np.ascontiguousarray(_padded(picture).transpose(2, 0, 1)[None], np.float32)


def _changed(picture, encoded, change, share):
    """A linear picture (H, W, C) that takes a share (H, W) of a change of its sRGB; both may be padded, (H', W', 3)."""
    height, width, channels = picture.shape
    found = np.empty_like(picture)
    for top in range(0, height, _BAND_ROWS):
        rows = np.s_[top : min(top + _BAND_ROWS, height), :width]
        shown = encoded[rows]
        more = decode_srgb(np.clip(shown + change[rows] * share[rows][..., None], 0, 1)) - decode_srgb(shown)
        colours, changed = picture[rows][..., :3], found[rows]
        if channels == 4:
            alpha = changed[..., 3:] = picture[rows][..., 3:]
            changed[..., :3] = np.clip(colours + alpha * more, 0, np.maximum(alpha, colours))
        else:
            np.maximum(colours + more, 0, out=changed)
    return found
