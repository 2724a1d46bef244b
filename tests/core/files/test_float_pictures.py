"""EXR, HDR and DPX without Blender: light as it is, the layer that is meant, each window at its place."""

import sys

import numpy as np
import pytest
from gid_dev.gid_core.errors import ImageError, LimitError
from gid_dev.gid_core.files import colour, image_io

oiio = pytest.importorskip("OpenImageIO")

HEIGHT, WIDTH = 24, 32


def light(channels=3, height=HEIGHT, width=WIDTH):
    return np.random.default_rng(3).random((height, width, channels)).astype(np.float32) * 3


def spec_of(pixels, names, **attributes):
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], len(names), "float")
    spec.channelnames = tuple(names)
    for name, value in attributes.items():
        setattr(spec, name, value)
    return spec


def write(path, pixels, spec):
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    assert output.write_image(pixels)
    assert output.close()
    return path


def write_parts(path, parts):
    """parts: {name: (pixels, channels' names)}."""
    specs = []
    for name, (pixels, names) in parts.items():
        specs.append(spec_of(pixels, names))
        specs[-1]["name"] = name
        specs[-1].attribute("oiio:subimagename", name)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), tuple(specs))
    for index, (pixels, _) in enumerate(parts.values()):
        assert index == 0 or output.open(str(path), specs[index], "AppendSubimage")
        assert output.write_image(pixels)
    assert output.close()
    return path


@pytest.mark.parametrize("names", ["RGB", "RGBA", "BGR", "ABGR"])
def test_a_plain_exr_is_its_light(tmp_path, names):
    pixels = light(len(names))
    if "A" in names:
        pixels[..., names.index("A")] /= 3
    photo = image_io.load_photo(write(tmp_path / "a.exr", pixels, spec_of(pixels, names)))
    wanted = [names.index(letter) for letter in ("RGBA" if "A" in names else "RGB")]
    np.testing.assert_array_equal(photo.pixels, pixels[..., wanted])
    assert photo.notes == ()


def test_a_layer_is_taken_where_there_is_one_and_named_where_there_are_several(tmp_path):
    pixels = light(6)
    two = write(
        tmp_path / "two.exr", pixels, spec_of(pixels, [f"{layer}.{c}" for layer in ("fg", "bg") for c in "RGB"])
    )
    with pytest.raises(ImageError, match="--layer NAME, of bg, fg"):
        image_io.load_photo(two)
    np.testing.assert_array_equal(image_io.load_photo(two, layer="bg").pixels, pixels[..., 3:])
    with pytest.raises(ImageError, match="no layer 'sky': choose from bg, fg"):
        image_io.load_photo(two, layer="sky")
    one = write(tmp_path / "one.exr", pixels[..., :3], spec_of(pixels[..., :3], ["fg.R", "fg.G", "fg.B"]))
    np.testing.assert_array_equal(image_io.load_photo(one).pixels, pixels[..., :3])


@pytest.mark.parametrize("prefix", ["", "ViewLayer.Combined."])
def test_the_picture_is_taken_among_passes_and_said_so(tmp_path, prefix):
    pixels = light(7)
    names = [*(prefix + c for c in "RGB"), *(f"ViewLayer.Diffuse.{c}" for c in "RGB"), "ViewLayer.Depth.Z"]
    photo = image_io.load_photo(write(tmp_path / "a.exr", pixels, spec_of(pixels, names)))
    np.testing.assert_array_equal(photo.pixels, pixels[..., :3])
    assert any("ViewLayer.Diffuse" in note for note in photo.notes)


def test_the_parts_of_an_exr_are_layers(tmp_path):
    parts = {"left": (light(3), "RGB"), "right": (light(3) * 2, "RGB")}
    path = write_parts(tmp_path / "stereo.exr", parts)
    with pytest.raises(ImageError, match="of left, right"):
        image_io.load_photo(path)
    np.testing.assert_array_equal(image_io.load_photo(path, layer="right").pixels, parts["right"][0])
    depth = {"depth": (light(1), "Z"), "rgba": (light(3), "RGB")}
    photo = image_io.load_photo(write_parts(tmp_path / "depth.exr", depth))
    np.testing.assert_array_equal(photo.pixels, depth["rgba"][0])


@pytest.mark.parametrize("place", [(4, 6), (-5, -3), (20, 16), (-4, 10)])
def test_a_data_window_is_put_in_its_place(tmp_path, place):
    x, y = place
    pixels = light(4)
    pixels[..., 3] /= 3
    spec = spec_of(pixels, "RGBA", x=x, y=y, full_width=40, full_height=30)
    photo = image_io.load_photo(write(tmp_path / "crop.exr", pixels, spec))
    expected = np.zeros((30, 40, 4), np.float32)
    for row in range(HEIGHT):
        for column in range(WIDTH):
            if 0 <= y + row < 30 and 0 <= x + column < 40:
                expected[y + row, x + column] = pixels[row, column]
    np.testing.assert_array_equal(photo.pixels, expected)
    assert any("window" in note for note in photo.notes)


def test_other_primaries_are_converted(tmp_path):
    pixels = light()
    spec = spec_of(pixels, "RGB")
    wide = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290)
    spec.attribute("chromaticities", oiio.TypeDesc("float[8]"), wide)
    photo = image_io.load_photo(write(tmp_path / "wide.exr", pixels, spec))
    np.testing.assert_allclose(photo.pixels, pixels @ colour.matrix_from(wide).T, atol=1e-5)
    assert any("primaries" in note for note in photo.notes)


def test_an_hdr_is_its_light(tmp_path):
    pixels = light() + 0.5
    photo = image_io.load_photo(write(tmp_path / "a.hdr", pixels, spec_of(pixels, "RGB")))
    np.testing.assert_allclose(photo.pixels, pixels, atol=pixels.max() / 128)


@pytest.mark.parametrize(
    ("transfer", "code", "expected"),
    [
        ("Printing density", 685, 1.0),
        ("Printing density", 95, 0.0),
        ("Linear", 512, 512 / 1023),
        ("ITU-R 709-4", 512, float(colour.decode_srgb(512 / 1023))),
    ],
)
def test_a_dpx_is_decoded_by_what_it_says(tmp_path, transfer, code, expected):
    spec = oiio.ImageSpec(WIDTH, HEIGHT, 3, "uint16")
    spec["dpx:Transfer"], spec["oiio:BitsPerSample"] = transfer, 10
    levels = np.full((HEIGHT, WIDTH, 3), round(code * 65535 / 1023), np.uint16)
    photo = image_io.load_photo(write(tmp_path / "a.dpx", levels, spec))
    np.testing.assert_allclose(photo.pixels, expected, atol=3e-3)


@pytest.mark.parametrize("original", [(WIDTH * 2000, HEIGHT), (WIDTH // 2, 2**31 - 1), (WIDTH + 9, HEIGHT + 9)])
def test_what_a_dpx_says_of_its_scan_makes_it_no_larger(tmp_path, original):
    spec = oiio.ImageSpec(WIDTH, HEIGHT, 3, oiio.UINT16)
    spec.full_width, spec.full_height = original
    photo = image_io.load_photo(write(tmp_path / "a.dpx", light(), spec))
    assert (photo.width, photo.height) == (WIDTH, HEIGHT)


def test_a_cut_exr_is_refused(tmp_path):
    pixels = light(height=64)
    content = write(tmp_path / "a.exr", pixels, spec_of(pixels, "RGB")).read_bytes()
    (tmp_path / "cut.exr").write_bytes(content[: len(content) // 2])
    with pytest.raises(ImageError, match="damaged, cut short"):
        image_io.load_photo(tmp_path / "cut.exr")


def test_an_exr_without_colours_or_too_large_is_refused(tmp_path):
    depth = light(1)
    with pytest.raises(ImageError, match="no red, green and blue"):
        image_io.load_photo(write(tmp_path / "z.exr", depth, spec_of(depth, "Z")))
    pixels = light()
    wide = spec_of(pixels, "RGB", full_width=20000, full_height=20000)
    with pytest.raises(LimitError, match="megapixels"):
        image_io.load_photo(write(tmp_path / "wide.exr", pixels, wide))


def test_grey_and_values_that_are_no_numbers(tmp_path):
    grey = light(1)
    photo = image_io.load_photo(write(tmp_path / "y.exr", grey, spec_of(grey, "Y")))
    np.testing.assert_array_equal(photo.pixels, np.repeat(grey, 3, 2))
    pixels = light()
    pixels[3, 4, 1] = np.nan
    with pytest.raises(ImageError, match="NaN"):
        image_io.load_photo(write(tmp_path / "nan.exr", pixels, spec_of(pixels, "RGB")))


def test_names_that_are_no_text_are_passed_over_or_one_sentence(tmp_path):
    path = write(tmp_path / "a.exr", light(3), spec_of(light(3), "RGB"))
    path.write_bytes(path.read_bytes().replace(b"compression\0compression\0", b"compression\0\xffompression\0"))
    if oiio.openimageio_version < 30100:  # passes over such a name
        np.testing.assert_array_equal(image_io.load_photo(path).pixels, light(3))
        return
    with pytest.raises(ImageError, match="a name in it is no UTF-8 text"):
        image_io.load_photo(path)


@pytest.mark.parametrize("suffix", ["exr", "dpx"])
def test_numbers_that_become_infinite_are_refused_without_a_warning(tmp_path, suffix, recwarn):
    pixels = np.full((20, 24, 3), 3e38, np.float32)
    spec = spec_of(pixels, "RGB")
    wide = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290)  # Rec. 2020
    spec.attribute("chromaticities", oiio.TypeDesc("float[8]"), wide)
    with pytest.raises(ImageError, match="NaN or infinite"):
        image_io.load_photo(write(tmp_path / f"a.{suffix}", pixels, spec))
    assert not recwarn.list


@pytest.mark.parametrize("name", ["a.exr", "a.hdr", "a.dpx"])
def test_without_the_library_one_sentence_says_so(tmp_path, monkeypatch, name):
    pixels = light()
    path = write(tmp_path / name, pixels, spec_of(pixels, "RGB"))
    monkeypatch.setitem(sys.modules, "OpenImageIO", None)
    with pytest.raises(ImageError, match=r"needs OpenImageIO.*open it in Blender, or save it as a 16-bit PNG"):
        image_io.load_photo(path)
