"""The light of a clip: frames in which a lamp flickers, a cloud passes or the camera exposes anew, as the still is lit.

A tracker takes it that what moves keeps its brightness. Light changes smoothly over the picture, motion from place to
place: what the means of wide windows gain or lose is light. Where the whole picture keeps its brightness, as on a clear
day, nothing is changed at all, so that motion is measured on what was filmed.
"""

from dataclasses import replace

import numpy as np

from ..files.clips import Clip
from ..motion.guided import box_mean
from .flow import grey

__all__ = ["evened"]

_WIDE = 1 / 8  # radius of a window, of the long side: wide against what sways
_DARK = 8.0  # grey levels, added before brightnesses are compared: below, there is noise
_SAME = 0.02  # median change of brightness that is none; half the picture moves less than that by swaying


def evened(clip: Clip) -> Clip:
    """The clip with each frame lit as its rest frame."""
    height, width = clip.frames.shape[1:3]
    radius = max(1, round(_WIDE * max(height, width)))
    still = _lit(clip.still, radius)
    frames = clip.frames.copy()
    for index, frame in enumerate(clip.frames):
        gain = still / _lit(frame, radius)
        if np.median(np.abs(np.log(gain))) > _SAME:
            frames[index] = np.clip(np.rint((frame + _DARK) * gain[..., None] - _DARK), 0, 255)
    return replace(clip, frames=frames)


def _lit(frame, radius):
    """How brightly each place is lit, grey levels (H, W)."""
    light = grey(frame).astype(np.float32) + np.float32(_DARK)
    return box_mean(box_mean(light, radius), radius)
