"""Ranks and resampling: area under the curve, rank correlation, bootstrap intervals. Knows nothing of pictures.

Ranks and intervals are scipy's. What it cannot draw is a matrix of multiplicities (draws, n) here, how often each of n
photos is in each draw: figures of all cells of the drawn photos, of pairs of photos and of the stems on them, of which
a sum over photos is known and their single values are not worth keeping. The figure itself (all ones) and its interval
come from one formula then, and the difference of two models is paired: both are resampled alike.
"""

import warnings

import numpy as np
from scipy import stats

__all__ = [
    "N_DRAWS",
    "apart",
    "area_under_curve",
    "between",
    "interval",
    "mean_of",
    "multiplicities",
    "rank_correlation",
]

N_DRAWS = 1000
_TAILS = (2.5, 97.5)  # percent: a 95 % interval


def area_under_curve(score, truth) -> float:
    """Probability that a moving cell scores above a still one; ties count half. NaN without both classes.

    Source: Mann and Whitney 1947; their U over the number of pairs.
    """
    score, truth = np.asarray(score), np.asarray(truth, bool)
    moving, still = score[truth], score[~truth]
    if not len(moving) or not len(still):
        return float("nan")
    with np.errstate(invalid="ignore", divide="ignore"):  # its p-value, of scores that are all alike
        pairs = stats.mannwhitneyu(moving, still, method="asymptotic").statistic
    return float(pairs / (len(moving) * len(still)))


def rank_correlation(a, b) -> float:
    """Spearman's rank correlation of two arrays of one size; NaN when one of them is constant or shorter than 3."""
    if len(a) < 3:
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        return float(stats.spearmanr(np.ravel(a), np.ravel(b)).statistic)


def apart(*samples, axis: int = -1):
    """How far means lie apart along an axis, NaN values left out: of (a) its mean, of (a, b) that of a less that of b,
    of (a, b, c, d) that of the first two less that of the others.
    """
    if len(samples) == 1:
        return np.nanmean(samples[0], axis)
    half = len(samples) // 2
    return apart(*samples[:half], axis=axis) - apart(*samples[half:], axis=axis)


def interval(*samples, figure=apart, paired: bool = True, seed: int = 0) -> list:
    """The 95 % bootstrap interval [low, high] of a figure of samples; a list of such for a figure of several numbers.

    Args:
        samples: (..., n), drawn along the last axis; of a single one (n,) NaN values are left out.
        figure: a function of such arrays and `axis`; their means unless told. Draws in which it is NaN do not count.
        paired: all samples are drawn alike, not each for itself.
    """
    samples = [np.asarray(sample, float) for sample in samples]
    if len(samples) == 1 and samples[0].ndim == 1:
        samples = [samples[0][np.isfinite(samples[0])]]
    count = min(sample.shape[-1] for sample in samples)
    if not count:
        return [float("nan")] * 2
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # means of draws that hold nothing that is known
        if count == 1:  # every draw is the same, which scipy refuses
            return between(np.asarray(figure(*samples, axis=-1))[..., None])
        found = stats.bootstrap(
            samples,
            figure,
            paired=paired and len(samples) > 1,
            vectorized=True,
            axis=-1,
            n_resamples=N_DRAWS,
            method="percentile",
            rng=np.random.default_rng([seed, count]),
        )
    return between(found.bootstrap_distribution)  # its own interval is NaN as soon as one draw is


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
    """The 95 % interval [low, high] of resampled figures (draws,), a list of such of figures (n, draws).

    NaN draws are left out, [NaN, NaN] without any.
    """
    samples = np.asarray(samples, float)
    if samples.ndim > 1:
        return [between(row) for row in samples]
    samples = samples[np.isfinite(samples)]
    return [float(x) for x in np.percentile(samples, _TAILS)] if len(samples) else [float("nan")] * 2
