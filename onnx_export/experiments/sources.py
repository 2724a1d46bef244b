"""What each source of the training is worth: python -m onnx_export.experiments.sources --training DIR ...

Trains `where` for the same steps on everything and again without each source in turn (and with photographs that it
labelled itself, if they are given), and measures each on hand-masked stills. "another seed" is what chance alone does.
Finished rows go into WORK/sources.json at once, trainings have checkpoints: an interrupted run goes on where it was.
"""

import argparse
from collections import Counter
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from ..evaluation.seeing import stills
from ..evaluation.statistics import interval
from ..evaluation.where import Tally
from ..fitting import conditions, dataset, settings, train
from ..networks import backbone
from ..networks.encoder import WhereNet
from ..photographs import masks, split
from . import self_training
from .kept import KeptRows, row_names

__all__ = ["Material", "kept_kinds", "main", "markdown", "run"]

_SCENES = ("painted scenes", "thin scenes", "rendered scenes")
_STILL, _COMPOSITES, _GUESSED = "still pictures", "composites", "self-labelled photos"
_FALSE = 0.04  # of the still cells of the held-out training photos are called alive at each network's own threshold
_LONG_SIDE = 256
_COLUMNS = ("mean_auc", "elsewhere_auc", "pooled_auc", "pooled_iou", "false_alive", "worst_still")


@dataclass(frozen=True, eq=False)
class Material:
    """What a training has: rows of scenes and photographs, see dataset.py; guessed: rows of self_training or None."""

    painted: dict
    thin: dict
    rendered: dict | None
    photographs: dict
    held_out: dict
    guessed: dict | None = None
    run: settings.Settings = field(default_factory=lambda: settings.load("shipped"))

    @property
    def rows(self):
        """Names of the rows of the table."""
        sources = [name for name in masks.sources() if self._drawn(name)]
        scenes = _SCENES if self.rendered else _SCENES[:2]
        rows = ["all", "another seed", "a third seed", *(f"without {n}" for n in (*scenes, *sources))]
        rows += [f"without {_STILL}", f"without {_COMPOSITES}"]
        return rows + ([f"with {_GUESSED}"] if self.guessed else [])

    def _drawn(self, source):
        return bool((self.photographs["source"] == masks.sources().index(source)).any())

    def shares(self):
        """{what: (its part of the rows of a batch, how many rows there are)}."""
        kind, source = self.photographs["kind"], self.photographs["source"]
        per_kind = {k: count for k, count in enumerate(astuple(self.run.where.photographs)) if (kind == k).any()}
        scene_rows = dict(zip(_SCENES, astuple(self.run.where.scenes), strict=True))
        whole = sum(per_kind.values()) + sum(scene_rows.values())
        lengths = [len(x["wind"]) if x else 0 for x in (self.painted, self.thin, self.rendered)]
        found = {name: (scene_rows[name] / whole, n) for name, n in zip(_SCENES, lengths, strict=True)}
        for index, name in enumerate(masks.sources()):
            by_kind = Counter(kind[source == index].tolist())
            part = sum(per_kind[k] * n / int((kind == k).sum()) for k, n in by_kind.items())
            found[name] = part / whole, sum(by_kind.values())
        for name, k in ((_STILL, "still"), (_COMPOSITES, "composite")):
            k = dataset.KINDS.index(k)
            found[name] = per_kind.get(k, 0) / whole, int((kind == k).sum())
        return found

    def trained(self, name, work, steps):
        """The network of a row. In the place of scenes or of a source come others of their kind; where there are none a
        batch is smaller."""
        painted, thin, rendered = self.painted, self.thin, self.rendered
        photographs = self.photographs | {"kind": kept_kinds(self.photographs, name.removeprefix("without "))}
        if name == "without painted scenes":
            painted = thin
        elif name == "without thin scenes":
            thin = painted
        elif name == "without rendered scenes":
            rendered = None
        elif name.startswith("with "):
            photographs = {k: torch.cat([v, self.guessed[k]]) for k, v in self.photographs.items()}
        seed = {"another seed": 1, "a third seed": 2}.get(name, 0)
        folder = work / name.replace(" ", "-").replace("/", "-").replace(":", "-")
        folder.mkdir(parents=True, exist_ok=True)
        run = replace(self.run, seed=seed)
        return train.train_where(painted, thin, photographs, folder, run, rendered=rendered, steps=steps)[0]


def kept_kinds(photographs, dropped):
    """The kinds (N,) of photograph rows, -1 for those of the source or kind that is dropped: no batch draws them."""
    kind = photographs["kind"]
    known = {_STILL: kind == dataset.KINDS.index("still"), _COMPOSITES: kind == dataset.KINDS.index("composite")}
    for index, name in enumerate(masks.sources()):
        known[name] = photographs["source"] == index
    return torch.where(known.get(dropped, torch.zeros_like(kind, dtype=torch.bool)), -1, kind)


def run(material, data, work, *, steps, names=None) -> dict:
    """Make the rows that are not in work/sources.json yet, or those of `names`; returns what the file then holds.

    Raises:
        ValueError: an unknown row, or the file holds rows of other steps.
    """
    work = Path(work)
    work.mkdir(parents=True, exist_ok=True)
    kept = KeptRows(work / "sources.json", "steps", steps)
    missing = kept.missing(material.rows, names)
    kept.content["shares"] = material.shares()
    frozen, seen = backbone.pretrained(), list(stills(data, _LONG_SIDE))
    for name in missing:
        row = _figures(material.trained(name, work, steps), frozen, seen, material.held_out)
        kept.keep(name, row)
        print(f"{name}: mean AUC {row['mean_auc']:.4f}", flush=True)
    return kept.content


def _figures(network, frozen, seen, held_out):
    """What a network is worth on stills, at the threshold that the held-out training photos give."""
    with torch.no_grad():
        rows = dataset.batch(held_out, slice(None))
        alive = network(*(rows[n] for n in dataset.FEATURE_NAMES))[0][:, 0].sigmoid()
        threshold = float(alive[rows["label"] == 0].quantile(1 - _FALSE))
        fields = []
        for still in seen:
            rgb = torch.from_numpy(still.rgb)
            fields.append(network(rgb, *frozen(rgb))[0][0, 0].sigmoid().numpy())
    tally = Tally.of_stills(fields, seen, threshold)
    found = {key: tally.plain()[key] for key in ("mean_auc", "pooled_auc", "pooled_iou", "false_alive")}
    auc, listed = tally.auc(), split.load()
    others = split.elsewhere(listed)
    apart = [a for a, still in zip(auc, seen, strict=True) if still.name in others]
    found["elsewhere_auc"] = float(np.nanmean(apart)) if apart else float("nan")
    is_still = tally.moving == 0
    found["worst_still"] = float((tally.false[is_still] / tally.still[is_still]).max(initial=0))
    found["auc"] = [None if np.isnan(a) else float(a) for a in auc]
    found["recall"] = {
        still.name: float(tally.hit[i] / tally.moving[i]) for i, still in enumerate(seen) if tally.moving[i]
    }
    return found


def markdown(kept) -> str:
    """The table of what work/sources.json holds; differences are paired over photos."""
    named = [names[0] for names in split.load()["named"].values()]
    reference = kept["rows"].get("all")
    lines = []
    for name, row in kept["rows"].items():
        share = kept["shares"].get(name.removeprefix("without "))
        share = f"{share[0]:.0%}, {share[1]}" if share else ""
        cells = [f"{row[key]:.3f}" for key in _COLUMNS]
        recalls = [f"{row['recall'][n]:.2f}" if n in row["recall"] else "" for n in named]
        lines.append([name, share, *cells, *recalls, _less(row, reference) if row is not reference else ""])
    heads = ["row", "share, rows", *(key.replace("_", " ") for key in _COLUMNS), *(f"recall {n}" for n in named)]
    table = [[*heads, "mean AUC less all's"], ["---"] * (len(heads) + 1), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in table)


def _less(row, reference):
    if reference is None:
        return ""
    pairs = zip(row["auc"], reference["auc"], strict=True)
    apart = np.array([a - b for a, b in pairs if a is not None and b is not None])
    low, high = interval(apart)
    return f"{apart.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="onnx_export.experiments.sources", description="What each source of the training is worth"
    )
    parser.add_argument("--training", required=True, type=Path, help="the --work folder of onnx_export.fitting.train")
    parser.add_argument("--data", required=True, help="folder of hand-masked stills: img/NAME.jpg and mask/NAME.png")
    parser.add_argument("--work", required=True, type=Path, help="folder for checkpoints and sources.json")
    parser.add_argument("--unmarked", help="photographs of flowers (gather --unmarked), to be labelled by where.pt")
    parser.add_argument("--steps", type=int, default=300, help="of training for each row")
    parser.add_argument("--rows", type=row_names, help="names of rows, separated by commas; default: all")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        material = _material(options.training, options.unmarked, options.work)
        kept = run(material, options.data, options.work, steps=options.steps, names=options.rows)
    except ValueError as error:
        parser.error(str(error))
    print(markdown(kept))


def _material(training, unmarked, work):
    """The caches of a training folder.

    Raises:
        ValueError: it holds none, or of a version that did not note the sources.
    """
    data = dataset.load_training(training)
    photographs, held_out = data["photographs"]
    guessed = None
    if unmarked:
        teacher = conditions.load(training, "where", WhereNet())[0].eval()
        guessed = dataset.load_or_make(work / "guessed.pt", lambda: self_training.guessed(teacher, unmarked))
    return Material(data["scenes"], data["thin"], data.get("rendered"), photographs, held_out, guessed)


if __name__ == "__main__":
    main()
