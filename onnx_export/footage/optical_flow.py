"""Optical flow between two pictures: one interface, `estimate`, and back ends by name.

A method takes two grey pictures (H, W) in 0..255 and returns where the first one's pixels went: float32 (H, W, 2), px.
`dis` needs OpenCV, which is part of the export environment; without it `default_method` falls back to numpy.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from gid_core.errors import SettingsError
from gid_core.footage.flow import checked_pair, flow

from . import classical

try:
    import cv2
except ImportError:  # the numpy methods work without it
    cv2 = None

__all__ = ["METHODS", "default_method", "estimate", "has_opencv"]


def has_opencv() -> bool:
    """Whether the methods that need OpenCV can be used."""
    return cv2 is not None


def default_method() -> str:
    """`dis`, or `lucas-kanade` where OpenCV is missing: as true on small sways, slower, and lost on leaps."""
    return "dis" if has_opencv() else "lucas-kanade"


def estimate(first: np.ndarray, second: np.ndarray, method: str | None = None) -> np.ndarray:
    """Where each pixel of the first picture is in the second: float32 (H, W, 2), px, x right and y down.

    Args:
        first, second: uint8 (H, W) or (H, W, 3).
        method: one of METHODS; default `default_method()`.
    Raises:
        SettingsError: unknown method, OpenCV is missing, or the pictures differ in size or are too small.
    """
    method = method or default_method()
    if method not in METHODS:
        raise SettingsError(f"there is no flow method {method!r}: choose from {', '.join(METHODS)}")
    return METHODS[method](*checked_pair(first, second))


@cache
def _dis(preset, finest_scale):
    if cv2 is None:
        raise SettingsError("OpenCV is missing: pip install opencv-python-headless, or use --method lucas-kanade")
    # DIS cuts its search into as many stripes as threads and its result depends on the cut: one thread, one result.
    cv2.setNumThreads(1)
    dis = cv2.DISOpticalFlow_create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset}"))
    if finest_scale is not None:
        dis.setFinestScale(finest_scale)
    return dis


def _with_dis(preset, finest_scale=None):
    def method(first, second):
        dis = _dis(preset, finest_scale)
        return dis.calc(np.ascontiguousarray(first), np.ascontiguousarray(second), None)

    return method


# The medium preset stops at half the resolution and keeps .79 of a .8-px sway; down to scale 0 it keeps .94.
METHODS: dict[str, Callable] = {
    "dis": _with_dis("MEDIUM", 0),
    "dis-medium": _with_dis("MEDIUM"),
    "dis-fast": _with_dis("FAST"),
    "horn-schunck": classical.horn_schunck,
    "lucas-kanade": flow,
}
