"""Films cut into windows for training: read once, made small at once, so that a long film needs the memory of one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gid_core.errors import ImageError
from gid_core.files.clips import VIDEO_ENDINGS, Clip, evenly, fitted, pictures_in, timed

__all__ = ["find_sources", "windows"]


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
    for seconds_in, picture in evenly(timed(path, fps)):
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


def _holds_frames(folder):
    """Pictures beside videos are covers and stills, not the frames of a film."""
    has_films = any(p.suffix.lower() in VIDEO_ENDINGS for p in folder.iterdir())
    return not has_films and len(pictures_in(folder)) > 1
