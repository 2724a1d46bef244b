"""How much and which: held-out synthetic scenes, whose motion is known, scored scene by scene.

Scenes are the unit of chance. The absolute strength is the artist's slider, so what counts is the order of amplitudes
within a scene: a rank correlation over its moving cells.
"""

import numpy as np
import torch

from ..scenes import motion, painting
from ..scenes.painting import HELD_OUT_SEED
from .bars import Bar, rounded
from .seeing import amplitude_px, scene_rgb
from .statistics import area_under_curve, interval, rank_correlation

__all__ = ["HELD_OUT_SEED", "MOVES_PX", "field", "held_out", "scene_bars", "scene_rows", "score_scenes"]

MOVES_PX = 0.2  # px of a 256-px frame, RMS
_NEAR_PX = 0.1  # a flow cell that moves at all
_LOG_FLOOR_PX = 0.05  # added before a logarithm: the bar of stillness
_FEW = 20  # cells, below which a scene has no order of amplitudes


def held_out(count: int, first: int = HELD_OUT_SEED, detail: int = 1):
    """`count` held-out scenes from the seed `first` on, as painting.Scene; settings are chosen on other seeds."""
    for seed in range(first, first + count):
        yield painting.paint(seed, detail=detail)


def field(maps, name: str):
    """One field (h, w) of maps (fields, h, w), by its name in motion.FIELDS: layouts may grow."""
    return maps[motion.FIELDS.index(name)]


def scene_rows(model, count: int, first: int = HELD_OUT_SEED) -> list:
    """A row of figures a held-out scene; scenes in which nothing moves have no amplitude, spectrum or order.

    alive, moves: flat cells, for the pooled AUC; guessed, known: log(px + 0.05) of the moving cells.
    """
    scales = np.asarray(model.card.scales, np.float32)[:, None, None]
    rows = []
    for scene in held_out(count, first):
        found = model.encode(scene_rgb(scene))
        maps = torch.from_numpy(scene.maps)[None]
        amplitude = field(scene.maps, "amplitude")
        moves = amplitude > MOVES_PX
        row = {"alive": found["alive"][0, 0].ravel(), "moves": moves.ravel()}
        if moves.any():
            guess = amplitude_px(model, found)[moves]
            row["guessed"], row["known"] = (np.log(x + _LOG_FLOOR_PX) for x in (guess, amplitude[moves]))
            if moves.sum() >= _FEW:
                row["order"] = rank_correlation(guess, amplitude[moves])
            spectrum = (scales * found["envelope"][0] ** 2)[:, moves]
            true = motion.envelope(maps)[0].numpy()[:, moves]
            power = (spectrum**2).sum(0) * (true**2).sum(0)
            row["cosine"] = (spectrum * true).sum(0) / np.sqrt(power + 1e-12)
        row.update(_neighbours(maps, found["affinity"][0]))
        rows.append(row)
    return rows


def _neighbours(maps, affinity):
    """Horizontal and vertical neighbours that move at all: is the affinity high where the object is the same?"""
    cells = motion.coarse(maps)
    near = (field(cells[0], "amplitude") > _NEAR_PX).numpy()
    truth = motion.affinity_truth(cells)[0].numpy()
    ends, parts = (slice(None, -1), slice(1, None)), []
    for index, (one, two) in enumerate((tuple((..., end) for end in ends), ends)):
        busy = near[one] & near[two]
        parts.append((truth[index][one][busy] > 0.5, affinity[index][one][busy]))
    return {
        "same": np.concatenate([t for t, _ in parts]),
        "grouped": np.concatenate([g for _, g in parts]),
        "same_right": parts[0][0],
        "grouped_right": parts[0][1],
    }


def score_scenes(model, count: int = 24, first: int = HELD_OUT_SEED) -> dict:
    """Where, how much, which frequencies and which cells belong together, on held-out scenes; `intervals` over scenes.

    log_amplitude_error: mean |log guess - log truth| over moving cells; of_a_constant: of the best single number. In
    `_within` both lose each scene's mean first. order: Spearman's correlation of amplitudes over the moving cells of a
    scene, a mean over scenes. auc_same_object: of right neighbours, as always; _both: of lower ones too.
    """
    rows = scene_rows(model, count, first)
    moving = [row for row in rows if "known" in row]

    def pooled(name, chosen=rows):
        return np.concatenate([row[name] for row in chosen])

    guessed, known = pooled("guessed", moving), pooled("known", moving)
    centred = [(row["guessed"] - row["guessed"].mean(), row["known"] - row["known"].mean()) for row in moving]
    order = [row.get("order", np.nan) for row in moving]
    within = [np.abs(g - k).mean() for g, k in centred]
    constant = [np.abs(k).mean() for _, k in centred]
    cosine = [row["cosine"].mean() for row in moving]
    return rounded(
        {
            "auc_alive": area_under_curve(pooled("alive"), pooled("moves")),
            "order": np.nanmean(order),
            "log_amplitude_error": np.abs(guessed - known).mean(),
            "log_amplitude_error_of_a_constant": np.abs(known - np.median(known)).mean(),
            "log_amplitude_error_within": np.mean(within),
            "log_amplitude_error_within_of_a_constant": np.mean(constant),
            "spectrum_cosine": pooled("cosine", moving).mean(),
            "auc_same_object": area_under_curve(pooled("grouped_right"), pooled("same_right")),
            "auc_same_object_both": area_under_curve(pooled("grouped"), pooled("same")),
            "intervals": {
                "order": interval(order),
                "log_amplitude_error_within": interval(within),
                "constant_minus_error_within": interval(np.subtract(constant, within)),
                "spectrum_cosine": interval(cosine),
            },
        }
    )


def scene_bars(figures) -> list:
    """The bars on scenes. figures: of `score_scenes`."""
    spans = figures["intervals"]
    gain = figures["log_amplitude_error_within_of_a_constant"] - figures["log_amplitude_error_within"]
    return [
        Bar("order of amplitudes in a scene", figures["order"], ">=", 0.7, spans["order"]),
        Bar("log error within a scene, constant minus model", gain, ">=", 0, spans["constant_minus_error_within"]),
    ]
