"""One photo is one picture, whatever way it takes into a loop: file, packed, reopened, command line."""

import bpy
import numpy as np
import OpenImageIO as oiio
import pytest
from gid_dev.blender_addon.loop import images
from gid_dev.blender_addon.output.delivery import CommandLine
from gid_dev.gid_core.files import colour, image_io
from gid_dev.gid_core.files import oiio as oiio_of_ours
from PIL import Image, ImageCms

HEIGHT, WIDTH = 24, 32
HALF_FLOAT = 1e-3
ACESCG = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
ROUTES = ("file", "packed", "packed, the file gone", "saved and reopened")


def levels(depth=8, channels=3):
    rng = np.random.default_rng(3)
    return rng.integers(0, 2**depth, (HEIGHT, WIDTH, channels)).astype(np.uint8 if depth == 8 else np.uint16)


def write(path, pixels, kind="UINT16", **attributes):
    spec = oiio.ImageSpec(WIDTH, HEIGHT, pixels.shape[2], getattr(oiio, kind))
    for name, value in attributes.items():
        if name == "chromaticities":
            spec.attribute(name, oiio.TypeDesc("float[8]"), value)
        elif hasattr(spec, name):
            setattr(spec, name, value)
        else:
            spec[name] = value
    file = oiio.ImageOutput.create(str(path))
    assert file.open(str(path), spec), oiio.geterror()
    assert file.write_image(np.ascontiguousarray(pixels))
    file.close()


def phone_jpeg(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = wide.index(b"rXYZ", 128 + 4)
    place = int.from_bytes(wide[at + 4 : at + 8], "big")
    wide[place + 8 : place + 12] = (0x8000).to_bytes(4, "big")  # a redder red: a profile that is not sRGB's
    Image.fromarray(levels()).save(path, quality=95, exif=exif, icc_profile=bytes(wide))


def light(channels=3):
    return (levels(16, channels) / 20000).astype(np.float32)


PICTURES = {
    "phone.jpg": phone_jpeg,
    "deep.png": lambda path: write(path, levels(16)),
    "deep, seen through.png": lambda path: write(path, levels(16, 4), **{"oiio:UnassociatedAlpha": 1}),
    "deep, on its side.tif": lambda path: write(path, levels(16), Orientation=6),
    "seen through.png": lambda path: Image.fromarray(levels(8, 4)).save(path),
    "grey.png": lambda path: Image.fromarray(levels(8, 1)[..., 0]).save(path),
    "light.exr": lambda path: write(path, light(), "HALF"),
    "another studio's primaries.exr": lambda path: write(path, light(), "FLOAT", chromaticities=ACESCG),
    "a region.exr": lambda path: write(path, light(4), "FLOAT", x=5, y=3, full_width=48, full_height=40),
    "sky.hdr": lambda path: write(path, light(), "FLOAT"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_route_gives_the_picture_of_the_command_line(name, tmp_path):
    path = tmp_path / name
    PICTURES[name](path)
    expected = image_io.load_photo(path).pixels
    image = images.open_photo(path)
    assert np.array_equal(images.read_still(image), expected), ROUTES[0]
    image.pack()
    assert np.array_equal(images.read_still(image), expected), ROUTES[1]
    path.unlink()
    assert np.array_equal(images.read_still(image), expected), ROUTES[2]
    image.use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "kept.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "kept.blend"))
    assert np.array_equal(images.read_still(bpy.data.images[0]), expected), ROUTES[3]


@pytest.mark.parametrize("name", ["seen through.png", "deep, seen through.png"])
@pytest.mark.parametrize(("mode", "meant"), [("NONE", "none"), ("PREMUL", "premultiplied"), ("STRAIGHT", "straight")])
def test_alpha_mode_that_the_artist_sets_holds_before_and_after_packing(name, mode, meant, tmp_path):
    PICTURES[name](tmp_path / name)
    image = images.open_photo(tmp_path / name)
    image.alpha_mode = mode
    expected = image_io.decode_photo((tmp_path / name).read_bytes(), name, alpha=meant).pixels
    assert np.array_equal(images.read_still(image), expected)
    image.pack()
    assert np.array_equal(images.read_still(image), expected)


@pytest.mark.parametrize("depth", [8, 16])
def test_colour_space_that_the_artist_sets_holds_before_and_after_packing(depth, tmp_path):
    path = tmp_path / "numbers.png"
    write(path, levels(depth), "UINT8" if depth == 8 else "UINT16")
    image = images.open_photo(path)
    image.colorspace_settings.name = "Linear Rec.709"
    expected = levels(depth) / np.float32(2**depth - 1)
    if depth == 8:
        expected = colour.in_halves(expected)
    assert np.abs(images.read_still(image) - expected).max() < 1e-6
    image.pack()
    assert np.abs(images.read_still(image) - expected).max() < 1e-6


def test_float_picture_in_a_space_that_the_artist_sets_is_converted_from_it(tmp_path):
    write(tmp_path / "acescg.exr", light(), "FLOAT")
    write(tmp_path / "told.exr", light(), "FLOAT", chromaticities=ACESCG)
    image = images.open_photo(tmp_path / "acescg.exr")
    image.colorspace_settings.name = "ACEScg"
    told = image_io.load_photo(tmp_path / "told.exr").pixels
    assert np.abs(images.read_still(image) - told).max() < HALF_FLOAT * told.max()


@pytest.mark.parametrize("name", ["light.exr", "sky.hdr"])
def test_command_line_of_a_blender_without_openimageio_reads_by_blender(name, tmp_path, monkeypatch):
    PICTURES[name](tmp_path / name)
    expected = image_io.load_photo(tmp_path / name).pixels
    monkeypatch.setattr(oiio_of_ours, "is_available", lambda: False)
    photo = CommandLine().photo(tmp_path / name)
    assert np.abs(photo.pixels - expected).max() <= HALF_FLOAT
    assert photo.notes
    assert len(bpy.data.images) == 0


def test_tiff_of_floats_is_read_by_blender(tmp_path):
    write(tmp_path / "light.tif", light(), "FLOAT")
    still = images.read_still(images.open_photo(tmp_path / "light.tif"))
    assert still.shape == (HEIGHT, WIDTH, 3)
