"""A farm's job as a folder that can be carried anywhere: the photos, what is asked of them, and who runs what.

`job.json` and its photos come from outside once a farm has them: names are plain, numbers are checked, nothing in
there is a path or a command.
"""

import argparse
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from .. import animate, batch
from ..errors import SettingsError
from ..files import image_io
from ..files.storage import disk_errors, replacing
from ..motion import timeline
from ..version import __version__

__all__ = ["FILE", "Job", "make", "options_of"]

FILE = "job.json"
PHOTOS = "photos"
_PICTURES = ("mask", "strength")
_MAX_PHOTOS = 10_000
_LEFT_OUT = ("photo", "folder", "out", "chunk", "for_farm", "door", "verb", "openjd", "blender")


@dataclass(frozen=True)
class Job:
    """A job that was read: where it lies, (file, name of its results, SHA-256) of each photo, and what is asked.

    asked: values of `animate`'s options by name.
    """

    folder: Path
    photos: tuple[tuple[str, str, str], ...]
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
            photos = tuple(
                (str(one["file"]), str(one["name"]), str(one["sha256"])) for one in facts["photos"][:_MAX_PHOTOS]
            )
            asked = dict(facts["asked"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SettingsError(f"{folder} holds no job that can be read: write it anew with `job`") from error
        for file, name, _ in photos:
            for one in (file, name):
                _check_name(one, folder)
        if len({name for _, name, _ in photos}) != len(photos) or not photos:
            raise SettingsError(f"the photos of {folder / FILE} have no names of their own: write it anew with `job`")
        return cls(folder, photos, asked)

    def options(self, index: int) -> argparse.Namespace:
        """The options of `animate` for one photo.

        Raises:
            SettingsError: there is no such photo, or an option is unknown or of the wrong kind.
        """
        if not 0 <= index < len(self.photos):
            raise SettingsError(f"there is no photo {index} in this job: it has 0 to {len(self.photos) - 1}")
        options = options_of(self.asked)
        options.photo = str(self.folder / PHOTOS / self.photos[index][0])
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
    found = batch.photos_in(source) if source.is_dir() else [(source, source.stem)]
    with disk_errors(folder):
        (folder / PHOTOS).mkdir(parents=True, exist_ok=True)
    listed = []
    for path, name in found:
        content = image_io.content_of(path)
        image_io.decode_photo(content, path, layer=options.layer)
        _write(folder / PHOTOS / path.name, content)
        listed.append({"file": path.name, "name": name, "sha256": hashlib.sha256(content).hexdigest()})
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


def _write(path, content):
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _check_name(name, folder):
    """Refuse what would lead out of the job: a name is one part, of this disk, and not hidden."""
    if not isinstance(name, str) or not name or name.startswith(".") or any(mark in name for mark in "/\\:\0"):
        raise SettingsError(
            f"{folder / FILE} names the file {name!r}, which is no plain name: write it anew with `job`"
        )
