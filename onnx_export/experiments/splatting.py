"""Which splat keeps what is in front in front: average, linear and softmax, with W from motion or learned.

Scenes are layers whose texture and outline are formulas, so the displaced frame is exact. What is nearer moves more in
four scenes of five, and less in the fifth: the rule that W comes from motion is a rule of thumb and is tested as one.
Figures count pixels whose source was visible: holes are the plate's work and no splat's.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from gid_core.frames import splat

from ..networks.splat import torch_splat

__all__ = ["KINDS", "Layers", "WeightNet", "frame_error", "made_layers", "weight_loss", "weights"]

KINDS = ("average", "linear", "softmax", "learned")
HEIGHT, WIDTH = 64, 96
_WAVES = 10
_REACH_PX = (1.0, 9.0)  # of the sway at this size
_NEAR_MOVES_MORE = 0.8


@dataclass(frozen=True, eq=False)
class Layers:
    """still, frame: float32 (H, W, 3); displacement (H, W, 2) px; mean_motion (H, W) px over a period; visible: bool
    (H, W), frame pixels whose source shows in the still; contested: those of them where two layers land."""

    still: np.ndarray
    frame: np.ndarray
    displacement: np.ndarray
    mean_motion: np.ndarray
    visible: np.ndarray
    contested: np.ndarray


def made_layers(seed: int, height: int = HEIGHT, width: int = WIDTH) -> Layers:
    """A background that stands and three to six textured bars and discs that sway, at one moment."""
    rng = np.random.default_rng([seed, 31])
    count = int(rng.integers(3, 7))
    reach = np.sort(rng.uniform(*_REACH_PX, count)) * width / WIDTH
    if rng.random() > _NEAR_MOVES_MORE:
        reach = reach[::-1]
    angle = rng.uniform(-0.5, 0.5, count)
    moment = rng.uniform(0.3, 1, count) * rng.choice([-1, 1], count)
    shift = (reach * moment)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    shift, reach = np.vstack([[0, 0], shift]), np.append(0, reach)
    textures = [_texture(rng) for _ in range(count + 1)]
    outlines = [lambda x, y: np.ones(x.shape, bool), *(_outline(rng, height, width) for _ in range(count))]
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)

    def composed(shifts):
        top, picture = np.zeros((height, width), int), np.zeros((height, width, 3), np.float32)
        for layer, (dx, dy) in enumerate(shifts):
            covered = outlines[layer](x - dx, y - dy)
            top[covered] = layer
            picture[covered] = textures[layer](x - dx, y - dy)[covered]
        return top, picture

    still_top, still = composed(np.zeros_like(shift))
    frame_top, frame = composed(shift)
    column = np.rint(x - shift[frame_top, 0]).astype(int)
    row = np.rint(y - shift[frame_top, 1]).astype(int)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    visible = inside & (still_top[row.clip(0, height - 1), column.clip(0, width - 1)] == frame_top)
    displacement = shift[still_top].astype(np.float32)
    landed = np.eye(count + 1, dtype=np.float32)[still_top]
    coverage, _ = splat.splat(landed, displacement)
    mean_motion = (reach * 2 / np.pi)[still_top].astype(np.float32)
    return Layers(still, frame, displacement, mean_motion, visible, visible & ((coverage > 0.2).sum(-1) > 1))


def _texture(rng):
    length = rng.uniform(6, 30, _WAVES)
    angle, phase = rng.uniform(0, 2 * np.pi, (2, _WAVES))
    colours = rng.normal(0, 0.4 / np.sqrt(_WAVES), (_WAVES, 3))
    base = rng.uniform(0.25, 0.75, 3)

    def texture(x, y):
        waves = 2 * np.pi * (np.cos(angle) * x[..., None] + np.sin(angle) * y[..., None]) / length + phase
        return (base + np.cos(waves) @ colours).astype(np.float32)

    return texture


def _outline(rng, height, width):
    cx, cy = rng.uniform(0.15, 0.85, 2) * (width, height)
    half, radius = rng.uniform(0.03, 0.07) * width, rng.uniform(0.08, 0.2) * width
    if rng.random() < 0.5:
        return lambda x, y: np.hypot(x - cx, y - cy) < radius
    return lambda x, y: (np.abs(x - cx) < half) & (y > cy - 2 * radius)


class WeightNet(nn.Module):
    """The learned W: picture and r (B, 4, H, W) -> log weight (B, H, W) within +-6, as wide as the product's."""

    def __init__(self, width=24):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(4, width, 5, padding=2),
            nn.SiLU(),
            nn.Conv2d(width, width, 5, padding=4, dilation=2),
            nn.SiLU(),
            nn.Conv2d(width, 1, 5, padding=2),
        )

    def forward(self, seen):
        return splat.SHARPNESS / 2 * torch.tanh(self.layers(seen)[:, 0])


def weight_loss(network, layers):
    """Mean absolute error of the visible pixels of a list of Layers; the paper's "baseline splat" learns W, too."""
    seen, displacement = _seen(layers), _channels_first([s.displacement for s in layers])
    frame, visible = _channels_first([s.frame for s in layers]), torch.from_numpy(np.stack([s.visible for s in layers]))
    weight = network(seen).float().exp()
    numerator, denominator = torch_splat(seen[:, :3], displacement, weight)
    found = numerator / denominator.clamp(min=splat.HOLE)[:, None]
    return ((found - frame).abs().mean(1) * visible).sum() / visible.sum()


def _channels_first(arrays):
    return torch.from_numpy(np.stack(arrays)).movedim(-1, 1)


def _front(layers):
    height, width = layers.mean_motion.shape
    return splat.importance(layers.mean_motion, width, height)


def _seen(layers):
    fronts = torch.from_numpy(np.stack([_front(s) for s in layers]))[:, None]
    return torch.cat([_channels_first([s.still for s in layers]), fronts], 1)


def weights(kind: str, layers: Layers, network=None):
    """The splatting weight (H, W) of one of `KINDS`; None for 1."""
    if kind == "average":
        return None
    if kind == "linear":
        return np.maximum(_front(layers), np.float32(1e-3))
    if kind == "softmax":
        return splat.weight_of(_front(layers))
    if kind != "learned":
        raise ValueError(f"a splat is one of {', '.join(KINDS)}, not {kind!r}")
    with torch.no_grad():
        return network(_seen([layers]))[0].exp().numpy()


def frame_error(layers: Layers, weight) -> dict:
    """{"visible", "contested"}: mean absolute error of the splatted frame over those pixels, in 0..1 of the picture."""
    found = splat.finish(*splat.splat(layers.still, layers.displacement, weight))
    error = np.abs(found - layers.frame).mean(-1)
    return {
        name: float(error[mask].mean())
        for name, mask in (("visible", layers.visible), ("contested", layers.contested))
        if mask.any()
    }
