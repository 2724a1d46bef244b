"""The movie holds each frame once, in the frames' colours, ready to be repeated."""

import resource
from fractions import Fraction

import av
import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.output.frames import encode_movie, render_frames
from gid_dev.gid_core.errors import LimitError, SettingsError
from gid_dev.gid_core.files import colour, image_io
from gid_dev.gid_core.files.movie import shown

COLOUR_STEPS = 4  # of 255: rounding of limited-range YUV, and a little coding noise on flat colour


def decoded(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        return stream.average_rate, stream.codec_context.name, frames


@pytest.fixture
def patches(tmp_path):
    """Frames of flat colours, each frame with its own grey in one patch; odd sides."""
    files = []
    for index in range(14):
        picture = np.zeros((49, 97, 3), np.float32)
        picture[:, 32:64] = [1, 0.2, 0]
        picture[24:, 64:] = [0, 0.3, 0.8]
        picture[:24, :32] = (index + 1) / 15
        files.append(tmp_path / f"{index + 1001:04d}.png")
        image_io.save_png(files[-1], picture)
    return files


@pytest.fixture
def movie(make_loop, patches, tmp_path):
    plane = make_loop(32, 20, fps=Fraction(24000, 1001))
    encode_movie(plane, patches, tmp_path / "out" / "loop.mp4")
    return tmp_path / "out" / "loop.mp4"


def test_every_frame_is_there_once_at_the_exact_rate(movie, patches):
    rate, codec, frames = decoded(movie)
    assert (rate, codec) == (Fraction(24000, 1001), "h264")
    assert len(frames) == len(patches)
    assert [file.name for file in movie.parent.iterdir()] == ["loop.mp4"]


def test_frames_may_be_shown_again_and_held(make_loop, patches, tmp_path):
    encode_movie(make_loop(32, 20), shown(patches[:3], repeats=2, hold=2), tmp_path / "loop.mp4")
    greys = [frame.to_ndarray(format="rgb24")[12, 16, 0] for frame in decoded(tmp_path / "loop.mp4")[2]]
    wanted = 255 * colour.encode_srgb(np.array([1, 2, 3, 1, 2, 3, 1, 1]) / 15)
    assert np.abs(np.array(greys, float) - wanted).max() <= COLOUR_STEPS


def test_colours_and_places_are_those_of_the_files(movie, patches):
    _, _, frames = decoded(movie)
    for frame, file in zip(frames, patches, strict=True):
        got = frame.to_ndarray(format="rgb24").astype(float)
        want = np.rint(colour.encode_srgb(image_io.load_photo(file).pixels) * 255)[:48, :96]
        assert got.shape == want.shape
        away_from_edges = np.ones(got.shape[:2], bool)
        for edge in (32, 64):
            away_from_edges[:, edge - 3 : edge + 3] = False
        away_from_edges[21:27] = False
        assert np.abs(got - want)[away_from_edges].max() <= COLOUR_STEPS


def test_groups_of_pictures_are_closed(movie):
    _, _, frames = decoded(movie)
    assert frames[0].key_frame
    # Decoded alone, from its own key frame on, a group gives the same pictures: it refers to none outside.
    keys = [index for index, frame in enumerate(frames) if frame.key_frame]
    with av.open(str(movie)) as container:
        stream = container.streams.video[0]
        container.seek(frames[keys[-1]].pts, stream=stream)
        again = list(container.decode(stream))
    assert len(again) == len(frames) - keys[-1]
    for one, other in zip(again, frames[keys[-1] :], strict=True):
        assert np.array_equal(one.to_ndarray(format="rgb24"), other.to_ndarray(format="rgb24"))


def test_encoding_leaves_no_scene_image_or_sound(make_loop, patches, tmp_path):
    plane = make_loop(32, 20)
    render_frames(plane, tmp_path / "frames", [1])  # makes Blender's own Render Result
    before = sorted(block.name_full for block in bpy.data.user_map())
    encode_movie(plane, patches, tmp_path / "loop.mp4")
    assert sorted(block.name_full for block in bpy.data.user_map()) == before


def test_movie_without_frames_or_in_no_folder_is_refused(make_loop, patches, tmp_path):
    plane = make_loop(32, 20)
    with pytest.raises(SettingsError, match="render them first"):
        encode_movie(plane, [], tmp_path / "loop.mp4")
    with pytest.raises(LimitError, match="cannot write"):
        encode_movie(plane, patches, patches[0] / "loop.mp4")


def test_full_disk_is_told_and_leaves_no_movie(make_loop, patches, tmp_path):
    plane = make_loop(32, 20)
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, kept[1]))
    try:
        with pytest.raises(LimitError, match="is the disk full"):
            encode_movie(plane, patches, tmp_path / "out" / "loop.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    assert list((tmp_path / "out").iterdir()) == []
