"""The Blender of `gid_core.delivery`: the scene of a loop in an empty file, its frames, and one of them as pixels."""

import hashlib
import os
import sys
from contextlib import contextmanager

import bpy

from ...gid_core.errors import LimitError
from ...gid_core.files.storage import scratch_folder
from .. import clips
from ..loop import build, colours, images
from .frames import encode_movie, render_frames

__all__ = ["CommandLine", "rendered_picture"]


class CommandLine:
    """Builds one loop; what Blender says on the standard output, fifty lines a frame, is kept off it."""

    version = bpy.app.version_string

    def __init__(self):
        self._plane = None

    def photo(self, path, layer=None):
        """The photo in a file; EXR and HDR by Blender itself where no OpenImageIO is installed for Python.

        Raises:
            GidError: it cannot be read.
        """
        from ...gid_core.files import image_io  # at the first use: it loads Pillow

        content = image_io.content_of(path)
        if layer is not None or not image_io.is_blenders_own(content):
            return image_io.decode_photo(content, path, layer=layer)
        with _hushed():
            image = images.open_photo(path)
            try:
                pixels = images.read_still(image)
            finally:
                bpy.data.images.remove(image)
        return image_io.Photo(pixels, hashlib.sha256(content).hexdigest(), ("it was read by Blender",))

    def clip(self, path, **asked):
        """What is read of a clip, as `clips.read`.

        Raises:
            GidError: it cannot be read.
        """
        return clips.read(path, **asked)

    def build(self, prepared, engine, path):
        """Build the loop in an empty file and save it.

        Raises:
            GidError: the loop cannot be built, or the disk does not take it.
        """
        with _hushed():
            # Not read_factory_settings: that disables the add-on whose command is running.
            bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
            empty = list(bpy.data.scenes)
            self._plane = build.build_loop(
                build.LoopSpec(
                    prepared.name,
                    prepared.photo,
                    prepared.motion,
                    prepared.plan,
                    prepared.fps,
                    edits=prepared.edits,
                    start=prepared.start,
                    engine=engine and engine.upper(),
                )
            )
            self._plane.gid.scene.render.filepath = "//frames/"  # where the frames lie beside the file
            for window in bpy.context.window_manager.windows:
                window.scene = self._plane.gid.scene
            bpy.data.batch_remove(empty)  # whoever opens or renders the file meets the loop
            _save(path)

    def render(self, folder, frames, kind, progress, cancelled):
        """Render frames of the loop; see `frames.render_frames`."""
        with _hushed():
            return render_frames(self._plane, folder, frames, kind, progress, cancelled)

    def picture(self, frame):
        """One frame of the loop as float32 (H, W, 4), linear, premultiplied."""
        with _hushed():
            return rendered_picture(self._plane, frame)

    def encode(self, files, path):
        """Encode frames of the loop; see `frames.encode_movie`."""
        with _hushed():
            encode_movie(self._plane, files, path)


def rendered_picture(plane, frame):
    """One frame of a loop as its scene renders it: float32 (H, W, 4), linear in sRGB primaries, premultiplied.

    Raises:
        GidError: it cannot be rendered.
    """
    with scratch_folder() as folder:
        (file,) = render_frames(plane, folder, [frame], "exr")
        image = bpy.data.images.load(str(file), check_existing=False)
        try:
            image.colorspace_settings.name, image.alpha_mode = colours.data_space(), "CHANNEL_PACKED"
            return colours.from_scene(images.pixels_of(image))
        finally:
            bpy.data.images.remove(image)


@contextmanager
def _hushed():
    """Nothing reaches the standard output; Blender writes there from C, so the descriptor itself moves."""
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


def _save(path):
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True, copy=True)
    except RuntimeError as error:
        raise LimitError(f"cannot write {path.name}: {str(error).strip()}") from error
