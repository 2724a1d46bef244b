"""A folder of photos as a job of its own: a second Blender animates them as the command line does."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import bpy

from ...gid_core.errors import SettingsError
from ...gid_core.files import movie
from .. import preferences
from ..loop import length
from ..work import Beside

__all__ = ["Result", "arguments_of", "begin", "folder_beside", "told"]


def folder_beside(photos: str) -> str:
    """Where the loops of a folder of photos go by default: a folder beside it."""
    folder = Path(photos)
    return str(folder.with_name(folder.name + "_loops"))


def arguments_of(scene, photos: str, out: str, use_clips: bool = False) -> list[str]:
    """What the command line would be asked for, by the panel of `scene`.

    use_clips: photos move as the clips of their names.
    Raises:
        SettingsError: no folder is named.
    """
    if not photos.strip():
        raise SettingsError("there is no folder of photos: choose one")
    settings, output = scene.gid, scene.gid.output
    fps = length.scene_fps(scene)
    n_frames = length.asked_frames(settings, fps)
    # H.264 needs PyAV outside of Blender, and Blender's own encoder needs Blender.
    kind = output.movie if output.movie == "none" or movie.is_available(output.movie) else "webp"
    asked = {
        "out": out or folder_beside(photos),
        "seconds": str(float(n_frames / fps)),
        "fps": str(Fraction(fps)),
        "start": str(settings.start),
        "seed": str(settings.seed),
        "size": str(settings.size),
        "model": preferences.model_choice(settings),
        "render": output.quality.lower(),
        "format": output.format,
        "movie": kind,
        "shutter": str(output.shutter),
        "samples": str(output.samples),
    }
    wanted = {"stmap": output.stmap, "vectors": output.vectors, "motion-from-clips": use_clips}
    switches = [f"--{name}" for name, is_on in wanted.items() if is_on]
    return [photos, *(f"--{name}={value}" for name, value in asked.items()), *switches]


@dataclass(frozen=True)
class Result:
    """page: the summary; count: of photos; failed: a sentence about each that came to nothing."""

    page: str
    count: int
    failed: tuple[str, ...]


def begin(arguments: list[str]) -> Beside:
    """A batch under way; its result is a `Result`. After a cancel the loops that are finished stay.

    Raises:
        LimitError: no process can be started.
    """
    order = {"arguments": arguments}
    return Beside("blender_addon.batch_child", lambda _folder: order, "animate the photos", _result, tidies=True)


def _result(_folder, word):
    return Result(word["page"], word["count"], tuple(word["failed"]))


def told(result: Result) -> str:
    """A sentence about a batch that is over; the page opens where there is a window."""
    if not bpy.app.background:
        bpy.ops.wm.url_open(url=Path(result.page).as_uri())
    made = result.count - len(result.failed)
    said = f"{made} of {result.count} photos became loops: {result.page}"
    if result.failed:
        said += ". " + "; ".join(result.failed[:3])
        said += f"; and {len(result.failed) - 3} more" if len(result.failed) > 3 else ""
    return said
