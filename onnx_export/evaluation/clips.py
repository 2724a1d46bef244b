"""Real footage: does `alive` of the first frame find what moves later? Needs a still camera, and `av` to read.

Labels by brightness constancy: d = temporal RMS / gradient RMS per 4 x 4 cell, px of a 256-px frame. Above .35 px a
cell moves, below .15 it stands; the rest, and cells with too little texture, are not counted. A noisy second opinion:
flicker counts as motion, a thing that did not move this time as still. Never for training.

The ratio is the motion that explains the change of brightness (Lucas, Kanade 1981).
"""

from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from gid_core.files.clips import VIDEO_ENDINGS, decoded
from gid_core.model.contract import ENVELOPE_STRIDE

from .bars import rounded
from .baselines import GUESSES, guesses
from .seeing import answer, seen
from .statistics import area_under_curve, interval

__all__ = ["MISSING", "frames", "labels", "score_clips"]

MISSING = "clips: left out, reading video needs the package av"
_MOVES_PX, _STANDS_PX = 0.35, 0.15
_GRADIENT = 3.0  # grey levels (0..255) a px
_LONGEST = 150  # frames of a clip: five seconds


def frames(path, long_side: int = 256):
    """(first frame as a PIL picture, grey levels float32 (T, H, W) in 0..255 at a long side of `long_side`)."""
    first, grey = None, []
    for _, picture in islice(decoded(path), _LONGEST):
        first = picture if first is None else first
        scale = long_side / max(picture.size)
        size = tuple(max(1, round(s * scale)) for s in picture.size)
        grey.append(np.asarray(picture.convert("L").resize(size, Image.LANCZOS), np.float32))
    return first, np.stack(grey)


def labels(grey: np.ndarray):
    """(moves, stands), bool (H // 4, W // 4), of a clip (T, H, W) in grey levels."""
    mean = grey.mean(0, dtype=np.float64)
    change = ((grey - mean) ** 2).mean(0)
    slope_y, slope_x = np.gradient(mean)
    height, width = (size // ENVELOPE_STRIDE for size in mean.shape)

    def cells(squares):
        squares = squares[: height * ENVELOPE_STRIDE, : width * ENVELOPE_STRIDE].reshape(
            height, ENVELOPE_STRIDE, width, ENVELOPE_STRIDE
        )
        return np.sqrt(squares.mean((1, 3)))

    gradient = cells(slope_x**2 + slope_y**2)
    moved = cells(change) / np.maximum(gradient, 1e-6)
    known = gradient > _GRADIENT
    return known & (moved > _MOVES_PX), known & (moved < _STANDS_PX)


def score_clips(model, folder) -> dict:
    """AUC of alive, amplitude and the guesses on each clip of a folder, their mean, and that of all cells pooled."""
    by_clip, scores, truths = {}, {}, []
    for path in sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in VIDEO_ENDINGS):
        first, grey = frames(path, model.card.input_long_side)
        moves, stands = labels(grey)
        rgb, _ = seen(first, model.card.input_long_side)
        alive, amplitude = answer(model, first)
        fields = {"alive": alive, "amplitude": amplitude, **guesses(rgb)}
        counted = moves | stands
        truth = moves[counted]
        truths.append(truth)
        row = {"moving_cells": int(moves.sum()), "still_cells": int(stands.sum())}
        for name, field in fields.items():
            score = field[: moves.shape[0], : moves.shape[1]][counted]
            scores.setdefault(name, []).append(score)
            row[f"auc_{name}"] = area_under_curve(score, truth)
        by_clip[path.stem] = row
    if not by_clip:
        return {}
    names = ("alive", "amplitude", *GUESSES)
    figures = {"clips": len(by_clip)}
    for name in names:
        values = [row[f"auc_{name}"] for row in by_clip.values()]
        known = [value for value in values if np.isfinite(value)]
        figures[f"mean_auc_{name}"] = np.mean(known) if known else float("nan")
        figures[f"pooled_auc_{name}"] = area_under_curve(np.concatenate(scores[name]), np.concatenate(truths))
    figures["mean_auc_interval"] = interval([row["auc_alive"] for row in by_clip.values()])
    figures["by_clip"] = by_clip
    return rounded(figures, 3)
