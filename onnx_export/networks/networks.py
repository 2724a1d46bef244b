"""The trained networks: EncoderNet (where and how much; which cells belong together) and FlowNet (one denoising step).

Sizes are arguments, so that a wider checkpoint goes through the same export and tests.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from gid_core.model.contract import PAIRS

from ..scenes.motion import FREQUENCIES
from .backbone import CHANNELS

__all__ = ["EncoderNet", "FlowNet", "GroupNet", "WhereNet", "averaged", "conv", "doubled", "parameters", "zero"]

N_FREQS = len(FREQUENCIES)
_GROUPS = 8
_TIME_WAVES = 32
_TOLD = 48  # channels of what the encoder says that reach the flow
_ROUNDS = (2, 8)  # of averaging along the affinities: the near neighbours, and an object of 50 px
_SHARPNESS = 3  # power of the affinity, so that doubtful borders hold
_TRUST = 3  # logit of a border as it is told, before the flow makes its own of it


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


class _Residual(nn.Module):
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


def _blocks(width, dilations):
    return nn.Sequential(*(_Residual(width, width, dilation=d) for d in dilations))


class _Trunk(nn.Module):
    """Pixels and features at strides 4, 8, 16 -> what they show, (N, width, H/8, W/8) and (N, fine, H/4, W/4)."""

    def __init__(self, width, fine, fine_blocks, overlooked=0.5):
        super().__init__()
        c4, c8, c16 = CHANNELS
        self.in16 = nn.Conv2d(c16, width, 1)
        self.blocks16 = _blocks(width, (1, 2))
        self.overview = nn.Linear(width, width)
        self.overlooked = overlooked  # part of the training pictures whose overview is hidden: local evidence must do
        self.in8 = nn.Conv2d(c8, width, 1)
        self.blocks8 = _blocks(width, (1, 2))
        self.in4, self.narrow = nn.Conv2d(c4, fine, 1), nn.Conv2d(width, fine, 1)
        self.pixels = nn.Sequential(conv(3, fine // 2, 3, 2), nn.SiLU(), conv(fine // 2, fine, 3, 2))
        self.blocks4 = _blocks(fine, (1,) * fine_blocks)

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
        self.out = conv(fine, N_FREQS + 1)

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
        self.blocks = _blocks(width, (1, 2, 1, 4, 1))
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
        affinity, _, features = self.groups(*seen)
        if mirrored is not None:
            affinity = (affinity + _unmirrored(self.groups(*mirrored)[0])) / 2
        (alive, _), (_, e) = self.where(*seen), self.reach(*seen)
        return alive, e, affinity, features


def _unmirrored(affinity):
    """Affinities (N, len(PAIRS), h, w) of a mirrored picture -> those of the picture."""
    seen, found = affinity.flip(-1), []
    for index, (down, right) in enumerate(PAIRS):
        if (down, -right) in PAIRS:
            found.append(seen[:, PAIRS.index((down, -right))])
        else:  # along a row a pair goes by its left cell, which the mirror shows as the right one
            found.append(torch.cat([seen[:, index, :, right:], seen[:, index, :, :right]], -1))
    return torch.stack(found, 1)


def averaged(z, bonds):
    """Means over the neighbourhood that the bonds open, after each of the numbers of rounds in _ROUNDS: lists of z.

    z (B, k, c, h, w), bonds (B, BONDS, h, w) of FlowNet.told.
    """
    h, w = z.shape[-2:]
    itself, right, left, down, up = (bond[:, None, None] for bond in bonds.unbind(1))
    found = []
    for step in range(1, max(_ROUNDS) + 1):
        wide = F.pad(z, (1, 1, 1, 1))
        across = right * wide[..., 1:-1, 2:] + left * wide[..., 1:-1, :w]
        z = itself * z + across + down * wide[..., 2:, 1:-1] + up * wide[..., :h, 1:-1]
        if step in _ROUNDS:
            found.append(z)
    return found


class FlowNet(nn.Module):
    """Velocity of the rectified flow, a U-Net over 1/8, 1/16, 1/32 whose weights all K slices share.

    Beside z the network sees z averaged along the affinities: what the cell's object does. Without it half of the
    contrast between objects was lost to noise left inside them (.13 against .27 of the start). The borders are told,
    and it corrects them by what it is told of the picture.

    What a picture says to all slices and steps alike (`told`) is apart from a step of one slice (`velocity`), so that
    it is computed once a picture; `forward` is both, for training.

    forward(z (B, k, 4, h, w), t (B,), slices (k,), envelope (B, k, h, w), affinity (B, 2, h, w),
    features (B, C, h, w), wind (B, 4)); h and w multiples of 4.
    """

    def __init__(self, features=128, widths=(32, 64, 96), embedding=128):
        super().__init__()
        self.features = features
        fine, middle, deep = widths
        self.condition = nn.Sequential(nn.Conv2d(features + 2, 96, 1), nn.SiLU(), conv(96, _TOLD))
        self.borders = zero(conv(_TOLD, 2))
        self.entry = conv(_TOLD, fine)
        self.frequency = nn.Embedding(N_FREQS, embedding)
        self.time = nn.Sequential(nn.Linear(2 * _TIME_WAVES, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.wind = nn.Linear(4, embedding)
        self.mix = nn.Sequential(nn.SiLU(), nn.Linear(embedding, embedding), nn.SiLU())
        self.enter = nn.Conv2d(4 * (1 + len(_ROUNDS)) + 1, fine, 3, padding=1, bias=False)  # `entry` has the bias
        self.down1, self.res1 = conv(fine, middle, 3, 2), _Residual(middle, middle, embedding)
        self.down2 = conv(middle, deep, 3, 2)
        self.deep = nn.ModuleList([_Residual(deep, deep, embedding) for _ in range(2)])
        self.up1, self.up0 = _Residual(middle + deep, middle, embedding), conv(fine + middle, fine)
        self.res0 = _Residual(fine, fine, embedding)
        self.leave = zero(conv(fine + 4 * len(_ROUNDS), 4))
        waves = torch.exp(torch.arange(_TIME_WAVES) * (-math.log(1000.0) / (_TIME_WAVES - 1))) * 1000
        self.register_buffer("waves", waves, persistent=False)

    def forward(self, z, t, slices, envelope, affinity, features, wind):
        entry, bonds = self.told(affinity, features)
        return self.velocity(z, t, wind, envelope, self.frequency(slices)[None], entry, bonds)

    def told(self, affinity, features):
        """Of a picture: entry (B, fine, h, w), its part of the first layer, and bonds (B, BONDS, h, w), the shares of a
        mean over a cell and its neighbours of one object, as contract.BONDS names them."""
        told = self.condition(torch.cat([features, affinity - 0.5], 1))
        tied = torch.sigmoid(_TRUST * (2 * affinity - 1) + self.borders(told)) ** _SHARPNESS
        right, down = F.pad(tied[:, 0, :, :-1], (0, 1)), F.pad(tied[:, 1, :-1], (0, 0, 0, 1))  # not over the rim
        left, up = F.pad(right[..., :-1], (1, 0)), F.pad(down[..., :-1, :], (0, 0, 1, 0))
        shares = torch.stack([torch.ones_like(right), right, left, down, up], 1)
        return self.entry(told), shares / shares.sum(1, keepdim=True)

    def velocity(self, z, t, wind, envelope, slices, entry, bonds):
        """One step of any slices: slices (B or 1, k, embedding), rows of `frequency`; entry and bonds of `told`."""
        b, k, _, h, w = z.shape
        embedded = self.mix((self.when(t, wind)[:, None] + slices).reshape(b * k, -1))
        means = averaged(z, bonds)
        x0 = self.enter(torch.cat([z, *means, envelope[:, :, None]], 2).reshape(b * k, -1, h, w))
        x0 = (x0.view(b, k, -1, h, w) + entry[:, None]).reshape(b * k, -1, h, w)
        y0 = self.through_scales(x0, embedded)
        means = torch.cat([x - z for x in means], 2).reshape(b * k, -1, h, w)
        return self.leave(torch.cat([F.silu(y0), means], 1)).view(b, k, 4, h, w)

    def when(self, t, wind):
        """Time (B,) and wind (B, 4) as an embedding (B, embedding)."""
        angle = self.waves * t[:, None]
        return self.time(torch.cat([angle.sin(), angle.cos()], 1)) + self.wind(wind)

    def through_scales(self, x0, embedded):
        """Down to 1/32 and up again: (n, fine, h, w), (n, embedding) -> (n, fine, h, w)."""
        x1 = self.res1(self.down1(x0), embedded)
        x2 = self.down2(x1)
        for block in self.deep:
            x2 = block(x2, embedded)
        y1 = self.up1(torch.cat([x1, doubled(x2)], 1), embedded)
        return self.res0(self.up0(torch.cat([x0, doubled(y1)], 1)), embedded)
