"""Layered scenes: the true frame is what the true motion makes of the still."""

import numpy as np
import pytest

from gid_core.frames.best import BestRenderer
from onnx_export.evaluation.silhouettes import near, psnr
from onnx_export.scenes import layered


@pytest.fixture(scope="module")
def scene():
    return layered.Scene(3, (), (128, 80), (32, 20), (0.02, 0.04), 2)


def test_frame_0_is_the_still(scene):
    picture, front = scene.frame(0)
    assert (picture == scene.still).all()
    assert (front == scene.labels).all()


def test_what_moves_is_known_to_the_pixel_inside_and_uncovers_what_is_behind(scene):
    truth, front = scene.frame(5)
    picture = BestRenderer(scene.still, scene.volume, scene.plan).frame(5)
    inside = (front > 0) & ~near(front, 3)
    assert inside.any()
    assert ((front == 0) & (scene.labels > 0)).any()
    assert psnr(picture, truth, inside) > psnr(scene.still, truth, inside) + 8


def test_texels_move_as_the_scene_does(scene):
    seen = layered.looked_up(scene)
    ours, true = (BestRenderer(scene.still, v, scene.plan).displacement(5) for v in (seen, scene.volume))
    assert np.abs(ours - true).mean() < 0.25 * np.abs(true).mean()


def test_thin_things_are_there():
    bare, thin = (layered.Scene(3, (), (128, 80), (32, 20), (0.02, 0.04), count) for count in (0, 4))
    assert thin.labels.max() > bare.labels.max() == 2
