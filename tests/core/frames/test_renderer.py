"""The reference renderer: what every frame of a loop promises, whatever the photo and the motion."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gid_core.errors import SettingsError
from gid_core.frames.plate import make_plate, movers_of
from gid_core.frames.renderer import LoopRenderer
from gid_core.frames.splat import Splatter, finish, importance, weight_of
from gid_core.motion import synth
from gid_core.motion.edits import Edits, apply
from gid_core.motion.mask import border_window
from gid_core.motion.plan import plan_loop
from gid_core.motion.pluck import GENTLE, Pluck, pluck, response
from gid_core.motion.volume import SpectralVolume

from ..motion.some import some_motion

WIDTH, HEIGHT = 48, 32
SINGLE = 1e-6  # a division and a few sums in float32


def still(channels=3, seed=0):
    picture = np.random.default_rng(seed).random((HEIGHT, WIDTH, channels), np.float32)
    if channels == 4:
        picture[..., :3] *= picture[..., 3:]
    return picture


def swaying(seed=0, strength=0.6):
    """A volume of half the still's size whose left third never moves."""
    rng = np.random.default_rng(seed)
    height, width = HEIGHT // 2, WIDTH // 2
    x = np.linspace(0, 1, width)
    rise = np.clip(3 * x - 1, 0, 1)[:, None]
    phases = np.exp(1j * (rng.uniform(0, 6.28, (16, 1, 1, 2)) + np.linspace(0, 2, height)[:, None, None]))
    amplitudes = phases * strength / np.arange(1, 17)[:, None, None, None] ** 0.6 * rise
    return SpectralVolume(amplitudes, np.arange(1, 17) / 5)


def renderer(picture=None, volume=None, n_frames=24, anchored=True, **options):
    volume = swaying() if volume is None else volume
    plan = plan_loop(volume, n_frames, Fraction(24), anchored=anchored)
    return LoopRenderer(still() if picture is None else picture, volume, plan, **options)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_frame_0_is_the_still_bit_for_bit(channels):
    picture = still(channels)
    loop = renderer(picture)
    assert loop.frame(0).tobytes() == picture.tobytes()
    assert loop.frame(24).tobytes() == picture.tobytes()
    assert np.abs(loop.frame(7) - picture).max() > 0.1


@pytest.mark.parametrize("anchored", [True, False])
def test_a_loop_later_the_frame_is_the_same_bit_for_bit(anchored):
    loop = renderer(anchored=anchored)
    for frame in (0, 1, 13, 23):
        assert loop.frame(frame).tobytes() == loop.frame(frame + 24).tobytes()
        assert loop.frame(frame).tobytes() == loop.frame(frame - 240).tobytes()


def test_a_frame_does_not_depend_on_the_frames_before():
    forwards, backwards = renderer(), renderer()
    first = [forwards.frame(n).tobytes() for n in range(0, 24, 5)]
    second = [backwards.frame(n).tobytes() for n in reversed(range(0, 24, 5))]
    assert first == second[::-1]


def test_an_amount_of_0_gives_the_still_bit_for_bit():
    loop = renderer(amount=0, anchored=False)
    assert all(loop.frame(n).tobytes() == loop.still.tobytes() for n in (0, 5, 11))


def test_an_amount_for_each_frame_multiplies_it_and_closes_with_the_loop():
    amounts = tuple(np.linspace(0.5, 2, 24))
    loop, steady = renderer(amount=amounts), renderer()
    assert np.array_equal(loop.scalars(24 + 7), steady.scalars(7) * amounts[7])
    assert np.allclose(loop.scalars(Fraction(47, 2)), steady.scalars(Fraction(47, 2)) * (amounts[23] + amounts[0]) / 2)
    with pytest.raises(SettingsError, match="23 amounts for a loop of 24 frames"):
        renderer(amount=amounts[1:])


def test_a_volume_of_zeros_gives_the_still_bit_for_bit():
    loop = renderer(volume=swaying().scaled(0), anchored=False)
    assert loop.static.all()
    assert loop.frame(5).tobytes() == loop.still.tobytes()


def test_a_mask_of_0_gives_the_still_bit_for_bit():
    masked = replace(swaying(), mask=np.zeros((HEIGHT, WIDTH)))
    loop = renderer(volume=masked, anchored=False)
    assert not loop.displacement(7).any()
    assert loop.frame(7).tobytes() == loop.still.tobytes()


def test_what_is_masked_out_stays_where_it_is_and_never_flickers():
    mask = np.ones((HEIGHT, WIDTH), np.float32)
    mask[:, : WIDTH // 2] = 0
    volume = replace(swaying(), mask=mask)
    loop = renderer(volume=volume, anchored=False)
    masked_out = np.s_[:, : WIDTH // 2 - 8]  # beyond the reach of what moves
    frames = [loop.frame(n)[masked_out] for n in (3, 9, 17)]
    assert not loop.displacement(3)[masked_out].any()
    np.testing.assert_allclose(frames[0], loop.still[masked_out], atol=SINGLE)
    np.testing.assert_array_equal(frames[0], frames[1])
    np.testing.assert_array_equal(frames[0], frames[2])


maps = st.builds(
    lambda seed, h, w, share: (
        (np.random.default_rng(seed).random((h, w)) < share).astype(np.float32)
        * np.random.default_rng(seed + 1).random((h, w), np.float32)
    ),
    st.integers(0, 99),
    st.sampled_from([HEIGHT, HEIGHT // 2, 7]),
    st.sampled_from([WIDTH, WIDTH // 3, 100]),
    st.floats(0, 1),
)


@settings(max_examples=30)
@given(maps, st.integers(0, 200), st.booleans())
def test_mask_0_is_no_motion_bit_for_bit(mask, frame, anchored):
    volume = replace(swaying(), mask=mask)
    plan = plan_loop(swaying(), 24, Fraction(24), anchored=anchored)
    moved, free = (LoopRenderer(still(), v, plan).displacement(frame) for v in (volume, swaying()))
    weight = volume.weight(WIDTH, HEIGHT)
    assert not moved[weight == 0].any()
    np.testing.assert_allclose(moved, free * weight[..., None], atol=2e-4)
    if mask.shape == (HEIGHT, WIDTH):
        np.testing.assert_array_equal(weight, mask)


@settings(max_examples=20)
@given(st.integers(0, 200), st.floats(0.01, 1))
def test_the_border_pins_the_frames_rim(frame, border):
    plan = plan_loop(swaying(), 24, Fraction(24))
    free = LoopRenderer(still(), swaying(), plan).displacement(frame)
    pinned = LoopRenderer(still(), replace(swaying(), border=border), plan).displacement(frame)
    np.testing.assert_allclose(pinned, free * border_window(WIDTH, HEIGHT, border)[..., None], atol=2e-4)


@settings(max_examples=20)
@given(st.integers(0, 200), st.booleans())
def test_amplitude_0_gives_the_still_bit_for_bit(frame, anchored):
    volume = apply(some_motion(), Edits(amplitude=0, turn=1.0, low=2.0, border=0.1))
    loop = renderer(volume=volume, anchored=anchored)
    assert loop.frame(frame).tobytes() == loop.still.tobytes()


def test_plucks_are_added_to_the_loop_and_it_still_closes():
    volume = swaying()
    fps = Fraction(24)
    plan = plan_loop(volume, 48, fps)
    plucks = [pluck(volume, 20, 4, (3.0, 0.0), time_s=0.5), pluck(volume, 18, 12, (0.0, 2.0), time_s=1.25)]
    loop = LoopRenderer(still(), volume, plan, plucks=plucks, fps=fps, amount=0.5)
    alone = LoopRenderer(still(), volume, plan, amount=0.5)
    for frame in (0, 13, 30, 47):
        scalars = response(plucks, volume.frequencies, GENTLE, frame / 24, period_s=2.0)
        added = synth.upsample(synth.displacement(volume, scalars), WIDTH, HEIGHT)
        added[loop.static] = 0
        np.testing.assert_allclose(loop.displacement(frame), alone.displacement(frame) + added, atol=1e-5)
        assert loop.frame(frame).tobytes() == loop.frame(frame + 48).tobytes()
    assert np.abs(loop.displacement(12) - alone.displacement(12)).max() > 1


def test_plucks_without_a_frame_rate_are_refused():
    plan = plan_loop(swaying(), 24, Fraction(24))
    with pytest.raises(SettingsError, match="frame rate"):
        LoopRenderer(still(), swaying(), plan, plucks=[Pluck(np.zeros(16))])


def test_twice_the_amount_is_twice_the_displacement():
    once, twice = renderer(), renderer(amount=2)
    np.testing.assert_allclose(twice.displacement(5), 2 * once.displacement(5), rtol=1e-5, atol=SINGLE)


def test_a_frame_is_the_splat_of_its_displacement_over_the_plate():
    loop = renderer()
    volume = swaying()
    motion = synth.mean_motion(volume, WIDTH, HEIGHT)
    front = importance(motion, WIDTH, HEIGHT)
    np.testing.assert_array_equal(loop.front, front)
    np.testing.assert_array_equal(loop.plate, make_plate(loop.still, movers_of(motion)))
    displacement = synth.upsample(synth.displacement(volume, loop.plan.scalars(9)), WIDTH, HEIGHT)
    displacement[synth.static_mask(volume, WIDTH, HEIGHT)] = 0
    sums = Splatter(loop.still, weight_of(front), kin=loop.kin, beyond=True)(displacement)
    np.testing.assert_array_equal(loop.frame(9), np.maximum(finish(*sums, loop.plate), 0))
    for ours, theirs in zip(loop.sums(9), sums, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_artists_front_and_plate_are_used():
    front = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    plate = np.full((HEIGHT, WIDTH, 3), 7, np.float32)
    loop = renderer(volume=swaying(strength=20), front=front, plate=plate)
    assert loop.front is front
    _, coverage = loop.sums(11)
    holes = coverage == 0
    assert holes.any()
    np.testing.assert_allclose(loop.frame(11)[holes], 7, rtol=SINGLE)


def test_without_a_plate_holes_are_empty():
    loop = renderer(still(4), volume=swaying(strength=6), plate=False)
    _, coverage = loop.sums(11)
    assert not loop.frame(11)[coverage == 0].any()


def test_premultiplied_colour_stays_inside_its_alpha():
    frame = renderer(still(4), volume=swaying(strength=3)).frame(9)
    assert (frame[..., :3] <= frame[..., 3:] + SINGLE).all()
    assert frame.min() >= 0


def test_highlights_keep_their_light():
    picture = still()
    picture[10:14, 30:36] = 2e4
    loop = renderer(picture, plate=False)
    assert loop.frame(9).max() > 1e4
    assert np.isfinite(loop.frame(9)).all()


def test_mirroring_commutes():
    volume = swaying()
    mirrored = SpectralVolume(volume.amplitudes[:, :, ::-1] * np.array([-1, 1], np.float32), volume.frequencies)
    picture = still()
    plan = plan_loop(volume, 24, Fraction(24))
    plate = np.ones_like(picture)
    ours = LoopRenderer(picture, volume, plan, plate=plate).frame(9)
    theirs = LoopRenderer(picture[:, ::-1], mirrored, plan, plate=plate).frame(9)
    np.testing.assert_allclose(theirs[:, ::-1], ours, atol=2e-5)


def test_the_last_frame_continues_into_the_first():
    """The picture's own step over the seam is like its other steps: no jump and no hold."""
    for anchored in (True, False):
        loop = renderer(n_frames=48, anchored=anchored)
        frames = [loop.frame(n) for n in range(48)]
        steps = [np.sqrt(np.mean((frames[n] - frames[n - 1]) ** 2)) for n in range(48)]
        assert steps[0] <= max(steps[1:])  # steps[0] leads from frame 47 to frame 0
        assert steps[0] > np.median(steps) / 3


def test_a_plan_for_other_modes_is_refused():
    plan = plan_loop(SpectralVolume(np.ones((2, 4, 4, 2)), [0.2, 0.4]), 24, 24)
    with pytest.raises(SettingsError, match="2 modes and the volume 16"):
        LoopRenderer(still(), swaying(), plan)
