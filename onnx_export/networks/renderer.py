"""The renderer: features of the still at three strides, splatted, and a decoder that corrects a frame.

No layer looks at a whole picture (no norm does), so that tiles agree with the whole. Untrained it changes nothing.
Source: Niklaus and Liu, Softmax Splatting (CVPR 2020); Generative Image Dynamics (CVPR 2024), sec. 5.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from gid_core.errors import SettingsError
from gid_core.frames.splat import PLATE_WEIGHT
from gid_core.model.contract import FEATURE_STRIDES

from . import backbone
from .blocks import conv, doubled, zero
from .splat import torch_splat

__all__ = ["Drawing", "FeatureNet", "RendererNet", "SynthesisNet", "reduced"]

CHANNELS = (4, 16, 24)  # of the features at each stride; the first is the log weight
_FULL, _HALF, _QUARTER = 12, 32, 48  # widths inside
_SURER = 2.0  # what the log weight is changed by at most
_STEP = 0.2  # of the last layer: unscaled its first steps tear the frame apart


@dataclass(frozen=True)
class Drawing:
    """How frames are drawn; the product's way by default.

    n_strides: at how many of `FEATURE_STRIDES` features are splatted, 0 to 3. begins: with the "best" classical frame,
    or with "nothing", and then the decoder draws alone. draws: the "change" of that frame; or, from still and time
    alone, the "flow" of each frame, by which the still is splatted, or its "pixels".
    """

    n_strides: int = 3
    begins: str = "best"
    draws: str = "change"

    def __post_init__(self):
        if self.n_strides > len(FEATURE_STRIDES):
            raise SettingsError(f"n_strides is {self.n_strides}: give 0 to {len(FEATURE_STRIDES)}")
        for name, choices in (("begins", ("best", "nothing")), ("draws", ("change", "flow", "pixels"))):
            if getattr(self, name) not in choices:
                raise SettingsError(f"{name} is {getattr(self, name)!r}: choose from {', '.join(choices)}")

    @property
    def knows_motion(self):
        """Whether it is told the motion, or must guess it from the time."""
        return self.draws == "change"


class _Block(nn.Module):
    """Two convolutions that add to what they see; starts as the identity."""

    def __init__(self, width, dilation=1):
        super().__init__()
        self.first, self.second = conv(width, width, dilation=dilation), zero(conv(width, width))

    def forward(self, x):
        return x + self.second(F.silu(self.first(F.silu(x))))


class FeatureNet(nn.Module):
    """sRGB in 0..1 (N, 3, H, W), sides multiples of 4 -> features at strides 1, 2, 4, of CHANNELS."""

    def __init__(self):
        super().__init__()
        full, half, quarter = CHANNELS
        self.frozen = backbone.pretrained().cut(1)
        self.in1, self.out1 = conv(3, _FULL), conv(_FULL, full)
        self.in2, self.out2 = conv(_FULL, _HALF, stride=2), conv(_HALF, half)
        self.in4, self.told4 = conv(_HALF, _HALF, stride=2), nn.Conv2d(backbone.CHANNELS[0], _HALF, 1)
        self.out4 = conv(_HALF, quarter)

    def forward(self, rgb):
        x1 = F.silu(self.in1(rgb - 0.5))
        x2 = F.silu(self.in2(x1))
        x4 = F.silu(self.in4(x2) + self.told4(self.frozen(rgb)[0]))
        return tuple(_bounded(out(x)) for out, x in ((self.out1, x1), (self.out2, x2), (self.out4, x4)))


def _bounded(features):
    return torch.cat([_SURER * torch.tanh(features[:, :1]), features[:, 1:]], 1)


class SynthesisNet(nn.Module):
    """A frame (N, 3, H, W) and the splatted features of strides 1, 2, 4 -> what is to be added to it, (N, 3, H, W).

    further: channels of the frame beyond three; outputs: in place of three.
    """

    def __init__(self, further=0, outputs=3):
        super().__init__()
        full, half, quarter = CHANNELS
        self.enter = conv(4 * (3 + further + full) + half, _HALF)
        self.block2, self.down = _Block(_HALF), conv(_HALF, _QUARTER, stride=2)
        self.in4 = nn.Conv2d(quarter, _QUARTER, 1)
        self.blocks4 = nn.Sequential(*(_Block(_QUARTER, dilation) for dilation in (1, 2, 1)))
        self.up = nn.Conv2d(_QUARTER, _HALF, 1)
        self.leave2, self.out = _Block(_HALF), zero(conv(_HALF, 4 * outputs))

    def forward(self, picture, full, half, quarter):
        x2 = self.block2(self.enter(torch.cat([F.pixel_unshuffle(torch.cat([picture, full], 1), 2), half], 1)))
        x4 = self.blocks4(self.down(F.silu(x2)) + self.in4(quarter))
        x2 = self.leave2(x2 + doubled(self.up(F.silu(x4)), "bilinear"))
        return _STEP * F.pixel_shuffle(self.out(F.silu(x2)), 2)


class RendererNet(nn.Module):
    """forward(still, best, displacement, weight, share, time) -> the frame (N, 3, H, W), sRGB.

    still, best: (N, 3, H, W), sRGB in 0..1. displacement: (N, 2, H, W), px; weight: (N, H, W), of the splats; share:
    (N, 1, H, W), of its change that each pixel takes. time: (N,), 0..1 of the loop, of which only drawings hear that do
    not know the motion.
    """

    def __init__(self, drawing: Drawing | None = None):
        super().__init__()
        self.drawing = drawing or Drawing()
        self.features = FeatureNet()
        knows = self.drawing.knows_motion
        self.synthesis = SynthesisNet(0 if knows else 2, 2 if self.drawing.draws == "flow" else 3)

    def forward(self, still, best, displacement, weight, share, time):
        drawing, features = self.drawing, self.features(still)
        if not drawing.knows_motion:
            return self._guessed(still, features, time)
        told = []
        for index, (feature, stride) in enumerate(zip(features, FEATURE_STRIDES.values(), strict=True)):
            if index < drawing.n_strides:
                told.append(_splatted(feature, *reduced(displacement, weight, stride)))
            else:
                told.append(torch.zeros_like(feature))
        if drawing.begins == "nothing":
            return 0.5 + self.synthesis(torch.zeros_like(best), *told) / _STEP
        return best + share * self.synthesis(best, *told)

    def _guessed(self, still, features, time):
        """The frame of a moment (N,), of whose motion nothing is known."""
        turn = 2 * torch.pi * time[:, None, None, None].expand(-1, 1, *still.shape[2:])
        found = self.synthesis(torch.cat([still, turn.cos(), turn.sin()], 1), *features) / _STEP
        if self.drawing.draws == "pixels":
            return still + found
        weight = torch.full_like(still[:, 0], 50 * PLATE_WEIGHT)
        numerator, coverage = torch_splat(still, found, weight)
        return (numerator + PLATE_WEIGHT * still) / (coverage + PLATE_WEIGHT)[:, None]


def reduced(displacement, weight, stride):
    """Motion (N, 2, H, W) and weight (N, H, W) of cells of a stride: what weighs more counts more."""
    mean = F.avg_pool2d(weight[:, None], stride)
    return F.avg_pool2d(displacement * weight[:, None], stride) / mean / stride, mean[:, 0]


def _splatted(feature, displacement, weight):
    numerator, coverage = torch_splat(feature[:, 1:], displacement, weight * feature[:, 0].float().exp())
    return torch.cat([coverage[:, None], numerator], 1) / (coverage + PLATE_WEIGHT)[:, None]
