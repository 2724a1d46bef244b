"""Renderers compared: frames from a still and its motion by every way that the project knows, beside the true frames.

Scenes are drawn from photographs or rendered by Cycles, seen by the true motion and by texels of 7.5 px (a volume of
256 px at 1080p) through the lookup; of films the motion is tracked from the still; Middlebury's is measured. Two
neighbouring frames each, but for Middlebury. Cases are the unit of chance.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gid_core.files import clips, colour, image_io
from gid_core.frames.loop import QUALITIES
from gid_core.frames.network import in_tiles, seen
from gid_core.frames.plate import MOVER_PX
from gid_core.frames.splat import Splatter, finish, weight_of
from gid_core.model import session
from gid_core.model.contract import FEATURE_STRIDES, RENDERING

from ..fitting import renderer as teaching
from ..fitting.conditions import load
from ..footage.optical_flow import estimate
from ..footage.windows import find_sources
from ..networks import backbone
from ..networks.renderer import RendererNet
from ..scenes import layered
from ..scenes.moments import Moments
from .bars import Bar, rounded, table_lines
from .silhouettes import detail, encoded, near, near_jumps, psnr, richest, ssim
from .statistics import interval
from .warps import Ways, along, middlebury_pair

__all__ = [
    "FIGURES",
    "Case",
    "film_cases",
    "frames_of",
    "middlebury_cases",
    "rendered_cases",
    "renderer_bars",
    "renderer_lines",
    "rows_of",
    "scene_cases",
    "scene_parts",
]

FIGURES = ("all", "edges", "holes", "inside", "ssim", "features", "sharpness", "flicker")
HELD_OUT = 10**7  # first seed of the scenes
TRUE, REAL, FILMS, MIDDLEBURY = "true motion", "texels of 7.5 px", "films", "Middlebury"
CYCLES = {TRUE: "Cycles, true motion", REAL: "Cycles, texels of 7.5 px"}
NEAR_PX = 4
LEARNED, STILL, TRAINED = "softmax, W learned", "repeat the still", "network, as in WORK"
SHOWN = "sharp", "best", "network"  # on sheets, behind the true frame
_SIZE, _TEXELS = (256, 160), (34, 21)
_REACH = (0.006, 0.014, 0.028)  # of the long side: up to 7 px
_BLADES = 4
_FRAMES = 5, 6
_FILM_SIZE = 256
_FILM_STEP, _FILM_PARTS = 3, 3  # frames from the still to the true one; stills of a film
_SIDE = 32  # the backbone wants multiples of it


@dataclass(frozen=True, eq=False)
class Case:
    """A still with one or two true frames of its motion.

    kind: where the motion is from. numbers: of the frames, as `ways` count them. truths: float32 (H, W, 3), linear.
    parts: bool (H, W) of FIGURES' first four, for each frame. times: of the frames, 0..1 of the loop.
    """

    name: str
    kind: str
    ways: Ways
    numbers: tuple
    truths: list
    parts: list
    times: tuple = field(default=(0.0, 0.0))


def _qualities():
    """Those that the shipped model can serve."""
    folder = session.cards.default_folder()
    has_network = set(RENDERING) <= set(session.cards.read_card(folder).files)
    return QUALITIES if has_network else tuple(name for name in QUALITIES if name != "network")


def scene_cases(photos, count: int = 20):
    """Cases of `count` layered scenes, each by the true motion and by texels. photos: folder of pictures."""
    pictures = [image_io.load_photo(path).pixels[..., :3] for path in sorted(Path(photos).iterdir())]
    for number in range(count):
        scene = layered.Scene(HELD_OUT + number, pictures, _SIZE, _TEXELS, _REACH, _BLADES)
        yield from _cases(f"scene {number}", scene, _FRAMES, {TRUE: TRUE, REAL: REAL})


def rendered_cases(folder):
    """The same of the scenes that `rendered.moving` left in a folder."""
    for path in sorted(Path(folder).glob("*.npz")):
        scene = Moments(path, _TEXELS)
        yield from _cases(path.stem, scene, scene.numbers, CYCLES)


def _cases(name, scene, numbers, kinds):
    """A scene by its true motion and by texels."""
    frames = [scene.frame(number) for number in numbers]
    parts = [scene_parts(scene.labels, front) for _truth, front in frames]
    times = tuple(number / layered.N_FRAMES for number in numbers)
    for kind, volume in ((TRUE, scene.volume), (REAL, layered.looked_up(scene))):
        ways = Ways(scene.still, volume, scene.plan, _qualities())
        yield Case(name, kinds[kind], ways, numbers, [truth for truth, _ in frames], parts, times)


def scene_parts(before, front) -> dict:
    """Parts of a frame by what is in front in the still and in it, (H, W), 0 for the background: bool (H, W) each."""
    edges = near(front, NEAR_PX)
    return {
        "all": np.ones(front.shape, bool),
        "edges": edges,
        "holes": (front == 0) & (before > 0),
        "inside": (front > 0) & ~edges,
    }


def _motion_parts(flow):
    """Of a motion whose objects nobody named."""
    edges = near_jumps(flow, NEAR_PX)
    return {
        "all": np.ones(edges.shape, bool),
        "edges": edges,
        "holes": np.zeros(edges.shape, bool),
        "inside": (np.hypot(*np.moveaxis(flow, -1, 0)) > MOVER_PX) & ~edges,
    }


def middlebury_cases(folder):
    """Cases of Middlebury's pairs: folders with frame10.png, flow10.npz, frame10i11.png."""
    for path in sorted(path.parent for path in Path(folder).glob("*/frame10i11.png")):
        still, truth, flow = middlebury_pair(path)
        ways = Ways(still, *along(flow, share=0.5), _qualities())
        yield Case(path.name, MIDDLEBURY, ways, (0,), [truth], [_motion_parts(flow / 2)])


def film_cases(folder):
    """Cases of films with a still camera: a still, and the frames that follow it by some, tracked from it."""
    for path in find_sources([folder]):
        frames = [picture for _time, picture in clips.decoded(path)]
        scale = min(1, _FILM_SIZE / max(frames[0].size))
        width, height = (max(_SIDE, round(side * scale)) for side in frames[0].size)
        for first in np.linspace(0, len(frames) - _FILM_STEP - 2, _FILM_PARTS).astype(int):
            shown = [clips.fitted(frames[first + step], width, height) for step in (0, _FILM_STEP, _FILM_STEP + 1)]
            flows = [estimate(shown[0], later) for later in shown[1:]]
            still, *truths = (colour.decode_srgb(np.float32(picture) / 255).astype(np.float32) for picture in shown)
            ways = Ways(still, *along(*flows), _qualities())
            parts = [_motion_parts(flow) for flow in flows]
            yield Case(f"{path.stem} {first}", FILMS, ways, (0, 1), truths, parts)


def rows_of(folder) -> dict:
    """{row: RendererNet} of the network and of those of `teaching.ROWS` whose checkpoints are in a folder."""
    found = {}
    for row, changes in {None: {}, **teaching.ROWS}.items():
        name = teaching.checkpoint_name(row)
        if (Path(folder) / f"{name}.pt").exists():
            network = RendererNet(teaching.varied(changes))
            found[row or TRAINED] = load(folder, name, network)[0].eval()
    return found


def frames_of(case: Case, rows: dict):
    """{method: [picture of each frame]}, float32 (H, W, 3), linear."""
    found: dict = {STILL: [case.ways.renderers["core"].still for _ in case.numbers]}
    for number, time in zip(case.numbers, case.times, strict=False):
        made = dict(case.ways.frames(number))
        if "network" in made:
            made[LEARNED] = _learned(case.ways, number)
        if rows:
            inputs = teaching.told(case.ways.renderers["best"], number)
            for row, network in rows.items():
                made[row] = colour.decode_srgb(teaching.drawn(network, inputs, time))
        for method, picture in made.items():
            found.setdefault(method, []).append(picture)
    return found


def _learned(ways, number):
    """A plain softmax splat whose weights are those of the motion as the network corrects them."""
    core = ways.renderers["core"]
    height, width = core.still.shape[:2]
    rgb = np.pad(seen(core.still), ((0, -height % 4), (0, -width % 4), (0, 0)), mode="edge").transpose(2, 0, 1)[None]
    model = session.load_model(roles=RENDERING)
    log = in_tiles(lambda tile: model.run("features", tile), {"rgb": rgb}, FEATURE_STRIDES)["full"][0, 0]
    weight = weight_of(core.front) * np.exp(log[:height, :width])
    return finish(*Splatter(core.still, weight)(core.displacement(number)), core.plate)


@cache
def _backbone():
    return backbone.pretrained().cut(2)


def _features(picture):
    height, width = (size - size % _SIDE for size in picture.shape[:2])
    rgb = torch.from_numpy(seen(picture)[:height, :width].transpose(2, 0, 1)[None].copy())
    with torch.no_grad():
        return [found.numpy() for found in _backbone()(rgb)]


def score(case: Case, frames: dict) -> dict:
    """{method: {figure: number}}, means over the frames of a case (`frames_of`); what it does not show is NaN.

    The first four are PSNR in dB over these parts. ssim: structural similarity. features: distance of the backbone's in
    the last frame, as a part of the true one's size, a mean of strides 4 and 8. sharpness: detail inside, as a part of
    the true frame's. flicker: mean error of the difference of both frames where something moves, in 255ths.
    """
    true = _features(case.truths[-1])
    table = {}
    for method, pictures in frames.items():
        found = [_compared(*one) for one in zip(pictures, case.truths, case.parts, strict=True)]
        row = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
        pairs = zip(_features(pictures[-1]), true, strict=True)
        distances = [np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) for ours, theirs in pairs]
        table[method] = {**row, "features": float(np.mean(distances)), "flicker": _flicker(pictures, case)}
    return table


def _compared(picture, truth, parts):
    inside = parts["inside"]
    sharpness = detail(picture, inside) / detail(truth, inside) if inside.any() else np.nan
    found = {name: psnr(picture, truth, part) for name, part in parts.items()}
    return {**found, "ssim": ssim(picture, truth), "sharpness": sharpness}


def _flicker(pictures, case):
    if len(pictures) < 2:
        return np.nan
    ours, true = (encoded(b) - encoded(a) for a, b in (pictures, case.truths))
    moving = case.parts[0]["edges"] | case.parts[0]["inside"]
    return 255 * float(np.abs(ours - true)[moving].mean()) if moving.any() else np.nan


def tabulated(scores: list) -> dict:
    """{kind: {method: {figure: [mean, low, high]}}} of (kind, `score`) pairs; "lead": over "sharp"."""
    table: dict = {}
    for kind in dict.fromkeys(kind for kind, _ in scores):
        found = [one for name, one in scores if name == kind]
        table[kind] = {
            method: {
                **{figure: _figure([one[method][figure] for one in found]) for figure in FIGURES},
                "lead": {
                    figure: _figure([one[method][figure] - one["sharp"][figure] for one in found]) for figure in FIGURES
                },
            }
            for method in found[0]
        }
    return rounded(table, 3)


def _figure(values):
    values = np.asarray(values, float)
    mean = np.nanmean(values) if np.isfinite(values).any() else np.nan
    return [mean, *interval(values)]


def renderer_lines(table) -> list:
    """A table a kind, and what each method is ahead of the sharp splat, with 95 % intervals."""
    lines = []
    for kind, methods in table.items():
        rows = [[name, *(_told(row[figure][0]) for figure in FIGURES)] for name, row in methods.items()]
        lines += [*table_lines([kind, *FIGURES], rows), ""]
        rows = [
            [name, *("{} ({} .. {})".format(*map(_told, row["lead"][figure])) for figure in ("all", "edges", "holes"))]
            for name, row in methods.items()
        ]
        lines += [*table_lines([f"{kind}: ahead of sharp by", "all", "edges", "holes"], rows), ""]
    return lines


def _told(value):
    return "" if value is None else f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"


def renderer_bars(table) -> list:
    """The bars of the network that draws, as far as it and their kinds were measured."""
    bars = []
    if "network" in table.get(MIDDLEBURY, {}):
        row = table[MIDDLEBURY]["network"]
        bars += [
            Bar("network: Middlebury, dB", row["all"][0], ">=", 35.4, row["all"][1:]),
            Bar("network: Middlebury, sharpness", row["sharpness"][0], ">=", 0.96, row["sharpness"][1:]),
        ]
    if "network" in table.get(REAL, {}):
        row, sharp = table[REAL]["network"], table[REAL]["sharp"]
        lead = row["lead"]
        bars += [
            Bar(f"network: dB over sharp, {part}", lead[part][0], ">=", 1.0, lead[part][1:])
            for part in ("edges", "holes")
        ]
        bars += [
            Bar(
                "network: flicker over sharp's", row["flicker"][0] - sharp["flicker"][0], "<=", 0.0, lead["flicker"][1:]
            ),
            Bar("network: sharpness inside", row["sharpness"][0], ">=", 0.97, row["sharpness"][1:]),
            Bar("network: sharpness inside, at most", row["sharpness"][0], "<=", 1.03, row["sharpness"][1:]),
        ]
    return bars


def sheet(case: Case, path, methods, frames: dict, side: int = 128) -> None:
    """Crops of a case's last frame side by side at 200 %, the true one first, where the sharp splat errs most."""
    truth = case.truths[-1]
    error = np.abs(encoded(frames["sharp"][-1]) - encoded(truth)).sum(-1)
    part = richest(error, side, side)
    shown = [truth, *(frames[method][-1] for method in methods if method in frames)]
    crops = [np.rint(255 * encoded(picture[part])) for picture in shown]
    gap = np.full((len(crops[0]), 2, 3), 255.0)
    line = np.hstack([part for crop in crops for part in (crop, gap)][:-1]).astype(np.uint8)
    Image.fromarray(line).resize((2 * line.shape[1], 2 * line.shape[0]), Image.NEAREST).save(path)
