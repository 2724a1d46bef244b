"""The training loop: by the clock or by steps; checkpoints, from which a later call goes on; one process or several."""

import math
import time
from pathlib import Path

import torch

from . import ranks
from .muon import Muon, is_matrix

__all__ = ["fit"]

_RANK_SEED = 7919  # between the processes of a run
_TOLD_EVERY = 50  # steps


def fit(network, loss_of, optimiser, *, checkpoint, rate, minutes=None, steps=None, seed=0, max_steps=None, notes=None):
    """Train for the minutes or the steps (over all runs of this checkpoint); returns the averaged network.

    network: weights that require no gradient stay as they are.
    loss_of: callable(network, generator) -> loss of one random batch.
    optimiser: a settings.Optimiser; rate: of learning, at its highest.
    max_steps: stops this run early, to be continued by the next call.
    """
    checkpoint = Path(checkpoint)
    run = _Run(network, optimiser, rate, seed)
    if checkpoint.exists():
        run.resume(checkpoint)
    run.part_ways(seed)
    ranks.wait()

    def share():
        return run.elapsed / (minutes * 60) if steps is None else run.step / steps

    kind = next(network.parameters()).device.type
    use_bf16 = bool(ranks.agreed(share() < 1 and _bf16_pays(kind)))
    first, saved = run.step, run.elapsed
    while share() < 1 and (max_steps is None or run.step < first + max_steps):
        run.take_step(loss_of, share(), kind, use_bf16)
        if run.step % _TOLD_EVERY == 0:
            recent = sum(run.losses[-_TOLD_EVERY:]) / _TOLD_EVERY
            print(f"{checkpoint.stem} {run.step}: {recent:.4f}, {run.elapsed:.0f} s", flush=True)
        if run.elapsed - saved > optimiser.checkpoint_s:
            saved = run.elapsed
            run.save(checkpoint, notes)
    run.save(checkpoint, notes)
    ranks.wait()
    return run.average.module.cpu().eval().requires_grad_(False)


class _Run:
    """What a checkpoint holds: weights, their average, optimisers, the state of chance, steps, seconds, losses."""

    def __init__(self, network, optimiser, rate, seed):
        self.network, self.settings, self.rate = network, optimiser, rate
        self.generator = torch.Generator().manual_seed(seed)
        self.weights = [w for w in network.parameters() if w.requires_grad]
        matrices = [w for w in self.weights if is_matrix(w)]
        others = [w for w in self.weights if not is_matrix(w)]
        self.optimisers = [
            Muon(matrices, rate, optimiser.decay),
            torch.optim.AdamW(others, rate, weight_decay=optimiser.decay),
        ]
        self.average = torch.optim.swa_utils.AveragedModel(network, avg_fn=_averaging(optimiser.average))
        self.step, self.elapsed, self.losses = 0, 0.0, []

    def resume(self, path):
        """Go on from a checkpoint as if the run had never stopped."""
        state = torch.load(path, weights_only=True, map_location="cpu")
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        for optimiser, known in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(known)
        self.generator.set_state(state["generator"])
        if "chance" in state:  # of what the networks drop; checkpoints of before 0.2.0 do not note it
            torch.set_rng_state(state["chance"])
        self.step, self.elapsed, self.losses = state["step"], state["elapsed"], state["losses"]

    def part_ways(self, seed):
        """Give each process but the first chance of its own: the processes of a run see other rows."""
        if ranks.number():
            own = seed + _RANK_SEED * ranks.number() + self.step
            self.generator.manual_seed(own)
            torch.manual_seed(own)

    def save(self, path, notes):
        """The checkpoint of the first process; whole, or not at all."""
        if ranks.number():
            return
        state = {"network": self.network.state_dict(), "average": self.average.state_dict()}
        state["optimisers"] = [optimiser.state_dict() for optimiser in self.optimisers]
        state |= {"generator": self.generator.get_state(), "chance": torch.get_rng_state()}
        state |= {"step": self.step, "elapsed": self.elapsed, "losses": self.losses, "notes": notes or {}}
        state["averaged"] = self.average.module.state_dict()
        temporary = path.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(path)

    def take_step(self, loss_of, share, kind, use_bf16):
        """One batch; share: 0..1 of the run that is over, by which the rate falls as a cosine."""
        started = time.perf_counter()
        warm = min(1.0, (self.step + 1) / max(1, self.settings.warm_up_steps))
        for optimiser in self.optimisers:
            fallen = 0.5 + 0.5 * math.cos(math.pi * share)
            optimiser.param_groups[0]["lr"] = self.rate * warm * fallen + self.rate * 0.01
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=use_bf16):
            loss = loss_of(self.network, self.generator)
        self.network.zero_grad()
        loss.backward()
        ranks.mean_gradients(self.weights)
        torch.nn.utils.clip_grad_norm_(self.weights, self.settings.clip)
        for optimiser in self.optimisers:
            optimiser.step()
        self.average.update_parameters(self.network)
        self.step += 1
        self.losses.append(loss.item())
        self.elapsed = ranks.agreed(self.elapsed + time.perf_counter() - started)


def _averaging(decay):
    def averaged(old, new, count):
        kept = min(decay, float(count) / (float(count) + 10))
        return old + (1 - kept) * (new - old)  # what is frozen stays to the bit

    return averaged


def _bf16_pays(kind):
    """Half-precision convolutions are faster on a GPU, and only on processors that have instructions for them: try."""
    if kind == "cuda":
        return True
    with torch.random.fork_rng(devices=[]):  # or a run that goes on would meet other chance than one in one piece
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
