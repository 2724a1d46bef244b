"""Frames of a loop without Blender: the reference of every Blender test.

Still + volume + plan -> frame n, a pure function of n. What costs once per still is made once: the occlusion weights,
the plate, the mask of motionless pixels, the splatter's planes.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..errors import SettingsError
from ..motion.pluck import GENTLE, Damping, Pluck, response
from ..motion.synth import Synthesiser, mean_motion, static_mask, upsample
from ..motion.timeline import LoopPlan
from ..motion.volume import SpectralVolume
from .plate import make_plate, movers_of
from .sharp import kin
from .splat import Splatter, finish, importance, weight_of

__all__ = ["LoopRenderer"]

_MOMENTS = 4  # at which neighbours are compared, each mode at a phase that looks like chance
_GOLDEN = (5**0.5 - 1) / 2


class LoopRenderer:
    """Renders one loop.

    Args:
        still: float32 (H, W, C), linear, premultiplied.
        volume: on any grid; displacements are scaled to the still's pixels.
        plan: of as many modes as the volume has.
        amount: times the motion; or one number for each frame of the loop, which closes, and between them straight.
        front: r in 0..1 (H, W), how far in front each pixel is; default: from the motion.
        plate: (H, W, C), what shows through holes; default: the still with its movers filled; False: none.
        kin: uint8 (H, W, 5), how each pixel may be sharpened (`sharp.kin`); default: from still and motion.
        plucks: `pluck.Pluck` states, added to the loop's motion, each once a round for ever, so that the loop closes;
            `amount` leaves them alone.
        damping: of the plucks.
        fps: frames per second, a Fraction; plucks are told in seconds and need it.
    Raises:
        SettingsError: the plan is of another volume, there are amounts for other frames, or plucks and no frame rate.
    """

    roles: tuple[str, ...] = ()  # of the model's graphs that it runs

    def __init__(
        self,
        still: np.ndarray,
        volume: SpectralVolume,
        plan: LoopPlan,
        *,
        amount: ArrayLike = 1.0,
        front: np.ndarray | None = None,
        plate: np.ndarray | Literal[False] | None = None,
        kin: np.ndarray | None = None,
        plucks: Sequence[Pluck] = (),
        damping: Damping = GENTLE,
        fps: Fraction | None = None,
    ):
        if len(plan.harmonics) != volume.n_freqs:
            raise SettingsError(f"the plan has {len(plan.harmonics)} modes and the volume {volume.n_freqs}")
        self.plan, self.amount = plan, np.asarray(amount, np.float64)
        if self.amount.ndim and len(self.amount) != plan.n_frames:
            raise SettingsError(f"there are {len(self.amount)} amounts for a loop of {plan.n_frames} frames")
        if plucks and fps is None:
            raise SettingsError("a loop with plucks needs its frame rate: they are told in seconds")
        self.still = np.ascontiguousarray(still, np.float32)
        height, width = self.still.shape[:2]
        motion = mean_motion(volume, width, height)
        _check_size("what lies in front", front, width, height)
        _check_size("the plate", plate, width, height)
        self.static = static_mask(volume, width, height)
        self.front = importance(motion, width, height) if front is None else front
        if plate is None:
            plate = make_plate(self.still, movers_of(motion))
        self.plate = None if plate is False else plate
        self._weight = volume.weight(width, height)
        self._places = volume.places(width, height)
        self._kin = kin
        self._synthesiser = Synthesiser(volume)
        self._plucks, self._damping = tuple(plucks), damping
        self._frequencies, self._fps = volume.frequencies, None if fps is None else Fraction(fps)

    @cached_property
    def kin(self) -> np.ndarray:
        """How each pixel may be sharpened: uint8 (H, W, 5), as `sharp.kin` has it."""
        if self._kin is not None:
            return self._kin
        n_modes = len(self._frequencies)
        turns = np.outer(np.arange(1, _MOMENTS + 1), np.arange(1, n_modes + 1)) * _GOLDEN
        return kin((self._field(np.exp(2j * np.pi * turn)) for turn in turns), weight_of(self.front), self.still)

    @cached_property
    def _splatter(self) -> Splatter:
        # At the first frame: who only asks for front, plate and mask must not pay for planes as large as the still.
        return Splatter(self.still, weight_of(self.front), kin=self.kin, beyond=True)

    def scalars(self, frame) -> np.ndarray:
        """What each mode is multiplied by at one frame, loop and plucks together: complex128 (K,)."""
        scalars = self.plan.scalars(frame) * self._amount(frame)
        if self._plucks:
            assert self._fps is not None  # plucks come with it
            n_frames = self.plan.n_frames
            seconds, period_s = float(Fraction(frame) % n_frames / self._fps), float(n_frames / self._fps)
            scalars = scalars + response(self._plucks, self._frequencies, self._damping, seconds, period_s=period_s)
        return scalars

    def _amount(self, frame):
        if not self.amount.ndim:
            return float(self.amount)
        n_frames = self.plan.n_frames
        return np.interp(float(Fraction(frame) % n_frames), np.arange(n_frames + 1), [*self.amount, self.amount[0]])

    def displacement(self, frame) -> np.ndarray:
        """float32 (H, W, 2), px of the still; exactly 0 where nothing ever moves."""
        field = self._field(self.scalars(frame))
        field[self.static] = 0
        return field

    def _field(self, scalars):
        height, width = self.still.shape[:2]
        return upsample(self._synthesiser(scalars), width, height, self._weight, self._places)

    def sums(self, frame) -> tuple[np.ndarray, np.ndarray]:
        """Numerator (H, W, C) and denominator (H, W) of the splat at one frame."""
        return self._splatter(self.displacement(frame))

    def frame(self, frame) -> np.ndarray:
        """The picture at one frame: float32 (H, W, C); the still, bit for bit, when nothing is displaced at all."""
        displacement = self.displacement(frame)
        if not displacement.any():
            return self.still.copy()
        frame = finish(*self._splatter(displacement), self.plate)
        # Beside a bright edge sharpened tents can add up to less than no light.
        return np.maximum(frame, 0, out=frame)


def _check_size(name, picture, width, height):
    if isinstance(picture, np.ndarray) and picture.shape[:2] != (height, width):
        size = f"{picture.shape[1]} x {picture.shape[0]}"
        raise SettingsError(f"{name} has {size} pixels, the still {width} x {height}: give it that size")
