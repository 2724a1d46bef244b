"""Ablation: python -m onnx_export.experiments.ablation --work DIR --minutes M [--rows a,b,...]

Trains every variant for the same minutes on the same scenes, measures it on held-out scenes, and prints the tables of
docs/research/ablations.md. Each finished row goes into DIR/ablation.json at once and every training has a checkpoint,
so an interrupted run continues where it was. Intervals are bootstraps over scenes; differences from "ours" are paired.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from ..evaluation.phases import scene_columns, scene_lead, scene_mean
from ..evaluation.statistics import interval
from ..fitting.fit import fit
from . import splatting
from .kept import KeptRows, row_names
from .rows import ROWS, loop_figures, motion_figures, splat_figures
from .variants import VARIANTS, run_of, train_variant
from .world import load_world

__all__ = ["main", "markdown", "run"]

_SPLAT_MINUTES = 1.0  # a network of 24 channels has enough of it
_SPLAT_TRAINING, _SPLAT_BATCH = 200, 4
_COLUMNS = {
    "motion": ("film", "contrast", "coherence", "perpendicular", "rms", "wave", "tempo", "amplitude", "leak"),
    "loops": ("jump", "kink", "film", "contrast", "tempo"),
    "splat": ("contested", "visible"),
}
_REFERENCE = {"motion": "ours", "loops": "loop cut", "splat": "splat softmax"}
_COMPARED = {"motion": ("film", "contrast"), "loops": ("film",), "splat": ("contested",)}
_WITH_INTERVAL = ("film", "contrast", "contested", "jump")


def run(work, world_of, *, minutes: float, names=None, max_steps=None) -> dict:
    """Make the rows that are not in work/ablation.json yet, or those of `names`; returns what the file then holds.

    world_of: callable() -> world.World, called only if a row needs it.
    Raises:
        ValueError: an unknown row, or the file holds rows of other minutes.
    """
    known = {row.name: row for row in ROWS}
    kept = KeptRows(work / "ablation.json", "minutes", minutes)
    trained, world = {}, None
    for name in kept.missing(known, names):
        row, started = known[name], time.perf_counter()
        if row.group == "splat":
            network = _splat_network(work, minutes, max_steps) if row.kind == "learned" else None
            found = splat_figures(row, network)
        else:
            world = world or world_of()
            if row.variant and row.variant not in trained:
                trained[row.variant] = _trained(row.variant, world, work, minutes, max_steps)
            figures = loop_figures if row.group == "loops" else motion_figures
            found = figures(row, world, *trained.get(row.variant, ()))
        kept.keep(name, {"group": row.group, **found})
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    return kept.content


def _trained(name, world, work, minutes, max_steps):
    """(network, normalisation) of a variant; "shipped" is the training's own flow, or goes on from it."""
    flow = world.flow if name.startswith("shipped") else None
    if name.startswith("shipped") and flow is None:
        raise ValueError(f"the row {name!r} needs the flow.pt of a training: give --training, or leave it out (--rows)")
    if name == "shipped":
        return flow, None
    checkpoint = work / (name.replace(" ", "-") + ".pt")
    limits = {"minutes": minutes, "max_steps": max_steps, "flow": flow}
    return train_variant(VARIANTS[name], world.conditions, checkpoint, run_of(name), **limits)


def _splat_network(work, minutes, max_steps):
    torch.manual_seed(0)
    scenes = [splatting.made_layers(seed) for seed in range(_SPLAT_TRAINING)]

    def loss_of(network, generator):
        chosen = torch.randint(0, len(scenes), (_SPLAT_BATCH,), generator=generator).tolist()
        return splatting.weight_loss(network, [scenes[i] for i in chosen])

    limits = {"minutes": min(minutes, _SPLAT_MINUTES), "rate": 2e-3, "max_steps": max_steps}
    return fit(splatting.WeightNet(), loss_of, run_of("splat").optimiser, checkpoint=work / "splat.pt", **limits)


def _cell(scenes, column):
    told = scene_columns(scenes, column)
    figure = scene_mean(told)
    if not np.isfinite(figure):
        return ""
    if column not in _WITH_INTERVAL:
        return f"{figure:.3f}"
    low, high = interval(*told)
    return f"{figure:.3f} ({low:.3f} to {high:.3f})"


def _against(scenes, others, column):
    """Paired difference from the reference over the scenes that both have."""
    count = min(len(scenes), len(others))
    ahead, low, high = scene_lead(scene_columns(scenes[:count], column), scene_columns(others[:count], column))
    return f"{ahead:+.3f} ({low:+.3f} to {high:+.3f})" if np.isfinite(ahead) else ""


def markdown(kept) -> str:
    """The tables of what work/ablation.json holds, one for each group of rows."""
    tables = []
    for group, columns in _COLUMNS.items():
        rows = {row.name: kept["rows"][row.name] for row in ROWS if row.name in kept["rows"]}
        rows = {name: row for name, row in rows.items() if row["group"] == group}
        if not rows:
            continue
        reference = rows.get(_REFERENCE[group])
        compared = _COMPARED[group] if reference else ()
        heads = [group, *columns, *(f"{c} less {_REFERENCE[group]}'s" for c in compared), "scenes", "s"]
        lines = [heads, ["---"] * len(heads)]
        for name, row in rows.items():
            scenes = row["scenes"]
            cells = [_cell(scenes, c) for c in columns]
            cells += ["" if row is reference else _against(scenes, reference["scenes"], c) for c in compared]
            lines.append([name, *cells, str(len(scenes)), f"{row['seconds']:.2g}"])
        tables.append("\n".join("| " + " | ".join(line) + " |" for line in lines))
    return "\n\n".join(tables)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="onnx_export.experiments.ablation", description="Compare variants of the flow"
    )
    parser.add_argument("--work", required=True, type=Path, help="folder for checkpoints and ablation.json")
    parser.add_argument("--minutes", type=float, default=2.5, help="of training for each variant")
    parser.add_argument("--rows", type=row_names, help="names of rows, separated by commas; default: all")
    parser.add_argument(
        "--training", type=Path, help="folder of onnx_export.fitting.train (its checkpoints and scenes.pt)"
    )
    parser.add_argument("--n-scenes", type=int, default=600, help="of them for training")
    parser.add_argument("--held-out", type=int, default=24, help="scenes that are measured")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    work = options.work
    work.mkdir(parents=True, exist_ok=True)
    training = options.training or work
    try:
        kept = run(
            work,
            lambda: load_world(work, training, options.n_scenes, options.held_out),
            minutes=options.minutes,
            names=options.rows,
        )
    except ValueError as error:
        parser.error(str(error))
    print(markdown(kept))


if __name__ == "__main__":
    main()
