"""The formats of frames: linear premultiplied pixels to PNG or EXR, and back to what a movie is made of."""

import numpy as np

from ..errors import ImageError, SettingsError
from . import image_io, oiio

try:
    from PIL import Image
except ImportError:  # image_io says why when a picture is saved
    Image = None  # type: ignore[assignment]  # a module otherwise

__all__ = ["FORMATS", "frame_name", "load_levels", "save_frame", "suffix_of"]

FORMATS = {"png": ".png", "png16": ".png", "exr": ".exr", "exr-half": ".exr"}


def suffix_of(kind: str) -> str:
    """The ending of a format's files.

    Raises:
        SettingsError: there is no such format.
    """
    if kind not in FORMATS:
        raise SettingsError(f"there is no frame format {kind!r}: choose from {', '.join(FORMATS)}")
    return FORMATS[kind]


def frame_name(frame: int, kind: str) -> str:
    """File name of a frame as Blender numbers them: 0001.png, -0007.exr."""
    return f"{'-' if frame < 0 else ''}{abs(frame):04d}{suffix_of(kind)}"


def save_frame(path, image: np.ndarray, kind: str) -> None:
    """Write linear premultiplied float32 (H, W, 3|4), atomically.

    png and png16: sRGB with straight alpha, 8 or 16 bits. exr and exr-half: the floats as they are, values above 1 too.

    Raises:
        SettingsError: there is no such format.
        ImageError: this Python lacks the library that writes it.
        LimitError: the disk is full, read-only or otherwise unfit.
    """
    suffix_of(kind)
    if kind == "png":
        image_io.save_png(path, image)
    elif kind == "png16":
        oiio.save_png16(path, image_io.levels_of(image, 65535))
    else:
        oiio.save_exr(path, image, tuple("RGBA"[: image.shape[2]]), half=kind == "exr-half")


def load_levels(path, kind: str) -> np.ndarray:
    """A frame of ours as sRGB-encoded levels with straight alpha: uint8 (png) or uint16 (H, W, 3|4).

    Raises:
        ImageError: the file is missing or cannot be read.
    """
    if kind == "png":
        return _load_png(path)
    if kind == "png16":
        return oiio.load_png16(path)
    return image_io.levels_of(oiio.load_channels(path)[0], 65535)


def _load_png(path):
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"{path} cannot be read: render the frames again ({error})") from error
