"""What files of several kinds state of their numbers beside a profile: applied, told or refused, never passed over."""

import struct
import zlib

import numpy as np
import pytest
from gid_dev.gid_core.errors import GidError, ImageError
from gid_dev.gid_core.files import colour, image_io
from PIL import Image, features

from .. import hostile
from .test_odd_pictures import EIGHT_BITS, deep, load, png, saved, smooth

HAS_AVIF = pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")


def avif(primaries, transfer, **options):
    """A picture that states its colours by their numbers in ITU-T H.273."""
    content = saved(Image.fromarray(smooth()), "AVIF", quality=100, subsampling="4:4:4", **options)
    at = content.index(b"colrnclx") + 8
    return content[:at] + struct.pack(">HH", primaries, transfer) + content[at + 4 :]


@HAS_AVIF
@pytest.mark.parametrize("stated", [(9, 16), (9, 18), (1, 16), (10, 1), (11, 17)])
def test_an_avif_for_hdr_displays_or_film_is_refused(tmp_path, stated):
    with pytest.raises(ImageError, match="HDR"):
        load(tmp_path, "phone.avif", avif(*stated))


@HAS_AVIF
@pytest.mark.parametrize("stated", [(12, 13), (9, 1), (6, 6), (5, 6), (1, 8), (9, 8)])
def test_the_colours_that_an_avif_states_are_those_of_a_png_that_does(tmp_path, stated):
    found = load(tmp_path, "wide.avif", avif(*stated))
    pixels = np.asarray(Image.open(tmp_path / "wide.avif").convert("RGB"))
    same = load(tmp_path, "wide.png", png(pixels, (b"cICP", bytes([*stated, 0, 1])), bits=8))
    np.testing.assert_array_equal(found.pixels, same.pixels)
    assert found.notes == same.notes != ()


@HAS_AVIF
@pytest.mark.parametrize("stated", [(1, 13), (2, 2), (2, 13), (1, 1)])
def test_an_avif_of_usual_or_unknown_colours_is_srgb(tmp_path, stated):
    photo = load(tmp_path, "plain.avif", avif(*stated))
    np.testing.assert_allclose(photo.pixels, colour.decode_srgb(smooth() / 255), atol=0.05)
    assert photo.notes == ()


@HAS_AVIF
def test_the_profile_of_an_avif_comes_before_its_numbers(tmp_path):
    profile = hostile.linear_rgb_profile()
    photo = load(tmp_path, "p.avif", saved(Image.fromarray(smooth()), "AVIF", quality=100, icc_profile=profile))
    np.testing.assert_allclose(photo.pixels.mean(), (smooth() / 255).mean(), atol=0.01)


@HAS_AVIF
def test_an_avif_that_its_decoder_cannot_open_is_one_sentence(tmp_path):
    """Damage there is no OSError but a RuntimeError."""
    content = avif(1, 13)
    at = content.index(b"pixi") + 9
    with pytest.raises(ImageError, match="convert it to PNG"):
        load(tmp_path, "p.avif", content[:at] + b"\x0a" + content[at + 1 :])
    refused = 0
    for at in range(0, len(content), 3):
        try:
            load(tmp_path, "p.avif", content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
        except GidError:
            refused += 1
    assert refused


def test_the_narrow_range_of_video_is_refused(tmp_path):
    with pytest.raises(ImageError, match="narrow range"):
        load(tmp_path, "v.png", png(deep(), (b"cICP", bytes([1, 13, 0, 0]))))


@pytest.mark.parametrize("gamma", [1, 5000, 2**31 - 1])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_gamma_that_no_picture_has_is_left_out_and_told(tmp_path, gamma, bits):
    samples = deep() % 2**bits
    photo = load(tmp_path, "g.png", png(samples, (b"gAMA", struct.pack(">I", gamma)), bits=bits))
    np.testing.assert_allclose(photo.pixels, colour.decode_srgb(samples / (2**bits - 1)), **EIGHT_BITS)
    assert any("metadata" in note for note in photo.notes)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_colour_that_stands_for_nothing_is_transparent(tmp_path, bits):
    samples = deep() % 2**bits
    samples[3:9, 4:11] = key = (200, 70, 2**bits - 20)
    photo = load(tmp_path, "k.png", png(samples, (b"tRNS", struct.pack(">3H", *key)), bits=bits))
    np.testing.assert_array_equal(photo.pixels[..., 3] == 0, (samples == key).all(-1))
    assert not photo.pixels[3:9, 4:11].any()


def test_a_grey_that_stands_for_nothing_is_transparent(tmp_path):
    grey = deep()[..., 0]
    grey[5:9, 5:9] = 1234
    header = struct.pack(">IIBBBBB", 32, 24, 16, 0, 0, 0, 0)
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in grey)
    key, pixels = (b"tRNS", struct.pack(">H", 1234)), (b"IDAT", zlib.compress(lines))
    photo = load(tmp_path, "k.png", hostile.png_file((b"IHDR", header), key, pixels, (b"IEND", b"")))
    np.testing.assert_array_equal(photo.pixels[..., 3] == 0, grey == 1234)


@pytest.mark.parametrize(("most", "stored"), [(65535, ">u2"), (1023, ">u2"), (255, "u1")])
def test_a_ppm_of_more_than_8_bits_is_told(tmp_path, most, stored):
    samples = np.rint(smooth() / 255 * most).astype(stored)
    photo = load(tmp_path, "p.ppm", b"P6\n32 24\n%d\n" % most + samples.tobytes())
    np.testing.assert_allclose(image_io.levels_of(photo.pixels), smooth(), atol=1)
    assert any("more than 8 bits" in note for note in photo.notes) == (most > 255)


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("kind", ["WEBP", "PNG", "AVIF", "JPEG"])
def test_every_kind_with_a_camera_is_turned_upright(tmp_path, kind, orientation):
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, "said by the camera " * 3000  # a long one
    photo = load(tmp_path, "p." + kind.lower(), saved(Image.fromarray(smooth()), kind, exif=exif, quality=95))
    turned = np.rot90(smooth(), {3: 2, 6: 3, 8: 1}[orientation])
    np.testing.assert_allclose(image_io.levels_of(photo.pixels), turned, atol=24)
