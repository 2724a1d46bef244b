"""Stills that move: photographs of a folder with their predicted motion, or the example and pictures made by code."""

import argparse
from fractions import Fraction
from pathlib import Path

import conftest
import numpy as np
from gid_dev.gid_core.files import image_io
from gid_dev.gid_core.frames.loop import Loop
from gid_dev.gid_core.frames.renderer import LoopRenderer
from gid_dev.gid_core.frames.splat import Splatter, weight_of
from gid_dev.gid_core.motion.plan import plan_loop
from gid_dev.gid_core.motion.volume import SpectralVolume
from gid_dev.gid_core.prediction import predict

from onnx_export.scenes.clouds import texture

EXAMPLE = conftest.ROOT / "docs" / "example.jpg"
N_FRAMES = 120
REACH_PX = 6.0  # at 256 pixels
_PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".webp")
_GENTLY = 0.3  # of the motion that stretches things so far that their detail is spread, too


class PlainRenderer(LoopRenderer):
    """Frames as 0.1.0 splatted them: colours as they are, nothing beyond the frame."""

    kin = None

    @property
    def _splatter(self):
        return Splatter(self.still, weight_of(self.front))


def add_arguments(parser: argparse.ArgumentParser, sizes) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="photographs; default: the example and code's own")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=sizes, metavar="PIXELS", help="long sides (default: %(default)s)"
    )


def add_through(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--through", nargs="+", default=[], choices=("cycles", "eevee"), help="also Blender's EXR, by these engines"
    )


def drawn(options, loop, numbers):
    """(who, frames of those numbers), by gid_core and each engine that was asked for; each to be used up in turn."""
    yield "gid_core", map(loop.renderer().frame, numbers)
    if options.through:
        from . import blender

        for engine in options.through:
            yield engine, blender.rendered(blender.built(loop, engine.upper()), numbers)


def loops(options):
    """(name, long side, `Loop`) of every still at every size; a photograph is never enlarged."""
    for size in options.sizes:
        for name, photo in photos_of(options.data):
            if max(photo.shape[:2]) < size:
                print(f"{name} has no {size} px: left out", flush=True)
                continue
            still = image_io.fit(photo, size)
            yield name, size, loop_of(still, predict.predict(still, predict.Request()).volume())
        if options.data is None:
            height = round(size * 9 / 16)
            yield "texture, all moving", size, loop_of(texture(size, height), smooth_volume(1).scaled(_GENTLY))
            yield "texture, 30 % moving", size, loop_of(texture(size, height), smooth_volume(0.3).scaled(_GENTLY))


def loop_of(still, volume, n_frames=N_FRAMES) -> Loop:
    return Loop(still, volume, plan_loop(volume, n_frames, Fraction(24)))


def plain(loop) -> PlainRenderer:
    return PlainRenderer(loop.still, loop.volume, loop.plan)


def smooth_volume(moving, width=256, height=144, n_freqs=16):
    """Smooth motion of a share `moving` of the picture, an ellipse with a soft rim; of all of it for 1."""
    y, x = (np.mgrid[:height, :width] + 0.5) / np.array([height, width])[:, None, None]
    inside = np.clip((1 - np.hypot(x - 0.5, y - 0.5) / np.sqrt(moving / np.pi)) / 0.25, 0, 1) if moving < 1 else 1
    k = np.arange(1, n_freqs + 1)[:, None, None]
    waves = [np.exp(2j * np.pi * (0.31 * k + 0.25 * c + x * (1 + k % 3) + y * (1 + (k + c) % 2))) for c in (0, 1)]
    amplitudes = np.stack(waves, -1) * (inside / k)[..., None] if moving < 1 else np.stack(waves, -1) / k[..., None]
    return SpectralVolume(REACH_PX / 2 * amplitudes, np.arange(1, n_freqs + 1) / 5)


def photos_of(folder):
    """(name, float32 (H, W, 3)) of every picture in a folder; None: of the example."""
    paths = [EXAMPLE] if folder is None else sorted(p for p in folder.iterdir() if p.suffix.lower() in _PICTURES)
    if not paths:
        raise SystemExit(f"there is no picture in {folder}")
    for path in paths:
        yield path.stem, image_io.load_photo(path).pixels[..., :3]
