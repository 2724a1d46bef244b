"""Pictures of whole numbers by Pillow: PNG, JPEG, TIFF and their kin -> linear light, upright, all bits kept.

Formats are listed, so that none that starts a program (EPS) is ever tried. What Pillow would print as a warning, or
refuse a whole picture for, such as a broken EXIF block, is left out and told instead.
"""

import io
import logging
import struct
import sys
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..errors import ImageError
from . import colour, repair

try:
    from PIL import Image, ImageCms
except ImportError as error:  # a broken wheel must not stop an add-on from being enabled: files alone need Pillow
    Image = None  # type: ignore[assignment]  # a module otherwise
    PILLOW_ERROR = str(error)

__all__ = ["ALPHAS", "DAMAGE", "Picture", "check", "read"]

ALPHAS = ("straight", "premultiplied", "none")  # what a file's alpha is to its colours
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "AVIF", "GIF", "BMP", "PPM", "TGA", "JPEG2000")
_ORIENTATION = 0x0112
_INTEROPERABILITY = 0xA005
_BITS, _WHITE_IS_ZERO = 258, 0
_MAX_PAGES = 64
_GREY16 = ("I;16", "I;16B", "I;16L", "I;16N", "I")  # modes of Pillow
_DEEP = (*_GREY16, "F")
_METADATA = "part of its metadata is damaged and was left out"
# How the warnings of Pillow begin that speak of metadata.
_TOLD = ("Corrupt EXIF", "Possibly corrupt", "Metadata", "Tag ", "Truncated")
# What Pillow's readers raise on damaged files, beside OSError.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
)
# PNG's cICP and AVIF's nclx: primaries by number, and which transfers are sRGB's curve for a picture on a screen
# (ITU-T H.273).
_CICP_PRIMARIES = {
    1: colour.REC709,
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, 0.3127, 0.3290),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
}
_CICP_VIDEO, _CICP_LINEAR, _CICP_HDR, _CICP_UNKNOWN = (1, 6, 13, 14, 15), 8, (16, 18), 2

logging.getLogger("PIL").addHandler(logging.NullHandler())  # else Python prints what it logs on stderr


@dataclass
class Picture:
    """pixels: float32 (H, W, 3|4), linear, premultiplied, upright; notes: what was altered, as sentences."""

    pixels: np.ndarray
    notes: list[str] = field(default_factory=list)


def read(
    content: bytes,
    check_size: Callable[[tuple[int, int]], None],
    alpha: str = "straight",
    encoding: colour.Encoding | None = None,
) -> Picture:
    """The picture in a file's bytes.

    Args:
        check_size: called with (width, height) before anything is decoded; raises to refuse.
        alpha: one of `ALPHAS`.
        encoding: what the numbers mean, whatever the file says.
    Raises:
        One of `DAMAGE`: the pixels are not whole, or of a kind that cannot be read.
        ImageError: they mean something that this program cannot show.
        Image.DecompressionBombError: more than twice the pixels that Pillow takes for harmless.
    """
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        picture = _whole_or_mended(content, lambda content: _read(content, check_size, alpha, encoding))
    if any(str(one.message).startswith(_TOLD) for one in told) and _METADATA not in picture.notes:
        picture.notes.append(_METADATA)
    return picture


def check(content: bytes, check_size) -> Picture:
    """Raise what `read` would. A picture of 8 bits is decoded and not made light: it comes without pixels, and soon."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _whole_or_mended(content, lambda content: _check(content, check_size))


def _whole_or_mended(content, look):
    """The picture that `look` finds in a file's bytes, or in what they are once mended."""
    try:
        return look(content)
    except DAMAGE:
        mended = _mended(content)
        if mended is None:
            raise
        picture = look(mended[0])
        picture.notes.append(mended[1])
        return picture


def _check(content, check_size):
    image = _open(content)
    if image.mode in _DEEP or _is_deep(image, content):
        return _read(content, check_size, "straight", None)
    check_size(image.size)
    picture = Picture(np.empty((0, 0, 3), np.float32))
    if image.format == "TIFF":
        _refuse_small_first_page(content)
    image.load()
    _encoding(image, content, _exif(image, picture.notes), picture.notes)
    return picture


def _read(content, check_size, alpha, encoding):
    image = _open(content)
    check_size(image.size)
    picture = Picture(np.empty((0, 0, 3), np.float32))
    if image.format == "TIFF":
        _refuse_small_first_page(content)
    if getattr(image, "is_animated", False) and image.format != "MPO":  # MPO: a photo with previews or depth
        picture.notes.append("the file holds several frames: the first one was taken")
    raws = {tile.args if isinstance(tile.args, str) else tile.args[0] for tile in image.tile}
    if image.format == "PNG":
        image.load()  # its EXIF may follow the pixels, and damage to these must not count as damage to that
    exif = _exif(image, picture.notes)
    if image.mode == "F":
        picture.notes.append("float grey picture: its values were taken as linear light")
        picture.pixels = np.repeat(np.asarray(image, np.float32)[..., None], 3, 2)
    else:
        encoding = encoding or _encoding(image, content, exif, picture.notes)
        picture.pixels = _light(image, content, raws, encoding, alpha, picture.notes)
    # Pillow turns a TIFF as it decodes it, and no other format.
    orientation = 1 if image.format == "TIFF" else exif.get(_ORIENTATION, 1)
    picture.pixels = _upright(picture.pixels, orientation)
    return picture


def _light(image, content, raws, encoding, alpha, notes):
    """Linear premultiplied float32 pixels of an opened picture of whole numbers, not yet turned upright.

    encoding: what the numbers mean; None: a profile of tables says it, which is applied at 8 bits. What has 8 bits is
    rounded to half floats: every level stays apart from its neighbours and comes back when it is written.
    """
    transparency, top = None, 65535
    is_deep = _is_deep(image, content)
    if image.mode in _GREY16:
        levels = _grey16(image)
    else:
        levels = _samples16(image, content, raws) if is_deep and encoding is not None else None
        if levels is None:
            if is_deep:
                why = "of a kind" if encoding is not None else "with a colour profile of tables"
                notes.append(f"picture of more than 8 bits {why} that is read at 8 bits only")
            (levels, transparency), top = _eight_bit(image, encoding, notes), 255
        elif levels.shape[2] == 4:
            levels, transparency = levels[..., :3], levels[..., 3]
    if top == 65535 and image.format == "PNG" and "transparency" in image.info:  # a colour that stands for nothing
        transparency = np.where((levels == image.info["transparency"]).all(-1), 0, top).astype(np.uint16)
    encoding = encoding or colour.SRGB
    rounded = colour.in_halves if top == 255 else np.asarray
    if transparency is None or alpha == "none" or (transparency == top).all():
        return rounded(encoding.light(levels, top))
    share = (transparency / np.float32(top))[..., None]
    if alpha == "premultiplied":
        whole = np.divide(levels, share, out=np.zeros(levels.shape, np.float32), where=share > 0)
        levels = np.minimum(np.rint(whole), top).astype(levels.dtype)
    return rounded(np.concatenate([encoding.light(levels, top) * share, share], 2))


def _open(content, tile_mode=None):
    """The picture, nothing decoded yet; with `tile_mode` its samples will be unpacked by that raw mode instead."""
    Image.init()  # otherwise `formats` finds only the five readers that are registered from the start
    image = Image.open(io.BytesIO(content), formats=[kind for kind in _FORMATS if kind in Image.OPEN])
    if tile_mode is not None:
        image.tile = [
            tile._replace(args=(tile_mode, *tile.args[1:]) if isinstance(tile.args, tuple) else tile_mode)
            for tile in image.tile
        ]
    return image


def _mended(content):
    """(bytes of the same picture that can be read, what was done) of a file whose pixels are whole, or None."""
    endings = repair.endings_of_jpeg(content)
    if endings is not None:
        try:
            first = np.asarray(_open(endings[0]))
            is_whole = all((np.asarray(_open(ending)) == first).all() for ending in endings[1:])
        except DAMAGE:
            return None
        return (endings[0], "the file lacks its end marker; all of its rows are there") if is_whole else None
    pure = repair.without_metadata(content)
    return None if pure is None or pure == content else (pure, _METADATA)


def _refuse_small_first_page(content):
    """Raise ImageError if a later page of a TIFF shows the first one larger: the first is a thumbnail then."""
    image = _open(content)
    width, height = image.size
    for index in range(1, min(getattr(image, "n_frames", 1), _MAX_PAGES)):
        image.seek(index)
        later_width, later_height = image.size
        is_alike = abs(later_width * height - later_height * width) <= 0.02 * later_width * height
        if is_alike and later_width > 1.5 * width:
            raise ImageError(
                f"its first page, {width} x {height}, is a small copy of page {index + 1}, {later_width} x "
                f"{later_height}: export that page as a TIFF or PNG of its own"
            )


def _exif(image, notes):
    try:
        exif = image.getexif()
        exif.get(_ORIENTATION)
    except DAMAGE:
        notes.append(_METADATA)
        return Image.Exif()
    return exif


def _encoding(image, content, exif, notes):
    """What the numbers mean; None for a profile of tables."""
    profile = image.info.get("icc_profile")
    stated = _cicp(image, content)
    if stated is not None:
        return _told(_of_cicp(*stated), "colours converted from the primaries that the file states", notes)
    if profile:
        try:
            found = colour.of_profile(profile)
        except ValueError:
            notes.append("the colour profile is damaged and was left out")
            return colour.SRGB
        if found is None or (profile[16:20] == b"GRAY" and image.mode not in ("L", "LA", "1", "I", "I;16", "I;16B")):
            return None
        return _told(found, "colours converted from the embedded profile to sRGB", notes)
    if image.format == "PNG" and "srgb" not in image.info and image.info.get("gamma"):
        try:
            found = colour.of_gamma(1 / image.info["gamma"], image.info.get("chromaticity") and _rgb_white(image))
        except (ValueError, np.linalg.LinAlgError):
            notes.append(_METADATA)
            return colour.SRGB
        return _told(found, "colours converted from the gamma that the file states", notes)
    if _is_adobe_rgb(exif):
        return _told(colour.of_adobe_rgb(), "colours converted from Adobe RGB, which the camera states", notes)
    return colour.SRGB


def _told(encoding, note, notes):
    if encoding is not colour.SRGB:
        notes.append(note)
    return encoding


def _rgb_white(image):
    numbers = image.info["chromaticity"]  # white comes first in a PNG
    return (*numbers[2:], *numbers[:2])


def _cicp(image, content):
    """(primaries, transfer) by their numbers, where the file states them and no profile has a say before that."""
    if image.format == "PNG":
        chunks = repair.chunks_of_png(content)
        found = [data for kind, data, is_right in chunks if kind == b"cICP" and is_right and len(data) == 4]
        if found and not found[0][3]:
            raise ImageError("its numbers have the narrow range of video (cICP): export it with the full range")
        return (found[0][0], found[0][1]) if found else None
    at = content.find(b"colrnclx") if image.format == "AVIF" and not image.info.get("icc_profile") else -1
    if at < 0 or at + 12 > len(content):
        return None
    stated = struct.unpack_from(">HH", content, at + 8)
    return None if _CICP_UNKNOWN in stated else stated


def _of_cicp(primaries, transfer):
    if transfer in _CICP_HDR or primaries not in _CICP_PRIMARIES or transfer not in (*_CICP_VIDEO, _CICP_LINEAR):
        raise ImageError(
            f"its colours are encoded for HDR displays or film (H.273: {primaries}, {transfer}), which cannot be read: "
            "export it as sRGB or as an EXR"
        )
    matrix = colour.matrix_from(_CICP_PRIMARIES[primaries])
    if transfer == _CICP_LINEAR:
        return colour.Encoding((lambda x: x,), matrix)
    return colour.SRGB if matrix is None else colour.Encoding((colour.decode_srgb,), matrix)


def _is_adobe_rgb(exif):
    """The camera's word for it: interoperability index R03, no profile (DCF 2.0)."""
    try:
        return str(exif.get_ifd(_INTEROPERABILITY).get(1, "")).startswith("R03")
    except (*DAMAGE, AttributeError):
        return False


def _grey16(image):
    """uint16 (H, W, 3) levels 0..65535 of a grey picture of more than 8 bits."""
    grey = np.asarray(image)
    if image.mode == "I" and (grey.min() < 0 or grey.max() > 65535):
        raise ValueError("32-bit integers")
    bits = image.tag_v2.get(_BITS, (16,))[0] if image.format == "TIFF" else 16
    if bits < 16:
        grey = np.rint(grey * (65535 / (2**bits - 1)))
    grey = grey.astype(np.uint16)
    if image.format == "TIFF" and image.tag_v2.get(262) == _WHITE_IS_ZERO:
        grey = 65535 - grey
    return np.repeat(grey[..., None], 3, 2)


def _is_deep(image, content):
    """True for a picture of more than 8 bits a sample, however many of them Pillow keeps."""
    if image.format == "PNG":
        return content[24] > 8  # IHDR's bit depth
    if image.format == "TIFF":
        return max(image.tag_v2.get(_BITS, (8,))) > 8
    if image.format == "PPM":
        return any(isinstance(tile.args, tuple) and tile.args[-1] in range(256, 65536) for tile in image.tile)
    # Bits stand 9 bytes after the name of AVIF's box, 40 after JPEG 2000's marker SIZ, where 7 are 8 bits.
    mark, place, most = {"AVIF": (b"pixi", 9, 8), "JPEG2000": (b"\xff\x4f\xff\x51", 42, 7)}.get(
        image.format, (b"", 0, 0)
    )
    at = content.find(mark) + place if mark in content and mark else len(content)
    return at < len(content) and content[at] & 0x7F > most


def _samples16(image, content, raws):
    """uint16 (H, W, 3|4) levels 0..65535 of a 16-bit colour picture, or None.

    Pillow keeps 8 bits of each sample. Its raw modes ;16B and ;16L keep the first and the second byte, so two
    decodings hold both; grey with alpha is read as four bytes.
    """
    if image.mode not in ("RGB", "RGBA") or len(raws) != 1:
        return None
    (raw,) = raws
    if raw == "LA;16B":
        high_low = np.asarray(_open(content, "RGBA")).astype(np.uint16)
        grey_alpha = high_low[..., 0::2] * 256 + high_low[..., 1::2]
        return grey_alpha[..., [0, 0, 0, 1]]
    if raw.endswith("N"):
        raw = raw[:-1] + ("L" if sys.byteorder == "little" else "B")
    if raw not in ("RGB;16B", "RGB;16L", "RGBA;16B", "RGBA;16L"):
        return None
    other = raw[:-1] + {"B": "L", "L": "B"}[raw[-1]]
    high = np.asarray(_open(content, raw)).astype(np.uint16)
    return high * 256 + np.asarray(_open(content, other))


def _eight_bit(image, encoding, notes):
    """uint8 (H, W, 3) levels, and (H, W) alpha or None; with `encoding` None the levels are made sRGB's."""
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert("RGB")
    elif image.mode in ("1", "P"):
        image = image.convert("RGB")
    if encoding is None:
        image = _to_srgb(image, image.info["icc_profile"], notes)
    elif image.mode == "CMYK":
        notes.append("CMYK without a colour profile: its colours are a guess")
    return np.asarray(image.convert("RGB")), alpha


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


def _upright(pixels, orientation):
    """Apply EXIF orientation 1..8 (Exif 2.3, tag 0x0112)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
