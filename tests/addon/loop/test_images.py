"""Images hold floats exactly, and an artist's image becomes the right still whatever its kind."""

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.loop import images
from gid_dev.gid_core.errors import ImageError
from gid_dev.gid_core.files import colour, image_io
from PIL import Image

EIGHT_BIT = 0.5 / 255
ODD_VALUES = [0.0, -0.0, 1e-30, -1e30, 1e-42, 65505.0, -7.25, 0.1]  # subnormal, beyond half floats, negative zero


def numbers(height=6, width=4):
    values = np.random.default_rng(0).normal(0, 1, (height, width, 4)).astype(np.float32)
    values.reshape(-1)[: len(ODD_VALUES)] = ODD_VALUES
    return values


def reopened(path):
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True)
    bpy.ops.wm.open_mainfile(filepath=str(path))


def test_pixels_are_bit_equal_after_save_and_reload(tmp_path):
    values = numbers()
    images.new_image("numbers", values).use_fake_user = True
    reopened(tmp_path / "a.blend")
    assert images.pixels_of(bpy.data.images["numbers"]).tobytes() == values.tobytes()


def halves(values):
    return values.astype(np.float16).astype(np.float32)


KINDS = {  # what a picture is -> bytes a pixel of an EXR that is not compressed
    "grey halves": (halves(numbers(24, 32)[..., :1].clip(-9, 9)), 2),
    "halves": (halves(numbers(24, 32)[..., :3].clip(-9, 9)), 6),
    "transparent halves": (halves(numbers(24, 32).clip(-9, 9)), 8),
    "grey": (numbers(24, 32)[..., :1], 4),
    "opaque": (numbers(24, 32)[..., :3], 12),
    "of one colour": (np.full((24, 32, 3), 0.1, np.float32), 12),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_takes_no_more_room_than_its_numbers_need(tmp_path, kind):
    values, bytes_a_pixel = KINDS[kind]
    image = images.new_image("numbers", values)
    image.use_fake_user = True
    content = image.packed_file.data
    assert len(content) < bytes_a_pixel * 24 * 32 + 1500  # the header and a table of rows
    assert (image.source, image.is_dirty, image.is_float, image.alpha_mode) == ("FILE", False, True, "CHANNEL_PACKED")
    before = images.pixels_of(image)
    np.testing.assert_array_equal(before[..., : values.shape[2]], values)
    reopened(tmp_path / "a.blend")
    assert images.pixels_of(bpy.data.images["numbers"]).tobytes() == before.tobytes()
    assert len(bpy.data.scenes) == 1


def test_vectors_are_bit_equal_after_save_and_reload(tmp_path):
    values = numbers()
    images.new_image("numbers", values, is_vector=True).use_fake_user = True
    reopened(tmp_path / "a.blend")
    assert images.pixels_of(bpy.data.images["numbers"], is_vector=True).tobytes() == values.tobytes()


def test_rewritten_pixels_are_what_a_save_keeps(tmp_path):
    image = images.new_image("numbers", np.zeros((6, 4, 4), np.float32))
    image.use_fake_user = True
    assert images.rewrite(image, numbers()).use_fake_user
    reopened(tmp_path / "a.blend")
    assert images.pixels_of(bpy.data.images["numbers"]).tobytes() == numbers().tobytes()


def test_rewritten_image_has_name_settings_and_users_of_the_old(tmp_path):
    image = images.new_image("numbers", np.zeros((3, 9, 4), np.float32))
    image["mine"] = 5
    texture = bpy.data.textures.new("user", "IMAGE")
    texture.image, texture.use_fake_user = image, True
    image = images.rewrite(image, numbers())
    assert (texture.image, image.name, image["mine"], len(bpy.data.images)) == (image, "numbers", 5, 1)
    assert (image.is_float, image.colorspace_settings.name, image.alpha_mode) == (True, "Non-Color", "CHANNEL_PACKED")
    reopened(tmp_path / "a.blend")
    assert images.pixels_of(bpy.data.images["numbers"]).tobytes() == numbers().tobytes()


def test_rewritten_pixels_come_back_with_undo_and_redo():
    images.new_image("numbers", np.zeros((3, 9, 4), np.float32)).use_fake_user = True
    bpy.ops.ed.undo_push(message="before")
    images.rewrite(bpy.data.images["numbers"], numbers())
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    assert images.pixels_of(bpy.data.images["numbers"]).tobytes() == np.zeros((3, 9, 4), np.float32).tobytes()
    bpy.ops.ed.redo()
    assert images.pixels_of(bpy.data.images["numbers"]).tobytes() == numbers().tobytes()


def paint(image):
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    pixels[:4] = 0.25
    image.pixels.foreach_set(pixels)
    image.update()


def test_paint_is_told_from_what_was_made_and_kept_by_packing(tmp_path):
    image = images.new_image("front", numbers())
    image.use_fake_user = True
    assert images.is_painted(image)  # nothing is known of it yet
    images.mark_made(image)
    assert not images.is_painted(image)
    assert images.is_made_of(image, numbers())
    paint(image)
    assert images.is_painted(image)
    images.pack_painted([image])
    assert not image.is_dirty
    reopened(tmp_path / "a.blend")
    image = bpy.data.images["front"]
    assert (images.pixels_of(image)[-1, 0] == 0.25).all()
    assert images.is_painted(image)
    assert images.is_made_of(image, numbers())
    assert not images.is_made_of(image, numbers()[::-1])


def test_what_is_in_the_hand_keeps_its_pixels_and_is_packed_tightly_later():
    image = images.new_image("mask", np.ones((32, 32, 1), np.float32))
    paint(image)
    images.pack_painted([image], in_hand=True)
    assert image.has_data  # freed under the brush they crash Blender
    assert not image.is_dirty
    images.pack_painted([image])
    assert not image.has_data  # read again from what was packed
    assert (images.pixels_of(image)[-1, 0] == 0.25).all()


def test_mask_of_bytes_keeps_its_zeros_and_ones(tmp_path):
    mask = (np.random.default_rng(1).random((5, 7, 1)) > 0.5).astype(np.float32)
    images.new_image("mask", mask, is_byte=True).use_fake_user = True
    reopened(tmp_path / "a.blend")
    assert np.array_equal(images.pixels_of(bpy.data.images["mask"])[..., :1], mask)


def test_flip_puts_the_top_row_last_and_turns_y_only():
    rows = np.arange(8, dtype=np.float32).reshape(2, 1, 4)
    assert images.flipped(rows).ravel().tolist() == [4, 5, 6, 7, 0, 1, 2, 3]
    assert images.flipped(rows, is_vector=True).ravel().tolist() == [4, 5, -6, -7, 0, 1, -2, -3]


def test_every_offset_is_equal_after_save_and_reload_and_turns_round(tmp_path):
    steps = np.arange(256, dtype=np.uint8)
    lookup = np.stack(np.meshgrid(steps, steps), -1)
    pixels = lookup.astype(np.float32) / np.float32(255)
    images.new_image("offsets", pixels, is_offset=True, is_byte=True).use_fake_user = True
    reopened(tmp_path / "a.blend")
    image = bpy.data.images["offsets"]
    assert np.array_equal(np.rint(255 * images.pixels_of(image, is_offset=True)[..., :2]), lookup)
    # Upwards are as many steps above 127 as downwards are below 128.
    assert np.array_equal(np.rint(255 * images.pixels_of(image)[..., 1]), 255 - lookup[..., 1].astype(int))


def opened(path):
    return images.read_still(bpy.data.images.load(str(path)))


def test_eight_bit_file_reads_as_the_core_reads_it(photo):
    assert np.array_equal(opened(photo), image_io.load_photo(photo).pixels)


def test_file_on_its_side_reads_upright(tmp_path):
    picture = Image.fromarray((np.random.default_rng(0).random((20, 32, 3)) * 255).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    picture.save(tmp_path / "side.jpg", exif=exif)
    assert opened(tmp_path / "side.jpg").shape == (32, 20, 3)


def test_truncated_file_is_refused(tmp_path, photo):
    Image.open(photo).convert("RGB").resize((640, 480)).save(tmp_path / "whole.jpg", quality=95)
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:20000])
    with pytest.raises(ImageError, match="damaged or cut short"):
        opened(tmp_path / "cut.jpg")


def test_transparent_file_reads_premultiplied(tmp_path):
    rgba = np.zeros((20, 24, 4), np.uint8)
    rgba[...] = (255, 128, 0, 128)
    rgba[:10, :, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "glass.png")
    still = opened(tmp_path / "glass.png")
    assert still.shape == (20, 24, 4)
    assert (still[:10] == 0).all()
    assert np.allclose(still[15, 5], [128 / 255, 0.21586 * 128 / 255, 0, 128 / 255], atol=1e-4)


def test_packed_eight_bit_image_reads_like_its_file(photo):
    image = bpy.data.images.load(str(photo))
    image.pack()
    photo.unlink()
    expected = colour.in_halves(colour.decode_srgb(_levels(image)))
    assert np.abs(images.read_still(image)[..., :3] - expected).max() < 1e-6


def _levels(image):
    return images.pixels_of(image)[..., :3]


def test_sixteen_bit_file_reads_beyond_eight_bits(tmp_path):
    ramp = np.linspace(0, 65535, 64 * 32).astype(np.uint16).reshape(32, 64)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    still = opened(tmp_path / "deep.png")
    assert np.abs(colour.encode_srgb(still[..., 0]) - ramp / 65535).max() < EIGHT_BIT / 50


def test_open_exr_reads_its_light_unclipped(tmp_path, picture):
    light = picture(40, 24) * 5
    image = images.new_image("light", light)
    image.file_format, image.filepath_raw = "OPEN_EXR", str(tmp_path / "light.exr")
    image.save()
    still = images.read_still(images.open_photo(tmp_path / "light.exr"))
    assert np.allclose(still, light, atol=5e-3)  # half floats


def test_painted_float_image_reads_as_it_is(picture):
    image = bpy.data.images.new("painted", 30, 20, float_buffer=True)
    pixels = np.ones((20, 30, 4), np.float32)
    pixels[..., :3] = picture(30, 20)
    image.pixels.foreach_set(pixels[::-1].ravel())
    assert np.array_equal(images.read_still(image), pixels[..., :3])


@pytest.mark.parametrize("source", ["MOVIE", "SEQUENCE", "TILED"])
def test_more_than_one_picture_is_refused(source):
    image = bpy.data.images.new("many", 16, 16)
    image.source = source
    with pytest.raises(ImageError, match="single picture"):
        images.read_still(image)


def test_values_that_are_no_numbers_are_refused():
    image = bpy.data.images.new("broken", 16, 16, float_buffer=True)
    image.pixels.foreach_set(np.full(16 * 16 * 4, np.nan, np.float32))
    with pytest.raises(ImageError, match="NaN"):
        images.read_still(image)


def test_missing_photo_opens_nothing(tmp_path):
    for name in ("gone.png", "gone.exr"):
        with pytest.raises(ImageError, match="there is no picture"):
            images.open_photo(tmp_path / name)
    assert len(bpy.data.images) == 0


def test_a_photo_that_was_opened_is_not_loaded_for_its_size(photo):
    image = images.open_photo(photo)
    assert images.size_of(image) == (48, 32)
    assert not image.has_data
    image.scale(24, 16)
    assert images.read_still(image).shape[:2] == (16, 24)
    assert images.size_of(image) == (24, 16)
