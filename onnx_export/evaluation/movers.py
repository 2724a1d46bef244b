"""Between movers: painted scenes of 1,024 px in which two things that move touch; what is read beside their border?

The motion is the scene's own, on the flow's cells, and so is the envelope: what a prediction found decides only which
cells a texel takes its phases of. So this measures objects and how they are read, not the flow. Beside it stands the
same with phases interpolated across every border. An object that has none of the flow's cells moves as it does in the
scene, for chance would draw it a phase of its own. Scenes are the unit of chance.
"""

from dataclasses import replace

import cv2
import numpy as np
import torch

from gid_core.files.colour import decode_srgb
from gid_core.prediction import phases
from gid_core.prediction.encodings import encode

from ..scenes import motion, painting
from .bars import Bar
from .edges import DETAIL
from .paired import paired, paired_lines
from .scenes import MOVES_PX, field

__all__ = ["FIGURES", "at_cells", "carried", "compared", "drawn", "mover_bars", "mover_lines", "score_movers"]

FIGURES = ("error", "amplitude")
_NEAR, _BESIDE = 3, 1  # texels of the grid, 4 px of the scene each
_FEW = 50  # texels beside such borders, below which a scene says nothing


def compared(found: np.ndarray, true: np.ndarray, objects: np.ndarray) -> dict:
    """FIGURES of amplitudes complex (K, H, W, 2) beside the true ones; {} where hardly two movers touch.

    error: mean difference within 3 texels of a border between two things that move, as a part of the true motion there;
    amplitude: how far it moves within 1 texel, as a part of the truth.

    objects: int (H, W), of each texel.
    """
    moves = _rms(true) > MOVES_PX
    touches = np.zeros(moves.shape, bool)
    for one, other in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        meet = (objects[one] != objects[other]) & moves[one] & moves[other]
        touches[one] |= meet
        touches[other] |= meet
    away = cv2.distanceTransform((~touches).astype(np.uint8), cv2.DIST_L2, 5)
    near, beside = moves & (away < _NEAR), moves & (away < _BESIDE)
    if beside.sum() < _FEW:
        return {}
    return {
        "error": (_rms(found - true)[near] / _rms(true)[near]).mean(),
        "amplitude": (_rms(found)[beside] / _rms(true)[beside]).mean(),
    }


def _rms(amplitudes):
    return np.sqrt((np.abs(amplitudes) ** 2).sum((0, 3)))


def at_cells(z, strength, size=int(phases.CELL_PX)):
    """z (K, H, W, 2) of the texel of each cell, `size` wide, that moves farthest: (K, h, w, 2)."""
    rows, columns = (n // size for n in strength.shape)
    blocks = strength.reshape(rows, size, columns, size).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    row, column = np.divmod(blocks.argmax(-1), size)
    return z[:, np.arange(rows)[:, None] * size + row, np.arange(columns) * size + column]


def carried(seen, z, strength):
    """A scene's own motion z (K, H, W, 2) on the flow's cells, carried to the motion's as a prediction's is."""
    coarse = at_cells(z, strength)
    if seen.finer is None:
        return coarse
    return seen.finer.carried(coarse, lambda _, px: at_cells(z, strength, round(px)))


def drawn(seed, first):
    """(scene of a seed, its motion z (K, H, W, 2) and envelope (K, H, W), its picture as a photo); every third from
    `first` on is thin."""
    scene = painting.paint(seed, is_thin=(seed - first) % 3 == 2, detail=DETAIL)
    maps = torch.from_numpy(scene.maps)[None]
    axis = np.stack([field(scene.maps, "dx"), field(scene.maps, "dy")], -1)
    signal = motion.draw(maps, torch.from_numpy(scene.wind)[None], torch.Generator().manual_seed(seed))[0].numpy()
    photo = decode_srgb(scene.image.astype(np.float32) / 255).astype(np.float32)
    return scene, signal[..., None] * axis, motion.envelope(maps)[0].numpy(), photo


def _rows(model, count, first):
    rows = {"prediction": [], "interpolated": []}
    for seed in range(first, first + count):
        scene, z, far, photo = drawn(seed, first)
        seen = replace(encode(model, photo), envelope=far, lookup=None)
        cells = carried(seen, z, field(scene.maps, "amplitude"))
        for name, one in (("prediction", seen), ("interpolated", replace(seen, members=None))):
            row = compared(one.motion(cells).volume().amplitudes, far[..., None] * z, field(scene.maps, "object"))
            if row:
                rows[name].append(row)
    return rows


def score_movers(model, count: int = 36, first: int = painting.HELD_OUT_SEED) -> dict:
    """Means of FIGURES by way of reading, `intervals` of the prediction's, and its `lead` over the other, paired."""
    return paired(_rows(model, count, first), FIGURES)


def mover_lines(figures) -> list:
    """A table of the ways of reading."""
    return paired_lines(figures, ("prediction", "interpolated"), FIGURES)


def mover_bars(figures) -> list:
    """figures: of `score_movers`."""
    ours, spans = figures["prediction"], figures["intervals"]
    return [
        Bar("error within 3 px of a border between movers", ours["error"], "<=", 0.25, spans["error"]),
        Bar("amplitude there, of the object's", ours["amplitude"], ">=", 0.95, spans["amplitude"]),
    ]
