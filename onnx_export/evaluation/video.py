"""Frame and motion features of films, and how far ours lie from the reference's. None of them is FID or FVD.

frames    EfficientNet-Lite2 (ImageNet) at stride 16, the mean over the frame: what is in the picture.
change    the same, less that of the film's first frame: what moving did to the picture.
motion    16 frames of a 64 x 64 px tile: speed by direction, shares of speeds, distance from the still. Optical flow.
spectrum  RMS of x and of y in eight bands of frequency in such a tile, logarithmic. Optical flow.

The networks behind FID and FVD (Inception, I3D) are not to be had offline, so no figure here compares with a
published one; the rows of one table compare with each other.
"""

from functools import cache

import numpy as np
import torch

from gid_core.files.clips import Clip
from gid_core.footage.tracks import Tracks

from ..networks import backbone
from .bars import rounded, table_lines
from .distances import compare

__all__ = ["FEATURES", "frame_features", "motion_features", "spectrum_features", "video_figures", "video_lines"]

FEATURES = ("frames", "change", "motion", "spectrum")
WINDOW = 16  # frames of a motion window, as in the paper's FVD
_N_FRAMES = 16  # of a film, evenly
_TILE = 64  # px
_STEP_S = 0.1  # speeds are taken over three frames: over one, the tracker's error is as large as a slow sway
_SPEEDS = (1.0, 2.0, 4.0, 8.0, 16.0)  # px a second
_DIRECTIONS = 8
_SLOW, _NEAR = 0.2, 0.1  # px a second and px: what the tracker cannot tell from rest
_BANDS = 8
_DRAWS = 300  # of photos; a Frechet distance of 120 features takes 6 ms


@cache
def _network():
    return backbone.pretrained()


def frame_features(clip: Clip) -> np.ndarray:
    """float64 (16, 120) of frames spread over a clip, the first among them; sides of its pictures: multiples of 32."""
    chosen = np.arange(_N_FRAMES) * len(clip.frames) // _N_FRAMES
    found = {}  # a frame that is there again need not be seen again
    with torch.no_grad():
        for index in chosen:
            key = clip.frames[index].tobytes()
            if key not in found:
                rgb = torch.from_numpy(clip.frames[index].transpose(2, 0, 1)[None].copy()).float() / 255
                found[key] = _network()(rgb)[-1].mean((2, 3))[0].double().numpy()
    return np.stack([found[clip.frames[index].tobytes()] for index in chosen])


def _tiles(field):
    """(..., H, W) -> (..., tiles, px of a tile); what does not fill a tile is left out."""
    height, width = (size // _TILE for size in field.shape[-2:])
    field = field[..., : height * _TILE, : width * _TILE]
    field = field.reshape(*field.shape[:-2], height, _TILE, width, _TILE).swapaxes(-3, -2)
    return field.reshape(*field.shape[:-4], height * width, _TILE * _TILE)


def motion_features(tracks: Tracks) -> np.ndarray:
    """float64 (windows x tiles, 14): log speed by direction (8), shares of speeds (5), log distance from the still."""
    seconds = tracks.seconds
    step = max(1, round(_STEP_S * (len(seconds) - 1) / (seconds[-1] - seconds[0])))
    where = tracks.displacement
    rows = []
    for start in range(0, len(seconds) - WINDOW + 1, WINDOW):
        ahead = np.arange(start + step, min(start + WINDOW, len(seconds)))
        span = (seconds[ahead] - seconds[ahead - step])[:, None, None, None]
        velocity = (where[ahead] - where[ahead - step]) / span
        sure = _tiles(tracks.trusted[ahead] & tracks.trusted[ahead - step])  # (t, tiles, px)
        speed = _tiles(np.hypot(velocity[..., 0], velocity[..., 1]))
        angle = np.arctan2(_tiles(velocity[..., 1]), _tiles(velocity[..., 0]))
        sector = np.floor(angle / (2 * np.pi) * _DIRECTIONS + 0.5).astype(int) % _DIRECTIONS
        away = _tiles((where[ahead] ** 2).sum(-1))
        count = np.maximum(sure.sum((0, 2)), 1)  # (tiles,)

        def mean(values, sure=sure, count=count):
            return (values * sure).sum((0, 2)) / count

        by_direction = [np.log1p(mean(speed * (sector == i)) / _SLOW) for i in range(_DIRECTIONS)]
        shares = [mean(speed > limit) for limit in _SPEEDS]
        rows.append(np.stack([*by_direction, *shares, np.log1p(np.sqrt(mean(away)) / _NEAR)], -1))
    return np.concatenate(rows).astype(np.float64)


def spectrum_features(power: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """float64 (tiles, 16): log10 RMS of x and y in eight bands.

    Args:
        power: (K, H, W, 2), mean square motion of each harmonic, px^2.
        confidence: (H, W), 0 where the tracks are not to be believed.
    """
    bands = np.stack([part.sum(0) for part in np.array_split(power, _BANDS)])  # (8, H, W, 2)
    sure = _tiles(confidence > 0)
    energy = (_tiles(np.moveaxis(bands, -1, 1)) * sure).sum(-1) / np.maximum(sure.sum(-1), 1)  # (8, 2, tiles)
    return np.log10(np.sqrt(energy) + _NEAR / 4).reshape(-1, energy.shape[-1]).T.astype(np.float64)


def video_figures(rows: dict, reference: dict) -> dict:
    """Distances of every row in every kind of feature.

    Args:
        rows: {row: {kind of feature: [features (n, d) of a film]}}; reference: the same of one row.
    nearer_than_flow: the part of the draws of photos in which the row lies nearer to the reference than "flow" does.
    """
    figures = {}
    for kind in FEATURES:
        found = compare({name: row[kind] for name, row in rows.items()}, reference[kind], _DRAWS)
        flow = found.get("flow")
        for name, one in found.items():
            entry = {
                "frechet": one.frechet,
                "frechet_interval": one.frechet_interval,
                "kernel": one.kernel,
                "kernel_interval": one.kernel_interval,
            }
            if flow is not None and name != "flow":
                entry["nearer_than_flow"] = [
                    np.mean(one.frechet_draws < flow.frechet_draws),
                    np.mean(one.kernel_draws < flow.kernel_draws),
                ]
            figures.setdefault(kind, {})[name] = entry
    return rounded(figures, 3)


def video_lines(figures) -> list:
    """One table a kind of feature."""
    lines = []
    for kind, rows in figures.items():
        table = []
        for name, row in rows.items():
            cells = []
            for distance in ("frechet", "kernel"):
                low, high = row[distance + "_interval"]
                cells.append(f"{row[distance]:.3f} ({low:.3f} .. {high:.3f})")
            table.append([name, *cells, *(f"{x:.2f}" for x in row.get("nearer_than_flow", ()))])
            table[-1] += [""] * (5 - len(table[-1]))
        lines += [*table_lines([kind, "Frechet", "kernel", "nearer, F", "nearer, k"], table), ""]
    return lines
