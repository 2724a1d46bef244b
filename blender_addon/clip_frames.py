"""The process that reads a clip where Python has no PyAV: a Blender of its own that writes its frames as pictures.

Its answer is what to ask `gid_core.footage.reading.read` for.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import bpy

from ..gid_core.child import serving
from ..gid_core.errors import ImageError, SettingsError
from ..gid_core.footage.reading import HIGHEST_FPS, LONGEST_S
from . import compat

__all__ = ["serve"]

_LONG_SIDE = 512  # twice the grid on which motion is measured


def serve(order: dict) -> None:
    """A child's whole life; see `gid_core.child`. order: "path" of a video; "at", seconds from its start to the frame
    that is the still; "folder" for the pictures."""
    serving(_work, order)


def _work(order: dict, _commands: Iterator, send) -> None:
    path, folder, at = Path(order["path"]), Path(order["folder"]), order["at"]
    scene = bpy.context.scene  # of the startup file: to read factory settings would take away the wheels of extensions
    strip = _strip(scene, path)
    fps, n_frames = strip.fps, strip.frame_duration
    shown = round(at * fps) + 1
    if shown > n_frames:
        raise SettingsError(f"{path.name} has no frame at {at:g} s: it lasts {n_frames / fps:.2f} s")
    step = max(1, math.ceil(fps / HIGHEST_FPS - 0.05))
    before = min(shown - 1, int(LONGEST_S / 2 * fps)) // step * step
    first = shown - before
    wanted = range(first, min(n_frames, first + int(LONGEST_S * fps)) + 1, step)

    _render(scene, shown, folder / "still.png")
    longest = max(scene.render.resolution_x, scene.render.resolution_y)
    scene.render.resolution_percentage = min(100, math.ceil(100 * _LONG_SIDE / longest))
    for index, frame in enumerate(wanted):
        _render(scene, frame, folder / "frames" / f"{index:05d}.png")
        send(event="progress", phase="read the clip", fraction=(index + 1) / len(wanted))
    asked = {"path": str(folder / "frames"), "fps": repr(fps / step), "at": before / fps}
    send(event="done", asked={**asked, "filmed_still": [str(path), str(folder / "still.png")]})


def _strip(scene, path):
    """The video in the sequencer of a scene that renders it pixel by pixel, with its colours as they were decoded."""
    try:
        strip = scene.sequence_editor_create().strips.new_movie("clip", str(path), channel=1, frame_start=1)
    except RuntimeError as error:
        raise ImageError(f"{path.name} cannot be read as a video: convert it to .mp4") from error
    size = strip.elements[0].orig_width, strip.elements[0].orig_height
    if not (all(size) and strip.frame_duration and strip.fps):
        raise ImageError(f"{path.name} holds no video: choose another file")
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.view_settings.view_transform = "Standard"
    compat.set_file_format(scene.render.image_settings, "PNG", color_mode="RGB", color_depth="8")
    return strip


def _render(scene, frame, path):
    scene.frame_set(frame)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
