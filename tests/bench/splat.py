"""How fast the splat is: against torch's index_add_ on one and two threads and against np.bincount, in one run.

  python tests/bench/splat.py

Every contender does the same work, displacement to numerator and denominator of a three-channel picture with weights,
and gives the same sums; each keeps its weighted colours, and renders a few frames in a row, as a loop does. The turns
are interleaved, so that a busy machine slows all of them; medians are compared.
"""

import importlib
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
TURNS = 9
FRAMES = {(512, 288): 8, (1920, 1080): 2}  # picture -> frames a turn
TARGETS = {
    "torch index_add_, 1 thread": {(512, 288): 1.5, (1920, 1080): 1.5},
    "torch index_add_, 2 threads": {(512, 288): 1.5, (1920, 1080): 1.5},
    "np.bincount": {(512, 288): 2.0, (1920, 1080): 3.0},
}
AGREEMENT = 2e-3  # of the largest sum: the other two round each position, 1e-4 px at 1920, to float32


def main():
    sys.path.insert(0, str(ROOT))
    splat = importlib.import_module("gid_core.frames.splat")
    print(f"numpy {np.__version__}, torch {torch.__version__}")
    missed = 0
    for size, frames in FRAMES.items():
        image, displacement, weight = scene(*size)
        splatter = splat.Splatter(image, weight)
        contenders = {
            "ours": lambda s=splatter, d=displacement: s(d),
            "torch index_add_, 1 thread": index_add(image, displacement, weight, 1),
            "torch index_add_, 2 threads": index_add(image, displacement, weight, 2),
            "np.bincount": bincount(image, displacement, weight),
        }
        seconds = interleaved(contenders, frames)
        for name, median in seconds.items():
            ratio = median / seconds["ours"]
            target = TARGETS.get(name, {}).get(size)
            verdict = "" if target is None else f"   target {target}: {'held' if ratio >= target else 'MISSED'}"
            missed += target is not None and ratio < target
            print(f"{size[0]} x {size[1]}  {name:28} {median * 1e3:8.1f} ms   ratio {ratio:5.2f}{verdict}")
    return 1 if missed else 0


def scene(width, height):
    """A random picture: bars that sway by 8 px (at 512) before a wall that hardly moves, weights over all of r."""
    rng = np.random.default_rng(0)
    scale = np.float32(width / 512)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / scale
    sway = np.stack([np.sin(x / 40) * np.cos(y / 60), np.cos(x / 55 + 1) * np.sin(y / 35) / 2], -1) * (8 * scale)
    sway[x // 64 % 2 == 1] *= 0.1
    weight = np.exp(np.float32(12) * (rng.random((height, width), np.float32) - np.float32(0.5)))
    return rng.random((height, width, 3), np.float32), sway, weight


def interleaved(contenders, frames):
    """Median seconds of each; all must agree."""
    numerator, denominator = contenders["ours"]()
    for name, work in contenders.items():
        found = work()
        for ours, theirs in zip((numerator, denominator), found, strict=True):
            if np.abs(ours - theirs).max() > AGREEMENT * np.abs(ours).max():
                raise AssertionError(f"{name} gives other sums")
    times = {name: [] for name in contenders}
    for _ in range(TURNS):
        for name, work in contenders.items():
            for _ in range(frames):
                begin = time.perf_counter()
                work()
                times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(found) for name, found in times.items()}


def index_add(image, displacement, weight, threads):
    """The natural torch form: four index_add_ of (H W, C + 1) rows into a padded grid."""
    height, width, channels = image.shape
    colour = torch.from_numpy(image)
    share = torch.from_numpy(weight)[..., None]
    rows = torch.cat([colour * share, share], -1).reshape(-1, channels + 1)  # as ours, kept between frames
    field = torch.from_numpy(displacement)
    columns, lines = torch.arange(width, dtype=torch.float32), torch.arange(height, dtype=torch.float32)[:, None]
    padded = width + 2

    def work():
        torch.set_num_threads(threads)
        x, y = field[..., 0] + columns, field[..., 1] + lines
        left, above = x.floor(), y.floor()
        inside = (left >= -1) & (left < width) & (above >= -1) & (above < height)
        a, b = (x - left).reshape(-1, 1), (y - above).reshape(-1, 1)
        cell = torch.where(inside, (above.long() + 1) * padded + left.long() + 1, (height + 2) * padded).reshape(-1)
        sums = torch.zeros((height + 3) * padded + 2, channels + 1)
        for shift, tent in ((0, (1 - a) * (1 - b)), (1, a * (1 - b)), (padded, (1 - a) * b), (padded + 1, a * b)):
            sums[shift:].index_add_(0, cell, rows * tent)
        grid = sums[: (height + 2) * padded].reshape(height + 2, padded, channels + 1)[1:-1, 1:-1].numpy()
        return grid[..., :channels], grid[..., channels]

    return work


def bincount(image, displacement, weight):
    """The natural numpy form: one bincount a corner and channel."""
    height, width, channels = image.shape
    planes = np.concatenate([np.moveaxis(image * weight[..., None], -1, 0), weight[None]])
    columns, lines = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    padded = width + 2
    n_cells = (height + 2) * padded

    def work():
        x, y = displacement[..., 0] + columns, displacement[..., 1] + lines
        left, above = np.floor(x), np.floor(y)
        inside = (left >= -1) & (left < width) & (above >= -1) & (above < height)
        a, b = x - left, y - above
        cell = np.where(inside, (above.astype(np.intp) + 1) * padded + left.astype(np.intp) + 1, n_cells).ravel()
        sums = np.zeros((channels + 1, n_cells + padded + 2))
        for shift, tent in ((0, (1 - a) * (1 - b)), (1, a * (1 - b)), (padded, (1 - a) * b), (padded + 1, a * b)):
            for plane, total in zip(planes, sums, strict=True):
                found = np.bincount(cell, (plane * tent).ravel())
                total[shift : shift + len(found)] += found
        grid = sums[:, :n_cells].reshape(channels + 1, height + 2, padded)[:, 1:-1, 1:-1].astype(np.float32)
        return np.moveaxis(grid[:channels], 0, -1), grid[channels]

    return work


if __name__ == "__main__":
    sys.exit(main())
