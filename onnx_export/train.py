"""Training: python -m onnx_export.train --pictures DIR --stills DIR --work DIR

Three runs limited by the clock: what moves and how far (synthetic scenes, hand masks, composites, still pictures),
which cells belong together (scenes), then the flow on top of both; --only takes one, so that the first two can run side
by side. The schedule follows the time that has passed; checkpoints let a run that was cut off go
on where it was. The networks run on a GPU if there is one, everything else on the processor; torchrun starts several
processes with a batch each (see ranks.py).
"""

import argparse
import math
import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from gid_core import phases

from . import dataset, motion, ranks
from .muon import Muon, is_matrix
from .networks import EncoderNet, FlowNet, GroupNet, WhereNet, parameters

__all__ = [
    "START_NOISE",
    "fit",
    "flow_conditions",
    "flow_loss",
    "group_loss",
    "load_encoder",
    "main",
    "train_flow",
    "train_groups",
    "train_where",
    "where_loss",
]

START_NOISE = 0.05  # white noise on the procedural start, so that no start is special; more costs contrast
ALIVE_PX = 0.22  # an amplitude from which a cell counts as fully alive
_THIN_SEED = 5 * 10**5
_RANK_SEED = 7919  # between the processes of a run
HELD_OUT_SEED = 10**6  # of synthetic scenes for evaluation
_DECAY = 0.02
_EMA, _CLIP, _WARM_UP_STEPS, _CHECKPOINT_S = 0.995, 1.0, 50, 45
_RATE = 1.5e-3
_PAINTED, _THIN, _RENDERED = 5, 3, 2  # rows of a batch; without _THIN flames and lanterns fade among flowers
_GROUPED = 7  # painted rows of a batch of scenes alone
_PHOTOS = (4, 3, 2, 3, 2)  # rows by dataset.KINDS, as far as there are any
_SHAPE = 0.3  # weight of the objects' shape
_LEAST_PART, _LEAST_PART_GAIN = 0.1, 12
_FLOOR_PX = 0.25  # what a hand mask says moves, moves at least this much
_FLOW_BATCH, _SLICES = 8, 6  # the slices share all weights: a random 6 of 16 train 2.7 times faster
_SMOOTH = 0.5  # weight of the envelope's bends over f where photographs move
_UNKNOWN_WIND = 0.1
_TEAR = 0.5  # weight of the error's differences between neighbours


def fit(network, loss_of, *, minutes, checkpoint, rate, seed=0, max_steps=None, notes=None):
    """Train until the minutes (over all runs of this checkpoint) have passed; returns the averaged network.

    loss_of: callable(network, generator) -> loss of one random batch.
    max_steps: stops this run early, to be continued by the next call.
    """
    generator = torch.Generator().manual_seed(seed)
    weights = list(network.parameters())
    optimisers = [Muon([w for w in weights if is_matrix(w)], rate, _DECAY)]
    optimisers.append(torch.optim.AdamW([w for w in weights if not is_matrix(w)], rate, weight_decay=_DECAY))
    average = torch.optim.swa_utils.AveragedModel(network, avg_fn=_averaged)
    step, elapsed, losses = 0, 0.0, []
    checkpoint = Path(checkpoint)
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location="cpu")
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        for optimiser, known in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(known)
        generator.set_state(state["generator"])
        step, elapsed, losses = state["step"], state["elapsed"], state["losses"]

    if ranks.number():
        own = seed + _RANK_SEED * ranks.number() + step
        generator.manual_seed(own)
        torch.manual_seed(own)
    ranks.wait()

    def save():
        if ranks.number():
            return
        temporary = checkpoint.with_suffix(".part")
        state = {"network": network.state_dict(), "average": average.state_dict()}
        state["optimisers"] = [optimiser.state_dict() for optimiser in optimisers]
        state.update(generator=generator.get_state(), step=step, elapsed=elapsed, losses=losses, notes=notes or {})
        state["averaged"] = average.module.state_dict()
        torch.save(state, temporary)
        temporary.replace(checkpoint)

    limit_s, first, saved = minutes * 60, step, elapsed
    kind = next(network.parameters()).device.type
    use_bf16 = bool(ranks.agreed(elapsed < limit_s and _bf16_pays(kind)))
    while elapsed < limit_s and (max_steps is None or step < first + max_steps):
        started = time.perf_counter()
        part = elapsed / limit_s
        warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
        for optimiser in optimisers:
            optimiser.param_groups[0]["lr"] = rate * warm * (0.5 + 0.5 * math.cos(math.pi * part)) + rate * 0.01
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=use_bf16):
            loss = loss_of(network, generator)
        network.zero_grad()
        loss.backward()
        ranks.mean_gradients(weights)
        torch.nn.utils.clip_grad_norm_(weights, _CLIP)
        for optimiser in optimisers:
            optimiser.step()
        average.update_parameters(network)
        step += 1
        losses.append(loss.item())
        elapsed = ranks.agreed(elapsed + time.perf_counter() - started)
        if step % 50 == 0:
            print(f"{checkpoint.stem} {step}: {sum(losses[-50:]) / 50:.4f}, {elapsed:.0f} s", flush=True)
        if elapsed - saved > _CHECKPOINT_S:
            saved = elapsed
            save()
    save()
    ranks.wait()
    return average.module.cpu().eval().requires_grad_(False)


def _averaged(old, new, count):
    decay = min(_EMA, float(count) / (float(count) + 10))
    return decay * old + (1 - decay) * new


def _bf16_pays(kind):
    """Half-precision convolutions are faster on a GPU, and only on processors that have instructions for them: try."""
    if kind == "cuda":
        return True
    conv, x = torch.nn.Conv2d(64, 64, 3, padding=1), torch.randn(16, 64, 20, 32)
    seconds = {}
    for enabled in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            conv(x)
            started = time.perf_counter()
            for _ in range(5):
                conv(x)
        seconds[enabled] = time.perf_counter() - started
    return seconds[True] < seconds[False]


def _sample(count, among, generator):
    return among[torch.randint(0, len(among), (count,), generator=generator)]


def _rms(envelope):
    """(N, K, h, w) -> RMS motion (N, 1, h, w); the small number keeps the root's slope finite."""
    return (envelope.square().sum(1, keepdim=True) + 1e-6).sqrt()


def _balance(truth, counted):
    """Weight of each cell (N, 1, h, w): a flame of ten cells counts as if it filled a tenth of the picture."""
    part = (truth * counted).sum((1, 2, 3), keepdim=True) / counted.sum((1, 2, 3), keepdim=True).clamp(min=1)
    return 1 + truth * ((_LEAST_PART / part.clamp(min=1e-4)).clamp(1, _LEAST_PART_GAIN) - 1)


def where_loss(network, scene_rows, photo_rows, scales):
    """Loss of synthetic rows (maps known) and photograph rows (labels known)."""
    alive, e = network(*_inputs(scene_rows, photo_rows))
    alive, e, n = alive.float().cpu(), e.float().cpu(), len(scene_rows["maps"])
    maps, s = scene_rows["maps"], scales.view(1, -1, 1, 1)
    truth = (maps[:, :1] / ALIVE_PX).clamp(0, 1)
    where = F.binary_cross_entropy_with_logits(alive[:n], truth, reduction="none")
    loss = (where * _balance(truth, torch.ones_like(truth))).mean((1, 2, 3)).sum()
    target = (motion.envelope(maps) / s).sqrt()
    loss = loss + 2 * ((e[:n] - target).abs() * (0.15 + truth)).mean((1, 2, 3)).sum()
    far, known = _rms(e[:n].square() * s), maps[:, :1]
    loss = loss + 0.5 * ((far + 0.1).log() - (known + 0.1).log()).abs().mul(truth).mean((1, 2, 3)).sum()

    label = photo_rows["label"][:, None].float()
    counted = (label >= 0).float()
    cells = counted.sum((1, 2, 3)).clamp(min=1)
    where = F.binary_cross_entropy_with_logits(alive[n:], label.clamp(min=0), reduction="none") * counted
    where = where * _balance(label.clamp(min=0), counted)
    loss = loss + (where.sum((1, 2, 3)) / cells).sum()
    sway = photo_rows["sway"][:, None]
    moving = (label > 0) | ((label < 0) & (sway > 0))  # a stem fills no cell: only how far it sways is taught there
    unknown = _unknown_envelope_loss(e[n:].square() * s, moving, sway)
    loss = loss + (unknown.sum((1, 2, 3)) / cells).sum()
    return loss / len(alive)


def _inputs(*parts):
    """Pixels and features of all rows, where the networks are; of the deepest features a tenth is dropped."""
    rows = [torch.cat([part[name] for part in parts]) for name in dataset.FEATURE_NAMES]
    rows[3] = rows[3] * (torch.rand(len(rows[3]), rows[3].shape[1], 1, 1) > 0.1)
    return [x.to(ranks.device()) for x in rows]


def group_loss(network, scene_rows):
    """Loss of synthetic rows: are two cells one object, where has it its middle, how large is it, along which axis does
    it sway; mostly where things move."""
    affinity, shape, _ = network(*_inputs(scene_rows))
    affinity, shape, coarse = affinity.float().cpu(), shape.float().cpu(), motion.coarse(scene_rows["maps"])
    same, form = motion.affinity_truth(coarse), motion.shape_truth(coarse)
    near = F.max_pool2d((coarse[:, :1] > 0.1).float(), 3, 1, 1)
    weight = (0.05 + near) * motion.pairs_inside(*same.shape[2:])
    grouped = F.binary_cross_entropy_with_logits(affinity, same, reduction="none") * weight
    weight_of_shape = (coarse[:, :1] > 0.1).float()
    off = F.smooth_l1_loss(shape, form, reduction="none", beta=0.2) * weight_of_shape
    off = off.sum((1, 2, 3)) / weight_of_shape.sum((1, 2, 3)).clamp(min=1)
    return (grouped.sum((1, 2, 3)) / weight.sum((1, 2, 3)) + _SHAPE * off).mean()


def _unknown_envelope_loss(envelope, moving, sway):
    """Of photographs, (N, 1, h, w): what moves moves as far as its kind does, or at least the floor where no kind is
    known, at all frequencies alike; E is smooth over f and does not rise at its end.

    The slope of the RMS alone would lift the strongest harmonic only: after 27 minutes 0.6 Hz held .97 of a meadow's
    motion. sway: px that the kind lets expect, 0 where none is known.
    """
    logs = (envelope + 1e-3).log()
    level = logs.mean(1, keepdim=True)
    strength = (_rms(envelope) + 0.02).log()
    strength = level + (strength - level).detach()
    off = torch.where(sway > 0, (strength - (sway + 0.02).log()).abs(), F.relu(math.log(_FLOOR_PX) - strength))
    bend = logs[:, 1:-1] - (logs[:, :-2] + logs[:, 2:]) / 2
    rise = F.relu(logs[:, -2:] - logs[:, -3:-1])
    unsmooth = bend.square().mean(1, keepdim=True) + rise.square().mean(1, keepdim=True)
    return (0.3 * off + _SMOOTH * unsmooth) * moving


def _rows(data, count, generator):
    return dataset.batch(data, _sample(count, torch.arange(len(data["wind"])), generator))


def _scene_rows(parts, generator):
    """Random rows of pairs (scenes, how many)."""
    drawn = [_rows(data, count, generator) for data, count in parts]
    return {name: torch.cat([rows[name] for rows in drawn]) for name in drawn[0]}


def _mirrored(scene_rows):
    maps, wind = motion.mirrored(scene_rows["maps"], scene_rows["wind"], 256)
    return dataset.mirrored_features(scene_rows) | {"maps": maps, "wind": wind}


def train_where(scene_data, thin, photo_data, work, *, rendered=None, minutes, seed=0, max_steps=None):
    """What moves and how far, on frozen features; returns (network, scales).

    thin: scenes of what photographs seldom show, see dataset.make_scenes.
    """
    torch.manual_seed(seed)
    scales = dataset.scales(scene_data["maps"])
    parts = [(scene_data, _PAINTED), (thin, _THIN), (rendered or thin, _RENDERED)]
    by_kind = [torch.nonzero(photo_data["kind"] == kind)[:, 0] for kind in range(len(dataset.KINDS))]
    by_kind = [(kind, count) for kind, count in zip(by_kind, _PHOTOS, strict=True) if len(kind)]

    def loss_of(network, generator):
        scene_rows = _scene_rows(parts, generator)
        photo_rows = dataset.batch(photo_data, torch.cat([_sample(count, kind, generator) for kind, count in by_kind]))
        if torch.rand((), generator=generator) < 0.5:
            scene_rows, photo_rows = _mirrored(scene_rows), dataset.mirrored_features(photo_rows)
        return where_loss(network, scene_rows, photo_rows, scales)

    network = WhereNet().to(ranks.device())
    notes = {"scales": scales.tolist(), "parameters": parameters(network)}
    limits = {"minutes": minutes, "rate": _RATE, "seed": seed, "max_steps": max_steps}
    return fit(network, loss_of, checkpoint=Path(work) / "where.pt", notes=notes, **limits), scales


def train_groups(scene_data, thin, work, *, rendered=None, minutes, seed=0, max_steps=None):
    """Which cells belong together, on frozen features; returns the network."""
    torch.manual_seed(seed)
    parts = [(scene_data, _GROUPED), (thin, _THIN), (rendered or thin, _RENDERED)]

    def loss_of(network, generator):
        scene_rows = _scene_rows(parts, generator)
        if torch.rand((), generator=generator) < 0.5:
            scene_rows = _mirrored(scene_rows)
        return group_loss(network, scene_rows)

    network = GroupNet().to(ranks.device())
    limits = {"minutes": minutes, "rate": _RATE, "seed": seed, "max_steps": max_steps}
    notes = {"parameters": parameters(network)}
    return fit(network, loss_of, checkpoint=Path(work) / "groups.pt", notes=notes, **limits)


def load_encoder(work):
    """(EncoderNet, the notes of its `where`) of a training folder.

    Raises:
        ValueError: a half is not trained yet, or by a version whose networks were others.
    """
    halves, notes = {}, {}
    for name, network in (("where", WhereNet()), ("groups", GroupNet())):
        path = Path(work) / f"{name}.pt"
        if not path.exists():
            raise ValueError(f"{path} is not there: train it first (--only {name})")
        state = torch.load(path, weights_only=True, map_location="cpu")
        try:
            network.load_state_dict(state["averaged"])
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"{path} is of another version's networks: train it again") from error
        halves[name], notes[name] = network, state["notes"]
    return EncoderNet(**halves).eval().requires_grad_(False), notes["where"]


def flow_conditions(encoder, scene_data):
    """What the flow sees of each scene: envelope, ties inside parts, features on the flow's grid, and maps there."""
    parts = []
    for index in torch.arange(len(scene_data["wind"])).split(32):
        rows = dataset.batch(scene_data, index)
        with torch.no_grad():
            _, e, affinity, features = encoder(*(rows[n] for n in dataset.FEATURE_NAMES))
        groups = [phases.group(a) for a in affinity.sigmoid().double().numpy()]
        tied = np.stack([phases.ties(found.parts) for found in groups]).astype(np.float32)
        part = {"envelope": F.avg_pool2d(e, 2).half(), "features": features.half()}
        part["labels"] = torch.from_numpy(np.stack([found.objects for found in groups]))
        part["parts"] = torch.from_numpy(np.stack([found.parts for found in groups]))
        part["affinity"] = torch.from_numpy(tied)
        parts.append({**part, "maps": motion.coarse(rows["maps"]), "wind": rows["wind"]})
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def wind_condition(wind, known):
    """(B, 3) dx, dy, px a second and (B,) -> (B, 4), all zero where the wind is not told."""
    told = torch.stack([wind[:, 0], wind[:, 1], (wind[:, 2] / 150).log(), torch.ones(len(wind))], 1)
    return told * known.float()[:, None]


def flow_loss(network, rows, generator):
    """Squared error of the velocity between a coupled start and a drawn motion, at a random time."""
    maps, wind = rows["maps"], rows["wind"]
    with torch.autocast("cpu", enabled=False):
        signal = motion.draw(maps, wind, generator)
        begin = motion.to_reals(motion.start(signal, rows["labels"], maps, wind, generator, parts=rows["parts"]))
        axis = maps[:, motion.DX : motion.DY + 1]
        end = motion.to_reals(signal[:, :, None] * axis[:, None])
        alive = (maps[:, 0] / ALIVE_PX).clamp(0, 1)[:, None, None]
        end = torch.where(alive > 0.1, end, begin)  # still cells keep the start: z stays whole at the outlines
        begin = begin + START_NOISE * torch.randn(begin.shape, generator=generator)
        slices = torch.randperm(begin.shape[1], generator=generator)[:_SLICES].sort().values
        begin, end = begin[:, slices], end[:, slices]
        t = torch.sigmoid(torch.randn(len(maps), generator=generator))
        at = t.view(-1, 1, 1, 1, 1)
        told = wind_condition(wind, torch.rand(len(maps), generator=generator) > _UNKNOWN_WIND)
    z, envelope = (1 - at) * begin + at * end, rows["envelope"][:, slices]
    inputs = z, t, slices, envelope, rows["affinity"], rows["features"], told
    found = network(*(x.to(ranks.device()) for x in inputs))
    error, weight = found.float().cpu() - (end - begin), 0.1 + alive
    loss = (error.square() * weight).mean()
    for axis, size in ((3, error.shape[3] - 1), (4, error.shape[4] - 1)):  # what tears an object weighs more
        steps = error.narrow(axis, 1, size) - error.narrow(axis, 0, size)
        loss = loss + _TEAR * (steps.square() * weight.narrow(axis, 1, size) * weight.narrow(axis, 0, size)).mean()
    return loss


def train_flow(encoder, scene_data, work, *, minutes, seed=0, max_steps=None):
    """The flow on the frozen encoder's conditions; every step draws new motions of the same pictures."""
    torch.manual_seed(seed)
    conditions = flow_conditions(encoder, scene_data)
    busy = torch.nonzero((conditions["maps"][:, 0] > ALIVE_PX).flatten(1).sum(1) >= 8)[:, 0]
    network = FlowNet(features=encoder.features).to(ranks.device())

    def loss_of(network, generator):
        rows = dataset.batch(conditions, _sample(_FLOW_BATCH, busy, generator))
        return flow_loss(network, rows, generator)

    notes = {"parameters": parameters(network), "start_noise": START_NOISE}
    checkpoint = Path(work) / "flow.pt"
    limits = {"minutes": minutes, "max_steps": max_steps}
    return fit(network, loss_of, checkpoint=checkpoint, rate=1e-3, seed=seed, notes=notes, **limits)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.train", description="Train the motion model")
    parser.add_argument("--pictures", required=True, help="folder of the hand-masked pictures, paths as in masks.json")
    parser.add_argument("--stills", required=True, help="folder of pictures in which nothing moves")
    parser.add_argument("--rendered", help="folder that onnx_export.rendered filled")
    parser.add_argument("--footage", help="folder of filmed pairs that onnx_export.tracking.pairs filled")
    parser.add_argument("--work", required=True, help="folder for cache and checkpoints; an interrupted run continues")
    parser.add_argument("--scenes", type=int, default=6000)
    parser.add_argument("--thin-scenes", type=int, default=1500)
    parser.add_argument("--processes", type=int, default=1, help="for painting the scenes")
    parser.add_argument("--where-minutes", type=float, default=60)
    parser.add_argument("--groups-minutes", type=float, default=60)
    parser.add_argument("--flow-minutes", type=float, default=20)
    parser.add_argument(
        "--only", choices=("where", "groups", "flow"), help="this run alone; default: one after the other"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each training process")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    ranks.start()
    work, stills, processes = Path(options.work), options.stills, options.processes

    def cached(name, make):
        if ranks.number() == 0:
            dataset.load_or_make(work / name, make)
        ranks.wait()
        return dataset.load_or_make(work / name, make)

    scene_data = cached(
        "scenes.pt", lambda: dataset.make_scenes(range(options.scenes), stills, options.pictures, processes)
    )
    thin_seeds = range(_THIN_SEED, _THIN_SEED + options.thin_scenes)
    thin = cached("thin.pt", lambda: dataset.make_scenes(thin_seeds, stills, None, processes, is_thin=True))
    rendered = cached("rendered.pt", lambda: dataset.rendered_scenes(options.rendered)) if options.rendered else None
    shared = {"rendered": rendered, "seed": options.seed}
    if options.only in (None, "where"):
        make = partial(dataset.make_photographs, options.pictures, stills, options.seed)
        photo_data, _ = cached("photographs.pt", lambda: list(make()))
        if options.footage:
            filmed = cached("footage.pt", lambda: dataset.make_footage(options.footage))
            photo_data = {name: torch.cat([rows, filmed[name]]) for name, rows in photo_data.items()}
        train_where(scene_data, thin, photo_data, work, minutes=options.where_minutes, **shared)
    if options.only in (None, "groups"):
        train_groups(scene_data, thin, work, minutes=options.groups_minutes, **shared)
    if options.only in (None, "flow"):
        if rendered:
            scene_data = {name: torch.cat([rows, rendered[name]]) for name, rows in scene_data.items()}
        encoder, _ = load_encoder(work)
        train_flow(encoder, scene_data, work, minutes=options.flow_minutes, seed=options.seed)


if __name__ == "__main__":
    main()
