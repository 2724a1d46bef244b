"""Clips: frames with their times, from video files (PyAV) and from folders of pictures.

A clip knows which of its frames is the rest pose; everything else measures against that frame. Files are read once,
made small at once, and cut into windows, so that a long film needs the memory of one window.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from gid_core.errors import ImageError, SettingsError

try:
    import av
except ImportError:  # folders of pictures can be read without it
    av = None

__all__ = ["PICTURE_ENDINGS", "VIDEO_ENDINGS", "Clip", "av", "decoded", "find_sources", "fitted", "windows"]

VIDEO_ENDINGS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".gif")
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
_HIGHEST_FPS = 32  # 3.2 Hz needs no more; of a faster film every second, third, ... frame is read
_MAX_PIXELS = 8192 * 8192


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


def find_sources(paths) -> list[Path]:
    """Video files and folders of pictures among `paths` and, for folders, below them; sorted, each once.

    Raises:
        ImageError: a path does not exist or nothing was found.
    """
    found = set()
    for path in map(Path, paths):
        if not path.exists():
            raise ImageError(f"there is no {path}: check the path")
        for one in [path, *(path.rglob("*") if path.is_dir() else ())]:
            is_film = one.is_file() and one.suffix.lower() in VIDEO_ENDINGS
            if is_film or (one.is_dir() and _holds_frames(one)):
                found.add(one)
    if not found:
        raise ImageError(
            f"no videos ({' '.join(VIDEO_ENDINGS)}) and no folders of pictures in {', '.join(map(str, paths))}"
        )
    return sorted(found)


def windows(path, seconds: float = 5.0, size=(256, 160), fps=None) -> Iterator[Clip]:
    """Windows of a film one after another, each `seconds` long; what is left at the end is dropped.

    Args:
        path: a video file, or a folder of pictures in the order of their names.
        size: (width, height); the middle of the frame in that shape.
        fps: frames per second; needed for folders, and for files whose own times are wrong.
    Raises:
        ImageError: the file cannot be read.
        SettingsError: a folder without `fps`.
    """
    path = Path(path)
    frames, times, begin = [], [], None
    for seconds_in, picture in _evenly(_pictures_timed(path, fps) if path.is_dir() else decoded(path, fps)):
        if begin is None:
            begin = seconds_in
        # A frame that is early by less than a third of a step belongs to the next window.
        step = seconds_in - times[-1] if times else 0.0
        if times and seconds_in - begin > seconds - step / 3:
            yield Clip(np.stack(frames), np.array(times) - begin, 0, str(path))
            frames, times, begin = [], [], seconds_in
        frames.append(fitted(picture, *size))
        times.append(seconds_in)
    if len(times) > 1:
        step = (times[-1] - times[0]) / (len(times) - 1)
        if times[-1] - begin + step > seconds - step / 3:
            yield Clip(np.stack(frames), np.array(times) - begin, 0, str(path))


def fitted(picture: Image.Image, width: int, height: int) -> np.ndarray:
    """The middle of a picture in the shape width : height, antialiased: uint8 (height, width, 3)."""
    scale = min(picture.width / width, picture.height / height)
    crop_width, crop_height = width * scale, height * scale
    left, top = (picture.width - crop_width) / 2, (picture.height - crop_height) / 2
    return _resized(picture.convert("RGB"), width, height, (left, top, left + crop_width, top + crop_height))


def _resized(picture, width, height, box=None):
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS, box=box))


def _holds_frames(folder):
    """Pictures beside videos are covers and stills, not the frames of a film."""
    has_films = any(p.suffix.lower() in VIDEO_ENDINGS for p in folder.iterdir())
    return not has_films and len(_pictures(folder)) > 1


def _pictures(folder):
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURE_ENDINGS)


def _pictures_timed(folder, fps):
    if fps is None:
        raise SettingsError(f"{folder} is a folder of pictures, which have no times: give --fps")
    for index, path in enumerate(_pictures(folder)):
        try:
            with Image.open(path) as picture:
                if picture.width * picture.height > _MAX_PIXELS:
                    raise ImageError(f"{path} is larger than {_MAX_PIXELS} pixels: make it smaller")
                yield float(index / Fraction(fps)), picture.convert("RGB")
        except (UnidentifiedImageError, OSError, ValueError) as error:
            raise ImageError(f"{path} cannot be read ({error}): export the frames again") from error


def decoded(path, fps=None) -> Iterator[tuple[float, Image.Image]]:
    """(seconds, picture) of each frame of a video file whose time is later than the one before.

    fps: for files whose own times are wrong.
    Raises:
        ImageError: PyAV is not there, or the file cannot be read.
        SettingsError: the file has no times, and none are given.
    """
    if av is None:
        raise ImageError(f"reading {path} needs PyAV: pip install av, or export the film as a folder of pictures")
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
                    raise SettingsError(f"{path} has no times: give --fps")
                # Broken files repeat times; such a frame cannot be placed and is left out.
                if previous is None or time > previous + 1e-6:
                    previous = time
                    yield time, frame.to_image()
    except (av.error.FFmpegError, OSError) as error:
        raise ImageError(f"{path} cannot be read as a video ({error}): convert it to .mp4") from error


def _evenly(timed):
    """Every n-th frame, n from the first two: at most `_HIGHEST_FPS` a second."""
    first, n = None, 1
    for index, (time, picture) in enumerate(timed):
        if index == 0:
            first = time, picture
            continue
        if index == 1:
            n = max(1, math.ceil(1 / (_HIGHEST_FPS * (time - first[0])) - 0.05))
            yield first
        if index % n == 0:
            yield time, picture
