"""Networks beside FlowNet: its slices made to see each other, and all harmonics at once in one pass.

Both keep FlowNet's blocks and arguments, so every loss and sampler takes either.
"""

import torch
import torch.nn.functional as F
from torch import nn

from ..networks.flow import FlowNet, averaged

__all__ = ["AttentiveFlowNet", "FrequencyAttention", "JointFlowNet"]

_HEADS, _GROUPS = 4, 8


class FrequencyAttention(nn.Module):
    """Every cell attends over its own K harmonics: x (B k, C, h, w) -> the same shape. Starts as the identity.

    Source: paper sec. 4.2, frequency-coordinated denoising; per position, as its reshape says.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.GroupNorm(_GROUPS, channels)
        self.ask, self.answer = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def forward(self, x, k: int):
        n, c, h, w = x.shape
        tokens = self.norm(x).view(n // k, k, c, h * w).permute(0, 3, 1, 2)  # (B, h w, k, C)
        asked = self.ask(tokens).unflatten(-1, (3, _HEADS, c // _HEADS)).permute(3, 0, 1, 4, 2, 5)
        found = F.scaled_dot_product_attention(*asked.flatten(1, 2))  # (B h w, heads, k, C / heads)
        found = self.answer(found.transpose(1, 2).reshape(n // k, h * w, k, c))
        return x + found.permute(0, 2, 3, 1).reshape(n, c, h, w)


class _Attended(nn.Module):
    """A block of FlowNet with attention behind it; `k` is set before each pass, None leaves the attention out."""

    def __init__(self, block, channels):
        super().__init__()
        self.block, self.attention, self.k = block, FrequencyAttention(channels), None

    def forward(self, x, embedding):
        y = self.block(x, embedding)
        return y if self.k is None else self.attention(y, self.k)


class AttentiveFlowNet(FlowNet):
    """FlowNet with attention over the harmonics at 1/16 and 1/32, trained in the paper's two stages (`stage`)."""

    def __init__(self, features=128, widths=(32, 64, 96), embedding=128):
        super().__init__(features, widths, embedding)
        self.res1 = _Attended(self.res1, widths[1])
        self.deep = nn.ModuleList([_Attended(block, widths[2]) for block in self.deep])
        self.is_coordinated = False

    @classmethod
    def around(cls, flow: FlowNet):
        """The same slices with an attention that changes nothing yet."""
        network = cls(flow.features)
        names = [name for name in network.state_dict() if ".attention." not in name]  # in the order of flow's
        network.load_state_dict(dict(zip(names, flow.state_dict().values(), strict=True)), strict=False)
        return network

    def stage(self, is_coordinated: bool):
        """First the slices alone; then the slices are frozen and only the attention learns."""
        self.is_coordinated = is_coordinated
        for name, weight in self.named_parameters():
            weight.requires_grad_((".attention." in name) == is_coordinated)
        return self

    def forward(self, z, *told):
        for module in (self.res1, *self.deep):
            module.k = z.shape[1] if self.is_coordinated else None
        return super().forward(z, *told)


class JointFlowNet(FlowNet):
    """One pass for all 4K channels: what a slice was to FlowNet the whole volume is here.

    The envelopes of all harmonics join the features; the blocks and their widths are FlowNet's own.
    Source: paper table 2, "all 4K channels at once".
    """

    def __init__(self, features: int, n_freqs: int):
        super().__init__(features + n_freqs)
        fine = self.enter.out_channels
        means = self.leave.in_channels - fine
        # An envelope is no channel of its own here.
        self.enter = nn.Conv2d((4 + means) * n_freqs, fine, 3, padding=1, bias=False)
        self.leave = nn.Conv2d(fine + means * n_freqs, 4 * n_freqs, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, z, t, slices, envelope, affinity, features, wind):
        b, k, _, h, w = z.shape
        entry, bonds = self.told(affinity, torch.cat([features, envelope], 1))
        means = averaged(z, bonds)
        seen = torch.cat([z, *means], 2).reshape(b, -1, h, w)
        y0 = self.through_scales(self.enter(seen) + entry, self.mix(self.when(t, wind)))
        means = torch.cat([x - z for x in means], 2).reshape(b, -1, h, w)
        return self.leave(torch.cat([F.silu(y0), means], 1)).view(b, k, 4, h, w)
