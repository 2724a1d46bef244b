"""Training: python -m onnx_export.fitting.train --pictures DIR --stills DIR --work DIR

Runs limited by the clock: what moves and how far (synthetic scenes, hand masks, composites, still pictures), the same
for longer, which cells belong together (scenes), then the flow on top of them; --only takes one, so that the first and
the third can run side by side. The schedule follows the time that has passed; checkpoints let a run that was cut off go
on where it was. The networks run on a GPU if there is one, everything else on the processor; torchrun starts several
processes with a batch each (see ranks.py).
"""

import argparse
import os
from functools import partial
from pathlib import Path

import torch

from ..networks.networks import FlowNet, GroupNet, WhereNet, parameters
from ..scenes import motion
from . import dataset, ranks
from .conditions import RUNS, film_conditions, flow_conditions, load, load_encoder
from .fit import fit
from .losses import ALIVE_PX, START_NOISE, flow_loss, group_loss, where_loss

__all__ = [
    "HELD_OUT_SEED",
    "PHOTOS",
    "SCENE_ROWS",
    "main",
    "photograph_kinds",
    "train_flow",
    "train_groups",
    "train_where",
    "where_rows",
]

_THIN_SEED = 5 * 10**5
HELD_OUT_SEED = 10**6  # of synthetic scenes for evaluation
_RATE, _RATE_ON = 1.5e-3, 8e-4  # of the encoder's networks from nothing, and from a trained one
_FLOW_RATE, _FLOW_RATE_ON = 1e-3, 5e-4
SCENE_ROWS = (5, 3, 2)  # painted, thin, rendered rows of a batch; without thin ones flames and lanterns fade
_GROUPED = 7  # painted rows of a batch of scenes alone
PHOTOS = (4, 3, 2, 3, 2, 3)  # rows by dataset.KINDS, as far as there are any
_FLOW_BATCH, _FILMED = 8, 2  # rows of scenes, and of films if there are any


def _sample(count, among, generator):
    return among[torch.randint(0, len(among), (count,), generator=generator)]


def _rows(data, count, generator):
    return dataset.batch(data, _sample(count, torch.arange(len(data["wind"])), generator))


def _scene_rows(parts, generator):
    """Random rows of pairs (scenes, how many)."""
    drawn = [_rows(data, count, generator) for data, count in parts]
    return {name: torch.cat([rows[name] for rows in drawn]) for name in drawn[0]}


def _mirrored(scene_rows):
    maps, wind = motion.mirrored(scene_rows["maps"], scene_rows["wind"], 256)
    return dataset.mirrored_features(scene_rows) | {"maps": maps, "wind": wind}


def photograph_kinds(photo_data):
    """Pairs (rows of a kind, how many of them a batch takes), of the kinds that there are."""
    by_kind = [torch.nonzero(photo_data["kind"] == kind)[:, 0] for kind in range(len(dataset.KINDS))]
    return [(kind, count) for kind, count in zip(by_kind, PHOTOS, strict=True) if len(kind)]


def where_rows(parts, photo_data, by_kind, generator):
    """(scene rows, photograph rows) of a batch, mirrored half of the time.

    parts: pairs (scenes, how many); by_kind: of `photograph_kinds`.
    """
    scene_rows = _scene_rows(parts, generator)
    photo_rows = dataset.batch(photo_data, torch.cat([_sample(count, kind, generator) for kind, count in by_kind]))
    if torch.rand((), generator=generator) < 0.5:
        return _mirrored(scene_rows), dataset.mirrored_features(photo_rows)
    return scene_rows, photo_rows


def train_where(scene_data, thin, photo_data, work, *, rendered=None, is_longer=False, seed=0, **limits):
    """What moves and how far, on frozen features; returns (network, scales).

    thin: scenes of what photographs seldom show, see dataset.make_scenes. is_longer: train on from where.pt to
    reach.pt, see networks.EncoderNet. limits: minutes or steps, and max_steps, see fitting.fit.
    """
    torch.manual_seed(seed)
    scales = dataset.scales(scene_data["maps"])
    parts = list(zip((scene_data, thin, rendered or thin), SCENE_ROWS, strict=True))
    by_kind = photograph_kinds(photo_data)

    def loss_of(network, generator):
        return where_loss(network, *where_rows(parts, photo_data, by_kind, generator), scales)

    network, name = WhereNet(), "where"
    if is_longer:
        network, name = load(work, "where", network)[0], "reach"
    notes = {"scales": scales.tolist(), "parameters": parameters(network)}
    limits |= {"rate": _RATE, "seed": seed, "checkpoint": Path(work) / f"{name}.pt"}
    return fit(network.to(ranks.device()), loss_of, notes=notes, **limits), scales


def train_groups(scene_data, thin, work, *, rendered=None, begin=None, minutes, seed=0, max_steps=None):
    """Which cells belong together, on frozen features; returns the network.

    begin: a trained network to go on from, gently. On the scenes that it knows it learns those by heart: give others.
    """
    torch.manual_seed(seed)
    parts = list(zip((scene_data, thin, rendered or thin), (_GROUPED, *SCENE_ROWS[1:]), strict=True))

    def loss_of(network, generator):
        scene_rows = _scene_rows(parts, generator)
        if torch.rand((), generator=generator) < 0.5:
            scene_rows = _mirrored(scene_rows)
        return group_loss(network, scene_rows)

    network = (begin or GroupNet()).to(ranks.device())
    limits = {"minutes": minutes, "rate": _RATE_ON if begin else _RATE, "seed": seed, "max_steps": max_steps}
    notes = {"parameters": parameters(network)}
    return fit(network, loss_of, checkpoint=Path(work) / "groups.pt", notes=notes, **limits)


def train_flow(encoder, scene_data, work, *, films=None, begin=None, minutes, seed=0, max_steps=None):
    """The flow on the frozen encoder's conditions; every step draws new motions of the same pictures.

    films: of conditions.film_conditions, the motion that they have. begin: a trained flow to go on from, gently.
    """
    torch.manual_seed(seed)
    conditions = flow_conditions(encoder, scene_data)
    busy = torch.nonzero((conditions["maps"][:, 0] > ALIVE_PX).flatten(1).sum(1) >= 8)[:, 0]
    network = (begin or FlowNet(features=encoder.features)).to(ranks.device())

    def loss_of(network, generator):
        rows = dataset.batch(conditions, _sample(_FLOW_BATCH, busy, generator))
        loss = flow_loss(network, rows, generator)
        if films is None:
            return loss
        filmed = flow_loss(network, _rows(films, _FILMED, generator), generator)
        return (_FLOW_BATCH * loss + _FILMED * filmed) / (_FLOW_BATCH + _FILMED)

    notes = {"parameters": parameters(network), "start_noise": START_NOISE}
    checkpoint = Path(work) / "flow.pt"
    limits = {"minutes": minutes, "max_steps": max_steps, "rate": _FLOW_RATE_ON if begin else _FLOW_RATE}
    return fit(network, loss_of, checkpoint=checkpoint, seed=seed, notes=notes, **limits)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.fitting.train", description="Train the motion model")
    parser.add_argument("--pictures", required=True, help="folder of the hand-masked pictures, paths as in masks.json")
    parser.add_argument("--stills", required=True, help="folder of pictures in which nothing moves")
    parser.add_argument("--rendered", help="folder that onnx_export.rendered.render filled")
    parser.add_argument("--footage", help="folder of filmed pairs that onnx_export.footage.pairs filled")
    parser.add_argument("--work", required=True, help="folder for cache and checkpoints; an interrupted run continues")
    parser.add_argument("--begin", help="folder of checkpoints from which groups and the flow go on; default: anew")
    parser.add_argument("--scenes", type=int, default=6000)
    parser.add_argument("--first-scene", type=int, default=0, help="its seed; others are scenes never seen before")
    parser.add_argument("--thin-scenes", type=int, default=1500)
    parser.add_argument("--processes", type=int, default=1, help="for painting the scenes")
    parser.add_argument("--where-minutes", type=float, default=60)
    parser.add_argument("--reach-minutes", type=float, default=60)
    parser.add_argument("--groups-minutes", type=float, default=60)
    parser.add_argument("--flow-minutes", type=float, default=20)
    parser.add_argument("--only", choices=RUNS, help="this run alone; default: one after the other")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each training process")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    seeds = range(options.first_scene, options.first_scene + options.scenes)
    thin_seeds = range(_THIN_SEED + options.first_scene, _THIN_SEED + options.first_scene + options.thin_scenes)
    if seeds.start < 0 or seeds.stop > _THIN_SEED or thin_seeds.stop > HELD_OUT_SEED:
        parser.error("these seeds are those of other scenes: choose a --first-scene from 0 to 400000, or fewer")
    torch.set_num_threads(options.threads)
    ranks.start()
    work, stills, processes = Path(options.work), options.stills, options.processes

    def cached(name, make):
        if ranks.number() == 0:
            dataset.load_or_make(work / name, make)
        ranks.wait()
        return dataset.load_or_make(work / name, make)

    scene_data = cached("scenes.pt", lambda: dataset.make_scenes(seeds, stills, options.pictures, processes))
    thin = cached("thin.pt", lambda: dataset.make_scenes(thin_seeds, stills, None, processes, is_thin=True))
    rendered = cached("rendered.pt", lambda: dataset.rendered_scenes(options.rendered)) if options.rendered else None
    footage = cached("footage.pt", lambda: dataset.make_footage(options.footage)) if options.footage else None
    shared = {"rendered": rendered, "seed": options.seed}
    if options.only in (None, "where", "reach"):
        make = partial(dataset.make_photographs, options.pictures, stills, options.seed)
        photo_data, _ = cached("photographs.pt", lambda: list(make()))
        if footage:
            photo_data = {name: torch.cat([rows, footage[name]]) for name, rows in photo_data.items()}
        data = scene_data, thin, photo_data, work
        if options.only != "reach":
            train_where(*data, minutes=options.where_minutes, **shared)
        if options.only != "where":
            train_where(*data, minutes=options.reach_minutes, is_longer=True, **shared)
    if options.only in (None, "groups"):
        begin = load(options.begin, "groups", GroupNet())[0] if options.begin else None
        train_groups(scene_data, thin, work, begin=begin, minutes=options.groups_minutes, **shared)
    if options.only in (None, "flow"):
        if rendered:
            scene_data = {name: torch.cat([rows, rendered[name]]) for name, rows in scene_data.items()}
        encoder, states = load_encoder(work)
        scales = torch.tensor(states["reach"]["notes"]["scales"])
        films = film_conditions(encoder, footage, scales) if footage else None
        begin = load(options.begin, "flow", FlowNet(features=encoder.features))[0] if options.begin else None
        limits = {"minutes": options.flow_minutes, "seed": options.seed}
        train_flow(encoder, scene_data, work, films=films, begin=begin, **limits)


if __name__ == "__main__":
    main()
