"""Finished volumes of real photos: does the motion follow the picture, its stems, and what the artist asks for?

Everything here runs gid_core's predict whole, as the add-on does. No photo has a true motion; these are laws and
comparisons. stems.json names stems by eye: photo, root, tip, in tenths of width and height.
"""

import json
import time
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from gid_core.model.contract import ENVELOPE_STRIDE
from gid_core.motion import edits, guided
from gid_core.prediction import phases, predict
from gid_core.prediction.encodings import encode
from gid_core.prediction.request import Request

from .bars import Bar, rounded
from .scenes import MOVES_PX
from .seeing import linear, stills
from .statistics import between, interval, mean_of, multiplicities
from .where import border_rings

__all__ = [
    "DIRECTIONS",
    "STEMS",
    "Photo",
    "ask",
    "asked_for",
    "layout",
    "layout_agreement",
    "photos",
    "profile",
    "real_bars",
    "rms_px",
    "score_real",
    "stem_profiles",
]

STEMS = Path(__file__).with_name("stems.json")
DIRECTIONS = ((1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (-1.0, 1.0))  # x right, y down; an axis has no sign
_BINS, _SAMPLES = 5, 6  # along a stem, and in each bin
_FEW_CELLS = 20  # alive in both photos, below which a pair says nothing
_NEAR = 0.1  # of agreement: what two photos may have more in common than two seeds of one photo
_ALIKE = 0.25
_RISES = 0.85  # of the stems
_TURN_DEG = 1.0  # a direction is a request, not a hint: float32 is all that may be lost
_GAINS = (0.0, 0.5, 1.0, 2.0)
_MASKED_PHOTOS, _TIMED = 8, 3


@dataclass(frozen=True, eq=False)
class Photo:
    """A validation still and what predict makes of it; moving: it has cells that may move."""

    name: str
    picture: Image.Image
    moving: bool
    volume: object
    other_seed: object


def ask(model, picture, **wishes):
    """gid_core.prediction.predict's volume of a PIL picture; wishes: fields of predict.Request."""
    return motion_of(model, picture, **wishes).volume()


def motion_of(model, picture, **wishes):
    """gid_core.prediction.predict's Motion of a PIL picture; wishes: fields of predict.Request."""
    return predict.predict(linear(picture), Request(model=str(model.card.folder), **wishes))


def photos(model, folder, seed: int = 0) -> list:
    """Every masked still with its volume of `seed`, and of `seed` + 1 where something may move."""
    found = []
    for still in stills(folder, model.card.input_long_side):
        moving = bool(still.moves.any())
        other = ask(model, still.picture, seed=seed + 1) if moving else None
        found.append(Photo(still.name, still.picture, moving, ask(model, still.picture, seed=seed), other))
    return found


def rms_px(volume) -> np.ndarray:
    """RMS motion (H, W) of a volume, px of its grid; as everywhere here, of all harmonics and both axes."""
    return np.sqrt((np.abs(volume.amplitudes) ** 2).sum((0, 3)))


def layout(volume):
    """(complex (K, h, w, 2), alive (h, w)) at the flow's cells: phases and directions, each harmonic of size 1."""
    step = round(phases.CELL_PX)
    cells = volume.amplitudes[:, step // 2 :: step, step // 2 :: step]
    size = np.sqrt((np.abs(cells) ** 2).sum(-1, keepdims=True))
    return np.where(size > 0, cells / np.maximum(size, 1e-12), 0), np.sqrt((size**2).sum((0, 3))) > MOVES_PX


def layout_agreement(a, b, cells) -> float:
    """Mean over cells of |<a, b>| over harmonics and axes, / K: 1 is the same phases and axes, about .2 is chance.

    a, b: of `layout`; cells: bool (h, w).
    """
    return float(np.abs((a * b.conj()).sum((0, 3)))[cells].mean() / len(a))


def _layouts(found, seed=0):
    """Agreement of phase layouts over pairs of photos of one size, on the cells that are alive in both."""
    moving = [photo for photo in found if photo.moving]
    made = [(layout(photo.volume), layout(photo.other_seed)[0]) for photo in moving]
    pairs, rows = [], []
    for i, j in combinations(range(len(moving)), 2):
        ((a, a_alive), a_other), ((b, b_alive), b_other) = made[i], made[j]
        if a.shape != b.shape or (a_alive & b_alive).sum() < _FEW_CELLS:
            continue
        cells = a_alive & b_alive
        two_seeds = (layout_agreement(a, a_other, cells) + layout_agreement(b, b_other, cells)) / 2
        chance = (layout_agreement(a, b_other, cells) + layout_agreement(a_other, b, cells)) / 2
        pairs.append((i, j))
        rows.append((layout_agreement(a, b, cells), two_seeds, chance))
    if not rows:
        return None
    drawn = multiplicities(len(moving), seed)
    weight = np.stack([drawn[:, i] * drawn[:, j] for i, j in pairs], 1)  # a pair is drawn when both photos are
    values = np.array(rows)
    return {
        "two_photos_one_seed": values[:, 0].mean(),
        "one_photo_two_seeds": values[:, 1].mean(),
        "two_photos_two_seeds": values[:, 2].mean(),
        "excess": (values[:, 0] - values[:, 1]).mean(),
        "excess_interval": between(mean_of(values[:, 0] - values[:, 1], weight)),
        "pairs": len(rows),
    }


def profile(amplitude: np.ndarray, root, tip) -> np.ndarray:
    """Mean motion (5,) in five equal parts of the way from root to tip, as a part of the largest; zeros if all still.

    amplitude: (H, W); root, tip: (x, y) in tenths of width and height.
    """
    t = (np.arange(_BINS * _SAMPLES) + 0.5) / (_BINS * _SAMPLES)
    height, width = amplitude.shape
    x = (root[0] + t * (tip[0] - root[0])) / 10 * width - 0.5
    y = (root[1] + t * (tip[1] - root[1])) / 10 * height - 0.5
    along = np.diagonal(guided.sample(amplitude, y, x))
    parts = along.reshape(_BINS, _SAMPLES).mean(1)
    return parts / parts.max() if parts.max() > 0 else parts


def stem_profiles(found, stems=None) -> dict:
    """Profiles of the stems of stems.json on these photos: by stem, their mean, and the part with root < tip.

    A stem that is all still does not rise; all_still counts those.
    """
    stems = json.loads(STEMS.read_text(encoding="utf-8")) if stems is None else stems
    amplitude = {photo.name: rms_px(photo.volume) for photo in found}
    known = [stem for stem in stems if stem["photo"] in amplitude]
    if not known:
        return {}
    profiles = np.array([profile(amplitude[stem["photo"]], stem["root"], stem["tip"]) for stem in known])
    names = sorted({stem["photo"] for stem in known})
    rises = (profiles[:, 0] < profiles[:, -1]).astype(float)
    inside = np.array([[stem["photo"] == name for stem in known] for name in names], float)  # (photos, stems)
    times = multiplicities(len(names)) @ inside  # a photo's stems are drawn together
    return {
        "stems": len(known),
        "mean_profile": profiles.mean(0),
        "root_below_tip": rises.mean(),
        "root_below_tip_interval": between(mean_of(rises, times)),
        "all_still": int((profiles.max(1) == 0).sum()),
        "root_part_of_tip": float(np.median(profiles[:, 0] / np.maximum(profiles[:, -1], 1e-3))),
        "by_stem": {f"{stem['photo']}, {stem['what']}": p for stem, p in zip(known, profiles, strict=True)},
    }


def _angle_deg(a, b):
    """Angle between two axes in degrees, 0..90; angles in radians, of any shape."""
    return np.degrees(np.abs((a - b + np.pi / 2) % np.pi - np.pi / 2))


def _cell_axes(volume):
    """(angle (H, W) of each texel's main axis, its weight: the squared motion)."""
    x, y = np.moveaxis(volume.amplitudes, -1, 0)
    along = 2 * (x * y.conj()).real.sum(0)
    return np.arctan2(along, (np.abs(x) ** 2 - np.abs(y) ** 2).sum(0)) / 2, rms_px(volume) ** 2


def asked_for(model, found, seed: int = 0, directions=DIRECTIONS) -> dict:
    """What happens to a direction, a mask, an amplitude, an empty mask; angles in degrees, motion in px of the grid.

    direction_deg: between the asked axis and edits.main_axis; direction_spread_deg: of single places, weighed by
    motion. masked_outside_px: largest motion where the mask is 0, a disc in the middle. monotone: part of the photos
    whose motion grows with every step of the amplitude 0, 0.5, 1, 2 and is 0 at 0.
    """
    moving = [photo for photo in found if photo.moving]
    turned, spread = [], []
    for photo in moving:
        motion = motion_of(model, photo.picture, seed=seed)
        for dx, dy in directions:
            volume = edits.apply(motion, edits.Edits(turn=edits.turn_towards(motion, (dx, dy))))
            angle = np.arctan2(dy, dx)
            turned.append(_angle_deg(edits.main_axis(volume), angle))
            axes, weight = _cell_axes(volume)
            spread.append((_angle_deg(axes, angle) * weight).sum() / max(weight.sum(), 1e-12))
    outside, inside, empty, monotone = [], [], [], []
    for photo in moving[:_MASKED_PHOTOS]:
        width, height = photo.picture.size
        y, x = np.mgrid[0:height, 0:width]
        disc = np.hypot((x + 0.5) / width - 0.5, (y + 0.5) / height - 0.5) < 0.3
        motion = motion_of(model, photo.picture, seed=seed)
        volume = edits.apply(motion, edits.Edits(mask=disc.astype(np.float32))).folded()
        rows = (np.arange(volume.height) + 0.5) * height / volume.height
        columns = (np.arange(volume.width) + 0.5) * width / volume.width
        allowed = disc[np.ix_(rows.astype(int), columns.astype(int))]
        outside.append(rms_px(volume)[~allowed].max())
        inside.append(rms_px(volume)[allowed].mean())
        empty.append(rms_px(edits.apply(motion, edits.Edits(mask=np.zeros((height, width)))).folded()).max())
        gains = [rms_px(edits.apply(motion, edits.Edits(amplitude=gain))).mean() for gain in _GAINS]
        monotone.append(gains[0] == 0 and all(a < b for a, b in pairwise(gains)))
    return {
        "direction_deg": np.mean(turned),
        "direction_worst_deg": np.max(turned),
        "direction_spread_deg": np.mean(spread),
        "masked_outside_px": np.max(outside),
        "masked_inside_px": np.mean(inside),
        "empty_mask_px": np.max(empty),
        "monotone": np.mean(monotone),
    }


def _reroll(model, photo):
    """Seconds of another seed of a known photo, of a whole prediction (the fastest of three), and their ratio."""
    known = encode(model, linear(photo.picture))

    def draw(seed):
        return known.motion(predict.imagine(model, known, seed, model.card.steps))

    whole = min(_seconds(lambda seed=s: ask(model, photo.picture, seed=seed)) for s in range(_TIMED))
    reroll = min(_seconds(lambda seed=s: draw(seed)) for s in range(_TIMED))
    return {"reroll_s": reroll, "predict_s": whole, "reroll_ratio": reroll / whole}


def _seconds(run):
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _borders(found):
    """{still_photos | moving_photos: [outermost ring, two cells inside]}, px, means over photos of finished volumes."""
    rings = {"still_photos": [], "moving_photos": []}
    for photo in found:
        amplitude = rms_px(photo.volume)
        height, width = (size // ENVELOPE_STRIDE * ENVELOPE_STRIDE for size in amplitude.shape)
        cells = (
            amplitude[:height, :width]
            .reshape(height // ENVELOPE_STRIDE, ENVELOPE_STRIDE, width // ENVELOPE_STRIDE, ENVELOPE_STRIDE)
            .mean((1, 3))
        )
        rings["moving_photos" if photo.moving else "still_photos"].append(border_rings(cells))
    return {kind: np.mean(found, 0) for kind, found in rings.items() if found}


def score_real(model, folder) -> dict:
    """Figures of finished volumes of the photos in DIR/img that have a mask."""
    found = photos(model, folder)
    moving = [photo for photo in found if photo.moving]
    still = {photo.name: float(rms_px(photo.volume).mean()) for photo in found if not photo.moving}
    figures = {"stems": stem_profiles(found), "borders_px": _borders(found)}
    if still:
        figures["still_photos_px"] = {"mean": np.mean(list(still.values())), "interval": interval(list(still.values()))}
        figures["still_photos_px"]["worst"] = max(still, key=still.get)
    if moving:
        figures["layout"] = _layouts(found)
        figures["asked"] = asked_for(model, found)
        figures["reroll"] = _reroll(model, moving[0])
    return rounded(figures)


def real_bars(figures) -> list:
    """The bars on finished volumes. figures: of `score_real`."""
    bars = []
    if figures.get("layout"):
        found = figures["layout"]
        bars.append(
            Bar("phase layout, two photos over two seeds", found["excess"], "<=", _NEAR, found["excess_interval"])
        )
        bars.append(Bar("phase layout, two photos at one seed", found["two_photos_one_seed"], "<=", _ALIKE))
    if figures.get("stems"):
        found = figures["stems"]
        span = found["root_below_tip_interval"]
        bars.append(Bar("roots that move less than tips", found["root_below_tip"], ">=", _RISES, span))
    if figures.get("asked"):
        asked = figures["asked"]
        bars += [
            Bar("asked direction, worst error in degrees", asked["direction_worst_deg"], "<=", _TURN_DEG),
            Bar("px outside a mask", asked["masked_outside_px"], "<=", 0),
            Bar("px under an empty mask", asked["empty_mask_px"], "<=", 0),
            Bar("amplitude is monotone, part of photos", asked["monotone"], ">=", 1),
        ]
    if figures.get("still_photos_px"):
        found = figures["still_photos_px"]
        bars.append(Bar("px on still photos, as run", found["mean"], "<=", 0.05, found["interval"], found["worst"]))
    return bars
