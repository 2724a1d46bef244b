"""Training: the losses are finite, a run that was cut off goes on, photographs keep their labels."""

import hashlib
import json

import numpy as np
import pytest
import torch
from PIL import Image

from onnx_export import dataset, masks, train


@pytest.fixture(scope="module")
def scene_data():
    return dataset.make_scenes(range(4))


@pytest.fixture(scope="module")
def photo_data():
    generator = torch.Generator().manual_seed(0)
    shapes = {"rgb4": (3, 40, 64), "f4": (24, 40, 64), "f8": (48, 20, 32), "f16": (120, 10, 16)}
    data = {name: torch.randn(3, *shape, generator=generator) for name, shape in shapes.items()}
    label = torch.randint(-1, 2, (3, 40, 64), generator=generator, dtype=torch.int8)
    return {**data, "label": label, "kind": torch.tensor([0, 1, 2])}


def state(folder, name):
    return torch.load(folder / f"{name}.pt", weights_only=True)


def test_two_steps_and_two_more_are_one_run(scene_data, photo_data, tmp_path):
    encoder, scales = train.train_encoder(scene_data, photo_data, tmp_path, minutes=5, max_steps=2)
    assert torch.isfinite(scales).all()
    assert (scales > 0).all()
    before = state(tmp_path, "encoder")
    train.train_encoder(scene_data, photo_data, tmp_path, minutes=5, max_steps=2)
    after = state(tmp_path, "encoder")
    assert (before["step"], after["step"]) == (2, 4)
    assert after["losses"][:2] == before["losses"]
    assert np.isfinite(after["losses"]).all()
    assert after["elapsed"] > before["elapsed"]
    weight = "out.weight"
    assert not torch.equal(before["network"][weight], after["network"][weight])

    train.train_flow(encoder, scene_data, tmp_path, minutes=5, max_steps=2)
    flow = state(tmp_path, "flow")
    assert flow["step"] == 2
    assert np.isfinite(flow["losses"]).all()


def test_a_finished_run_takes_no_more_steps(scene_data, photo_data, tmp_path):
    train.train_encoder(scene_data, photo_data, tmp_path, minutes=1e-6)
    steps = state(tmp_path, "encoder")["step"]
    train.train_encoder(scene_data, photo_data, tmp_path, minutes=1e-6)
    assert steps == 1
    assert state(tmp_path, "encoder")["step"] == 1


def test_an_untold_wind_is_all_zero():
    wind = torch.tensor([[0.6, 0.8, 150.0], [1.0, 0.0, 300.0]])
    found = train.wind_condition(wind, torch.tensor([True, False]))
    assert torch.allclose(found[0], torch.tensor([0.6, 0.8, 0.0, 1.0]))
    assert torch.equal(found[1], torch.zeros(4))


def row(path, **fields):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"path": path.name, "sha256": digest, "base": "still", "still": [], "ignore": [], "move": [], **fields}


@pytest.fixture
def drawn(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (160, 256, 3), np.uint8)).save(path)
    right_half = [[5, 0], [10, 0], [10, 10], [5, 10]]
    listed = tmp_path / "masks.json"
    listed.write_text(json.dumps([row(path, move=[right_half])]))
    return tmp_path, listed


def test_a_mask_labels_its_cells_and_not_its_border(drawn):
    ((picture, label),) = masks.hand_masks(*drawn)
    _, cells = masks.cropped(picture, label, np.random.default_rng(0), is_centred=True)
    assert (cells[:, :30] == 0).all()
    assert (cells[:, 34:] == 1).all()
    assert (cells[:, 31:33] == -1).all()


def test_another_picture_of_the_same_name_is_refused(drawn):
    folder, listed = drawn
    Image.new("RGB", (256, 160)).save(folder / "picture.png")
    with pytest.raises(ValueError, match="SHA-256"):
        masks.hand_masks(folder, listed)


def test_a_composite_moves_only_where_something_was_pasted(drawn):
    found = masks.hand_masks(*drawn)
    small = found[0][1].crop((0, 0, 256, 160))
    small.paste(0, (0, 0, 200, 160))
    backdrop = Image.new("RGB", (256, 160), (10, 200, 10))
    for pixels, cells in masks.composites([(found[0][0], small)], [backdrop], 4, np.random.default_rng(2)):
        plain = pixels.reshape(40, 4, 64, 4, 3).std((1, 3)).max(-1) < 3
        assert not (cells[plain] == 1).any()


def test_the_shipped_masks_name_433_pictures_by_hash():
    rows = json.loads(masks.MASKS.read_text())
    assert len({r["sha256"] for r in rows}) == len(rows) == 433
