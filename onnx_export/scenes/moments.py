"""Moments of a scene that Blender rendered: a still, its motion at every pixel, and two neighbouring true frames."""

import numpy as np

from gid_core.files.resample import resample
from gid_core.motion.plan import plan_loop
from gid_core.motion.timeline import LoopPlan
from gid_core.motion.volume import SpectralVolume

from .layered import FREQUENCIES, N_FRAMES

__all__ = ["Moments"]


class Moments:
    """What `rendered.moving` wrote into a file, with the attributes of `layered.Scene`.

    texels: (width, height) of the coarse volume. numbers: of the two frames that are known.
    """

    def __init__(self, path, texels):
        with np.load(path) as file:
            self.still, self._frames = (file[name].astype(np.float32) for name in ("still", "frames"))
            self.labels, self._fronts = (file[name].astype(int) for name in ("labels", "fronts"))
            self.numbers = tuple(int(number) for number in file["numbers"])
            self.volume = SpectralVolume(file["amplitudes"], np.array(FREQUENCIES))
        self.size = self.still.shape[1::-1]
        amplitudes = resample(self.volume.amplitudes, *texels) * np.float32(texels[0] / self.size[0])
        self.texels = SpectralVolume(amplitudes, self.volume.frequencies)
        self.plan: LoopPlan = plan_loop(self.texels, N_FRAMES, N_FRAMES)

    def frame(self, number):
        """The true picture (H, W, 3) of one of `numbers`, and what is in front in it (H, W)."""
        index = self.numbers.index(number)
        return self._frames[index], self._fronts[index]
