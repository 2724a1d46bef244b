"""The model in models/: what its card says, at several sizes, better than chance on scenes it has never seen."""

import hashlib
import json

import numpy as np
import pytest
from gid_dev.gid_core.model import card, contract, session
from gid_dev.gid_core.prediction import objects, stages

from onnx_export.evaluation import evaluate
from onnx_export.export import export
from onnx_export.scenes import motion, painting

MODELS = card.default_folder()
N_SCENES = 8
FLOW = f"flow, {export.STEPS} steps"


@pytest.fixture(scope="module")
def model():
    return session.load_model(MODELS)


@pytest.fixture(scope="module")
def table(model):
    return evaluate.score_phases(model, N_SCENES, step_counts=(export.STEPS,))


def test_the_card_names_its_files():
    entries = json.loads((MODELS / "card.json").read_text())
    total = 0
    for part in (*contract.PREDICTION, contract.CLOSER, *contract.RENDERING):
        content = (MODELS / entries["files"][part]["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entries["files"][part]["sha256"]
        assert len(content) == entries["files"][part]["bytes"]
        total += len(content)
    assert total < 40 * 2**20


def test_the_card_carries_its_figures_and_its_sources():
    entries = json.loads((MODELS / "card.json").read_text())
    assert entries["figures"]["stills"]["pooled_auc_alive"] > entries["figures"]["stills"]["pooled_auc_greenness"]
    assert any("CC-BY" in line for line in entries["training"]["data"])


def test_the_closer_look_keeps_what_is_sure_and_runs_at_any_size(model):
    for height, width in ((288, 512), (512, 352)):
        rgb = np.random.default_rng(0).random((1, 3, height, width), np.float32)
        coarse = np.full((1, 1, height // 4, width // 4), 0.01, np.float32)
        coarse[..., : width // 8] = 0.99
        h, w = height // contract.TOLD_STRIDE, width // contract.TOLD_STRIDE
        told = {"told": np.zeros((1, 192, h, w), np.float32), "known": np.full((1, 8, h, w), 0.9, np.float32)}
        found = model.run(contract.CLOSER, {"rgb": rgb, "coarse": coarse, **told})
        for name in ("affinity", "own"):
            assert ((found[name] >= 0) & (found[name] <= 1)).all()
        alive = found["alive"][0, 0]
        assert alive.shape == (height // 4, width // 4)
        assert alive[:, : width // 16].mean() > alive[:, width // 6 :].mean()


@pytest.mark.parametrize(("height", "width"), [(160, 256), (288, 512), (256, 160)])
def test_it_runs_at_any_size(model, height, width):
    rng = np.random.default_rng(0)
    found = model.encode(rng.random((1, 3, height, width), np.float32))
    assert ((found["alive"] >= 0) & (found["alive"] <= 1)).all()
    assert (found["envelope"] >= 0).all()
    k, h, w = len(model.card.frequencies), height // 8, width // 8
    condition = stages.condition(model, found, objects.group(found["affinity"][0]))
    condition["wind"] = np.array([[1, 0, 0, 1]], np.float32)
    z = rng.standard_normal((1, k, 4, h, w), np.float32)
    velocity = model.velocity(z, 0.5, condition)
    assert velocity.std() > 0.05
    apart = {"z", "envelope", "slices"}  # a slice alone is what it is among the others, whatever runs beside it
    inputs = {"z": z, "t": np.array([0.5], np.float32), **condition}
    alone = {name: value[:, 9:10] if name in apart else value for name, value in inputs.items()}
    assert model.run("flow", alone)["velocity"].tobytes() == velocity[:, 9:10].tobytes()


def test_what_moves_is_more_alive_than_what_stands(model):
    score, truth = [], []
    for seed in range(painting.HELD_OUT_SEED, painting.HELD_OUT_SEED + N_SCENES):
        scene = painting.paint(seed)
        found = model.encode(np.ascontiguousarray(scene.image.transpose(2, 0, 1)[None], np.float32) / 255)
        score.append(found["alive"].ravel())
        truth.append(scene.maps[motion.AMPLITUDE].ravel() > 0.3)
    assert evaluate.area_under_curve(np.concatenate(score), np.concatenate(truth)) > 0.95


def test_other_noise_is_another_motion(table):
    assert table[FLOW]["diversity"] > 0.5


def test_the_flow_makes_noise_whole(table):
    assert table[FLOW]["coherence"] > table["noise"]["coherence"] + 0.2


def test_the_flow_makes_objects_more_whole_than_its_start_and_keeps_them_apart(table):
    flow, start = (table[f"{kind}, as run"] for kind in (FLOW, "start"))
    assert flow["coherence"] > start["coherence"]
    assert flow["contrast"] > start["contrast"]


def test_the_flow_finds_the_axis_of_sway(table):
    assert table[FLOW]["perpendicular"] < 0.8 * table["procedural"]["perpendicular"]


def test_the_curve_of_a_perfect_and_of_a_blind_score():
    truth = np.array([0, 0, 1, 1])
    assert evaluate.area_under_curve(np.array([0.1, 0.2, 0.3, 0.4]), truth) == 1
    assert evaluate.area_under_curve(np.zeros(4), truth) == 0.5
