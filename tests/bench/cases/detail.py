"""Fine detail of a frame as a part of the still's."""

import numpy as np
from gid_dev.gid_core.files.colour import encode_srgb
from gid_dev.gid_core.frames.plate import MOVER_PX
from gid_dev.gid_core.motion.synth import mean_motion

_RIM = 1 / 200  # of the long side around the picture: what the still shows there may leave the frame
FRAME_BARS, MEDIAN_BARS = (0.95, 1.05), (0.97, 1.03)


class Detail:
    """Compares frames with one still, float32 (H, W, 3), linear, where its volume moves by more than `MOVER_PX`.

    The rim of the frame is left out.
    """

    def __init__(self, still, volume):
        height, width = still.shape[:2]
        rim = int(np.ceil(_RIM * max(height, width)))
        inside = np.zeros((height, width), bool)
        inside[rim:-rim, rim:-rim] = True
        self.moving = (inside & (mean_motion(volume, width, height) > MOVER_PX))[1:-1, 1:-1]
        self._whole = self._rms(still) if self.moving.any() else 0.0

    def kept(self, frame) -> float:
        return self._rms(frame) / self._whole

    def _rms(self, picture):
        grey = encode_srgb(np.clip(picture[..., :3], 0, 1)).mean(-1)
        beside = grey[1:-1, :-2] + grey[1:-1, 2:] + grey[:-2, 1:-1] + grey[2:, 1:-1]
        return float(np.sqrt(np.mean((beside - 4 * grey[1:-1, 1:-1])[self.moving] ** 2)))


def told(kept) -> tuple[str, bool]:
    """A line about the frames of a loop, frame 2 first, and whether all bars are held."""
    least, most, median = min(kept), max(kept), float(np.median(kept))
    is_held = (
        FRAME_BARS[0] <= least
        and most <= FRAME_BARS[1]
        and MEDIAN_BARS[0] <= median <= MEDIAN_BARS[1]
        and kept[0] >= FRAME_BARS[0]
    )
    return f"frames {least:.3f} to {most:.3f}, median {median:.3f}, frame 2 {kept[0]:.3f}", is_held
