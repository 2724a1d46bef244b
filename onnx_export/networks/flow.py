"""FlowNet: one step of the rectified flow, and what all its steps share of a picture.

Sizes are arguments, so that a wider checkpoint goes through the same export and tests.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from ..scenes.motion import FREQUENCIES
from .blocks import Residual, conv, doubled, zero

__all__ = ["N_FREQS", "FlowNet", "averaged"]

N_FREQS = len(FREQUENCIES)
_TIME_WAVES = 32
_TOLD = 48  # channels of what the encoder says that reach the flow
_ROUNDS = (2, 8)  # of averaging along the affinities: the near neighbours, and an object of 50 px
_SHARPNESS = 3  # power of the affinity, so that doubtful borders hold
_TRUST = 3  # logit of a border as it is told, before the flow makes its own of it


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
        self.down1, self.res1 = conv(fine, middle, 3, 2), Residual(middle, middle, embedding)
        self.down2 = conv(middle, deep, 3, 2)
        self.deep = nn.ModuleList([Residual(deep, deep, embedding) for _ in range(2)])
        self.up1, self.up0 = Residual(middle + deep, middle, embedding), conv(fine + middle, fine)
        self.res0 = Residual(fine, fine, embedding)
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
