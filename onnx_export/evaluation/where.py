"""Where it moves: hand-masked stills in DIR/img and DIR/mask, per photo and pooled, beside what a model must beat.

Photos are the unit of chance: every interval resamples whole photos. A pooled figure is a sum over photos of counts
(or, for the pooled AUC, over pairs of photos), so 1,000 resamplings cost a matrix product.
"""

from dataclasses import dataclass

import numpy as np

from gid_core.prediction import outline

from ..photographs import split
from . import baselines
from .bars import Bar, rounded, table_lines
from .seeing import answer, stills
from .statistics import area_under_curve, between, interval, mean_of, multiplicities

__all__ = [
    "FIGURES",
    "Tally",
    "best_threshold",
    "border_rings",
    "collect",
    "score_stills",
    "still_bars",
    "street_bars",
    "summary",
    "where_lines",
]

FIGURES = ("mean_auc", "pooled_auc", "mean_iou", "pooled_iou", "false_alive", "false_alive_still_photos", "recall")
_THRESHOLDS = 64  # quantiles tried for a guess that has no threshold of its own
_OWN_THRESHOLD = {"alive": outline.ALIVE, "against": outline.ALIVE, "probe": 0.5}
_BORDER_FLOOR_PX = 0.01  # added to both rings: two rings that are all but still are equal
_BORDER_RATIO = 1.25


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts of one score over n photos. Every method takes multiplicities (draws, n) and answers (draws,).

    pairs: (n, n), pairs of a moving cell of photo i and a still cell of photo j that are in the right order, ties half.
    moving, still: (n,) cells; hit, false: (n,) cells called alive that may, that must not move.
    """

    pairs: np.ndarray
    moving: np.ndarray
    still: np.ndarray
    hit: np.ndarray
    false: np.ndarray

    @classmethod
    def of(cls, scores, truths, threshold):
        """scores, truths: a flat array a photo; threshold: a score above it is called alive."""
        moving = [np.asarray(s, np.float64)[t] for s, t in zip(scores, truths, strict=True)]
        still = [np.sort(np.asarray(s, np.float64)[~t]) for s, t in zip(scores, truths, strict=True)]
        pairs = np.array([[_in_order(m, s) for s in still] for m in moving])
        count = [np.array([len(x) for x in part], float) for part in (moving, still)]
        called = [np.array([(x > threshold).sum() for x in part], float) for part in (moving, still)]
        return cls(pairs, *count, *called)

    @classmethod
    def of_stills(cls, fields, seen, threshold):
        """fields: a score of each cell of each seeing.Still of `seen`."""
        scores = [field[still.counted] for field, still in zip(fields, seen, strict=True)]
        return cls.of(scores, [still.moves[still.counted] for still in seen], threshold)

    def plain(self) -> dict:
        """{figure: its value} of FIGURES, every photo counted once."""
        return {key: float(value[0]) for key, value in self.figures(np.ones((1, len(self.moving)))).items()}

    def auc(self):
        """AUC (n,) of each photo; NaN where it has one class only."""
        return _ratio(np.diag(self.pairs), self.moving * self.still)

    def iou(self):
        """IoU (n,) of each photo that may move; NaN where nothing may."""
        return np.where(self.moving > 0, _ratio(self.hit, self.moving + self.false), np.nan)

    def mean_auc(self, times):
        return mean_of(self.auc(), times)

    def pooled_auc(self, times):
        in_order = np.einsum("di,ij,dj->d", times, self.pairs, times, optimize=True)
        return _ratio(in_order, (times @ self.moving) * (times @ self.still))

    def mean_iou(self, times):
        """Over photos with both classes: a photo without still cells cannot be overrun."""
        return mean_of(np.where(self.still > 0, self.iou(), np.nan), times)

    def pooled_iou(self, times):
        return _ratio(times @ self.hit, times @ (self.moving + self.false))

    def false_alive(self, times):
        """Part of all must-be-still cells that is called alive."""
        return _ratio(times @ self.false, times @ self.still)

    def false_alive_still_photos(self, times):
        """The same as a mean over the photos in which nothing may move."""
        part = _ratio(self.false, self.still)
        return mean_of(np.where(self.moving == 0, part, np.nan), times)

    def recall(self, times):
        return mean_of(_ratio(self.hit, self.moving), times)

    def figures(self, times):
        """{name: (draws,)} of FIGURES."""
        return {name: getattr(self, name)(times) for name in FIGURES}


def _in_order(moving, still):
    return (np.searchsorted(still, moving, "left") + np.searchsorted(still, moving, "right")).sum() / 2


def _ratio(a, b):
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(a, float) / b


def best_threshold(scores, truths) -> float:
    """The threshold of the best pooled IoU: a favour done to a guess, which a model does not get."""
    score, truth = np.concatenate(scores), np.concatenate(truths)
    tried = np.unique(np.quantile(score, np.linspace(0, 1, _THRESHOLDS)))
    return float(max(tried, key=lambda t: (truth & (score > t)).sum() / max((truth | (score > t)).sum(), 1)))


def border_rings(amplitude: np.ndarray):
    """(mean amplitude in the outermost ring of cells, mean in the ring two cells inside it) of (rows, columns)."""
    distance = np.minimum.outer(*(np.minimum(np.arange(n), np.arange(n)[::-1]) for n in amplitude.shape))
    return float(amplitude[distance == 0].mean()), float(amplitude[distance == min(2, distance.max())].mean())


def collect(model, folder, probe=None, against=None):
    """(rows, scores, truths): a figure row a photo, and by score name the counted cells of each photo.

    probe: baselines.Probe or None; against: another model or None.
    """
    rows, scores, truths = {}, {}, []
    for still in stills(folder, model.card.input_long_side):
        alive, amplitude = answer(model, still.picture)
        fields = {"alive": alive, "amplitude": amplitude}
        fields.update(baselines.guesses(still.rgb), prior=baselines.of_prior(still))
        if probe is not None:
            fields["probe"] = probe(still.rgb)
        if against is not None:
            fields["against"] = baselines.of_other_model(against, still)
        truth = still.moves[still.counted]
        for name, field in fields.items():
            scores.setdefault(name, []).append(field[still.counted])
        truths.append(truth)
        rows[still.name] = _row(scores, truth, fields["amplitude"][: still.cells[0], : still.cells[1]])
    if not rows:
        raise SystemExit(f"{folder} holds no img/NAME.jpg with a mask/NAME.png")
    return rows, scores, truths


def _row(scores, truth, amplitude):
    alive, px = scores["alive"][-1], scores["amplitude"][-1]
    called = alive > outline.ALIVE
    border, inside = border_rings(amplitude)
    row = {"auc": area_under_curve(alive, truth), "border_px": border, "inside_px": inside}
    if truth.any():
        row["iou"] = (called & truth).sum() / (called | truth).sum()
        row["recall"], row["moving_px"] = called[truth].mean(), px[truth].mean()
    if not truth.all():
        row["false_alive"], row["still_px"] = called[~truth].mean(), px[~truth].mean()
    row.update((f"auc_{name}", area_under_curve(scores[name][-1], truth)) for name in baselines.GUESSES)
    return {name: float(value) for name, value in row.items() if np.isfinite(value)}


def summary(rows, scores, truths, seed: int = 0) -> dict:
    """Figures of all photos: the model's own, `table` by score, `intervals`, `lead` over each score, `by_picture`.

    lead: {score: {figure: [difference, low, high]}}, alive minus the score, both resampled alike.
    """
    times = multiplicities(len(truths), seed)
    tallies = {}
    for name in scores:
        threshold = _OWN_THRESHOLD.get(name) or best_threshold(scores[name], truths)
        tallies[name] = Tally.of(scores[name], truths, threshold)
    figure = {name: tally.plain() for name, tally in tallies.items()}
    drawn = {name: tally.figures(times) for name, tally in tallies.items()}
    model = figure["alive"]
    found = {name: model[name] for name in FIGURES}
    found["false_alive_on_still_pictures"] = model["false_alive_still_photos"]
    quiet = {name: row["still_px"] for name, row in rows.items() if "recall" not in row}
    found["px_on_still_pictures"] = np.mean(list(quiet.values())) if quiet else float("nan")
    for name in scores:
        if name != "alive":
            found[f"mean_auc_{name}"] = figure[name]["mean_auc"]
        found[f"pooled_auc_{name}"] = figure[name]["pooled_auc"]
    found["table"] = figure
    found["intervals"] = {key: between(drawn["alive"][key]) for key in FIGURES}
    found["lead"] = {
        name: {key: [model[key] - figure[name][key], *between(drawn["alive"][key] - drawn[name][key])] for key in model}
        for name in scores
        if name not in ("alive", "amplitude")
    }
    found["by_picture"] = rounded(rows, 3)
    return rounded(found)


def score_stills(model, folder, probe=None, against=None) -> dict:
    """Figures of all masked stills in a folder, pooled and by picture."""
    return summary(*collect(model, folder, probe, against))


def still_bars(rows, figures) -> list:
    """The bars on the stills. figures: of `summary`. Kinds and names of photos come from split.json."""
    spans, listed = figures["intervals"], split.load()
    kinds = {row["name"]: row["kind"] for row in listed["validation"]}
    auc = {name: row["auc"] for name, row in rows.items() if "auc" in row}
    moving = {name: row for name, row in rows.items() if "recall" in row}
    static = {name: row for name, row in rows.items() if "recall" not in row}
    plants = {name: row for name, row in moving.items() if kinds.get(name, "plant") == "plant"}
    bars = [
        Bar("mean AUC", figures["mean_auc"], ">=", 0.985, spans["mean_auc"]),
        Bar("pooled AUC", figures["pooled_auc"], ">=", 0.997, spans["pooled_auc"]),
        Bar("pooled IoU", figures["pooled_iou"], ">=", 0.93, spans["pooled_iou"]),
        Bar("false alive, all still cells", figures["false_alive"], "<=", 0.03, spans["false_alive"]),
    ]
    if auc:
        worst = min(auc, key=auc.get)
        bars.insert(2, Bar("lowest AUC of a photo", auc[worst], ">=", 0.88, None, worst))
    others = [auc[name] for name in split.elsewhere(listed) if name in auc]
    if others:
        bars.insert(1, Bar("mean AUC, photos of other sources", np.mean(others), ">=", 0.965, interval(others)))
    for what, names in listed["named"].items():
        bars += [Bar(f"recall, {what}: {name}", moving[name]["recall"], ">=", 0.7) for name in names if name in moving]
    if static:
        part, px = ({n: r[key] for n, r in static.items()} for key in ("false_alive", "still_px"))
        worst, loudest = max(part, key=part.get), max(px, key=px.get)
        mean = figures["false_alive_still_photos"]
        bars += [
            Bar("false alive, mean of still photos", mean, "<=", 0.04, spans["false_alive_still_photos"]),
            Bar("false alive, worst still photo", part[worst], "<=", 0.05, None, worst),
            Bar("px on still photos", np.mean(list(px.values())), "<=", 0.05, interval(list(px.values())), loudest),
            _border("border, still photos", static),
        ]
    if static and plants:
        still = [row["still_px"] for row in static.values()]
        sway = [row["moving_px"] for row in plants.values()]
        span = interval(still, sway, figure=_over, paired=False)
        bars.append(Bar("px on still photos / px of plants", np.mean(still) / np.mean(sway), "<=", 0.1, span))
    if plants:
        bars.append(_border("border, plants", plants))
    return bars


def _border(name, rows):
    """Motion of the outermost ring against the ring two cells inside, over all photos of a group."""
    outer, inner = (
        np.array([row[key] for row in rows.values()]) + _BORDER_FLOOR_PX for key in ("border_px", "inside_px")
    )
    worst = max(rows, key=lambda name: rows[name]["border_px"] - rows[name]["inside_px"])
    return Bar(name, _over(outer, inner), "<=", _BORDER_RATIO, interval(outer, inner, figure=_over), worst)


def _over(a, b, axis=-1):
    """The mean of a over that of b."""
    return np.mean(a, axis) / np.mean(b, axis)


def street_bars(rows, figures) -> list:
    """The bars on trees beside houses: no photo may be lost. figures: of `summary`."""
    auc = {name: row["auc"] for name, row in rows.items() if "auc" in row}
    worst = min(auc, key=auc.get)
    return [
        Bar("street, mean AUC", figures["mean_auc"], ">=", 0.88, figures["intervals"]["mean_auc"]),
        Bar("street, lowest AUC of a photo", auc[worst], ">=", 0.7, None, worst),
    ]


def where_lines(figures) -> list:
    """The table of models and guesses, then one line a photo."""
    lead = figures["lead"]
    rows = []
    for name, row in figures["table"].items():
        ahead = "{:+.3f} ({:+.3f} .. {:+.3f})".format(*lead[name]["pooled_auc"]) if name in lead else ""
        rows.append([name, *(_three(row[key]) for key in FIGURES), ahead])
    spans = ["{:.3f}..{:.3f}".format(*(np.nan if x is None else x for x in figures["intervals"][k])) for k in FIGURES]
    rows.insert(1, ["  95 % interval", *spans, ""])
    lines = table_lines(["score", *FIGURES, "alive ahead, pooled AUC"], rows)
    keys = ("auc", "iou", "recall", "false_alive", "still_px", "moving_px", "border_px", "inside_px")
    photos = [[name, *(_three(row.get(key)) for key in keys)] for name, row in figures["by_picture"].items()]
    return [*lines, "", *table_lines(["photo", *keys], photos)]


def _three(value):
    return "" if value is None else f"{value:.3f}"
