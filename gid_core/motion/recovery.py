"""A motion from a volume that was kept without one, as version 0.1.0 did: the split into E and z is made anew."""

import numpy as np

from .motion import Motion
from .volume import SpectralVolume

__all__ = ["recovered"]


def recovered(volume: SpectralVolume, picture: np.ndarray) -> Motion:
    """The motion whose volume is `volume` to float32: E = |S|, z = S / E on the volume's own grid, 0 where E is 0.

    Mask and border of the volume are not in it. An edit changes what is still there: where a mask was folded into the
    volume nothing is left to be strengthened but by the rules of sway.

    Args:
        picture: uint8 (H, W, 3), sRGB, the photo at the volume's grid.
    """
    amplitudes = volume.amplitudes.astype(np.complex128)
    envelope = np.sqrt((np.abs(amplitudes) ** 2).sum(-1)).astype(np.float32)
    z = amplitudes / np.where(envelope > 0, envelope, 1)[..., None]
    cells = (volume.height, volume.width)
    return Motion(
        envelope, z.astype(np.complex64), volume.frequencies, cells, picture, volume.provenance, volume.lookup
    )
