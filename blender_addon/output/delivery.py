"""What the command line adds to a prediction: scene.blend, frames/0001.png ..., loop.mp4, and the frames' own seam."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np

from ...gid_core.errors import Cancelled, LimitError
from ...gid_core.files import image_io
from ..loop import build
from .frames import encode_movie, render_frames

__all__ = ["deliver", "picture_seam"]

_BLOCK = 8  # px: averaging this wide leaves motion and takes out grain and coding noise


def deliver(prepared, folder, progress, cancelled):
    """Build the loop in an empty file, save it, render its frames and its movie into `folder`.

    Args:
        prepared: see gid_core.animate; its report gets the frames' seam and Blender's version.
        progress: called with a phase's name and the fraction 0..1 of it that is done.
        cancelled: asked before each frame; True stops the work.
    Raises:
        Cancelled: `cancelled` said so.
        GidError: the loop cannot be built, or the disk does not take it.
    """
    folder = Path(folder)
    with _hushed():
        progress("build the scene", 0.0)
        plane = _build(prepared)
        _save(folder / "scene.blend")
        (folder / "frames").mkdir()
        frames = render_frames(
            plane,
            folder / "frames",
            progress=lambda _phase, done: progress("render the frames", done),
            cancelled=cancelled,
        )
        progress("encode the movie", 0.0)
        encode_movie(plane, frames, folder / "loop.mp4")
    if cancelled():
        raise Cancelled("stopped; nothing was written")
    progress("measure the seam", 0.0)
    prepared.report["picture_seam_ratio"] = picture_seam(frames)
    prepared.report["versions"]["blender"] = bpy.app.version_string


@contextmanager
def _hushed():
    """Keeps off the standard output what Blender says there, fifty lines a frame; it is C, so the descriptor moves."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _build(prepared):
    """The plane of the loop, alone in a new file."""
    # Not read_factory_settings: that disables the add-on whose command is running.
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    empty = list(bpy.data.scenes)
    plane = build.build_loop(
        build.LoopSpec(
            prepared.name, prepared.photo, prepared.volume, prepared.plan, prepared.fps, start=prepared.start
        )
    )
    plane.gid.scene.render.filepath = "//frames/"  # where the frames lie beside the file
    for window in bpy.context.window_manager.windows:
        window.scene = plane.gid.scene
    bpy.data.batch_remove(empty)  # whoever opens or renders the file meets the loop
    return plane


def _save(path):
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True, copy=True)
    except RuntimeError as error:
        raise LimitError(f"cannot write {path.name}: {error}") from error


def picture_seam(frames) -> float | None:
    """Step from the last frame to the first relative to the median step between frames; None if nothing moves.

    A step is the RMS change of grey, averaged over blocks. Near 1 in a good loop: higher is a jump, lower a hold.
    """
    small = [_grey_blocks(image_io.load_photo(frame).pixels) for frame in frames]
    steps = [
        float(np.sqrt(np.mean((following - frame) ** 2)))
        for frame, following in zip(small, [*small[1:], small[0]], strict=True)
    ]
    median = float(np.median(steps))
    return steps[-1] / median if median > 0 else None


def _grey_blocks(pixels):
    grey = pixels[..., :3].mean(-1)
    rows, columns = (max(1, size // _BLOCK) for size in grey.shape)
    return image_io.resize(grey, columns, rows)
