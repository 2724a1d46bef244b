"""How a spectral volume is squeezed before a network learns it: the paper's signed root, ours, and plain scaling.

A volume as reals is (..., K, 4, h, w) in the order xr, yr, xi, yi (motion.to_reals). Its strong harmonics are many
times larger than its weak ones, and a few cells move far more than the rest. Every kind ends with unit variance over
moving cells, so that the same noise schedule fits them all.
"""

from dataclasses import dataclass

import numpy as np
import torch

__all__ = ["KINDS", "Normalisation", "fitted"]

KINDS = ("signed", "complex", "plain")
_PERCENTILE = 95  # the paper's


@dataclass(frozen=True, eq=False)
class Normalisation:
    """kind: one of `KINDS`; scales: (K,), what becomes 1 at each frequency; gain: times all that."""

    kind: str
    scales: torch.Tensor
    gain: float = 1.0

    def forward(self, reals):
        """Volume -> latent, both (..., K, 4, h, w).

        signed: sign(x) sqrt(|x| / s) of each real number, paper eq. 4. complex: S / |S| sqrt(|S| / s) with |S| over
        both axes, which keeps direction and phase. plain: x / s with one s for all frequencies.
        """
        s = self._broadcast()
        if self.kind == "signed":
            return self.gain * reals.sign() * (reals.abs() / s).sqrt()
        if self.kind == "complex":
            return self.gain * reals / (_size(reals) * s).sqrt().clamp(min=1e-12)
        return self.gain * reals / s

    def inverse(self, latent):
        """Latent -> volume."""
        s, x = self._broadcast(), latent / self.gain
        if self.kind == "signed":
            return s * x * x.abs()
        if self.kind == "complex":
            return s * x * _size(x)
        return s * x

    def _broadcast(self):
        return self.scales.view(-1, 1, 1, 1)


def _size(reals):
    """|S| of both axes (..., K, 1, h, w)."""
    return reals.square().sum(-3, keepdim=True).sqrt()


def fitted(kind: str, volumes, moves) -> Normalisation:
    """The normalisation whose scales are the 95th percentile of magnitudes over moving cells.

    volumes: reals (N, K, 4, h, w); moves: bool (N, h, w). Magnitudes are those of each real number for "signed", of
    the complex 2-vector otherwise; "plain" has one percentile for all frequencies.
    """
    if kind not in KINDS:
        raise ValueError(f"a normalisation is one of {', '.join(KINDS)}, not {kind!r}")
    cells = volumes.movedim((1, 2), (-2, -1))[moves]  # (n, K, 4)
    sizes = cells.abs() if kind == "signed" else cells.square().sum(-1, keepdim=True).sqrt()
    scales = torch.from_numpy(np.percentile(sizes.numpy(), _PERCENTILE, axis=(0, 2)).astype(np.float32))
    if kind == "plain":
        scales = torch.full_like(scales, float(np.percentile(sizes.numpy(), _PERCENTILE)))
    unscaled = Normalisation(kind, scales).forward(cells[..., None, None])
    return Normalisation(kind, scales, 1 / float(unscaled.square().mean().sqrt()))
