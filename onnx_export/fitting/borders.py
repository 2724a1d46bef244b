"""The closer look at objects: networks.borders.BorderNet, which begins as a copy of `groups`, learns at 512 px which
cells belong together, told what the first look saw, and which of the cells around it each place belongs to.

Scenes alone know that exactly, to 2 px of the 256-px frame. It sees crops of 256 x 160 px of pictures of 512 x 320.
"""

import numpy as np
import torch
import torch.nn.functional as F

from gid_core.model.contract import AROUND, PLACES

from ..networks import backbone
from ..networks.blocks import parameters
from ..networks.borders import BorderNet
from ..networks.outline import logit
from ..photographs import cutouts, masks
from ..scenes import motion, painting
from . import dataset, ranks
from .fit import fit

__all__ = ["around", "border_loss", "cropped", "inputs", "make_rows", "scene_row", "seen", "train_borders"]

DETAIL = 2  # times the size of the first look: a cell of a scene's maps is a place
_FIRST, _THIN_EVERY, _PLAIN_EVERY = 40_000, 4, 5  # seed of the first scene, of which no network has seen any
_FEW = 20  # cells of a small draft at a border between movers, below which most scenes are not painted
_MOVES_PX = 0.1
_MOVERS = 1.5  # weight of pairs of cells that both move, as of `groups`
_DROPPED = 0.1  # of the deepest features of a training batch
_TOLD = ("told", "known")
_LEARNED = (*dataset.FEATURE_NAMES, *_TOLD, "name", "moves", "cell", "busy")
_CROP = 2  # parts of a picture along each side, one of which is a row of a batch


def seen(frozen, encoder, picture):
    """What a BorderNet takes of a picture uint8 (H, W, 3) of the closer look, by name: dataset.FEATURE_NAMES, told and
    known; and the envelope e on the flow's cells. In half precision.

    frozen: the backbone; encoder: an EncoderNet.
    """
    rgb = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)
    small = F.avg_pool2d(rgb[None].float() / 255, DETAIL)
    with torch.no_grad():
        found = [f[0].half() for f in frozen(rgb[None].float() / 255)]
        first, mirrored = ((view, *frozen(view)) for view in (small, small.flip(-1)))
        affinity, features = encoder.together(first, mirrored)
        envelope = F.avg_pool2d(encoder.reach(*first)[1], 2)
    row = dict(zip(dataset.FEATURE_NAMES, (rgb, *found), strict=True))
    found = {"told": features, "known": logit(affinity.sigmoid()), "envelope": envelope}
    return row | {name: value[0].half() for name, value in found.items()}


def scene_row(scene, is_mirrored=False):
    """What is known of a scene of DETAIL: name int16 and moves bool (h, w) of each place, cell int16 of each cell, and
    busy bool, does a cell move; a cell is what its strongest place is. maps of the flow's cells, and wind (3,)."""
    maps, wind = torch.from_numpy(scene.maps)[None], torch.from_numpy(np.asarray(scene.wind))[None]
    if is_mirrored:
        maps, wind = motion.mirrored(maps, wind, painting.WIDTH)
    cells = motion.coarse(maps)
    return {
        "name": maps[0, motion.OBJECT].short(),
        "moves": maps[0, motion.AMPLITUDE] > _MOVES_PX,
        "cell": cells[0, motion.OBJECT].short(),
        "busy": cells[0, motion.AMPLITUDE] > _MOVES_PX,
        "maps": motion.coarse(cells)[0],
        "wind": wind[0],
    }


def make_rows(encoder, count, pictures, stills, first=_FIRST):
    """The training set, {name: (N, ...)}, of so many scenes, half of them mirrored; in most of them movers
    touch.

    pictures: folder of hand-masked photographs, for cut-outs; stills: of backdrops; None: none.
    """
    frozen, rows, rng = backbone.pretrained(), {}, np.random.default_rng([first, 19])
    still = masks.load_pictures(stills) if stills else ()
    sprites = cutouts.cut(masks.labelled_rows(pictures)) if pictures else ()
    for seed, is_thin in _worth(count, first, still, sprites):
        scene = painting.paint(seed, still, () if is_thin else sprites, is_thin, DETAIL)
        is_mirrored = rng.random() < 0.5
        picture = scene.image[:, ::-1] if is_mirrored else scene.image
        for name, value in {**seen(frozen, encoder, picture), **scene_row(scene, is_mirrored)}.items():
            rows.setdefault(name, []).append(value)
    return {name: torch.stack(values) for name, values in rows.items()}


def _worth(count, first, still, sprites):
    """(seed, is thin) of so many scenes, told by drafts."""
    number = 0
    while count:
        is_thin = number % _THIN_EVERY == _THIN_EVERY - 1
        seed = first + number + is_thin * painting.THIN_SEED
        number += 1
        draft = painting.paint(seed, still, () if is_thin else sprites, is_thin).maps
        name, moves = draft[motion.OBJECT], draft[motion.AMPLITUDE] > _MOVES_PX
        meets = 0
        for down, right in ((0, 1), (1, 0)):
            (other, one), (there, here) = (motion.shifted(x, down, right) for x in (name, moves))
            meets += ((one != other) & there & here).sum()
        if meets >= _FEW or count % _PLAIN_EVERY == 0:
            yield seed, is_thin
            count -= 1


def around(cells):
    """What the cells AROUND each place's own hold, of (N, h, w): (N, len(AROUND), PLACES h, PLACES w), -1 outside."""
    h, w = cells.shape[1:]
    wide = F.pad(cells, (1, 1, 1, 1), value=-1)
    found = torch.stack([wide[:, 1 + i : 1 + i + h, 1 + j : 1 + j + w] for i, j in AROUND], 1)
    return found.repeat_interleave(PLACES, 2).repeat_interleave(PLACES, 3)


def border_loss(answer, rows, weights):
    """Cross-entropy of both answers of a BorderNet, a mean over rows, mostly where movers touch.

    weights: a settings.Border.
    """
    affinity, own = (x.float() for x in answer)
    moves, cell, busy = rows["moves"][:, None].float(), rows["cell"].float(), rows["busy"].float()
    others = around(cell)
    same, inside = (rows["name"][:, None].float() == others).float(), (others >= 0).float()
    is_mixed = (same * inside).sum(1, keepdim=True) < inside.sum(1, keepdim=True)
    weight = (weights.faint + moves * (1 + weights.beside * is_mixed)) * inside
    together = motion.affinity_of(cell)
    apart = motion.pairs_of(busy) * (1 + 2 * (1 - together))  # what keeps two movers apart is rare, and is asked for
    near = F.max_pool2d(busy[:, None], 3, 1, 1)
    pairs = (weights.faint + near + _MOVERS * apart) * motion.pairs_inside(*cell.shape[1:])
    return _entropy(own, same, weight) + _entropy(affinity, together, pairs)


def _entropy(answer, truth, weight):
    off = F.binary_cross_entropy_with_logits(answer, truth, reduction="none") * weight
    return (off.sum((1, 2, 3)) / weight.sum((1, 2, 3))).mean()


def cropped(rows, row, column):
    """A part of each row; row, column: (first, number) of the first look's cells."""
    h, found = rows["told"].shape[-2], {}
    for name, value in rows.items():
        size = value.shape[-2] // h
        (top, height), (left, width) = ((size * start, size * n) for start, n in (row, column))
        found[name] = value[..., top : top + height, left : left + width]
    return found


def inputs(rows):
    """What a BorderNet takes of rows."""
    return [rows["rgb"].float() / 255, *(rows[name].float() for name in (*dataset.FEATURE_NAMES[1:], *_TOLD))]


def train_borders(groups, data, checkpoint, settings, **limits):
    """A BorderNet on the rows of `make_rows`, which begins as the trained `groups`.

    limits: minutes or steps in the place of the settings', see fit.
    """
    torch.manual_seed(settings.seed)
    asked, (h, w) = settings.borders, data["told"].shape[-2:]

    def loss_of(network, generator):
        index = torch.randint(len(data["rgb"]), (asked.batch,), generator=generator)
        row, column = (int(torch.randint(n - n // _CROP + 1, (), generator=generator)) for n in (h, w))
        rows = {name: data[name][index] for name in _LEARNED}
        rows = cropped(rows, (row, h // _CROP), (column, w // _CROP))
        shown = inputs(rows)
        shown[3] = shown[3] * (torch.rand(asked.batch, shown[3].shape[1], 1, 1, generator=generator) > _DROPPED)
        return border_loss([x.cpu() for x in network(*(x.to(ranks.device()) for x in shown))], rows, asked)

    network = BorderNet().begin(groups).to(ranks.device())
    limits = limits if {"minutes", "steps"} & limits.keys() else limits | {"minutes": asked.minutes}
    limits |= {"rate": asked.rate, "seed": settings.seed, "notes": {"parameters": parameters(network)}}
    return fit(network, loss_of, settings.optimiser, checkpoint=checkpoint, **limits)
