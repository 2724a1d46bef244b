"""Float arrays <-> packed Blender images, exact through save and reload; and an artist's image as a still.

Arrays have row 0 on top and vectors y down, as everywhere in gid_core; Blender has row 0 at the bottom and y up.
`flipped` is the one place that turns one into the other. Our images are data: Non-Color, so that no transform is ever
applied, and packed, so that the file needs nothing beside it.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import bpy
import numpy as np

from ...gid_core.errors import ImageError, LimitError
from ...gid_core.files.colour import decode_srgb, in_halves
from ...gid_core.files.storage import scratch_folder
from .. import compat
from . import colours

__all__ = [
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
    "pack_painted",
    "pixels_of",
    "read_still",
    "reader_of",
    "rewrite",
    "set_thumbnail",
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


def new_image(
    name: str, pixels: np.ndarray, *, is_vector: bool = False, is_offset: bool = False, is_byte: bool = False
):
    """A packed Non-Color image that holds `pixels` bit for bit.

    Args:
        pixels: float32 (H, W, 1..4), row 0 on top; missing channels repeat the first, a missing alpha is 1.
        is_vector, is_offset: see `flipped`.
        is_byte: 8 bits a channel, for masks of 0 and 1 and what else is made of bytes.
    """
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=True, float_buffer=not is_byte)
    image.colorspace_settings.name = colours.data_space()  # before the pixels: a later change regenerates the buffer
    image.alpha_mode = "CHANNEL_PACKED"  # alpha is one more channel and multiplies nothing
    _fill(image, pixels, is_vector, is_offset)
    return image


def rewrite(image, pixels: np.ndarray, *, is_vector: bool = False, is_offset: bool = False):
    """One of our images with new pixels of any size: another datablock of the same name, settings and users.

    The old one is removed. Were it kept, undo would bring back its packed file and go on to show its new pixels:
    Blender keeps the buffers of an image that is there before and after an undo.
    """
    fresh, name = image.copy(), image.name
    _fill(fresh, pixels, is_vector, is_offset)
    fresh.use_fake_user = image.use_fake_user
    image.user_remap(fresh)
    bpy.data.images.remove(image)
    fresh.name = name
    return fresh


def _fill(image, pixels, is_vector, is_offset):
    """Put pixels into an image and pack it."""
    height, width = pixels.shape[:2]
    if tuple(image.size) != (width, height):
        image.scale(width, height)
    buffer = flipped(_with_alpha(pixels), is_vector=is_vector, is_offset=is_offset)
    image.pixels.foreach_set(buffer.ravel())
    image.update()
    image.pop(_LOOSE, None)
    if image.is_float and not is_vector:
        _pack_tightly(image, buffer)
    else:
        image.pack()  # without it a save keeps the old pixels, or none at all


def _pack_tightly(image, buffer):
    """Pack a float image as the smallest EXR that holds its pixels bit for bit; Blender's own are never compressed.

    Half floats if they are enough, without an opacity that is 1 throughout, and one channel for grey.
    """
    scene = bpy.data.scenes.new(".GID Packing")  # what a file is written with stands in a scene
    try:
        is_opaque = (buffer[..., 3] == 1).all()
        is_grey = is_opaque and (buffer[..., :1] == buffer[..., 1:3]).all()
        with np.errstate(over="ignore"):
            halves = buffer.astype(np.float16).astype(np.float32)
        compat.set_file_format(
            scene.render.image_settings,
            "OPEN_EXR",
            color_mode="BW" if is_grey else "RGB" if is_opaque else "RGBA",
            color_depth="16" if halves.tobytes() == buffer.tobytes() else "32",
            exr_codec="ZIPS",  # three times as fast as ZIP, and a twentieth larger
        )
        with scratch_folder(prefix="gid-pack-") as folder:
            file = folder / "pixels.exr"
            image.save_render(str(file), scene=scene)
            content = file.read_bytes()
        image.pack(data=content, data_len=len(content))
        image.source = "FILE"  # a generated image would forget them
        image.buffers_free()  # what was painted is in the file
    except (OSError, RuntimeError, LimitError):  # no room for a file: as large as Blender makes it
        image.pack()
    finally:
        bpy.data.scenes.remove(scene)


def _with_alpha(pixels):
    """float32 (H, W, 1..4) as (H, W, 4): one channel is grey, a missing alpha is 1."""
    height, width, channels = pixels.shape
    buffer = np.ones((height, width, 4), np.float32)
    buffer[..., :channels] = pixels
    if channels == 1:
        buffer[..., 1:3] = pixels
    return buffer


def mark_made(image) -> None:
    """Remember the pixels as ours, so that `is_painted` can tell what the artist adds to them."""
    image[_MADE] = _digest(pixels_of(image))


def is_made(image) -> bool:
    """True if the image is ours, and not one that the artist brought along."""
    return _MADE in image


def is_made_of(image, pixels: np.ndarray) -> bool:
    """True if the image was given these pixels, whatever was painted on them since."""
    return image.get(_MADE) == _digest(_with_alpha(pixels))


def is_painted(image) -> bool:
    """True if the pixels are no longer those that the image was given."""
    return image.is_dirty or image.get(_MADE) != _digest(pixels_of(image))


def holds(image, pixels: np.ndarray, *, is_offset: bool = False) -> bool:
    """True if an image of ours holds these pixels, float32 (H, W, 1..4), bit for bit; bytes to half a step."""
    if tuple(image.size) != pixels.shape[1::-1]:
        return False
    own = pixels_of(image, is_offset=is_offset)
    return np.array_equal(own, _with_alpha(pixels)) if image.is_float else not _differs(own, pixels)


def _differs(own, pixels):
    return bool((np.abs(own - _with_alpha(pixels)) > 0.5 / 255).any())


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
                width, height = image.size
                buffer = np.empty((height, width, 4), np.float32)
                image.pixels.foreach_get(buffer.ravel())
                _pack_tightly(image, buffer)
            else:
                image.pack()
            image.pop(_LOOSE, None)


def _digest(pixels):
    return hashlib.blake2b(repr(pixels.shape).encode() + pixels.tobytes(), digest_size=16).hexdigest()


def pixels_of(image, *, is_vector: bool = False, is_offset: bool = False) -> np.ndarray:
    """float32 (H, W, 4), row 0 on top: the numbers in the image, whatever they stand for.

    Raises:
        ImageError: the image has no pixels, as when its file is gone.
    """
    width, height = image.size
    if width * height == 0:
        raise ImageError(f"the image '{image.name}' has no pixels: reload it, or open the picture again")
    buffer = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(buffer)
    buffer = buffer.reshape(height, width, image.channels)
    if image.channels < 4:
        grey = buffer.shape[2] < 3
        buffer = np.concatenate(
            [np.repeat(buffer[..., :1], 3, 2) if grey else buffer, np.ones((height, width, 1), np.float32)], 2
        )
    return flipped(buffer, is_vector=is_vector, is_offset=is_offset)


def open_photo(path):
    """The photo at `path` as an image of this file, checked as `image_io.load_photo` checks.

    Raises:
        ImageError, LimitError: it is missing, damaged, too large, or of a kind that cannot be read.
    """
    files = _image_io()
    content = files.content_of(path)
    is_blenders_own = files.is_blenders_own(content)
    if not is_blenders_own:
        files.decode_photo(content, path)
    image = bpy.data.images.load(str(path), check_existing=True)
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
