"""Scenes that Blender renders with their motion: it leads from the still to the true frames, pixel by pixel."""

import numpy as np
import pytest
from gid_dev.gid_core.footage.warp import pulled_back
from PIL import Image

from onnx_export.rendered import moving
from onnx_export.scenes.moments import Moments

SIZE = (96, 64)
NUMBERS = (7, 8)


@pytest.fixture
def photos(tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (16, 16, 3)).astype(np.uint8)
    Image.fromarray(colours).resize((256, 256), Image.BICUBIC).save(tmp_path / "photo.png")
    return [tmp_path / "photo.png"]


@pytest.fixture
def moments(photos, tmp_path):
    """A plane that moves as one, before another and behind a bar; and its label."""
    stage = moving.Moving(np.random.default_rng(3), photos, SIZE)
    width, height = stage.half_view(0.5)
    stage.stand(moving.plane(3 * width, 3 * height, stage.surface()), (0, 0.5, 0))
    label = stage.move(moving.plane(1.4, 1.1, stage.surface()), (0, 0, 0), np.array([0, 0, 0.4]), 0.4, 0.0)
    stage.stand(moving.plane(0.2, 3, stage.surface()), (0.2, -0.2, 0))
    np.savez(tmp_path / "moments.npz", **stage.shot(NUMBERS))
    return Moments(tmp_path / "moments.npz", (24, 16)), label


def test_what_moves_is_seen_where_its_motion_leads(moments):
    scene, label = moments
    inside = scene.labels == label
    assert 0.1 < inside.mean() < 0.5
    amplitudes = scene.volume.amplitudes
    assert (amplitudes[:, ~inside] == 0).all()
    assert np.ptp(amplitudes[:, inside].real, axis=1).max() < 0.01
    for number in NUMBERS:
        frame, front = scene.frame(number)
        flow = np.real(np.tensordot(scene.plan.scalars(number), amplitudes, 1)).astype(np.float32)
        assert np.abs(flow).max() > 0.5
        stays = inside & (pulled_back((front == label)[..., None].astype(np.float32), flow)[..., 0] > 0.99)
        assert stays.sum() > 100
        error, other = (np.abs(pulled_back(frame, way) - scene.still)[stays].mean() for way in (flow, -flow))
        assert error < 0.01 < other
        # The bar stands where it stood, before what moves.
        stands = np.s_[24:40, 52:57]
        assert (scene.labels[stands] == 0).all()
        assert np.abs(frame - scene.still)[stands].max() < 0.1


def test_all_things_move_from_their_roots_and_a_seed_is_a_scene(photos):
    for thing in moving.THINGS:
        stage = moving.Moving(np.random.default_rng(1), photos, SIZE)
        thing(stage)
        for _mesh, rest, modes in stage.movers:
            assert modes.shape == (2, len(rest), 2)
            assert np.abs(modes).max() > 0
    found = [moving.shot(1, photos, (32, 24)) for _ in range(2)]
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])
    assert found[0]["labels"].max() > 0
