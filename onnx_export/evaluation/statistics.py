"""Ranks and resampling: area under the curve, rank correlation, bootstrap intervals. Knows nothing of pictures.

A bootstrap here is a matrix of multiplicities (draws, n): how often each of n photos or scenes is in each draw. Every
figure is a function of such a matrix, so the figure itself (all ones) and its interval come from one formula, and the
difference of two models is paired: both are resampled alike.
"""

import numpy as np

__all__ = ["N_DRAWS", "area_under_curve", "between", "interval", "mean_of", "multiplicities", "rank_correlation"]

N_DRAWS = 1000
_TAILS = (2.5, 97.5)  # percent: a 95 % interval


def area_under_curve(score, truth) -> float:
    """Probability that a moving cell scores above a still one; ties count half. NaN without both classes."""
    truth = np.asarray(truth, bool)
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return float("nan")
    rank = _ranks(score)
    return float((rank[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def _ranks(values):
    """1-based ranks of a flat array, ties share their mean."""
    _, index, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[index]


def rank_correlation(a, b) -> float:
    """Spearman's rank correlation of two flat arrays; NaN when one of them is constant or shorter than 3.

    Source: Spearman 1904; Pearson's correlation of the ranks, which holds with ties too.
    """
    if len(a) < 3:
        return float("nan")
    a, b = (_ranks(np.ravel(x)) for x in (a, b))
    a, b = a - a.mean(), b - b.mean()
    spread = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / spread) if spread > 0 else float("nan")


def multiplicities(count: int, seed: int = 0, draws: int = N_DRAWS) -> np.ndarray:
    """int (draws, count): how often each of `count` items is drawn when `count` are drawn with replacement."""
    rng = np.random.default_rng([seed, count])
    return rng.multinomial(count, np.full(count, 1 / count), size=draws)


def mean_of(values, times) -> np.ndarray:
    """Means (draws,) of values (n,), each counted `times` (draws, n); NaN values are left out."""
    values, times = np.asarray(values, float), np.asarray(times)
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return times[:, known] @ values[known] / times[:, known].sum(1)


def between(samples) -> list:
    """The 95 % interval [low, high] of resampled figures (draws,); NaN draws are left out, [NaN, NaN] without any."""
    samples = np.asarray(samples, float)
    samples = samples[np.isfinite(samples)]
    return [float(x) for x in np.percentile(samples, _TAILS)] if len(samples) else [float("nan")] * 2


def interval(values, seed: int = 0) -> list:
    """The 95 % bootstrap interval [low, high] of the mean of values (n,)."""
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    return between(mean_of(values, multiplicities(len(values), seed))) if len(values) else [float("nan")] * 2
