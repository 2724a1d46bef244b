"""Pictures from outside: each kind is read right, or refused with a sentence."""

import hashlib
import io
import struct

import numpy as np
import pytest
from gid_dev.gid_core.errors import GidError, ImageError, LimitError
from gid_dev.gid_core.files import colour, image_io, pictures
from PIL import Image, ImageCms

from .. import hostile

LEVEL = 0.5 / 255  # half a step of 8 bits


def load(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return image_io.load_photo(path)


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()


def encoded(photo):
    return colour.encode_srgb(photo.pixels)


@pytest.mark.parametrize("name", hostile.REFUSED_PICTURES)
def test_a_bad_picture_is_refused_with_a_sentence(tmp_path, name):
    path, pattern = hostile.refused_pictures(tmp_path)[name]
    with pytest.raises(GidError, match=pattern) as caught:
        image_io.load_photo(path)
    assert isinstance(caught.value, LimitError if name == "huge.png" else ImageError)
    assert str(path) in str(caught.value)
    with pytest.raises(GidError, match=pattern):
        image_io.check_photo(image_io.content_of(path), path)


@pytest.mark.parametrize("size", [(20000, 10000), (11000, 10000), (100000, 100000)])
def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, monkeypatch, size):
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    (tmp_path / "huge.png").write_bytes(hostile.png_file((b"IHDR", header), (b"IDAT", b""), (b"IEND", b"")))
    monkeypatch.setattr(pictures, "_light", lambda *_: pytest.fail("decoded"))
    with pytest.raises(LimitError, match="megapixels, the limit is 100: make it smaller"):
        image_io.load_photo(tmp_path / "huge.png")


def test_an_unreadable_file_is_refused_with_a_sentence(tmp_path, monkeypatch):
    path = tmp_path / "photo.png"
    path.write_bytes(saved(Image.fromarray(hostile.noise()), "PNG"))

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(image_io.Path, "read_bytes", refuse)
    with pytest.raises(ImageError, match="change its permissions"):
        image_io.load_photo(path)


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_is_read_exactly(tmp_path, channels):
    samples = np.random.default_rng(0).integers(0, 65536, (20, 17, channels))
    photo = load(tmp_path, "deep.png", hostile.png(samples, {3: 2, 4: 6}[channels]))
    expected = colour.decode_srgb(samples[..., :3] / 65535)
    if channels == 4:
        alpha = (samples[..., 3:] / 65535).astype(np.float32)
        expected = np.concatenate([expected * alpha, alpha], 2)
    np.testing.assert_allclose(photo.pixels, expected, atol=1e-7)
    assert photo.notes == ()


def test_16_bit_grey_with_and_without_alpha_is_read_exactly(tmp_path):
    samples = np.random.default_rng(0).integers(0, 65536, (20, 17, 2))
    grey = load(tmp_path, "grey.png", hostile.png(samples[..., :1], 0)).pixels
    np.testing.assert_allclose(grey, colour.decode_srgb(samples[..., [0, 0, 0]] / 65535), atol=1e-7)
    both = load(tmp_path, "both.png", hostile.png(samples, 4)).pixels
    alpha = samples[..., 1:] / 65535
    np.testing.assert_allclose(both[..., 3:], alpha, atol=1e-7)
    np.testing.assert_allclose(both[..., :3], colour.decode_srgb(samples[..., [0, 0, 0]] / 65535) * alpha, atol=1e-7)


def test_16_bit_grey_tiff_is_read_exactly(tmp_path):
    samples = np.random.default_rng(0).integers(0, 65536, (20, 17), dtype=np.uint16)
    photo = load(tmp_path, "grey.tif", saved(Image.fromarray(samples), "TIFF"))
    np.testing.assert_allclose(photo.pixels[..., 1], colour.decode_srgb(samples / 65535), atol=1e-7)


def test_float_grey_is_linear_light(tmp_path):
    values = np.random.default_rng(0).random((20, 17)).astype(np.float32) * 3
    photo = load(tmp_path, "grey.tif", saved(Image.fromarray(values), "TIFF"))
    np.testing.assert_array_equal(photo.pixels, np.repeat(values[..., None], 3, 2))
    assert "linear light" in photo.notes[0]


def test_grey_and_one_bit_pictures_become_three_channels(tmp_path):
    grey = hostile.noise(channels=1)[..., 0]
    photo = load(tmp_path, "grey.png", saved(Image.fromarray(grey), "PNG"))
    np.testing.assert_allclose(encoded(photo) * 255, np.repeat(grey[..., None], 3, 2), atol=0.07)
    bits = load(tmp_path, "bits.png", saved(Image.fromarray(grey > 99), "PNG"))
    np.testing.assert_array_equal(bits.pixels[..., 0], grey > 99)


def test_every_level_of_8_bits_is_a_half_float_and_comes_back(tmp_path):
    level, alpha = np.mgrid[:256, :256].astype(np.uint8)
    picture = np.stack([level, 255 - level, level, alpha], -1)
    photo = load(tmp_path, "levels.png", saved(Image.fromarray(picture), "PNG"))
    assert np.array_equal(photo.pixels, photo.pixels.astype(np.float16))
    back = image_io.levels_of(photo.pixels)
    assert np.array_equal(back[alpha > 0], picture[alpha > 0])
    opaque = load(tmp_path, "opaque.png", saved(Image.fromarray(picture[..., :3]), "PNG"))
    assert np.array_equal(image_io.levels_of(opaque.pixels), picture[..., :3])


def test_a_palette_with_transparency_keeps_both(tmp_path):
    index = np.arange(600).reshape(20, 30) % 3
    image = Image.fromarray(index.astype(np.uint8)).convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    photo = load(tmp_path, "palette.png", saved(image, "PNG", transparency=1))
    np.testing.assert_array_equal(photo.pixels[index == 0], [[1, 0, 0, 1]] * (index == 0).sum())
    np.testing.assert_array_equal(photo.pixels[index == 1], np.zeros(((index == 1).sum(), 4)))


def test_alpha_is_premultiplied_in_linear_light(tmp_path):
    pixels = np.full((16, 16, 4), (255, 188, 0, 128), np.uint8)
    pixels[0, 0] = (255, 255, 255, 0)
    photo = load(tmp_path, "alpha.png", saved(Image.fromarray(pixels), "PNG"))
    alpha = 128 / 255
    np.testing.assert_allclose(
        photo.pixels[5, 5], [alpha, colour.decode_srgb(188 / 255) * alpha, 0, alpha], rtol=2**-10
    )
    np.testing.assert_array_equal(photo.pixels[0, 0], np.zeros(4))


def test_an_opaque_alpha_channel_is_dropped(tmp_path):
    pixels = np.full((16, 16, 4), 255, np.uint8)
    assert load(tmp_path, "opaque.png", saved(Image.fromarray(pixels), "PNG")).pixels.shape == (16, 16, 3)


def test_cmyk_without_a_profile_is_read_and_said_so(tmp_path):
    cmyk = Image.new("CMYK", (20, 16), (0, 255, 255, 0))
    photo = load(tmp_path, "cmyk.tif", saved(cmyk, "TIFF"))
    np.testing.assert_allclose(photo.pixels[3, 3], [1, 0, 0], atol=0.01)
    assert any("CMYK" in note for note in photo.notes)


def test_an_embedded_profile_is_applied(tmp_path):
    pixels = np.full((16, 16, 3), (64, 128, 192), np.uint8)
    content = saved(Image.fromarray(pixels), "PNG", icc_profile=hostile.linear_rgb_profile())
    photo = load(tmp_path, "linear.png", content)
    np.testing.assert_allclose(photo.pixels[4, 4], pixels[4, 4] / 255, atol=0.006)
    assert any("profile" in note for note in photo.notes)


def test_an_srgb_profile_changes_nothing(tmp_path):
    pixels = hostile.noise()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with_profile = load(tmp_path, "a.png", saved(Image.fromarray(pixels), "PNG", icc_profile=profile))
    without = load(tmp_path, "b.png", saved(Image.fromarray(pixels), "PNG"))
    np.testing.assert_array_equal(with_profile.pixels, without.pixels)


def test_a_broken_profile_is_left_out(tmp_path):
    photo = load(tmp_path, "a.png", saved(Image.fromarray(hostile.noise()), "PNG", icc_profile=b"not a profile"))
    assert photo.pixels.shape == (24, 32, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    pixels = hostile.noise()
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(pixels)
    photo = load(tmp_path, "turned.png", saved(image, "PNG", exif=exif))
    methods = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # Pillow's Transpose numbers
    upright = image if orientation == 1 else image.transpose(Image.Transpose(methods[orientation]))
    np.testing.assert_allclose(encoded(photo) * 255, np.asarray(upright), atol=0.07)


def test_an_animation_gives_its_first_frame_and_says_so(tmp_path):
    frames = [Image.fromarray(np.full((16, 20, 3), level, np.uint8)) for level in (255, 0)]
    photo = load(tmp_path, "moving.gif", saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert photo.pixels.min() == 1
    assert any("first one" in note for note in photo.notes)


def test_jpeg_and_webp_are_read(tmp_path):
    smooth = np.repeat(np.linspace(0, 255, 48).astype(np.uint8)[None, :, None], 32, 0).repeat(3, 2)
    for kind in ("JPEG", "WEBP"):
        photo = load(tmp_path, "photo." + kind.lower(), saved(Image.fromarray(smooth), kind, quality=95))
        np.testing.assert_allclose(encoded(photo) * 255, smooth, atol=6)


def test_8_bit_pictures_come_back_bit_for_bit(tmp_path):
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)[..., None].repeat(3, 2)
    photo = load(tmp_path, "in.png", saved(Image.fromarray(pixels), "PNG"))
    image_io.save_png(tmp_path / "out.png", photo.pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), pixels)


def test_8_bit_pictures_with_alpha_come_back_bit_for_bit(tmp_path):
    pixels = hostile.noise(channels=4)
    pixels[..., 3] = np.maximum(pixels[..., 3], 1)
    photo = load(tmp_path, "in.png", saved(Image.fromarray(pixels), "PNG"))
    image_io.save_png(tmp_path / "out.png", photo.pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), pixels)


def test_the_hash_is_the_files(tmp_path):
    content = saved(Image.fromarray(hostile.noise()), "PNG")
    assert load(tmp_path, "a.png", content).sha256 == hashlib.sha256(content).hexdigest()


def test_a_full_disk_leaves_nothing_and_a_sentence(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(LimitError, match="the disk is full"):
        image_io.save_png(tmp_path / "out.png", np.zeros((16, 16, 3), np.float32))
    assert list(tmp_path.iterdir()) == []


def test_the_curve_and_its_inverse_agree():
    levels = np.linspace(0, 1, 4097, dtype=np.float32)
    np.testing.assert_allclose(colour.encode_srgb(colour.decode_srgb(levels)), levels, atol=2e-6)


def test_resizing_keeps_light_and_range():
    image = np.random.default_rng(0).random((90, 120, 3)).astype(np.float32)
    small = image_io.resize(image, 24, 18)
    assert small.shape == (18, 24, 3)
    assert abs(small.mean() - image.mean()) < 0.01
    assert small.min() >= image.min()
    assert small.max() <= image.max()
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[None, :, None].repeat(8, 0)
    np.testing.assert_allclose(
        image_io.resize(ramp, 16, 8)[0, 4:12, 0], ramp[0].reshape(16, 4).mean(1)[4:12], atol=1e-5
    )


def test_what_fit_resamples_are_half_floats_that_differ_from_the_exact_by_less_than_can_be_seen():
    photo = np.random.default_rng(0).random((90, 120, 3), np.float32)
    fitted, exact = image_io.fit(photo, 40), image_io.resize(photo, 40, 30)
    assert np.array_equal(fitted, fitted.astype(np.float16))
    assert np.abs(colour.encode_srgb(fitted) - colour.encode_srgb(exact)).max() < 0.06 / 255
    bright = photo * np.float32(1e6)  # beyond half floats
    assert np.array_equal(image_io.fit(bright, 40), image_io.resize(bright, 40, 30))


def test_fit_never_enlarges():
    image = np.zeros((40, 80, 3), np.float32)
    assert image_io.fit(image, 100) is image
    assert image_io.fit(image, 20).shape == (10, 20, 3)


def test_without_pillow_a_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "Image", None)
    monkeypatch.setattr(pictures, "PILLOW_ERROR", "no module", raising=False)
    with pytest.raises(ImageError, match="Pillow"):
        load(tmp_path, "a.png", b"whatever")
