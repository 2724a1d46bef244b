"""Contact sheets: the figures miss what a look at the pictures shows at once."""

from pathlib import Path

import numpy as np
from PIL import Image

from gid_core.prediction import predict

from .seeing import answer, linear

__all__ = ["contact_sheet", "phase_tile"]

_SIDE, _STEP = 160, 164
_WHITE_PX = 3.0


def phase_tile(x: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3): the phase of complex x (h, w) as hue, its size as brightness, white at the 97th percentile."""
    value = np.clip(np.abs(x) / (np.percentile(np.abs(x), 97) + 1e-6), 0, 1)
    hue = np.stack([np.angle(x) / (2 * np.pi) % 1, np.ones_like(value), value], -1)
    return np.asarray(Image.fromarray((hue * 255).astype(np.uint8), "HSV").convert("RGB"))


def contact_sheet(model, folder, path, seed: int = 0) -> None:
    """Photo, alive, amplitude (white: 3 px), phase of k = 1 and k = 5 for every picture of DIR/img, into a file."""
    rows = []
    for file in sorted((Path(folder) / "img").iterdir()):
        picture = Image.open(file).convert("RGB")
        alive = answer(model, picture)[0]
        volume = predict.predict(linear(picture), predict.Request(seed=seed, model=str(model.card.folder))).volume()
        size = (volume.width, volume.height)
        size = tuple(max(1, round(_SIDE * s / max(size))) for s in size)
        amplitude = np.sqrt((np.abs(volume.amplitudes) ** 2).sum((0, 3)))
        tiles = [np.asarray(picture.resize(size)), alive * 255, np.clip(amplitude / _WHITE_PX, 0, 1) * 255]
        tiles += [phase_tile(volume.amplitudes[k, ..., 0]) for k in (0, 4)]
        line = Image.new("RGB", (5 * _STEP, _STEP))
        for column, tile in enumerate(tiles):
            tile = Image.fromarray(np.asarray(tile).astype(np.uint8)).convert("RGB").resize(size)
            line.paste(tile, (column * _STEP, 0))
        rows.append(np.asarray(line))
    half = (len(rows) + 1) // 2
    blank = [np.zeros_like(rows[0])] * (2 * half - len(rows))
    sheet = np.hstack([np.vstack(rows[:half]), np.vstack([*rows[half:], *blank])])
    Image.fromarray(sheet).save(path)
