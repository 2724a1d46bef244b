"""Hand-drawn masks of real photographs, crops of them, and cut-outs of them before pictures in which nothing moves.

masks.json holds polygons only (ours, CC0) with the path and SHA-256 of each picture; the pictures come from a folder
that the caller names and are never kept. Labels: 1 may move, 0 must not, -1 not counted. A label image "LA" holds in
its second band how far a moving thing of known kind is expected to sway, see kinds.py; 0 is unknown. Rows may list
stems that were followed by eye.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from ..scenes import kinds
from ..scenes.painting import HEIGHT, WIDTH

__all__ = [
    "MASKS",
    "band_between",
    "composites",
    "cropped",
    "hand_masks",
    "label",
    "labelled_rows",
    "load_pictures",
    "pasted",
    "sources",
    "still_pictures",
    "unmarked",
]

MASKS = Path(__file__).with_name("masks.json")
_MOVE, _STILL, _IGNORE = 255, 0, 128
_PX = 1 / 40  # of the second band, at the size at which the whole picture is 256 wide
_BAND = 1 / 256  # of the longer side, on either side of a border: what a hand-drawn outline is off by
_STEM_PX = 1.2  # half of a stem's width, at that size
_ZOOM_POWER = 0.75  # between cloth, which sways as the root of its size, and stems, which sway as their size
_SUFFIXES = (".jpg", ".jpeg", ".png")


def load_pictures(folder):
    """PIL RGB pictures of a folder and its subfolders, long side at most 1,024, in the order of their names."""
    pictures = []
    for path in sorted(Path(folder).rglob("*")):
        if path.suffix.lower() in _SUFFIXES:
            picture = Image.open(path).convert("RGB")
            picture.thumbnail((1024, 1024))
            pictures.append(picture)
    return pictures


def sources():
    """Names of the sources of the hand-masked pictures, sorted."""
    return sorted({row["source"] for row in json.loads(MASKS.read_text())})


def labelled_rows(folder, rows=None):
    """(picture, row) of each of the rows, by default those of masks.json, whose picture is in the folder.

    Raises:
        ValueError: a picture is not the one that the mask was drawn on.
    """
    found = []
    for row in json.loads(MASKS.read_text()) if rows is None else rows:
        path = Path(folder) / row["path"]
        if not path.exists():
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() != row["sha256"]:
            raise ValueError(f"{path} is not the picture that its mask was drawn on (SHA-256 differs)")
        found.append((ImageOps.exif_transpose(Image.open(path)).convert("RGB"), row))
    return found


def hand_masks(folder, masks=MASKS):
    """(picture, label image) of each row whose picture is in the folder; see `labelled_rows` and `label`."""
    rows = json.loads(Path(masks).read_text())
    return [(picture, label(row, picture.size)) for picture, row in labelled_rows(folder, rows)]


def label(row, size):
    """Label image "LA" of a row: 255 move, 0 still, 128 not counted; and the expected sway in 1/40 px."""
    values = {"move": _MOVE, "still": _STILL, "ignore": _IGNORE}
    found = Image.new("L", size, values[row["base"]])
    draw = ImageDraw.Draw(found)
    for kind in ("still", "ignore", "move"):
        for polygon in row[kind]:
            draw.polygon([(x * size[0] / 10, y * size[1] / 10) for x, y in polygon], fill=values[kind])
    sway = Image.new("L", size, 0)
    for points, px in kinds.expected(row, size):
        stencil = Image.new("L", size, 0)
        ImageDraw.Draw(stencil).polygon(points, fill=255)
        left, top, right, foot = stencil.getbbox() or (0, 0, 1, 1)
        ramp = Image.fromarray(np.clip(px / _PX, 1, 255).astype(np.uint8)[:, None])
        sway.paste(ramp.resize((right - left, foot - top)), (left, top), stencil.crop((left, top, right, foot)))
    if row.get("stems"):
        found, sway = _with_stems(row["stems"], found, sway)
    return Image.merge("LA", (found, sway))


def band_between(label):
    """Label image "L" of a label image "LA": 255 move, 0 still, 128 not counted, nor a band between move and still."""
    values = label.getchannel("L")
    around = ImageFilter.BoxBlur(max(1, round(max(label.size) * _BAND)))
    near = [values.point(lambda v, kind=kind: 255 * (v == kind)).filter(around) for kind in (_MOVE, _STILL)]
    found = np.array(values)
    found[(np.asarray(near[0]) > 0) & (np.asarray(near[1]) > 0)] = _IGNORE
    return Image.fromarray(found)


def _with_stems(stems, label, sway):
    """Label and sway bands with stems followed by eye: each sways by its length, less and less towards its root.

    stems: [root x, root y, tip x, tip y, width of the corridor] in tenths of the picture (the width, of its width).
    What moves in a corridor is that stem's; the stem itself moves, unless something still was marked there.
    """
    known, far = np.array(label), np.array(sway)
    y, x = np.indices(known.shape) + 0.5
    nearest = np.full(known.shape, np.inf)
    for numbers in stems:
        root, tip = np.array(numbers[:4]).reshape(2, 2) * label.size / 10
        length, along = np.hypot(*(tip - root)), (tip - root) / np.hypot(*(tip - root))
        part = ((x - root[0]) * along[0] + (y - root[1]) * along[1]) / length
        across = np.abs((y - root[1]) * along[0] - (x - root[0]) * along[1])
        is_near = (part > 0) & (part < 1) & (across < numbers[4] * label.width / 20) & (across < nearest)
        px = kinds.flower_px(length * WIDTH / label.width) * np.clip(part, 0.03, 1) ** kinds.FALL
        far[is_near] = np.clip(px / _PX, 1, 255)[is_near]
        nearest[is_near] = across[is_near]
    known[(nearest < _STEM_PX * label.width / WIDTH) & (known == _IGNORE)] = _MOVE
    return Image.fromarray(known), Image.fromarray(far)


def cropped(picture, label, rng, is_centred=False):
    """The centre of a picture at 8:5, or a random, mirrored, recoloured crop.

    Returns (pixels uint8 (160, 256, 3), label int8 (40, 64), expected sway float32 (40, 64) in px of the crop).
    """
    w, h = picture.size
    width = min(w, h * 1.6) * (1 if is_centred else rng.uniform(0.5, 1))
    height = width / 1.6
    x, y = (0.5, 0.5) if is_centred else rng.random(2)
    x, y = x * (w - width), y * (h - height)
    box = (x, y, x + width, y + height)
    pixels = np.asarray(picture.resize((WIDTH, HEIGHT), Image.LANCZOS, box=box), np.float32) / 255
    known, sway = label.resize((WIDTH, HEIGHT), Image.NEAREST, box=box).split()
    cells, sway = _cells(known), _sway(known, sway, w / width)
    if not is_centred:
        grey = pixels.mean(-1, keepdims=True)
        pixels = np.clip(grey + (pixels - grey) * rng.uniform(0.4, 1.3), 0, 1) ** rng.uniform(0.65, 1.6)
        if rng.random() < 0.2:
            pixels = pixels * rng.uniform(0.3, 0.8)
        if rng.random() < 0.5:
            pixels, cells, sway = pixels[:, ::-1], cells[:, ::-1], sway[:, ::-1]
    pixels = (np.ascontiguousarray(pixels) * 255).round().astype(np.uint8)
    return pixels, np.ascontiguousarray(cells), np.ascontiguousarray(sway)


def _cells(label):
    """A cell counts when three quarters of it agree and no neighbour says the opposite."""
    pixels = np.asarray(label).reshape(HEIGHT // 4, 4, WIDTH // 4, 4)
    moves, stands = (pixels == _MOVE).mean((1, 3)) > 0.75, (pixels == _STILL).mean((1, 3)) > 0.75
    cells = np.where(moves, 1, np.where(stands, 0, -1)).astype(np.int8)
    cells[moves & _beside(stands)] = -1
    cells[stands & _beside(moves)] = -1
    return cells


def _sway(label, sway, zoom):
    """Mean over each cell's pixels that move and whose sway is known."""
    pixels = np.asarray(sway, np.float32).reshape(HEIGHT // 4, 4, WIDTH // 4, 4)
    moves = np.asarray(label).reshape(pixels.shape) == _MOVE
    known = ((pixels > 0) & moves).sum((1, 3))
    return (pixels * moves).sum((1, 3)) / np.maximum(known, 1) * np.float32(_PX * zoom**_ZOOM_POWER)


def _beside(flags):
    grown = np.pad(flags, 1)
    return grown[:-2, 1:-1] | grown[2:, 1:-1] | grown[1:-1, :-2] | grown[1:-1, 2:]


def unmarked(size):
    """The label image of a picture of which nothing is known."""
    return Image.new("LA", size, (_IGNORE, 0))


def still_pictures(pictures, count, rng):
    """`count` crops in which nothing may move."""
    for _ in range(count):
        picture = pictures[rng.integers(len(pictures))]
        yield cropped(picture, Image.new("LA", picture.size, (_STILL, 0)), rng)


def composites(masks, pictures, count, rng):
    """`count` pairs: a crop of a hand-masked thing cut out, scaled and pasted before a still picture; its source.

    masks: (picture, label image, source) of each.
    """
    for backdrop, label, source in _pasted(masks, pictures, count, rng):
        yield cropped(backdrop, label, rng), source


def pasted(masks, pictures, count, rng):
    """`count` pairs of a still picture with a hand-masked thing cut out, scaled and pasted, and its label image."""
    for backdrop, label, _ in _pasted(masks, pictures, count, rng):
        yield backdrop, label


def _pasted(masks, pictures, count, rng):
    movers = [(p, m, source) for p, m, source in masks if 0.03 < (np.asarray(m.getchannel("L")) == _MOVE).mean() < 0.6]
    for _ in range(count):
        backdrop = pictures[rng.integers(len(pictures))].copy()
        label = Image.new("LA", backdrop.size, (_STILL, 0))
        picture, mask, source = movers[rng.integers(len(movers))]
        scale = rng.uniform(0.5, 1.1) * min(backdrop.size) / min(picture.size)
        size = tuple(max(8, round(s * scale)) for s in picture.size)
        at = tuple(round(rng.uniform(-0.2, 0.7) * b) for b in backdrop.size)
        moves, sway = mask.split()
        zoom = size[0] / backdrop.width
        sway = sway.point(lambda v, zoom=zoom: round(v * zoom**_ZOOM_POWER)).resize(size)
        stencil = moves.point(lambda v: 255 * (v == _MOVE)).resize(size).filter(ImageFilter.GaussianBlur(1))
        backdrop.paste(picture.resize(size, Image.LANCZOS), at, stencil)
        pasted = Image.merge("LA", (Image.new("L", size, _MOVE), sway))
        label.paste(pasted, at, stencil.point(lambda v: 255 * (v > 127)))
        yield backdrop, label, source
