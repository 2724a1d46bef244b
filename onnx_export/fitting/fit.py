"""The training loop: by the clock or by steps; checkpoints, from which a later call goes on; one process or several."""

import math
import time
from pathlib import Path

import torch

from . import ranks
from .muon import Muon, is_matrix

__all__ = ["fit"]

_RANK_SEED = 7919  # between the processes of a run
_DECAY = 0.02
_EMA, _CLIP, _WARM_UP_STEPS, _CHECKPOINT_S = 0.995, 1.0, 50, 45


def fit(network, loss_of, *, checkpoint, rate, minutes=None, steps=None, seed=0, max_steps=None, notes=None):
    """Train for the minutes or the steps (over all runs of this checkpoint); returns the averaged network.

    network: weights that require no gradient stay as they are.
    loss_of: callable(network, generator) -> loss of one random batch.
    max_steps: stops this run early, to be continued by the next call.
    """
    generator = torch.Generator().manual_seed(seed)
    weights = [w for w in network.parameters() if w.requires_grad]
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

    first, saved = step, elapsed

    def part():
        return elapsed / (minutes * 60) if steps is None else step / steps

    kind = next(network.parameters()).device.type
    use_bf16 = bool(ranks.agreed(part() < 1 and _bf16_pays(kind)))
    while part() < 1 and (max_steps is None or step < first + max_steps):
        started = time.perf_counter()
        warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
        for optimiser in optimisers:
            optimiser.param_groups[0]["lr"] = rate * warm * (0.5 + 0.5 * math.cos(math.pi * part())) + rate * 0.01
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
    return old + (1 - decay) * (new - old)  # what is frozen stays to the bit


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
