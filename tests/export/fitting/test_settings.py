"""One file describes one run: it is read whole, and what is wrong with it is said in a sentence."""

import hashlib
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from gid_core.errors import SettingsError
from onnx_export.fitting import conditions, fit, settings, train
from onnx_export.networks.encoder import GroupNet, WhereNet
from onnx_export.networks.flow import FlowNet
from onnx_export.networks.outline import OutlineNet
from onnx_export.networks.renderer import Drawing
from onnx_export.photographs import masks

TEXT = (settings.CONFIGS / "shipped.toml").read_text()


def changed(tmp_path, old, new):
    """A run of the shipped settings with one line changed."""
    assert TEXT.count(old) == 1
    path = tmp_path / "mine.toml"
    path.write_text(TEXT.replace(old, new))
    return str(path)


@pytest.mark.parametrize("path", sorted(settings.CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_run_of_the_house_can_be_read(path):
    assert settings.load(path.stem) == settings.load(str(path))


def test_the_shipped_run_is_whole_and_its_flow_the_models():
    run = settings.load("shipped")
    assert all(vars(run)[name] is not None for name in vars(run) if name != "renderer")  # which has a run of its own
    assert settings.load("renderer").renderer.drawing == Drawing()
    assert run.flow.variant == settings.Variant()
    assert (run.where.rate, run.flow.batch, run.refine.frozen) == (1.5e-3, 8, ("in16", "blocks16", "overview"))
    assert settings.load("paper").where is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("slices = 6\n", "", "mine.toml: flow lacks the setting slices"),
        ("slices = 6\n", "slices = 6\nslice = 5\n", "mine.toml: flow has no setting slice: choose from batch"),
        ("slices = 6\n", "slices = 6.5\n", "mine.toml: flow: slices has to be a whole number, not 6.5"),
        ("untold = 0.1", "untold = -0.1", "untold has to be a number from 0 on, not -0.1"),
        ("untold = 0.1", "untold = nan", "untold has to be a number from 0 on, not nan"),
        ("is_joint = false", "is_joint = 0", "is_joint has to be true or false, not 0"),
        ('latent = "motion"', 'latent = "dream"', "latent is 'dream': choose from motion, volume"),
        ('["in16", "blocks16", "overview"]', '"in16"', "frozen has to be a list of texts"),
        ("first = 0", "first = 499999", "choose a first from 0 to 400000"),
        ("seed = 0", "seed = [0", "is not TOML"),
        ("[flow.loss]", "[flow.losses]", "flow has no setting losses"),
        ("[refine]\n", "[refined]\n", "has no setting refined"),
    ],
)
def test_a_wrong_setting_is_one_sentence(tmp_path, old, new, told):
    with pytest.raises(SettingsError, match=re.escape(told)) as caught:
        settings.load(changed(tmp_path, old, new))
    assert "\n" not in str(caught.value)


def test_an_unknown_run_names_the_known_ones():
    with pytest.raises(SettingsError, match=r"there is no run fast: choose from paper, renderer, shipped, small"):
        settings.load("fast")


def refused(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        train.main(list(map(str, arguments)))
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert "Traceback" not in told
    return told.splitlines()[-1]


def test_what_would_fail_later_is_told_before_anything_is_made(tmp_path, capsys):
    pictures, work = tmp_path / "pictures", tmp_path / "work"
    pictures.mkdir()
    begin = ["--pictures", pictures, "--work", work, "--stills"]
    told = refused([*begin, tmp_path / "gone"], capsys)
    assert told.endswith(f"there is no folder {tmp_path / 'gone'}: check --stills")
    told = refused([*begin, pictures, "--begin", tmp_path / "wrong"], capsys)
    assert told.endswith("wrong holds no groups.pt to begin from: give the --work folder of a training")
    torch.save({"averaged": {}, "notes": {}}, pictures / "flow.pt")
    told = refused([*begin, pictures, "--only", "flow", "--begin", pictures], capsys)
    assert "another version's networks" in told
    told = refused([*begin, pictures, "--config", "paper"], capsys)
    assert "paper has no section [borders]" in told
    mine = changed(tmp_path, "has_attention = false", "has_attention = true")
    told = refused([*begin, pictures, "--only", "flow", "--config", mine], capsys)
    assert "build.py ablate trains those" in told
    assert not work.exists()


def test_the_small_run_goes_from_pictures_to_all_networks_of_the_motion(tmp_path, monkeypatch):
    """The whole command once, and again from a part of its checkpoints."""
    monkeypatch.setattr(fit, "_bf16_pays", lambda kind: False)
    rng, rows = np.random.default_rng(0), []
    for folder in ("pictures", "stills"):
        (tmp_path / folder).mkdir()
        for number in range(3):
            path = tmp_path / folder / f"{number}.png"
            Image.fromarray(rng.integers(0, 255, (80, 128, 3), np.uint8)).save(path)
            if folder == "pictures":
                move = [[[2, 2], [8, 2], [8, 8], [2, 8]]]
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                row = {"path": path.name, "sha256": digest, "source": "a flower", "base": "still"}
                rows.append({**row, "move": move, "still": [], "ignore": []})
    listed = tmp_path / "masks.json"
    listed.write_text(json.dumps(rows))
    monkeypatch.setattr(masks, "MASKS", listed)
    work = tmp_path / "work"
    folders = ["--pictures", str(tmp_path / "pictures"), "--stills", str(tmp_path / "stills"), "--work", str(work)]
    train.main([*folders, "--config", "small"])
    _, states = conditions.load_encoder(work)
    _, states["flow"] = conditions.load(work, "flow", FlowNet(GroupNet().features))
    _, states["outline"] = conditions.load(work, "outline", OutlineNet())
    assert {name: state["step"] for name, state in states.items()} == dict.fromkeys(
        ("where", "reach", "groups", "flow", "outline"), 1
    )
    before = conditions.load(work, "where", WhereNet())[1]["averaged"]
    assert any((states["where"]["averaged"][name] != weight).any() for name, weight in before.items())  # refined
    assert len(torch.load(work / "scenes.pt", weights_only=True)["wind"]) == settings.load("small").scenes.count

    on = ["--work", str(tmp_path / "on"), "--begin", str(work), "--only", "groups"]
    train.main([*folders, *on, "--config", "small"])
    begun = conditions.load(tmp_path / "on", "groups", GroupNet())[1]["network"]["enter.weight"]
    change = begun - states["groups"]["averaged"]["enter.weight"]
    assert 0 < change.abs().max() < 0.01
