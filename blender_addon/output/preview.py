"""A quick preview: the loop's own frames, small, in the player that Blender has for its renders.

It shows what a bake will, not what the viewport's sheet shows: hidden ground, sharp edges, the border.
"""

import subprocess
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import bpy

from ...gid_core.errors import SettingsError
from ...gid_core.files import image_io, resample
from ...gid_core.files.frame_files import frame_name
from ..loop import clock
from ..work import Beside
from .bake import check_followed, loop_of
from .handover import hand_over

__all__ = ["LONG_SIDE", "Preview", "small_loop_of"]

LONG_SIDE = 480  # pixels; a frame of that size takes some 30 ms


def small_loop_of(plane, long_side=LONG_SIDE):
    """The loop of `plane` as a bake would render it, its frames no larger than `long_side`."""
    loop = loop_of(plane)
    still = image_io.fit(loop.still, long_side)
    height, width = still.shape[:2]
    if still.shape == loop.still.shape:
        return loop

    def fitted(picture):
        return image_io.resize(picture, width, height) if hasattr(picture, "shape") else picture

    front = None if loop.front is None else resample.fitted(loop.front, width, height)
    return replace(loop, still=still, front=front, plate=fitted(loop.plate), kin=None)


class Preview(Beside):
    """A preview under way, as `work.Work`: its result is itself; its frames go with this Blender."""

    def __init__(self, plane):
        check_followed(plane)
        self._folder = Path(tempfile.mkdtemp(prefix="preview-", dir=bpy.app.tempdir))
        self._fps, self._n_frames = clock.fps_of(plane), plane.gid.n_frames
        order = partial(_order, plane, self._folder)
        super().__init__("blender_addon.preview_child", order, "render the preview")

    def result(self):
        """This preview, once its frames are there."""
        return None if super().result() is None else self

    @property
    def command(self) -> list[str]:
        """What starts Blender's player on the frames."""
        rate = [str(round(self._fps)), f"{float(round(self._fps) / self._fps):.6f}"]
        first = self._folder / "frames" / frame_name(1, "png")
        shown = ["-s", "1", "-e", str(self._n_frames), "-j", "1", str(first)]
        return [bpy.app.binary_path, "-a", "-f", *rate, *shown]

    def play(self) -> str:
        """Show the frames, over and over, in a window of their own; Escape closes it. Returns a sentence.

        Raises:
            SettingsError: this Blender cannot start another one.
        """
        if bpy.app.background or not bpy.app.binary_path:
            return f"the preview's frames are in {self._folder / 'frames'}"
        try:
            subprocess.Popen(self.command, stdin=subprocess.DEVNULL)
        except OSError as error:
            raise SettingsError(f"Blender's player cannot be started: {error}") from error
        return "The preview plays in a window of its own: Escape closes it"


def _order(plane, frames, folder):
    return {**hand_over(plane, folder), "frames": str(frames)}
