"""The closer look at objects: which of its cells belong together, and which cell each place belongs to."""

import torch
import torch.nn.functional as F
from torch import nn

from gid_core.model.contract import AROUND, PAIRS, PLACES

from .blocks import conv, doubled, residuals, zero
from .encoder import GroupNet

__all__ = ["BorderNet"]

_KEY = 16  # numbers by which a place and a cell find that they are one object


class BorderNet(nn.Module):
    """forward(rgb, features at strides 4, 8, 16, told (N, features, H/16, W/16), known (N, len(PAIRS), H/16, W/16))
    returns logits: affinity (N, len(PAIRS), H/8, W/8), do two cells belong together, and own (N, len(AROUND),
    H/4, W/4), does a place belong to each of the cells around it.

    told, known: the features and the logits of the affinities of the first look, which sees half the size, so that its
    cells are the closer look's coarsest. The trunk is that of GroupNet, without the view of the whole, which the first
    look has had.
    """

    def __init__(self, width=96, fine=48):
        super().__init__()
        known = GroupNet(width, fine)
        self.trunk, self.edges, self.enter, self.blocks = known.trunk, known.edges, known.enter, known.blocks
        del self.trunk.overview
        self.affinity = known.affinity
        self.told = zero(nn.Conv2d(known.features + len(PAIRS), width, 1))
        self.place = nn.Parameter(torch.zeros(1, fine, 1, PLACES, 1, PLACES))  # in its cell
        self.inner, self.blocks4 = nn.Conv2d(width, fine, 1), residuals(fine, (1, 2))
        self.key, self.query = nn.Conv2d(width, _KEY, 1), conv(fine, _KEY)
        self.own = zero(conv(fine, len(AROUND)))

    def begin(self, groups: GroupNet):
        """Take what a trained `groups` knows; returns itself."""
        known = {n: w for n, w in groups.state_dict().items() if not n.startswith(("trunk.overview", "shape"))}
        self.load_state_dict(self.state_dict() | known)
        return self

    def forward(self, rgb, f4, f8, f16, told, known):
        trunk = self.trunk
        x16 = trunk.blocks16(trunk.in16(f16) + self.told(torch.cat([told, known / 4], 1)))
        x8 = trunk.blocks8(doubled(x16, "bilinear") + trunk.in8(f8))
        x4 = doubled(trunk.narrow(x8), "bilinear") + trunk.in4(f4) + trunk.pixels(rgb - 0.5)
        x4 = F.silu(trunk.blocks4(x4))
        shown = F.silu(self.blocks(self.enter(torch.cat([x8, self.edges(x4), f8], 1))))
        return self.affinity(shown), self._own(x4, shown)

    def _own(self, x4, shown):
        n, fine, (h, w) = len(x4), x4.shape[1], shown.shape[2:]
        x4 = x4 + doubled(self.inner(shown))
        x4 = (x4.view(n, fine, h, PLACES, w, PLACES) + self.place).view(n, fine, h * PLACES, w * PLACES)
        x4 = F.silu(self.blocks4(x4))
        query = self.query(x4).view(n, _KEY, h, PLACES, w, PLACES)
        key = F.pad(self.key(shown), (1, 1, 1, 1))
        alike = [
            (query * key[:, :, 1 + i : 1 + i + h, None, 1 + j : 1 + j + w, None]).sum(1).view(n, h * PLACES, w * PLACES)
            for i, j in AROUND
        ]
        return self.own(x4) + torch.stack(alike, 1)
