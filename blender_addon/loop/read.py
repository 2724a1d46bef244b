"""What a loop holds: its plane's scene, its still, its volume, read back bit for bit."""

import json

import numpy as np

from ...gid_core.errors import SettingsError
from ...gid_core.motion.volume import SpectralVolume
from ..nodes import rig
from . import images

__all__ = ["scene_of", "stored_still", "stored_volume"]


def scene_of(plane):
    """The scene that renders the loop of `plane`.

    Raises:
        SettingsError: `plane` is not a loop.
    """
    if plane.gid.scene is None or rig.MODIFIER not in plane.modifiers:
        raise SettingsError(f"the object '{plane.name}' is not a loop: select the plane of one")
    return plane.gid.scene


def stored_volume(plane) -> SpectralVolume:
    """The volume of the loop, bit for bit as it was given.

    Raises:
        SettingsError: `plane` is not a loop.
    """
    scene_of(plane)
    frequencies = np.array(json.loads(plane.gid.frequencies), np.float64)
    modes = [
        images.pixels_of(rig.get_input(plane, f"Image {index}"), is_vector=True)
        for index in range(1, len(frequencies) + 1)
    ]
    amplitudes = np.ascontiguousarray(np.stack(modes)).view(np.complex64)
    return SpectralVolume(amplitudes, frequencies, json.loads(plane.gid.provenance))


def stored_still(plane) -> np.ndarray:
    """The still of the loop: float32 (H, W, 3|4), linear, premultiplied, bit for bit as it was given.

    Raises:
        SettingsError: `plane` is not a loop.
    """
    scene_of(plane)
    still = images.pixels_of(rig.get_input(plane, "Still"))
    return still if images.has_alpha(still) else np.ascontiguousarray(still[..., :3])
