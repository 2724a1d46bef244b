"""What the trained networks are made of."""

import torch.nn.functional as F
from torch import nn

__all__ = ["Residual", "conv", "doubled", "parameters", "residuals", "zero"]

_GROUPS = 8  # of channels that a norm treats as one


def conv(inputs, outputs, kernel=3, stride=1, dilation=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, dilation * (kernel // 2), dilation)


def zero(layer):
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def doubled(x, mode="nearest"):
    return F.interpolate(x, scale_factor=2, mode=mode)


def parameters(network) -> int:
    return sum(p.numel() for p in network.parameters())


class Residual(nn.Module):
    """Two convolutions behind group norms; `embedding` scales and shifts the middle. Starts as the identity."""

    def __init__(self, inputs, outputs, embedding=0, dilation=1):
        super().__init__()
        self.norm_in, self.conv_in = nn.GroupNorm(_GROUPS, inputs), conv(inputs, outputs, dilation=dilation)
        self.norm_out, self.conv_out = nn.GroupNorm(_GROUPS, outputs), zero(conv(outputs, outputs))
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.modulate = nn.Linear(embedding, 2 * outputs) if embedding else None

    def forward(self, x, embedding=None):
        y = self.norm_out(self.conv_in(F.silu(self.norm_in(x))))
        if self.modulate is not None:
            gain, shift = self.modulate(embedding)[:, :, None, None].chunk(2, 1)
            y = y * (1 + gain) + shift
        return self.skip(x) + self.conv_out(F.silu(y))


def residuals(width, dilations):
    return nn.Sequential(*(Residual(width, width, dilation=d) for d in dilations))
