"""Rendered training scenes: `python -m onnx_export.rendered.render --models DIR --out DIR --count N --seed S`.

Runs under a Python that has bpy, numpy and Pillow, without torch. Each scene becomes one .npz: `image`, `maps`, `wind`
as in painting.Scene, and `object` uint16 (160, 256), `kind` (the name of the set, then of each object's parts).
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from . import motion_maps
from .sets import SETS
from .stage import Catalogue, Stage

__all__ = ["main", "photographed", "render"]

_DARKEST_WHITE = 150  # 8-bit: darker pictures are meant to be dark
_GLARE_BELOW = 100  # 8-bit median: lamps glare in the dark
_ATTEMPTS = 4
_PICTURES = {".jpg", ".jpeg", ".png", ".webp"}


def photographed(picture, rng, is_lit):
    """uint8 (h, w, 3) of a picture twice as large: halved by a box filter, then glare, tone, blur and grain."""
    h, w = picture.shape[0] // 2, picture.shape[1] // 2
    pixels = picture.reshape(h, 2, w, 2, 3).astype(np.float32).mean((1, 3))
    low, high = np.percentile(pixels, 1), max(np.percentile(pixels, 99), _DARKEST_WHITE)
    low = min(low, 60) * rng.uniform(0.5, 1)
    pixels = (pixels - low) / (high - low) * rng.uniform(195, 255)  # exposed as a camera would
    if np.median(pixels) < _GLARE_BELOW and (is_lit or rng.random() < 0.15):
        bright = Image.fromarray(np.clip((pixels - 170) * 2, 0, 255).astype(np.uint8))
        for radius in (3, 10):
            halo = np.asarray(bright.filter(ImageFilter.GaussianBlur(radius)), np.float32)
            pixels = pixels + halo * rng.uniform(0.2, 0.7)
    pixels = (np.clip(pixels, 0, 255) / 255) ** rng.uniform(0.75, 1.25) * 255
    if rng.random() < 0.25:
        soft = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        pixels = np.asarray(soft.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9))), np.float32)
    pixels = pixels * (1 + rng.normal(0, 0.03, 3)) + rng.normal(0, rng.uniform(0.5, 4), (h, w, 1))
    return np.clip(pixels + rng.normal(0, 1, (h, w, 3)), 0, 255).astype(np.uint8)


def render(seed, catalogue, backdrops=()):
    """(arrays of the .npz, names of the models used) of a seed; a scene that came out unfit is drawn anew."""
    for attempt in range(_ATTEMPTS):
        arrays, used = _attempt(
            np.random.default_rng([seed, 11, attempt] if attempt else [seed, 11]), catalogue, backdrops
        )
        if motion_maps.is_fit(arrays["image"], arrays["object"]):
            break
    return arrays, used


def _attempt(rng, catalogue, backdrops):
    angle = rng.uniform(-0.35, 0.35) + math.pi * rng.integers(2)
    wind = np.array([math.cos(angle), math.sin(angle), math.exp(rng.uniform(math.log(60), math.log(400)))], np.float32)
    odds = np.array(list(SETS.values()))
    build = list(SETS)[rng.choice(len(SETS), p=odds / odds.sum())]
    stage = Stage(rng, catalogue)
    build(stage, backdrops)
    picture, parts, members = stage.shoot(wind)
    image = photographed(picture, rng, build.__name__ in ("candles", "lanterns"))
    maps = motion_maps.fill(parts, members, wind)
    kinds = np.array([build.__name__, *(f"{m.object_id} {m.kind}" for m in members)])
    objects = motion_maps.object_ids(parts, members)
    return {"image": image, "maps": maps, "wind": wind, "object": objects, "kind": kinds}, stage.used


def _sheet(paths, target, columns=4):
    """Picture, amplitude (white = 2.5 px) and object colours of each scene, side by side."""
    tiles = []
    palette = np.random.default_rng(5).integers(60, 255, (1024, 3), dtype=np.uint8)
    palette[0] = 0
    for path in paths:
        with np.load(path) as scene:
            amplitude = np.clip(scene["maps"][0] / 2.5 * 255, 0, 255).astype(np.uint8)
            amplitude = np.asarray(Image.fromarray(amplitude).resize((256, 160), 0).convert("RGB"))
            tiles.append(np.concatenate([scene["image"], amplitude, palette[scene["object"] % 1024]], 1))
    while len(tiles) % columns:
        tiles.append(np.zeros_like(tiles[0]))
    rows = [np.concatenate(tiles[i : i + columns], 1) for i in range(0, len(tiles), columns)]
    sheet = Image.fromarray(np.concatenate(rows))
    sheet.resize((sheet.width * 2 // 3, sheet.height * 2 // 3), Image.LANCZOS).save(target)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.rendered.render", description=__doc__)
    parser.add_argument("--models", type=Path, required=True, help="unpacked furniture libraries (.sh3f are zips)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0, help="of the first scene; the file is named after its seed")
    parser.add_argument("--backdrops", type=Path, help="folder of pictures in which nothing moves")
    parser.add_argument("--sheet", type=Path, help="contact sheet to write")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    backdrops = (
        sorted(p for p in options.backdrops.rglob("*") if p.suffix.lower() in _PICTURES) if options.backdrops else []
    )
    catalogue, used, begun, made = Catalogue(options.models), set(), time.monotonic(), []
    for seed in range(options.seed, options.seed + options.count):
        arrays, names = render(seed, catalogue, backdrops)
        target = options.out / f"{seed:05d}.npz"
        np.savez_compressed(target, **arrays)
        made.append(target)
        used |= names
        pace = (time.monotonic() - begun) / len(made)
        print(
            f"{target.name} {arrays['kind'][0]:9s} {len(arrays['kind']) - 1:3d} members, {pace:.1f} s a scene",
            flush=True,
        )
    for name in sorted(used):
        print(f"model {name}: {catalogue.entries[name]['source']}")
    if options.sheet:
        _sheet(made, options.sheet)


if __name__ == "__main__":
    main()
