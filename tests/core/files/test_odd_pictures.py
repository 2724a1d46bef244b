"""Pictures with something odd beside their pixels: read for what they are, or refused; never another picture."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from gid_dev.gid_core.errors import GidError, ImageError
from gid_dev.gid_core.files import colour, image_io
from PIL import Image, ImageCms

from .. import hostile

EIGHT_BITS = {"rtol": 2**-11, "atol": 1e-6}  # read as half floats


def load(folder, name, content):
    """What is read of it; to look at it without reading it says nothing else."""
    path = folder / name
    path.write_bytes(content)
    try:
        photo = image_io.load_photo(path)
    except GidError as refusal:
        with pytest.raises(type(refusal), match=re.escape(str(refusal))):
            image_io.check_photo(content, path)
        raise
    image_io.check_photo(content, path)
    return photo


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()


def smooth(height=24, width=32):
    row, column = np.mgrid[:height, :width]
    return np.stack([column * 255 // width, row * 255 // height, (row + column) * 4], -1).astype(np.uint8)


def deep(height=24, width=32):
    return np.random.default_rng(1).integers(0, 65536, (height, width, 3))


def tiff(samples, *, bits=16, strips=1, byte_order="<", **tags):
    """An uncompressed TIFF; further tags by number: t274=6."""
    height, width, channels = samples.shape
    rows = height // strips
    data = samples.astype(byte_order + ("u2" if bits == 16 else "u1")).tobytes()
    size = len(data) // strips
    entries = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [bits] * channels),
        259: (3, [1]),
        262: (3, [2 if channels > 1 else 1]),
        273: (4, [8 + i * size for i in range(strips)]),
        277: (3, [channels]),
        278: (4, [rows]),
        279: (4, [size] * strips),
        284: (3, [1]),
    }
    entries.update({int(name[1:]): (4 if name == "t254" else 3, [value]) for name, value in tags.items()})
    body = b""
    for number, (kind, values) in sorted(entries.items()):
        raw = struct.pack(byte_order + {3: "H", 4: "I"}[kind] * len(values), *values)
        if len(raw) > 4:
            raw, data = struct.pack(byte_order + "I", 8 + len(data)), data + raw
        body += struct.pack(byte_order + "HHI", number, kind, len(values)) + raw.ljust(4, b"\0")
    data += b"\0" * (len(data) % 2)
    start = b"II*\0" if byte_order == "<" else b"MM\0*"
    directory = struct.pack(byte_order + "H", len(entries)) + body + bytes(4)
    return start + struct.pack(byte_order + "I", 8 + len(data)) + data + directory


def png(samples, *before, bits=16, after=()):
    """An RGB PNG with further chunks (kind, bytes) before or after its pixels."""
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], bits, 2, 0, 0, 0)
    lines = b"".join(b"\0" + line.astype(">u2" if bits == 16 else "u1").tobytes() for line in samples)
    return hostile.png_file((b"IHDR", header), *before, (b"IDAT", zlib.compress(lines)), *after, (b"IEND", b""))


def profile_of(curve, columns=None):
    """sRGB's profile with another curve, as the bytes of a tag, and other primaries."""
    old = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    curve += b"\0" * (-len(curve) % 4)
    for i in range(struct.unpack(">I", old[128:132])[0]):
        name, offset, _ = struct.unpack(">4sII", old[132 + 12 * i : 144 + 12 * i])
        if name[1:] == b"TRC":
            old[132 + 12 * i : 144 + 12 * i] = struct.pack(">4sII", name, len(old), len(curve))
        if name[1:] == b"XYZ" and columns is not None:
            numbers = columns[b"rgb".index(name[:1])]
            old[offset + 8 : offset + 20] = struct.pack(">3i", *(round(n * 65536) for n in numbers))
    old[:4] = struct.pack(">I", len(old) + len(curve))
    return bytes(old) + curve


def gamma_curve(gamma):
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def parametric(gamma):
    return b"para" + bytes(4) + struct.pack(">HHi", 0, 0, round(gamma * 65536))


def table(gamma, entries=4096):
    values = np.rint(np.linspace(0, 1, entries) ** gamma * 65535).astype(">u2")
    return b"curv" + bytes(4) + struct.pack(">I", entries) + values.tobytes()


STRAIGHT = b"curv" + bytes(8)
EXACT = {"no entries": (STRAIGHT, 1.0), "gamma": (gamma_curve(1.8), 1.80078125), "parametric": (parametric(2.4), 2.4)}


# --- orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_tiff_is_turned_once(tmp_path, orientation, bits, channels):
    samples = (np.arange(20 * 28 * channels).reshape(20, 28, channels) * 7) % (2**bits)
    photo = load(tmp_path, "turned.tif", tiff(samples, bits=bits, t274=orientation))
    turned = samples
    if orientation in (5, 6, 7, 8):
        turned = turned.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    expected = colour.decode_srgb(turned / (2**bits - 1))
    np.testing.assert_allclose(photo.pixels, np.broadcast_to(expected, (*turned.shape[:2], 3)), **EIGHT_BITS)


@pytest.mark.parametrize("byte_order", "<>")
@pytest.mark.parametrize("strips", [1, 4])
def test_16_bit_tiffs_keep_their_bits(tmp_path, byte_order, strips):
    samples = deep()
    photo = load(tmp_path, "deep.tif", tiff(samples, strips=strips, byte_order=byte_order))
    np.testing.assert_allclose(photo.pixels, colour.decode_srgb(samples / 65535), atol=1e-6)
    assert photo.notes == ()


def test_a_grey_tiff_whose_white_is_zero_is_turned_over(tmp_path):
    samples = deep()[..., :1]
    photo = load(tmp_path, "negative.tif", tiff(samples, t262=0))
    np.testing.assert_allclose(photo.pixels[..., :1], colour.decode_srgb(1 - samples / 65535), atol=1e-6)


# --- what numbers mean


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("bits", [8, 16])
def test_the_curve_of_a_profile_is_applied_at_all_bits(tmp_path, kind, bits):
    curve, gamma = EXACT[kind]
    samples = deep() % 2**bits
    packed = (b"iCCP", b"p\0\0" + zlib.compress(profile_of(curve)))
    photo = load(tmp_path, "p.png", png(samples, packed, bits=bits))
    np.testing.assert_allclose(photo.pixels, (samples / (2**bits - 1)) ** gamma, rtol=2**-11 * (bits == 8), atol=2e-6)
    assert any("profile" in note for note in photo.notes)


def test_the_table_of_a_profile_is_read_between_its_entries(tmp_path):
    samples = deep()
    photo = load(tmp_path, "p.png", png(samples, (b"iCCP", b"p\0\0" + zlib.compress(profile_of(table(1.8))))))
    np.testing.assert_allclose(photo.pixels, (samples / 65535) ** 1.8, atol=2e-5)


@pytest.mark.parametrize("name", ["GIMP built-in Linear sRGB", "sRGB", "linear"])
def test_a_profile_is_judged_by_its_numbers_not_its_name(tmp_path, name):
    pixels = smooth()
    profile = hostile.linear_rgb_profile()
    at = profile.index(b"desc", 132)
    offset = struct.unpack_from(">I", profile, at + 4)[0]
    text = name.encode("utf-16-be")
    label = b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(text), 28) + text
    profile = profile[: at + 4] + struct.pack(">II", len(profile), len(label)) + profile[at + 12 :] + label
    assert offset
    photo = load(tmp_path, "p.png", saved(Image.fromarray(pixels), "PNG", icc_profile=profile))
    np.testing.assert_allclose(photo.pixels, pixels / 255, **EIGHT_BITS)


def test_wide_primaries_come_out_as_the_colour_engine_has_them(tmp_path):
    wide = colour.of_adobe_rgb()
    assert wide.matrix is not None
    columns = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))  # Adobe's own
    profile = profile_of(gamma_curve(563 / 256), columns)
    pixels = smooth()
    photo = load(tmp_path, "wide.png", saved(Image.fromarray(pixels), "PNG", icc_profile=profile))
    engine = ImageCms.profileToProfile(
        Image.fromarray(pixels), ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    )
    np.testing.assert_allclose(colour.encode_srgb(photo.pixels) * 255, np.asarray(engine), atol=1.5)


def test_a_grey_profile_is_applied_and_a_misfit_is_told(tmp_path):
    header = bytearray(profile_of(STRAIGHT))
    header[16:20] = b"GRAY"
    grey_profile = bytes(header).replace(b"rTRC", b"kTRC", 1)
    grey = deep()[..., 0].astype(np.uint16)
    photo = load(tmp_path, "g.tif", saved(Image.fromarray(grey), "TIFF", icc_profile=grey_profile))
    np.testing.assert_allclose(photo.pixels[..., 1], grey / 65535, atol=1e-6)
    misfit = load(tmp_path, "m.png", saved(Image.fromarray(smooth()), "PNG", icc_profile=grey_profile))
    assert any("does not fit" in note for note in misfit.notes)


@pytest.mark.parametrize("profile", [b"not a profile", b"\0" * 200, hostile.linear_rgb_profile()[:300]])
def test_a_damaged_profile_is_left_out_and_told(tmp_path, profile):
    pixels = smooth()
    photo = load(tmp_path, "p.png", saved(Image.fromarray(pixels), "PNG", icc_profile=profile))
    np.testing.assert_allclose(photo.pixels, colour.decode_srgb(pixels / 255), **EIGHT_BITS)
    assert photo.notes


def test_the_gamma_and_primaries_of_a_png_are_applied(tmp_path):
    samples = deep()
    straight = load(tmp_path, "a.png", png(samples, (b"gAMA", struct.pack(">I", 100000))))
    np.testing.assert_allclose(straight.pixels, samples / 65535, atol=1e-6)
    xy = struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
    wide = load(tmp_path, "b.png", png(samples, (b"gAMA", struct.pack(">I", 100000)), (b"cHRM", xy)))
    expected = np.clip(samples / 65535 @ colour.of_adobe_rgb().matrix.T, 0, 1)
    np.testing.assert_allclose(wide.pixels, expected, atol=1e-5)
    usual = load(tmp_path, "c.png", png(samples, (b"gAMA", struct.pack(">I", 45455))))
    assert usual.notes == ()


def test_a_png_for_hdr_displays_is_refused_and_a_wide_one_converted(tmp_path):
    with pytest.raises(ImageError, match="HDR"):
        load(tmp_path, "pq.png", png(deep(), (b"cICP", bytes([9, 16, 0, 1]))))
    wide = load(tmp_path, "p3.png", png(np.full((20, 20, 3), (65535, 0, 0)), (b"cICP", bytes([12, 13, 0, 1]))))
    assert any("primaries" in note for note in wide.notes)


def test_the_cameras_word_for_adobe_rgb_is_heard(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 0xFFFF
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    pixels = np.full((32, 32, 3), (200, 90, 60), np.uint8)
    photo = load(tmp_path, "_a.jpg", saved(Image.fromarray(pixels), "JPEG", quality=98, subsampling=0, exif=exif))
    expected = (pixels[0, 0] / 255) ** (563 / 256) @ colour.of_adobe_rgb().matrix.T
    np.testing.assert_allclose(photo.pixels[9, 9], expected, atol=0.02)
    assert any("Adobe RGB" in note for note in photo.notes)


# --- damage beside the pixels


BROKEN_CHUNKS = {
    "cut exif": (b"eXIf", b"\0\x08\0\x02\x01\x12\0\x03"),
    "empty exif": (b"eXIf", b""),
    "noise for exif": (b"eXIf", bytes(range(40))),
    "text without end": (b"zTXt", b"comment\0\0" + zlib.compress(bytes(1 << 27))),
    "text that is no text": (b"zTXt", b"comment\0\0\xff\xff\xff"),
    "short resolution": (b"pHYs", b"\0"),
    "short primaries": (b"cHRM", b"\0\1"),
    "short gamma": (b"gAMA", b"\0"),
    "broken profile": (b"iCCP", b"p\0\0not deflated"),
}


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("name", BROKEN_CHUNKS)
def test_a_png_is_read_whatever_is_wrong_beside_its_pixels(tmp_path, name, place):
    pixels = smooth()
    chunk = BROKEN_CHUNKS[name]
    content = png(pixels, chunk, bits=8) if place == "before" else png(pixels, bits=8, after=[chunk])
    photo = load(tmp_path, "odd.png", content)
    np.testing.assert_allclose(photo.pixels, colour.decode_srgb(pixels / 255), **EIGHT_BITS)


def test_a_png_with_a_wrong_checksum_beside_its_pixels_is_read_and_told(tmp_path):
    content = bytearray(png(smooth(), (b"tEXt", b"Title\0a"), bits=8))
    content[content.index(b"tEXt") + 11] ^= 1
    assert any("metadata" in note for note in load(tmp_path, "odd.png", bytes(content)).notes)


@pytest.mark.parametrize("is_deep", [False, True])
def test_a_cut_png_is_read_whole_or_refused(tmp_path, is_deep):
    samples = deep() if is_deep else smooth()
    content = png(samples, bits=16 if is_deep else 8)
    whole = load(tmp_path, "whole.png", content).pixels
    read = 0
    for length in [*range(40, len(content) - 40, 97), *range(len(content) - 40, len(content))]:
        try:
            photo = load(tmp_path, "cut.png", content[:length])
        except ImageError:
            continue
        read += 1
        np.testing.assert_array_equal(photo.pixels, whole)
    assert read >= 12  # without the chunk that ends it, or a part of it


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0, "quality": 95}])
def test_a_cut_jpeg_is_read_whole_or_refused(tmp_path, options):
    content = saved(Image.fromarray(hostile.noise(40, 56)), "JPEG", **options)
    whole = load(tmp_path, "whole.jpg", content).pixels
    for length in [*range(200, len(content) - 64, 61), *range(len(content) - 64, len(content))]:
        try:
            photo = load(tmp_path, "cut.jpg", content[:length])
        except ImageError:
            continue
        np.testing.assert_array_equal(photo.pixels, whole)
        assert any("end marker" in note for note in photo.notes)
    for missing in (1, 2):
        np.testing.assert_array_equal(load(tmp_path, "cut.jpg", content[:-missing]).pixels, whole)


def _exif_blocks():
    good = Image.Exif()
    good[0x0112], good[0x010F] = 6, "maker" * 20
    block = good.tobytes()
    return {
        "cut": block[:-60],
        "cut in the directory": block[:20],
        "noise": b"Exif\0\0" + bytes(range(64)),
        "offset beyond the end": b"Exif\0\0II*\0" + struct.pack("<I", 2**31),
        "text too long": block.replace(struct.pack("<I", 101), struct.pack("<I", 2**30)),
    }


@pytest.mark.parametrize("name", _exif_blocks())
def test_odd_exif_is_no_reason_to_refuse_nor_to_warn_on_stderr(tmp_path, name, recwarn, capfd):
    content = saved(Image.fromarray(smooth()), "JPEG", exif=_exif_blocks()[name])
    photo = load(tmp_path, "odd.jpg", content)
    assert {photo.width, photo.height} == {24, 32}
    assert not list(recwarn)
    assert capfd.readouterr().err == ""


def test_warnings_of_the_reader_are_told_as_notes(tmp_path, recwarn):
    content = saved(Image.fromarray(smooth()), "JPEG", exif=_exif_blocks()["cut"])
    assert any("metadata" in note for note in load(tmp_path, "odd.jpg", content).notes)
    assert not list(recwarn)


# --- stand-ins


RAW = {
    "a.dng": tiff(smooth(), bits=8, t254=1),
    "unflagged.dng": tiff(smooth(), bits=8),
    "photo.nef": tiff(smooth(), bits=8),
    "photo.arw": tiff(smooth(), bits=8, t254=1),
    "photo.cr2": b"II*\0\x10\0\0\0CR\x02\0" + bytes(90),
    "photo.cr3": b"\0\0\0\x18ftypcrx " + bytes(90),
    "photo.raf": b"FUJIFILMCCD-RAW " + bytes(90),
    "photo.orf": b"IIRO\x08\0\0\0" + bytes(90),
    "photo.rw2": b"IIU\0\x18\0\0\0" + bytes(90),
    "renamed.tif": tiff(smooth(), bits=8, t50706=1),
    "sensor.tif": tiff(smooth(), bits=8, t262=32803),
}


@pytest.mark.parametrize("name", RAW)
def test_a_cameras_raw_file_is_refused_not_its_thumbnail_animated(tmp_path, name):
    with pytest.raises(ImageError, match=r"raw file.*develop it"):
        load(tmp_path, name, RAW[name])


@pytest.mark.parametrize("tags", [{"t254": 1}, {"t255": 2}])
def test_a_reduced_first_page_is_refused(tmp_path, tags):
    with pytest.raises(ImageError, match="reduced copy"):
        load(tmp_path, "scan.tif", tiff(smooth(), bits=8, **tags))


def test_a_small_first_page_before_a_large_one_is_refused_and_a_pyramid_is_read(tmp_path):
    small, large = Image.fromarray(smooth()), Image.fromarray(smooth(48, 64))
    with pytest.raises(ImageError, match="small copy of page 2, 64 x 48"):
        load(tmp_path, "scan.tif", saved(small, "TIFF", save_all=True, append_images=[large]))
    photo = load(tmp_path, "pyramid.tif", saved(large, "TIFF", save_all=True, append_images=[small]))
    assert (photo.width, photo.height) == (64, 48)


# --- what the artist says of alpha and values


def test_alpha_is_what_the_caller_says(tmp_path):
    pixels = np.full((16, 16, 4), (100, 50, 0, 128), np.uint8)
    content = saved(Image.fromarray(pixels), "PNG")
    share = np.float32(128 / 255)

    def decoded(**options):
        return image_io.decode_photo(content, "a.png", **options).pixels

    straight = colour.decode_srgb(pixels[..., :3] / 255)
    np.testing.assert_allclose(decoded()[..., :3], straight * share, **EIGHT_BITS)
    assert decoded(alpha="none").shape == (16, 16, 3)
    np.testing.assert_allclose(decoded(alpha="none"), straight, **EIGHT_BITS)
    whole = np.rint(pixels[..., :3] / share) / 255
    np.testing.assert_allclose(decoded(alpha="premultiplied")[..., :3], colour.decode_srgb(whole) * share, **EIGHT_BITS)
    np.testing.assert_allclose(decoded(alpha="none", is_linear=True), pixels[..., :3] / 255, **EIGHT_BITS)
