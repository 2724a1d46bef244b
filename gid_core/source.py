"""What a loop is made of: a photo, the clip whose motion it takes, or the example; and what a folder holds."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import delivery
from .errors import SettingsError
from .files import image_io
from .files.clips import VIDEO_ENDINGS
from .files.image_io import Photo
from .footage import reading
from .motion.timeline import parse_fps

__all__ = ["CLIPS_OPTION", "Source", "add_arguments", "add_clips", "path_of", "read", "sources_in", "sources_of"]

CLIPS_OPTION = "--motion-from-clips, or Move as Clips in the panel"  # for sentences
_PHOTOS = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".webp", ".avif", ".gif", ".bmp", ".ppm", ".pgm"),
    *(".tga", ".jp2", ".j2k", ".exr", ".hdr", ".heic"),
)
_CLIPS = tuple(ending for ending in VIDEO_ENDINGS if ending not in _PHOTOS)
_EXAMPLE = Path("docs") / "example.jpg"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The photo and the clip of `animate`."""
    add = parser.add_argument
    add("photo", nargs="?", metavar="PHOTO", help="the still photo; without one the example is animated")
    add("--motion-from", metavar="CLIP", help="move as this clip of a still camera: a video, or a folder of frames")
    add("--clip-at", type=float, default=0.0, metavar="SECONDS", help="the frame of the clip that is the still")
    add("--clip-fps", metavar="FPS", help="of a folder of frames, or of a clip whose own times are wrong")


def add_clips(parser: argparse.ArgumentParser) -> None:
    """Whether the clips of a folder are meant, of `batch` and `job`."""
    parser.add_argument(
        "--motion-from-clips",
        action="store_true",
        help="a photo moves as the clip of its name beside it, a clip without a photo as it was filmed",
    )


@dataclass(frozen=True)
class Source:
    """A photo, a clip whose own frame is the still, or a photo that moves as a clip; and the name of the results."""

    photo: Path | None
    clip: Path | None
    name: str

    @property
    def title(self) -> str:
        """What it is, for a person: rose.jpg, fern.mp4, or rose.jpg as rose.mp4."""
        return " as ".join(path.name for path in (self.photo, self.clip) if path is not None)

    def named(self, sentence: str) -> str:
        """A sentence about this that names a file once, by its name and not its path; else with the title before it."""
        files = [path for path in (self.photo, self.clip) if path is not None]
        for path in files:
            sentence = sentence.replace(str(path), path.name)
        return sentence if any(path.name in sentence for path in files) else f"{self.title}: {sentence}"

    def options(self, asked: argparse.Namespace) -> argparse.Namespace:
        """What `animate` is asked for: all that `asked` says, of this."""
        photo, clip = (None if path is None else str(path) for path in (self.photo, self.clip))
        return argparse.Namespace(
            **{**vars(asked), "photo": photo, "motion_from": clip, "clip_at": 0.0, "clip_fps": None},
        )


def sources_in(folder: Path, with_clips: bool = False) -> tuple[list[Source], list[Path]]:
    """What a folder holds, by name, and the clips that are left out: all of them, unless `with_clips`.

    Photos that differ by their ending only keep it in the name of their results.

    Raises:
        SettingsError: the folder cannot be read or holds nothing to animate, or two clips have one name.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise SettingsError(f"{folder} is no folder that can be read: name a folder of photos") from error
    photos, filmed = ([path for path in files if path.suffix.lower() in endings] for endings in (_PHOTOS, _CLIPS))
    clips = _by_stem(filmed) if with_clips else {}
    # Without regard to case, since some disks have none.
    stems = [path.stem.casefold() for path in photos]
    found = [
        Source(path, clips.get(stem), path.stem if stems.count(stem) == 1 else path.name)
        for path, stem in zip(photos, stems, strict=True)
    ]
    found += [Source(None, path, path.stem) for stem, path in clips.items() if stem not in stems]
    if not found:
        hint = f", or ask for its clips too ({CLIPS_OPTION})" if filmed else ""
        raise SettingsError(f"there is no photo in {folder}: name a folder of photos{hint}")
    return sorted(found, key=lambda one: one.title), [] if with_clips else filmed


def sources_of(path: Path, with_clips: bool = False) -> tuple[list[Source], list[Path]]:
    """`sources_in` a folder; of a file that one alone, with the clip of its name beside it.

    Raises:
        SettingsError: as `sources_in`.
    """
    if path.is_dir():
        return sources_in(path, with_clips)
    if with_clips:
        for one in sources_in(path.parent, with_clips)[0]:
            if path in (one.photo, one.clip):
                return [Source(one.photo, one.clip, path.stem)], []
    return [Source(path, None, path.stem)], []


def _by_stem(clips):
    found: dict[str, Path] = {}
    for path in clips:
        other = found.setdefault(path.stem.casefold(), path)
        if other != path:
            raise SettingsError(f"{other.name} and {path.name} have one name: take one of them out of the folder")
    return found


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
    """None for options that know of no clips, too."""
    return getattr(options, "motion_from", None)
