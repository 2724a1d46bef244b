"""Frames as files: what was written is read back, the same pixels give the same bytes, a full disk leaves nothing."""

import sys

import numpy as np
import pytest

from gid_core.errors import ImageError, LimitError, SettingsError
from gid_core.files import frame_files, image_io, integrity, oiio

HALF_STEP = 2**-11  # relative spacing of half floats
BRIGHT = 3.5  # HDR: beyond what a PNG can hold


def picture(channels):
    rng = np.random.default_rng(channels)
    pixels = rng.random((30, 41, 3), np.float32)
    pixels[3, 4] = BRIGHT
    if channels == 3:
        return pixels
    alpha = np.linspace(0, 1, 41, dtype=np.float32)[None, :, None] * np.ones((30, 1, 1), np.float32)
    return np.concatenate([pixels * alpha, alpha], 2)


@pytest.mark.parametrize("channels", [3, 4])
def test_float_exr_holds_the_pixels_bit_for_bit(tmp_path, channels):
    frame_files.save_frame(tmp_path / "a.exr", picture(channels), "exr")
    pixels, names = oiio.load_channels(tmp_path / "a.exr")
    assert np.array_equal(pixels, picture(channels))
    assert names == tuple("RGBA"[:channels])


def test_half_exr_keeps_highlights_to_its_precision(tmp_path):
    frame_files.save_frame(tmp_path / "a.exr", picture(3), "exr-half")
    pixels, _ = oiio.load_channels(tmp_path / "a.exr")
    np.testing.assert_allclose(pixels, picture(3), rtol=HALF_STEP, atol=1e-7)
    assert pixels.max() == BRIGHT


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("kind", "top"), [("png", 255), ("png16", 65535)])
def test_png_holds_straight_srgb_levels(tmp_path, channels, kind, top):
    frame_files.save_frame(tmp_path / "a.png", picture(channels), kind)
    levels = frame_files.load_levels(tmp_path / "a.png", kind)
    assert levels.dtype == (np.uint8 if top == 255 else np.uint16)
    assert np.array_equal(levels, image_io.levels_of(picture(channels), top))
    opaque = levels if channels == 3 else levels[:, -1]
    assert opaque.max() == top


def test_sixteen_bits_are_sixteen(tmp_path):
    ramp = np.repeat(np.linspace(0.2, 0.201, 64, dtype=np.float32)[None, :, None], 3, 2).repeat(16, 0)
    for kind, least in (("png", 1), ("png16", 20)):
        frame_files.save_frame(tmp_path / f"{kind}.png", ramp, kind)
        assert len(np.unique(frame_files.load_levels(tmp_path / f"{kind}.png", kind))) >= least
    assert len(np.unique(frame_files.load_levels(tmp_path / "png.png", "png"))) <= 2
    np.testing.assert_allclose(image_io.load_photo(tmp_path / "png16.png").pixels, ramp, atol=1e-5)


@pytest.mark.parametrize("kind", frame_files.FORMATS)
def test_the_same_pixels_give_the_same_bytes_and_whole_files(tmp_path, kind, monkeypatch):
    files = [tmp_path / (name + frame_files.suffix_of(kind)) for name in "ab"]
    for day, file in enumerate(files, 1):
        monkeypatch.setenv("TZ", f"UTC{day}")
        frame_files.save_frame(file, picture(4), kind)
    content = files[0].read_bytes()
    assert content == files[1].read_bytes()
    assert b"1970" in content or kind in ("png", "png16")  # no date of the day
    assert integrity.is_whole(files[0])
    files[1].write_bytes(content[:-30])
    assert not integrity.is_whole(files[1])


@pytest.mark.parametrize("kind", frame_files.FORMATS)
def test_a_folder_that_is_not_there_is_one_sentence(tmp_path, kind):
    with pytest.raises(LimitError, match="cannot write"):
        frame_files.save_frame(tmp_path / "gone" / ("a" + frame_files.suffix_of(kind)), picture(3), kind)


@pytest.mark.parametrize("kind", frame_files.FORMATS)
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, kind):
    resource = pytest.importorskip("resource")
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (900, kept[1]))
    try:
        with pytest.raises(LimitError, match="cannot write"):
            frame_files.save_frame(tmp_path / ("a" + frame_files.suffix_of(kind)), picture(3), kind)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    assert list(tmp_path.iterdir()) == []


def test_names_count_as_blender_does():
    assert [frame_files.frame_name(n, "exr") for n in (1, 1001, 123456, 0, -7)] == [
        "0001.exr",
        "1001.exr",
        "123456.exr",
        "0000.exr",
        "-0007.exr",
    ]
    with pytest.raises(SettingsError, match="choose from png, png16, exr, exr-half"):
        frame_files.frame_name(1, "tiff")


def test_without_the_library_other_formats_work_and_exr_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "OpenImageIO", None)
    frame_files.save_frame(tmp_path / "a.png", picture(3), "png")
    for kind in ("png16", "exr"):
        with pytest.raises(ImageError, match="needs OpenImageIO"):
            frame_files.save_frame(tmp_path / "b", picture(3), kind)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("content", [b"", b"\x76\x2f\x31\x01\x02\0\0\0 nothing", b"hello"])
def test_a_damaged_frame_is_one_sentence(tmp_path, content):
    (tmp_path / "a.exr").write_bytes(content)
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match="cannot be read"):
        frame_files.load_levels(tmp_path / "a.exr", "exr")
    for kind in ("png", "png16"):
        with pytest.raises(ImageError, match="cannot be read"):
            frame_files.load_levels(tmp_path / "a.png", kind)
