"""Exported graphs: equal to torch at every size, one file each, nothing in them that their card does not list."""

import copy
import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F

from gid_core.model import contract
from onnx_export.export import export, versions
from onnx_export.scenes import motion

SIZES = ((160, 256), (288, 512), (256, 160))
SINGLE, HALF = 1e-4, 2e-3  # relative to the largest value; the bars of DESIGN: float32 rounding, half-stored weights


@pytest.fixture(scope="module", params=[False, True], ids=["single", "half"])
def folder(request, models, tmp_path_factory):
    path = tmp_path_factory.mktemp("half" if request.param else "single")
    export.save(models, path, is_half=request.param)
    export.write_card(path, np.ones(16), {})
    return path, HALF if request.param else SINGLE


def test_exported_bytes_have_a_version_of_their_own(folder):
    path, _ = folder
    card, ledger, shipped = (
        json.loads((place / name).read_text())
        for place, name in ((path, "card.json"), (path, "versions.json"), (versions.LEDGER.parent, "versions.json"))
    )
    assert card["version"] not in shipped
    assert ledger == {**shipped, card["version"]: {role: entry["sha256"] for role, entry in card["files"].items()}}


def session(path):
    return onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])


def relative(found, expected):
    return float(np.abs(found - expected.numpy()).max() / np.abs(expected.numpy()).max())


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[1]}x{s[0]}")
def test_the_runtime_agrees_with_torch(networks, folder, size):
    path, tolerance = folder
    encoder, flow = networks
    rgb, inputs = export.example_picture(size, seed=1), export.example_inputs(flow, size, seed=1)
    with torch.no_grad():
        seen = encoder(**rgb)
        inputs["condition"] = {"affinity": seen[2][:, :2], "features": seen[3]}
        told = export.ConditionGraph(flow)(**inputs["condition"])
        named = dict(zip(contract.SIGNATURES["condition"].outputs, told, strict=True))
        inputs["flow"].update(envelope=F.avg_pool2d(seen[1], 2), **named)
        velocity = export.FlowGraph(flow)(**inputs["flow"])
    for role, given, expected in (
        ("encoder", rgb, seen),
        ("condition", inputs["condition"], told),
        ("flow", inputs["flow"], [velocity]),
    ):
        found = session(path / f"{role}.onnx").run(None, {name: value.numpy() for name, value in given.items()})
        assert max(relative(a, b) for a, b in zip(found, expected, strict=True)) <= tolerance, role


def test_a_step_in_two_graphs_is_the_network_that_was_trained(networks):
    """And slices know nothing of each other: some of them are what they are among all."""
    inputs = export.example_inputs(networks[1], (64, 96), seed=2)
    affinity, features = inputs["condition"].values()
    z, t, wind, envelope = (inputs["flow"][name] for name in ("z", "t", "wind", "envelope"))
    with torch.no_grad():
        whole = networks[1](z, t, torch.arange(16), envelope, affinity, features, wind)
        entry, bonds, slices = export.ConditionGraph(networks[1])(affinity, features)
        some = export.FlowGraph(networks[1])(z[:, 3:5], t, wind, envelope[:, 3:5], slices[:, 3:5], entry, bonds)
    torch.testing.assert_close(some, whole[:, 3:5], rtol=1e-5, atol=1e-5)


def by_cells(affinity, width, is_mirrored):
    """{two cells: their affinity} of (len(PAIRS), h, w), cells named as they lie in the picture itself."""
    found = {}
    for (down, right), values in zip(contract.PAIRS, affinity, strict=True):
        for y, x in np.ndindex(values.shape):
            ends = [(y, x), (y + down, x + right)]
            if ends[1][0] < len(values) and 0 <= ends[1][1] < width:
                cells = frozenset((row, width - 1 - column) if is_mirrored else (row, column) for row, column in ends)
                found[cells] = float(values[y, x])
    return found


def test_a_mirrored_picture_has_the_same_affinities(networks):
    rgb = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        seen, mirrored = (networks[0](x)[2][0].numpy() for x in (rgb, rgb.flip(-1)))
    seen, mirrored = by_cells(seen, 12, False), by_cells(mirrored, 12, True)
    assert seen.keys() == mirrored.keys()
    assert max(abs(seen[cells] - mirrored[cells]) for cells in seen) < 1e-5
    assert np.std(list(seen.values())) > 1e-3


def test_a_file_is_whole_and_lists_its_operators(folder):
    card = json.loads((folder[0] / "card.json").read_text())
    used = set()
    for part in contract.PREDICTION:
        model = onnx.load(folder[0] / f"{part}.onnx", load_external_data=False)
        assert all(not t.external_data for t in model.graph.initializer)
        assert [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")] == [20]
        used |= {node.op_type for node in model.graph.node}
    assert used == set(card["ops"])
    assert "ScatterND" not in used


def test_a_file_says_nothing_of_the_machine_that_made_it(folder):
    for part in contract.PREDICTION:
        content = (folder[0] / f"{part}.onnx").read_bytes()
        assert b".py" not in content
        assert b"/onnx_export" not in content


def test_half_storage_halves_the_file(models, tmp_path):
    export.save(models, tmp_path, is_half=True)
    half = (tmp_path / "encoder.onnx").stat().st_size
    export.save(models, tmp_path, is_half=False)
    assert half < 0.65 * (tmp_path / "encoder.onnx").stat().st_size


def test_the_same_network_gives_the_same_bytes(networks, models, tmp_path):
    again = export.condition_graph(copy.deepcopy(networks[1]))  # the one that is traced fastest
    export.save({"condition": models["condition"]}, tmp_path)
    first = (tmp_path / "condition.onnx").read_bytes()
    export.save({"condition": again}, tmp_path)
    assert (tmp_path / "condition.onnx").read_bytes() == first


def test_the_card_states_the_frequencies_of_the_scenes(folder):
    card = json.loads((folder[0] / "card.json").read_text())
    assert card["frequencies"] == list(motion.FREQUENCIES)
    assert card["z_layout"] == ["xr", "yr", "xi", "yi"]
