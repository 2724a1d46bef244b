"""The network that draws frames: untrained it is the best renderer, trained a step it learns, its rows all draw."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gid_core.frames.best import BestRenderer
from onnx_export.fitting import renderer, settings
from onnx_export.networks import backbone
from onnx_export.networks.blocks import parameters
from onnx_export.networks.renderer import Drawing, RendererNet, reduced
from onnx_export.scenes import layered
from onnx_export.scenes.clouds import texture


def photos(rng, count):
    return [texture(320, 200, seed=int(rng.integers(1000))) for _ in range(count)]


def rendered(path, scene, numbers=(5, 6)):
    """A file as `rendered.moving` leaves it, of a layered scene."""
    frames, fronts = zip(*(scene.frame(number) for number in numbers), strict=True)
    known = {"still": scene.still, "frames": frames, "labels": scene.labels, "fronts": fronts}
    np.savez(path, **known, amplitudes=scene.volume.amplitudes, numbers=numbers)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder with one rendered scene, and one to work in."""
    files, work = (tmp_path_factory.mktemp(name) for name in ("rendered", "work"))
    rendered(files / "00000.npz", layered.Scene(1, photos(np.random.default_rng(0), 3), (256, 160), reach=(0.01, 0.02)))
    return files, work


@pytest.fixture(scope="module")
def rows(folders):
    """Of one layered scene and of one file."""
    files, work = folders
    return renderer.training_set(work, SimpleNamespace(scenes=1), 0, photos, files)


def test_scenes_that_are_there_are_not_made_again(rows, folders, monkeypatch):
    files, work = folders
    monkeypatch.setattr(renderer, "pair_of", None)
    again = renderer.training_set(work, SimpleNamespace(scenes=1), 0, photos, files)
    assert all(torch.equal(again[name], rows[name]) for name in rows)
    assert len(rows["truth"]) == 2
    assert rows["time"][1].tolist() == pytest.approx([5 / 24, 6 / 24], abs=1e-3)


def test_an_untrained_network_draws_the_best_frame(rows):
    inputs = {name: values[0].float() for name, values in rows.items() if name != "truth"}
    with torch.no_grad():
        assert (RendererNet()(**inputs) == inputs["best"]).all()


@pytest.mark.parametrize("changes", renderer.ROWS.values(), ids=renderer.ROWS)
def test_every_row_draws_and_learns(rows, changes):
    torch.manual_seed(0)
    asked = settings.load("renderer").renderer
    network = RendererNet(renderer.varied(changes))
    loss = renderer.renderer_loss(rows, asked, backbone.pretrained().cut(2))
    loss(network, torch.Generator().manual_seed(0)).backward()
    learning = [w for w in network.parameters() if w.requires_grad and w.grad is not None and w.grad.any()]
    assert learning
    assert all(w.grad.isfinite().all() for w in learning)


def test_the_truth_is_nearer_to_the_best_frame_than_to_the_still(rows):
    for number in range(len(rows["truth"])):
        still, best, truth = (rows[name][number].float() for name in ("still", "best", "truth"))
        assert (best - truth).square().mean() < 0.5 * (still - truth).square().mean()


def test_it_is_small():
    assert parameters(RendererNet(Drawing())) < 2e6


def test_cells_move_as_what_is_in_front_in_them():
    displacement, weight = torch.zeros(1, 2, 4, 4), torch.full((1, 4, 4), 1e-3)
    displacement[:, 0, :2, :2], weight[:, :2, :2] = 8.0, 1.0
    field, mean = reduced(displacement, weight, 4)
    assert float(field[0, 0]) == pytest.approx(2.0, rel=0.01)
    assert float(mean) == pytest.approx(0.25, rel=0.01)


def test_sides_that_are_no_multiples_of_4_are_drawn():
    scene = layered.Scene(0, (), (101, 67), (32, 20), (0.03,), 0)
    inputs = renderer.told(BestRenderer(scene.still, scene.volume, scene.plan), 5)
    found = renderer.drawn(RendererNet(), inputs)
    assert found.shape == scene.still.shape
    assert np.abs(found - inputs["best"].transpose(1, 2, 0)).max() == 0
