"""What a source is worth: leaving it out, labels of one's own, and the table."""

import json
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image

from onnx_export.experiments import self_training, sources
from onnx_export.fitting import dataset, losses, train
from onnx_export.networks.encoder import WhereNet
from onnx_export.photographs import gather, masks

STEPS = 1


def photographs(kinds, of):
    generator = torch.Generator().manual_seed(0)
    shapes = {"f4": (24, 40, 64), "f8": (48, 20, 32), "f16": (120, 10, 16)}
    count = len(kinds)
    data = {name: torch.randn(count, *shape, generator=generator) for name, shape in shapes.items()}
    data["rgb"] = torch.randint(0, 256, (count, 3, 160, 256), generator=generator, dtype=torch.uint8)
    data["label"] = torch.randint(-1, 2, (count, 40, 64), generator=generator, dtype=torch.int8)
    data["sway"] = torch.zeros(count, 40, 64)
    return {**data, "kind": torch.tensor(kinds), "source": torch.tensor(of)}


@pytest.fixture(scope="module")
def material():
    scenes = dataset.make_scenes(range(3))
    rows = photographs([0, 0, 1, 1, 2, 3], [2, 2, 0, 3, dataset.NO_SOURCE, 3])
    return sources.Material(scenes, scenes, scenes, rows, photographs([0, 1], [2, 3]))


@pytest.fixture(scope="module")
def stills(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stills")
    (folder / "img").mkdir()
    (folder / "mask").mkdir()
    rng = np.random.default_rng(0)
    for name, edge in (("glove", 96), ("wall", 0)):
        mask = np.zeros((160, 256), np.uint8)
        mask[:, :edge] = 255
        Image.fromarray(rng.integers(0, 255, (160, 256, 3), np.uint8)).save(folder / "img" / f"{name}.png")
        Image.fromarray(mask).save(folder / "mask" / f"{name}.png")
    return folder


def test_what_is_left_out_is_left_out_of_cutouts_too_and_nothing_else_is():
    rows = photographs([0, 1, 1, 2, 3], [2, 0, 3, dataset.NO_SOURCE, 3])
    assert sources.kept_kinds(rows, masks.sources()[3]).tolist() == [0, 1, -1, 2, -1]
    assert sources.kept_kinds(rows, "still pictures").tolist() == [0, 1, 1, -1, 3]
    assert sources.kept_kinds(rows, "composites").tolist() == [0, 1, 1, 2, -1]
    assert sources.kept_kinds(rows, "all").tolist() == [0, 1, 1, 2, 3]


def test_a_training_without_a_source_never_sees_it(material, tmp_path, monkeypatch):
    seen, loss = [], losses.where_loss
    monkeypatch.setattr(train, "where_loss", lambda *given: (seen.extend(given[2]["source"].tolist()), loss(*given))[1])
    gone = masks.sources()[3]
    material.trained(f"without {gone}", tmp_path, 3)
    assert seen
    assert 3 not in seen
    material.trained("all", tmp_path, 3)
    assert 3 in seen


def test_shares_are_parts_of_a_whole_batch(material):
    parts = [share for share, _ in material.shares().values()]
    composites_and_cutouts_count_once = material.shares()["composites"][0]
    assert sum(parts) - composites_and_cutouts_count_once == pytest.approx(1)


def test_rows_are_kept_and_an_unknown_one_is_refused(material, stills, tmp_path):
    names = ["all", "without still pictures"]
    found = sources.run(material, stills, tmp_path, steps=STEPS, names=names[:1])
    assert list(found["rows"]) == names[:1]
    again = sources.run(material, stills, tmp_path, steps=STEPS, names=names)
    assert again["rows"]["all"] == json.loads(json.dumps(found["rows"]["all"]))
    lines = sources.markdown(again).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| all", "| without still pictures"]
    assert len({line.count(" | ") for line in lines}) == 1
    with pytest.raises(ValueError, match="no row 'nothing'"):
        sources.run(material, stills, tmp_path, steps=STEPS, names=["nothing"])
    with pytest.raises(ValueError, match="steps"):
        sources.run(material, stills, tmp_path, steps=2)


class Bright(torch.nn.Module):
    """What is bright moves; the corner is in doubt."""

    def forward(self, rgb, f4, f8, f16):
        logit = torch.nn.functional.avg_pool2d(rgb.mean(1, keepdim=True), 4) * 20 - 10
        logit[..., :8, :] = -2.5
        return logit, None


def test_a_photo_is_labelled_where_the_network_is_sure_and_left_out_where_it_sees_no_flower(tmp_path):
    picture = np.zeros((160, 256, 3), np.uint8)
    picture[60:140, 80:180] = 255
    Image.fromarray(picture).save(tmp_path / "a.png")
    Image.fromarray(np.zeros((160, 256, 3), np.uint8)).save(tmp_path / "b.png")
    rows = self_training.guessed(Bright(), tmp_path)
    label, bright = rows["label"][0], rows["rgb"][0].float().mean(0).unfold(0, 4, 4).unfold(1, 4, 4).mean((2, 3))
    assert rows["kind"].tolist() == [dataset.KINDS.index("guessed")]  # b shows nothing: it has nothing to teach
    assert (label[8:][bright[8:] > 250] == 1).all()
    assert (label[8:][bright[8:] < 5] == 0).all()
    assert (label[:8] == -1).all()


def test_the_likeliest_cells_of_a_flower_photo_move_even_where_nothing_is_sure(tmp_path):
    class Shy(Bright):
        def forward(self, *seen):
            return super().forward(*seen)[0].clamp(max=-0.6), None  # at most .35

    picture = np.zeros((160, 256, 3), np.uint8)
    picture[40:150, 60:200] = 255
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert (self_training.guessed(Shy(), tmp_path)["label"] > 0).any()


def test_unmarked_photos_are_those_without_a_mask_and_outside_the_validation(tmp_path, monkeypatch):
    clone = tmp_path / "clones" / "someone" / "flower_photos"
    (clone / "dataset").mkdir(parents=True)
    rng, digest = np.random.default_rng(0), {}
    for name in ("masked", "validation", "free"):
        path = clone / "dataset" / f"{name}.jpg"
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).save(path)
        digest[name] = gather.hashlib.sha256(path.read_bytes()).hexdigest()
    (clone / "other.jpg").write_bytes(b"outside the folder of the set")
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"],
    ):
        subprocess.run(["git", "-C", str(clone), *command], check=True)
    row = {"source": "github:someone/flower_photos@0", "path": "dataset/masked.jpg", "sha256": digest["masked"]}
    (tmp_path / "masks.json").write_text(json.dumps([row]))
    (tmp_path / "split.json").write_text(json.dumps({"validation": [{"sha256": digest["validation"]}]}))
    monkeypatch.setattr(gather, "MASKS", tmp_path / "masks.json")
    monkeypatch.setattr(gather, "_SPLIT", tmp_path / "split.json")
    assert gather.gather_unmarked(tmp_path / "clones", tmp_path / "out") == 1
    assert [p.name for p in (tmp_path / "out").rglob("*.*")] == ["free.jpg"]


def test_a_training_of_before_the_sources_were_noted_is_refused_in_a_sentence(material, tmp_path):
    with pytest.raises(ValueError, match=r"scenes.pt is not there: train first"):
        sources._material(tmp_path, None, tmp_path)
    for name, data in (("scenes", material.painted), ("thin", material.thin)):
        torch.save(data, tmp_path / f"{name}.pt")
    rows = {name: value for name, value in material.photographs.items() if name != "source"}
    torch.save([rows, rows], tmp_path / "photographs.pt")
    with pytest.raises(ValueError, match="older version"):
        sources._material(tmp_path, None, tmp_path)


def test_labels_of_ones_own_join_the_batches(material, tmp_path, monkeypatch):
    rows = photographs([dataset.KINDS.index("guessed")] * 2, [dataset.NO_SOURCE] * 2)
    with_guessed = sources.Material(
        *(getattr(material, n) for n in ("painted", "thin", "rendered", "photographs")), rows, rows
    )
    seen, loss = [], losses.where_loss
    monkeypatch.setattr(train, "where_loss", lambda *given: (seen.extend(given[2]["kind"].tolist()), loss(*given))[1])
    network = with_guessed.trained(with_guessed.rows[-1], tmp_path, 1)
    assert isinstance(network, WhereNet)
    assert seen.count(dataset.KINDS.index("guessed")) == 3
