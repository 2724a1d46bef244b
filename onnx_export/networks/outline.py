"""The closer look: what is alive and where it ends, in a photo larger than the encoder saw it, told what that found."""

import torch
import torch.nn.functional as F
from torch import nn

from .blocks import conv, doubled, zero
from .encoder import WhereNet

__all__ = ["OutlineNet", "logit"]

_NEAR = 9  # cells within which it is told what the first look found at most and at least
_TOLD = 4
_SUREST = 1e-5


def logit(probability):
    """The log odds, of nothing surer than 1 in 100,000."""
    known = probability.clamp(_SUREST, 1 - _SUREST)
    return known.log() - (1 - known).log()


class OutlineNet(nn.Module):
    """forward(rgb, features at strides 4, 8, 16, coarse (N, 1, H/4, W/4)) returns the alive logit (N, 1, H/4, W/4).

    coarse: the alive logit of the first look. The trunk is that of `where`, without the view of the whole, which the
    first look has had; the last word is a weighted sum of both looks, which begins as their mean.
    """

    def __init__(self, width=96, fine=48):
        super().__init__()
        self.trunk = WhereNet(width, fine).trunk
        del self.trunk.overview
        self.told4, self.told8, self.told16 = (zero(conv(_TOLD, n)) for n in (fine, width, width))
        self.out = conv(fine, 1)
        self.share = nn.Parameter(torch.tensor([0.5, 0.5]))

    def begin(self, where: WhereNet):
        """Take what a trained `where` knows; returns itself."""
        known = where.state_dict()
        self.trunk.load_state_dict({n: w for n, w in where.trunk.state_dict().items() if not n.startswith("overview")})
        self.out.load_state_dict({"weight": known["out.weight"][:1], "bias": known["out.bias"][:1]})
        return self

    def forward(self, rgb, f4, f8, f16, coarse):
        trunk = self.trunk
        most, least = (F.max_pool2d(x, _NEAR, 1, _NEAR // 2) for x in (coarse, -coarse))
        told4 = torch.cat([coarse / 4, coarse.sigmoid(), most / 4, -least / 4], 1)
        told8 = F.avg_pool2d(told4, 2)
        x16 = trunk.blocks16(trunk.in16(f16) + self.told16(F.avg_pool2d(told8, 2)))
        x8 = trunk.blocks8(doubled(x16, "bilinear") + trunk.in8(f8) + self.told8(told8))
        x4 = doubled(trunk.narrow(x8), "bilinear") + trunk.in4(f4) + trunk.pixels(rgb - 0.5) + self.told4(told4)
        return self.share[0] * coarse + self.share[1] * self.out(F.silu(trunk.blocks4(x4)))
