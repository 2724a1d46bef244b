"""Loss curves of a training as a picture: python -m onnx_export.fitting.curves --work DIR --out FILE

One panel a checkpoint: the mean of 50 steps over the steps, both with their limits written at the axes.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from .conditions import RUNS

__all__ = ["curve", "main"]

_WIDTH, _HEIGHT, _MARGIN = 480, 260, 40
_WINDOW = 50
_INK, _LINE = (30, 30, 30), (40, 110, 190)


def curve(losses, title) -> Image.Image:
    """A panel with the running mean of the losses, logarithmic."""
    losses = np.asarray(losses, np.float64)
    window = max(1, min(_WINDOW, len(losses) // 4))
    mean = np.convolve(losses, np.ones(window) / window, "valid")
    height = np.log(np.maximum(mean, 1e-9))
    low, high = height.min(), height.max()
    x = _MARGIN + np.linspace(0, 1, len(mean)) * (_WIDTH - 2 * _MARGIN)
    y = _HEIGHT - _MARGIN - (height - low) / max(high - low, 1e-9) * (_HEIGHT - 2 * _MARGIN)
    panel = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(panel)
    draw.rectangle((_MARGIN, _MARGIN, _WIDTH - _MARGIN, _HEIGHT - _MARGIN), outline=_INK)
    draw.line(list(zip(x, y, strict=True)), fill=_LINE, width=2)
    draw.text((_MARGIN, 12), f"{title}: loss, mean of {window} steps, logarithmic", fill=_INK)
    draw.text((2, _MARGIN - 4), f"{np.exp(high):.3g}", fill=_INK)
    draw.text((2, _HEIGHT - _MARGIN - 8), f"{np.exp(low):.3g}", fill=_INK)
    draw.text((_WIDTH - _MARGIN - 50, _HEIGHT - _MARGIN + 6), f"step {len(losses)}", fill=_INK)
    return panel


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.fitting.curves", description="Draw the losses of a training")
    parser.add_argument("--work", required=True, help="folder of the training's checkpoints")
    parser.add_argument("--out", required=True, help="picture to write")
    options = parser.parse_args(arguments)
    paths = [path for path in (Path(options.work) / f"{name}.pt" for name in RUNS) if path.exists()]
    if not paths:
        raise SystemExit(f"{options.work} holds no checkpoint: train first")
    panels = [curve(torch.load(path, weights_only=True)["losses"], path.stem) for path in paths]
    sheet = Image.new("RGB", (_WIDTH, _HEIGHT * len(panels)), "white")
    for i, panel in enumerate(panels):
        sheet.paste(panel, (0, i * _HEIGHT))
    sheet.save(options.out)


if __name__ == "__main__":
    main()
