"""Model files and cards from outside: nothing unfit reaches a session."""

import json

import numpy as np
import pytest
from gid_dev.gid_core.errors import ModelError
from gid_dev.gid_core.model import card, session
from gid_dev.gid_core.model import file as model_file
from gid_dev.gid_core.prediction import predict

from .. import hostile, tiny_model

PHOTO = np.full((32, 48, 3), (0.1, 0.4, 0.1), np.float32)


@pytest.mark.parametrize("name", hostile.hostile_encoders())
def test_a_hostile_model_is_refused_with_a_sentence(tmp_path, name):
    content, pattern = hostile.hostile_encoders()[name]
    folder = tiny_model.write_model(tmp_path / "model", encoder=content)
    with pytest.raises(ModelError, match=pattern):
        predict.predict(PHOTO, predict.Request(model=str(folder)))


@pytest.mark.parametrize("name", sorted(set(hostile.hostile_encoders()) - {"nothing moves a session", "not a number"}))
def test_no_session_is_opened_for_a_file_that_fails_its_checks(tmp_path, monkeypatch, name):
    folder = tiny_model.write_model(tmp_path / "model", encoder=hostile.hostile_encoders()[name][0])
    monkeypatch.setattr(session, "_import_onnxruntime", lambda: pytest.fail("onnxruntime was asked"))
    with pytest.raises(ModelError):
        session.load_model(folder)


def test_an_external_file_is_never_read(tmp_path):
    """The attack itself: weights named in a file beside the model."""
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    for content, _ in list(hostile.hostile_encoders().values())[:5]:
        with pytest.raises(ModelError, match="another file"):
            model_file.inspect(content)


def test_every_way_to_cut_a_model_short_is_refused():
    good = tiny_model.model(tiny_model.flow_graph())
    model_file.inspect(good)
    survivors = []
    for size in range(len(good)):
        try:
            found = model_file.inspect(good[:size])
        except ModelError:
            continue
        survivors.append((size, found))
    assert survivors == []


def test_the_walk_reports_what_the_model_declares():
    found = model_file.inspect(tiny_model.model(tiny_model.encoder_graph()))
    assert found.inputs == {"rgb": model_file.Tensor("float32", 4)}
    assert set(found.outputs) == {"alive", "envelope", "affinity", "features"}
    assert found.ops == {"AveragePool", "Conv", "Sigmoid"}


def test_inputs_that_carry_their_value_are_no_inputs():
    nodes = [tiny_model.node("Add", ["x", "w"], ["y"])]
    infos = [tiny_model.value_info("x", (1,)), tiny_model.value_info("w", (1,))]
    content = tiny_model.graph(
        nodes, infos, [tiny_model.value_info("y", (1,))], [tiny_model.tensor("w", np.zeros(1, np.float32))]
    )
    assert set(model_file.inspect(tiny_model.model(content)).inputs) == {"x"}


def test_a_tampered_file_is_refused_by_its_hash(tmp_path):
    folder = tiny_model.write_model(tmp_path / "model")
    content = bytearray((folder / "flow.onnx").read_bytes())
    content[-1] ^= 1
    (folder / "flow.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"flow\.onnx is not the file that its card names"):
        session.load_model(folder)


def test_a_longer_file_is_refused(tmp_path):
    folder = tiny_model.write_model(tmp_path / "model")
    with (folder / "flow.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match="size or SHA-256 differs"):
        session.load_model(folder)


def test_a_missing_file_or_card_is_a_sentence(tmp_path):
    with pytest.raises(ModelError, match="there is no motion model"):
        session.load_model(tmp_path / "nowhere")
    folder = tiny_model.write_model(tmp_path / "model")
    (folder / "encoder.onnx").unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        session.load_model(folder)


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"frequencies": [0.2, 0.1, 0.3, 0.4]}, "ascending"),
        ({"frequencies": [0.2]}, "as many scales"),
        ({"frequencies": [0.0, 0.1, 0.3, 0.4]}, "positive"),
        ({"scales": [1, 1, 1, float("nan")]}, "positive"),
        ({"frequencies": [0.1] * 100, "scales": [1] * 100}, "1 to 64"),
        ({"input_long_side": 10**9}, "input_long_side"),
        ({"steps": 0}, "steps"),
        ({"start": "elsewhere"}, "start of"),
        ({"start_noise": -1}, "start_noise"),
        ({"z_layout": ["xr", "xi", "yr", "yi"]}, "z_layout"),
        ({"files": {}}, "lacks 'encoder'"),
        ({"files": None}, "damaged"),
        ({"ops": None}, "damaged"),
    ],
)
def test_a_lying_card_is_refused(tmp_path, change, pattern):
    with pytest.raises(ModelError, match=pattern):
        card.read_card(tiny_model.write_model(tmp_path / "model", **change))


def test_a_role_of_a_newer_version_is_kept_and_never_opened(tmp_path):
    folder = tiny_model.write_model(tmp_path / "model")
    plain = predict.predict(PHOTO, predict.Request(model=str(folder)))
    entries = json.loads((folder / "card.json").read_text())
    entries["files"]["teleport"] = {"file": "../teleport.bin", "inputs": None}
    (folder / "card.json").write_text(json.dumps(entries))
    assert card.read_card(folder).files["teleport"] == {"file": "../teleport.bin", "inputs": None}
    again = predict.predict(PHOTO, predict.Request(model=str(folder)))
    assert again.z.tobytes() == plain.z.tobytes()
    with pytest.raises(ModelError, match="no graph of the role 'teleport'"):
        session.load_model(folder).run("teleport", {})


def test_a_role_that_is_needed_and_missing_is_a_sentence(tmp_path):
    folder = tiny_model.write_model(tmp_path / "model")
    entries = json.loads((folder / "card.json").read_text())
    del entries["files"]["flow"]
    (folder / "card.json").write_text(json.dumps(entries))
    with pytest.raises(ModelError, match="lacks 'flow'"):
        session.load_model(folder)
    assert session.load_model(folder, roles=("encoder",)).provider == "CPUExecutionProvider"


def test_a_card_whose_ranks_are_not_the_signatures_is_refused(tmp_path):
    folder = tiny_model.write_model(tmp_path / "model")
    entries = json.loads((folder / "card.json").read_text())
    entries["files"]["flow"]["inputs"]["z"]["rank"] = 4
    (folder / "card.json").write_text(json.dumps(entries))
    with pytest.raises(ModelError, match="rank 5 for z of the flow"):
        card.read_card(folder)


@pytest.mark.parametrize("name", ["../encoder.onnx", "/etc/passwd", "encoder.txt", ""])
def test_a_card_names_files_in_its_own_folder_only(tmp_path, name):
    folder = tiny_model.write_model(tmp_path / "model")
    entries = json.loads((folder / "card.json").read_text())
    entries["files"]["encoder"]["file"] = name
    (folder / "card.json").write_text(json.dumps(entries))
    with pytest.raises(ModelError, match=r"plain \.onnx file names"):
        card.read_card(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"1" * (2**20 + 1)])
def test_a_damaged_card_is_a_sentence(tmp_path, content):
    (tmp_path / "card.json").write_bytes(content)
    with pytest.raises(ModelError, match="card"):
        card.read_card(tmp_path)


def test_a_card_file_may_be_named_itself(tmp_path):
    folder = tiny_model.write_model(tmp_path / "model")
    assert card.read_card(folder / "card.json") == card.read_card(folder)
