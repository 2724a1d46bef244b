"""Labels finer than cells: what is known of places and cells, how errors count, and what a table of truths tells."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gid_core.model.contract import PAIRS
from onnx_export.experiments import borders, substituted
from onnx_export.fitting import fit
from onnx_export.scenes import motion


@pytest.fixture(scope="module")
def rows():
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)

    def encode(rgb):
        h, w = (n // 8 for n in rgb.shape[2:])
        found = {"features": rng.standard_normal((1, 192, h, w)), "affinity": rng.random((1, len(PAIRS), h, w))}
        return {name: value.astype(np.float32) for name, value in found.items()}

    return borders.make_rows(SimpleNamespace(encode=encode), 2)


def test_rows_hold_scenes_in_which_movers_touch(rows):
    assert rows["rgb"].shape == (2, 3, 320, 512)
    assert rows["object"].shape == rows["moves"].shape == (2, 160, 256)
    assert rows["cell"].shape == (2, 20, 32)
    for one, move in zip(rows["object"].numpy(), rows["moves"].numpy(), strict=True):
        beside = (one[:, 1:] != one[:, :-1]) & move[:, 1:] & move[:, :-1]
        below = (one[1:] != one[:-1]) & move[1:] & move[:-1]
        assert beside.sum() + below.sum() > 0


def test_a_cell_is_named_by_its_strongest_place():
    maps = torch.zeros(len(motion.FIELDS), 16, 16)
    maps[motion.OBJECT] = 3
    maps[motion.OBJECT, 9, 4], maps[motion.AMPLITUDE, 9, 4] = 7, 2
    known = borders._known(maps)
    np.testing.assert_array_equal(known["cell"], [[3, 3], [7, 3]])
    assert known["moves"].sum() == 1


def test_the_true_answer_costs_nothing_and_a_border_that_is_missed_much(rows):
    cell = rows["cell"].float()
    own = (rows["object"][:, None].float() == borders.around(cell)).float()
    true = 20 * own - 10, 20 * motion.affinity_of(cell) - 10
    assert borders.border_loss(true, rows) < 1e-3
    assert borders.border_loss((torch.full_like(own, 10), true[1]), rows) > 0.5
    assert borders.border_loss((true[0], torch.full_like(true[1], 10)), rows) > 0.1


def test_it_begins_as_it_was_told(rows):
    with torch.no_grad():
        own, affinity = borders.BorderNet().eval()(*borders.inputs(rows))
    assert (own == 0).all()
    torch.testing.assert_close(affinity.sigmoid(), rows["affinity"].float(), rtol=1e-3, atol=1e-4)


def test_a_crop_keeps_places_and_cells_together(rows):
    part = borders.cropped(rows, (4, 10), (6, 16))
    assert part["rgb"].shape[2:] == (160, 256)
    torch.testing.assert_close(part["object"], rows["object"][:, 32:112, 48:176])
    torch.testing.assert_close(part["cell"], rows["cell"][:, 4:14, 6:22])


def test_it_learns_the_rows_that_it_is_shown(rows):
    part = borders.cropped(rows, (4, 6), (8, 8))
    network = borders.BorderNet(width=16, fine=16)
    optimiser, losses = torch.optim.Adam(network.parameters(), 5e-3), []
    for _ in range(8):
        loss = borders.border_loss(network(*borders.inputs(part)), part)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_a_training_leaves_a_checkpoint(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "_bf16_pays", lambda kind: False)
    network = borders.train(rows, tmp_path / "borders.pt", batch=1, steps=1)
    assert torch.load(tmp_path / "borders.pt", weights_only=True)["step"] == 1
    assert not any(weight.requires_grad for weight in network.parameters())


def test_a_place_is_of_the_object_whose_cell_it_most_surely_belongs_with():
    own = np.full((len(substituted.AROUND), 8, 32), 0.1)
    own[substituted.AROUND.index((0, 0))] = 0.5
    own[substituted.AROUND.index((0, 1)), :, 12:16] = 0.6  # the border runs through the second cell
    found = substituted.nearest(np.array([[0, 0, 1, 1]]), own)
    np.testing.assert_array_equal(found, np.repeat([0, 1], [12, 20])[None].repeat(8, 0))
    own[0] = 1  # above and to the left, beyond the picture
    assert (substituted.nearest(np.array([[0, 0, 1, 1]]), own)[:, :16] == 0).all()


def test_true_borders_carry_the_found_object_of_the_nearest_cell():
    names = np.repeat([3, 4], [12, 20])[None].repeat(8, 0)
    found = substituted._with_true_borders(np.array([[0, 1, 2, 2]]), np.array([[3, 3, 4, 4]]), names)
    np.testing.assert_array_equal(found, np.repeat([0, 1, 2], [8, 4, 20])[None].repeat(8, 0))
    nowhere = substituted._with_true_borders(np.array([[0, 1]]), np.array([[3, 3]]), np.full((8, 16), 5))
    assert (nowhere == 2).all()


def test_what_parts_inside_an_object_is_torn_and_a_border_is_not():
    objects, z = np.repeat([1, 2], 8)[None].repeat(4, 0), np.ones((1, 4, 16, 2), complex)
    z[:, :, 8:] = -1
    moves = np.ones(objects.shape, bool)
    assert substituted.torn(z, objects, moves) == 0
    z[:, :, 4:8] = -1
    assert substituted.torn(z, objects, moves) == pytest.approx(4 / (4 * 14 + 3 * 16))
    moves[:, :4] = False
    assert substituted.torn(z, objects, moves) == 0
