"""Stills of a made-up folder through the shipped model, and the guesses that stand beside it."""

import json
import shutil

import numpy as np
import pytest
from gid_dev.gid_core.model import card
from gid_dev.gid_core.prediction import predict
from PIL import Image

from gid_core.model import session
from onnx_export.evaluation import baselines, evaluate, seeing, where
from onnx_export.evaluation.scenes import HELD_OUT_SEED, field
from onnx_export.scenes import painting

SEEDS = (0, 1, 2)
SAME_MOTION = 0.9  # correlation of the coarse amplitude with the finished volume; the guided filter moves the edges


@pytest.fixture(scope="module")
def model():
    return session.load_model()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three held-out scenes as stills, one more in which nothing may move."""
    folder = tmp_path_factory.mktemp("stills")
    (folder / "img").mkdir()
    (folder / "mask").mkdir()
    for seed in SEEDS:
        scene = painting.paint(HELD_OUT_SEED + seed)
        moves = np.kron(field(scene.maps, "amplitude") > 0.3, np.ones((4, 4)))
        Image.fromarray(scene.image).save(folder / "img" / f"scene{seed}.png")
        Image.fromarray((moves * 255).astype(np.uint8)).save(folder / "mask" / f"scene{seed}.png")
    wall = np.full((100, 150, 3), 120, np.uint8) + np.random.default_rng(0).integers(0, 9, (100, 150, 3), np.uint8)
    Image.fromarray(wall).save(folder / "img" / "wall.png")
    Image.fromarray(np.zeros((100, 150), np.uint8)).save(folder / "mask" / "wall.png")
    return folder


@pytest.fixture(scope="module")
def measured(model, folder):
    rows, scores, truths = where.collect(model, folder, against=model)
    return rows, where.summary(rows, scores, truths), scores, truths


def test_a_model_ties_with_itself(measured):
    lead = measured[1]["lead"]["against"]
    assert all(value == [0, 0, 0] for value in lead.values())


def test_every_baseline_stands_in_the_table_with_an_interval(measured):
    figures = measured[1]
    assert {"alive", *baselines.GUESSES, "prior", "against"} <= set(figures["table"])
    for low, high in figures["intervals"].values():
        assert low <= high
    low, high = figures["intervals"]["pooled_auc"]
    assert low <= figures["pooled_auc"] <= high


def test_a_photo_in_which_nothing_moves_has_neither_recall_nor_curve(measured):
    assert not {"auc", "iou", "recall"} & set(measured[0]["wall"])
    assert "false_alive" in measured[0]["wall"]


def test_what_is_alive_everywhere_misses_the_bars_and_an_oracle_meets_them(measured):
    rows, _, _, truths = measured
    for alive, expected in ((lambda t: np.ones(len(t)), False), (lambda t: t * 1.0, True)):
        told = where.summary(rows, {"alive": [alive(t) for t in truths]}, truths)
        reached = {bar.name: bar.is_met for bar in where.still_bars(rows, told)}
        assert reached["pooled AUC"] is expected
        assert reached["pooled IoU"] is expected
        assert reached["false alive, all still cells"] is expected


def test_the_coarse_amplitude_is_that_of_the_finished_volume(model):
    scene = painting.paint(HELD_OUT_SEED + 1)
    picture = Image.fromarray(scene.image)
    _, coarse = seeing.answer(model, picture)
    motion = predict.predict(seeing.linear(picture), predict.Request(model=str(model.card.folder)))
    volume = motion.volume()
    fine = np.sqrt((np.abs(volume.amplitudes) ** 2).sum((0, 3)))
    fine = fine.reshape(coarse.shape[0], 4, coarse.shape[1], 4).mean((1, 3))
    assert np.corrcoef(coarse.ravel(), fine.ravel())[0, 1] > SAME_MOTION


def test_texture_and_greenness_find_what_they_are_named_for():
    rgb = np.full((1, 3, 32, 64), 0.5, np.float32)
    rgb[0, :, :, 32:] += np.random.default_rng(0).standard_normal((32, 32)).astype(np.float32) * 0.2
    rgb[0, 1, 16:] += 0.3
    found = baselines.guesses(rgb)
    assert found["texture"][:, 10:].min() > 3 * found["texture"][:4, :6].max()
    assert found["greenness"][5:].min() > found["greenness"][:3].max()
    assert np.unravel_index(found["centre"].argmax(), (8, 16))[0] in (3, 4)


def test_the_probe_finds_a_plane_that_parts_two_classes():
    rng = np.random.default_rng(0)
    inputs, direction = rng.standard_normal((500, 6)), np.array([2.0, -1, 0, 0, 0.5, 0])
    truth = (inputs @ direction + 0.3 > 0).astype(float)
    weights = baselines.logistic(inputs, truth, np.full(500, 1 / 500))
    assert ((inputs @ weights[:-1] + weights[-1] > 0) == truth).mean() > 0.97


def test_a_probe_of_no_pictures_is_left_out(tmp_path):
    assert baselines.fit_probe(tmp_path) is None


def test_the_command_keeps_what_it_did_not_measure(model, folder, tmp_path, capsys):
    copy = tmp_path / "model"
    shutil.copytree(card.default_folder(), copy)
    before = json.loads((copy / "card.json").read_text())["figures"]
    evaluate.main(["--data", str(folder), "--model", str(copy), "--parts", "where", "--write"])
    printed = json.loads(capsys.readouterr().out)
    kept = json.loads((copy / "card.json").read_text())["figures"]
    assert kept["phases"] == before["phases"]
    assert kept["stills"] == printed["stills"]
    assert set(kept["bars"]) >= set(printed["bars"])


@pytest.mark.parametrize(("name", "kind", "is_judged"), [("arena", "street", True), ("cherry", "large", False)])
def test_pictures_that_only_measure_are_told_by_name_and_have_bars_of_their_own(
    name, kind, is_judged, folder, tmp_path, capsys
):
    for part in ("img", "mask"):
        (tmp_path / part).mkdir()
        shutil.copy(folder / part / "scene0.png", tmp_path / part / f"{name}.png")
    evaluate.main(["--data", str(tmp_path), "--parts", "where"])
    printed = json.loads(capsys.readouterr().out)
    assert set(printed) == {kind, "bars"}
    assert set(printed["bars"]) == ({"street, mean AUC", "street, lowest AUC of a photo"} if is_judged else set())


def test_one_lost_photo_misses_the_bar_of_streets(measured):
    figures = measured[1]
    for worst, is_met in ((0.71, True), (0.69, False)):
        rows = {"seen": {"auc": 0.99}, "lost": {"auc": worst}, "wall": {}}
        bar = where.street_bars(rows, figures)[1]
        assert (bar.note, bar.is_met) == ("lost", is_met)


def test_an_unknown_part_is_refused_by_name(capsys):
    with pytest.raises(SystemExit):
        evaluate.main(["--parts", "where,smell"])
    assert "smell" in capsys.readouterr().err
