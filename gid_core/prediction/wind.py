"""Wind: the gust that passes through a picture, which each object answers in its turn."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Wind", "draw_wind"]

_SPEEDS = (60.0, 400.0)  # px of the 256-px frame a second, the range that the flow was trained on
_USUAL_SPEED = 150.0
_TILT = 0.35  # radians, up or down at most: wind blows near the horizontal


@dataclass(frozen=True)
class Wind:
    """Where a gust travels: unit vector (x right, y down) and speed in px of the 256-px frame a second."""

    dx: float
    dy: float
    speed: float = _USUAL_SPEED

    def condition(self) -> np.ndarray:
        """float32 (1, 4) as the flow takes it: dx, dy, log(speed / 150), known."""
        return np.array([[self.dx, self.dy, np.log(self.speed / _USUAL_SPEED), 1]], np.float32)


def draw_wind(rng: np.random.Generator) -> Wind:
    """A near-horizontal wind, its side, tilt and speed by chance."""
    angle = rng.uniform(-_TILT, _TILT) + np.pi * rng.integers(2)
    speed = float(np.exp(rng.uniform(*np.log(_SPEEDS))))
    return Wind(float(np.cos(angle)), float(np.sin(angle)), speed)
