"""One export of untrained networks for all tests of the room: tracing takes longer than all that is asked of it."""

import pytest
import torch

from onnx_export.export import export
from onnx_export.networks.encoder import EncoderNet
from onnx_export.networks.flow import FlowNet


@pytest.fixture(scope="session")
def networks():
    """(EncoderGraph, FlowNet) of networks in which every weight is random: the layers that begin as zero do something
    too, and no norm's gain passes for another's."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    encoder = EncoderNet()
    flow = FlowNet(features=encoder.features)
    with torch.no_grad():
        for weight in (*encoder.parameters(), *flow.parameters()):
            weight.add_(0.05 * torch.randn(weight.shape, generator=generator))
    encoder, flow = encoder.eval().requires_grad_(False), flow.eval().requires_grad_(False)
    return export.EncoderGraph(encoder), flow


@pytest.fixture(scope="session")
def models(networks):
    """The ONNX models of `networks`, in single precision."""
    return export.graphs(*networks)
