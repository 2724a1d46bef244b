"""Edges and thin things: painted scenes of 1,024 px, where it is known to four pixels what moves and how far.

A prediction is compared on the scene's own cells, beside what it was before there was a closer look: the first look's
envelope, brought to the photo's edges by a guided filter. Within a scene both are scaled by one number, for the
absolute strength is the artist's. Scenes are the unit of chance.
"""

import cv2
import numpy as np

from gid_core.files.colour import decode_srgb
from gid_core.model.contract import ENVELOPE_STRIDE
from gid_core.motion import guided
from gid_core.prediction import stages
from gid_core.prediction.encodings import encode

from ..scenes import painting
from .bars import Bar
from .paired import paired, paired_lines
from .scenes import MOVES_PX, field
from .statistics import rank_correlation

__all__ = ["FIGURES", "compared", "edge_bars", "edge_lines", "score_edges"]

DETAIL = 4  # times 256 px
FIGURES = ("boundary_f", "error", "leak", "beyond", "thin_found", "order")
_NEAR = 3  # cells of 4 px from a silhouette
_TOLERANCE = 2  # cells by which a found border may be off
_THIN = 7  # cells: what a square of so many does not fit into
_LEAST_PART = 0.004  # of a scene that moves
_FOUND = 0.25  # of the true motion, from which a thin place is found
_STILL_PX = 0.05
_FEW = 50  # cells
_THIRD = 4 / 3


def compared(found: np.ndarray, true: np.ndarray) -> dict:
    """FIGURES of a motion (h, w), px RMS, beside the true one; what a scene does not show is NaN.

    boundary_f: F-measure of the border of what moves, within 8 px; error: mean difference within 12 px of a silhouette,
    leak: motion of what must stand there, beyond: farther off, all three as parts of the mean true motion; thin_found:
    part of thin places that move; order: rank correlation of the amplitudes of what moves.
    """
    moves = true > MOVES_PX
    scale = np.median((found[moves] + _STILL_PX) / (true[moves] + _STILL_PX))
    level, mean = found / max(scale, _STILL_PX), true[moves].mean()
    distance = np.where(moves, _distance(moves), _distance(~moves))
    near, stands = distance <= _NEAR, ~moves & (true < _STILL_PX)
    thin = moves & (_opened(moves, _THIN) == 0)
    return {
        "boundary_f": _f_measure(_border(level > MOVES_PX), _border(moves)),
        "error": np.abs(level - true)[near].mean() / mean,
        "leak": _mean(level[near & stands]) / mean,
        "beyond": _mean(level[~near & stands]) / mean,
        "thin_found": (found[thin] > _FOUND * true[thin]).mean() if thin.sum() >= _FEW else np.nan,
        "order": rank_correlation(found[moves], true[moves]),
    }


def _mean(values):
    return values.mean() if values.size else np.nan


def _distance(inside):
    """Cells from each place that is inside to the nearest one that is not: Borgefors 1986, by OpenCV."""
    return cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)


def _opened(flags, side):
    return cv2.morphologyEx(flags.astype(np.uint8), cv2.MORPH_OPEN, np.ones((side, side), np.uint8))


def _border(flags):
    return flags & (cv2.erode(flags.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE) == 0)


def _f_measure(found, true):
    if not found.any() or not true.any():
        return 0.0
    precision, recall = (_distance(~other)[one] <= _TOLERANCE for one, other in ((found, true), (true, found)))
    both = precision.mean() + recall.mean()
    return 2 * precision.mean() * recall.mean() / both if both else 0.0


def _guided(model, photo):
    """RMS motion at the grid of the first look alone, as it was before the closer one."""
    sight, picture = stages.see(photo, model.card.input_long_side), stages.at_grid(photo)
    coarse = stages.coarse_envelope(model.card, model.encode(sight.rgb))
    rows, columns = (
        guided.centres(size, target, seen / ENVELOPE_STRIDE)
        for size, target, seen in zip(coarse.shape[1:], picture.shape[:2], sight.size, strict=True)
    )
    shown = sight.rgb[0].transpose(1, 2, 0).reshape(coarse.shape[1], ENVELOPE_STRIDE, coarse.shape[2], -1, 3)
    return _rms(guided.filtered(coarse, shown.mean((1, 3)), picture, rows, columns))


def _rms(envelope):
    return np.sqrt((envelope**2).sum(0))


def _rows(model, count, first):
    """{score: [FIGURES a scene]} of the scenes in which something moves, a third of them thin ones."""
    rows = {"prediction": [], "guided filter": []}
    for number in range(count):
        scene = painting.paint(first + number, is_thin=number % 3 == 2, detail=DETAIL)
        true = field(scene.maps, "amplitude")
        if (true > MOVES_PX).mean() < _LEAST_PART:
            continue
        photo = decode_srgb(scene.image.astype(np.float32) / 255).astype(np.float32)
        for name, found in (
            ("prediction", _rms(encode(model, photo).envelope)),
            ("guided filter", _guided(model, photo)),
        ):
            at = (guided.centres(n, target) for n, target in zip(found.shape, true.shape, strict=True))
            rows[name].append(compared(guided.sample(found, *at), true))
    return rows


def score_edges(model, count: int = 36, first: int = painting.HELD_OUT_SEED) -> dict:
    """Means of FIGURES by score, `intervals` of the prediction's, and `lead`: prediction less guided filter, paired."""
    return paired(_rows(model, count, first), FIGURES)


def edge_lines(figures) -> list:
    """A table of the scores."""
    return paired_lines(figures, ("prediction", "guided filter"), FIGURES)


def edge_bars(figures) -> list:
    """A third better than the guided filter at borders, and thin things found."""
    ours, theirs, spans = figures["prediction"], figures["guided filter"], figures["intervals"]
    return [
        Bar("boundary F-measure / guided filter's", ours["boundary_f"] / theirs["boundary_f"], ">=", _THIRD),
        Bar("error at silhouettes / guided filter's", ours["error"] / theirs["error"], "<=", 1 / _THIRD),
        Bar("thin places found", ours["thin_found"], ">=", 0.8, spans["thin_found"]),
    ]
