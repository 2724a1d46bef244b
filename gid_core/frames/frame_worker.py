"""One process of a bake: it renders the frames that it is told, with their passes, and writes each file whole."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..child import serving
from ..errors import SettingsError
from ..files import oiio
from ..files.frame_files import frame_name, save_frame, suffix_of
from .loop import Loop
from .seam import grey_blocks
from .splat import weight_of
from .stmap import motion_vectors, stmap

__all__ = ["PASSES", "Sheet", "render", "serve"]

PASSES = ("stmap", "vectors")
MAX_SAMPLES = 256


@dataclass(frozen=True)
class Sheet:
    """What is wanted of each frame.

    Args:
        format: of the pictures, a key of `frame_files.FORMATS`; None: no pictures.
        passes: of `PASSES`, written as 32-bit EXR.
        shutter_deg: how long the shutter is open, 360 a whole frame, centred on the frame; 0: no motion blur.
        samples: moments of an open shutter whose mean is the frame.
        start: number of the loop's first frame.
    Raises:
        SettingsError: one of them cannot be.
    """

    format: str | None = "png"
    passes: tuple[str, ...] = ()
    shutter_deg: float = 0.0
    samples: int = 16
    start: int = 1

    def __post_init__(self):
        if self.format is not None:
            suffix_of(self.format)
        object.__setattr__(self, "passes", tuple(self.passes))
        if unknown := set(self.passes) - set(PASSES):
            raise SettingsError(f"there is no pass {sorted(unknown)[0]!r}: choose from {', '.join(PASSES)}")
        if not 0 <= self.shutter_deg <= 360:
            raise SettingsError(f"the shutter is {self.shutter_deg:g} degrees: give 0 to 360")
        if not 1 <= self.samples <= MAX_SAMPLES:
            raise SettingsError(f"motion blur by {self.samples} samples: give 1 to {MAX_SAMPLES}")

    def files(self, frame: int) -> dict[str, str]:
        """What a frame leaves: its paths inside the bake's folder, by "frames" and the names of passes."""
        made = {} if self.format is None else {"frames": f"frames/{frame_name(frame, self.format)}"}
        return made | {name: f"{name}/{frame_name(frame, 'exr')}" for name in self.passes}


def serve(order: dict) -> None:
    """A child's whole life; see `gid_core.child`."""
    serving(_work, order)


def _work(order, commands, send):
    scratch, out = Path(order["scratch"]), Path(order["out"])
    sheet = Sheet(**order["sheet"])
    renderer = Loop.load(scratch).renderer()
    for command in commands:
        frame = command["frame"]
        if sheet.format is not None:
            picture = render(renderer, frame - sheet.start, sheet)
            save_frame(out / sheet.files(frame)["frames"], picture, sheet.format)
            if order["measures"]:
                np.save(scratch / f"grey{frame}.npy", grey_blocks(picture), allow_pickle=False)
        for name in sheet.passes:
            _save_pass(out / sheet.files(frame)[name], name, renderer, frame - sheet.start)
        send(event="frame", frame=frame)


def render(renderer, frame: int, sheet: Sheet) -> np.ndarray:
    """float32 (H, W, C) of one frame, counted from the loop's first; with an open shutter the mean of its moments."""
    if sheet.shutter_deg == 0 or sheet.samples == 1:
        return renderer.frame(frame)
    open_for = Fraction(sheet.shutter_deg).limit_denominator(1000) / 360
    total = np.zeros((), np.float32)
    for sample in range(sheet.samples):
        total = total + renderer.frame(
            frame + open_for * (Fraction(2 * sample + 1, 2 * sheet.samples) - Fraction(1, 2))
        )
    return total / np.float32(sheet.samples)


def _save_pass(path, name, renderer, frame):
    here = renderer.displacement(frame)
    weight = weight_of(renderer.front)
    if name == "stmap":
        channels = stmap(here, weight)
        # Blue is empty: tools that show or read three channels take the file as it is.
        oiio.save_exr(path, np.concatenate([channels, np.zeros_like(channels[..., :1])], 2), ("R", "G", "B"))
    else:
        forward = motion_vectors(here, renderer.displacement(frame + 1), weight)
        backward = motion_vectors(here, renderer.displacement(frame - 1), weight)
        names = ("forward.u", "forward.v", "backward.u", "backward.v")
        oiio.save_exr(path, np.concatenate([forward, backward], 2), names)
