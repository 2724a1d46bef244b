"""The networks that draw frames: python -m onnx_export.export.drawing --work DIR --models DIR

Adds features.onnx and synthesis.onnx of a training's renderer.pt to a folder of model files, to its card and to its
versions.json; what the folder holds of motion stays as it is. With --back, the way back: the folder's two graphs become
a renderer.pt, with which `fitting.renderer --start DIR` begins.
"""

import argparse
import json
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from gid_core.model.contract import FEATURE_STRIDES, RENDERING, SIGNATURES

from ..fitting.conditions import load
from ..networks.renderer import CHANNELS, RendererNet
from . import export, versions

__all__ = ["add", "example_tiles", "graphs", "main", "restored"]


def example_tiles(size=(64, 96), count=2, seed=0) -> dict:
    """{"features", "synthesis"}: random inputs of the two graphs for tiles of (height, width)."""
    generator = torch.Generator().manual_seed(seed)
    strides = zip(FEATURE_STRIDES.items(), CHANNELS, strict=True)
    landed = {
        name: torch.rand(count, channels, size[0] // stride, size[1] // stride, generator=generator)
        for (name, stride), channels in strides
    }
    rgb, picture = (torch.rand(count, 3, *size, generator=generator) for _ in range(2))
    return {"features": {"rgb": rgb}, "synthesis": {"picture": picture, **landed}}


def graphs(network: RendererNet) -> dict:
    """ONNX models {"features", "synthesis"}, weights in single precision."""
    given, made = example_tiles(), {}
    for role, module in (("features", network.features), ("synthesis", network.synthesis)):
        # Sides are told in cells of the coarsest stride, so that all tensors of a call share them.
        h, w, tiles = (torch.export.Dim(name, min=2, max=2048) for name in ("h", "w", "t"))
        cells = {name: 4 // stride for name, stride in FEATURE_STRIDES.items()}
        shapes = {name: {0: tiles, 2: cells.get(name, 4) * h, 3: cells.get(name, 4) * w} for name in given[role]}
        made[role] = export.exported(module, given[role], list(SIGNATURES[role].outputs), shapes)
    return made


def add(models: dict, folder, training: dict) -> None:
    """Write the graphs into a folder that holds a model, and list them in its card and its versions.json."""
    folder = Path(folder)
    export.save(models, folder)
    path = folder / "card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    card["files"] |= {role: export.file_entry(folder / f"{role}.onnx") for role in models}
    used = {node.op_type for role in models for node in onnx.load(folder / f"{role}.onnx").graph.node}
    card["ops"] = sorted(used | set(card["ops"]))
    card["training"] |= training
    digests = {role: entry["sha256"] for role, entry in card["files"].items()}
    card["version"], ledger = versions.grown(digests)
    for name, content in (("card.json", card), ("versions.json", ledger)):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def restored(folder) -> RendererNet:
    """The network of a folder's two graphs, which keep the names of the weights.

    Raises:
        ValueError: they are of another version's network.
    """
    network = RendererNet()
    for role, module in (("features", network.features), ("synthesis", network.synthesis)):
        stored = onnx.load(Path(folder) / f"{role}.onnx").graph.initializer
        known = {tensor.name.removesuffix("_half"): numpy_helper.to_array(tensor) for tensor in stored}
        for name, weight in module.state_dict().items():
            if name not in known or known[name].size != weight.numel():
                raise ValueError(f"{folder}: {role}.onnx is of another version's network, for it does not fit {name}")
            weight.copy_(torch.from_numpy(known[name].astype("float32")).view_as(weight))
    return network.eval().requires_grad_(False)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.export.drawing", description="Add the networks that draw")
    parser.add_argument("--work", required=True, help="folder of renderer.pt")
    parser.add_argument("--models", required=True, help="folder of model files with their card")
    parser.add_argument("--back", action="store_true", help="write renderer.pt from the model files")
    options = parser.parse_args(arguments)
    try:
        if options.back:
            Path(options.work).mkdir(parents=True, exist_ok=True)
            torch.save({"averaged": restored(options.models).state_dict()}, Path(options.work) / "renderer.pt")
            return
        network, state = load(options.work, "renderer", RendererNet())
    except ValueError as error:
        parser.error(str(error))
    add(graphs(network), options.models, {"renderer": export.trained(state)})
    for role in RENDERING:
        print(f"{role}.onnx: {(Path(options.models) / f'{role}.onnx').stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
