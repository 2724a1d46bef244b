"""Movies of a loop, read back: each frame once, at the exact rate, in the frames' colours, ready to be repeated."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from gid_core.errors import ImageError, LimitError, SettingsError
from gid_core.files import frame_files, movie

RATE = Fraction(24000, 1001)
N_FRAMES = 14
HEIGHT, WIDTH = 49, 97  # odd, as photos are
COLOUR_STEPS = {"h264": 4, "prores": 2, "webp": 6, "gif": 14}  # of 255: coding noise on flat colour; GIF has a palette
BT709 = 1


def patches(index, alpha=False):
    """Flat colours, each frame with a grey of its own in one patch; transparent on the right if asked."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    pixels[:, 32:64] = [1, 0.2, 0]
    pixels[24:, 64:] = [0, 0.3, 0.8]
    pixels[:24, :32] = (index + 1) / 15
    if not alpha:
        return pixels
    opacity = np.ones((HEIGHT, WIDTH, 1), np.float32)
    opacity[:, 64:] = 0
    return np.concatenate([pixels * opacity, opacity], 2)


def write(folder, kind="png", n_frames=N_FRAMES, alpha=False):
    files = []
    for index in range(n_frames):
        files.append(folder / f"{index + 1001:04d}{frame_files.suffix_of(kind)}")
        frame_files.save_frame(files[-1], patches(index, alpha), kind)
    return files


def coded(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        facts = {
            "rate": stream.average_rate,
            "size": (context.width, context.height),
            "layout": context.pix_fmt,
            "colours": {context.color_primaries, context.color_trc, context.colorspace, context.color_range},
        }
        return facts, list(container.decode(stream))


def animated(path):
    """(frames as RGBA, durations in ms, loop count)."""
    with Image.open(path) as image:
        frames, durations = [], []
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            frames.append(np.asarray(image.convert("RGBA")))
            durations.append(image.info["duration"])
        return frames, durations, image.info["loop"]


def away_from_edges(height, width):
    inside = np.ones((height, width), bool)
    for edge in (32, 64):
        inside[:, edge - 4 : edge + 4] = False
    inside[20:28] = False
    return inside


def differs(got, index):
    want = frame_files.image_io.levels_of(patches(index)).astype(int)[: got.shape[0], : got.shape[1]]
    return np.abs(got[..., :3].astype(int) - want)[away_from_edges(*got.shape[:2])].max()


@pytest.mark.parametrize("frame_kind", ["png", "png16", "exr"])
@pytest.mark.parametrize("kind", ["h264", "prores"])
def test_coded_movies_hold_each_frame_once_in_its_colours(tmp_path, kind, frame_kind):
    path = tmp_path / ("loop" + movie.suffix_of(kind))
    movie.encode(write(tmp_path, frame_kind), path, kind, RATE, frame_kind=frame_kind)
    facts, frames = coded(path)
    assert (facts["rate"], len(frames)) == (RATE, N_FRAMES)
    assert facts["size"] == ((96, 48) if kind == "h264" else (97, 49))
    assert facts["colours"] == {BT709}
    assert [frame.pts * frame.time_base for frame in frames] == [index / RATE for index in range(N_FRAMES)]
    for index, frame in enumerate(frames):
        assert differs(frame.to_ndarray(format="rgb24"), index) <= COLOUR_STEPS[kind]


@pytest.mark.parametrize("kind", movie.MOVIES)
def test_a_movie_repeats_the_loop_and_holds_its_first_frame(tmp_path, kind):
    path = tmp_path / ("loop" + movie.suffix_of(kind))
    n_frames, repeats, hold = 4, 3, 5
    files = movie.shown(write(tmp_path, n_frames=n_frames), repeats, hold)
    movie.encode(files, path, kind, Fraction(25))
    expected = [*list(range(n_frames)) * repeats, *[0] * hold]
    if kind in ("webp", "gif"):
        frames, durations, _ = animated(path)  # a frame that looks like the one before may be written as a longer one
        shown = [frame for frame, ms in zip(frames, durations, strict=True) for _ in range(round(ms / 40))]
    else:
        shown = [frame.to_ndarray(format="rgb24") for frame in coded(path)[1]]
    assert len(shown) == len(expected)
    for frame, index in zip(shown, expected, strict=True):
        assert differs(frame, index) <= COLOUR_STEPS[kind]


@pytest.mark.parametrize(("repeats", "hold", "said"), [(0, 0, "1 to 100"), (101, 0, "1 to 100"), (1, -1, "0 to 1000")])
def test_repeats_and_holds_that_cannot_be_are_refused(repeats, hold, said):
    with pytest.raises(SettingsError, match=said):
        movie.shown(["a"], repeats, hold)


def test_h264_plays_everywhere(tmp_path):
    movie.encode(write(tmp_path), tmp_path / "loop.mp4", "h264", RATE)
    assert coded(tmp_path / "loop.mp4")[0]["layout"] == "yuv420p"
    content = (tmp_path / "loop.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # a browser begins before the end has arrived


def test_groups_of_pictures_are_closed(tmp_path):
    movie.encode(write(tmp_path), tmp_path / "loop.mp4", "h264", RATE)
    _, frames = coded(tmp_path / "loop.mp4")
    keys = [index for index, frame in enumerate(frames) if frame.key_frame]
    assert keys[0] == 0
    assert len(keys) > 1
    # Decoded alone, from its own key frame on, a group gives the same pictures: it refers to none outside.
    with av.open(str(tmp_path / "loop.mp4")) as container:
        stream = container.streams.video[0]
        container.seek(frames[keys[-1]].pts, stream=stream)
        again = list(container.decode(stream))
    assert len(again) == len(frames) - keys[-1]
    for one, other in zip(again, frames[keys[-1] :], strict=True):
        assert np.array_equal(one.to_ndarray(format="rgb24"), other.to_ndarray(format="rgb24"))


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_animated_pictures_repeat_for_ever_in_the_frames_colours(tmp_path, kind):
    path = tmp_path / ("loop" + movie.suffix_of(kind))
    movie.encode(write(tmp_path), path, kind, RATE)
    frames, durations, loop = animated(path)
    assert loop == 0
    step = 1 if kind == "webp" else 10
    assert abs(sum(durations) - 1000 * N_FRAMES / RATE) <= step / 2
    starts = np.cumsum([0, *durations[:-1]])
    for index in range(N_FRAMES):  # a frame that looks like the one before may be written as a longer one
        shown = frames[np.searchsorted(starts, 1000 * index / RATE + step, side="right") - 1]
        assert shown.shape[:2] == (HEIGHT, WIDTH)
        assert differs(shown, index) <= COLOUR_STEPS[kind]


def test_a_gif_beyond_fifty_frames_a_second_leaves_frames_out_and_keeps_its_length(tmp_path):
    movie.encode(write(tmp_path, n_frames=12), tmp_path / "loop.gif", "gif", Fraction(60))
    frames, durations, _ = animated(tmp_path / "loop.gif")
    assert len(frames) == 6
    assert min(durations) >= 20
    assert sum(durations) == pytest.approx(200, abs=5)


def test_what_stands_still_in_the_frames_stands_still_in_the_gif(tmp_path):
    still = np.random.default_rng(0).random((40, 40, 3), np.float32) * 0.5
    files = []
    for index in range(4):
        pixels = still.copy()
        pixels[:8, :8] = index / 4
        files.append(tmp_path / f"{index}.png")
        frame_files.save_frame(files[-1], pixels, "png")
    movie.encode(files, tmp_path / "loop.gif", "gif", Fraction(25))
    frames, _, _ = animated(tmp_path / "loop.gif")
    for frame in frames[1:]:
        assert np.array_equal(frame[9:], frames[0][9:])


@pytest.mark.parametrize("kind", movie.MOVIES)
def test_transparency_stays_where_the_format_has_it(tmp_path, kind):
    path = tmp_path / ("loop" + movie.suffix_of(kind))
    movie.encode(write(tmp_path, "png16", alpha=True), path, kind, RATE, frame_kind="png16")
    if kind in ("webp", "gif"):
        frame = animated(path)[0][3]
    else:
        frame = coded(path)[1][3].to_ndarray(format="rgba")
    outside, inside = frame[2:46, 70:], frame[2:22, :28]
    if kind == "h264":
        assert outside[..., :3].max() <= 2  # black
    else:
        assert outside[..., 3].max() == 0
    assert inside[..., 3].min() == 255


def test_nothing_to_encode_and_unknown_kinds_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="render them first"):
        movie.encode([], tmp_path / "loop.mp4", "h264", RATE)
    with pytest.raises(SettingsError, match="choose from h264, prores, webp, gif or none"):
        movie.encode(write(tmp_path, n_frames=1), tmp_path / "loop.avi", "avi", RATE)


@pytest.mark.parametrize("kind", movie.MOVIES)
def test_a_missing_frame_leaves_no_movie(tmp_path, kind):
    files = write(tmp_path, n_frames=3)
    files[2].unlink()
    with pytest.raises(ImageError, match="cannot be read"):
        movie.encode(files, tmp_path / "loop", kind, RATE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1001.png", "1002.png"]


@pytest.mark.parametrize("kind", movie.MOVIES)
def test_a_folder_that_cannot_be_written_to_is_one_sentence(tmp_path, kind):
    files = write(tmp_path, n_frames=2)
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "gone", tmp_path / "file"):
        with pytest.raises(LimitError, match="cannot") as told:
            movie.encode(files, place / "loop", kind, RATE)
        assert "\n" not in str(told.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1001.png", "1002.png", "file"]


@pytest.mark.parametrize("kind", movie.MOVIES)
def test_a_full_disk_is_told_and_leaves_no_movie(tmp_path, kind):
    resource = pytest.importorskip("resource")
    files = write(tmp_path, n_frames=3)
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, kept[1]))
    try:
        with pytest.raises(LimitError, match="cannot"):
            movie.encode(files, tmp_path / "loop", kind, RATE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    assert len(list(tmp_path.iterdir())) == 3
