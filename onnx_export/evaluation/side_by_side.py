"""Pairs of films on one sheet, for looking: the reference on the left, ours on the right.

Of each, from above: the still, and where it moves with the lines of the slices; the frames at 1/4 and at 3/4; that at
1/2, and its difference from the still, four times as strong; a row of the picture over time, downwards, and a column
over time with the spectrum beside it.
"""

import numpy as np
from PIL import Image, ImageDraw

__all__ = ["sheet", "slices_through", "spectrum_chart"]

_GAP = 4
_GROUND = (28, 28, 28)
_FULL_PX = 2.0  # RMS motion that shows at full brightness
_GAIN = 4
_COLOURS = {"flow": (230, 120, 30), "procedural": (90, 140, 220)}


def slices_through(*motions) -> tuple:
    """(row, column) through the most motion of several maps (H, W) together."""
    together = sum(m / max(float(m.mean()), 1e-6) for m in motions)
    return int(np.argmax(_smoothed(together.mean(1)))), int(np.argmax(_smoothed(together.mean(0))))


def _smoothed(values):
    return np.convolve(values, np.ones(7) / 7, mode="same")


def sheet(theirs, ours) -> Image.Image:
    """theirs, ours: (frames uint8 (T, H, W, 3), motion (H, W) RMS px, shares (16,) of each harmonic) of one still."""
    row, column = slices_through(theirs[1], ours[1])
    return _beside([_column(_tiles(*film, row, column)) for film in (theirs, ours)])


def _tiles(frames, motion, shares, row, column):
    """uint8 pictures in pairs of one height."""
    still, n = frames[0], len(frames)
    heat = np.clip(motion / _FULL_PX, 0, 1)[..., None]
    where = still * (0.25 + 0.25 * heat) + heat * np.array([255, 110, 20]) * 0.7
    where[row], where[:, column] = where[row] / 2 + 127, where[:, column] / 2 + 127
    across, down = frames[:, row], frames[:, :, column]  # (T, W, 3), (T, H, 3)
    bars = _bars(shares, still.shape[1] - down.shape[1], n)
    tiles = [still, where, frames[n // 4], frames[3 * n // 4]]
    tiles += [frames[n // 2], np.abs(frames[n // 2].astype(float) - still) * _GAIN]
    tiles += [across, np.hstack([down, bars])]
    return [np.clip(np.rint(tile), 0, 255).astype(np.uint8) for tile in tiles]


def _bars(shares, width, height):
    """The spectrum as bars, the slowest on the left: uint8 (height, width, 3)."""
    picture = Image.new("RGB", (width, height), _GROUND)
    draw = ImageDraw.Draw(picture)
    rms = np.sqrt(np.nan_to_num(shares))
    for index, value in enumerate(rms / max(rms.max(), 1e-9)):
        left, right = round(index * width / len(rms)), round((index + 1) * width / len(rms)) - 2
        draw.rectangle((left, height - 1 - round(value * height * 0.5), right, height), fill=_COLOURS["flow"])
    return np.asarray(picture)


def _column(tiles):
    """Tiles two abreast."""
    rows = [np.hstack(tiles[i : i + 2]) for i in range(0, len(tiles), 2)]
    gap = np.full((_GAP, rows[0].shape[1], 3), _GROUND, np.uint8)
    return Image.fromarray(np.vstack([part for row in rows for part in (row, gap)][:-1]))


def _beside(columns):
    width = sum(c.width + 3 * _GAP for c in columns) - 3 * _GAP
    picture = Image.new("RGB", (width, max(c.height for c in columns)), _GROUND)
    left = 0
    for c in columns:
        picture.paste(c, (left, 0))
        left += c.width + 3 * _GAP
    return picture


def spectrum_chart(reference, rows: dict, hz, within: float) -> Image.Image:
    """Normalised RMS by harmonic: the reference and what is `within` of it as a grey band, each row as a line.

    reference: (n,); rows: {name: (n,)}; hz: of at least n harmonics.
    """
    width, height, edge = 720, 360, 44
    reference = np.asarray(reference, float)
    picture = Image.new("RGB", (width, height), (255, 255, 255))
    draw = ImageDraw.Draw(picture)
    top = 1.1 * max(reference.max() * (1 + within), *(max(row) for row in rows.values()))

    def places(values):
        x = edge + (np.arange(len(values)) + 0.5) * (width - 1.5 * edge) / len(values)
        y = height - edge - np.asarray(values, float) / top * (height - 1.5 * edge)
        return list(zip(x.tolist(), y.tolist(), strict=True))

    band = places(reference * (1 + within)) + places(reference * (1 - within))[::-1]
    draw.polygon(band, fill=(222, 222, 222))
    draw.line(places(reference), fill=(90, 90, 90), width=3)
    draw.line((edge, height - edge, width - edge / 2, height - edge), fill=(0, 0, 0))
    for (x, _), label in zip(places(reference), hz, strict=False):
        draw.text((x - 8, height - edge + 6), f"{label:.1f}", fill=(0, 0, 0))
    draw.text((width / 2 - 10, height - 18), "Hz", fill=(0, 0, 0))
    draw.text((6, 6), f"part of the RMS motion, 0 .. {top:.2f}", fill=(0, 0, 0))
    draw.text((width - 200, 12), f"reference, +-{within:.0%}", fill=(90, 90, 90))
    for line, (name, values) in enumerate(rows.items(), 1):
        colour = _COLOURS.get(name, (0, 0, 0))
        draw.line(places(values), fill=colour, width=3)
        draw.text((width - 200, 12 + 14 * line), name, fill=colour)
    return picture
