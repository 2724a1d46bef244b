"""The best renderer keeps what the reference promises, and comes nearer to the truth."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gid_core.frames.best import BestRenderer
from gid_core.frames.loop import Loop
from gid_core.frames.renderer import LoopRenderer
from gid_core.motion.edits import Edits, apply
from gid_core.motion.plan import plan_loop
from gid_core.motion.timeline import LoopPlan
from gid_core.motion.volume import SpectralVolume

from ..motion.some import some_motion
from .test_border import OFF, beyond_reach, leaving
from .test_renderer import HEIGHT, SINGLE, WIDTH, maps, still, swaying

PLATE = 2e-4  # what the plate adds to a pixel that is far in front
ONCE = LoopPlan(2, (1,), (0.5,), (0.0,), False)  # of one mode: frame 0 is half of its real part


def renderer(picture=None, volume=None, n_frames=24, anchored=True, **options):
    volume = swaying() if volume is None else volume
    plan = plan_loop(volume, n_frames, Fraction(24), anchored=anchored)
    return BestRenderer(still() if picture is None else picture, volume, plan, **options)


def moved_by(displacement):
    """A volume of one mode at the still's size, which `ONCE` plays as this at frame 0."""
    return SpectralVolume(2 * displacement[None].astype(np.complex64), np.ones(1))


def test_the_quality_best_is_this_renderer():
    assert type(Loop(still(), swaying(), plan_loop(swaying(), 24, 24), quality="best").renderer()) is BestRenderer


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_frame_0_is_the_still_bit_for_bit(channels):
    picture = still(channels)
    loop = renderer(picture)
    assert loop.frame(0).tobytes() == loop.frame(24).tobytes() == picture.tobytes()
    assert np.abs(loop.frame(7) - picture).max() > 0.1
    assert loop.frame(7).dtype == np.float32


@settings(max_examples=15)
@given(st.integers(0, 200), st.booleans())
def test_a_frame_depends_on_its_number_alone_and_the_loop_closes(frame, anchored):
    loop = renderer(anchored=anchored)
    first = loop.frame(frame).tobytes()
    loop.frame(frame + 7)
    assert loop.frame(frame + 24).tobytes() == first == renderer(anchored=anchored).frame(frame - 240).tobytes()


@settings(max_examples=15)
@given(st.integers(0, 200), st.booleans())
def test_amplitude_0_gives_the_still_bit_for_bit(frame, anchored):
    loop = renderer(volume=apply(some_motion(), Edits(amplitude=0, low=2.0)), anchored=anchored)
    assert loop.frame(frame).tobytes() == loop.still.tobytes()


@settings(max_examples=15)
@given(maps, st.integers(1, 200))
def test_what_nothing_reaches_is_untouched(mask, frame):
    loop = renderer(volume=replace(swaying(), mask=mask), anchored=False)
    displacement = loop.displacement(frame)
    reach = int(np.ceil(np.abs(displacement).max())) + 3  # 3: the plate's cut
    moving = np.pad(displacement.any(-1) | ~loop.static, reach)
    near = np.lib.stride_tricks.sliding_window_view(moving, (2 * reach + 1, 2 * reach + 1)).any((-2, -1))
    np.testing.assert_allclose(loop.frame(frame)[~near], loop.still[~near], atol=SINGLE)


def test_premultiplied_colour_stays_inside_its_alpha():
    frame = renderer(still(4), volume=swaying(strength=3)).frame(9)
    assert (frame[..., :3] <= frame[..., 3:] + SINGLE).all()
    assert frame.min() >= 0
    assert frame[..., 3].max() <= 1 + SINGLE


@pytest.mark.parametrize("channels", [3, 4])
def test_highlights_keep_their_light(channels):
    picture = still(channels)
    picture[10:14, 30:36, :3] = 2e4
    frame = renderer(picture, plate=False).frame(9)
    assert frame.max() > 1e4
    assert np.isfinite(frame).all()
    assert frame.min() >= 0


@pytest.mark.parametrize("reach_px", [2, 12])
def test_no_border_pixel_leaves_the_colours_within_its_reach(reach_px):
    picture, volume = leaving(reach_px)
    green = np.zeros_like(picture) + np.float32([0, 1, 0])  # shines through wherever the frame is bared
    assert max(beyond_reach(picture, renderer(picture, volume, plate=green), 24)) <= OFF
    assert max(beyond_reach(picture, renderer(picture, volume), 24)) <= OFF


def test_a_whole_shift_moves_the_picture_exactly():
    shift = np.broadcast_to(np.float32([3, -2]), (HEIGHT, WIDTH, 2))
    picture = still()
    frame = BestRenderer(picture, moved_by(shift), ONCE).frame(0)
    np.testing.assert_allclose(frame[:-2, 3:], picture[2:, :-3], atol=PLATE)


def square_on_stripes(step):
    """A bright square before stripes; the still, its motion of `step` px to the right, the true frame."""
    ground = np.broadcast_to(0.3 + 0.2 * np.sin(np.arange(HEIGHT) * 1.3)[:, None, None], (HEIGHT, WIDTH, 3))
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[8:24, 12:30] = True
    picture, truth = ground.astype(np.float32), ground.astype(np.float32)
    picture[inside] = truth[np.roll(inside, step, 1)] = [0.9, 0.5, 0.1]
    displacement = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    displacement[inside, 0] = step
    return picture, moved_by(displacement), truth, inside & ~np.roll(inside, step, 1)


def test_holes_show_the_ground_beside_without_the_old_silhouette():
    picture, volume, truth, hole = square_on_stripes(6)
    best = np.abs(BestRenderer(picture, volume, ONCE).frame(0) - truth)
    sharp = np.abs(LoopRenderer(picture, volume, ONCE).frame(0) - truth)
    assert best[hole].mean() < 0.55 * sharp[hole].mean()  # half plate, half ground, which is exact here
    assert best[hole].max() < 0.15  # the square differs from the ground by more than .4


@pytest.mark.parametrize("swing", [8, 60])  # px; the second is as near as near can be, like a square of 6 px
def test_what_is_nearer_is_not_seen_twice(swing):
    picture, volume, _, hole = square_on_stripes(2 if swing == 8 else 6)
    amplitudes = volume.amplitudes.copy()
    picture[8:24, 4:12], amplitudes[:, 8:24, 4:12] = 5, 1j * swing  # at rest in frame 0
    frame = BestRenderer(picture, SpectralVolume(amplitudes, np.ones(1)), ONCE).frame(0)
    assert frame[hole].max() < 1.5


def test_a_painted_plate_alone_shows_through_holes():
    picture, volume, _, hole = square_on_stripes(6)
    frame = BestRenderer(picture, volume, ONCE, plate=np.full_like(picture, 7)).frame(0)
    np.testing.assert_allclose(frame[hole], 7, rtol=1e-5)
    assert not BestRenderer(picture, volume, ONCE, plate=False).frame(0)[hole].any()


def test_it_comes_nearer_to_the_truth_than_the_splat():
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)

    def scene(x, y):
        return np.stack([0.5 + 0.3 * np.sin(1.5 * x + 0.6 * y + turn) * np.sin(1.3 * y) for turn in (0, 1, 2)], -1)

    field = np.stack([1.5 + 0.02 * x, 0.5 - 0.01 * y], -1)
    truth = scene((x - 1.5) / 1.02, (y - 0.5) / 0.99)
    inner = np.s_[4:-4, 5:-4]
    errors = [
        np.sqrt(np.mean((kind(scene(x, y).astype(np.float32), moved_by(field), ONCE).frame(0) - truth)[inner] ** 2))
        for kind in (BestRenderer, LoopRenderer)
    ]
    assert errors[0] < errors[1]
