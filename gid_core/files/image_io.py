"""Picture files <-> linear float arrays, and resizing. The only module that imports Pillow.

A photo becomes float32 (H, W, 3|4), linear light, premultiplied alpha, row 0 on top, upright, in sRGB primaries.
Files come from outside: size is judged before anything is decoded, formats are listed (no format that starts a
program, such as EPS), and what cannot be read right is refused with a sentence. What was altered is told in `notes`.
"""

import hashlib
import io
import struct
import sys
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ImageError, LimitError
from .resample import resample
from .storage import replacing

try:
    from PIL import Image, ImageCms
except ImportError as error:  # a broken wheel must not stop an add-on from being enabled: files alone need Pillow
    Image = None  # type: ignore[assignment]  # a module otherwise
    _PILLOW_ERROR = str(error)

__all__ = [
    "MAX_PIXELS",
    "MIN_SIDE",
    "Photo",
    "decode_srgb",
    "encode_srgb",
    "fit",
    "levels_of",
    "load_photo",
    "resize",
    "save_png",
]

MAX_PIXELS = 100_000_000  # as float32 RGB 1.2 GB; the largest cameras reach it
MIN_SIDE = 16  # below that no texture is left to judge by
_MAX_FILE_BYTES = 2**31
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "AVIF", "GIF", "BMP", "PPM", "TGA", "JPEG2000")
_EXIF_ORIENTATION = 0x0112
_PNG_LEVEL = 3  # a third of the time of level 6 for a tenth more bytes
_ENDINGS = "convert it to PNG, JPEG or TIFF"
# What Pillow's readers raise on damaged files, beside OSError.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
    zlib.error,
)


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


def decode_srgb(encoded: np.ndarray) -> np.ndarray:
    """Linear light of sRGB-encoded values 0..1 (IEC 61966-2-1), float32, any shape."""
    encoded = np.asarray(encoded, np.float32)
    return np.where(
        encoded <= 0.04045, encoded / np.float32(12.92), ((np.maximum(encoded, 0) + 0.055) / 1.055) ** np.float32(2.4)
    ).astype(np.float32)


def encode_srgb(linear: np.ndarray) -> np.ndarray:
    """sRGB-encoded values of linear light (IEC 61966-2-1), float32, any shape; above 1 the curve goes on."""
    linear = np.asarray(linear, np.float32)
    curve = np.float32(1.055) * np.maximum(linear, np.float32(0.0031308)) ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(linear <= 0.0031308, linear * np.float32(12.92), curve).astype(np.float32)


def load_photo(path, max_pixels: int = MAX_PIXELS) -> Photo:
    """The picture in a file: linear, premultiplied, upright, first frame.

    Raises:
        ImageError: the file is missing, damaged, not a picture, of a kind that cannot be read, or too small.
        LimitError: it has more than `max_pixels`; told before anything is decoded.
    """
    if Image is None:
        raise ImageError(f"Pillow, which reads pictures, does not load here: {_PILLOW_ERROR}")
    path = Path(path)
    content = _read(path)
    _refuse_by_signature(path, content)
    try:
        image = _open(content)
        _check_size(path, image.size, max_pixels)
        notes = []
        if getattr(image, "is_animated", False) and image.format != "MPO":  # MPO: a photo with previews or depth
            notes.append("the file holds several frames: the first one was taken")
        pixels = _linear(image, content, notes)
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Image.DecompressionBombError as error:
        raise LimitError(
            f"{path} has over 178 megapixels, the limit is {max_pixels / 1e6:.0f}: make it smaller first"
        ) from error
    except _DAMAGE as error:
        raise ImageError(f"{path}: {_what_is_wrong(content, error)}") from error
    except MemoryError as error:
        raise LimitError(f"{path}: not enough memory to decode it: make the picture smaller first") from error
    if not np.isfinite(pixels).all():
        raise ImageError(f"{path}: holds NaN or infinite values: {_ENDINGS}")
    return Photo(_upright(pixels, orientation), hashlib.sha256(content).hexdigest(), tuple(notes))


def save_png(path, image: np.ndarray) -> None:
    """Write linear premultiplied float32 (H, W, 3|4) as an 8-bit sRGB PNG with straight alpha, atomically.

    An 8-bit picture that came through `load_photo` is written back bit for bit, colour under alpha 0 apart.

    Raises:
        LimitError: the disk is full, read-only or otherwise unfit.
    """
    if Image is None:
        raise ImageError(f"Pillow, which writes pictures, does not load here: {_PILLOW_ERROR}")
    levels = levels_of(image)
    with replacing(path) as temporary:
        Image.fromarray(levels).save(temporary, format="PNG", compress_level=_PNG_LEVEL)


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
    """The picture at a long side of at most `long_side` pixels; a smaller one is returned as it is."""
    height, width = image.shape[:2]
    scale = long_side / max(height, width)
    if scale >= 1:
        return image
    return resize(image, max(1, round(width * scale)), max(1, round(height * scale)))


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


def _read(path):
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
        raise ImageError(f"{path} cannot be read: {error}") from error
    if not content:
        raise ImageError(f"{path} is an empty file: export or download the picture again")
    return content


def _refuse_by_signature(path, content):
    kinds = {
        b"\x76\x2f\x31\x01": "an OpenEXR picture",
        b"#?RADIANCE": "a Radiance HDR picture",
        b"#?RGBE": "a Radiance HDR picture",
    }
    for signature, kind in kinds.items():
        if content.startswith(signature):
            raise ImageError(
                f"{path} is {kind}, which is read inside Blender only: open it there, or save it as a 16-bit PNG"
            )
    if content[4:8] == b"ftyp" and content[8:11] in (b"hei", b"hev", b"mif", b"msf") and b"avif" not in content[:40]:
        raise ImageError(f"{path} is a HEIC picture, which cannot be read: export it as JPEG or PNG")


def _open(content, tile_mode=None):
    """The picture, nothing decoded yet; with `tile_mode` its samples will be unpacked by that raw mode instead."""
    Image.init()  # otherwise `formats` finds only the five readers that are registered from the start
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit follows
        image = Image.open(io.BytesIO(content), formats=[kind for kind in _FORMATS if kind in Image.OPEN])
    if tile_mode is not None:
        tile = image.tile[0]
        args = (tile_mode, *tile.args[1:]) if isinstance(tile.args, tuple) else tile_mode
        image.tile = [tile._replace(args=args)]
    return image


def _check_size(path, size, max_pixels):
    width, height = size
    if width * height > max_pixels:
        raise LimitError(
            f"{path} has {width} x {height} = {width * height / 1e6:.0f} megapixels, "
            f"the limit is {max_pixels / 1e6:.0f}: make it smaller first"
        )
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{path} has {width} x {height} pixels: a side needs at least {MIN_SIDE}")


def _what_is_wrong(content, error):
    if content[:4] in (b"II*\0", b"MM\0*"):
        return f"this TIFF is damaged, or of a kind that cannot be read such as float RGB: save a 16-bit PNG ({error})"
    if isinstance(error, OSError) and "identify" not in str(error):
        return f"the picture is damaged or cut short: export or download it again ({error})"
    return f"not a picture that can be read: {_ENDINGS}"


def _linear(image, content, notes):
    """Linear premultiplied float32 pixels of an opened picture, not yet turned upright."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I;16N", "I"):
        return _grey16(image)
    if image.mode == "F":
        notes.append("float grey picture: its values were taken as linear light")
        return np.repeat(np.asarray(image, np.float32)[..., None], 3, 2)
    samples = _samples16(image, content)
    if samples is not None:
        if not _has_foreign_profile(image):
            return _premultiplied(
                decode_srgb(samples[..., :3] / np.float32(65535)), samples[..., 3:] / np.float32(65535)
            )
        notes.append("16-bit picture with a colour profile: read at 8 bits so that the profile could be applied")
    elif _is_16_bit(image, content):
        notes.append("16-bit picture of a kind that is read at 8 bits only")
    return _eight_bit(image, notes)


def _grey16(image):
    grey = np.asarray(image).astype(np.float32)
    if image.mode == "I" and (grey.min() < 0 or grey.max() > 65535):
        raise ValueError("32-bit integers")
    return np.repeat(decode_srgb(grey / np.float32(65535))[..., None], 3, 2)


def _is_16_bit(image, content):
    if image.format == "PNG":
        return content[24] == 16  # IHDR's bit depth
    return image.format == "TIFF" and max(image.tag_v2.get(258, (8,))) > 8  # BitsPerSample


def _samples16(image, content):
    """float32 (H, W, 3|4) levels 0..65535 of a 16-bit colour picture, or None.

    Pillow keeps 8 bits of each sample. Its raw modes ;16B and ;16L keep the first and the second byte, so two
    decodings hold both; grey with alpha is read as four bytes.
    """
    if not _is_16_bit(image, content) or len(image.tile) != 1 or image.mode not in ("RGB", "RGBA"):
        return None
    args = image.tile[0].args
    raw = args if isinstance(args, str) else args[0]
    if raw == "LA;16B":
        high_low = np.asarray(_open(content, "RGBA"), np.float32)
        grey_alpha = high_low[..., 0::2] * 256 + high_low[..., 1::2]
        return grey_alpha[..., [0, 0, 0, 1]]
    if raw.endswith("N"):
        raw = raw[:-1] + ("L" if sys.byteorder == "little" else "B")
    if raw not in ("RGB;16B", "RGB;16L", "RGBA;16B", "RGBA;16L"):
        return None
    other = raw[:-1] + {"B": "L", "L": "B"}[raw[-1]]
    return np.asarray(_open(content, raw), np.float32) * 256 + np.asarray(_open(content, other), np.float32)


def _profile(image):
    """The embedded colour profile as bytes, or None when there is none or it says sRGB."""
    profile = image.info.get("icc_profile")
    if not profile:
        return None
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError):
        return None
    return None if "srgb" in name.lower().replace(" ", "") else profile


def _has_foreign_profile(image):
    return _profile(image) is not None


def _eight_bit(image, notes):
    profile = _profile(image)
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"), np.float32)[..., None] / np.float32(255)
        image = image.convert("RGB")
    elif image.mode in ("1", "P"):
        image = image.convert("RGB")
    if profile is not None:
        image = _to_srgb(image, profile, notes)
    elif image.mode == "CMYK":
        notes.append("CMYK without a colour profile: its colours are a guess")
    curve = decode_srgb(np.arange(256, dtype=np.float32) / 255)
    return _premultiplied(curve[np.asarray(image.convert("RGB"))], alpha)


def _to_srgb(image, profile, notes):
    try:
        converted = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        notes.append("the colour profile does not fit the picture and was left out")
        return image
    notes.append("colours converted from the embedded profile to sRGB")
    return converted


def _premultiplied(colour, alpha):
    if alpha is None or alpha.shape[2] == 0 or (alpha == 1).all():
        return colour
    return np.concatenate([colour * alpha, alpha], 2).astype(np.float32)


def _upright(pixels, orientation):
    """Apply EXIF orientation 1..8 (Exif 2.3, tag 0x0112)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
