"""Class priors and self-training: labels for photographs that nobody marked.

A trained network labels the cells that it is sure of; its doubts are not counted. What is known of a whole collection
corrects it: each photograph of flowers holds one, so where the network sees none it has nothing to teach, and what it
holds for the likeliest to move does move.
Source: Lee, Pseudo-Label (ICML workshop 2013); Papandreou et al., constraints from image-level labels (ICCV 2015).
"""

import numpy as np
import torch

from ..fitting import dataset
from ..photographs import masks

__all__ = ["guessed"]

_SURE_MOVES, _SURE_STANDS = 0.6, 0.02
_LEAST_PART = 0.03  # of a photograph of flowers is flower
_SEES_ONE = 0.2  # probability that the likeliest cells must have
_CHUNK = 25


def guessed(network, folder, seed=0):
    """Rows as of dataset.make_photographs, labelled by `network` (networks.WhereNet); no sway is known.

    folder: photographs that each hold a flower and that no hand mask and no validation photo is drawn on.
    """
    rng, rows = np.random.default_rng([seed, 13]), []
    pictures = masks.load_pictures(folder)
    for first in range(0, len(pictures), _CHUNK):
        crops = [_unlabelled(picture, rng) for picture in pictures[first : first + _CHUNK]]
        part = dataset.photograph_rows(crops)
        part["label"] = torch.stack([_labelled(p) for p in _alive(network, part)])
        rows.append(part)
    found = {name: torch.cat([part[name] for part in rows]) for name in rows[0]}
    is_kept = (found["label"] > 0).flatten(1).any(1)
    return {name: value[is_kept] for name, value in found.items()}


def _unlabelled(picture, rng):
    pixels, cells, sway = masks.cropped(picture, masks.unmarked(picture.size), rng)
    return pixels, cells, sway, dataset.KINDS.index("guessed"), dataset.NO_SOURCE


def _alive(network, rows):
    """Probabilities (N, h, w): the mean logit of the picture and its mirror image."""
    rows = dataset.batch(rows, slice(None))
    mirrored = dataset.mirrored_features(rows)
    with torch.no_grad():
        logits = network(*(rows[n] for n in dataset.FEATURE_NAMES))[0]
        logits = logits + network(*(mirrored[n] for n in dataset.FEATURE_NAMES))[0].flip(-1)
    return (logits[:, 0] / 2).sigmoid()


def _labelled(alive):
    """int8 (h, w) of one photograph: 1 moves, 0 stands, -1 in doubt; all in doubt where no flower is seen."""
    label = torch.full(alive.shape, -1, dtype=torch.int8)
    likeliest = alive.flatten().quantile(1 - _LEAST_PART)
    if likeliest < _SEES_ONE:
        return label
    label[alive < _SURE_STANDS] = 0
    label[alive >= torch.minimum(likeliest, torch.tensor(_SURE_MOVES))] = 1
    return label
