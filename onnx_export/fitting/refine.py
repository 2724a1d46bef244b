"""Refinement: python -m onnx_export.fitting.refine --training DIR --work DIR --minutes M [--only reach]

Teaches a trained network something new without losing what it knows. Thin scenes teach by their maps alone; for
everything else the network as it was is a second teacher, beside the labels. The deepest stream, which sees a picture
as a whole, stays as it is. Longer training on the same rows makes brushes come alive and lanterns fade; this does not.
Source: Li and Hoiem, Learning without Forgetting (ECCV 2016).
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F

from ..networks.networks import WhereNet, parameters
from . import conditions, dataset, ranks, train
from .fit import fit
from .losses import where_loss

__all__ = ["main", "refine"]

_ROWS = (8, 3, 2)  # thin, painted, rendered rows of a batch
_RATE = 6e-4
_KEPT_ALIVE, _KEPT_E = 4, 1  # weights of what the teacher said
_FROZEN = ("in16", "blocks16", "overview")
_STILL = dataset.KINDS.index("still")


def refine(teacher, thin, scene_data, photo_data, scales, checkpoint, *, rendered=None, **limits):
    """A networks.WhereNet that goes on from `teacher`; checkpoint: its file; limits: minutes, seed, max_steps."""
    network = WhereNet()
    network.load_state_dict(teacher.state_dict())
    network, teacher = network.to(ranks.device()), teacher.eval().requires_grad_(False).to(ranks.device())
    for name, weight in network.named_parameters():
        weight.requires_grad_(not any(part in name for part in _FROZEN))
    parts = list(zip((thin, scene_data, rendered or thin), _ROWS, strict=True))
    by_kind = train.photograph_kinds(photo_data)

    def loss_of(network, generator):
        scene_rows, photo_rows = train.where_rows(parts, photo_data, by_kind, generator)
        said = {}

        def listened(*given):
            said["given"], said["answer"] = given, network(*given)
            return said["answer"]

        loss = where_loss(listened, scene_rows, photo_rows, scales)
        is_kept = torch.cat([torch.arange(len(scene_rows["maps"])) >= _ROWS[0], photo_rows["kind"] != _STILL])
        return loss + _forgotten(*said["answer"], *teacher(*said["given"]), is_kept)

    notes = {"scales": scales.tolist(), "parameters": parameters(network)}
    return fit(network, loss_of, checkpoint=checkpoint, rate=_RATE, notes=notes, **limits)


def _forgotten(alive, e, alive_before, e_before, is_kept):
    """How far the answers are from those before, over the rows that is_kept (N,) names."""
    rows = is_kept.to(alive.device).float().view(-1, 1, 1, 1)
    before = alive_before.sigmoid()
    apart = F.binary_cross_entropy_with_logits(alive, before, reduction="none")
    apart = apart - F.binary_cross_entropy(before, before, reduction="none")
    return _KEPT_ALIVE * (apart * rows).mean() + _KEPT_E * ((e - e_before).abs() * rows).mean()


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="onnx_export.fitting.refine", description="Train where or reach on, and keep the rest"
    )
    parser.add_argument("--training", required=True, type=Path, help="the --work folder of onnx_export.fitting.train")
    parser.add_argument("--work", required=True, type=Path, help="folder for the refined where.pt or reach.pt")
    parser.add_argument("--only", choices=("where", "reach"), default="where")
    parser.add_argument("--minutes", type=float, default=13)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    try:
        teacher, state = conditions.load(options.training, options.only, WhereNet())
        data = dataset.load_training(options.training)
    except ValueError as error:
        parser.error(str(error))
    options.work.mkdir(parents=True, exist_ok=True)
    refine(
        teacher,
        data["thin"],
        data["scenes"],
        data["photographs"][0],
        torch.tensor(state["notes"]["scales"]),
        options.work / f"{options.only}.pt",
        rendered=data.get("rendered"),
        minutes=options.minutes,
        seed=options.seed,
    )


if __name__ == "__main__":
    main()
