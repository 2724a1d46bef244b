"""A farm's job as a folder that can be carried anywhere: the photos, what is asked of them, and who runs what.

`job.json` and its photos come from outside once a farm has them: names are plain, numbers are checked, nothing in
there is a path or a command.
"""

import argparse
import hashlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .. import animate, batch, console
from ..errors import ImageError, SettingsError
from ..files import clips, image_io, movie
from ..files.storage import disk_errors, replacing
from ..motion import timeline
from ..source import Source, sources_of
from ..version import __version__

__all__ = ["FILE", "Item", "Job", "make", "options_of", "sha256_of"]

FILE = "job.json"
PHOTOS = "photos"
_PICTURES = ("mask", "strength")
_MAX_PHOTOS = 10_000
_LEFT_OUT = ("photo", "folder", "out", "chunk", "for_farm", "door", "verb", "openjd", "blender", "motion_from_clips")


@dataclass(frozen=True)
class Item:
    """A photo, a clip, or both: files in the job's folder of photos, and the name of the results.

    sha256: of the file by its name.
    """

    photo: str | None
    clip: str | None
    name: str
    sha256: dict[str, str]

    @classmethod
    def read(cls, told: dict) -> "Item":
        """What `told` says; KeyError, TypeError: it makes no sense."""
        photo, clip = (None if told.get(key) is None else str(told[key]) for key in ("file", "clip"))
        sums = {"sha256": photo, "clip_sha256": clip}
        return cls(photo, clip, str(told["name"]), {file: str(told[key]) for key, file in sums.items() if file})

    @classmethod
    def of(cls, one: Source) -> "Item":
        """Of files that lie elsewhere."""
        files = [path for path in (one.photo, one.clip) if path is not None]
        photo, clip = (None if path is None else path.name for path in (one.photo, one.clip))
        return cls(photo, clip, one.name, {path.name: sha256_of(path) for path in files})

    def told(self) -> dict:
        """JSON-ready."""
        photo = {} if self.photo is None else {"file": self.photo, "sha256": self.sha256[self.photo]}
        clip = {} if self.clip is None else {"clip": self.clip, "clip_sha256": self.sha256[self.clip]}
        return {**photo, **clip, "name": self.name}

    def source(self, folder: Path) -> Source:
        """It, in the folder of a job."""
        photo, clip = (None if file is None else folder / PHOTOS / file for file in (self.photo, self.clip))
        return Source(photo, clip, self.name)


@dataclass(frozen=True)
class Job:
    """A job that was read: where it lies, its photos, and what is asked: values of `animate`'s options by name."""

    folder: Path
    photos: tuple["Item", ...]
    asked: dict

    @classmethod
    def load(cls, folder) -> "Job":
        """The job in a folder.

        Raises:
            SettingsError: it is none, or something in it does not make sense.
        """
        folder = Path(folder)
        try:
            facts = json.loads((folder / FILE).read_text(encoding="utf-8"))
            photos = tuple(Item.read(one) for one in facts["photos"][:_MAX_PHOTOS])
            asked = dict(facts["asked"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SettingsError(f"{folder} holds no job that can be read: write it anew with `job`") from error
        for item in photos:
            for one in (item.name, *item.sha256):
                _check_name(one, folder)
        if len({item.name for item in photos}) != len(photos) or not all(item.sha256 for item in photos) or not photos:
            raise SettingsError(f"the photos of {folder / FILE} have no names of their own: write it anew with `job`")
        return cls(folder, photos, asked)

    def options(self, index: int) -> argparse.Namespace:
        """The options of `animate` for one photo.

        Raises:
            SettingsError: there is no such photo, or an option is unknown or of the wrong kind.
        """
        if not 0 <= index < len(self.photos):
            raise SettingsError(f"there is no photo {index} in this job: it has 0 to {len(self.photos) - 1}")
        options = self.photos[index].source(self.folder).options(options_of(self.asked))
        for name in _PICTURES:
            value = getattr(options, name)
            if value is not None:
                _check_name(value, self.folder)
                setattr(options, name, str(self.folder / value))
        return options

    @property
    def n_frames(self) -> int:
        """Length of each loop in frames."""
        options = options_of(self.asked)
        return timeline.frames_for(options.seconds, timeline.parse_fps(options.fps))


def options_of(asked: dict) -> argparse.Namespace:
    """Options of `animate` with these values, all others at their defaults.

    Raises:
        SettingsError: one is unknown, or not of its kind.
    """
    parser = argparse.ArgumentParser(add_help=False)
    animate.add_options(parser, "DIR", "")
    # argparse tells what it was given nowhere else.
    kinds: dict[str, type] = {
        action.dest: action.type if isinstance(action.type, type) else bool if action.const is True else str
        for action in parser._actions
    }
    options = parser.parse_args([])
    for name, value in asked.items():
        if name not in kinds or name in _LEFT_OUT:
            raise SettingsError(
                f"the job asks for {name!r}, which this version does not know: use the one that wrote it"
            )
        fits = value is None or isinstance(value, int | float if kinds[name] is float else kinds[name])
        if not fits or (isinstance(value, bool) and kinds[name] is not bool):
            raise SettingsError(f"the job asks for {name} = {value!r}, which cannot be: write it anew with `job`")
        setattr(options, name, value)
    return options


def make(options: argparse.Namespace, source: Path, folder: Path) -> Job:
    """Write a job for a photo or a folder of them into `folder`: copies of the pictures, and `job.json`.

    Every photo is opened, so that one that cannot be read is named now and not on the farm.

    Raises:
        GidError: what is asked for cannot be, a photo cannot be read, or the disk is unfit.
    """
    animate.checked_output(options)
    found, left_out = sources_of(source, getattr(options, "motion_from_clips", False))
    if left_out:
        console.say(f"gid: {batch.without(left_out)}", sys.stderr)
    with disk_errors(folder):
        (folder / PHOTOS).mkdir(parents=True, exist_ok=True)
    listed = []
    for one in found:
        if one.photo is not None:
            image_io.load_photo(one.photo, layer=options.layer)
        if one.clip is not None and movie.is_available("h264"):  # PyAV is here
            next(clips.decoded(one.clip), None)
        for path in (one.photo, one.clip):
            if path is not None:
                with replacing(folder / PHOTOS / path.name) as temporary:
                    shutil.copyfile(path, temporary)
        listed.append(Item.of(one).told())
    asked = {name: value for name, value in vars(options).items() if name not in _LEFT_OUT}
    for name in _PICTURES:
        if asked.get(name) is not None:
            picture = Path(asked[name])
            asked[name] = name + picture.suffix
            with disk_errors(folder):
                shutil.copyfile(picture, folder / asked[name])
    text = json.dumps({"version": __version__, "photos": listed, "asked": asked}, indent=2, ensure_ascii=False)
    _write(folder / FILE, (text + "\n").encode("utf-8", "backslashreplace"))
    return Job.load(folder)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits.

    Raises:
        ImageError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}") from error


def _write(path, content):
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _check_name(name, folder):
    """Refuse what would lead out of the job: a name is one part, of this disk, and not hidden."""
    if not isinstance(name, str) or not name or name.startswith(".") or any(mark in name for mark in "/\\:\0"):
        raise SettingsError(
            f"{folder / FILE} names the file {name!r}, which is no plain name: write it anew with `job`"
        )
