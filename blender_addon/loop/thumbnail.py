"""What a take looks like in a list: the photo in grey, and over it what moves. Arrays, no datablocks."""

import numpy as np

from ...gid_core.motion.volume import SpectralVolume

__all__ = ["of"]

_ALIVE = 0.15  # of the largest motion: what moves less is shown as the photo, without colour


def of(volume: SpectralVolume, picture: np.ndarray) -> np.ndarray:
    """Float (H, W, 3), 0..1 as a screen shows it: what moves is coloured by when it swings, together in one colour.

    picture: the photo on the volume's grid, uint8 (H, W, 3).
    """
    strongest = int(np.argmax((np.abs(volume.amplitudes) ** 2).sum((1, 2, 3))))
    mode = volume.amplitudes[strongest]
    axis = int(np.argmax((np.abs(mode) ** 2).sum((0, 1))))
    strength, hue = np.abs(mode[..., axis]), np.angle(mode[..., axis]) / (2 * np.pi) % 1 * 6
    colour = np.clip(np.stack([np.abs(hue - 3) - 1, 2 - np.abs(hue - 2), 2 - np.abs(hue - 4)], -1), 0, 1)
    grey = (picture @ np.array([0.2126, 0.7152, 0.0722], np.float32) / 255)[..., None]
    share = np.clip(strength / (_ALIVE * (float(np.percentile(strength, 99)) or 1.0)), 0, 1)[..., None]
    return grey * (1 - 0.6 * share) + 0.6 * share * colour
