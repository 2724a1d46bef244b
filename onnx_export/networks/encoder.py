"""EncoderNet: where something moves and how much, and which cells belong together.

Sizes are arguments, so that a wider checkpoint goes through the same export and tests.
"""

import torch
import torch.nn.functional as F
from torch import nn

from gid_core.model.contract import PAIRS

from ..scenes.motion import FREQUENCIES
from .backbone import CHANNELS
from .blocks import conv, doubled, residuals

__all__ = ["EncoderNet", "GroupNet", "WhereNet"]

_N_FREQS = len(FREQUENCIES)


class _Trunk(nn.Module):
    """Pixels and features at strides 4, 8, 16 -> what they show, (N, width, H/8, W/8) and (N, fine, H/4, W/4)."""

    def __init__(self, width, fine, fine_blocks, overlooked=0.5):
        super().__init__()
        c4, c8, c16 = CHANNELS
        self.in16 = nn.Conv2d(c16, width, 1)
        self.blocks16 = residuals(width, (1, 2))
        self.overview = nn.Linear(width, width)
        self.overlooked = overlooked  # part of the training pictures whose overview is hidden: local evidence must do
        self.in8 = nn.Conv2d(c8, width, 1)
        self.blocks8 = residuals(width, (1, 2))
        self.in4, self.narrow = nn.Conv2d(c4, fine, 1), nn.Conv2d(width, fine, 1)
        self.pixels = nn.Sequential(conv(3, fine // 2, 3, 2), nn.SiLU(), conv(fine // 2, fine, 3, 2))
        self.blocks4 = residuals(fine, (1,) * fine_blocks)

    def forward(self, rgb, f4, f8, f16):
        x16 = self.blocks16(self.in16(f16))
        overview = self.overview(x16.mean((2, 3)))
        if self.training:
            overview = overview * (torch.rand(len(overview), 1, device=overview.device) > self.overlooked)
        x16 = x16 + overview[:, :, None, None]
        x8 = self.blocks8(doubled(x16, "bilinear") + self.in8(f8))
        x4 = doubled(self.narrow(x8), "bilinear") + self.in4(f4) + self.pixels(rgb - 0.5)
        return x8, F.silu(self.blocks4(x4))


class WhereNet(nn.Module):
    """What moves, how far and how fast: forward(rgb, features at strides 4, 8, 16) returns the alive logit
    (N, 1, H/4, W/4) and e (N, K, H/4, W/4) with E = s e^2."""

    def __init__(self, width=96, fine=48):
        super().__init__()
        self.trunk = _Trunk(width, fine, fine_blocks=2)
        self.out = conv(fine, _N_FREQS + 1)

    def forward(self, rgb, f4, f8, f16):
        _, x4 = self.trunk(rgb, f4, f8, f16)
        out = self.out(x4)
        return out[:, :1], F.softplus(out[:, 1:] - 1)


class GroupNet(nn.Module):
    """Which cells belong together: forward(rgb, features at strides 4, 8, 16) returns the affinity logits
    (N, len(PAIRS), H/8, W/8), the shape (N, 5, H/8, W/8) as motion.shape_truth has it, and the flow's condition
    (N, features, H/8, W/8).

    The shape is read in training alone: who must tell where a cell's object has its middle, its size and its axis,
    tells better where it ends (Sheridan et al., Local Shape Descriptors, Nature Methods 2023), and the flow reads the
    axis in the condition.
    """

    def __init__(self, width=96, fine=48):
        super().__init__()
        self.trunk = _Trunk(width, fine, fine_blocks=2)
        self.edges = conv(fine, width, 3, 2)
        self.enter = nn.Conv2d(2 * width + CHANNELS[1], width, 1)
        self.blocks = residuals(width, (1, 2, 1, 4, 1))
        self.affinity, self.shape = conv(width, len(PAIRS)), conv(width, 5)
        self.features = 2 * width

    def forward(self, rgb, f4, f8, f16):
        x8, x4 = self.trunk(rgb, f4, f8, f16)
        inside = self.blocks(self.enter(torch.cat([x8, self.edges(x4), f8], 1)))
        shown = F.silu(inside)
        return self.affinity(shown), self.shape(shown), torch.cat([x8, inside], 1)


class EncoderNet(nn.Module):
    """Features of the backbone -> what the picture decides, by networks that share nothing but the backbone.

    forward(rgb, features at strides 4, 8, 16) returns the alive logit, e, the affinity logits and the flow's condition.
    mirrored: the same four of the picture with left and right exchanged; the affinities are then a mean of both views,
    which errs less: contrast +.010 on 256 scenes. For what is alive a second view does not pay.
    `where` tells what is alive, `reach` how far it moves: the same network trained longer. What it learns of amplitudes
    goes on paying when its eye for what moves begins to specialise on the things of the training
    (docs/research/model.md). Photographs teach these two alone, for only scenes know their objects; `groups` has its
    whole width for them.
    """

    def __init__(self, where=None, reach=None, groups=None):
        super().__init__()
        self.where, self.reach, self.groups = where or WhereNet(), reach or WhereNet(), groups or GroupNet()
        self.features = self.groups.features

    def forward(self, rgb, f4, f8, f16, mirrored=None):
        seen = rgb, f4, f8, f16
        affinity, features = self.together(seen, mirrored)
        (alive, _), (_, e) = self.where(*seen), self.reach(*seen)
        return alive, e, affinity, features

    def together(self, seen, mirrored=None):
        """The last two of `forward` alone, of (rgb, features) of one view or both."""
        if mirrored is None:
            affinity, _, features = self.groups(*seen)
            return affinity, features
        # Both views at once: one pass over the weights, half of the graph's nodes.
        affinity, _, features = self.groups(*(torch.cat(views) for views in zip(seen, mirrored, strict=True)))
        (affinity, other), (features, _) = affinity.chunk(2), features.chunk(2)
        return (affinity + _unmirrored(other)) / 2, features


def _unmirrored(affinity):
    """Affinities (N, len(PAIRS), h, w) of a mirrored picture -> those of the picture."""
    seen, found = affinity.flip(-1), []
    for index, (down, right) in enumerate(PAIRS):
        if (down, -right) in PAIRS:
            found.append(seen[:, PAIRS.index((down, -right))])
        else:  # along a row a pair goes by its left cell, which the mirror shows as the right one
            found.append(torch.cat([seen[:, index, :, right:], seen[:, index, :, :right]], -1))
    return torch.stack(found, 1)
