"""One picture that shows a motion at a glance: the contact sheet.

Six tiles: the still; where it moves (the line marks the slice); the slice itself, time running down over one loop;
the phase of two modes as hue; the spectrum.
"""

import numpy as np

from ..files.colour import decode_srgb
from ..files.image_io import resize
from ..motion import synth
from ..motion.timeline import LoopPlan
from ..motion.volume import SpectralVolume
from .renderer import LoopRenderer

__all__ = ["contact_sheet"]

TILE_LONG_SIDE = 384
_GAP = 6
_BACKGROUND = 0.012  # linear; a dark grey
_BAND = 20  # rows of the volume's grid above and below the slice: more than anything moves there
_SLICE_FRAMES = 240  # at most; longer loops are sampled
_FULL_PX = 2.0  # motion that shows at full brightness, px of the volume's grid


def contact_sheet(still: np.ndarray, volume: SpectralVolume, plan: LoopPlan) -> np.ndarray:
    """float32 (H, W, 3), linear light.

    Args:
        still: float32 (h, w, 3|4), linear, premultiplied.
    """
    scale = TILE_LONG_SIDE / max(volume.height, volume.width)
    width, height = max(8, round(volume.width * scale)), max(8, round(volume.height * scale))
    motion = synth.mean_motion(volume, volume.width, volume.height)
    row = int(np.argmax(_smoothed(motion.mean(1))))
    weighed = volume.weighed()
    slow, fast = _two_modes(weighed)
    tiles = [
        _tile(still[..., :3], width, height),
        _tile(_where(resize(still[..., :3], volume.width, volume.height), motion, row), width, height),
        _tile(_slice(still, volume, plan, row), width, height),
        _tile(_phase(weighed.amplitudes[slow]), width, height),
        _tile(_phase(weighed.amplitudes[fast]), width, height),
        _spectrum(weighed, width, height),
    ]
    sheet = np.full((2 * height + 3 * _GAP, 3 * width + 4 * _GAP, 3), _BACKGROUND, np.float32)
    for index, tile in enumerate(tiles):
        top = _GAP + (index // 3) * (height + _GAP)
        left = _GAP + (index % 3) * (width + _GAP)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def _tile(image, width, height):
    return resize(image, width, height)


def _smoothed(values):
    return np.convolve(values, np.ones(5) / 5, mode="same")


def _two_modes(volume):
    """The strongest mode of the slower and of the faster half."""
    energy = (np.abs(volume.amplitudes) ** 2).sum((1, 2, 3))
    half = max(1, volume.n_freqs // 2)
    return int(np.argmax(energy[:half])), int(
        min(half, volume.n_freqs - 1) + np.argmax(energy[half:] if half < volume.n_freqs else [0])
    )


def _where(picture, motion, row):
    """The picture dimmed, motion in warm light on it, the slice's row as a thin line."""
    heat = np.clip(motion / _FULL_PX, 0, 1)[..., None]
    image = picture * (0.15 + 0.35 * heat) + heat * np.array([0.9, 0.35, 0.05], np.float32) * 0.6
    image[row] = 0.5 * image[row] + 0.5
    return image


def _slice(still, volume, plan, row):
    """One row of the picture over one loop: (frames, width, 3), time downwards. Only a band around it is rendered."""
    top, bottom = max(0, row - _BAND), min(volume.height, row + _BAND + 1)
    weight = volume.weight(volume.width, volume.height)
    mask = None if weight is None else weight[top:bottom]
    band = SpectralVolume(volume.amplitudes[:, top:bottom], volume.frequencies, mask=mask)
    picture = np.ascontiguousarray(resize(still, volume.width, volume.height)[top:bottom])
    renderer = LoopRenderer(picture, band, plan)
    frames = np.linspace(0, plan.n_frames, min(plan.n_frames, _SLICE_FRAMES), endpoint=False).astype(int)
    return np.stack([renderer.frame(int(frame))[row - top, :, :3] for frame in frames])


def _phase(mode):
    """Phase of the stronger axis as hue, magnitude as brightness: (H, W, 2) complex -> (H, W, 3) linear."""
    axis = int(np.argmax((np.abs(mode) ** 2).sum((0, 1))))
    strength = np.abs(mode[..., axis])
    hue = np.angle(mode[..., axis]) / (2 * np.pi) % 1 * 6
    colour = np.clip(np.stack([np.abs(hue - 3) - 1, 2 - np.abs(hue - 2), 2 - np.abs(hue - 4)], -1), 0, 1)
    full = float(np.percentile(strength[strength > 0], 90)) if (strength > 0).any() else 1.0
    return decode_srgb(colour * np.clip(strength / full, 0, 1)[..., None])


def _spectrum(volume, width, height):
    """RMS motion of each frequency as bars, the slowest on the left."""
    rms = np.sqrt((np.abs(volume.amplitudes) ** 2).sum(-1).mean((1, 2)))
    bars = np.rint(rms / (rms.max() or 1) * height * 0.85).astype(int)
    edges = np.linspace(0, width, len(bars) + 1).astype(int)
    tile = np.full((height, width, 3), _BACKGROUND, np.float32)
    for bar, left, right in zip(bars, edges[:-1], edges[1:], strict=True):
        tile[height - bar :, left + 1 : max(right - 1, left + 2)] = (0.75, 0.35, 0.08)
    return tile
