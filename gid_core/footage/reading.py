"""What is read of a clip for the motion of a loop: a few seconds on the motion's grid, and one frame whole, the still.

Everything here refuses with a sentence: no clip, one frame, too short, a cut.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..errors import ImageError, SettingsError
from ..files.clips import Clip, evenly, seconds_in, small, timed
from ..files.colour import decode_srgb
from ..files.image_io import Photo, levels_of, load_photo
from ..files.progress import teller
from ..prediction.stages import GRID_LONG_SIDE
from .filters import CUT_LIKENESS, likenesses

__all__ = ["HIGHEST_FPS", "LONGEST_S", "Reading", "read"]

LONGEST_S = 10.0  # of a clip that is looked at; a tenth of a hertz is told apart then, and slower wind is drift
SHORTEST_S = 1.0
HIGHEST_FPS = 16  # frames a second that are tracked: sways of up to 5 Hz need 10
_SLACK_S = 1e-3


@dataclass(frozen=True, eq=False)
class Reading:
    """Some seconds of a clip.

    clip: at the grid, its long side 256 px. still: uint8 (H, W, 3), sRGB, the rest frame as it was filmed. name: of the
    file. notes: what was left out, as sentences.
    """

    clip: Clip
    still: np.ndarray
    name: str
    notes: tuple[str, ...] = ()

    def as_photo(self) -> Photo:
        """The still as a photo."""
        digest = hashlib.sha256(np.ascontiguousarray(self.still).data).hexdigest()
        return Photo(decode_srgb(self.still / np.float32(255)), digest)


def read(
    path: str | Path,
    *,
    fps: float | Fraction | None = None,
    at: float = 0.0,
    filmed_still: tuple | None = None,
    progress: Callable | None = None,
    cancelled: Callable | None = None,
) -> Reading:
    """The seconds of a clip around its still, at most `LONGEST_S`.

    Args:
        path: a video file, or a folder of pictures.
        fps: frames per second; needed for folders, and for files whose own times are wrong.
        at: seconds from the clip's start to the frame that is the still.
        filmed_still: where the frames are a smaller copy of a clip, the clip's path and a picture of its still.
        progress: called with the phase and the fraction 0..1 of it.
    Raises:
        ImageError: it cannot be read, has one frame, cuts to another scene, or is too short.
        SettingsError: there is no frame at that time, or a folder without `fps`.
        Cancelled: `cancelled` said so.
    """
    path, tell = Path(path), teller(progress, cancelled)
    name = path.name if filmed_still is None else Path(filmed_still[0]).name
    if not at >= 0:
        raise SettingsError(f"the still is at {at} s of the clip: give 0 or more")
    if not path.exists():
        raise ImageError(f"there is no clip {path}: check the name")
    tell("read the clip", 0.0)
    lasts = seconds_in(path, fps)
    begin = max(0.0, at - LONGEST_S / 2)
    end = begin + LONGEST_S
    expected = min(end, lasts or end)
    frames: list[np.ndarray] = []
    times: list[float] = []
    first = still = size = None
    rest, seconds = 0, 0.0
    for time, picture in evenly(timed(path, fps), HIGHEST_FPS):
        first = time if first is None else first
        seconds = time - first
        tell("read the clip", min(1.0, seconds / expected))
        if seconds > end:
            break
        if seconds < begin - _SLACK_S:
            continue
        if size is None:
            size = picture.size
        elif picture.size != size:
            raise ImageError(f"{name} changes its size after {seconds:.1f} s: trim the clip to one size")
        if still is None and seconds >= at - _SLACK_S:
            rest, still = len(frames), np.asarray(picture.convert("RGB"))
        frames.append(small(picture, GRID_LONG_SIDE))
        times.append(seconds)
    if still is None:
        raise SettingsError(f"{name} has no frame at {at:g} s: its last is at {seconds:.2f} s")
    if len(frames) < 2:
        raise ImageError(f"{name} holds one frame: a clip is needed, of {SHORTEST_S:g} s or more")
    clip = Clip(np.stack(frames), np.array(times), rest, name)
    if clip.duration < SHORTEST_S - _SLACK_S:
        raise ImageError(f"{name} lasts {clip.duration:.2f} s: a motion needs {SHORTEST_S:g} s or more")
    if filmed_still is not None:
        still = levels_of(load_photo(filmed_still[1]).pixels)
    alike = likenesses(clip)
    if alike.min() < CUT_LIKENESS:
        moment = times[int(np.argmin(alike)) + 1]
        raise ImageError(f"{name} cuts to another picture after {moment:.1f} s: trim it to one take")
    notes: tuple[str, ...] = ()
    if lasts is not None and lasts > LONGEST_S + 1:
        notes = (f"of {lasts:.0f} s of {name} those from {begin:.1f} to {begin + clip.duration:.1f} s were used",)
    return Reading(clip, still, name, notes)
