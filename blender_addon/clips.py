"""A clip as a job: its frames are read, and become a motion, in processes beside this one.

PyAV reads videos where it is installed. Blender brings none, so another Blender, without a window, writes the frames as
pictures first (`clip_frames`).
"""

import os
import time
from functools import partial
from pathlib import Path

import numpy as np

from ..gid_core.errors import Cancelled, ImageError, LimitError
from ..gid_core.files.storage import disk_errors
from .work import Beside, Chain, Work

__all__ = ["filming", "read"]

_POLL_S = 0.05


def filming(path, *, at: float = 0.0, fps: str | None = None, photo=None) -> Work:
    """The motion of a clip under way: its result is (motion, path of the still as a PNG), the file until its cancel.

    Args:
        path: a video, or a folder of pictures. fps: of such a folder.
        at: seconds from its start to the frame that is the still.
        photo: float32 (H, W, 3|4), linear, premultiplied, that shall move as the clip; None for the clip's own still.
    Raises:
        GidError: there is no clip, or no process can be started.
    """
    if not Path(path).exists():
        raise ImageError(f"there is no clip {path}: check the name")
    measured = partial(_measured, photo)
    if _is_read_here(path):
        return measured({"path": os.path.abspath(path), "fps": fps, "at": at, "filmed_still": None})
    return Chain(_frames(path, at), measured)


def _frames(path, at):
    """What a Blender beside this one writes of a video; its result is what to ask `reading.read` for, JSON-ready."""
    order = {"path": os.path.abspath(path), "at": at}
    return Beside(
        "blender_addon.clip_frames",
        lambda folder: {**order, "folder": str(folder)},
        "read the clip",
        lambda _folder, word: word["asked"],
    )


def _measured(photo, asked):
    order = partial(_order, photo, asked)
    return Beside("gid_core.footage.clip_worker", order, "measure the clip", _taken, is_blender=False)


def _order(photo, asked, folder):
    file = None if photo is None else str(folder / "photo.npy")
    if file is not None:
        with disk_errors(file):
            np.save(file, photo, allow_pickle=False)
    return {**asked, "photo": file, "folder": str(folder)}


def _taken(folder, word):
    from ..gid_core.prediction.child import take  # at the first use

    try:
        return take(folder, word), folder / word["still"]
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
    frames = _frames(path, at)
    try:
        while (asked := frames.result()) is None:
            if cancelled is not None and cancelled():
                raise Cancelled("stopped before the clip was read; nothing was made")
            for step in frames.poll():
                if progress is not None:
                    progress(step.phase, step.fraction)
            time.sleep(_POLL_S)
        asked = {**asked, "fps": float(asked["fps"])}
        return reading.read(**asked, progress=progress, cancelled=cancelled)
    finally:
        frames.cancel()


def _is_read_here(path):
    """Whether Python reads the clip by itself: frames in a folder, or PyAV for a video."""
    from ..gid_core.files import movie  # at the first use: it loads Pillow

    return Path(path).is_dir() or movie.is_available("h264")
