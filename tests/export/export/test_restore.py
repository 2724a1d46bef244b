"""Checkpoints made of model files: the same networks, as the files tell them, and nothing else."""

import json

import numpy as np
import onnx
import pytest
import torch

from onnx_export.export import export, restore
from onnx_export.fitting import conditions
from onnx_export.networks.networks import EncoderNet, FlowNet


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """(folder of model files, the networks that are in them); random gains, so that no norm passes for another."""
    folder, generator = tmp_path_factory.mktemp("models"), torch.Generator().manual_seed(1)
    encoder = EncoderNet()
    flow = FlowNet(features=encoder.features)
    with torch.no_grad():
        for weight in (*encoder.parameters(), *flow.parameters()):
            weight.add_(0.05 * torch.randn(weight.shape, generator=generator))
    encoder, flow = encoder.eval().requires_grad_(False), flow.eval().requires_grad_(False)
    export.save(export.graphs(export.EncoderGraph(encoder), export.FlowGraph(flow)), folder)
    training = {"where": {"steps": 7, "minutes": 1.5, "loss": 0.25}}
    export.write_card(folder, np.linspace(1, 0.1, 16), training)
    return folder, encoder, flow


def test_networks_come_back_as_they_were_but_for_half_precision(files, tmp_path):
    folder, encoder, flow = files
    restore.restore(folder, tmp_path)
    again, flow_again, states = export.load_networks(tmp_path)
    for before, after in ((encoder, again), (flow, flow_again)):
        known = before.state_dict()
        for name, value in after.state_dict().items():
            if not name.startswith("groups.shape"):
                torch.testing.assert_close(value, known[name], rtol=1e-3, atol=1e-4, msg=name)
    assert states["where"]["step"] == 7
    assert states["where"]["elapsed"] == 90
    assert states["reach"]["notes"]["scales"] == json.loads((folder / "card.json").read_text())["scales"]


def test_checkpoints_that_are_there_stay(files, tmp_path):
    (tmp_path / "reach.pt").write_bytes(b"mine")
    restore.restore(files[0], tmp_path)
    assert (tmp_path / "reach.pt").read_bytes() == b"mine"
    assert conditions.load(tmp_path, "where", EncoderNet().where)[1]["losses"] == [0.25]


def test_files_of_other_networks_are_refused_and_leave_nothing(files, tmp_path, capsys):
    other = tmp_path / "other"
    other.mkdir()
    for path in files[0].iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    model = onnx.load(other / "flow.onnx")
    del model.graph.initializer[next(i for i, t in enumerate(model.graph.initializer) if "leave" in t.name)]
    (other / "flow.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(SystemExit):
        restore.main(["--models", str(other), "--work", str(tmp_path / "work")])
    assert "another version's networks" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


def test_a_folder_without_models_is_told(tmp_path, capsys):
    with pytest.raises(SystemExit):
        restore.main(["--models", str(tmp_path), "--work", str(tmp_path / "work")])
    assert "give the folder of the shipped model files" in capsys.readouterr().err
