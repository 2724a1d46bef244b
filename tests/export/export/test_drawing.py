"""The shipped networks that draw: the graphs agree with torch, and so does a whole frame."""

import numpy as np
import pytest
import torch

from gid_core.files import colour
from gid_core.frames.loop import Loop
from gid_core.model import card, session
from gid_core.model.contract import RENDERING, SIGNATURES
from onnx_export.export import drawing
from onnx_export.fitting import renderer
from onnx_export.fitting.conditions import load
from onnx_export.networks.renderer import RendererNet
from onnx_export.scenes import layered

HALF = 2e-3  # relative to the largest value; half-stored weights
LARGEST = 8 * 2**20


@pytest.fixture(scope="module")
def network():
    return drawing.restored(card.default_folder())


@pytest.mark.parametrize("size", [(64, 96), (100, 72)], ids=lambda size: f"{size[1]}x{size[0]}")
def test_the_runtime_agrees_with_torch(network, size):
    model = session.load_model(roles=RENDERING)
    networks = {"features": network.features, "synthesis": network.synthesis}
    for role, inputs in drawing.example_tiles(size, seed=1).items():
        expected = networks[role](**inputs)
        expected = expected if isinstance(expected, tuple) else (expected,)
        given = {name: inputs[name].numpy() for name in SIGNATURES[role].inputs}
        for found, truth in zip(model.run(role, given).values(), expected, strict=True):
            assert np.abs(found - truth.numpy()).max() <= HALF * float(truth.abs().max())


def test_a_frame_of_the_product_is_that_of_the_training(network):
    torch.set_num_threads(1)
    scene = layered.Scene(0, (), (128, 80), (32, 20), (0.02, 0.04), 2)
    loop = Loop(scene.still, scene.volume, scene.plan, quality="network").renderer()
    ours = colour.encode_srgb(loop.frame(5))
    theirs = renderer.drawn(network, renderer.told(loop, 5))
    assert np.abs(ours - theirs).max() < 1 / 255


def test_a_training_can_go_on_from_the_files(network, tmp_path):
    drawing.main(["--back", "--models", str(card.default_folder()), "--work", str(tmp_path)])
    found, _state = load(tmp_path, renderer.checkpoint_name(), RendererNet())
    known = network.state_dict()
    assert all(torch.equal(values, known[name]) for name, values in found.state_dict().items())


def test_the_files_are_small():
    model = session.load_model(roles=RENDERING)
    assert sum(model.card.files[role]["bytes"] for role in RENDERING) < LARGEST
