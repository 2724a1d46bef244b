"""The training set in memory: pictures, what is known of them, and the frozen features, made once and cached.

Four arrays a picture: sRGB in 8 bits and the backbone's features at strides 4, 8, 16 (half precision). Synthetic scenes
add maps and wind; photographs add labels. The cache is made from seeds and from folders of pictures; it is no part of
the repository.
"""

import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch.multiprocessing import get_context

from gid_core.errors import VolumeError
from gid_core.files.resample import bilinear

from ..footage.shards import read_pairs
from ..networks import backbone
from ..photographs import cutouts, masks
from ..scenes import painting
from ..scenes.motion import AMPLITUDE, FREQUENCIES, envelope, to_reals

__all__ = [
    "FEATURE_NAMES",
    "KINDS",
    "NO_SOURCE",
    "batch",
    "load_or_make",
    "load_training",
    "make_footage",
    "make_photographs",
    "make_scenes",
    "mirrored_features",
    "photograph_rows",
    "rendered_scenes",
    "scales",
]

FEATURE_NAMES = ("rgb", "f4", "f8", "f16")
_CHUNK = 25
_CELLS = (40, 64)
_TRUSTED, _FILMED_MOVES_PX, _FILMED_STILL_PX = 0.5, 0.3, 0.1  # of a cell of a clip; px RMS
KINDS = ("flower", "other", "still", "composite", "filmed", "guessed")
_FLOWER, _OTHER, _STILL, _COMPOSITE, _FILMED, _ = range(len(KINDS))
NO_SOURCE = -1  # of rows that no hand mask made
_CROPS = {_FLOWER: 5, _OTHER: 12}  # random crops of each masked picture, beside its centre: the rest is thin
_WELL_KNOWN, _MOST_CROPS = 120, 60  # pictures of a source; those of a smaller one give more crops, up to so many


def _features(network, images):
    """uint8 (160, 256, 3) pictures -> dict of half-precision features."""
    rgb = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
    with torch.no_grad():
        found = network(rgb.float() / 255)
    return {"rgb": rgb} | {name: value.half() for name, value in zip(FEATURE_NAMES[1:], found, strict=True)}


def _joined(parts):
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _scene_chunk(job):
    seeds, stills, pictures, is_thin = job
    torch.set_num_threads(1)
    photographs = masks.load_pictures(stills) if stills else ()
    sprites = cutouts.cut(masks.labelled_rows(pictures)) if pictures else ()
    network, parts = backbone.pretrained(), []
    for first in range(0, len(seeds), _CHUNK):
        painted = [painting.paint(seed, photographs, sprites, is_thin) for seed in seeds[first : first + _CHUNK]]
        part = _features(network, [s.image for s in painted])
        part["maps"] = torch.from_numpy(np.stack([s.maps for s in painted]))
        part["wind"] = torch.from_numpy(np.stack([s.wind for s in painted]))
        parts.append(part)
    return {name: value.numpy() for name, value in _joined(parts).items()}


def make_scenes(seeds, stills=None, pictures=None, processes=1, is_thin=False):
    """Synthetic scenes of the seeds, with features, maps (N, fields, 40, 64) and wind (N, 3).

    stills: folder of backdrops; pictures: folder of hand-masked photographs, for cut-outs; is_thin: see painting.paint.
    """
    seeds, started = list(seeds), time.perf_counter()
    jobs = [(seeds[i::processes], stills, pictures, is_thin) for i in range(processes)]
    if processes == 1:
        parts = [_scene_chunk(job) for job in jobs]
    else:
        with get_context("spawn").Pool(processes) as pool:
            parts = pool.map(_scene_chunk, jobs)
    found = _joined([{name: torch.from_numpy(value) for name, value in part.items()} for part in parts])
    print(f"{len(seeds)} scenes in {time.perf_counter() - started:.0f} s", flush=True)
    return found


def rendered_scenes(folder):
    """Scenes that `onnx_export.rendered.render` wrote into a folder, in the same form."""
    network, parts = backbone.pretrained(), []
    paths = sorted(Path(folder).glob("*.npz"))
    for first in range(0, len(paths), _CHUNK):
        found = [np.load(path) for path in paths[first : first + _CHUNK]]
        part = _features(network, [f["image"] for f in found])
        for name in ("maps", "wind"):
            part[name] = torch.from_numpy(np.stack([f[name] for f in found]).astype(np.float32))
        parts.append(part)
    return _joined(parts)


def make_photographs(folder, stills, seed, held_out, n_still, n_composite):
    """Masked photographs: two sets of features, label and sway (N, 40, 64), see masks.py, kind (N,), see `KINDS`, and
    source (N,), where the hand mask is from, an index of `masks.sources`.

    folder: of the hand-masked pictures; stills: folder of pictures in which nothing moves. The second set is held out
    and holds centre crops of pictures that the first has never seen.
    """
    rng = np.random.default_rng([seed, 11])
    rows, still, sources = masks.labelled_rows(folder), masks.load_pictures(stills), masks.sources()
    known = Counter(row["source"] for _, row in rows)
    drawn = []
    for picture, row in rows:
        kind = _FLOWER if "flower" in row["source"] else _OTHER
        crops = _CROPS[kind] * max(1, (_WELL_KNOWN / known[row["source"]]) ** 0.5)
        from_ = kind, sources.index(row["source"])
        drawn.append((picture, masks.label(row, picture.size), from_, min(_MOST_CROPS, round(crops))))
    order = rng.permutation(len(drawn))
    kept, tested = [drawn[i] for i in order[held_out:]], [drawn[i] for i in order[:held_out]]
    crops = [(*masks.cropped(p, m, rng, True), *from_) for p, m, from_, _ in kept]
    crops += [(*masks.cropped(p, m, rng), *from_) for p, m, from_, count in kept for _ in range(count)]
    crops += [(*crop, _STILL, NO_SOURCE) for crop in masks.still_pictures(still, n_still, rng)]
    by_kind = [[(p, m, from_[1]) for p, m, from_, _ in kept if from_[0] == kind] for kind in (_FLOWER, _OTHER)]
    for masked in by_kind:
        if masked:
            pasted = masks.composites(masked, still, n_composite // 2, rng)
            crops += [(*crop, _COMPOSITE, source) for crop, source in pasted]
    train = photograph_rows(crops)
    test = photograph_rows([(*masks.cropped(p, m, rng, True), *from_) for p, m, from_, _ in tested])
    print(f"{len(crops)} crops of {len(kept)} masked, {len(still)} still pictures; {len(tested)} held out", flush=True)
    return train, test


def make_footage(folder):
    """The filmed pairs of a folder (docs/research/footage.md) in the form of `make_photographs`: what moved is alive.

    Beside that the motion itself, on the flow's grid: volume, reals (N, K, 4, 20, 32) in px of a 256-px frame, and
    trusted (N, 20, 32).

    Raises:
        VolumeError: the folder holds no pairs, or damaged ones, or of other frequencies than the model's.
    """
    crops, volumes, trusted = [], [], []
    for pair in read_pairs(folder):
        known = pair.volume.frequencies
        if len(known) != len(FREQUENCIES) or not np.allclose(known, FREQUENCIES):
            raise VolumeError(f"{folder} has other frequencies than the model: make its pairs with windows of 5 s")
        crops.append((*_filmed(pair), _FILMED, NO_SOURCE))
        h, w = (n // 2 for n in _CELLS)
        found = np.moveaxis(pair.volume.resized(w, h).amplitudes, -1, 1) * np.float32(painting.WIDTH / w)
        volumes.append(to_reals(torch.from_numpy(found)))
        trusted.append(torch.from_numpy(bilinear(pair.confidence, w, h) > _TRUSTED))
    return {**photograph_rows(crops), "volume": torch.stack(volumes), "trusted": torch.stack(trusted)}


def _filmed(pair):
    """(still, label, sway) as masks.cropped gives them; what barely moves or is not trusted is not counted."""
    pair = pair.resized(painting.WIDTH, painting.HEIGHT)
    h, w = _CELLS
    volume, confidence = pair.volume.resized(w, h), bilinear(pair.confidence, w, h)
    px = np.sqrt((np.abs(volume.amplitudes) ** 2).sum((0, -1))) * painting.WIDTH / w
    moves, stands = (confidence > _TRUSTED) & (px > _FILMED_MOVES_PX), (confidence > _TRUSTED) & (px < _FILMED_STILL_PX)
    label = np.where(moves, 1, np.where(stands, 0, -1)).astype(np.int8)
    return pair.still, label, np.where(moves, px, 0).astype(np.float32)


def photograph_rows(crops):
    """Rows of crops (pixels, label, sway, kind, source), the first three as masks.cropped gives them."""
    network = backbone.pretrained()
    images, labels, sways, kinds, sources = zip(*crops, strict=True)
    parts = [_features(network, images[i : i + _CHUNK]) for i in range(0, len(images), _CHUNK)]
    known = {"label": torch.from_numpy(np.stack(labels)), "sway": torch.from_numpy(np.stack(sways))}
    return {**_joined(parts), **known, "kind": torch.tensor(kinds), "source": torch.tensor(sources)}


def scales(maps):
    """s_k: 95th percentile of E_k over moving cells, px of a 256-wide frame; float (K,)."""
    parts = []
    for chunk in maps.split(64):
        parts.append(envelope(chunk).movedim(1, -1)[chunk[:, AMPLITUDE] > 0.1])
    return torch.from_numpy(np.percentile(torch.cat(parts).numpy(), 95, axis=0).astype(np.float32))


def batch(data, index):
    """The rows of `index`, features in single precision, sRGB in 0..1."""
    rows = {name: value[index] for name, value in data.items()}
    rows = {name: value.float() if value.is_floating_point() else value for name, value in rows.items()}
    return rows | {"rgb": rows["rgb"].float() / 255} if "rgb" in rows else rows


def mirrored_features(rows):
    """Left and right exchanged, on all grids (the backbone is nearly equivariant)."""
    return {
        name: value.flip(-1) if name in (*FEATURE_NAMES, "label", "sway") else value for name, value in rows.items()
    }


def load_or_make(path, make):
    """The cache at `path`, or what `make()` returns, kept there for the next run."""
    path = Path(path)
    if path.exists():
        return torch.load(path, weights_only=True, mmap=True)  # processes of one machine share it
    data = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(data, path)
    return data


def load_training(folder):
    """What fitting.train painted and gathered in a folder: {"scenes", "thin", "rendered" if there, "photographs"}.

    Raises:
        ValueError: it holds none, or of a version that did not note the sources.
    """
    data = {}
    for name in ("scenes", "thin", "rendered", "photographs"):
        path = Path(folder) / f"{name}.pt"
        if path.exists():
            data[name] = torch.load(path, weights_only=True, mmap=True)
        elif name != "rendered":
            raise ValueError(f"{path} is not there: train first (python3 build.py train)")
    if "source" not in data["photographs"][0]:
        path = Path(folder) / "photographs.pt"
        raise ValueError(f"{path} is of an older version: remove it and train again")
    return data
