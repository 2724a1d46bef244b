"""Volumes into motion: loops that keep what the volume says, and the fields that Blender's nodes compute, too."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from gid_core.errors import SettingsError
from gid_core.frames.seam import steps
from gid_core.motion import synth
from gid_core.motion.mask import border_window
from gid_core.motion.plan import plan_loop, project
from gid_core.motion.timeline import snap
from gid_core.motion.volume import SpectralVolume

FPS = Fraction(24)
NTSC = Fraction(24000, 1001)
SINGLE = 2e-6  # float32 sums of 32 products


def random_volume(seed=0, height=6, width=8, n_freqs=16, fall=0.6):
    rng = np.random.default_rng(seed)
    shape = (n_freqs, height, width, 2)
    amplitudes = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    harmonics = np.arange(1, n_freqs + 1)
    return SpectralVolume(amplitudes / harmonics[:, None, None, None] ** fall, harmonics / 5)


def field(volume, seconds):
    """The volume's own motion, float64: Re sum_k A_k exp(2 pi i f_k t)."""
    turns = np.exp(2j * np.pi * volume.frequencies * seconds)
    return np.tensordot(turns, volume.amplitudes.astype(np.complex128), 1).real


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def test_displacement_is_the_sum_over_modes():
    volume = random_volume()
    scalars = np.exp(1j * np.arange(16)) * np.linspace(2, 0.1, 16)
    expected = np.tensordot(scalars, volume.amplitudes.astype(np.complex128), 1).real
    found = synth.displacement(volume, scalars)
    assert found.dtype == np.float32
    assert found.shape == (6, 8, 2)
    assert relative(found, expected) < SINGLE


def test_a_loop_of_the_clips_own_length_is_the_inverse_dft():
    volume = random_volume()
    plan = plan_loop(volume, 150, 30, anchored=False)
    spectrum = np.zeros((76, 6, 8, 2), np.complex128)
    spectrum[1:17] = volume.amplitudes * (150 / 2)
    motion = np.fft.irfft(spectrum, axis=0)
    assert plan.harmonics == tuple(range(1, 17))
    for frame in range(150):
        assert np.abs(synth.displacement(volume, plan.scalars(frame)) - motion[frame]).max() < 1e-5


@pytest.mark.parametrize("fps", [FPS, NTSC])
@pytest.mark.parametrize("anchored", [True, False])
def test_a_loop_later_the_displacement_is_the_same_bit_for_bit(fps, anchored):
    volume = random_volume()
    motion = synth.Synthesiser(volume)
    for n_frames in (12, 13, 75, 120, 149, 600):
        plan = plan_loop(volume, n_frames, fps, anchored=anchored)
        for frame in (0, 1, n_frames - 1):
            assert motion(plan.scalars(frame)).tobytes() == motion(plan.scalars(frame + n_frames)).tobytes()


def test_an_anchored_loop_starts_with_no_displacement_at_all():
    volume = random_volume()
    for n_frames in (12, 47, 120, 600):
        assert not synth.displacement(volume, plan_loop(volume, n_frames, FPS).scalars(0)).any()


def test_snapping_keeps_the_energy_of_the_motion():
    volume = random_volume()
    energy = (np.abs(volume.amplitudes.astype(np.complex128)) ** 2).sum() / 2
    for n_frames in range(16, 601, 8):
        plan = plan_loop(volume, n_frames, FPS, keep="swing", anchored=False)
        scalars = np.array([plan.scalars(frame) for frame in range(n_frames)])
        # Mean over the loop of sum_p |F|^2, from inner products of the modes: exact, and quick at every length.
        modes = volume.amplitudes.reshape(16, -1).astype(np.complex128)
        mean = np.einsum("nk,kj,nj->", scalars, modes @ modes.conj().T, scalars.conj()).real / (2 * n_frames)
        mean += np.einsum("nk,kj,nj->", scalars, modes @ modes.T, scalars).real / (2 * n_frames)
        assert abs(mean / energy - 1) < 1e-6


def test_keeping_speed_lets_slow_modes_swing_less_and_keeping_swing_does_not():
    volume = random_volume()
    speed, swing = (plan_loop(volume, 24, FPS, keep=keep) for keep in ("speed", "swing"))
    np.testing.assert_allclose(speed.gains[:5], [0.2, 0.4, 0.6, 0.8, 1])
    assert set(swing.gains) == {1.0}
    assert speed.harmonics == swing.harmonics == tuple(snap(volume.frequencies, 24, FPS)[0].tolist())


@pytest.mark.parametrize("anchored", [True, False])
def test_half_the_rate_with_half_the_length_is_every_other_frame(anchored):
    volume = random_volume()
    motion = synth.Synthesiser(volume)
    for n_frames in (13, 24, 60, 150):
        slow = plan_loop(volume, n_frames, 12, anchored=anchored)
        fast = plan_loop(volume, 2 * n_frames, 24, anchored=anchored)
        for frame in range(0, n_frames, 5):
            difference = motion(slow.scalars(frame)) - motion(fast.scalars(2 * frame))
            assert np.abs(difference).max() < 1e-6


@pytest.mark.parametrize("anchored", [True, False])
@pytest.mark.parametrize("fps", [FPS, NTSC])
def test_the_seam_is_neither_a_jump_nor_a_hold(fps, anchored):
    for seed in range(3):
        volume = random_volume(seed)
        for n_frames in (24, 48, 75, 120, 149, 240):
            found = steps(volume, plan_loop(volume, n_frames, fps, anchored=anchored))
            assert found[-1] <= found[:-1].max()
            assert found[0] <= found[1:].max()
            assert found[-1] > 0.9 * found[:-1].min()  # a hold is a step of nearly 0
            assert found[-1] > np.median(found) / 3


def test_an_anchored_loop_starts_where_it_moves_least():
    volume = random_volume()
    free = plan_loop(volume, 120, FPS, anchored=False)
    anchored = plan_loop(volume, 120, FPS)
    turned = np.array(anchored.phases) - np.array(free.phases)
    at_rest = np.square(synth.displacement(volume, np.exp(1j * (np.array(free.phases) + turned)))).sum()
    others = [np.square(synth.displacement(volume, free.scalars(frame))).sum() for frame in range(120)]
    assert at_rest <= min(others) * 1.05


def test_a_phase_offset_is_the_same_loop_begun_elsewhere():
    volume = random_volume()
    plain, ahead = (plan_loop(volume, 120, FPS, anchored=False, phase=phase) for phase in (0.0, 0.25))
    motion = synth.Synthesiser(volume)
    for frame in (0, 7, 100):
        assert np.abs(motion(ahead.scalars(frame)) - motion(plain.scalars(frame + 30))).max() < 1e-5
    anchored = plan_loop(volume, 120, FPS, phase=0.25)
    assert not motion(anchored.scalars(0)).any()
    with pytest.raises(SettingsError, match="phase offset"):
        plan_loop(volume, 120, FPS, phase=float("nan"))


def test_what_is_masked_out_counts_neither_for_the_start_nor_for_the_seam():
    """A loop of a masked volume is that of the volume without what the mask stops."""
    volume = random_volume()
    mask = np.ones((6, 8), np.float32)
    mask[:, :5] = 0
    masked = replace(volume, mask=mask)
    amplitudes = volume.amplitudes.copy()
    amplitudes[:, :, :5] = 0
    without = replace(volume, amplitudes=amplitudes)
    plan = plan_loop(masked, 120, FPS)
    assert plan == plan_loop(without, 120, FPS)
    assert plan != plan_loop(volume, 120, FPS)
    np.testing.assert_array_equal(steps(masked, plan), steps(without, plan))


def test_mean_motion_and_static_mask_heed_mask_and_border():
    volume = random_volume()
    mask = np.random.default_rng(1).random((12, 16), np.float32)
    mask[3:6] = 0
    masked = replace(volume, mask=mask, border=0.2)
    weight = masked.weight(16, 12)
    np.testing.assert_allclose(weight, mask * border_window(16, 12, 0.2), atol=SINGLE)
    free = synth.mean_motion(volume, 16, 12)
    np.testing.assert_allclose(synth.mean_motion(masked, 16, 12), free * weight, rtol=1e-5)
    np.testing.assert_array_equal(synth.static_mask(masked, 16, 12), weight == 0)


def test_a_loop_keeps_something_known():
    with pytest.raises(SettingsError, match="'speed' or 'swing'"):
        plan_loop(random_volume(), 24, FPS, keep="both")


@pytest.mark.parametrize("n_frames", [2, 12, 75, 120, 200])
@pytest.mark.parametrize("fps", [FPS, NTSC])
def test_a_projected_volume_closes_as_it_is(n_frames, fps):
    projected = project(random_volume(n_freqs=5), n_frames, fps)
    plan = plan_loop(projected, n_frames, fps, anchored=False)
    assert plan.harmonics == tuple(range(1, projected.n_freqs + 1))
    np.testing.assert_allclose(plan.gains, 1)
    last = field(projected, float(n_frames / fps))
    np.testing.assert_allclose(last, field(projected, 0), atol=1e-5 * max(np.abs(last).max(), 1e-9))
    found = synth.displacement(projected, plan.scalars(1))
    np.testing.assert_allclose(found, field(projected, float(1 / fps)), atol=1e-5)


def test_projection_of_a_loop_is_the_loop():
    volume = random_volume(n_freqs=6)
    projected = project(volume, 150, 30)
    np.testing.assert_allclose(projected.frequencies, volume.frequencies)
    np.testing.assert_allclose(projected.amplitudes, volume.amplitudes, atol=1e-5)


def test_no_loop_of_the_same_harmonics_is_nearer_than_the_projection():
    volume = random_volume(n_freqs=5)
    n_frames = 100  # 4 1/6 s: no mode closes

    def distance(loop):
        error = [field(loop, n / 24) - field(volume, n / 24) for n in range(n_frames)]
        return np.square(error - np.mean(error, 0)).sum()

    projected = project(volume, n_frames, FPS)
    best = distance(projected)
    rng = np.random.default_rng(0)
    for _ in range(8):
        nudge = rng.standard_normal((2, *projected.amplitudes.shape)) * 0.02
        assert distance(SpectralVolume(projected.amplitudes + nudge[0] + 1j * nudge[1], projected.frequencies)) > best


def test_upsampling_is_what_geometry_nodes_do():
    small = np.random.default_rng(0).standard_normal((4, 5, 2)).astype(np.float32)
    width, height = 13, 9
    expected = np.empty((height, width, 2))
    for y in range(height):
        for x in range(width):
            u, v = (x + 0.5) / width * 5 - 0.5, (y + 0.5) / height * 4 - 0.5
            i, j = int(np.floor(u)), int(np.floor(v))
            near = [small[min(max(j + b, 0), 3), min(max(i + a, 0), 4)] for b in (0, 1) for a in (0, 1)]
            a, b = u - i, v - j
            expected[y, x] = (1 - b) * ((1 - a) * near[0] + a * near[1]) + b * ((1 - a) * near[2] + a * near[3])
    expected *= [width / 5, height / 4]
    np.testing.assert_allclose(synth.upsample(small, width, height), expected, atol=2e-6)


def test_upsampling_to_the_same_grid_changes_nothing():
    small = np.random.default_rng(0).standard_normal((7, 5, 2)).astype(np.float32)
    np.testing.assert_array_equal(synth.upsample(small, 5, 7), small)


def test_mean_motion_is_close_to_the_mean_over_time():
    volume = random_volume(height=5, width=5)
    over_time = np.mean([np.linalg.norm(field(volume, t), axis=-1) for t in np.arange(500) / 100], 0)
    np.testing.assert_allclose(synth.mean_motion(volume, 5, 5), over_time, rtol=0.1)
    np.testing.assert_allclose(synth.mean_motion(volume, 20, 20).mean(), 4 * over_time.mean(), rtol=0.1)


def test_no_gain_moves_static_pixels_and_a_large_one_moves_all_others():
    volume = random_volume()
    scale = np.geomspace(1e-12, 1, 8, dtype=np.float32)[:, None]
    scale[:3] = 0
    volume = SpectralVolume(volume.amplitudes * scale, volume.frequencies)
    static = synth.static_mask(volume, 16, 12)
    assert 0 < static.mean() < 1
    plan = plan_loop(volume, 120, FPS, anchored=False)
    moved = np.max(
        [
            np.abs(synth.upsample(synth.displacement(volume, 1e9 * plan.scalars(frame)), 16, 12)).max(-1)
            for frame in range(0, 120, 3)
        ],
        0,
    )
    assert (moved[static] == 0).all()
    assert (moved[~static] > 0).all()
