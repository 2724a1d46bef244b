"""A clip as a job: its frames are read, and become a motion, in processes beside this one.

PyAV reads videos where it is installed. Blender brings none, so another Blender, without a window, writes the frames as
pictures first (`clip_frames`).
"""

import os
import time
from pathlib import Path

import numpy as np

from ..gid_core.child import Crew
from ..gid_core.errors import Cancelled, ImageError, LimitError
from ..gid_core.files.storage import Scratch, scratch_folder
from .work import Step, second_blender, steps_of

__all__ = ["Filming", "Frames", "read"]

_POLL_S = 0.05


class Frames:
    """What a Blender beside this one writes of a video.

    Args:
        at: seconds from its start to the frame that is the still.
        folder: takes the pictures; whoever made it removes it.
    Raises:
        LimitError: no process can be started.
    """

    def __init__(self, path, at: float, folder):
        order = {"path": os.path.abspath(path), "at": at, "folder": str(folder)}
        self._crew = Crew(1, "blender_addon.clip_frames", order, folder, "read the clip", second_blender())
        self.asked: dict | None = None

    def poll(self) -> list[Step]:
        """What happened since the last call; the last of it sets `asked`, what to ask `reading.read` for, JSON-ready.

        Raises:
            GidError: Blender cannot read it.
        """
        steps, done = steps_of(self._crew)
        if done is not None:
            self.asked = done["asked"]
        return steps

    def end(self) -> None:
        """Stop; harmless when it is over."""
        self._crew.end()


class Filming:
    """The motion of a clip under way, as `work.Work`; its result is (motion, path of the still as a PNG).

    Args:
        path: a video, or a folder of pictures. fps: of such a folder.
        at: seconds from its start to the frame that is the still.
        photo: float32 (H, W, 3|4), linear, premultiplied, that shall move as the clip; None for the clip's own still.
    Raises:
        GidError: there is no clip, or no process can be started.
    """

    def __init__(self, path, *, at: float = 0.0, fps: str | None = None, photo=None):
        if not Path(path).exists():
            raise ImageError(f"there is no clip {path}: check the name")
        self._scratch = Scratch("gid-clip-")
        self._folder = self._scratch.folder
        self._frames: Frames | None = None
        self._crew: Crew | None = None
        self._result = None
        try:
            self._photo = None if photo is None else _kept(photo, self._folder)
            if _is_read_here(path):
                self._measure({"path": os.path.abspath(path), "fps": fps, "at": at, "filmed_still": None})
            else:
                self._frames = Frames(path, at, self._folder)
        except BaseException:
            self.cancel()
            raise

    def poll(self):
        """What happened since the last call: the phase, how far it is."""
        if self._crew is None:
            assert self._frames is not None  # one of both there always is
            steps = self._frames.poll()
            if self._frames.asked is not None:
                self._measure(self._frames.asked)
            return steps
        steps, done = steps_of(self._crew)
        if done is not None:
            self._result = self._taken(done)
        return steps

    def result(self):
        return self._result

    def cancel(self):
        """Stop; all processes and files are gone when this returns."""
        if self._frames is not None:
            self._frames.end()
        if self._crew is not None:
            self._crew.end()
        self._scratch.remove()

    def _measure(self, asked):
        order = {**asked, "photo": self._photo, "folder": str(self._folder)}
        self._crew = Crew(1, "gid_core.footage.clip_worker", order, self._folder, "measure the clip")

    def _taken(self, message):
        from ..gid_core.footage.clip_worker import STILL  # at the first use: they load Pillow
        from ..gid_core.prediction.child import take

        try:
            return take(self._folder, message), self._folder / STILL
        except (OSError, ValueError) as error:  # the disk, or whoever cleans temporary folders
            raise LimitError(f"the motion was lost on its way ({error}): measure the clip again") from error


def read(path, *, fps=None, at=0.0, progress=None, cancelled=None):
    """`footage.reading.read`, of a video by another Blender where Python lacks PyAV.

    Raises:
        GidError: it cannot be read, or was cancelled.
    """
    from ..gid_core.footage import reading  # at the first use: it loads Pillow

    if _is_read_here(path):
        return reading.read(path, fps=fps, at=at, progress=progress, cancelled=cancelled)
    with scratch_folder(prefix="gid-clip-") as folder:
        frames = Frames(path, at, folder)
        try:
            while frames.asked is None:
                if cancelled is not None and cancelled():
                    raise Cancelled("stopped before the clip was read; nothing was made")
                for step in frames.poll():
                    if progress is not None:
                        progress(step.phase, step.fraction)
                time.sleep(_POLL_S)
        finally:
            frames.end()
        asked = {**frames.asked, "fps": float(frames.asked["fps"])}
        return reading.read(**asked, progress=progress, cancelled=cancelled)


def _is_read_here(path):
    """Whether Python reads the clip by itself: frames in a folder, or PyAV for a video."""
    from ..gid_core.files import movie  # at the first use: it loads Pillow

    return Path(path).is_dir() or movie.is_available("h264")


def _kept(photo, folder):
    np.save(folder / "photo.npy", photo, allow_pickle=False)
    return str(folder / "photo.npy")
