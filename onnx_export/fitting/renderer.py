"""The network that draws: python -m onnx_export.fitting.renderer --pictures DIR --stills DIR --work DIR [--rows]

Draws layered scenes of the training's photographs, takes those that Blender rendered (--rendered), each with two
neighbouring true frames, and teaches networks.renderer.RendererNet what the best classical frame lacks. Scenes and
steps that are done are not done again.
"""

import argparse
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from gid_core.errors import GidError
from gid_core.files import colour
from gid_core.files.storage import replacing
from gid_core.frames.best import BestRenderer
from gid_core.frames.network import change_share, seen

from ..networks import backbone
from ..networks.blocks import parameters
from ..networks.renderer import Drawing, RendererNet
from ..photographs import masks
from ..scenes import layered
from ..scenes.moments import Moments
from . import settings as runs
from .conditions import load
from .fit import fit

__all__ = [
    "ROWS",
    "checkpoint_name",
    "drawn",
    "make_scene",
    "pair_of",
    "rendered_scene",
    "renderer_loss",
    "told",
    "train_renderer",
    "training_set",
    "varied",
]

# Each row of the table, and how it differs from the network.
ROWS = {
    "network, as long as the rows": {},
    "single scale": {"n_strides": 1},
    "no splatted features": {"n_strides": 0},
    "decoder alone": {"begins": "nothing"},
    "flow of each frame": {"draws": "flow"},
    "pixels from still and time": {"draws": "pixels"},
}
_SIZE = (256, 160)
_TEXEL_PX = (2.0, 7.5)  # of a 256-px volume in stills of 512 to 1920 px
_EXACT_SHARE = 1 / 3  # of the scenes: their motion is known to the pixel
_REACH = (0.003, 0.03)  # of the long side
_NEAR_MOVES_MORE = 0.8
_MOST_LAYERS, _MOST_BLADES = 4, 6
_FLOWERS = "flower"
_FLOWER_SHARE = 0.5
_DETAIL_PX = 9  # in which detail is compared: where each line lies is not asked
_LEAST_SHARE = 0.05  # what a pixel that rests counts
_LEAST_ERROR = 0.01  # of a frame, as which less counts


def make_scene(seed: int, photos) -> dict:
    """Two neighbouring frames of a layered scene, as `pair_of` gives them.

    photos: function of a generator and a count, which gives pictures as `layered.Scene` takes them.
    """
    rng = np.random.default_rng([seed, 25])
    n_layers = int(rng.integers(1, _MOST_LAYERS + 1))
    reach = np.sort(np.exp(rng.uniform(*np.log(_REACH), n_layers)))
    if rng.random() > _NEAR_MOVES_MORE:
        reach = reach[::-1]
    texels = _texels(rng)
    n_blades = int(rng.integers(_MOST_BLADES + 1))
    scene = layered.Scene(seed, photos(rng, 1 + n_layers), _SIZE, texels, tuple(reach), n_blades)
    is_exact = rng.random() < _EXACT_SHARE
    first = int(rng.integers(1, layered.N_FRAMES))
    return pair_of(scene, is_exact, (first, first + 1))


def rendered_scene(seed: int, path) -> dict:
    """Both frames of a file of `rendered.moving`, as `pair_of` gives them."""
    rng = np.random.default_rng([seed, 27])
    scene = Moments(path, _texels(rng))
    return pair_of(scene, rng.random() < _EXACT_SHARE, scene.numbers)


def _texels(rng):
    texel = rng.uniform(*_TEXEL_PX)
    return tuple(max(8, round(side / texel)) for side in _SIZE)


def pair_of(scene, is_exact, numbers) -> dict:
    """Frames of a scene as float16 arrays: `told` of both, stacked, and their `truth` (2, H, W, 3).

    is_exact: its motion is known to the pixel, not read through texels.
    """
    renderer = BestRenderer(scene.still, scene.volume if is_exact else layered.looked_up(scene), scene.plan)
    frames = [told(renderer, number) for number in numbers]
    made = {name: np.stack([frame[name] for frame in frames]) for name in frames[0]}
    made["truth"] = np.stack([_first(seen(scene.frame(number)[0])) for number in numbers])
    made["time"] = np.array(numbers, np.float32) / layered.N_FRAMES
    return {name: values.astype(np.float16) for name, values in made.items()}


def told(renderer: BestRenderer, number) -> dict:
    """What RendererNet is told of a frame, but for the time: float32 arrays, channels first."""
    displacement = renderer.displacement(number)
    picture, back, _coverage = renderer.drawn(displacement)
    return {
        "still": _first(seen(renderer.still)),
        "best": _first(seen(picture)),
        "displacement": _first(displacement),
        "weight": renderer.weights,
        "share": change_share(displacement, back)[None],
    }


def drawn(network: RendererNet, inputs: dict, time: float = 0.0) -> np.ndarray:
    """The frame of what `told` gave: sRGB, float32 (H, W, 3)."""
    tensors = {name: torch.from_numpy(np.ascontiguousarray(value, np.float32))[None] for name, value in inputs.items()}
    height, width = inputs["weight"].shape
    more = (0, -width % 4, 0, -height % 4)
    tensors = {name: _grown(value, more) for name, value in tensors.items()}
    with torch.no_grad():
        found = network(**tensors, time=torch.tensor([time]))
    return found[0, :, :height, :width].clamp(0, 1).numpy().transpose(1, 2, 0)


def _grown(value, more):
    return F.pad(value, more, mode="replicate") if value.ndim == 4 else F.pad(value[None], more, mode="replicate")[0]


def _first(picture):
    return np.ascontiguousarray(picture.transpose(2, 0, 1))


class Photos:
    """The training's photographs; called with a generator and a count, it gives some as (h, w, 3), linear."""

    def __init__(self, pictures, stills):
        self._pictures, self._stills = pictures, stills

    @cached_property
    def _kinds(self):
        """Flowers, and all else. At the first scene: a run that goes on has them all."""
        rows = masks.labelled_rows(self._pictures)
        flowers = [picture for picture, row in rows if _FLOWERS in row["source"]]
        others = [picture for picture, row in rows if _FLOWERS not in row["source"]]
        others += masks.load_pictures(self._stills)
        if not flowers or not others:
            raise SystemExit(f"{self._pictures} and {self._stills} hold too few photographs: gather them first")
        return flowers, others

    def __call__(self, rng, count):
        found = []
        for _ in range(count):
            kind = self._kinds[int(rng.random() >= _FLOWER_SHARE)]
            picture = kind[rng.integers(len(kind))].copy()
            picture.thumbnail((2 * _SIZE[0] * 5 // 4,) * 2)
            found.append(colour.decode_srgb(np.asarray(picture, np.float32) / 255).astype(np.float32))
        return found


def training_set(work, asked, seed, photos, rendered=None) -> dict:
    """{name: float16 (N, 2, ...)} of layered scenes and of the files of a folder; what `work` lacks of them is made and
    kept there."""
    layers = [(f"{number:05}", make_scene, photos) for number in range(asked.scenes)]
    files = sorted(Path(rendered).glob("*.npz")) if rendered else []
    shots = [(f"rendered {path.stem}", rendered_scene, path) for path in files]
    folder = Path(work) / "renderer_scenes"
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, (name, make, source) in enumerate([*layers, *shots]):
        path = folder / f"{name}.npz"
        if not path.exists():
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.savez(file, **make(10**6 * seed + number, source))
            if number % 20 == 19:
                print(f"{number + 1} of {len(layers) + len(shots)} scenes", flush=True)
        with np.load(path) as file:
            found.append({name: torch.from_numpy(file[name]) for name in file.files})
    return {name: torch.stack([scene[name] for scene in found]) for name in found[0]}


def renderer_loss(rows, asked, frozen):
    """A function of a network and a generator that gives the loss of a random batch of crops."""
    height, width = rows["truth"].shape[-2:]

    def loss(network, generator):
        chosen = torch.randint(len(rows["truth"]), (asked.batch,), generator=generator)
        top, left = (
            4 * int(torch.randint((size - asked.crop) // 4 + 1, (1,), generator=generator)) for size in (height, width)
        )
        part = np.s_[..., top : top + asked.crop, left : left + asked.crop]
        batch = {name: values[chosen].float().flatten(0, 1) for name, values in rows.items()}
        batch = {name: values if name == "time" else values[part] for name, values in batch.items()}
        if torch.rand(1, generator=generator) < 0.5:
            batch = {name: values if name == "time" else values.flip(-1) for name, values in batch.items()}
            batch["displacement"] = batch["displacement"] * torch.tensor([-1.0, 1.0])[:, None, None]
        truth = batch.pop("truth")
        return _compared(network(**batch).float(), truth, _counted(batch, truth), asked.loss, frozen)

    return loss


def _counted(batch, truth):
    """How much each pixel counts (2 N, 1, H, W): by how far the best frame errs around it; little where it rests."""
    error = (batch["best"] - truth).abs().mean(1, keepdim=True)
    around = F.avg_pool2d(error, _DETAIL_PX, 1, _DETAIL_PX // 2, count_include_pad=False)
    return batch["share"].clamp(min=_LEAST_SHARE) * (around + _LEAST_ERROR)


def _compared(found, truth, counted, weights, frozen):
    """The loss of frames (2 N, 3, H, W), neighbours side by side. counted: of `_counted`."""
    error = found - truth
    total = _mean(error.abs(), counted)
    for axis in (-1, -2):
        change = error.diff(dim=axis)
        total = total + weights.gradients * _mean(change.abs(), counted.narrow(axis, 1, change.shape[axis]))
    total = total + weights.detail * _mean((_detail(found) - _detail(truth)).abs(), counted)
    total = total + weights.flicker * _mean((error[1::2] - error[::2]).abs(), counted[::2])
    if weights.features:
        pairs = zip(frozen(found.clamp(0, 1)), frozen(truth), strict=True)
        total = total + weights.features * sum((ours - theirs).abs().mean() for ours, theirs in pairs)
    return total


def _mean(error, counted):
    return (error * counted).mean() / counted.mean()


def _detail(picture):
    """How much of it there is around each pixel: the mean of the Laplacian's size."""
    padded = F.pad(picture.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    around = padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:] + padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1]
    laplacian = (around - 4 * padded[..., 1:-1, 1:-1]).abs()
    return F.avg_pool2d(laplacian, _DETAIL_PX, 1, _DETAIL_PX // 2, count_include_pad=False)


def train_renderer(rows, asked, run, work, row=None, start=None):
    """The averaged network, from DIR/renderer.pt on, or from that of a row; rows: the training set.

    start: folder of the renderer.pt with whose weights the network begins; rows begin with none.
    """
    drawing = varied(ROWS[row], asked.drawing) if row else asked.drawing
    torch.manual_seed(run.seed)
    network = RendererNet(drawing)
    if start and not row:
        load(start, checkpoint_name(), network)
    frozen = backbone.pretrained().cut(2)
    return fit(
        network,
        renderer_loss(rows, asked, frozen),
        run.optimiser,
        checkpoint=Path(work) / f"{checkpoint_name(row)}.pt",
        rate=asked.rate,
        steps=asked.row_steps if row else asked.steps,
        seed=run.seed,
        notes={"parameters": parameters(network)},
    )


def varied(changes: dict, drawing: Drawing | None = None) -> Drawing:
    """A drawing with the changes of a row."""
    return replace(drawing or Drawing(), **changes)


def checkpoint_name(row=None) -> str:
    """Of the network, or of a row of the table."""
    return "renderer" if row is None else "renderer, " + row


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.fitting.renderer", description="Teach the network that draws")
    parser.add_argument("--pictures", required=True, help="pictures of masks.json, as gather leaves them")
    parser.add_argument("--stills", required=True, help="pictures of stills.json")
    parser.add_argument("--rendered", help="folder of onnx_export.rendered.moving")
    parser.add_argument("--work", required=True, help="folder of scenes and checkpoints; goes on from what is there")
    parser.add_argument("--start", help="folder of a renderer.pt: the network goes on from its weights")
    parser.add_argument("--config", default="renderer", help="which run: a name in configs/, or a .toml file")
    parser.add_argument("--rows", action="store_true", help="then train the other rows of the table, too")
    options = parser.parse_args(arguments)
    try:
        run = runs.load(options.config)
    except GidError as error:
        parser.error(str(error))
    if run.renderer is None:
        parser.error(f"{options.config} has no section renderer")
    torch.set_num_threads(1)
    work = Path(options.work)
    photos = Photos(options.pictures, options.stills)
    rows = training_set(work, run.renderer, run.seed, photos, options.rendered)
    for row in (None, *(ROWS if options.rows else ())):
        train_renderer(rows, run.renderer, run, work, row, options.start)


if __name__ == "__main__":
    main()
