"""Refinement: python -m onnx_export.fitting.refine --training DIR --work DIR [--config NAME] [--only reach]

Teaches a trained network something new without losing what it knows. Thin scenes teach by their maps alone; for
everything else the network as it was is a second teacher, beside the labels. The deepest stream, which sees a picture
as a whole, stays as it is. Longer training on the same rows makes brushes come alive and lanterns fade; this does not.
A whole training (train.py) does it by itself; this command does it again, for something else that is new.
Source: Li and Hoiem, Learning without Forgetting (ECCV 2016).
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F

from gid_core.errors import GidError

from ..networks.blocks import parameters
from ..networks.encoder import WhereNet
from . import batches, conditions, dataset, ranks
from . import settings as runs
from .fit import fit
from .losses import where_inputs, where_loss

__all__ = ["main", "refine"]

_STILL = dataset.KINDS.index("still")


def refine(teacher, thin, scene_data, photo_data, scales, checkpoint, settings, *, rendered=None, **limits):
    """A networks.WhereNet that goes on from `teacher`; checkpoint: its file; limits: minutes or steps, max_steps."""
    asked = settings.refine
    network = WhereNet()
    network.load_state_dict(teacher.state_dict())
    network, teacher = network.to(ranks.device()), teacher.eval().requires_grad_(False).to(ranks.device())
    for name, weight in network.named_parameters():
        weight.requires_grad_(not any(part in name for part in asked.frozen))
    painted, taught, others = batches.scene_parts(scene_data, thin, rendered, asked.scenes)
    parts = [taught, painted, others]  # what is new comes first
    by_kind = batches.photograph_kinds(photo_data, settings.where.photographs)

    def loss_of(network, generator):
        scene_rows, photo_rows = batches.where_rows(parts, photo_data, by_kind, generator)
        given = where_inputs(scene_rows, photo_rows)
        answer = network(*given)
        loss = where_loss(answer, scene_rows, photo_rows, scales, settings.where.loss)
        is_taught = torch.arange(len(scene_rows["maps"])) < asked.scenes.thin
        is_kept = torch.cat([~is_taught, photo_rows["kind"] != _STILL])
        alive, envelope = _forgotten(answer, teacher(*given), is_kept)
        return loss + asked.alive * alive + asked.envelope * envelope

    notes = {"scales": scales.tolist(), "parameters": parameters(network)}
    limits |= {"rate": asked.rate, "seed": settings.seed, "notes": notes}
    return fit(network, loss_of, settings.optimiser, checkpoint=checkpoint, **limits)


def _forgotten(answer, before, is_kept):
    """How far an answer (alive, e) is from the one before, over the rows that is_kept (N,) names: two numbers."""
    (alive, e), (alive_before, e_before) = answer, before
    rows = is_kept.to(alive.device).float().view(-1, 1, 1, 1)
    said = alive_before.sigmoid()
    apart = F.binary_cross_entropy_with_logits(alive, said, reduction="none")
    apart = apart - F.binary_cross_entropy(said, said, reduction="none")
    return (apart * rows).mean(), ((e - e_before).abs() * rows).mean()


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="onnx_export.fitting.refine", description="Train where or reach on, and keep the rest"
    )
    parser.add_argument("--training", required=True, type=Path, help="the --work folder of onnx_export.fitting.train")
    parser.add_argument("--work", required=True, type=Path, help="folder for the refined where.pt or reach.pt")
    parser.add_argument("--only", choices=("where", "reach"), default="where")
    parser.add_argument("--config", default="shipped", help="a run of onnx_export/configs, or a .toml file of yours")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        settings = runs.load(options.config)
        if not settings.refine or not settings.where:
            parser.error(f"{options.config} has no sections [where] and [refine]: take another --config")
        torch.manual_seed(settings.seed)
        teacher, state = conditions.load(options.training, options.only, WhereNet())
        data = dataset.load_training(options.training)
    except (GidError, ValueError) as error:
        parser.error(str(error))
    options.work.mkdir(parents=True, exist_ok=True)
    refine(
        teacher,
        data["thin"],
        data["scenes"],
        data["photographs"][0],
        torch.tensor(state["notes"]["scales"]),
        options.work / f"{options.only}.pt",
        settings,
        rendered=data.get("rendered"),
        minutes={"where": settings.refine.where_minutes, "reach": settings.refine.reach_minutes}[options.only],
    )


if __name__ == "__main__":
    main()
