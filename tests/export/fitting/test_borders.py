"""The closer look at objects: what is known of places and cells, how errors count, and what it learns."""

import numpy as np
import pytest
import torch

from gid_core.model.contract import PLACES
from onnx_export.fitting import borders, conditions, fit
from onnx_export.fitting import settings as runs
from onnx_export.networks.borders import BorderNet
from onnx_export.networks.encoder import EncoderNet, GroupNet
from onnx_export.scenes import motion, painting


@pytest.fixture(scope="module")
def settings():
    return runs.load("small")


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return EncoderNet().eval()


@pytest.fixture(scope="module")
def rows(encoder):
    return borders.make_rows(encoder, 2, None, None)


def test_rows_hold_scenes_in_which_movers_touch(rows):
    assert rows["rgb"].shape == (2, 3, 320, 512)
    assert rows["name"].shape == rows["moves"].shape == (2, 80, 128)
    assert rows["cell"].shape == rows["busy"].shape == (2, 40, 64)
    for one, move in zip(rows["name"].numpy(), rows["moves"].numpy(), strict=True):
        beside = (one[:, 1:] != one[:, :-1]) & move[:, 1:] & move[:, :-1]
        below = (one[1:] != one[:-1]) & move[1:] & move[:-1]
        assert beside.sum() + below.sum() > 0


def test_a_cell_is_named_by_its_strongest_place():
    maps = torch.zeros(len(motion.FIELDS), 4, 4)
    maps[motion.OBJECT] = 3
    maps[motion.OBJECT, 3, 1], maps[motion.AMPLITUDE, 3, 1] = 7, 2
    known = borders.scene_row(painting.Scene(None, maps.numpy(), np.array([1, 0, 90], np.float32)))
    assert known["cell"].tolist() == [[3, 3], [7, 3]]
    assert known["busy"].tolist() == [[False, False], [True, False]]
    assert known["moves"].sum() == 1


def test_the_true_answer_costs_nothing_and_a_border_that_is_missed_much(rows, settings):
    cell = rows["cell"].float()
    own = (rows["name"][:, None].float() == borders.around(cell)).float()
    true = 20 * motion.affinity_of(cell) - 10, 20 * own - 10
    assert borders.border_loss(true, rows, settings.borders) < 1e-3
    assert borders.border_loss((true[0], torch.full_like(own, 10)), rows, settings.borders) > 0.5
    assert borders.border_loss((torch.full_like(true[0], 10), true[1]), rows, settings.borders) > 0.1


def test_it_begins_with_what_groups_knows(encoder):
    network = BorderNet().begin(encoder.groups)
    torch.testing.assert_close(network.affinity.weight, encoder.groups.affinity.weight)
    torch.testing.assert_close(network.trunk.in8.weight, encoder.groups.trunk.in8.weight)
    with pytest.raises(RuntimeError):
        network.begin(GroupNet(width=32))


def test_a_crop_keeps_places_and_cells_together(rows):
    part = borders.cropped(rows, (4, 10), (6, 16))
    assert part["rgb"].shape[2:] == (160, 256)
    torch.testing.assert_close(part["name"], rows["name"][:, 16:56, 24:88])
    torch.testing.assert_close(part["cell"], rows["cell"][:, 8:28, 12:44])
    assert part["name"].shape[1] == PLACES * part["cell"].shape[1]


def test_it_learns_the_rows_that_it_is_shown(rows, settings):
    part = borders.cropped(rows, (4, 6), (8, 8))
    network = BorderNet(width=16, fine=16)
    network.told = torch.nn.Conv2d(part["told"].shape[1] + part["known"].shape[1], 16, 1)
    optimiser, losses = torch.optim.Adam(network.parameters(), 5e-3), []
    for _ in range(8):
        loss = borders.border_loss(network(*borders.inputs(part)), part, settings.borders)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_the_flow_is_told_the_objects_that_the_closer_look_finds(rows):
    def network(*shown):
        """Knows the truth."""
        return 20 * motion.affinity_of(cell) - 10, None

    cell = rows["cell"].float()
    told = conditions.closer_conditions(network, rows)
    assert told["labels"].shape == told["parts"].shape == (2, 20, 32)
    name, moves = told["maps"][:, motion.OBJECT], told["maps"][:, motion.AMPLITUDE] > 0.1
    (there, here), (one, other), (busy, too) = (motion.shifted(x, 0, 1) for x in (name, told["labels"], moves))
    agrees = ((there == here) == (one == other))[busy & too]
    assert len(agrees) > 20
    assert agrees.float().mean() > 0.8  # but for blades that are less than a cell
    assert ((one == other) == (told["affinity"][:, 0, :, :-1] == 1)).all()


def test_a_mirrored_scene_has_its_wind_mirrored_too():
    maps = np.zeros((len(motion.FIELDS), 8, 8), np.float32)
    maps[motion.DX], maps[motion.OBJECT, :, :2] = 1, 4
    scene = painting.Scene(None, maps, np.array([0.8, 0.6, 90], np.float32))
    known = borders.scene_row(scene, is_mirrored=True)
    assert known["wind"].tolist() == pytest.approx([-0.8, 0.6, 90])
    assert (known["maps"][motion.DX] == -1).all()
    assert (known["name"][:, 6:] == 4).all()
    assert (known["name"][:, :6] == 0).all()


def test_a_training_leaves_a_checkpoint(rows, encoder, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "_bf16_pays", lambda kind: False)
    network = borders.train_borders(encoder.groups, rows, tmp_path / "borders.pt", settings, steps=1)
    assert torch.load(tmp_path / "borders.pt", weights_only=True)["step"] == 1
    assert not any(weight.requires_grad for weight in network.parameters())
