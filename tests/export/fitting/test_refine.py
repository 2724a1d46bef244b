"""Refinement: what is new is learned, what the network knew is asked for, the view of the whole stays."""

import pytest
import torch

from onnx_export.fitting import conditions, dataset, refine, settings
from onnx_export.networks.encoder import WhereNet
from tests.export.experiments.test_sources import photographs

SHIPPED = settings.load("shipped")


@pytest.fixture(scope="module")
def material():
    scenes = dataset.make_scenes(range(3))
    return scenes, photographs([0, 1, 2, 3], [2, 0, dataset.NO_SOURCE, 3])


@pytest.fixture
def teacher():
    torch.manual_seed(0)
    return WhereNet()


def refined(teacher, material, path, steps):
    scenes, photo_data = material
    limits = {"minutes": 5, "max_steps": steps}
    return refine.refine(teacher, scenes, scenes, photo_data, torch.ones(16), path, SHIPPED, **limits)


def test_the_view_of_the_whole_stays_and_the_rest_learns(teacher, material, tmp_path):
    known = {name: weight.clone() for name, weight in teacher.state_dict().items()}
    refined(teacher, material, tmp_path / "where.pt", 3)
    network, state = conditions.load(tmp_path, "where", WhereNet())
    frozen = ("trunk.in16", "trunk.blocks16", "trunk.overview")
    for name, weight in network.named_parameters():
        assert torch.equal(weight, known[name]) == name.startswith(frozen), name
    assert all(torch.equal(weight, known[name]) for name, weight in teacher.state_dict().items())
    assert (state["step"], state["notes"]["scales"]) == (3, [1.0] * 16)


def test_an_interrupted_refinement_goes_on(teacher, material, tmp_path):
    for steps in (2, 3):
        refined(teacher, material, tmp_path / "where.pt", 1)
        assert torch.load(tmp_path / "where.pt", weights_only=True)["step"] == steps - 1


def test_forgetting_costs_in_the_rows_that_are_kept_alone():
    alive, e = torch.randn(3, 1, 4, 4), torch.rand(3, 16, 4, 4)
    kept = torch.tensor([False, True, True])
    before = alive, e
    assert refine._forgotten(before, before, kept) == pytest.approx((0, 0), abs=1e-6)
    assert refine._forgotten((alive + 2, e), before, kept)[0] > 0.01
    assert refine._forgotten((alive, e + 1), before, kept)[1] == pytest.approx(2 / 3)
    elsewhere = torch.where(kept.view(3, 1, 1, 1), 0.0, 5.0)
    assert refine._forgotten((alive + elsewhere, e + elsewhere), before, kept) == pytest.approx((0, 0), abs=1e-6)


def test_new_scenes_and_still_photographs_owe_nothing_to_the_teacher(teacher, material, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(refine, "_forgotten", lambda *given: (seen.append(given[-1]), torch.zeros(2))[1])
    refined(teacher, material, tmp_path / "where.pt", 1)
    rows = SHIPPED.refine.scenes
    thin, others = rows.thin, rows.painted + rows.rendered
    assert not seen[0][:thin].any()
    assert seen[0][thin : thin + others].all()
    assert 0 < seen[0][thin + others :].sum() < len(seen[0][thin + others :])


def test_a_folder_without_training_is_told(tmp_path, capsys):
    with pytest.raises(SystemExit):
        refine.main(["--training", str(tmp_path), "--work", str(tmp_path / "work")])
    assert "train it first" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()
