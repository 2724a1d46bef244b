"""The seam of the delivered file, by its two faults: no jump (a step too large), no hold (a step too small)."""

from fractions import Fraction

import av
import numpy as np
import pytest
from gid_dev.blender_addon.output.frames import encode_movie
from gid_dev.gid_core.files import colour, image_io
from gid_dev.gid_core.frames.renderer import LoopRenderer
from gid_dev.gid_core.motion.plan import plan_loop
from gid_dev.gid_core.motion.volume import SpectralVolume

WIDTH, HEIGHT, N_FRAMES = 192, 128, 48
AVERAGED = 8  # px; coding noise of single pixels is no motion


@pytest.fixture(scope="module")
def frames():
    """A textured still whose middle sways, rendered without Blender."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    still = np.stack([0.5 + 0.4 * np.sin(x / a) * np.cos(y / b) for a, b in ((14, 17), (21, 15), (19, 23))], -1)
    k = np.arange(1, 17)[:, None, None, None]
    rows, columns = np.mgrid[:32, :48]
    middle = np.exp(-((columns - 24) ** 2 + (rows - 16) ** 2) / 120)[..., None]
    chance = rng.standard_normal((16, 1, 1, 2)) + 1j * rng.standard_normal((16, 1, 1, 2))
    volume = SpectralVolume(2.5 * chance / k * middle * np.exp(0.05j * k * columns[..., None]), k.ravel() / 5)
    loop = LoopRenderer(still.astype(np.float32), volume, plan_loop(volume, N_FRAMES, Fraction(24)))
    return [loop.frame(n) for n in range(N_FRAMES)]


def averaged(picture):
    return picture.reshape(HEIGHT // AVERAGED, AVERAGED, WIDTH // AVERAGED, AVERAGED).mean((1, 3))


def encoded(plane, pictures, folder):
    """Steps from frame to frame of the encoded file, the last one being its seam, and the error of its coding."""
    folder.mkdir(exist_ok=True)
    files = []
    for index, picture in enumerate(pictures, 1):
        files.append(folder / f"{index:04d}.png")
        image_io.save_png(files[-1], picture)
    encode_movie(plane, files, folder / "loop.mp4")
    with av.open(str(folder / "loop.mp4")) as movie:
        blocks = [averaged(frame.to_ndarray(format="rgb24").mean(-1)) for frame in movie.decode(video=0)]
    sent = [averaged(colour.encode_srgb(picture).mean(-1) * 255.0) for picture in pictures]
    error = np.array(blocks) - sent
    coding = float((error - error.mean(0)).std())  # a constant offset of the colour conversion is no step
    steps = np.sqrt(((np.array(blocks) - np.roll(blocks, -1, 0)) ** 2).mean((1, 2)))
    return steps, coding


def test_the_encoded_seam_is_neither_a_jump_nor_a_hold(frames, make_loop, tmp_path):
    steps, _ = encoded(make_loop(32, 20), frames, tmp_path)
    assert len(steps) == N_FRAMES
    hold, jump = np.percentile(steps, [5, 95])
    assert hold <= steps[-1] <= jump


@pytest.mark.parametrize("start", [13, 24, 37])
def test_the_seam_looks_the_same_from_whichever_frame_the_file_starts(frames, make_loop, tmp_path, start):
    plane = make_loop(32, 20)
    steps, coding = encoded(plane, frames, tmp_path / "first")
    turned, _ = encoded(plane, frames[start:] + frames[:start], tmp_path / "second")
    # The file's own seam against the same step when it lies in the middle of the other file, and the other way round;
    # either end of a step may be off by what coding changes.
    assert turned[-1] == pytest.approx(steps[start - 1], abs=2 * coding)
    assert steps[-1] == pytest.approx(turned[N_FRAMES - start - 1], abs=2 * coding)
    assert 2 * coding < np.median(steps)


def test_a_repeated_frame_would_be_called_a_hold_and_a_missing_one_a_jump(frames, make_loop, tmp_path):
    steps, _ = encoded(make_loop(32, 20), [*frames, frames[0]], tmp_path / "held")
    assert steps[-1] < np.percentile(steps, 5)
    steps, _ = encoded(make_loop(32, 20), frames[:-9], tmp_path / "cut")
    assert steps[-1] > np.percentile(steps, 95)
