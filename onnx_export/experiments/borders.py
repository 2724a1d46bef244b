"""Labels finer than cells: python -m onnx_export.experiments.borders --work DIR [--minutes 15] [--scenes 12]

Where does what is read beside a border between movers err? A table puts the truth in the place of what a prediction
found, one by one, on painted scenes of 1,024 px (evaluation/movers.py). With --minutes a network is trained first and
has a row: told what the first look saw, it says at twice its size which of the nine cells around it each place is one
object with. Scenes alone know that exactly. What it was found to be worth: docs/research/borders.md.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gid_core.errors import GidError
from gid_core.files.colour import decode_srgb
from gid_core.model.contract import PAIRS
from gid_core.model.session import load_model
from gid_core.prediction import stages

from ..evaluation.bars import table_lines
from ..fitting import dataset
from ..fitting import settings as runs
from ..fitting.fit import fit
from ..networks import backbone
from ..networks.blocks import conv, doubled, parameters, residuals, zero
from ..networks.outline import logit
from ..scenes import motion, painting
from .substituted import AROUND, FIGURES, PLACES, tabulated

__all__ = ["BorderNet", "around", "border_loss", "cropped", "inputs", "main", "make_rows", "train"]

DETAIL = 4  # times the size of the first look: a cell of a scene's maps is a place
_STRIDES = 2  # of the backbone, the finest ones
_KEY = 16  # numbers by which a place and a cell find that they are one
_HALVES = 2  # places along each side of a feature of stride 4
_FIRST, _THIN_EVERY = 40_000, 3  # seed of the first scene, of which no network has seen any
_FEW = 20  # cells of a small draft at a border between movers, below which a scene is not painted
_MOVES_PX = 0.1
_BESIDE, _FAINT = 3.0, 0.05  # weight of places near such a border, and of what stands, beside what else moves
_RATE, _BATCH = 1.5e-3, 12  # quarters of scenes


class BorderNet(nn.Module):
    """forward(rgb, features at strides 4, 8, told (N, features, H/16, W/16), affinity (N, len(PAIRS), H/16, W/16))
    returns logits (N, len(AROUND), H/2, W/2), is a place one object with each of the cells around it, and
    (N, len(PAIRS), H/16, W/16), the affinities of the first look corrected, which begin as they are told."""

    def __init__(self, features=192, width=64, fine=48):
        super().__init__()
        c4, c8 = backbone.CHANNELS[:_STRIDES]
        side = PLACES // _HALVES
        self.told = nn.Conv2d(features + len(PAIRS), width, 1)
        self.in8, self.blocks8 = nn.Conv2d(c8, width, 1), residuals(width, (1, 2))
        self.in4, self.narrow = nn.Conv2d(c4, fine, 1), nn.Conv2d(width, fine, 1)
        self.pixels = nn.Sequential(conv(3, fine // 2, 3, 2), nn.SiLU(), conv(fine // 2, fine, 3, 2))
        self.place = nn.Parameter(torch.zeros(1, fine, 1, side, 1, side))  # of a feature in its cell
        self.blocks4 = residuals(fine, (1, 2, 1, 2))
        self.down = nn.Sequential(conv(fine, width, 3, 2), nn.SiLU(), conv(width, width, 3, 2))
        self.blocks16 = residuals(width, (1, 1))
        self.key, self.correction = nn.Conv2d(width, _KEY, 1), zero(conv(width, len(PAIRS)))
        self.query = zero(conv(fine, (len(AROUND) + _KEY) * _HALVES**2))

    def forward(self, rgb, f4, f8, told, affinity):
        known = logit(affinity)
        x16 = self.told(torch.cat([told, known / 4], 1))
        x8 = self.blocks8(self.in8(f8) + doubled(x16, "bilinear"))
        x4 = self.in4(f4) + self.pixels(rgb - 0.5) + doubled(self.narrow(x8), "bilinear")
        n, fine, (h, w), side = len(x4), x4.shape[1], x16.shape[2:], PLACES // _HALVES
        x4 = (x4.view(n, fine, h, side, w, side) + self.place).view(n, fine, h * side, w * side)
        x4 = F.silu(self.blocks4(x4))
        x16 = F.silu(self.blocks16(x16 + self.down(x4)))
        asked = F.pixel_shuffle(self.query(x4), _HALVES)
        own, query = asked[:, : len(AROUND)], asked[:, len(AROUND) :].reshape(n, _KEY, h, PLACES, w, PLACES)
        key = F.pad(self.key(x16), (1, 1, 1, 1))
        alike = [
            (query * key[:, :, 1 + i : 1 + i + h, None, 1 + j : 1 + j + w, None]).sum(1).view(n, h * PLACES, w * PLACES)
            for i, j in AROUND
        ]
        return own + torch.stack(alike, 1), known + self.correction(x16)


def make_rows(model, count):
    """The training set, {name: (N, ...)}, of so many scenes in which movers touch; model: whose first look is told.

    Names: rgb, f4, f8, told, affinity as a BorderNet takes them; object int16 and moves bool (160, 256) of each place;
    cell int16 (20, 32), the object of each cell, that of its strongest place. Half of the scenes are mirrored.
    """
    rng, frozen = np.random.default_rng(19), backbone.pretrained().cut(_STRIDES)
    rows: dict[str, list] = {}
    for seed, is_thin in _worth(count):
        scene = painting.paint(seed, is_thin=is_thin, detail=DETAIL)
        image, maps = scene.image, torch.from_numpy(scene.maps)
        if rng.random() < 0.5:
            image, maps = image[:, ::-1], maps.flip(-1)
        photo = decode_srgb(image.astype(np.float32) / 255).astype(np.float32)
        found = model.encode(stages.see(photo, painting.WIDTH).rgb)
        row = {**_seen(frozen, photo, found), **_known(maps)}
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
    return {name: torch.stack(values) for name, values in rows.items()}


def _worth(count):
    """(seed, is thin) of so many scenes in which movers touch, told by drafts."""
    number = 0
    while count:
        is_thin = number % _THIN_EVERY == _THIN_EVERY - 1
        seed = _FIRST + number + is_thin * painting.THIN_SEED
        draft = painting.paint(seed, is_thin=is_thin).maps
        name, moves = draft[motion.OBJECT], draft[motion.AMPLITUDE] > _MOVES_PX
        meets = 0
        for down, right in ((0, 1), (1, 0)):
            (other, one), (still, moving) = (motion.shifted(x, down, right) for x in (name, moves))
            meets += ((one != other) & still & moving).sum()
        if meets >= _FEW:
            yield seed, is_thin
            count -= 1
        number += 1


def _seen(frozen, photo, found):
    """What a BorderNet takes of one photo; found: what the encoder says of its first look."""
    closer = torch.from_numpy(stages.see(photo, 2 * painting.WIDTH).rgb)
    with torch.no_grad():
        f4, f8 = (x[0].half() for x in frozen(closer))
    told, affinity = (torch.from_numpy(found[name][0]).half() for name in ("features", "affinity"))
    return {"rgb": (closer[0] * 255).round().byte(), "f4": f4, "f8": f8, "told": told, "affinity": affinity}


def _known(maps):
    name, amplitude = maps[motion.OBJECT].short(), maps[motion.AMPLITUDE]
    h, w = (n // PLACES for n in name.shape)
    strength, names = (x.view(h, PLACES, w, PLACES).transpose(1, 2).flatten(2) for x in (amplitude, name))
    cell = names.gather(2, strength.argmax(2, keepdim=True))[..., 0]
    return {"object": name, "moves": amplitude > _MOVES_PX, "cell": cell}


def around(cells):
    """What the cells AROUND each place's own hold, of (N, h, w): (N, len(AROUND), PLACES h, PLACES w), -1 outside."""
    h, w = cells.shape[1:]
    wide = F.pad(cells, (1, 1, 1, 1), value=-1)
    found = torch.stack([wide[:, 1 + i : 1 + i + h, 1 + j : 1 + j + w] for i, j in AROUND], 1)
    return found.repeat_interleave(PLACES, 2).repeat_interleave(PLACES, 3)


def border_loss(answer, rows):
    """Cross-entropy of both answers of a BorderNet, a mean over rows, mostly where movers touch."""
    own, affinity = (x.float() for x in answer)
    moves, cell = rows["moves"][:, None].float(), rows["cell"].float()
    others = around(cell)
    same, inside = (rows["object"][:, None].float() == others).float(), (others >= 0).float()
    is_mixed = (same * inside).sum(1, keepdim=True) < inside.sum(1, keepdim=True)
    weight = (_FAINT + moves * (1 + _BESIDE * is_mixed)) * inside
    together, busy = motion.affinity_of(cell), motion.pairs_of(F.max_pool2d(moves, PLACES)[:, 0])
    pairs = (_FAINT + busy * (1 + 2 * (1 - together))) * motion.pairs_inside(*cell.shape[1:])
    return _entropy(own, same, weight) + _entropy(affinity, together, pairs)


def _entropy(answer, truth, weight):
    off = F.binary_cross_entropy_with_logits(answer, truth, reduction="none") * weight
    return (off.sum((1, 2, 3)) / weight.sum((1, 2, 3))).mean()


def inputs(rows):
    """What a BorderNet takes of rows."""
    return [rows["rgb"].float() / 255, *(rows[name].float() for name in ("f4", "f8", "told", "affinity"))]


def cropped(rows, row, column):
    """A part of each row; row, column: (first, number) of cells."""
    found = {}
    for name, value in rows.items():
        size = value.shape[-2] // rows["cell"].shape[-2]
        (top, height), (left, width) = ((size * first, size * n) for first, n in (row, column))
        found[name] = value[..., top : top + height, left : left + width]
    return found


def train(data, checkpoint, batch=_BATCH, **limits):
    """A BorderNet on the rows of `make_rows`; limits: minutes or steps, see fit."""
    torch.manual_seed(0)
    h, w = data["cell"].shape[1:]

    def loss_of(network, generator):
        index = torch.randint(len(data["rgb"]), (batch,), generator=generator)
        row, column = (int(torch.randint(n // 4 + 1, (), generator=generator)) * 2 for n in (h, w))
        rows = cropped({name: value[index] for name, value in data.items()}, (row, h // 2), (column, w // 2))
        return border_loss(network(*inputs(rows)), rows)

    network, optimiser = BorderNet(data["told"].shape[1]), runs.load("shipped").optimiser
    notes = {"parameters": parameters(network)}
    return fit(network, loss_of, optimiser, checkpoint=checkpoint, rate=_RATE, notes=notes, **limits)


def _told_by(network):
    """A function of substituted.py: photo, what the encoder found -> probabilities (len(AROUND), H, W)."""
    frozen = backbone.pretrained().cut(_STRIDES)

    def own(photo, found):
        row = _seen(frozen, photo, found)
        with torch.no_grad():
            return network(*inputs({name: value[None] for name, value in row.items()}))[0][0].sigmoid().numpy()

    return own


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.experiments.borders", description="Labels finer than cells")
    parser.add_argument("--work", required=True, type=Path, help="folder for the network and the rows it learns from")
    parser.add_argument("--model", help="model folder; default: the shipped one")
    parser.add_argument("--minutes", type=float, default=0, help="of training over all calls; default: none, no row")
    parser.add_argument("--rows", type=int, default=720, help="scenes to learn from")
    parser.add_argument("--scenes", type=int, default=36, help="held-out scenes of the table")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        model, own = load_model(options.model), None
        if options.minutes:
            data = dataset.load_or_make(options.work / "rows.pt", lambda: make_rows(model, options.rows))
            own = _told_by(train(data, options.work / "borders.pt", minutes=options.minutes))
    except GidError as error:
        parser.error(str(error))
    found = tabulated(model, options.scenes, own)
    rows = [[name, *(f"{value:.3f}" for value in figures)] for name, figures in found.items()]
    print("\n".join(table_lines(["read by", *FIGURES], rows)))


if __name__ == "__main__":
    main()
