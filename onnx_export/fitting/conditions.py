"""What the flow is told of a picture: the trained encoder's words, gathered into objects, beside the known motion."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from gid_core.prediction import encodings, objects
from gid_core.prediction.finer import finer_of
from gid_core.prediction.wind import Wind

from ..networks.encoder import EncoderNet, GroupNet, WhereNet
from ..scenes import motion
from . import borders, dataset

__all__ = [
    "REFINED",
    "RUNS",
    "clip_conditions",
    "closer_conditions",
    "final",
    "flow_conditions",
    "load",
    "load_encoder",
]

# Of a training, in their order; each leaves WORK/NAME.pt, and `refine` where.pt and reach.pt once more in WORK/REFINED.
RUNS = ("where", "reach", "refine", "groups", "borders", "flow", "outline")
REFINED = "refined"

_FARTHEST = 3.0  # of |z|: a clip whose spectrum is not the encoder's must not drown the rest
_LEAST_PX = 0.05


def load_encoder(work):
    """(EncoderNet, {name: checkpoint}) of a training folder; the scales of E are in the notes of `reach`.

    Raises:
        ValueError: a part is not trained yet, or by a version whose networks were others.
    """
    parts, states = {}, {}
    for name, network in (("where", WhereNet()), ("reach", WhereNet()), ("groups", GroupNet())):
        parts[name], states[name] = final(work, name, network)
    return EncoderNet(**parts).eval().requires_grad_(False), states


def final(work, name, network):
    """`load` of what a training ends with: the refined network, where there is one."""
    refined = Path(work) / REFINED
    return load(refined if (refined / f"{name}.pt").exists() else work, name, network)


def load(work, name, network):
    """(network with the averaged weights of WORK/NAME.pt, that checkpoint).

    Raises:
        ValueError: see `load_encoder`.
    """
    path = Path(work) / f"{name}.pt"
    if not path.exists():
        raise ValueError(f"{path} is not there: train it first (--only {name})")
    state = torch.load(path, weights_only=True, map_location="cpu")
    try:
        network.load_state_dict(state["averaged"])
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"{path} is of another version's networks: train it again") from error
    return network, state


def _seen(encoder, rows):
    """What the encoder says of rows, as the flow takes it: e and features on its grid, objects, parts, ties."""
    with torch.no_grad():
        seen, other = ([r[n] for n in dataset.FEATURE_NAMES] for r in (rows, dataset.mirrored_features(rows)))
        _, e, affinity, features = encoder(*seen, mirrored=other)
    groups = [objects.group(a) for a in affinity.sigmoid().double().numpy()]
    tied = np.stack([objects.ties(found.objects) for found in groups]).astype(np.float32)
    return {
        "envelope": F.avg_pool2d(e, 2).half(),
        "features": features.half(),
        "labels": torch.from_numpy(np.stack([found.objects for found in groups])),
        "parts": torch.from_numpy(np.stack([found.parts for found in groups])),
        "affinity": torch.from_numpy(tied),
    }


def _in_chunks(data, told):
    """Rows of a data set through `told`, 32 at a time."""
    parts = [told(dataset.batch(data, index)) for index in torch.arange(len(data["rgb"])).split(32)]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def flow_conditions(encoder, scene_data):
    """What the flow sees of each scene: envelope, ties inside objects, features on the flow's grid, and maps there."""

    def told(rows):
        return {**_seen(encoder, rows), "maps": motion.coarse(rows["maps"]), "wind": rows["wind"]}

    return _in_chunks(scene_data, told)


def closer_conditions(network, rows):
    """`flow_conditions` of the rows of borders.make_rows, whose objects the closer look tells; network: a BorderNet."""

    def told(part):
        with torch.no_grad():
            affinity, _ = network(*borders.inputs(part))
        groups = [_as_run(*row) for row in zip(affinity.sigmoid().numpy(), part["busy"].numpy(), strict=True)]
        tied = np.stack([objects.ties(found.objects) for found in groups]).astype(np.float32)
        return {
            "envelope": part["envelope"],
            "features": part["told"],
            "labels": torch.from_numpy(np.stack([found.objects for found in groups])),
            "parts": torch.from_numpy(np.stack([found.parts for found in groups])),
            "affinity": torch.from_numpy(tied),
            "maps": part["maps"],
            "wind": part["wind"],
        }

    chunks = torch.arange(len(rows["rgb"])).split(8)
    parts = [told({name: value[index] for name, value in rows.items()}) for index in chunks]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _as_run(affinity, busy):
    """Objects of the flow's cells, as a prediction gathers them; busy: bool, which finer cells move."""
    found, (h, w) = objects.group(affinity.astype(np.float64), encodings.LEAST), busy.shape
    flow = h // 2, w // 2
    first = np.arange(found.objects.max() + 1)
    return finer_of(found, first, (h, w), busy.astype(np.float32), flow, flow)[1]


def clip_conditions(encoder, footage, scales):
    """`flow_conditions` of filmed pairs, with the motion that was filmed as "z", reals (N, K, 4, h, w).

    A clip is one draw of a motion whose true envelope nobody knows. So z is the volume in units of the encoder's E,
    times one number a cell that gives E the clip's own RMS: z tells how a cell moved, not how far. The maps hold what
    the start and the loss ask for: an object's name and its main axis, and the amplitude where the clip is trusted.

    footage: of dataset.make_footage; scales: px (K,).
    """

    def told(rows):
        seen, volume = _seen(encoder, rows), motion.to_complex(rows["volume"])
        size = scales.view(1, -1, 1, 1) * seen["envelope"].float().square()
        rms = volume.abs().square().sum((1, 2)).sqrt()
        level = rms / size.square().sum(1).sqrt().clamp(min=1e-6)
        z = volume / (size * level[:, None]).clamp(min=1e-6)[:, :, None]
        z = z / (z.abs().square().sum(2, keepdim=True).sqrt() / _FARTHEST).clamp(min=1)
        maps = torch.zeros(len(rms), len(motion.FIELDS), *rms.shape[1:])
        maps[:, motion.AMPLITUDE] = rms * rows["trusted"] * (rms > _LEAST_PX)
        maps[:, motion.OBJECT] = seen["labels"].float() + 1
        maps[:, motion.DX : motion.DY + 1] = motion.object_axes(volume, seen["labels"])
        wind = torch.tensor([[1.0, 0.0, Wind.speed]]).expand(len(rms), 3)
        return {**seen, "maps": maps, "wind": wind, "z": motion.to_reals(z)}

    return _in_chunks(footage, told)
