"""What is trained: one configuration object, one loss and one sampler for every variant.

A variant says which latent is learned (the motion z, to be multiplied by the encoder's envelope E, or the volume
S = E z itself), by which objective (rectified flow, or noise as in the paper), from which start, and how harmonics
meet. The default is the shipped flow; its loss is losses.flow_loss to the bit (experiments/test_recipes.py).
"""

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from gid_core.prediction import sampler

from ..fitting import dataset, losses, settings
from ..fitting.fit import fit
from ..fitting.settings import Variant
from ..networks.blocks import parameters
from ..networks.flow import FlowNet
from ..scenes import motion
from . import ddpm, normalise
from .frequency_attention import AttentiveFlowNet, JointFlowNet

__all__ = ["VARIANTS", "harmonics", "loss", "network_of", "run_of", "sampled", "told", "train_variant", "volume_of"]

_SCENES_FOR_SCALES = 256


def harmonics(count: int) -> tuple:
    """The first `count` frequencies in Hz, spaced as motion.FREQUENCIES."""
    return tuple(k / 5 for k in range(1, count + 1))


def run_of(name: str) -> settings.Settings:
    """The run that trains a variant: its rate, batch and losses; only the paper's recipe has one of its own."""
    return settings.load("paper" if name == "paper" else "shipped")


_VOLUME = Variant(latent="volume", start="white", is_object_aware=False)
_PAPER = run_of("paper").flow.variant
VARIANTS = {
    "ours": run_of("ours").flow.variant,
    "attention": Variant(has_attention=True),
    "shipped": Variant(),
    "shipped attention": Variant(has_attention=True),
    "squared error": Variant(is_object_aware=False),
    **{f"{n} harmonics": Variant(n_freqs=n) for n in (4, 8, 24)},
    "white start": Variant(start="white"),
    "pooled volume": _VOLUME,
    "plain scaling": replace(_VOLUME, normalisation="plain"),
    "all channels": replace(_VOLUME, is_joint=True),
    "paper": _PAPER,
    "paper complex": replace(_PAPER, normalisation="complex"),
}


def network_of(variant: Variant, features: int):
    """An untrained network of FlowNet's arguments."""
    if variant.is_joint:
        return JointFlowNet(features, variant.n_freqs)
    network = (AttentiveFlowNet if variant.has_attention else FlowNet)(features=features)
    if variant.n_freqs != network.frequency.num_embeddings:
        network.frequency = nn.Embedding(variant.n_freqs, network.frequency.embedding_dim)
    return network


def told(variant: Variant, rows, slices, known):
    """A network's arguments behind z and t, as a dict in their order; known: bool (B,), rows that are told.

    A volume's network is not given the envelope, which it has to find itself. The paper's knows the picture alone,
    and for a part of the rows nothing at all (classifier-free guidance).
    """
    e = rows["envelope"]
    # The encoder knows 16 envelopes; above them its last one stands in, in units of each frequency's own scale.
    beyond = e[:, -1:].expand(-1, max(0, variant.n_freqs - e.shape[1]), -1, -1)
    envelope = torch.cat([e, beyond], 1)[:, slices]
    found = {"slices": slices, "envelope": envelope, "affinity": rows["affinity"], "features": rows["features"]}
    found["wind"] = losses.wind_condition(rows["wind"], known)
    if variant.latent == "volume":
        found["envelope"] = torch.zeros_like(envelope)
    if variant.objective == "noise":
        nothing = ddpm.untold(found)
        found = {**nothing, "slices": slices, "features": found["features"] * known.view(-1, 1, 1, 1)}
    return found


def volume_of(maps, wind, frequencies, generator):
    """One drawn volume of each scene in px: complex (B, K, 2, h, w)."""
    signal = motion.draw(maps, wind, generator, frequencies) * motion.envelope(maps, frequencies)
    return signal[:, :, None] * maps[:, None, motion.DX : motion.DY + 1]


def _ends(variant, rows, normalisation, generator, start_noise):
    """(start, end, weight): reals (B, K, 4, h, w) twice and (B, 1, 1, h, w); chance in the trainer's own order."""
    maps, wind, frequencies = rows["maps"], rows["wind"], harmonics(variant.n_freqs)
    alive = (maps[:, 0] / losses.ALIVE_PX).clamp(0, 1)[:, None, None]
    if variant.latent == "volume":
        end = normalisation.forward(motion.to_reals(volume_of(maps, wind, frequencies, generator)))
        return torch.randn(end.shape, generator=generator), end, torch.ones_like(alive)
    signal = motion.draw(maps, wind, generator, frequencies)
    end = motion.to_reals(signal[:, :, None] * maps[:, None, motion.DX : motion.DY + 1])
    if variant.start == "coupled":
        begin = motion.to_reals(motion.start(signal, rows["labels"], maps, wind, generator, frequencies, rows["parts"]))
        noise = start_noise * torch.randn(begin.shape, generator=generator)
    else:
        begin, noise = torch.randn(end.shape, generator=generator), 0
    return begin + noise, torch.where(alive > 0.1, end, begin), 0.1 + alive


def loss(variant: Variant, network, rows, normalisation, generator, flow):
    """Squared error of the velocity between start and end, or of the noise (paper eq. 3), at a random time.

    flow: a settings.Flow, whose own variant does not count.
    """
    with torch.autocast("cpu", enabled=False):
        begin, end, weight = _ends(variant, rows, normalisation, generator, flow.start_noise)
        slices = torch.arange(begin.shape[1])
        if not variant.is_joint:
            slices = torch.randperm(len(slices), generator=generator)[: flow.slices].sort().values
        begin, end, count = begin[:, slices], end[:, slices], len(begin)
        if variant.objective == "noise":
            level = torch.randint(ddpm.LEVELS, (count,), generator=generator)
            t, seen, target = level / ddpm.LEVELS, ddpm.noised(end, begin, level, ddpm.alphas_cumprod()), begin
        else:
            t = torch.sigmoid(torch.randn(count, generator=generator))
            at = t.view(-1, 1, 1, 1, 1)
            seen, target = (1 - at) * begin + at * end, end - begin
        conditions = told(variant, rows, slices, torch.rand(count, generator=generator) > flow.untold)
    answer = network(seen, t, *conditions.values()).float()
    if variant.objective == "noise":
        return ((answer - target).square() * weight).mean()
    found = losses.velocity_loss(answer - target, weight, flow.loss.tear)
    if variant.is_object_aware:
        found = found + flow.loss.objects * losses.object_loss(seen + (1 - at) * answer, rows["maps"])
    return found


def train_variant(variant: Variant, conditions, checkpoint, run, *, minutes, max_steps=None, flow=None):
    """(network, its normalisation or None): trained by the clock, an interrupted run continues from `checkpoint`.

    conditions: of flow_conditions; run: of `run_of`. With attention there are two stages of half the time, as in the
    paper; flow: a trained FlowNet, which takes the place of the first stage, so that the second has all of the time.
    """
    torch.manual_seed(0)
    busy = torch.nonzero((conditions["maps"][:, 0] > losses.ALIVE_PX).flatten(1).sum(1) >= 8)[:, 0]
    normalisation = None
    if variant.latent == "volume":
        rows = {name: conditions[name][busy[:_SCENES_FOR_SCALES]] for name in ("maps", "wind")}
        drawn = volume_of(rows["maps"], rows["wind"], harmonics(variant.n_freqs), torch.Generator().manual_seed(1))
        moves = rows["maps"][:, 0] > losses.ALIVE_PX
        normalisation = normalise.fitted(variant.normalisation, motion.to_reals(drawn), moves)

    def loss_of(network, generator):
        chosen = busy[torch.randint(0, len(busy), (run.flow.batch,), generator=generator)]
        return loss(variant, network, dataset.batch(conditions, chosen), normalisation, generator, run.flow)

    network = network_of(variant, conditions["features"].shape[1]) if flow is None else AttentiveFlowNet.around(flow)
    limits = {"minutes": minutes, "max_steps": max_steps, "rate": run.flow.rate}
    limits["notes"] = {"parameters": parameters(network)}
    if not variant.has_attention:
        return fit(network, loss_of, run.optimiser, checkpoint=checkpoint, **limits), normalisation
    if flow is None:
        limits["minutes"] = minutes / 2
        first = Path(checkpoint).with_name(Path(checkpoint).stem + "-slices.pt")
        network = fit(network.stage(False), loss_of, run.optimiser, checkpoint=first, **limits)
    return fit(network.stage(True), loss_of, run.optimiser, checkpoint=checkpoint, **limits), normalisation


def sampled(variant: Variant, network, rows, steps: int, generator, *, n_freqs=None, guidance=0.0):
    """The latent of one motion of each row: reals (B, K, 4, h, w); steps 0: no network, the procedural z or noise.

    n_freqs: only the first so many harmonics (slices that do not see each other lose nothing by that).
    """
    b, _, h, w = rows["maps"].shape
    slices = torch.arange(n_freqs or variant.n_freqs)
    k, frequencies = len(slices), harmonics(len(slices))
    start = torch.randn(b, k, 4, h, w, generator=generator)
    if variant.start == "coupled":
        noise = torch.view_as_complex(torch.randn(b, k, h, w, 2, generator=generator))
        axis_noise = torch.randn(b, 2, h, w, generator=generator)
        parts = rows["parts"] if steps else None  # without a network to join them, whole objects
        start = motion.to_reals(
            motion.procedural(noise, axis_noise, rows["labels"], rows["maps"], rows["wind"], frequencies, parts)
        )
    conditions = told(variant, rows, slices, torch.ones(b, dtype=torch.bool))
    if steps == 0:
        return start
    if variant.objective == "noise":
        return ddpm.sampled(network, conditions, start, steps, guidance)
    with torch.no_grad():
        return sampler.rectified_flow(
            lambda z, t: network(z, torch.full((b,), float(t)), *conditions.values()).float(), start, steps
        )
