"""Clips: frames with their times, from video files (PyAV) and from folders of pictures.

A clip knows which of its frames is the rest pose; everything else measures against that frame. Frames come one at a
time, upright and with square pixels, so that whoever makes them small at once needs little memory for a long film.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ImageError, SettingsError

try:
    from PIL import Image
except ImportError as error:  # a broken wheel must not stop what reads no clips
    Image = None  # type: ignore[assignment]  # a module otherwise
    _PILLOW_ERROR = str(error)

__all__ = [
    "PICTURE_ENDINGS",
    "VIDEO_ENDINGS",
    "Clip",
    "decoded",
    "evenly",
    "fitted",
    "pictures_in",
    "seconds_in",
    "small",
    "timed",
]

VIDEO_ENDINGS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".gif")
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
_HIGHEST_FPS = 32  # 3.2 Hz needs no more; of a faster film every second, third, ... frame is read
_MAX_PIXELS = 8192 * 8192
_UNTOLD, _BT709, _HD_ROWS = 2, 1, 720  # colour matrices as ITU-T H.273 numbers them; untagged HD means the latter
_QUARTERS = {1: "ROTATE_90", 2: "ROTATE_180", 3: "ROTATE_270"}  # of `Image.Transpose`


@dataclass(frozen=True, eq=False)
class Clip:
    """Some seconds of film.

    Args:
        frames: uint8 (T, H, W, 3), sRGB as decoded.
        times: float64 (T,), seconds, rising; they need not be even.
        rest: index of the frame that is the still; motion is measured from it, and phases count from its time.
        source: where it came from, for messages and records.
    Raises:
        SettingsError: shapes do not fit, or times do not rise.
    """

    frames: np.ndarray
    times: np.ndarray
    rest: int = 0
    source: str = ""

    def __post_init__(self):
        frames, times = self.frames, np.asarray(self.times, np.float64)
        if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8:
            raise SettingsError(
                f"a clip holds uint8 frames (T, height, width, 3), these are {frames.dtype} {frames.shape}"
            )
        if times.shape != frames.shape[:1] or not (np.diff(times) > 0).all():
            raise SettingsError(f"{len(frames)} frames need as many rising times")
        if not 0 <= self.rest < len(frames):
            raise SettingsError(f"the rest frame {self.rest} is not one of {len(frames)}")
        object.__setattr__(self, "times", times)

    @property
    def still(self) -> np.ndarray:
        """The rest frame: uint8 (H, W, 3)."""
        return self.frames[self.rest]

    @property
    def duration(self) -> float:
        """Seconds, with the last frame's own: T frames at 30 fps last T / 30."""
        n = len(self.times)
        return float((self.times[-1] - self.times[0]) * n / (n - 1)) if n > 1 else 0.0

    def flipped(self) -> "Clip":
        """Left and right exchanged."""
        return replace(self, frames=self.frames[:, :, ::-1])

    def reversed(self) -> "Clip":
        """Played backwards about the rest frame, which stays the still: times change their sign."""
        return replace(self, frames=self.frames[::-1], times=-self.times[::-1], rest=len(self.frames) - 1 - self.rest)

    def resized(self, width: int, height: int) -> "Clip":
        """The same film on another grid, antialiased."""
        frames = [_resized(Image.fromarray(frame), width, height) for frame in self.frames]
        return replace(self, frames=np.stack(frames))


def fitted(picture, width: int, height: int) -> np.ndarray:
    """The middle of a picture in the shape width : height, antialiased: uint8 (height, width, 3)."""
    scale = min(picture.width / width, picture.height / height)
    crop_width, crop_height = width * scale, height * scale
    left, top = (picture.width - crop_width) / 2, (picture.height - crop_height) / 2
    return _resized(picture.convert("RGB"), width, height, (left, top, left + crop_width, top + crop_height))


def small(picture, long_side: int) -> np.ndarray:
    """The whole picture at a long side, antialiased: uint8 (height, width, 3)."""
    scale = long_side / max(picture.size)
    width, height = (max(1, round(n * scale)) for n in picture.size)
    return _resized(picture.convert("RGB"), width, height)


def _resized(picture, width, height, box=None):
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS, box=box))


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder, in the order of their names."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURE_ENDINGS)


def timed(path, fps=None) -> Iterator[tuple[float, Any]]:
    """(seconds, picture) of each frame of a video file, or of a folder of pictures.

    fps: frames per second; needed for folders, and for files whose own times are wrong.
    Raises:
        ImageError, SettingsError: see `decoded`; a folder without `fps`.
    """
    if Image is None:
        raise ImageError(f"Pillow, which reads pictures, does not load here: {_PILLOW_ERROR}")
    path = Path(path)
    return _pictures_timed(path, fps) if path.is_dir() else decoded(path, fps)


def seconds_in(path, fps=None) -> float | None:
    """How long a clip lasts by what its file says of itself; None where it does not, or cannot be read."""
    path = Path(path)
    if path.is_dir():
        return len(pictures_in(path)) / float(Fraction(fps)) if fps else None
    av = _pyav(path)
    try:
        with av.open(str(path)) as container:
            return container.duration / av.time_base if container.duration else None
    except (av.error.FFmpegError, OSError):
        return None


def decoded(path, fps=None) -> Iterator[tuple[float, Any]]:
    """(seconds, picture) of each frame of a video file whose time is later than the one before: upright, square pixels.

    fps: for files whose own times are wrong.
    Raises:
        ImageError: PyAV is not there, or the file cannot be read.
        SettingsError: the file has no times, and none are given.
    """
    if not Path(path).exists():
        raise ImageError(f"there is no clip {path}: check the name")
    av = _pyav(path)
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ImageError(f"{path} holds no video: choose another file")
            stream = container.streams.video[0]
            stream.thread_count = 1
            previous = None
            for index, frame in enumerate(container.decode(stream)):
                if frame.width * frame.height > _MAX_PIXELS:
                    raise ImageError(f"{path} is larger than {_MAX_PIXELS} pixels a frame: make it smaller")
                time = float(index / Fraction(fps)) if fps else frame.time
                if time is None:
                    raise SettingsError(f"{path} has no times: give its frames per second")
                # Broken files repeat times; such a frame cannot be placed and is left out.
                if previous is None or time > previous + 1e-6:
                    previous = time
                    yield time, _upright(frame, stream.sample_aspect_ratio)
    except (av.error.FFmpegError, OSError) as error:
        raise ImageError(f"{path} cannot be read as a video ({error}): convert it to .mp4") from error


def evenly(frames: Iterable, highest_fps: float = _HIGHEST_FPS) -> Iterator[tuple[float, Any]]:
    """Every n-th of timed frames, n from the first two: at most `highest_fps` a second."""
    frames = iter(frames)
    begin = list(itertools.islice(frames, 2))
    n = 1
    if len(begin) == 2:
        n = max(1, math.ceil(1 / (highest_fps * (begin[1][0] - begin[0][0])) - 0.05))
    yield from itertools.islice(itertools.chain(begin, frames), 0, None, n)


def _pyav(path):
    try:
        import av  # at the first clip: it loads 80 MB of FFmpeg
    except ImportError as error:
        raise ImageError(
            f"reading {path} needs PyAV, which does not load here ({error}): export the clip as a folder of pictures"
        ) from error
    return av


def _upright(frame, pixel_aspect):
    """A decoded frame as a picture: pixels made square, turned as the camera was held."""
    is_untagged_hd = frame.colorspace == _UNTOLD and frame.height >= _HD_ROWS
    picture = frame.to_image(**({"src_colorspace": _BT709} if is_untagged_hd else {}))
    if pixel_aspect and pixel_aspect != 1:
        picture = picture.resize((max(1, round(picture.width * pixel_aspect)), picture.height))
    quarter = _QUARTERS.get(round(frame.rotation / 90) % 4)
    return picture if quarter is None else picture.transpose(Image.Transpose[quarter])


def _pictures_timed(folder, fps):
    if fps is None:
        raise SettingsError(f"{folder} is a folder of pictures, which have no times: give its frames per second")
    for index, path in enumerate(pictures_in(folder)):
        try:
            with Image.open(path) as picture:
                if picture.width * picture.height > _MAX_PIXELS:
                    raise ImageError(f"{path} is larger than {_MAX_PIXELS} pixels: make it smaller")
                yield float(index / Fraction(fps)), picture.convert("RGB")
        except (OSError, ValueError) as error:
            raise ImageError(f"{path} cannot be read ({error}): export the frames again") from error
