"""The closer look: it begins as the mean of both looks, and learns from exact edges and from masks that are loose."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from onnx_export.fitting import outline, settings
from onnx_export.networks.encoder import WhereNet
from onnx_export.networks.outline import OutlineNet, logit
from onnx_export.scenes import painting


@pytest.fixture(scope="module")
def where():
    torch.manual_seed(0)
    return WhereNet().eval()


@pytest.fixture(scope="module")
def rows(where):
    rows, scene = outline.Rows(where, np.random.default_rng(0)), painting.paint(3, detail=outline.DETAIL)
    rows.add(scene.image, np.clip(scene.maps[0], 0, 1), "scene", 2)
    rows.add(scene.image, np.zeros((80, 128)), "still", 1)
    return rows.stacked()


def seen(rows):
    return [rows["rgb"].float() / 255, *(rows[name].float() for name in ("f4", "f8", "f16"))]


def test_a_crop_knows_the_place_that_it_shows(rows):
    assert rows["rgb"].shape == (3, 3, 160, 256)
    assert rows["label"].shape == rows["coarse"].shape == (3, 40, 64)
    red = rows["rgb"].float()
    cells = red.reshape(3, 3, 40, 4, 64, 4).mean((1, 3, 5))
    inside, outside = (cells[:2][x].mean() for x in (rows["label"][:2] > 0.9, rows["label"][:2] < 0.1))
    assert abs(inside - outside) > 10  # a red blossom before a pale wall


def test_it_begins_as_the_mean_of_both_looks(where, rows):
    network, given = OutlineNet().begin(where).eval(), seen(rows)
    with torch.no_grad():
        where.trunk.overview.weight.zero_()
        where.trunk.overview.bias.zero_()
        alone, coarse = where(*given)[0], rows["coarse"][:, None].float()
        torch.testing.assert_close(network(*given, coarse), (alone + coarse) / 2)


def test_the_logit_undoes_the_sigmoid_and_knows_an_end():
    x = torch.linspace(-8, 8, 9)
    torch.testing.assert_close(logit(x.sigmoid()), x, rtol=1e-3, atol=1e-3)
    assert torch.isfinite(logit(torch.tensor([0.0, 1.0]))).all()


def test_exact_edges_weigh_more_and_unknown_cells_nothing():
    label = torch.zeros(1, 1, 8, 8)
    label[..., :4] = 1
    wrong = torch.where(label > 0, -2.0, 2.0)
    exact, loose = (outline.outline_loss(wrong, label, torch.tensor([k])) for k in (0, 3))
    assert exact > 1.5 * loose
    unknown = torch.full_like(label, -1)
    assert outline.outline_loss(wrong, unknown, torch.tensor([3])) == 0


def test_it_learns_the_rows_that_it_is_shown(where, rows, tmp_path):
    asked = settings.load("small")
    few = replace(asked.outline, rows=settings.OutlineRows(scene=1, composite=0, flower=0, other=0, still=1))
    asked = replace(asked, outline=few, optimiser=replace(asked.optimiser, average=0.0, warm_up_steps=1))
    coarse, label = rows["coarse"][:, None].float(), rows["label"][:, None].float()

    def off(network):
        with torch.no_grad():
            return float(outline.outline_loss(network(*seen(rows), coarse), label, rows["kind"]))

    network = outline.train_outline(where, rows, tmp_path / "outline.pt", asked, steps=3)
    assert off(network) < off(OutlineNet().begin(where).eval())
    assert torch.load(tmp_path / "outline.pt", weights_only=True)["step"] == 3
