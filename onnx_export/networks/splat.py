"""gid_core's splat for training: the same sums, of batches and with gradients."""

import torch

__all__ = ["torch_splat"]


def torch_splat(image, displacement, weight):
    """gid_core's splat for a batch, with gradients: (B, C, H, W), (B, 2, H, W), (B, H, W) -> the same two sums."""
    b, c, h, w = image.shape
    y, x = torch.meshgrid(torch.arange(h, device=image.device), torch.arange(w, device=image.device), indexing="ij")
    to_x, to_y = displacement[:, 0] + x, displacement[:, 1] + y
    left, top = to_x.floor(), to_y.floor()
    planes = torch.cat([image.float() * weight[:, None], weight[:, None]], 1).flatten(2)
    sums = torch.zeros(b, c + 1, h * w, device=image.device)
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = left + dx, top + dy
            share = (1 - (to_x - column).abs()) * (1 - (to_y - row).abs())
            inside = (column >= 0) & (column < w) & (row >= 0) & (row < h)
            index = (row.clamp(0, h - 1) * w + column.clamp(0, w - 1)).long().flatten(1)
            part = planes * (share * inside).flatten(1)[:, None]
            sums = sums.scatter_add(2, index[:, None].expand(-1, c + 1, -1), part)
    sums = sums.view(b, c + 1, h, w)
    return sums[:, :c], sums[:, c]
