"""How far apart two sets of features lie: Frechet distance and unbiased kernel distance, with intervals over films.

Samples of one film are no independent draws, and two sets that show the same photos share more than motion. So films
are the unit of chance, resampled together in both sets, and the kernel distance counts pairs of *different* photos
only, which keeps it unbiased. Knows nothing of pictures.

Source: Dowson and Landau 1982 (Frechet distance of Gaussians); Gretton et al. 2012, lemma 6 (unbiased MMD^2), with
the cubic kernel of Binkowski et al. 2018.
"""

import numpy as np

from .statistics import N_DRAWS, between, multiplicities

__all__ = ["Comparison", "compare", "frechet", "kernel", "kernel_blocks", "moments", "standardised"]


def moments(samples: np.ndarray):
    """(mean (d,), covariance (d, d)) of samples (n, d)."""
    mean = samples.mean(0)
    return mean, (samples - mean).T @ (samples - mean) / len(samples)


def frechet(mean_a, covariance_a, mean_b, covariance_b) -> float:
    """|a - b|^2 + tr(A + B - 2 (A B)^(1/2)): squared distance of two Gaussians."""
    root = _root(covariance_a)
    cross = np.linalg.eigvalsh(root @ covariance_b @ root)
    trace = np.trace(covariance_a) + np.trace(covariance_b) - 2 * np.sqrt(np.maximum(cross, 0)).sum()
    return float(((mean_a - mean_b) ** 2).sum() + trace)


def _root(symmetric):
    values, vectors = np.linalg.eigh(symmetric)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


def kernel_blocks(a: list, b: list) -> np.ndarray:
    """Sums of (x y / d + 1)^3 over the samples of film i of one set and film j of the other: float (n, n)."""
    x, y = np.concatenate(a), np.concatenate(b)
    cubes = (x @ y.T / x.shape[1] + 1) ** 3
    rows, columns = (np.cumsum([0, *map(len, films)])[:-1] for films in (a, b))
    return np.add.reduceat(np.add.reduceat(cubes, rows, 0), columns, 1)


def kernel(aa, bb, ab, counts_a, counts_b, times) -> np.ndarray:
    """Unbiased squared kernel distances (draws,), of pairs of different photos only; may be below 0.

    Args:
        aa, bb, ab: (n, n) of `kernel_blocks`; film i of both sets is of the same photo.
        counts_a, counts_b: (n,), samples of each film.
        times: (draws, n), how often each photo counts.
    """

    def mean(blocks, rows, columns):
        pairs = np.outer(rows, columns).astype(float)
        blocks = blocks.copy()
        np.fill_diagonal(pairs, 0)
        np.fill_diagonal(blocks, 0)
        return ((times @ blocks) * times).sum(1) / ((times @ pairs) * times).sum(1)

    times = np.asarray(times, float)
    return mean(aa, counts_a, counts_a) + mean(bb, counts_b, counts_b) - 2 * mean(ab, counts_a, counts_b)


def standardised(films: list, reference: list) -> list:
    """Features (n, d) of each film in units of the reference's own spread, about its mean."""
    pooled = np.concatenate(reference)
    spread = pooled.std(0)
    return [(x - pooled.mean(0)) / np.where(spread > 0, spread, 1) for x in films]


class Comparison:
    """Distances of one row from the reference: the figure, and what it is on resampled photos.

    frechet, kernel: floats; frechet_draws, kernel_draws: (draws,), the same photos for every row of equal length.
    """

    def __init__(self, films: list, reference: list, draws: int = N_DRAWS):
        if len(films) != len(reference):
            raise ValueError(f"{len(films)} films cannot be paired with {len(reference)}")
        a, b = standardised(films, reference), standardised(reference, reference)
        times = multiplicities(len(a), draws=draws)
        once = np.ones((1, len(a)))
        counts = [np.array([len(x) for x in films]) for films in (a, b)]
        blocks = kernel_blocks(a, a), kernel_blocks(b, b), kernel_blocks(a, b)
        sums = [_film_sums(films) for films in (a, b)]
        self.kernel = float(kernel(*blocks, *counts, once)[0]) if len(a) > 1 else float("nan")
        self.kernel_draws = kernel(*blocks, *counts, times[(times > 0).sum(1) > 1]) if len(a) > 1 else np.array([])
        self.frechet = frechet(*_weighed(sums[0], once[0]), *_weighed(sums[1], once[0]))
        self.frechet_draws = np.array([frechet(*_weighed(sums[0], t), *_weighed(sums[1], t)) for t in times])

    @property
    def kernel_interval(self) -> list:
        return between(self.kernel_draws)

    @property
    def frechet_interval(self) -> list:
        """Mirrored about the figure: drawing photos twice makes every Frechet distance larger than it is."""
        low, high = between(self.frechet_draws)
        return [max(0.0, 2 * self.frechet - high), max(0.0, 2 * self.frechet - low)]


def _film_sums(films):
    return (
        np.array([len(x) for x in films], float),
        np.stack([x.sum(0) for x in films]),
        np.stack([x.T @ x for x in films]),
    )


def _weighed(sums, times):
    """Mean and covariance with each film counted `times`."""
    count, first, second = (np.tensordot(np.asarray(times, float), s, 1) for s in sums)
    mean = first / count
    return mean, second / count - np.outer(mean, mean)


def compare(rows: dict, reference: list, draws: int = N_DRAWS) -> dict:
    """{row: Comparison} of lists of film features (n, d) with the reference's."""
    return {name: Comparison(films, reference, draws) for name, films in rows.items()}
