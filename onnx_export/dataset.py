"""The training set in memory: pictures, what is known of them, and the frozen features, made once and cached.

Four arrays a picture: sRGB at 1/4 and the backbone's features at strides 4, 8, 16 (half precision). Synthetic scenes
add maps and wind; photographs add labels. The cache is made from seeds and from folders of pictures; it is no part of
the repository.
"""

import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.multiprocessing import get_context

from . import backbone, masks, scenes
from .motion import AMPLITUDE, envelope

__all__ = ["FEATURE_NAMES", "batch", "load_or_make", "make_photographs", "make_scenes", "mirrored_features", "scales"]

FEATURE_NAMES = ("rgb4", "f4", "f8", "f16")
_CHUNK = 25
_CROPS = 5  # random crops of each masked picture, beside its centre


def _features(network, images):
    """uint8 (160, 256, 3) pictures -> dict of half-precision features."""
    rgb = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        found = (F.avg_pool2d(rgb, 4), *network(rgb))
    return {name: value.half() for name, value in zip(FEATURE_NAMES, found, strict=True)}


def _joined(parts):
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _scene_chunk(job):
    seeds, folder = job
    torch.set_num_threads(1)
    photographs = masks.load_pictures(folder) if folder else ()
    network, parts = backbone.pretrained(), []
    for first in range(0, len(seeds), _CHUNK):
        painted = [scenes.paint(seed, photographs) for seed in seeds[first : first + _CHUNK]]
        part = _features(network, [s.image for s in painted])
        part["maps"] = torch.from_numpy(np.stack([s.maps for s in painted]))
        part["wind"] = torch.from_numpy(np.stack([s.wind for s in painted]))
        parts.append(part)
    return {name: value.numpy() for name, value in _joined(parts).items()}


def make_scenes(seeds, backdrops=None, processes=1):
    """Synthetic scenes of the seeds, with features, maps (N, fields, 40, 64) and wind (N, 3)."""
    seeds, started = list(seeds), time.perf_counter()
    jobs = [(seeds[i::processes], backdrops) for i in range(processes)]
    if processes == 1:
        parts = [_scene_chunk(job) for job in jobs]
    else:
        with get_context("spawn").Pool(processes) as pool:
            parts = pool.map(_scene_chunk, jobs)
    found = _joined([{name: torch.from_numpy(value) for name, value in part.items()} for part in parts])
    print(f"{len(seeds)} scenes in {time.perf_counter() - started:.0f} s", flush=True)
    return found


def make_photographs(folder, stills, seed=0, held_out=40, n_still=240, n_composite=400):
    """Masked photographs: two sets of features with label (N, 40, 64) and kind (N,): 0 mask, 1 still, 2 composite.

    folder: of the hand-masked pictures; stills: folder of pictures in which nothing moves. The second set is held out
    and holds centre crops of pictures that the first has never seen.
    """
    rng = np.random.default_rng([seed, 11])
    drawn, still = masks.hand_masks(folder), masks.load_pictures(stills)
    order = rng.permutation(len(drawn))
    kept, tested = [drawn[i] for i in order[held_out:]], [drawn[i] for i in order[:held_out]]
    crops = [(*masks.cropped(p, m, rng, True), 0) for p, m in kept]
    crops += [(*masks.cropped(p, m, rng), 0) for _ in range(_CROPS) for p, m in kept]
    crops += [(*crop, 1) for crop in masks.still_pictures(still, n_still, rng)]
    crops += [(*crop, 2) for crop in masks.composites(kept, still, n_composite, rng)]
    train = _photographs(crops)
    test = _photographs([(*masks.cropped(p, m, rng, True), 0) for p, m in tested])
    print(f"{len(crops)} crops of {len(kept)} masked, {len(still)} still pictures; {len(tested)} held out", flush=True)
    return train, test


def _photographs(crops):
    network = backbone.pretrained()
    images, labels, kinds = zip(*crops, strict=True)
    parts = [_features(network, images[i : i + _CHUNK]) for i in range(0, len(images), _CHUNK)]
    return {**_joined(parts), "label": torch.from_numpy(np.stack(labels)), "kind": torch.tensor(kinds)}


def scales(maps):
    """s_k: 95th percentile of E_k over moving cells, px of a 256-wide frame; float (K,)."""
    parts = []
    for chunk in maps.split(64):
        parts.append(envelope(chunk).movedim(1, -1)[chunk[:, AMPLITUDE] > 0.1])
    return torch.from_numpy(np.percentile(torch.cat(parts).numpy(), 95, axis=0).astype(np.float32))


def batch(data, index):
    """The rows of `index`, features in single precision."""
    return {name: value[index].float() if value.is_floating_point() else value[index] for name, value in data.items()}


def mirrored_features(rows):
    """Left and right exchanged, on all grids (the backbone is nearly equivariant)."""
    return {name: value.flip(-1) if name in (*FEATURE_NAMES, "label") else value for name, value in rows.items()}


def load_or_make(path, make):
    """The cache at `path`, or what `make()` returns, kept there for the next run."""
    path = Path(path)
    if path.exists():
        return torch.load(path, weights_only=True)
    data = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(data, path)
    return data
