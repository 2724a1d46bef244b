"""Frames from a still and a displacement by the ways that a sharpened softmax splat competes with."""

from pathlib import Path

import numpy as np

from gid_core.files import image_io
from gid_core.footage.warp import pulled_back
from gid_core.frames.loop import Loop
from gid_core.frames.plate import make_plate
from gid_core.frames.splat import HOLE, Splatter, finish, weight_of
from gid_core.motion.synth import mean_motion
from gid_core.motion.timeline import LoopPlan
from gid_core.motion.volume import SpectralVolume

__all__ = ["SOFTMAX", "Ways", "along", "average", "backward", "inverse", "linear", "middlebury_pair", "softmax"]

SOFTMAX = "softmax, 0.1.0"

_FOOT_PX = 0.1  # of the linear splat's weights: what rests weighs something, too


def average(renderer, number):
    return finish(*Splatter(renderer.still)(renderer.displacement(number)), renderer.plate)


def linear(renderer, number, volume):
    """Weighted by the mean motion."""
    height, width = renderer.still.shape[:2]
    weight = mean_motion(volume, width, height) + np.float32(_FOOT_PX)
    return finish(*Splatter(renderer.still, weight)(renderer.displacement(number)), renderer.plate)


def softmax(renderer, number):
    """As 0.1.0 did it."""
    return finish(*Splatter(renderer.still, weight_of(renderer.front))(renderer.displacement(number)), renderer.plate)


def inverse(renderer, number):
    """The splatted way back, then the still by bicubic; the plate where nothing lands."""
    displacement = renderer.displacement(number)
    back, weight = Splatter(-displacement, weight_of(renderer.front))(displacement)
    covered = weight > HOLE
    back /= np.where(covered, weight, 1)[..., None]
    return np.where(covered[..., None], pulled_back(renderer.still, back), renderer.plate)


def backward(renderer, number):
    """The still at q - F(q): no splat, no holes, two silhouettes."""
    return pulled_back(renderer.still, -renderer.displacement(number))


class Ways:
    """The ways to a frame of one still and motion.

    qualities: those of the product that are compared, "core" as "sharp".
    """

    def __init__(self, still, volume: SpectralVolume, plan: LoopPlan, qualities=("core", "best")):
        self.volume = volume
        self.renderers = {name: Loop(still, volume, plan, quality=name).renderer() for name in qualities}
        self.displacement = self.renderers["core"].displacement

    def frames(self, number):
        """(method, picture) of each."""
        core = self.renderers["core"]
        yield "average", average(core, number)
        yield "linear", linear(core, number, self.volume)
        yield SOFTMAX, softmax(core, number)
        yield "inverse map", inverse(core, number)
        yield "backward warp", backward(core, number)
        for name, renderer in self.renderers.items():
            yield "sharp" if name == "core" else name, renderer.frame(number)


def along(flow, following=None, share=1.0) -> tuple[SpectralVolume, LoopPlan]:
    """A volume and a plan whose frame 0 is displaced by a share of a flow, float32 (H, W, 2), px; frame 1 by that of
    the following one."""
    # One mode of a loop of four frames: its real part comes at frame 0, less its imaginary part a quarter later.
    amplitudes = flow - 1j * (np.zeros_like(flow) if following is None else following)
    return SpectralVolume(amplitudes[None].astype(np.complex64), np.ones(1)), LoopPlan(4, (1,), (share,), (0.0,), False)


def middlebury_pair(folder):
    """A still (H, W, 3), the true frame halfway to the next one, and the flow (H, W, 2) to that; unknown is filled."""
    folder = Path(folder)
    still, truth = (image_io.load_photo(folder / f"{name}.png").pixels[..., :3] for name in ("frame10", "frame10i11"))
    with np.load(folder / "flow10.npz") as file:
        flow = file["flow"]
    unknown = ~np.isfinite(flow).all(-1)
    return still, truth, make_plate(np.nan_to_num(flow, posinf=0, neginf=0).astype(np.float32), unknown, 0)
