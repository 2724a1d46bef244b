"""Training: python -m onnx_export.fitting.train --pictures DIR --stills DIR --work DIR [--config NAME]

Runs limited by the clock: what moves and how far (synthetic scenes, hand masks, composites, still pictures), the same
for longer, both refined, which cells belong together (scenes), the same in the closer look, the flow on top of them,
and where what moves ends in the closer look; --only takes one, so that the first and the fourth can run side by side.
What each is asked for stands in one file, configs/NAME.toml (see settings.py). The schedule follows the time that has
passed; checkpoints let a run that was cut off go on where it was. The networks run on a GPU if there is one, everything
else on the processor; torchrun starts several processes with a batch each (see ranks.py).
"""

import argparse
import os
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path

import torch

from gid_core.errors import GidError, SettingsError

from ..networks.blocks import parameters
from ..networks.borders import BorderNet
from ..networks.encoder import GroupNet, WhereNet
from ..networks.flow import FlowNet
from ..networks.outline import OutlineNet
from . import batches, borders, dataset, outline, ranks
from . import settings as runs
from .conditions import REFINED, RUNS, clip_conditions, closer_conditions, final, flow_conditions, load, load_encoder
from .fit import fit
from .losses import ALIVE_PX, flow_loss, group_loss, where_inputs, where_loss
from .refine import refine

__all__ = ["main", "train_flow", "train_groups", "train_where"]


def _limits(minutes, limits):
    """Of fit: the minutes of the settings, unless others or steps are given."""
    return limits if {"minutes", "steps"} & limits.keys() else limits | {"minutes": minutes}


def train_where(scene_data, thin, photo_data, work, settings, *, rendered=None, is_longer=False, **limits):
    """What moves and how far, on frozen features; returns (network, scales).

    thin: scenes of what photographs seldom show, see dataset.make_scenes. is_longer: train on from where.pt to
    reach.pt, see networks.EncoderNet. limits: minutes or steps in the place of the settings', and max_steps, see fit.
    """
    torch.manual_seed(settings.seed)
    asked, scales = settings.where, dataset.scales(scene_data["maps"])
    parts = batches.scene_parts(scene_data, thin, rendered, asked.scenes)
    by_kind = batches.photograph_kinds(photo_data, asked.photographs)

    def loss_of(network, generator):
        rows = batches.where_rows(parts, photo_data, by_kind, generator)
        return where_loss(network(*where_inputs(*rows)), *rows, scales, asked.loss)

    network, name, minutes = WhereNet(), "where", asked.minutes
    if is_longer:
        network, name, minutes = load(work, "where", network)[0], "reach", asked.longer_minutes
    limits = _limits(minutes, limits) | {"rate": asked.rate, "seed": settings.seed}
    limits["notes"] = {"scales": scales.tolist(), "parameters": parameters(network)}
    checkpoint = Path(work) / f"{name}.pt"
    return fit(network.to(ranks.device()), loss_of, settings.optimiser, checkpoint=checkpoint, **limits), scales


def train_groups(scene_data, thin, work, settings, *, rendered=None, begin=None, **limits):
    """Which cells belong together, on frozen features; returns the network.

    begin: a trained network to go on from, gently. On the scenes that it knows it learns those by heart: give others.
    limits: as of `train_where`.
    """
    torch.manual_seed(settings.seed)
    asked = settings.groups
    parts = batches.scene_parts(scene_data, thin, rendered, asked.scenes)

    def loss_of(network, generator):
        scene_rows = batches.drawn_scenes(parts, generator)
        if torch.rand((), generator=generator) < 0.5:
            scene_rows = batches.mirrored(scene_rows)
        return group_loss(network, scene_rows, asked.loss)

    network = (begin or GroupNet()).to(ranks.device())
    limits = _limits(asked.minutes, limits) | {"rate": asked.rate_on if begin else asked.rate, "seed": settings.seed}
    limits["notes"] = {"parameters": parameters(network)}
    return fit(network, loss_of, settings.optimiser, checkpoint=Path(work) / "groups.pt", **limits)


def train_flow(conditions, work, settings, *, filmed=None, begin=None, **limits):
    """The flow on what it is told of scenes; every step draws new motions of the same pictures.

    conditions: of conditions.flow_conditions or conditions.closer_conditions. filmed: of conditions.clip_conditions,
    the motion that clips have. begin: a trained flow to go on from, gently.
    limits: as of `train_where`.
    """
    torch.manual_seed(settings.seed)
    asked = settings.flow
    busy = torch.nonzero((conditions["maps"][:, 0] > ALIVE_PX).flatten(1).sum(1) >= 8)[:, 0]
    network = (begin or FlowNet(features=conditions["features"].shape[1])).to(ranks.device())

    def loss_of(network, generator):
        rows = dataset.batch(conditions, batches.sample(asked.batch, busy, generator))
        loss = flow_loss(network, rows, generator, asked)
        if filmed is None:
            return loss
        of_clips = flow_loss(network, batches.rows_of(filmed, asked.filmed, generator), generator, asked)
        return (asked.batch * loss + asked.filmed * of_clips) / (asked.batch + asked.filmed)

    limits = _limits(asked.minutes, limits) | {"rate": asked.rate_on if begin else asked.rate, "seed": settings.seed}
    limits["notes"] = {"parameters": parameters(network), "start_noise": asked.start_noise}
    return fit(network, loss_of, settings.optimiser, checkpoint=Path(work) / "flow.pt", **limits)


@dataclass(frozen=True)
class _Material:
    """The data of a run, each made at its first use and kept in the work folder. Paths: see main."""

    settings: runs.Settings
    work: Path
    pictures: str
    stills: str
    rendered_scenes: str | None
    footage_pairs: str | None
    processes: int

    def _kept(self, name, make):
        if ranks.number() == 0:
            dataset.load_or_make(self.work / name, make)
        ranks.wait()
        return dataset.load_or_make(self.work / name, make)

    @cached_property
    def scenes(self):
        make = dataset.make_scenes
        seeds = self.settings.scenes.seeds
        return self._kept("scenes.pt", lambda: make(seeds, self.stills, self.pictures, self.processes))

    @cached_property
    def thin(self):
        make = dataset.make_scenes
        seeds = self.settings.scenes.thin_seeds
        return self._kept("thin.pt", lambda: make(seeds, self.stills, None, self.processes, is_thin=True))

    @cached_property
    def rendered(self):
        folder = self.rendered_scenes
        return self._kept("rendered.pt", lambda: dataset.rendered_scenes(folder)) if folder else None

    @cached_property
    def footage(self):
        folder = self.footage_pairs
        return self._kept("footage.pt", lambda: dataset.make_footage(folder)) if folder else None

    @cached_property
    def photographs(self):
        asked, seed = self.settings.photographs, self.settings.seed
        made = self._kept(
            "photographs.pt",
            lambda: list(dataset.make_photographs(self.pictures, self.stills, seed, *astuple(asked))),
        )
        if self.footage is None:
            return made[0]
        return {name: torch.cat([rows, self.footage[name]]) for name, rows in made[0].items()}

    def borders(self, encoder):
        """Scenes of closer looks; encoder: what it says of them is told."""
        count, make = self.settings.borders.scenes, borders.make_rows
        return self._kept("border_rows.pt", lambda: make(encoder, count, self.pictures, self.stills))

    def outlines(self, where):
        """Crops of closer looks; where: the network whose word on them is told."""
        asked, seed = self.settings.outline, self.settings.seed
        make = outline.make_rows
        return self._kept("outline_rows.pt", lambda: make(where, self.pictures, self.stills, asked, seed))


def _train(name, material, begun):
    """One of RUNS; begun: {name: network to go on from}."""
    data, settings = material, material.settings
    if name in ("where", "reach"):
        rows = data.scenes, data.thin, data.photographs
        train_where(*rows, data.work, settings, rendered=data.rendered, is_longer=name == "reach")
    elif name == "refine":
        minutes = {"where": settings.refine.where_minutes, "reach": settings.refine.reach_minutes}
        for part, limit in minutes.items():
            _refine(part, limit, data)
    elif name == "groups":
        train_groups(data.scenes, data.thin, data.work, settings, rendered=data.rendered, begin=begun.get(name))
    elif name == "borders":
        encoder, _ = load_encoder(data.work)
        borders.train_borders(encoder.groups, data.borders(encoder), data.work / "borders.pt", settings)
    elif name == "outline":
        where, _ = final(data.work, "where", WhereNet())
        outline.train_outline(where, data.outlines(where), data.work / "outline.pt", settings, begun.get(name))
    else:
        scenes = data.scenes
        if data.rendered:
            scenes = {name: torch.cat([rows, data.rendered[name]]) for name, rows in scenes.items()}
        encoder, states = load_encoder(data.work)
        scales = torch.tensor(states["reach"]["notes"]["scales"])
        told = flow_conditions(encoder, scenes)
        if (data.work / "borders.pt").exists():
            network, _ = load(data.work, "borders", BorderNet())
            closer = closer_conditions(network, data.borders(encoder))
            told = {name: torch.cat([rows, closer[name]]) for name, rows in told.items()}
        filmed = clip_conditions(encoder, data.footage, scales) if data.footage else None
        train_flow(told, data.work, settings, filmed=filmed, begin=begun.get(name))


def _refine(part, minutes, data):
    torch.manual_seed(data.settings.seed)
    teacher, state = load(data.work, part, WhereNet())
    rows = data.thin, data.scenes, data.photographs, torch.tensor(state["notes"]["scales"])
    (data.work / REFINED).mkdir(exist_ok=True)
    checkpoint = data.work / REFINED / f"{part}.pt"
    refine(teacher, *rows, checkpoint, data.settings, rendered=data.rendered, minutes=minutes)


def _begun(folder, wanted):
    """{name: trained network} of those of a folder that can go on.

    Raises:
        SettingsError: the folder lacks one, or holds another version's.
    """
    networks = {"groups": GroupNet(), "flow": FlowNet(features=GroupNet().features), "outline": OutlineNet()}
    found = {}
    for name in (name for name in networks if name in wanted):
        if not (Path(folder) / f"{name}.pt").exists():
            raise SettingsError(f"{folder} holds no {name}.pt to begin from: give the --work folder of a training")
        found[name] = load(folder, name, networks[name])[0]
    return found


def _check(settings, wanted, options):
    """What is known to fail after an hour is told at once.

    Raises:
        SettingsError: a folder is not there, or the settings lack a section.
    """
    for option in ("pictures", "stills", "rendered", "footage"):
        folder = getattr(options, option)
        if folder and not Path(folder).is_dir():
            raise SettingsError(f"there is no folder {folder}: check --{option}")
    sections = {"scenes", "photographs", *("where" if name == "reach" else name for name in wanted)}
    missing = sorted(name for name in sections if getattr(settings, name) is None)
    if missing:
        raise SettingsError(f"{options.config} has no section [{missing[0]}]: take another --config, or --only")
    if settings.flow and settings.flow.variant != runs.Variant():
        raise SettingsError(f"{options.config} describes another flow than the model's: build.py ablate trains those")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.fitting.train", description="Train the motion model")
    parser.add_argument("--pictures", required=True, help="folder of the hand-masked pictures, paths as in masks.json")
    parser.add_argument("--stills", required=True, help="folder of pictures in which nothing moves")
    parser.add_argument("--rendered", help="folder that onnx_export.rendered.render filled")
    parser.add_argument("--footage", help="folder of filmed pairs that onnx_export.footage.pairs filled")
    parser.add_argument("--work", required=True, help="folder for cache and checkpoints; an interrupted run continues")
    parser.add_argument("--config", default="shipped", help="a run of onnx_export/configs, or a .toml file of yours")
    parser.add_argument("--begin", help="checkpoints from which groups, flow and outline go on; default: anew")
    parser.add_argument("--only", choices=RUNS, help="this run alone; default: one after the other")
    parser.add_argument("--processes", type=int, default=1, help="for painting the scenes")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each training process")
    options = parser.parse_args(arguments)
    wanted = (options.only,) if options.only else RUNS
    try:
        settings = runs.load(options.config)
        _check(settings, wanted, options)
        begun = _begun(options.begin, wanted) if options.begin else {}
        torch.set_num_threads(options.threads)
        ranks.start()
        folders = options.pictures, options.stills, options.rendered, options.footage
        material = _Material(settings, Path(options.work), *folders, options.processes)
        for name in wanted:
            _train(name, material, begun)
        ranks.leave()
    except (GidError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
