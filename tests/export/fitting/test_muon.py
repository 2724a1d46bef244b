"""Muon: what it takes, and that its steps are of one size in all directions."""

import pytest
import torch

from onnx_export.fitting import muon


def test_it_takes_what_has_rows_and_columns():
    assert muon.is_matrix(torch.zeros(32, 8, 3, 3))
    assert not muon.is_matrix(torch.zeros(4, 96, 3, 3))
    assert not muon.is_matrix(torch.zeros(96))


@pytest.mark.parametrize("shape", [(24, 60), (60, 24), (32, 8, 3, 3)])
def test_a_step_has_singular_values_near_one(shape):
    torch.manual_seed(0)
    weight = torch.zeros(shape, requires_grad=True)
    optimiser = muon.Muon([weight], lr=1.0)
    weight.grad = torch.randn(shape)
    optimiser.step()
    step = weight.detach().flatten(1)
    values = torch.linalg.svdvals(step) / (0.2 * max(step.shape) ** 0.5)
    assert values.min() > 0.6
    assert values.max() < 1.3
    assert (step * weight.grad.flatten(1)).sum() < 0


def test_it_finds_the_least_squares_solution():
    torch.manual_seed(0)
    inputs, wanted = torch.randn(200, 16), torch.randn(16, 16)
    weight = torch.zeros(16, 16, requires_grad=True)
    optimiser = muon.Muon([weight], lr=0.05)
    for step in range(400):
        optimiser.param_groups[0]["lr"] = 0.05 * (1 - step / 400)
        optimiser.zero_grad()
        (inputs @ (weight - wanted)).square().mean().backward()
        optimiser.step()
    assert (weight - wanted).abs().max() < 0.05
