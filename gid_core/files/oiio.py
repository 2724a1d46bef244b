"""EXR and 16-bit PNG by OpenImageIO, the trade's own library. The only module that imports it.

Blender holds another build of the same library, so it is imported at the first use only: child processes and commands
outside Blender get there. Files carry no date: the same pixels give the same bytes.
"""

import importlib.util

import numpy as np

from ..errors import ImageError, LimitError
from .colour import REC709
from .integrity import is_whole
from .storage import replacing

__all__ = ["is_available", "library", "load_channels", "load_png16", "save_exr", "save_png16"]

_NO_DATE = "1970:01:01 00:00:00"  # OpenImageIO writes the day otherwise, and no two bakes would be equal


def save_exr(
    path, channels: np.ndarray, names: tuple[str, ...], *, half: bool = False, notes: dict | None = None
) -> None:
    """Write float32 (H, W, C) as a ZIP-compressed scanline EXR with these channel names, atomically.

    Args:
        half: 16-bit floats; values beyond 65504 are clipped to it.
        notes: further attributes of the header, text.
    Raises:
        ImageError: OpenImageIO is not there.
        LimitError: the disk is full, read-only or otherwise unfit.
    """
    oiio = library("EXR")
    channels = np.ascontiguousarray(channels, np.float32)
    kind = oiio.HALF if half else oiio.FLOAT
    if half:
        channels = np.clip(channels, -65504, 65504)
    spec = oiio.ImageSpec(channels.shape[1], channels.shape[0], len(names), kind)
    spec.channelnames = names
    spec["compression"] = "zip"
    spec["DateTime"] = _NO_DATE
    spec.attribute("chromaticities", oiio.TypeDesc("float[8]"), REC709)
    for name, text in (notes or {}).items():
        spec[name] = text
    _write(oiio, path, spec, channels)


def save_png16(path, levels: np.ndarray) -> None:
    """Write uint16 (H, W, 3|4), sRGB-encoded with straight alpha, as a 16-bit PNG, atomically.

    Raises:
        ImageError: OpenImageIO is not there.
        LimitError: the disk is full, read-only or otherwise unfit.
    """
    oiio = library("16-bit PNG")
    height, width, count = levels.shape
    spec = oiio.ImageSpec(width, height, count, oiio.UINT16)
    spec["oiio:ColorSpace"] = "sRGB"
    spec["oiio:UnassociatedAlpha"] = 1
    spec["png:compressionLevel"] = 3  # a third of the time of level 6, three per cent more bytes
    _write(oiio, path, spec, np.ascontiguousarray(levels))


def load_channels(path) -> tuple[np.ndarray, tuple[str, ...]]:
    """float32 (H, W, C) and the channels' names of an EXR of our own making, as stored.

    Raises:
        ImageError: OpenImageIO is not there, or the file cannot be read.
    """
    pixels, spec = _read(path, "EXR", "FLOAT")
    return pixels, tuple(spec.channelnames)


def load_png16(path) -> np.ndarray:
    """uint16 (H, W, 3|4) of a 16-bit PNG of our own making, as stored.

    Raises:
        ImageError: OpenImageIO is not there, or the file cannot be read.
    """
    return _read(path, "16-bit PNG", "UINT16")[0]


def library(kind: str, remedy: str = "choose the format png"):
    """The module OpenImageIO.

    Args:
        kind: what needs it, and `remedy`: what to do where it is not there; both for the sentence.
    Raises:
        ImageError: it does not load.
    """
    try:
        import OpenImageIO  # not at the top: it would meet Blender's own build in Blender's process
    except ImportError as error:
        message = f"{kind} needs OpenImageIO, which does not load here ({error}): {remedy}"
        raise ImageError(message) from error
    return OpenImageIO


def is_available() -> bool:
    """True if OpenImageIO is installed here."""
    return importlib.util.find_spec("OpenImageIO") is not None


def _write(oiio, path, spec, pixels):
    with replacing(path) as temporary:
        output = oiio.ImageOutput.create(str(temporary))
        if output is None:
            raise ImageError(f"{path} cannot be written: {' '.join(oiio.geterror().split())}")
        done = output.open(str(temporary), spec) and output.write_image(pixels)
        reason = output.geterror()
        done = output.close() and done
        # On a full disk its PNG writer reports success.
        if not done or not is_whole(temporary):
            raise LimitError(f"cannot write {path} whole: is the disk full? {' '.join(reason.split())}".strip())


def _read(path, kind, wanted):
    oiio = library(kind)
    as_stored = oiio.ImageSpec()
    as_stored["oiio:UnassociatedAlpha"] = 1
    source = oiio.ImageInput.open(str(path), as_stored)
    if source is None:
        raise ImageError(f"{path} cannot be read: {' '.join(oiio.geterror().split())}")
    pixels = source.read_image(getattr(oiio, wanted))
    spec, reason = source.spec(), source.geterror()
    source.close()
    if pixels is None:
        raise ImageError(f"{path} cannot be read: {' '.join(reason.split())}")
    return np.asarray(pixels), spec
