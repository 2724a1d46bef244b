"""What a loop is made of: a photo, the clip whose motion it takes, or the example."""

import argparse
from collections.abc import Callable
from pathlib import Path

from . import delivery
from .errors import SettingsError
from .files import image_io
from .files.image_io import Photo
from .footage import reading
from .motion.timeline import parse_fps

__all__ = ["add_arguments", "path_of", "read"]

_EXAMPLE = Path("docs") / "example.jpg"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The photo and the clip of `animate`."""
    add = parser.add_argument
    add("photo", nargs="?", metavar="PHOTO", help="the still photo; without one the example is animated")
    add("--motion-from", metavar="CLIP", help="move as this clip of a still camera: a video, or a folder of frames")
    add("--clip-at", type=float, default=0.0, metavar="SECONDS", help="the frame of the clip that is the still")
    add("--clip-fps", metavar="FPS", help="of a folder of frames, or of a clip whose own times are wrong")


def path_of(options: argparse.Namespace) -> Path:
    """Where the still comes from: the photo, else the clip, else the example.

    Raises:
        SettingsError: there is no example here.
    """
    if options.photo is not None:
        return Path(options.photo)
    if clip := _clip_of(options):
        return Path(clip)
    example = Path(__file__).resolve().parent.parent / _EXAMPLE
    if not example.exists():
        raise SettingsError("there is no example photo here: name a PHOTO")
    return example


def read(
    options: argparse.Namespace, progress: Callable, cancelled: Callable | None, blender: delivery.Blender | None
) -> tuple[Photo, reading.Reading | None]:
    """The photo, and what is read of the clip that it shall move as, if one is asked for.

    blender: reads what this program cannot.

    Raises:
        GidError: one of them cannot be read.
    """
    clip = None
    if path := _clip_of(options):
        fps = None if options.clip_fps is None else parse_fps(options.clip_fps)
        read_clip = reading.read if blender is None else blender.clip
        clip = read_clip(path, fps=fps, at=options.clip_at, progress=progress, cancelled=cancelled)
        if options.photo is None:
            return clip.as_photo(), clip
    progress("read the photo", 0.0)
    read_photo = image_io.load_photo if blender is None else blender.photo
    return read_photo(path_of(options), layer=options.layer), clip


def _clip_of(options):
    """None for a batch or a job, too: they know of no clips."""
    return getattr(options, "motion_from", None)
