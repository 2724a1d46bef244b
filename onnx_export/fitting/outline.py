"""The closer look: python -m onnx_export.fitting.outline --training DIR --pictures DIR --stills DIR --work DIR

Teaches networks.outline.OutlineNet, which begins as a copy of `where`, what is alive at 512 px beside what the first
look found. It sees crops of 256 x 160 px of pictures of 512 x 320. Painted scenes and composites know their edges
exactly; near the border of a hand mask nothing is counted. --begin takes a trained one further.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter

from gid_core.errors import GidError

from ..networks import backbone
from ..networks.blocks import parameters
from ..networks.encoder import WhereNet
from ..networks.outline import OutlineNet
from ..photographs import cutouts, masks
from ..scenes import painting
from . import conditions, dataset, ranks
from . import settings as runs
from .fit import fit
from .losses import ALIVE_PX

__all__ = ["KINDS", "Rows", "main", "make_rows", "outline_loss", "train_outline"]

DETAIL = 2  # times the size of the first look
_WALL_DETAIL = 4  # of walls behind cut-outs, of which crops are seen
KINDS = ("scene", "composite", "flower", "other", "still")
_EXACT = KINDS.index("composite")  # kinds up to here know their edges
_FIRST = 30_000  # seed of the first scene: `where` has seen none of these, so that its word on them is honest
_BORDER = 3  # cells beside the border of a hand mask that are not counted
_EDGE_WEIGHT = 3.0  # of cells within two of an exact edge
_LEAST_PART, _LEAST_GAIN = 0.1, 8  # what fills less of a picture counts as if it filled a tenth
# The first look knows the photographs of its training too well: there its word is bent, and now and then withheld.
_BENT, _BENT_PHOTO, _WITHHELD = 0.4, 1.8, 0.08


class Rows:
    """Crops in the making: features, the first look's alive logit, label (0..1, -1 not counted), kind."""

    def __init__(self, where, rng):
        self._frozen, self._where, self._rng = backbone.pretrained(), where.eval(), rng
        self._rows = {name: [] for name in (*dataset.FEATURE_NAMES, "coarse", "label", "kind")}

    def add(self, picture, label, kind, crops):
        """picture: uint8 (320, 512, 3); label: float (80, 128); kind: one of KINDS."""
        rng, size = self._rng, (painting.WIDTH, painting.HEIGHT)
        whole = torch.from_numpy(np.asarray(Image.fromarray(picture).resize(size, Image.BOX)).copy())
        coarse = F.interpolate(self._seen(whole)[1], scale_factor=DETAIL, mode="bilinear")[0, 0]
        for _ in range(crops):
            row, column = (int(rng.integers(n // 4 + 1)) for n in size[::-1])
            cells = slice(row, row + size[1] // 4), slice(column, column + size[0] // 4)
            pixels = picture[4 * row : 4 * row + size[1], 4 * column : 4 * column + size[0]]
            parts = pixels, label[cells], coarse.numpy()[cells]
            if rng.random() < 0.5:
                parts = [part[:, ::-1] for part in parts]
            shown, known, said = (torch.from_numpy(np.ascontiguousarray(part)) for part in parts)
            features, _ = self._seen(shown, wanted=False)
            made = shown.permute(2, 0, 1), *features, said.half(), known.half(), torch.tensor(KINDS.index(kind))
            for store, value in zip(self._rows.values(), made, strict=True):
                store.append(value)

    def _seen(self, pixels, wanted=True):
        rgb = pixels.permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            found = self._frozen(rgb)
            return [f[0].half() for f in found], self._where(rgb, *found)[0] if wanted else None

    def stacked(self):
        return {name: torch.stack(values) for name, values in self._rows.items()}


def _photograph(picture, label, rng):
    """(uint8 (320, 512, 3), label (80, 128), is beside a border) of a random crop, recoloured."""
    width = min(picture.width, picture.height * 1.6) * rng.uniform(0.55, 1)
    x, y = rng.random(2) * (picture.width - width, picture.height - width / 1.6)
    size, box = (DETAIL * painting.WIDTH, DETAIL * painting.HEIGHT), (x, y, x + width, y + width / 1.6)
    pixels = np.asarray(picture.resize(size, Image.LANCZOS, box=box), np.float32) / 255
    known = np.asarray(label.getchannel(0).resize(size, Image.NEAREST, box=box))
    known = known.reshape(size[1] // 4, 4, size[0] // 4, 4)
    moves, stands = (known == 255).mean((1, 3)) > 0.75, (known == 0).mean((1, 3)) > 0.75
    grey = pixels.mean(-1, keepdims=True)
    pixels = np.clip(grey + (pixels - grey) * rng.uniform(0.5, 1.3), 0, 1) ** rng.uniform(0.7, 1.5)
    pixels = pixels * (rng.uniform(0.35, 0.8) if rng.random() < 0.2 else 1)
    border = _grown(moves) & _grown(stands)
    return (pixels * 255).round().astype(np.uint8), np.where(moves, 1.0, np.where(stands, 0.0, -1.0)), border


def _grown(flags):
    picture = Image.fromarray((flags * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(2 * _BORDER + 1))
    return np.asarray(picture) > 0


def make_rows(where, pictures, stills, asked, seed=0):
    """The training set, {name: (N, ...)}. asked: a settings.Outline; where: a trained networks.WhereNet."""
    rng = np.random.default_rng([seed, 17])
    rows, labelled, still = Rows(where, rng), masks.labelled_rows(pictures), masks.load_pictures(stills)
    drawn = [(p, masks.label(row, p.size), "flower" if "flower" in row["source"] else "other") for p, row in labelled]
    for picture, label, kind in drawn:
        for _ in range(1 if kind == "flower" else 3):
            pixels, known, border = _photograph(picture, label, rng)
            rows.add(pixels, np.where(border, -1, known), kind, 2)
    for _ in range(asked.still if still else 0):
        picture = still[rng.integers(len(still))]
        rows.add(*_photograph(picture, Image.new("LA", picture.size, (0, 0)), rng)[:2], "still", 1)
    built = [painting.bare_wall(_FIRST + number, _WALL_DETAIL) for number in range(asked.walled // 2)]
    cut, backdrops = [(picture, label, 0) for picture, label, _ in drawn], still + built
    for pixels, label in masks.pasted(cut, backdrops, asked.composite if backdrops and cut else 0, rng):
        rows.add(*_photograph(pixels, label, rng)[:2], "composite", 2)
    sprites = cutouts.cut(labelled)
    for number in range(asked.scenes):
        is_thin = number % 5 < 2
        first = painting.THIN_SEED if is_thin else 0
        scene = painting.paint(first + _FIRST + number, still, sprites, is_thin, DETAIL)
        rows.add(scene.image, np.clip(scene.maps[0] / ALIVE_PX, 0, 1), "scene", 2)
    for number in range(asked.walled):
        scene = painting.paint_walled(_FIRST + number, sprites, DETAIL)
        rows.add(scene.image, np.clip(scene.maps[0] / ALIVE_PX, 0, 1), "scene", 2)
    return rows.stacked()


def outline_loss(logit, label, kind):
    """Cross-entropy of counted cells (N, 1, h, w), a mean over rows; edges that are known exactly weigh more."""
    counted, truth = (label >= 0).float(), label.clamp(min=0)
    is_edge = (F.max_pool2d(truth, 5, 1, 2) + F.max_pool2d(-truth, 5, 1, 2)) > 0.5
    is_exact = (kind <= _EXACT).view(-1, 1, 1, 1)
    cells = counted.sum((1, 2, 3), keepdim=True).clamp(min=1)
    part = (truth * counted).sum((1, 2, 3), keepdim=True) / cells
    gain = (_LEAST_PART / part.clamp(min=1e-4)).clamp(1, _LEAST_GAIN)
    weight = counted * (1 + (_EDGE_WEIGHT - 1) * (is_edge & is_exact)) * (1 + truth * (gain - 1))
    return (F.binary_cross_entropy_with_logits(logit, truth, reduction="none") * weight / cells).sum((1, 2, 3)).mean()


def _bent(coarse, kind, generator):
    """The first look's logit (N, 1, h, w) as it may be on pictures that it has never seen."""
    is_photo = (kind > _EXACT).float().view(-1, 1, 1, 1)
    size, one = (len(coarse), 1, 1, 1), {"generator": generator}
    slow = F.interpolate(torch.randn(len(coarse), 1, 3, 4, **one), coarse.shape[-2:], mode="bicubic")
    slow = slow * (_BENT + (_BENT_PHOTO - _BENT) * is_photo) * torch.rand(size, **one)
    return (coarse * (1 - 0.5 * is_photo * torch.rand(size, **one)) + slow) * (torch.rand(size, **one) > _WITHHELD)


def train_outline(where, data, checkpoint, settings, begin=None, **limits):
    """An OutlineNet on the rows of `make_rows`.

    begin: a trained network to go on from, gently; limits: minutes or steps in the place of the settings', see fit.
    """
    torch.manual_seed(settings.seed)
    asked = settings.outline
    by_kind = [torch.nonzero(data["kind"] == kind)[:, 0] for kind in range(len(KINDS))]
    counts = [getattr(asked.rows, kind) for kind in KINDS]

    def loss_of(network, generator):
        drawn = [
            kind[torch.randint(len(kind), (n,), generator=generator)]
            for kind, n in zip(by_kind, counts, strict=True)
            if len(kind)
        ]
        rows = dataset.batch(data, torch.cat(drawn))
        coarse = _bent(rows["coarse"][:, None], rows["kind"], generator)
        seen = [rows[name] for name in dataset.FEATURE_NAMES]
        seen[3] = seen[3] * (torch.rand(len(coarse), seen[3].shape[1], 1, 1, generator=generator) > 0.1)
        answer = network(*(x.to(ranks.device()) for x in (*seen, coarse))).float().cpu()
        return outline_loss(answer, rows["label"][:, None], rows["kind"])

    network = (begin or OutlineNet().begin(where)).to(ranks.device())
    minutes, rate = (asked.minutes_on, asked.rate_on) if begin else (asked.minutes, asked.rate)
    limits = limits if {"minutes", "steps"} & limits.keys() else limits | {"minutes": minutes}
    notes = {"parameters": parameters(network)}
    return fit(
        network,
        loss_of,
        settings.optimiser,
        checkpoint=checkpoint,
        rate=rate,
        seed=settings.seed,
        notes=notes,
        **limits,
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.fitting.outline", description="Train the closer look")
    parser.add_argument("--training", required=True, type=Path, help="the --work folder of onnx_export.fitting.train")
    parser.add_argument("--pictures", required=True, help="hand-masked pictures, see onnx_export.photographs.gather")
    parser.add_argument("--stills", required=True, help="pictures in which nothing moves")
    parser.add_argument("--work", required=True, type=Path, help="folder for outline.pt and the rows it learns from")
    parser.add_argument("--config", default="shipped", help="a run of onnx_export/configs, or a .toml file of yours")
    parser.add_argument("--begin", type=Path, help="folder of an outline.pt from which it goes on; default: anew")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        settings = runs.load(options.config)
        if not settings.outline:
            parser.error(f"{options.config} has no section [outline]: take another --config")
        where, _ = conditions.final(options.training, "where", WhereNet())
        begin = conditions.load(options.begin, "outline", OutlineNet())[0] if options.begin else None
        data = dataset.load_or_make(
            options.work / "outline_rows.pt",
            lambda: make_rows(where, options.pictures, options.stills, settings.outline, settings.seed),
        )
    except (GidError, ValueError) as error:
        parser.error(str(error))
    train_outline(where, data, options.work / "outline.pt", settings, begin)


if __name__ == "__main__":
    main()
