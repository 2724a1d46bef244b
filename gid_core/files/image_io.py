"""Picture files <-> linear float arrays, and resizing.

A photo becomes float32 (H, W, 3|4), linear light, premultiplied alpha, row 0 on top, upright, in sRGB primaries.
Files come from outside: size is judged before anything is decoded, formats are listed (no format that starts a
program, such as EPS), and what cannot be read right is refused with a sentence. What was altered is told in `notes`.
"""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import ImageError, LimitError
from . import colour, float_pictures, oiio, pictures
from .colour import encode_srgb, in_halves
from .refusals import refuse_by_kind, tags_of_tiff
from .resample import resample
from .storage import replacing

__all__ = [
    "MAX_PIXELS",
    "MIN_SIDE",
    "Photo",
    "check_photo",
    "content_of",
    "decode_photo",
    "fit",
    "is_blenders_own",
    "is_float_picture",
    "levels_of",
    "load_photo",
    "resize",
    "save_png",
]

MAX_PIXELS = 100_000_000  # as float32 RGB 1.2 GB; the largest cameras reach it
MIN_SIDE = 16  # below that no texture is left to judge by
_MAX_FILE_BYTES = 2**31
_PNG_LEVEL = 3  # a third of the time of level 6 for a tenth more bytes
_SAMPLE_FORMAT, _FLOATS = 339, 3  # of a TIFF
_ENDINGS = "convert it to PNG, JPEG or TIFF"


@dataclass(frozen=True)
class Photo:
    """A decoded photo. pixels: float32 (H, W, 3|4), linear, premultiplied; notes: what was altered, as sentences."""

    pixels: np.ndarray
    sha256: str
    notes: tuple[str, ...] = ()

    @property
    def height(self) -> int:
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        return self.pixels.shape[1]


def load_photo(path, max_pixels: int = MAX_PIXELS, layer: str | None = None) -> Photo:
    """The picture in a file: linear, premultiplied, upright, first frame.

    Args:
        layer: of an EXR that holds several, the one to take.
    Raises:
        ImageError: the file is missing, damaged, not a picture, of a kind that cannot be read, or too small.
        LimitError: it has more than `max_pixels`; told before anything is decoded.
    """
    path = Path(path)
    return decode_photo(content_of(path), path, max_pixels, layer=layer)


def decode_photo(
    content: bytes,
    path: str | Path,
    max_pixels: int = MAX_PIXELS,
    *,
    layer: str | None = None,
    alpha: str = "straight",
    is_linear: bool = False,
) -> Photo:
    """The picture in the bytes of a file, as `load_photo` gives it.

    Args:
        path: what the file is called, for messages and for the kinds that only their names tell.
        layer: see `load_photo`.
        alpha: what it is to the colours, "straight", "premultiplied", or "none" of it at all.
        is_linear: its values are light, whatever the file says.
    Raises:
        ImageError, LimitError: as `load_photo`.
    """
    refuse_by_kind(path, content)
    check = partial(_check_size, path, max_pixels)
    try:
        if float_pictures.is_float_picture(content):
            pixels, notes = float_pictures.read(content, path, check, layer)
        else:
            encoding = colour.LINEAR if is_linear else None
            picture = _of_whole_numbers(content, path, lambda: pictures.read(content, check, alpha, encoding))
            pixels, notes = picture.pixels, picture.notes
    except MemoryError as error:
        raise _too_large(path) from error
    _refuse_odd_values(path, pixels)
    if alpha == "none":
        pixels = pixels[..., :3]
    return Photo(pixels, hashlib.sha256(content).hexdigest(), tuple(notes))


def check_photo(content: bytes, path, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """(width, height) as stored. Raises what `decode_photo` would, in a fraction of its time for what has 8 bits."""
    if float_pictures.is_float_picture(content):
        photo = decode_photo(content, path, max_pixels)
        return photo.width, photo.height
    refuse_by_kind(path, content)
    sizes = []

    def check(size):
        _check_size(path, max_pixels, size)
        sizes.append(size)

    try:
        picture = _of_whole_numbers(content, path, lambda: pictures.check(content, check))
    except MemoryError as error:
        raise _too_large(path) from error
    _refuse_odd_values(path, picture.pixels)
    return sizes[-1]


def _refuse_odd_values(path, pixels):
    if not np.isfinite(pixels).all():
        raise ImageError(f"{path}: holds NaN or infinite values: {_ENDINGS}")


def _too_large(path):
    return LimitError(f"{path}: not enough memory to decode it: make the picture smaller first")


def is_float_picture(content: bytes) -> bool:
    """True if a file begins as an EXR, an HDR or a DPX does."""
    return float_pictures.is_float_picture(content)


def is_blenders_own(content: bytes) -> bool:
    """True for a picture that Blender reads and this program, as it stands here, does not: TIFF of floats, and EXR, HDR
    and DPX where OpenImageIO is not at hand."""
    if float_pictures.is_float_picture(content):
        return not oiio.is_available()
    return tags_of_tiff(content).get(_SAMPLE_FORMAT) == _FLOATS


def _of_whole_numbers(content, path, look):
    """What `look` finds in a picture that Pillow reads, its errors as sentences."""
    if pictures.Image is None:
        raise ImageError(f"Pillow, which reads pictures, does not load here: {pictures.PILLOW_ERROR}")
    try:
        return look()
    except ImageError as error:
        message = str(error)
        raise error if message.startswith(str(path)) else ImageError(f"{path}: {message}") from error
    except pictures.Image.DecompressionBombError as error:
        raise LimitError(
            f"{path} has over 178 megapixels, the limit is {MAX_PIXELS / 1e6:.0f}: make it smaller first"
        ) from error
    except pictures.DAMAGE as error:
        raise ImageError(f"{path}: {_what_is_wrong(content, error)}") from error


def save_png(path, image: np.ndarray) -> None:
    """Write linear premultiplied float32 (H, W, 3|4) as an 8-bit sRGB PNG with straight alpha, atomically.

    An 8-bit picture that came through `load_photo` is written back bit for bit, colour under alpha 0 apart.

    Raises:
        LimitError: the disk is full, read-only or otherwise unfit.
    """
    if pictures.Image is None:
        raise ImageError(f"Pillow, which writes pictures, does not load here: {pictures.PILLOW_ERROR}")
    levels = levels_of(image)
    with replacing(path) as temporary:
        pictures.Image.fromarray(levels).save(temporary, format="PNG", compress_level=_PNG_LEVEL)


def levels_of(image: np.ndarray, top: int = 255) -> np.ndarray:
    """Linear premultiplied float32 (H, W, 3|4) as sRGB-encoded whole numbers 0..top with straight alpha.

    uint8, or uint16 for a `top` beyond 255. Colour under alpha 0 is black.
    """
    image = np.asarray(image, np.float32)
    colour = image[..., :3]
    if image.shape[2] == 4:
        alpha = image[..., 3:]
        colour = np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0)
        levels = np.concatenate([encode_srgb(colour), alpha], 2)
    else:
        levels = encode_srgb(colour)
    return np.rint(np.clip(levels, 0, 1) * top).astype(np.uint8 if top < 256 else np.uint16)


def fit(image: np.ndarray, long_side: int) -> np.ndarray:
    """The picture at a long side of at most `long_side` pixels; a smaller one is returned as it is.

    A larger one is resampled and rounded to half floats.
    """
    height, width = image.shape[:2]
    scale = long_side / max(height, width)
    if scale >= 1:
        return image
    return in_halves(resize(image, max(1, round(width * scale)), max(1, round(height * scale))))


def resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resample float32 (H, W, C) or (H, W) by an antialiased Catmull-Rom kernel, within the range of the input.

    Linear premultiplied pixels in, the same out: averaging belongs in linear light.
    """
    image = np.asarray(image, np.float32)
    if image.shape[:2] == (height, width):
        return image
    low, high = float(image.min()), float(image.max())
    image = _reduce(image, max(1, image.shape[0] // (3 * height)), max(1, image.shape[1] // (3 * width)))
    result = resample(image if image.ndim == 3 else image[..., None], width, height)
    return np.clip(result, low, high).reshape(height, width, *image.shape[2:])  # the kernel overshoots at edges


def _reduce(image, fy, fx):
    """Means over fy x fx pixels: the cheap first step of a large reduction; the kernel still sees >= 3 x the target."""
    if fy == fx == 1:
        return image
    height, width = image.shape[0] // fy * fy, image.shape[1] // fx * fx
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    blocks = image[top : top + height, left : left + width].reshape(height // fy, fy, width // fx, fx, *image.shape[2:])
    return blocks.mean((1, 3), dtype=np.float32)


def content_of(path) -> bytes:
    """The bytes of a picture file.

    Raises:
        ImageError: it is missing, empty, no file, or may not be read.
        LimitError: it has more than 2 GiB.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise ImageError(f"{path} is a folder: name a picture file")
        if path.exists() and not path.is_file():
            raise ImageError(f"{path} is not a file: name a picture file")
        size = path.stat().st_size
        if size > _MAX_FILE_BYTES:
            raise LimitError(f"{path} has {size / 2**30:.1f} GiB; pictures may have 2: {_ENDINGS}, or make it smaller")
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError(f"there is no picture {path}: check the name") from error
    except PermissionError as error:
        raise ImageError(f"{path} may not be read: change its permissions, or copy it") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{path} cannot be read ({reason}): check the name, or copy the file") from error
    if not content:
        raise ImageError(f"{path} is an empty file: export or download the picture again")
    return content


def _check_size(path, max_pixels, size):
    width, height = size
    if width * height > max_pixels:
        raise LimitError(
            f"{path} has {width} x {height} = {width * height / 1e6:.0f} megapixels, "
            f"the limit is {max_pixels / 1e6:.0f}: make it smaller first"
        )
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{path} has {width} x {height} pixels: a side needs at least {MIN_SIDE}")


def _what_is_wrong(content, error):
    is_known = "identify" not in str(error)  # else Pillow names the buffer that it read, which tells nothing
    if content[:4] in (b"II*\0", b"MM\0*"):
        told = f" ({error})" if is_known else ""
        return f"this TIFF is damaged, or of a kind that cannot be read such as float RGB: save a 16-bit PNG{told}"
    if isinstance(error, OSError) and is_known:
        return f"the picture is damaged or cut short: export or download it again ({error})"
    return f"not a picture that can be read: {_ENDINGS}"
