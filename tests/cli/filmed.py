"""Clips of a texture that moves: what a still camera, or one that does not stand still, would film."""

from fractions import Fraction

import av
import numpy as np
from PIL import Image

SIZE, COUNT, FPS = (64, 48), 10, 8


def as_folder(folder, moved):
    """Frames of a texture whose middle, or all of it, goes `moved(i)` px to the right."""
    rng = np.random.default_rng(4)
    blots = Image.fromarray(rng.integers(40, 220, (20, 34, 3), np.uint8)).resize((96, 48), Image.Resampling.BICUBIC)
    ground = np.asarray(blots, np.float32)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    folder.mkdir()
    for index in range(COUNT):
        at = x + 16 - moved(index, x, y)
        left = at.astype(int)
        share = (at - left)[..., None]
        frame = ground[y, left] * (1 - share) + ground[y, left + 1] * share
        Image.fromarray(np.rint(frame).astype(np.uint8)).save(folder / f"{index:03d}.png")
    return folder


def swaying(index, x, y):
    inside = np.exp(-((((x - 32) / 14) ** 2 + ((y - 24) / 10) ** 2) ** 2))
    return 1.2 * np.sin(2 * np.pi * index / 5) * inside


def as_movie(path, folder):
    """The frames of a folder as an .mp4, nearly without loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv444p"
        for picture in sorted(folder.iterdir()):
            frame = av.VideoFrame.from_ndarray(np.asarray(Image.open(picture)), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
