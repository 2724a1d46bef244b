"""Our loops beside reference films of the same stills: one tracker on the frames of both, so that its bias cancels.

The spectrum is the RMS motion of each harmonic of 0.2 Hz over what moves in a film, as a part of that film's whole,
averaged over films. Frequencies between two harmonics, of films that do not last 5 s, count for both.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from gid_core.files.clips import Clip
from gid_core.footage.spectrum import fit_volume
from gid_core.footage.tracks import Tracks, track
from gid_core.model import session
from gid_core.motion.guided import box_mean

from ..footage.optical_flow import estimate
from . import films, side_by_side, video
from .bars import Bar, rounded, table_lines
from .real import ask
from .statistics import interval

__all__ = [
    "HARMONICS_HZ",
    "Measured",
    "backwards",
    "collect",
    "loop_bars",
    "loop_figures",
    "loop_lines",
    "measure",
    "of_film",
    "spectrum",
    "textured",
    "tracked",
    "write_chart",
]

HARMONICS_HZ = np.arange(1, 17) * 0.2
JUDGED = 15  # 0.2 to 3 Hz; a K = 16 that counts the mean ends there
WITHIN, MEDIAN_WITHIN = 0.3, 0.15
_GRADIENT, _NEAR_PX = 3.0, 3  # grey levels a px, as clips.py; within 7 x 7 px
MOVES_PX = 0.15  # RMS, px of the 256-px crop: below, the tracker's own noise and that of compression decide
# RMS of 818 real clips of plants, k = 1..15 of 149 frames at 30 fps, all pixels: research/paper.md sec. 8.
REAL_CLIPS = (13.72, 8.80, 7.26, 5.94, 5.33, 5.20, 4.94, 4.59, 4.52, 3.87, 3.49, 3.28, 2.89, 2.45, 2.32)


@dataclass(frozen=True, eq=False)
class Measured:
    """What is kept of a film.

    features: {kind: (n, d)}; shares: (16,), each harmonic's part of the power of what moves, NaN when nothing does;
    motion: (H, W), RMS px of the crop, 0 where nothing can be tracked; sharpness: of the mean frame, of the
    still's.
    """

    name: str
    features: dict
    shares: np.ndarray
    motion: np.ndarray
    sharpness: float


def spectrum(tracks: Tracks):
    """(mean square motion of each harmonic of 0.2 Hz (16, H, W, 2), confidence (H, W)) of tracks."""
    seconds = tracks.seconds
    duration = (seconds[-1] - seconds[0]) * len(seconds) / (len(seconds) - 1)
    fit = fit_volume(tracks, round(HARMONICS_HZ[-1] * duration))
    place = np.maximum(fit.volume.frequencies, HARMONICS_HZ[0])[None] / HARMONICS_HZ[0]
    share = np.maximum(0, 1 - np.abs(place - np.arange(1, 17)[:, None]))  # (16, harmonics of the film)
    power = np.abs(fit.volume.amplitudes) ** 2 / 2
    return np.tensordot(share, power, 1), fit.confidence


def tracked(clip: Clip) -> Tracks:
    """`track`, but a frame that repeats the one before it is not tracked again."""
    new = np.r_[True, (clip.frames[1:] != clip.frames[:-1]).any((1, 2, 3))]
    if new.sum() == 1:
        new[1] = True  # even of a film that never moves, one frame is tracked
    few = track(Clip(clip.frames[new], clip.times[new], 0, clip.source), estimate)
    index = np.cumsum(new) - 1
    return Tracks(few.displacement[index], few.trusted[index], clip.times, 0)


def textured(still: np.ndarray) -> np.ndarray:
    """Where a picture uint8 (H, W, 3) has something to track: bool (H, W).

    A dark wall has none; there the noise of compression would pass for motion. Our film and the reference share the
    still, so the same pixels count in both.
    """
    slopes = np.gradient(still.mean(-1))
    return np.sqrt(box_mean(slopes[0] ** 2 + slopes[1] ** 2, _NEAR_PX)) > _GRADIENT


def _sharpness(frames):
    """Mean square of the discrete Laplacian over all frames, as a part of the first frame's."""
    grey = frames.mean(-1, dtype=np.float32)
    edges = 4 * grey[:, 1:-1, 1:-1] - grey[:, :-2, 1:-1] - grey[:, 2:, 1:-1] - grey[:, 1:-1, :-2] - grey[:, 1:-1, 2:]
    energy = (edges**2).mean((1, 2))
    return float(energy.mean() / max(energy[0], 1e-9))


def backwards(clip: Clip, tracks: Tracks):
    """(clip, tracks) of a loop run backwards from the same still: the same frames, so nothing is tracked again."""
    order = -np.arange(len(clip.frames)) % len(clip.frames)
    turned = Tracks(tracks.displacement[order], tracks.trusted[order], tracks.times, 0)
    return Clip(clip.frames[order], clip.times, 0, clip.source), turned


def measure(clip: Clip, tracks: Tracks) -> Measured:
    """Everything that is compared of one film."""
    power, confidence = spectrum(tracks)
    confidence = confidence * textured(clip.frames[0])
    motion = np.sqrt(power.sum((0, 3))) * (confidence > 0)
    moving = motion > MOVES_PX
    energy = power[:, moving].sum((1, 2))
    seen = video.frame_features(clip)
    features = {
        "frames": seen,
        "change": seen - seen[0],
        "motion": video.motion_features(tracks),
        "spectrum": video.spectrum_features(power, confidence),
    }
    shares = energy / energy.sum() if moving.any() else np.full(len(power), np.nan)
    return Measured(clip.source, features, shares, motion, _sharpness(clip.frames))


def of_film(path, model_folder, seed: int = 0, sheets=None) -> dict:
    """{row: Measured} of one reference film and what is made of its still; sheets: folder for a sheet of the two."""
    model = session.load_model(model_folder)
    reference = films.read(path)
    clip = films.as_clip(reference)
    flow = films.rendered(reference, ask(model, reference.still, seed=seed))
    procedural = films.rendered(reference, films.procedural_volume(model, reference.still, seed))
    row = {
        "reference": clip,
        "still": Clip(np.repeat(clip.frames[:1], len(clip.frames), 0), clip.times, 0, clip.source),
        "procedural": films.as_clip(procedural),
        "flow": films.as_clip(flow),
        "flow, H.264": films.as_clip(films.recoded(flow)),
    }
    found = {}
    for name, one in row.items():
        tracks = tracked(one)
        found[name] = measure(one, tracks)
        if name == "reference":
            found["reference, backwards"] = measure(*backwards(one, tracks))
    if sheets is not None:
        pair = [(row[name].frames, found[name].motion, found[name].shares) for name in ("reference", "flow")]
        side_by_side.sheet(*pair).save(Path(sheets) / f"{reference.name}.png")
    return found


def collect(model, folder, seed: int = 0, workers: int = 1, sheets=None) -> dict:
    """{row: [Measured, ...]} of a folder of films, the same films in every list."""
    if sheets is not None:
        Path(sheets).mkdir(parents=True, exist_ok=True)
    jobs = films.film_files(folder)
    settings = zip(*((path, str(model.card.folder), seed, sheets) for path in jobs), strict=True)
    rows = {}
    with ExitStack() as stack:
        apply = map
        if workers > 1:
            # Spawned: a forked copy of a process in which torch has run can hang.
            pool = ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (1,))
            apply = stack.enter_context(pool).map
        for path, found in zip(jobs, apply(of_film, *settings), strict=True):
            print(f"{path.name}: measured", file=sys.stderr, flush=True)
            for name, one in found.items():
                rows.setdefault(name, []).append(one)
    return rows


def _rms(judged, axis=-1):
    """Normalised RMS (JUDGED, ...) of films along an axis. judged: parts of a film's power, (JUDGED, ..., n)."""
    return np.sqrt(np.mean(judged, axis))


def _ratio(ours, theirs, axis=-1):
    return _rms(ours, axis) / _rms(theirs, axis)


def _within(ours, theirs, axis=-1):
    """Part of the harmonics whose ratio is near 1."""
    return (np.abs(_ratio(ours, theirs, axis) - 1) <= WITHIN).mean(0)


def _spectra(rows, name):
    """The comparison of one row's spectrum with the reference's, over the films that move in both."""
    ours, theirs = (np.stack([one.shares for one in rows[key]]) for key in (name, "reference"))
    known = np.isfinite(ours[:, 0]) & np.isfinite(theirs[:, 0])
    if not known.any():
        return None
    ours, theirs = (x[known, :JUDGED].T / x[known, :JUDGED].sum(1) for x in (ours, theirs))  # (JUDGED, films)
    return {
        "films": int(known.sum()),
        "rms": _rms(ours),
        "reference": _rms(theirs),
        "ratio": _ratio(ours, theirs),
        "ratio_interval": interval(ours, theirs, figure=_ratio),
        "within": _within(ours, theirs),
        "within_interval": interval(ours, theirs, figure=_within),
    }


def _pair(ours, theirs):
    """One film of ours against the reference of the same still."""
    moved = [np.sqrt((one.motion**2).mean()) for one in (ours, theirs)]
    flat = [one.motion.ravel() for one in (ours, theirs)]
    together = np.corrcoef(*flat)[0, 1] if min(x.std() for x in flat) > 0 else float("nan")
    hz = [
        float((one.shares[:JUDGED] * HARMONICS_HZ[:JUDGED]).sum() / one.shares[:JUDGED].sum()) for one in (ours, theirs)
    ]
    mine, reference = (np.sqrt(one.shares[:JUDGED] / one.shares[:JUDGED].sum()) for one in (ours, theirs))
    row = {
        "px": moved[0],
        "px_reference": moved[1],
        "px_ratio": moved[0] / max(moved[1], 1e-6),
        "where": together,
        "hz": hz[0],
        "hz_reference": hz[1],
        "spectrum_error": np.abs(mine - reference).sum() / reference.sum(),
        "sharpness": ours.sharpness,
        "sharpness_reference": theirs.sharpness,
    }
    row["apart"] = abs(np.log(max(row["px_ratio"], 1e-3))) + 1 - np.nan_to_num(together) + row["spectrum_error"]
    return row


def loop_figures(rows: dict) -> dict:
    """Spectra of every row that moves, and each film of "flow" against the reference; worst: by `apart`."""
    names = [name for name in rows if name not in ("reference", "reference, backwards")]
    spectra = {name: found for name in names if (found := _spectra(rows, name)) is not None}
    pairs = {ours.name: _pair(ours, theirs) for ours, theirs in zip(rows["flow"], rows["reference"], strict=True)}
    worst = sorted(pairs, key=lambda name: -np.nan_to_num(pairs[name]["apart"], nan=np.inf))
    return rounded({"spectra": spectra, "pairs": pairs, "worst": worst[:3]}, 3)


def loop_bars(figures) -> list:
    """Every harmonic of the flow lies within 30 % of the reference films', and of the mean of real films of plants; the
    median one within 15 % of the reference's.
    """
    found = figures["spectra"].get("flow")
    if not found:
        return []
    ratios = np.asarray(found["ratio"]), np.asarray(found["rms"]) / _real_spectrum()
    worst = (int(np.argmax(np.abs(np.log(ratio)))) for ratio in ratios)
    notes = [f"worst: {HARMONICS_HZ[k]:.1f} Hz, x {ratio[k]:.2f}" for k, ratio in zip(worst, ratios, strict=True)]
    real = (np.abs(ratios[1] - 1) <= WITHIN).mean()
    return [
        Bar("harmonics within 30 % of the reference", found["within"], ">=", 1, found["within_interval"], notes[0]),
        Bar("harmonics within 30 % of real plants", real, ">=", 1, None, notes[1]),
        Bar("how far the median harmonic is off the reference", np.median(np.abs(ratios[0] - 1)), "<=", MEDIAN_WITHIN),
    ]


def _real_spectrum():
    return np.array(REAL_CLIPS) / np.sqrt(np.square(REAL_CLIPS).sum())


def loop_lines(figures) -> list:
    """The spectra by harmonic, then one line a film."""
    spectra = figures["spectra"]
    table = []
    real = _real_spectrum()
    flow = spectra.get("flow")
    for k in range(JUDGED if flow else 0):
        cells = [f"{HARMONICS_HZ[k]:.1f}", f"{flow['reference'][k]:.3f}", f"{real[k]:.3f}"]
        for found in spectra.values():
            mark = "" if abs(found["ratio"][k] - 1) <= WITHIN else "!"
            cells.append(f"{found['rms'][k]:.3f} x{found['ratio'][k]:.2f}{mark}")
        low, high = flow["ratio_interval"][k]
        table.append([*cells, f"{low:.2f} .. {high:.2f}"])
    lines = table_lines(["Hz", "reference", "real plants", *spectra, "flow, 95 %"], table)
    for name, found in spectra.items():
        lines.append(f"{name}: {found['within']:.0%} of the harmonics within 30 %, {found['films']} films that move")
    keys = next(iter(figures["pairs"].values())).keys()
    rows = [[name, *("" if x is None else f"{x:.2f}" for x in row.values())] for name, row in figures["pairs"].items()]
    worst = f"farthest apart by these figures: {', '.join(figures['worst'])}"
    return [*lines, "", *table_lines(["film", *keys], rows), worst]


def write_chart(figures: dict, path) -> None:
    """The spectra as a picture without any photo in it."""
    found = figures["spectra"].get("flow")
    if found:
        names = [name for name in ("procedural", "flow") if name in figures["spectra"]]
        drawn = {name: figures["spectra"][name]["rms"] for name in names}
        side_by_side.spectrum_chart(found["reference"], drawn, HARMONICS_HZ, WITHIN).save(path)
