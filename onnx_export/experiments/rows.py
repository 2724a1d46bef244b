"""The rows of the ablation: what each one is, and its figures scene by scene.

A row never trains by itself: it names a variant, and `ablation` trains each variant once for all its rows.
"""

import time
from dataclasses import dataclass

import torch

from gid_core.prediction import stages

from ..scenes import motion
from . import ddpm, looping, splatting
from .films import figures
from .variants import VARIANTS, harmonics, sampled, told, volume_of

__all__ = ["LOOP_S", "ROWS", "Row", "loop_figures", "motion_figures", "splat_figures"]

LOOP_S = 4.3  # no period of any of the harmonics of 5 s
_SEEDS = (1, 2)
_BATCH = 6
_LONG, _FEW_SCENES = 90, 6  # a row with so many network calls a motion is measured on few scenes, to last a minute
_LOOP_STEPS = 30
_SPLAT_SCENES, _SPLAT_SEED = 60, 10**6


@dataclass(frozen=True)
class Row:
    """One row: what is sampled from which variant and how.

    group: "motion", "loops" or "splat". kind: "sample"; "truth"; "as run", finished as predict finishes z;
    in the other groups the row's own. n_freqs: only the first so many harmonics.
    """

    name: str
    group: str = "motion"
    variant: str | None = "ours"
    steps: int = 8
    kind: str = "sample"
    guidance: float = 0.0
    n_freqs: int | None = None

    @property
    def calls(self):
        """Network calls a motion."""
        return self.steps * (2 if self.guidance else 1)


_PAPER_GUIDANCE = 1.75
ROWS = (
    Row("truth", variant=None, kind="truth"),
    Row("white noise", variant=None, kind="noise"),
    Row("procedural", variant=None, steps=0),
    Row("procedural as run", variant=None, steps=0, kind="as run"),
    Row("ours"),
    Row("ours as run", kind="as run"),
    *(Row(f"ours {n} step{'s' * (n > 1)}", steps=n) for n in (1, 2, 4, 16, 50, 250)),
    *(Row(f"ours, first {n} harmonics", n_freqs=n) for n in (4, 8)),
    *(Row(f"{n} harmonics", variant=f"{n} harmonics") for n in (4, 8, 24)),
    Row("squared error", variant="squared error"),
    *(Row(name, variant=name) for name in ("attention", "white start", "pooled volume", "plain scaling")),
    Row("all channels", variant="all channels"),
    *(Row(f"{name} as run", variant=name, steps=2, kind="as run") for name in ("shipped", "shipped attention")),
    *(Row(f"paper {n} step{'s' * (n > 1)}", variant="paper", steps=n) for n in (1, 2, 4, 8, 16, 50, 250)),
    Row("paper 50 steps guided", variant="paper", steps=50, guidance=_PAPER_GUIDANCE),
    Row("paper complex 50 steps", variant="paper complex", steps=50),
    *(Row(f"loop {kind}", "loops", "paper", _LOOP_STEPS, kind) for kind in ("cut", "self-guided", "snapped")),
    *(Row(f"splat {kind}", "splat", "W" if kind == "learned" else None, 0, kind) for kind in splatting.KINDS),
)


def _batches(world, count):
    for first in range(0, count, _BATCH):
        index = slice(first, min(count, first + _BATCH))
        yield index, {name: value[index] for name, value in world.rows.items()}


def _autocast():
    """Half precision inside networks as in training, on every machine; the steps themselves stay in single."""
    return torch.autocast("cpu", torch.bfloat16)


def motion_figures(row: Row, world, network=None, normalisation=None) -> dict:
    """{"scenes": [films.figures of a scene, ...], "seconds": of sampling one motion}."""
    if row.calls > _LONG:
        world = world.first(_FEW_SCENES)
    variant = VARIANTS[row.variant or ("white start" if row.kind == "noise" else "ours")]
    count, n_freqs = len(world.truths), row.n_freqs or variant.n_freqs
    envelope, motions, seconds = world.envelope(n_freqs), [], 0.0
    for seed in _SEEDS:
        generator = torch.Generator().manual_seed(seed)
        parts = []
        for index, rows in _batches(world, count):
            if row.kind == "truth":
                parts.append(volume_of(rows["maps"], rows["wind"], harmonics(variant.n_freqs), generator))
                continue
            started = time.perf_counter()
            steps = 0 if row.kind == "noise" else row.steps
            with _autocast():
                latent = sampled(
                    variant, network, rows, steps, generator, n_freqs=row.n_freqs, guidance=row.guidance
                ).float()
            seconds += time.perf_counter() - started
            if variant.latent == "volume":
                parts.append(motion.to_complex(normalisation.inverse(latent)))
                continue
            z = motion.to_complex(latent)
            if row.kind == "as run":
                z = _finished(z, envelope[index], rows["parts" if row.steps else "labels"])
            parts.append(envelope[index][:, :, None] * z)
        motions.append(torch.cat(parts))
    found = [
        figures(truth, [volumes[i] for volumes in motions], harmonics(n_freqs)) for i, truth in enumerate(world.truths)
    ]
    return {"scenes": found, "seconds": seconds / (count * len(_SEEDS))}


def _finished(z, envelope, labels):
    """z (B, K, 2, h, w) as predict finishes it, see stages.finish."""
    found = []
    for one, strength, names in zip(z, envelope.square().sum(1).sqrt().numpy(), labels.numpy(), strict=True):
        finished = stages.finish(one.movedim(1, -1).numpy(), strength, names)
        found.append(torch.from_numpy(finished).movedim(-1, 1))
    return torch.stack(found)


def loop_figures(row: Row, world, network, normalisation) -> dict:
    """Three ways to a loop of `LOOP_S` from one model and one start: cut, self-guided, snapped to harmonics.

    Beside films.figures of a scene: jump and kink, see looping.seam.
    """
    world = world.first(_FEW_SCENES)
    variant, alphas = VARIANTS[row.variant], ddpm.alphas_cumprod()
    frequencies, rows = harmonics(variant.n_freqs), world.rows

    def volume(latent):
        return motion.to_complex(normalisation.inverse(latent.float()))

    motions, seams, started = [], [], time.perf_counter()
    for seed in _SEEDS:
        generator = torch.Generator().manual_seed(seed)
        start = torch.randn(len(world.truths), variant.n_freqs, 4, *rows["alive"].shape[1:], generator=generator)
        everything = torch.ones(len(start), dtype=torch.bool)
        conditions = told(variant, rows, torch.arange(variant.n_freqs), everything)
        with _autocast():
            if row.kind == "self-guided":
                latent = looping.self_guided(
                    ddpm.bounded(ddpm.predict_noise(network, conditions), alphas),
                    start,
                    alphas,
                    row.steps,
                    lambda clean: looping.seam_loss(volume(clean), frequencies, LOOP_S),
                    generator,
                )
            else:
                latent = ddpm.sampled(network, conditions, start, row.steps)
        made, hz = volume(latent.detach()), frequencies
        if row.kind == "snapped":
            made, hz = looping.snapped(made, frequencies, LOOP_S)
        motions.append(made)
        moves = torch.stack([truth.moves for truth in world.truths])
        seams.append(looping.seam(made, hz, LOOP_S, moves))
    seconds = (time.perf_counter() - started) / (len(world.truths) * len(_SEEDS))
    found = [figures(truth, [m[i] for m in motions], hz) for i, truth in enumerate(world.truths)]
    for scene, (jump, kink) in zip(found, torch.stack(seams).mean(0).tolist(), strict=True):
        scene |= {"jump": jump, "kink": kink}
    return {"scenes": found, "seconds": seconds}


def splat_figures(row: Row, network=None) -> dict:
    """Errors of `_SPLAT_SCENES` layered scenes that no training has seen, see splatting.frame_error."""
    scenes = [splatting.made_layers(_SPLAT_SEED + i) for i in range(_SPLAT_SCENES)]
    started = time.perf_counter()
    found = [splatting.frame_error(s, splatting.weights(row.kind, s, network)) for s in scenes]
    return {"scenes": found, "seconds": (time.perf_counter() - started) / len(scenes)}
