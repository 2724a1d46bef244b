"""What a learned `alive` must beat: guesses that know nothing, a linear probe, the physics prior, another model.

Each gives a score per cell (H/4, W/4) of a Still; higher means that it may move.
"""

import numpy as np
import torch

from gid_core.model.contract import ENVELOPE_STRIDE
from gid_core.motion import guided
from gid_core.prediction import prior

from ..networks import backbone
from ..photographs import masks
from .seeing import answer, seen

__all__ = ["GUESSES", "Probe", "fit_probe", "guesses", "logistic", "of_other_model", "of_prior"]

GUESSES = ("centre", "saturation", "greenness", "texture")
_PROBE_CELLS = 160  # of each picture, at random: 433 pictures make 60,000 rows
_PROBE_STEPS = 12  # Newton; converged after some 8
_PROBE_PENALTY = 1e-3  # on standardised weights, a row's mean loss


def guesses(rgb: np.ndarray) -> dict:
    """Closeness to the centre, saturation, greenness, and texture: the deviation of grey over 12 x 12 px.

    rgb: float32 (1, 3, H, W), as `seeing.seen` gives it.
    """
    blocks = rgb[0].reshape(
        3, rgb.shape[2] // ENVELOPE_STRIDE, ENVELOPE_STRIDE, rgb.shape[3] // ENVELOPE_STRIDE, ENVELOPE_STRIDE
    )
    cells = blocks.mean((2, 4))
    y, x = (np.linspace(-1, 1, n) for n in cells.shape[1:])
    grey = blocks.mean(0)
    power = guided.box_mean((grey**2).mean((1, 3)), 1) - guided.box_mean(grey.mean((1, 3)), 1) ** 2
    return {
        "centre": -np.hypot(y[:, None], x[None]),
        "saturation": cells.max(0) - cells.min(0),
        "greenness": cells[1] - (cells[0] + cells[2]) / 2,
        "texture": np.sqrt(np.maximum(power, 0)),
    }


def of_prior(still) -> np.ndarray:
    """RMS motion of gid_core.prediction.prior, px of a 256-px frame, as a mean over each cell."""
    width, height = still.size
    picture = np.ascontiguousarray(still.rgb[0, :, :height, :width].transpose(1, 2, 0))
    rms = np.sqrt((prior.guess(picture).envelope ** 2).sum(0))
    rows, columns = still.counted.shape
    rms = np.pad(rms, ((0, rows * ENVELOPE_STRIDE - height), (0, columns * ENVELOPE_STRIDE - width)), mode="edge")
    return rms.reshape(rows, ENVELOPE_STRIDE, columns, ENVELOPE_STRIDE).mean((1, 3))


def of_other_model(model, still) -> np.ndarray:
    """`alive` of another model on this still's cells, read bilinearly where that model looks at another size."""
    _, size = seen(still.picture, model.card.input_long_side)
    alive = answer(model, still.picture)[0]
    if alive.shape == still.counted.shape and size == still.size:
        return alive
    rows, columns = (
        (np.arange(n) + 0.5) * other / own - 0.5
        for n, own, other in zip(still.counted.shape, still.size[::-1], size[::-1], strict=True)
    )
    return guided.sample(alive, rows, columns)


class Probe:
    """Logistic regression on the frozen backbone's features of one cell: weights (C + 1,), mean and deviation (C,)."""

    def __init__(self, network, weights, mean, deviation):
        self._network, self._weights, self._mean, self._deviation = network, weights, mean, deviation

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Probability (H/4, W/4) that a cell may move, for rgb float32 (1, 3, H, W)."""
        features = (_features(self._network, rgb) - self._mean) / self._deviation
        return 1 / (1 + np.exp(-(features @ self._weights[:-1] + self._weights[-1])))


def fit_probe(pictures, rows=None, seed: int = 0, frozen=None):
    """A Probe fitted on the hand masks whose pictures are in the folder `pictures`; None when there are none.

    rows: of masks.json to fit on (one fold's complement, say); None for all. frozen: a backbone.Backbone; None for the
    shipped one.
    Only the centre crop of each picture, 160 cells of it; a picture counts as one, however many cells it labels.
    """
    found = [(picture, masks.label(row, picture.size)) for picture, row in masks.labelled_rows(pictures, rows)]
    network, rng = frozen or backbone.pretrained(), np.random.default_rng([seed, 7])
    inputs, truth, weight = [], [], []
    for picture, label in found:
        pixels, cells, _ = masks.cropped(picture, label, rng, True)
        known = np.flatnonzero(cells >= 0)
        if not len(known):
            continue
        known = rng.permutation(known)[:_PROBE_CELLS]
        rgb = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32) / 255
        inputs.append(_features(network, rgb).reshape(cells.size, -1)[known])
        truth.append(cells.ravel()[known])
        weight.append(np.full(len(known), 1 / len(known)))
    if not inputs:
        return None
    inputs, truth, weight = np.concatenate(inputs), np.concatenate(truth).astype(float), np.concatenate(weight)
    mean, deviation = inputs.mean(0), inputs.std(0) + 1e-6
    weights = logistic((inputs - mean) / deviation, truth, weight / weight.sum())
    return Probe(network, weights, mean, deviation)


def logistic(inputs: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights (C + 1,), the last a constant, of an L2-penalised logistic regression by Newton's method.

    inputs: (n, C), standardised; truth: (n,) of 0 and 1; weight: (n,), sums to 1.
    Source: Bishop, Pattern Recognition and Machine Learning (2006), sec. 4.3.3, iterative reweighted least squares.
    """
    inputs = np.concatenate([inputs, np.ones((len(inputs), 1))], 1).astype(np.float64)
    penalty = np.full(inputs.shape[1], _PROBE_PENALTY)
    penalty[-1] = 0
    weights = np.zeros(inputs.shape[1])
    for _ in range(_PROBE_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        slope = inputs.T @ (weight * (chance - truth)) + penalty * weights
        curvature = (inputs * (weight * chance * (1 - chance))[:, None]).T @ inputs + np.diag(penalty + 1e-9)
        weights -= np.linalg.solve(curvature, slope)
    return weights


def _features(network, rgb):
    """float32 (H/4, W/4, C): the features of every stride at each cell, coarse ones repeated."""
    with torch.no_grad():
        found = network(torch.from_numpy(rgb))
    height, width = rgb.shape[2] // ENVELOPE_STRIDE, rgb.shape[3] // ENVELOPE_STRIDE
    parts = [torch.nn.functional.interpolate(f.float(), size=(height, width), mode="nearest") for f in found]
    return torch.cat(parts, 1)[0].permute(1, 2, 0).numpy()
