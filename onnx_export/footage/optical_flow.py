"""Optical flow between two pictures: one interface, `estimate`, and back ends by name.

A method takes two grey pictures (H, W) in 0..255 and returns where the first one's pixels went: float32 (H, W, 2), px.
`dis` needs OpenCV, which is part of the export environment; without it `default_method` falls back to numpy.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from gid_core.errors import SettingsError

from . import classical

try:
    import cv2
except ImportError:  # the numpy methods work without it
    cv2 = None

__all__ = ["METHODS", "default_method", "estimate", "grey", "has_opencv"]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_SMALLEST_PX = 16  # patches of 8 px and one level below them


def has_opencv() -> bool:
    """Whether the methods that need OpenCV can be used."""
    return cv2 is not None


def default_method() -> str:
    """`dis`, or `horn-schunck` where OpenCV is missing: half as accurate and ten times slower, but of the same kind."""
    return "dis" if has_opencv() else "horn-schunck"


def grey(picture: np.ndarray) -> np.ndarray:
    """Luma (Rec. 601) of an encoded picture: uint8 (H, W).

    Args:
        picture: uint8 (H, W, 3) or already (H, W).
    """
    if picture.ndim == 2:
        return picture
    return np.rint(picture.astype(np.float32) @ _LUMA).astype(np.uint8)


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
    first, second = grey(first), grey(second)
    if first.shape != second.shape:
        raise SettingsError(f"two pictures of one clip have one size, not {first.shape} and {second.shape}")
    if min(first.shape) < _SMALLEST_PX:
        raise SettingsError(f"{first.shape[1]} x {first.shape[0]} px is too small to track: {_SMALLEST_PX} or more")
    return METHODS[method](first, second)


@cache
def _dis(preset, finest_scale):
    if cv2 is None:
        raise SettingsError("OpenCV is missing: pip install opencv-python-headless, or use --method horn-schunck")
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
    "lucas-kanade": classical.lucas_kanade,
}
