"""How far a photo's motion goes beside films that begin with it: published loops, and real ones with a still camera.

A prediction of the first frame is set against what is tracked in the film, RMS over time, px of the 256-px frame; what
has no texture cannot be tracked and does not count. Films are the unit of chance. No loop is rendered, so it is cheap;
loops.py measures the rendered ones.
"""

import sys
from pathlib import Path

import numpy as np

from gid_core.motion import guided
from gid_core.prediction.encodings import encode

from . import films
from .bars import Bar, rounded, table_lines
from .loops import spectrum, textured, tracked
from .seeing import linear
from .statistics import interval

__all__ = ["compared", "score_strength", "strength_bars", "strength_lines", "summed"]

# What a film shows, by the beginning of its name, in the folders of docs/research/loops.md; the rest are plants.
_KINDS = {"candle": "flame", "cat": "animal", "cloth": "hanging", "glove": "hanging", "latern": "hanging"}
_MOST = 0.1  # of the pixels that can be tracked: where the film moves most
_NOT_OURS = "animal"  # nothing in the training is one
_NEAR, _FAR = 1.3, 3.0  # times the films' motion: the median, and any


def compared(ours: np.ndarray, theirs: np.ndarray, known: np.ndarray) -> dict:
    """One film: px, px_film, RMS over what is known; ratio of the two; there: that of means where the film moves most.

    ours, theirs: (H, W), RMS motion in px; known: bool (H, W).
    """
    mine, film = ours[known], theirs[known]
    most = film >= np.quantile(film, 1 - _MOST)
    px, px_film = (float(np.sqrt((x**2).mean())) for x in (mine, film))
    ratios = px / max(px_film, 1e-6), float(mine[most].mean() / max(film[most].mean(), 1e-6))
    return {"px": px, "px_film": px_film, "ratio": ratios[0], "there": ratios[1]}


def _row(model, path):
    film = films.read(path)
    clip = films.as_clip(film)
    power, confidence = spectrum(tracked(clip))
    height, width = clip.frames.shape[1:3]
    # E is the RMS of complex amplitudes, whose real part swings by 1 / sqrt 2 of it.
    found = np.sqrt((encode(model, linear(film.still)).envelope ** 2).sum(0) / 2)
    scale = max(width / found.shape[1], height / found.shape[0])  # the middle of the picture, as clips.fitted takes it
    at = (
        (np.arange(n) + 0.5 - n / 2) / scale + own / 2 - 0.5
        for n, own in zip((height, width), found.shape, strict=True)
    )
    known = (confidence > 0) & textured(clip.frames[0])
    if not known.any():
        return None
    return compared(guided.sample(found, *at) * scale, np.sqrt(power.sum((0, 3))), known)


def score_strength(model, folders) -> dict:
    """Figures of the films of some folders, each told as {name of the folder: ...} of `summed`."""
    found = {}
    for folder in folders:
        rows = {}
        for path in films.film_files(folder):
            row = _row(model, path)
            print(f"{path.name}: {'nothing to track' if row is None else 'measured'}", file=sys.stderr, flush=True)
            if row is not None:
                kind = next((kind for start, kind in _KINDS.items() if path.name.startswith(start)), "plant")
                rows[path.stem] = {"kind": kind, **row}
        if rows:
            found[Path(folder).name] = summed(rows)
    return rounded(found, 3)


def summed(rows: dict) -> dict:
    """{"kinds": {kind: its films, median ratio and `there` with intervals}, "all": the same, "by_film": rows}."""
    kinds = sorted({row["kind"] for row in rows.values()})
    groups = {kind: [row for row in rows.values() if row["kind"] == kind] for kind in kinds}
    return {"all": _medians(list(rows.values())), "kinds": {k: _medians(g) for k, g in groups.items()}, "by_film": rows}


def _medians(rows):
    found = {"films": len(rows)}
    for key in ("ratio", "there"):
        values = np.array([row[key] for row in rows])
        found |= {key: np.median(values), f"{key}_interval": interval(values, figure=np.median)}
    return found


def strength_lines(figures) -> list:
    """A table of kinds, then of films, a folder."""
    lines = []
    for folder, found in figures.items():
        rows = [
            [f"{folder}, {name}", str(row["films"]), *(_with_interval(row, key) for key in ("ratio", "there"))]
            for name, row in {"all": found["all"], **found["kinds"]}.items()
        ]
        lines += [*table_lines(["median", "films", "times the film", "where that moves most"], rows), ""]
        keys = ("kind", "px", "px_film", "ratio", "there")
        lines += [*table_lines(["film", *keys], [[n, *(r[k] for k in keys)] for n, r in found["by_film"].items()]), ""]
    return lines


def _with_interval(row, key):
    low, high = row[f"{key}_interval"]
    return f"{row[key]:.2f} ({low:.2f} .. {high:.2f})"


def strength_bars(figures) -> list:
    """The median film within 1.3 times of the film's motion, and none but animals beyond 3 times or under a third."""
    bars = []
    for folder, found in figures.items():
        ratios = {name: row["ratio"] for name, row in found["by_film"].items() if row["kind"] != _NOT_OURS}
        worst = max(ratios, key=lambda name: abs(np.log(max(ratios[name], 1e-3))))
        median, span = found["all"]["ratio"], found["all"]["ratio_interval"]
        bars += [
            Bar(f"{folder}: median film, times as far", median, "<=", _NEAR, span),
            Bar(f"{folder}: median film, not less", median, ">=", round(1 / _NEAR, 3), span),
            Bar(f"{folder}: farthest from a film", _times(ratios[worst]), "<=", _FAR, None, worst),
        ]
    return bars


def _times(ratio):
    return max(ratio, 1 / max(ratio, 1e-3))
