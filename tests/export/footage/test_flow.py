"""Optical flow: every method finds a known motion, knows its limits, and OpenCV is asked for by name only."""

import numpy as np
import pytest

from gid_core.errors import SettingsError
from gid_core.footage.flow import flow, grey
from onnx_export.footage import classical, optical_flow
from onnx_export.footage.made_clips import Texture, made_clip, truth

SIZE = (96, 64)
CLOSE_PX = {"dis": 0.1, "dis-medium": 0.2, "dis-fast": 0.5, "horn-schunck": 0.15, "lucas-kanade": 0.1}  # mean error


@pytest.fixture(params=sorted(optical_flow.METHODS))
def method(request):
    if request.param.startswith("dis") and not optical_flow.has_opencv():
        pytest.skip("no OpenCV here; locks/export.txt has it")
    return request.param


def bent(x, y, seconds):
    return seconds * (2.0 + 0.02 * y), seconds * (-1.2 + 0.01 * x)


def two_frames():
    clip = made_clip(bent, 2, fps=1, size=SIZE)
    return clip.frames[0], clip.frames[1], truth(bent, clip)[1]


def test_a_known_motion_is_found(method):
    first, second, true = two_frames()
    found = optical_flow.estimate(first, second, method)
    assert found.shape == true.shape
    assert found.dtype == np.float32
    error = np.sqrt(((found - true) ** 2).sum(-1))[8:-8, 8:-8]
    assert error.mean() < CLOSE_PX[method]


def test_the_same_picture_has_not_moved(method):
    first, _, _ = two_frames()
    assert np.abs(optical_flow.estimate(first, first, method)).max() < 1e-3


def test_the_same_pictures_give_the_same_bytes(method):
    first, second, _ = two_frames()
    found = [optical_flow.estimate(first, second, method).tobytes() for _ in range(2)]
    assert found[0] == found[1]


def test_a_flat_picture_gives_finite_vectors(method):
    flat = np.full((*SIZE[::-1], 3), 90, np.uint8)
    assert np.isfinite(optical_flow.estimate(flat, flat, method)).all()
    assert np.isfinite(optical_flow.estimate(flat, two_frames()[1], method)).all()


@pytest.mark.parametrize("method", [classical.horn_schunck, flow])
def test_a_mirrored_pair_has_the_mirrored_flow(method):
    first, second, _ = (grey(a) if a.dtype == np.uint8 else a for a in two_frames())
    found, mirrored = method(first, second), method(first[:, ::-1], second[:, ::-1])
    assert np.abs(mirrored[:, ::-1] * (-1, 1) - found).max() < 0.02


def test_the_default_needs_nothing_that_is_missing(monkeypatch):
    monkeypatch.setattr(optical_flow, "cv2", None)
    optical_flow._dis.cache_clear()
    assert optical_flow.default_method() == "lucas-kanade"
    first, second, _ = two_frames()
    with pytest.raises(SettingsError, match="opencv-python-headless"):
        optical_flow.estimate(first, second, "dis")


@pytest.mark.parametrize(
    ("first", "second", "method", "says"),
    [
        ((40, 40), (40, 40), "farneback", "choose from"),
        ((40, 40), (40, 41), "horn-schunck", "one size"),
        ((8, 40), (8, 40), "horn-schunck", "too small"),
    ],
)
def test_what_cannot_be_tracked_is_refused(first, second, method, says):
    with pytest.raises(SettingsError, match=says):
        optical_flow.estimate(np.zeros(first, np.uint8), np.zeros(second, np.uint8), method)


def test_a_texture_is_a_formula():
    texture = Texture(3)
    x, y = np.meshgrid(np.arange(12.0), np.arange(9.0))
    assert np.allclose(texture(x + 0.5, y)[:, :-1], texture(x[:, 1:] - 0.5, y[:, 1:]), atol=1e-2)
