"""Checkpoints made of model files: the same networks, as the files tell them, and nothing else."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from onnx_export.export import export, restore, versions
from onnx_export.fitting import conditions
from onnx_export.networks.borders import BorderNet
from onnx_export.networks.encoder import EncoderNet
from onnx_export.networks.outline import OutlineNet


@pytest.fixture(scope="module")
def files(networks, models, tmp_path_factory):
    """(folder of model files, the networks that are in them)."""
    folder = tmp_path_factory.mktemp("models")
    export.save(models, folder)
    export.write_card(folder, np.linspace(1, 0.1, 16), {"where": {"steps": 7, "minutes": 1.5, "loss": 0.25}})
    return folder, networks[0].network, networks[1]


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


def test_the_closer_look_comes_back_as_its_file_answers():
    path = versions.LEDGER.parent / "outline.onnx"
    graph = export.OutlineGraph(OutlineNet(), BorderNet())
    for part in ("network", "borders"):
        restore.restored(graph, [path], part)
    given = export.example_looks()
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    answers = session.run(None, {name: value.numpy() for name, value in given.items()})
    with torch.no_grad():
        for ours, answer in zip(graph.eval()(**given), answers, strict=True):
            torch.testing.assert_close(ours, torch.from_numpy(answer), rtol=1e-4, atol=1e-5)


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
