"""Frames and movies of a loop, rendered by its own scene; whatever the artist has set up elsewhere stays as it is."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from ...gid_core.errors import Cancelled, LimitError, SettingsError
from ...gid_core.files import integrity
from ...gid_core.files.frame_files import frame_name
from ...gid_core.files.storage import PASSING, disk_errors, replacing, scratch_folder
from .. import compat
from ..loop import clock, colours
from ..loop.read import refuse_foreign_colours
from ..loop.scene import CYCLES_OFF, has_cycles, is_transparent, uses_cycles

__all__ = ["encode_movie", "render_frames"]

_TEMPLATES = "{}"  # in a path Blender 5 reads them as variables to fill in
# What Blender calls our formats: its file format and its options.
_BLENDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "png": ("PNG", {"color_depth": "8", "compression": 15}),
    "png16": ("PNG", {"color_depth": "16", "compression": 15}),
    "exr": ("OPEN_EXR", {"color_depth": "32", "exr_codec": "ZIP"}),
    "exr-half": ("OPEN_EXR", {"color_depth": "16", "exr_codec": "ZIP"}),
}


def render_frames(plane, folder, frames=None, format="png", progress=None, cancelled=None):
    """Render frames of a loop into `folder`, named by their number: 0001.png. Returns the files in order.

    Args:
        plane: of the loop.
        frames: scene frames; None for one whole loop.
        format: a key of `gid_core.files.frame_files.FORMATS`.
        progress: callable(phase, fraction), told "render" and how much is done.
        cancelled: callable() -> bool, asked before each frame.
    Raises:
        SettingsError: `plane` is not a loop, its engine is switched off, it was made under another colour
            configuration, or the format is unknown.
        LimitError: a frame cannot be written.
        Cancelled: the frames written so far are removed.
    """
    scene = plane.gid.scene
    if scene is None:
        raise SettingsError(f"the object '{plane.name}' is not a loop: select the plane of one")
    if uses_cycles(scene) and not has_cycles():  # Blender would render it by another engine, without a word
        raise SettingsError(CYCLES_OFF)
    refuse_foreign_colours(plane)
    if format not in _BLENDERS:
        raise SettingsError(f"format '{format}': choose from {', '.join(_BLENDERS)}")
    if frames is None:
        frames = range(scene.frame_start, scene.frame_end + 1)
    frames, folder, written = list(frames), Path(folder), []
    with _own_output(scene, format), _staging(folder) as staging:
        try:
            for done, frame in enumerate(frames):
                if cancelled is not None and cancelled():
                    raise Cancelled("rendering was stopped: no frame was kept")
                target = folder / frame_name(frame, format)
                _render_still(scene, frame, staging / target.name)
                _place(staging / target.name, target)
                written.append(target)
                if progress is not None:
                    progress("render", (done + 1) / len(frames))
        except BaseException:
            for file in written:
                file.unlink(missing_ok=True)
            raise
    return written


def encode_movie(plane, frame_files, path):
    """Encode picture files, a frame each, as an H.264 movie at exactly `path`. Colours are those of the files.

    The movie holds the frames once, so that a player which repeats it shows the loop. H.264 wants even sides: an odd
    row at the bottom or column at the right is left out.

    Args:
        plane: of the loop, whose frame rate is used.
        frame_files: of one folder, in order.
    Raises:
        SettingsError: there is no frame.
        LimitError: the movie cannot be written.
    """
    files, path = [Path(file) for file in frame_files], Path(path)
    if not files:
        raise SettingsError("there are no frames to encode: render them first")
    with _staging(path.parent) as staging, _movie_scene(files, clock.fps_of(plane)) as scene:
        scene.render.filepath = str(staging / "movie.mp4")
        _run(scene, path, animation=True)
        made = list(staging.glob("movie*"))  # Blender may add the frame range to the name
        if len(made) != 1 or not integrity.is_whole(made[0]):
            raise LimitError(f"{path} cannot be written whole: is the disk full?")
        _place(made[0], path)


def _render_still(scene, frame, target):
    scene.frame_set(frame)
    scene.render.filepath = str(target)
    _run(scene, target, write_still=True)
    if not integrity.is_whole(target):
        raise LimitError(f"{target.name} cannot be written whole: is the disk full?")


def _run(scene, target, **what):
    try:
        # Its `scene` argument would render that scene at the frame of the artist's.
        with bpy.context.temp_override(scene=scene):
            bpy.ops.render.render(**what)
    except RuntimeError as error:  # what an operator's error report becomes
        reason = str(error).strip().removeprefix("Error: ")
        raise LimitError(f"{Path(target).name} cannot be rendered: {reason}") from error


@contextmanager
def _own_output(scene, kind):
    """Set the scene's output for our files, and put back what was there."""
    render, settings = scene.render, scene.render.image_settings
    kept = (render.filepath, render.use_file_extension, render.use_overwrite, scene.frame_current)
    kept_format = {
        name: getattr(settings, name)
        for name in ("media_type", "file_format", "color_mode", "color_depth", "compression", "exr_codec")
        if hasattr(settings, name)
    }
    file_format, options = _BLENDERS[kind]
    mode = "RGBA" if is_transparent(scene) or file_format == "OPEN_EXR" else "RGB"
    compat.set_file_format(settings, file_format, color_mode=mode, **options)
    render.use_file_extension, render.use_overwrite = True, True
    try:
        yield
    finally:
        render.filepath, render.use_file_extension, render.use_overwrite = kept[:3]
        for name, value in kept_format.items():
            setattr(settings, name, value)
        scene.frame_set(kept[3])


@contextmanager
def _staging(folder):
    """A passing folder inside `folder`, so that results appear whole or not at all.

    Elsewhere, if its path holds what Blender would not take as it is.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    parent = None if set(_TEMPLATES) & set(str(folder)) else folder
    with scratch_folder(parent, PASSING) as staging:
        yield staging


def _place(made, target):
    """Move a finished file to its name, from another disk, too."""
    with disk_errors(target):
        if made.stat().st_dev == target.parent.stat().st_dev:
            os.replace(made, target)
        else:
            with replacing(target) as temporary:
                shutil.copyfile(made, temporary)


@contextmanager
def _movie_scene(files, fps):
    """A passing scene whose sequencer holds the files."""
    scene = bpy.data.scenes.new("GID Movie")
    try:
        first = bpy.data.images.load(str(files[0]), check_existing=False)
        width, height = first.size
        bpy.data.images.remove(first)
        if width * height == 0:
            raise LimitError(f"{files[0]} cannot be read: render the frames again")
        render = scene.render
        render.resolution_x, render.resolution_y, render.resolution_percentage = width & ~1, height & ~1, 100
        render.use_sequencer, render.use_compositing, render.dither_intensity = True, False, 0.0
        render.use_file_extension = False
        colours.show_as_stored(scene)
        scene.sequencer_colorspace_settings.name = colours.byte_space()
        clock.set_rate(scene, fps)
        scene.frame_start, scene.frame_end = 1, len(files)
        strip = compat.new_image_strip(scene, files)
        # Strips are centred: half a pixel keeps the pixels of an odd picture on the movie's.
        strip.transform.filter = "NEAREST"
        strip.transform.offset_x, strip.transform.offset_y = (width & 1) / 2, -(height & 1) / 2
        _use_h264(render, len(files))
        yield scene
    finally:
        bpy.data.scenes.remove(scene)


def _use_h264(render, n_frames):
    compat.set_file_format(render.image_settings, "FFMPEG", color_mode="RGB")
    movie = render.ffmpeg
    movie.format, movie.codec, movie.audio_codec = "MPEG4", "H264", "NONE"
    movie.constant_rate_factor, movie.ffmpeg_preset = "PERC_LOSSLESS", "GOOD"  # the seam lies between key frames
    # Closed groups of pictures, the last one ending with the loop: a player may jump back to the first frame.
    movie.gopsize, movie.use_max_b_frames = min(n_frames, 12), False
