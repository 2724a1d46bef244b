"""Reading a clip: what cannot be one is refused with a sentence, and the still is the frame that was asked for."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from gid_core.errors import Cancelled, ImageError, SettingsError
from gid_core.files import clips
from gid_core.footage.reading import read


def pictures(count, size=(64, 48)):
    blots = np.random.default_rng(1).integers(60, 200, (6, 8, 3), np.uint8)
    texture = np.asarray(Image.fromarray(blots).resize(size))
    return [np.roll(texture, i % 3, 1) // 2 + i for i in range(count)]


def as_folder(frames, folder):
    folder.mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame.astype(np.uint8)).save(folder / f"{index:03d}.png")
    return folder


class Frame:
    """A decoded frame as PyAV has it, white in its upper left corner."""

    colorspace, height = 1, 48

    def __init__(self, degrees):
        self.rotation = degrees  # counterclockwise

    def to_image(self):
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[0, 0] = 255
        return Image.fromarray(picture)


def as_video(frames, path, fps=8):
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(fps))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "bgr0"
        for frame in frames:
            picture = np.ascontiguousarray(frame.astype(np.uint8))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_folder_of_frames_is_a_clip(tmp_path):
    frames = pictures(12)
    found = read(as_folder(frames, tmp_path / "fern"), fps=8)
    assert found.clip.frames.shape == (12, 192, 256, 3)
    assert (found.still == frames[0]).all()
    assert found.name == "fern"
    assert found.clip.duration == pytest.approx(1.5)


def test_a_video_is_a_clip_and_its_still_any_frame(tmp_path):
    frames = pictures(16)
    found = read(as_video(frames, tmp_path / "fern.mkv"), at=1.0)
    assert (found.still == frames[8]).all()
    assert found.clip.rest == 8
    assert found.clip.times[8] == pytest.approx(1.0, abs=0.01)


def test_the_photo_of_it_is_linear(tmp_path):
    found = read(as_folder(pictures(12), tmp_path / "fern"), fps=8)
    photo = found.as_photo()
    assert photo.pixels.shape == found.still.shape
    assert photo.pixels.dtype == np.float32
    assert photo.pixels.max() < found.still.max() / 255


def test_pixels_that_are_not_square_are_made_so():
    assert clips._upright(Frame(0), Fraction(2, 1)).size == (128, 48)


@pytest.mark.parametrize(("degrees", "corner"), [(90, (-1, 0)), (180, (-1, -1)), (-90, (0, -1)), (0, (0, 0))])
def test_a_frame_is_turned_as_the_camera_was_held(degrees, corner):
    turned = np.asarray(clips._upright(Frame(degrees), None))
    assert turned.shape[:2] == ((64, 48) if abs(degrees) == 90 else (48, 64))
    assert (turned[corner] == 255).all()


@pytest.mark.parametrize(
    ("count", "options", "said"),
    [
        (1, {"fps": 8}, "holds one frame"),
        (4, {"fps": 8}, "lasts 0.50 s"),
        (12, {}, "frames per second"),
        (12, {"fps": 8, "at": 7.0}, "no frame at 7 s: its last is at 1.38 s"),
        (12, {"fps": 8, "at": -1.0}, "give 0 or more"),
    ],
)
def test_what_is_no_clip_is_refused(tmp_path, count, options, said):
    with pytest.raises((ImageError, SettingsError), match=said):
        read(as_folder(pictures(count), tmp_path / "fern"), **options)


def test_a_cut_is_told_with_its_time(tmp_path):
    rng = np.random.default_rng(2)
    scenes = [np.asarray(Image.fromarray(rng.integers(0, 255, (6, 8, 3), np.uint8)).resize((64, 48))) for _ in range(2)]
    with pytest.raises(ImageError, match=r"cuts to another picture after 1\.0 s"):
        read(as_folder([scenes[i // 8] for i in range(16)], tmp_path / "two"), fps=8)


def test_a_clip_that_changes_its_size_is_refused(tmp_path):
    folder = as_folder(pictures(12), tmp_path / "fern")
    Image.new("RGB", (32, 32)).save(folder / "006.png")
    with pytest.raises(ImageError, match="changes its size"):
        read(folder, fps=8)


def test_what_is_missing_or_no_video_is_told(tmp_path):
    pytest.importorskip("av")
    (tmp_path / "words.mp4").write_text("these are words")
    with pytest.raises(ImageError, match="cannot be read as a video"):
        read(tmp_path / "words.mp4")
    with pytest.raises(ImageError, match="there is no clip"):
        read(tmp_path / "nothing.mp4")


def test_a_cancel_stops_it(tmp_path):
    with pytest.raises(Cancelled):
        read(as_folder(pictures(12), tmp_path / "fern"), fps=8, cancelled=lambda: True)
