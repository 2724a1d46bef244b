"""What every row of the ablation shares: training conditions, held-out scenes with their truth, and the envelope E.

Made once from a trained encoder and cached, since finding the objects of a scene takes longer than a training step.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from gid_core.prediction import outline

from ..fitting import dataset, losses
from ..fitting.conditions import flow_conditions, load, load_encoder
from ..networks.flow import FlowNet
from ..scenes import motion
from ..scenes.painting import HELD_OUT_SEED
from .films import Truth, truth_of
from .variants import harmonics

__all__ = ["World", "load_world", "with_alive"]

_MOST_HARMONICS, _PERCENTILE = 24, 95
_FEWEST_MOVING = 20  # cells, below which a scene has no phases to compare


@dataclass(frozen=True, eq=False)
class World:
    """conditions: of flow_conditions; rows: the same of moving held-out scenes, in single precision, with alive
    (B, h, w); truths: a Truth of each; scales: px (24,), E_k = s_k e_k^2; flow: the training's own, if it has one."""

    conditions: dict
    rows: dict
    truths: list[Truth]
    scales: torch.Tensor
    flow: FlowNet | None = None

    def first(self, count: int):
        """The same world with fewer held-out scenes."""
        rows = {name: value[:count] for name, value in self.rows.items()}
        return replace(self, rows=rows, truths=self.truths[:count])

    def envelope(self, n_freqs: int):
        """What the encoder predicts of the held-out scenes, gated as by gid_core.prediction.predict: px (B, K, h, w).

        Above its 16 harmonics its last e stands in, in units of each frequency's own scale.
        """
        e = self.rows["envelope"]
        e = torch.cat([e, e[:, -1:].expand(-1, max(0, n_freqs - e.shape[1]), -1, -1)], 1)[:, :n_freqs]
        opened = torch.from_numpy(outline.gate(self.rows["alive"][:, None].numpy()))
        return self.scales[:n_freqs].view(1, -1, 1, 1) * e.square() * opened


def with_alive(encoder, scenes) -> dict:
    """conditions.flow_conditions of scenes, and `alive` (B, h, w) on the same grid."""
    rows = dataset.batch(scenes, torch.arange(len(scenes["wind"])))
    with torch.no_grad():
        logit = encoder(*(rows[name] for name in dataset.FEATURE_NAMES))[0]
    return {**flow_conditions(encoder, scenes), "alive": F.avg_pool2d(logit.sigmoid(), 2)[:, 0]}


def load_world(work, training, n_scenes: int, n_held_out: int) -> World:
    """The world of a folder, made on the first call.

    training: folder of onnx_export.fitting.train; its scenes are painted when they are not there.
    """
    cached = dataset.load_or_make(work / "world.pt", lambda: _made(Path(training), n_scenes, n_held_out))
    held_out = dataset.batch(cached["held_out"], slice(None))
    moving = (held_out["maps"][:, motion.AMPLITUDE] > losses.ALIVE_PX).flatten(1).sum(1) >= _FEWEST_MOVING
    rows = {name: value[moving] for name, value in held_out.items()}
    flow, training = None, Path(training or work)
    if (training / "flow.pt").exists():
        flow = load(training, "flow", FlowNet(rows["features"].shape[1]))[0].eval()
    return World(cached["conditions"], rows, truth_of(rows), cached["scales"], flow)


def _made(training, n_scenes, n_held_out):
    network, states = load_encoder(training)
    scenes = training / "scenes.pt"
    if scenes.exists():
        found = torch.load(scenes, weights_only=True, mmap=True)
        found = {name: value[:n_scenes].clone() for name, value in found.items()}
    else:
        found = dataset.make_scenes(range(n_scenes))
    conditions = flow_conditions(network, found)
    print(f"conditions of {len(conditions['wind'])} scenes", flush=True)
    unseen = dataset.make_scenes(range(HELD_OUT_SEED, HELD_OUT_SEED + n_held_out))
    scales = torch.cat([torch.tensor(states["reach"]["notes"]["scales"]), _scales_beyond(conditions["maps"])])
    return {"conditions": conditions, "held_out": with_alive(network, unseen), "scales": scales}


def _scales_beyond(maps):
    """s_k of the harmonics above the encoder's own, as dataset.scales finds them."""
    e = motion.envelope(maps, harmonics(_MOST_HARMONICS))[:, len(motion.FREQUENCIES) :]
    cells = e.movedim(1, -1)[maps[:, motion.AMPLITUDE] > 0.1]
    return torch.from_numpy(np.percentile(cells.numpy(), _PERCENTILE, axis=0).astype(np.float32))
