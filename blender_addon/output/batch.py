"""A folder of photos as a job of its own: a second Blender animates them as the command line does."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import bpy

from ...gid_core.child import Crew
from ...gid_core.errors import SettingsError
from ...gid_core.files import movie
from ...gid_core.files.storage import Scratch
from .. import preferences
from ..loop import length
from ..work import second_blender, steps_of

__all__ = ["Batch", "Result", "arguments_of", "folder_beside", "told"]


def folder_beside(photos: str) -> str:
    """Where the loops of a folder of photos go by default: a folder beside it."""
    folder = Path(photos)
    return str(folder.with_name(folder.name + "_loops"))


def arguments_of(scene, photos: str, out: str) -> list[str]:
    """What the command line would be asked for, by the panel of `scene`.

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
    passes = [f"--{name}" for name in ("stmap", "vectors") if getattr(output, name)]
    return [photos, *(f"--{name}={value}" for name, value in asked.items()), *passes]


@dataclass(frozen=True)
class Result:
    """page: the summary; count: of photos; failed: (name, why) of each that came to nothing."""

    page: str
    count: int
    failed: tuple[tuple[str, str], ...]


class Batch:
    """A batch under way, as `work.Work`; its result is a `Result`."""

    def __init__(self, arguments: list[str]):
        self._scratch = Scratch("gid-batch-")
        self._result: Result | None = None
        try:
            order = {"arguments": arguments}
            module = "blender_addon.batch_child"
            self._crew = Crew(1, module, order, self._scratch.folder, "animate the photos", second_blender())
        except BaseException:
            self._scratch.remove()
            raise

    def poll(self):
        """What happened since the last call: number of the photo, its phase, how far that is."""
        steps, done = steps_of(self._crew)
        if done is not None:
            failed = tuple((name, why) for name, why in done["failed"])
            self._result = Result(done["page"], done["count"], failed)
        return steps

    def result(self):
        """What came of it, once all photos were tried."""
        return self._result

    def cancel(self):
        """Stop; the loops that are finished stay, and what is not is gone soon after. Harmless when it is over."""
        self._crew.dismiss(self._scratch.remove)


def told(result: Result) -> str:
    """A sentence about a batch that is over; the page opens where there is a window."""
    if not bpy.app.background:
        bpy.ops.wm.url_open(url=Path(result.page).as_uri())
    made = result.count - len(result.failed)
    said = f"{made} of {result.count} photos became loops: {result.page}"
    if result.failed:
        said += ". " + "; ".join(f"{name}: {why}" for name, why in result.failed[:3])
        said += f"; and {len(result.failed) - 3} more" if len(result.failed) > 3 else ""
    return said
