"""The way back, from shipped files to a training's checkpoints: python -m onnx_export.export.restore --models DIR ...

The graphs keep the names of the weights, in half precision; the gains of the group norms, which the exporter folds
into nodes without a name, come in the order in which a forward pass meets the norms. So a training can go on from the
model that a checkout holds (a source's worth, an ablation, footage of one's own), where no checkpoint was kept. What
only training reads, GroupNet.shape, is not in the files and begins anew.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from gid_core.model.contract import CLOSER, PREDICTION

from ..networks.blocks import parameters
from ..networks.borders import BorderNet
from ..networks.encoder import EncoderNet
from ..networks.flow import FlowNet
from ..networks.outline import OutlineNet
from . import export

__all__ = ["main", "restore", "restored"]

_LEFT_OUT = ("groups.shape.weight", "groups.shape.bias")


def restored(graph, files, part="network"):
    """A network of a graph of export.py, with the weights that `files`, its own and others, have of it.

    part: the name of the network in the graph.

    Raises:
        ValueError: the files are of another version's networks.
    """
    stores = [onnx.load(file).graph for file in files]
    values = [{t.name.removesuffix("_half"): numpy_helper.to_array(t) for t in store.initializer} for store in stores]
    network = getattr(graph, part)
    wanted = network.state_dict()
    found = {name: _first(known.get(f"{part}.{name}") for known in values) for name in wanted}
    for store, known in zip(stores, values, strict=True):
        found |= _norms(store, known, graph, part)
    if isinstance(network, FlowNet):  # the exporter may keep it as the output that it is, (1, K, embedding)
        shape = wanted["frequency.weight"].shape
        found["frequency.weight"] = _first(v for known in values for v in known.values() if v.shape[-2:] == shape)
    if isinstance(network, OutlineNet):  # the exporter folds its two numbers, each at its place of use
        found["share"] = np.array([_first(known.get(name) for known in values) for name in ("select", "select_1")])
    missing = [n for n, value in found.items() if value is None and n not in _LEFT_OUT]
    odd = [n for n, value in found.items() if value is not None and value.size != wanted[n].numel()]
    if missing or odd:
        names = " and ".join(str(file) for file in files)
        raise ValueError(f"{names}: of another version's networks, for they do not fit {(missing + odd)[0]}")
    for name, value in found.items():
        if value is not None:
            wanted[name].copy_(torch.from_numpy(value.astype("float32")).view_as(wanted[name]))
    return network


def _first(values):
    return next((value for value in values if value is not None), None)


def _norms(stored, values, graph, part):
    """{name: gain or shift} of the group norms of a part of a graph, as far as this file has any."""
    readers = {name: node for node in stored.node for name in node.input}

    def folded(node):
        return next((values[name] for name in node.input if name in values), None)

    gains = []
    for node in stored.node:
        if node.op_type == "InstanceNormalization":
            scaled = readers[readers[node.output[0]].output[0]]  # behind the reshape that ends a group norm
            gains.append((folded(scaled), folded(readers[scaled.output[0]])))
    found = {}
    for name, (gain, shift) in zip(_norm_names(graph) if gains else (), gains, strict=False):
        if name.startswith(f"{part}."):
            name = name.removeprefix(f"{part}.")
            found |= {f"{name}.weight": gain, f"{name}.bias": shift}
    return found


def _norm_names(graph):
    """Names of the group norms of a graph, in the order of a forward pass."""
    met, hooks = [], []
    for name, module in graph.named_modules():
        if isinstance(module, nn.GroupNorm):
            hooks.append(module.register_forward_hook(lambda *_, name=name: met.append(name)))
    is_flow = isinstance(graph, export.FlowGraph)
    given = export.example_inputs(graph.network)["flow"] if is_flow else export.example_picture()
    if isinstance(graph, export.OutlineGraph):
        given = export.example_looks()
    with torch.no_grad():
        graph.eval()(**given)
    for hook in hooks:
        hook.remove()
    return met


def restore(models, work):
    """Write work/{where,reach,groups,flow,outline,borders}.pt, as far as they are not there, of model files.

    Raises:
        ValueError: the files are not there, or of another version's networks.
    """
    models, work = Path(models), Path(work)
    for name in (*(f"{role}.onnx" for role in PREDICTION), "card.json"):
        if not (models / name).exists():
            raise ValueError(f"{models / name} is not there: give the folder of the shipped model files")
    card = json.loads((models / "card.json").read_text(encoding="utf-8"))
    encoder = restored(export.EncoderGraph(EncoderNet()), [models / "encoder.onnx"])
    told = [models / "condition.onnx", models / "flow.onnx"]
    flow = restored(export.FlowGraph(FlowNet(features=encoder.features)), told)
    work.mkdir(parents=True, exist_ok=True)
    parts = {"where": encoder.where, "reach": encoder.reach, "groups": encoder.groups, "flow": flow}
    if CLOSER in card["files"]:
        graph, files = export.OutlineGraph(OutlineNet(), BorderNet()), [models / f"{CLOSER}.onnx"]
        parts |= {CLOSER: restored(graph, files), "borders": restored(graph, files, "borders")}
    for name, network in parts.items():
        if (work / f"{name}.pt").exists():
            continue
        known = card["training"].get(name, {})
        state = {"averaged": network.state_dict(), "step": known.get("steps", 0)}
        state.update(elapsed=60 * known.get("minutes", 0), losses=[known["loss"]] if "loss" in known else [])
        state["notes"] = {"parameters": parameters(network), "scales": card["scales"]}
        torch.save(state, work / f"{name}.pt")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.export.restore", description="Checkpoints of model files")
    parser.add_argument("--models", required=True, help="folder of the model files and card.json")
    parser.add_argument(
        "--work", required=True, help="folder for where.pt, reach.pt, groups.pt, flow.pt, outline.pt, borders.pt"
    )
    options = parser.parse_args(arguments)
    try:
        restore(options.models, options.work)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
