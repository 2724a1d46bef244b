"""Float arrays <-> packed Blender images, exact through save and reload; and an artist's image as a still.

Arrays have row 0 on top and vectors y down, as everywhere in gid_core; Blender has row 0 at the bottom and y up.
`flipped` is the one place that turns one into the other. Our images are data: Non-Color, so that no transform is ever
applied, and packed, so that the file needs nothing beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import bpy
import numpy as np

from ...gid_core.errors import ImageError
from ...gid_core.files.colour import decode_srgb, in_halves
from ...gid_core.files.storage import scratch_folder
from . import colours, packing

__all__ = [
    "Snapshot",
    "flipped",
    "has_alpha",
    "holds",
    "is_in_work",
    "is_made",
    "is_made_of",
    "is_painted",
    "mark_made",
    "new_image",
    "open_photo",
    "pack",
    "pack_painted",
    "pixels_of",
    "read_still",
    "reader_of",
    "rewrite",
    "set_thumbnail",
    "size_of",
    "take_as_numbers",
]

_LOOSE = "gid_loose"  # custom property of an image that is packed larger than it need be
_MADE = "gid_made"  # custom property of an image that an artist may paint on: digest of the pixels that we gave it

# Blender's alpha modes in the core's words.
_ALPHAS = {"STRAIGHT": "straight", "PREMUL": "premultiplied", "NONE": "none", "CHANNEL_PACKED": "none"}


def flipped(rows: np.ndarray, *, is_vector: bool = False, is_offset: bool = False) -> np.ndarray:
    """Rows top-down as Blender's bottom-up rows, or back; its own inverse, bit for bit.

    Args:
        rows: (H, W, C); with `is_vector` the channels are Re x, Im x, Re y, Im y and y changes its sign. With
            `is_offset` they are x, y in 0..1, bytes of which 128 is no offset; y turns round, and its 127 is none then.
    """
    turned = rows[::-1].copy()
    if is_vector:
        np.negative(turned[..., 2:], out=turned[..., 2:])
    if is_offset:
        turned[..., 1] = np.rint(255 - 255 * turned[..., 1]) / np.float32(255)
    return turned


def has_alpha(still: np.ndarray) -> bool:
    """True if the still is transparent anywhere; an alpha of 1 throughout counts as none."""
    return still.shape[2] == 4 and bool((still[..., 3] != 1).any())


def pack(
    pixels: np.ndarray, *, is_vector: bool = False, is_offset: bool = False, is_byte: bool = False
) -> packing.Packed:
    """Pixels as `new_image` and `rewrite` keep them. It touches no datablock: it may be called in a thread.

    Args:
        pixels: float32 (H, W, 1..4), row 0 on top; missing channels repeat the first, a missing alpha is 1.
        is_vector, is_offset: see `flipped`.
        is_byte: 8 bits a channel, for masks of 0 and 1 and what else is made of bytes.
    """
    buffer = flipped(_with_alpha(pixels), is_vector=is_vector, is_offset=is_offset)
    return packing.packed(buffer, is_byte=is_byte, is_compressed=not is_vector)


def new_image(name: str, pixels: "np.ndarray | packing.Packed", **kind):
    """A packed Non-Color image that holds `pixels` bit for bit: an array, of a kind as `pack` takes it, or its file."""
    file = pixels if isinstance(pixels, packing.Packed) else pack(pixels, **kind)
    image = bpy.data.images.new(name, 1, 1, alpha=True, float_buffer=file.is_float)
    image.colorspace_settings.name = colours.data_space()  # before the pixels: a later change regenerates the buffer
    image.alpha_mode = "CHANNEL_PACKED"  # alpha is one more channel and multiplies nothing
    _fill(image, file)
    return image


def rewrite(image, pixels: "np.ndarray | packing.Packed", **kind):
    """One of our images with new pixels of any size: another datablock of the same name, settings and users.

    The old one is removed. Were it kept, undo would bring back its packed file and go on to show its new pixels:
    Blender keeps the buffers of an image that is there before and after an undo. Arguments as of `new_image`.
    """
    file = pixels if isinstance(pixels, packing.Packed) else pack(pixels, **kind)
    fresh, name = image.copy(), image.name
    _fill(fresh, file)
    fresh.use_fake_user = image.use_fake_user
    image.user_remap(fresh)
    bpy.data.images.remove(image)
    fresh.name = name
    return fresh


def _fill(image, file):
    """Let an image hold what a file holds."""
    image.pack(data=file.content, data_len=len(file.content))
    image.source = "FILE"  # a generated image would forget them
    image.buffers_free()  # what was there before, or was painted and is in the file
    image.pop(_LOOSE, None)


def _with_alpha(pixels):
    """float32 (H, W, 1..4) as (H, W, 4): one channel is grey, a missing alpha is 1."""
    height, width, channels = pixels.shape
    buffer = np.ones((height, width, 4), np.float32)
    buffer[..., :channels] = pixels
    if channels == 1:
        buffer[..., 1:3] = pixels
    return buffer


def mark_made(image, file: packing.Packed | None = None) -> None:
    """Remember the pixels as ours, so that `is_painted` can tell what the artist adds to them.

    file: what the image was made of, if that is at hand.
    """
    image[_MADE] = packing.digest_of(_buffer_of(image)) if file is None else file.digest


def is_made(image) -> bool:
    """True if the image is ours, and not one that the artist brought along."""
    return _MADE in image


def is_made_of(image, pixels: "np.ndarray | packing.Packed") -> bool:
    """True if the image was given these pixels, whatever was painted on them since."""
    return image.get(_MADE) == (pixels.digest if isinstance(pixels, packing.Packed) else _digest_of(pixels))


def _digest_of(pixels):
    return packing.digest_of(_with_alpha(pixels)[::-1])


def is_painted(image) -> bool:
    """True if the pixels are no longer those that the image was given."""
    return Snapshot.of(image).is_painted


@dataclass(frozen=True)
class Snapshot:
    """The pixels of an image of ours as they are just now, for a thread, which may touch no datablock."""

    buffer: np.ndarray
    made: str | None
    is_dirty: bool

    @classmethod
    def of(cls, image):
        return cls(_buffer_of(image), image.get(_MADE), image.is_dirty)

    def pixels(self) -> np.ndarray:
        """As `pixels_of` the image."""
        return flipped(self.buffer)

    @cached_property
    def is_painted(self) -> bool:
        """As `is_painted` of the image."""
        return self.is_dirty or self.made != packing.digest_of(self.buffer)

    def is_of(self, pixels: np.ndarray) -> bool:
        """As `is_made_of` the image."""
        return self.made == _digest_of(pixels)

    def is_same(self, other: "Snapshot") -> bool:
        """Whether neither pixels nor what is known of them has changed."""
        return (self.made, self.is_dirty) == (other.made, other.is_dirty) and np.array_equal(self.buffer, other.buffer)


_sizes: dict[tuple[int, str], tuple[int, int]] = {}


def size_of(image) -> tuple[int, int]:
    """(width, height) in pixels, for a panel that is drawn; of a photo that was opened as its file has them.

    Blender decodes the whole picture to tell its size, a tenth of a second at 4K, and again once it has let go of it;
    and whoever asks anything of an image waits while a thread of Blender's does so.
    """
    known = _sizes.get((image.session_uid, image.filepath))
    return tuple(image.size) if known is None else known


def holds(image, file: packing.Packed) -> bool:
    """True if an image of ours holds the pixels of a file, bit for bit."""
    if image.packed_file is None or image.is_dirty:
        return False
    return bytes(image.packed_file.data) == file.content or packing.digest_of(_buffer_of(image)) == file.digest


def set_thumbnail(image, pixels: np.ndarray) -> None:
    """Give an image a preview of its own, saved with it: float (H, W, 3), 0..1 as a screen shows it, row 0 on top."""
    height, width = pixels.shape[:2]
    preview = image.preview_ensure()
    preview.image_size = (width, height)
    preview.image_pixels_float.foreach_set(flipped(_with_alpha(pixels.astype(np.float32))).ravel())


def take_as_numbers(image) -> None:
    """Let an image that the rig reads, None for none, be numbers: no transform changes what is painted on it."""
    if image is None or image.colorspace_settings.is_data or image.library is not None:
        return
    if image.is_dirty:
        image.pack()  # another colour space empties the buffer
    image.colorspace_settings.is_data = True


def is_in_work(image) -> bool:
    """True if it was painted on since it was made or taken out of hand, packed meanwhile or not."""
    return image.is_dirty or _LOOSE in image


def pack_painted(candidates, *, in_hand: bool = False) -> None:
    """Pack those of the images that were painted on: what is not packed again is saved as it was before the paint.

    in_hand: they are on an easel. The brush holds on to their pixels, and Blender crashes if those are freed: they are
    packed as large as Blender makes them, and tightly once they are out of hand.
    """
    for image in candidates:
        if image.library is not None or not (image.packed_file is not None or image.source == "GENERATED"):
            continue
        if in_hand and image.is_dirty:
            image.pack()
            image[_LOOSE] = True
        elif not in_hand and is_in_work(image):
            if image.is_float and image.channels == 4:
                _fill(image, packing.packed(_buffer_of(image)))
            else:
                image.pack()
            image.pop(_LOOSE, None)


def pixels_of(image, *, is_vector: bool = False, is_offset: bool = False) -> np.ndarray:
    """float32 (H, W, 4), row 0 on top: the numbers in the image, whatever they stand for.

    Raises:
        ImageError: the image has no pixels, as when its file is gone.
    """
    return flipped(_buffer_of(image), is_vector=is_vector, is_offset=is_offset)


def _buffer_of(image):
    """float32 (H, W, 4) in Blender's order."""
    width, height = image.size
    if width * height == 0:
        raise ImageError(f"the image '{image.name}' has no pixels: reload it, or open the picture again")
    buffer = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(buffer)
    buffer = buffer.reshape(height, width, image.channels)
    if image.channels == 4:
        return buffer
    colour = np.repeat(buffer[..., :1], 3, 2) if image.channels < 3 else buffer
    return np.concatenate([colour, np.ones((height, width, 1), np.float32)], 2)


def open_photo(path):
    """The photo at `path` as an image of this file, checked as `image_io.load_photo` checks.

    Raises:
        ImageError, LimitError: it is missing, damaged, too large, or of a kind that cannot be read.
    """
    files = _image_io()
    content = files.content_of(path)
    is_blenders_own = files.is_blenders_own(content)
    size = None if is_blenders_own else files.check_photo(content, path)
    image = bpy.data.images.load(str(path), check_existing=True)
    if size is not None:
        _sizes[image.session_uid, image.filepath] = size
    if is_blenders_own and image.size[0] * image.size[1] == 0:
        bpy.data.images.remove(image)
        raise ImageError(f"{path} cannot be read: save it as a single-layer EXR, PNG or JPEG")
    return image


def read_still(image) -> np.ndarray:
    """The picture in any Blender image: float32 (H, W, 3|4), linear light, premultiplied, row 0 on top, upright.

    A picture file, packed or not, is read as the command line reads it: Blender ignores EXIF orientation and colour
    profiles, and takes a truncated file for whole. What the artist set on the image, its alpha mode and its colour
    space, holds. What was painted, and what only Blender reads, comes from Blender's own pixels.

    Raises:
        ImageError, LimitError: the image cannot serve as a still; the sentence says why.
    """
    return reader_of(image)()


def reader_of(image) -> Callable[[], np.ndarray]:
    """What `read_still` calls for the pixels. It touches no datablock: it may be called in a thread, and later.

    Raises:
        ImageError, LimitError: as `read_still`, and the reader as well.
    """
    if image.source not in {"FILE", "GENERATED"}:
        raise ImageError(f"the image '{image.name}' is a {image.source.lower()}: a still needs a single picture")
    if image.is_dirty:  # it may have been scaled
        _sizes.pop((image.session_uid, image.filepath), None)
    if image.source == "FILE" and not (image.is_dirty or image.colorspace_settings.is_data):
        reader = _reader_of_file(image)
        if reader is not None:
            return reader
    still = _still_of_pixels(image)
    return lambda: still


def _still_of_pixels(image):
    """The picture as Blender has it."""
    pixels = pixels_of(image)
    if not np.isfinite(pixels).all():
        raise ImageError(f"the image '{image.name}' holds NaN or infinite values: repair it first")
    colour, alpha = pixels[..., :3], pixels[..., 3:]
    is_data = image.colorspace_settings.is_data
    if image.alpha_mode in {"NONE", "CHANNEL_PACKED"} and not is_data:
        alpha = np.ones_like(alpha)
    if not image.is_float:  # float pixels come scene linear and premultiplied, 8-bit ones as the file has them
        colour, alpha = in_halves(_decoded(image, colour) * alpha), in_halves(alpha)
    elif not is_data:
        colour = colours.from_scene(colour)
    if (alpha == 1).all():
        return np.ascontiguousarray(colour)
    return np.concatenate([colour, alpha], 2)


def _reader_of_file(image):
    """What decodes an image's file, packed or not; None where what is in Blender alone is meant."""
    path = Path(bpy.path.abspath(image.filepath, library=image.library)) if image.filepath else Path(image.name)
    files = _image_io()
    content = bytes(image.packed_file.data) if image.packed_file else files.content_of(path)
    if files.is_blenders_own(content):
        return None
    space = image.colorspace_settings.name
    is_linear = colours.is_linear_srgb(space)
    if files.is_float_picture(content):
        is_linear = False  # as they all are
        # Blender's own configuration knows no primaries of files; under another one the artist sees what that says.
        is_own_space = space == colours.float_space() and not colours.note_of()
        is_files_own = is_own_space or colours.is_linear_srgb(space)
    else:
        is_files_own = is_linear or space == colours.byte_space() or space == _space_when_opened(image, content)
    if not is_files_own:  # another space that the artist chose: Blender converts it
        return None
    return partial(_decoded_file, content, path, _ALPHAS[image.alpha_mode], is_linear)


def _decoded_file(content, path, alpha, is_linear):
    return _image_io().decode_photo(content, path, alpha=alpha, is_linear=is_linear).pixels


def _space_when_opened(image, content):
    """The colour space that Blender itself gives to a file with this content: 5.0 and later heed what some state."""
    with scratch_folder() as folder:
        copy = Path(folder) / ("picture" + Path(image.filepath or image.name).suffix)
        copy.write_bytes(content)
        opened = bpy.data.images.load(str(copy), check_existing=False)
        try:
            return opened.colorspace_settings.name if opened.size[0] else None
        finally:
            bpy.data.images.remove(opened)


def _decoded(image, colour):
    space = image.colorspace_settings.name
    if image.colorspace_settings.is_data or colours.is_linear_srgb(space):
        return colour
    if space != colours.byte_space():
        raise ImageError(
            f"the image '{image.name}' is in the colour space {space}: set it to {colours.byte_space()}, or save it "
            "as a 16-bit picture"
        )
    return decode_srgb(colour)


def _image_io():
    # Pillow is a wheel of the extension; the loops of a file must stay editable where that wheel is broken.
    from ...gid_core.files import image_io

    return image_io
