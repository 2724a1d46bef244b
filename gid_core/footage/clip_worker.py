"""The process that a program with a window lets measure a clip; see `gid_core.child`."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..child import serving
from ..files.image_io import save_png
from ..prediction.child import put
from .filmed import filmed
from .reading import read

__all__ = ["STILL", "serve"]

STILL = "still.png"  # in the folder: the clip's own still


def serve(order: dict) -> None:
    """A child's whole life. order: "folder" for the results; "path", "fps", "at", "filmed_still" as `reading.read`
    takes them, the rate as a text; "photo", a file of `numpy.save` with the photo that shall move, or None."""
    serving(_work, order)


def _work(order: dict, _commands: Iterator, send) -> None:
    def progress(phase, fraction):
        send(event="progress", phase=phase, fraction=fraction)

    fps = None if order["fps"] is None else Fraction(order["fps"])
    clip = read(order["path"], fps=fps, at=order["at"], filmed_still=order["filmed_still"], progress=progress)
    photo = None if order["photo"] is None else np.load(order["photo"], allow_pickle=False)
    motion = filmed(clip, photo, progress=progress)
    folder = Path(order["folder"])
    save_png(folder / STILL, clip.as_photo().pixels)
    send(event="done", still=STILL, **put(folder, motion))
