"""From clip to volume: sub-pixel sway is kept, drift is not taken for sway, and augmentation obeys the physics."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gid_core.errors import SettingsError, VolumeError
from gid_core.files.clips import Clip
from gid_core.footage.spectrum import LEAST_SEEN, fit_volume
from gid_core.footage.tracks import Tracks, track, trusted_vectors
from gid_core.footage.warp import bilinear
from gid_core.motion import synth
from gid_core.motion.plan import plan_loop
from gid_core.motion.volume import SpectralVolume
from onnx_export.footage import made_clips, optical_flow
from onnx_export.footage.pair import Pair, reduced

SIZE = (96, 64)
FPS = 30
KEPT = 0.1  # what the brief allows a sub-pixel sway to gain or lose
FLOAT32 = 2e-4  # of amplitudes of a few px, through a fit of 34 unknowns


def method():
    return partial(optical_flow.estimate, method=optical_flow.default_method())


def harmonics(*parts):
    """A signal of (harmonic of 5 s, amplitude, phase)."""
    return lambda t: sum(a * np.cos(2 * np.pi * k / 5 * t + p) for k, a, p in parts)


def plain_tracks(seed, n_frames=40, height=3, width=4, share_seen=1.0, rest=0):
    rng = np.random.default_rng(seed)
    displacement = rng.normal(0, 1, (n_frames, height, width, 2)).astype(np.float32)
    trusted = rng.random((n_frames, height, width)) < share_seen
    return Tracks(displacement, trusted, np.arange(n_frames) / FPS, rest)


@pytest.mark.parametrize("amplitude", [0.2, 0.6, 1.5])
@pytest.mark.parametrize("hertz", [0.4, 3.0])
def test_a_sub_pixel_sway_is_kept(amplitude, hertz):
    displacement = made_clips.patch_sway(lambda t: amplitude * np.sin(2 * np.pi * hertz * t), SIZE, reach=0.3)
    # The tracker sees pairs of pictures and no time: few frames, spread over several periods, say as much as many.
    clip = made_clips.made_clip(displacement, 38, 15, SIZE, noise=1.0)
    tracks, true = track(clip, method()), made_clips.truth(displacement, clip)
    moving = np.abs(true[..., 0]).max(0) > amplitude / 2
    found = tracks.displacement[:, moving]
    true = true[:, moving]
    assert abs((found * true).sum() / (true * true).sum() - 1) < KEPT
    assert tracks.trusted.mean() > 0.97


def test_the_volume_of_a_made_up_clip_comes_back():
    displacement = made_clips.patch_sway(
        harmonics((1, 0.8, 0.3), (3, 0.6, 2.0), (8, 0.4, -1.0), (15, 0.3, 1.0)), SIZE, direction=(0.9, 0.4), reach=0.3
    )
    clip = made_clips.made_clip(displacement, 5 * 15, 15, SIZE, noise=1.0)
    true = made_clips.truth(displacement, clip)
    wanted = fit_volume(Tracks(true, np.ones(true.shape[:3], bool), clip.times)).volume.amplitudes
    fit = fit_volume(track(clip, method()))
    found = fit.volume.amplitudes
    assert np.allclose(fit.volume.frequencies, np.arange(1, 17) / 5)
    for k in (0, 2, 7, 14):
        kept = (found[k] * wanted[k].conj()).sum().real / (np.abs(wanted[k]) ** 2).sum()
        assert abs(kept - 1) < KEPT, f"harmonic {k + 1}"
    silent = [k for k in range(16) if k not in (0, 2, 7, 14)]
    assert np.abs(found[silent]).mean() < 0.01


def test_synthesis_render_and_tracking_are_a_round_trip():
    width, height = SIZE
    rng = np.random.default_rng(4)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    bump = np.exp(-((((x - 48) / 24) ** 2 + ((y - 32) / 18) ** 2) ** 2))
    amplitudes = np.zeros((16, height, width, 2), np.complex64)
    for k in (1, 3, 6):
        amplitudes[k] = (bump[..., None] * rng.normal(size=2) * np.exp(1j * rng.uniform(0, 6))) / (k + 1)
    volume = SpectralVolume(amplitudes, np.arange(1, 17) / 5)
    plan = plan_loop(volume, 75, 15, anchored=False)
    fields = [synth.displacement(volume, plan.scalars(n)) for n in range(75)]

    def displacement(x, y, seconds):
        return np.moveaxis(bilinear(fields[round(seconds * 15)], x, y), -1, 0)

    clip = made_clips.made_clip(displacement, 75, 15, SIZE)
    true = made_clips.truth(displacement, clip)
    found = fit_volume(track(clip, method())).volume.amplitudes
    wanted = fit_volume(Tracks(true, np.ones(true.shape[:3], bool), clip.times)).volume.amplitudes
    assert np.linalg.norm(found - wanted) < 0.1 * np.linalg.norm(wanted)
    # The fields were the volume's own: what comes back is the volume, but for where the rest frame has its pixels.
    assert abs(np.linalg.norm(found) / np.linalg.norm(amplitudes) - 1) < KEPT


def test_drift_and_slow_sway_are_told_apart():
    time = np.arange(150) / FPS
    sway = 0.7 * np.sin(2 * np.pi * time / 5)  # what a ramp resembles most
    displacement = np.zeros((150, 1, 1, 2), np.float32)
    displacement[:, 0, 0, 0] = sway + 0.5 * time + 0.2
    tracks = Tracks(displacement, np.ones((150, 1, 1), bool), time)
    fit = fit_volume(tracks)
    assert abs(fit.volume.amplitudes[0, 0, 0, 0] - (-0.7j)) < 1e-4
    assert np.abs(fit.volume.amplitudes[1:]).max() < 1e-4
    assert fit.drift_px[0, 0] == pytest.approx(2.5, abs=1e-3)
    ramp_first = SpectralVolume.from_trajectories(displacement, FPS).amplitudes
    assert abs(ramp_first[0, 0, 0, 0]) < 0.65 * 0.7  # the loss that the joint fit avoids


def test_uneven_times_are_no_matter():
    rng = np.random.default_rng(8)
    time = np.sort(rng.choice(np.arange(1, 300), 148, replace=False)) / 60
    time = np.concatenate([[0.0], time, [149 / 30]])
    displacement = np.zeros((150, 1, 1, 2), np.float32)
    displacement[:, 0, 0, 1] = harmonics((2, 0.5, 0.1), (9, 0.2, 2.0))(time)
    amplitudes = fit_volume(Tracks(displacement, np.ones((150, 1, 1), bool), time)).volume.amplitudes
    assert abs(amplitudes[1, 0, 0, 1] - 0.5 * np.exp(0.1j)) < 1e-3
    assert abs(amplitudes[8, 0, 0, 1] - 0.2 * np.exp(2.0j)) < 1e-3


def test_a_frame_that_is_not_trusted_does_not_count():
    time = np.arange(150) / FPS
    displacement = np.zeros((150, 1, 3, 2), np.float32)
    displacement[..., 0] = harmonics((2, 0.5, 0.0), (5, 0.3, 1.0))(time)[:, None, None]
    trusted = np.ones((150, 1, 3), bool)
    lost = np.arange(0, 150, 11)
    displacement[lost, :, 1:] += 30
    trusted[lost, :, 1] = False
    trusted[np.arange(150) % 2 == 0, :, 2] = False
    fit = fit_volume(Tracks(displacement, trusted, time))
    assert np.abs(fit.volume.amplitudes[:, 0, 1] - fit.volume.amplitudes[:, 0, 0]).max() < 3e-3
    assert fit.confidence[0, 1] == pytest.approx(1 - len(lost) / 150)
    assert fit.confidence[0, 2] == 0  # seen in half of the frames
    assert LEAST_SEEN > 0.5


def test_too_short_a_clip_is_refused():
    with pytest.raises(VolumeError, match="35 frames"):
        fit_volume(plain_tracks(0, n_frames=34))


@given(seed=st.integers(0, 2**31), seen=st.sampled_from([1.0, 0.85]), rest=st.integers(0, 39))
@settings(max_examples=20)
def test_analysis_of_a_mirrored_clip_is_the_mirrored_analysis(seed, seen, rest):
    tracks = plain_tracks(seed, share_seen=seen, rest=rest)
    fit, mirrored = fit_volume(tracks), fit_volume(tracks.flipped())
    pair = Pair(np.zeros((3, 4, 3), np.uint8), fit.volume, fit.confidence).flipped()
    assert np.abs(mirrored.volume.amplitudes - pair.volume.amplitudes).max() < FLOAT32
    assert np.array_equal(mirrored.confidence, pair.confidence)


@given(seed=st.integers(0, 2**31), seen=st.sampled_from([1.0, 0.85]), rest=st.integers(0, 39))
@settings(max_examples=20)
def test_analysis_of_a_clip_played_backwards_is_the_conjugate(seed, seen, rest):
    tracks = plain_tracks(seed, share_seen=seen, rest=rest)
    fit, backwards = fit_volume(tracks), fit_volume(tracks.reversed())
    pair = Pair(np.zeros((3, 4, 3), np.uint8), fit.volume, fit.confidence).reversed()
    assert np.abs(backwards.volume.amplitudes - pair.volume.amplitudes).max() < FLOAT32
    assert np.array_equal(backwards.confidence, pair.confidence)


@given(seed=st.integers(0, 2**31), gain=st.floats(0.05, 8))
@settings(max_examples=15)
def test_analysis_of_a_larger_motion_is_the_larger_volume(seed, gain):
    tracks = plain_tracks(seed)
    larger = replace(tracks, displacement=tracks.displacement * np.float32(gain))
    found, wanted = fit_volume(larger).volume, fit_volume(tracks).volume.scaled(gain)
    assert np.abs(found.amplitudes - wanted.amplitudes).max() < FLOAT32 * max(gain, 1)


@given(seed=st.integers(0, 2**31), width=st.integers(2, 9), height=st.integers(2, 9))
@settings(max_examples=15)
def test_analysis_of_a_resized_clip_is_the_resized_analysis(seed, width, height):
    tracks = plain_tracks(seed)
    # A picture of another size moves in its own px: the tracks' grid and their lengths scale together.
    fields = SpectralVolume(tracks.displacement.astype(np.complex64), np.arange(1, 41)).resized(width, height)
    small = Tracks(fields.amplitudes.real, np.ones((40, height, width), bool), tracks.times)
    fit = fit_volume(tracks)
    pair = Pair(np.zeros((3, 4, 3), np.uint8), fit.volume, fit.confidence).resized(width, height)
    assert pair.still.shape == (height, width, 3)
    assert np.abs(fit_volume(small).volume.amplitudes - pair.volume.amplitudes).max() < FLOAT32 * 4
    assert pair.confidence.shape == (height, width)


@pytest.fixture(scope="module")
def swaying():
    displacement = made_clips.patch_sway(
        harmonics((2, 0.9, 0.4), (4, 0.5, 1.0)), SIZE, direction=(0.8, -0.5), reach=0.3
    )
    clip = made_clips.made_clip(displacement, 40, 8, SIZE)
    return clip, fit_volume(track(clip, method())).volume.amplitudes


def test_the_frames_themselves_played_backwards_give_the_conjugate(swaying):
    clip, amplitudes = swaying
    backwards = fit_volume(track(clip.reversed(), method())).volume.amplitudes
    assert np.abs(backwards - amplitudes.conj()).max() < FLOAT32


def test_the_frames_themselves_mirrored_give_the_mirrored_volume(swaying):
    clip, amplitudes = swaying
    mirrored = fit_volume(track(clip.flipped(), method())).volume.amplitudes[:, :, ::-1] * (-1, 1)
    # The tracker walks from left to right: mirrored pictures end in slightly other vectors.
    assert np.linalg.norm(mirrored - amplitudes) < 0.08 * np.linalg.norm(amplitudes)


def test_a_film_of_half_the_size_sways_half_as_many_pixels(swaying):
    clip, amplitudes = swaying
    small = fit_volume(track(clip.resized(48, 32), method())).volume.amplitudes
    wanted = SpectralVolume(amplitudes, np.arange(1, 17)).resized(48, 32).amplitudes
    kept = (small * wanted.conj()).sum().real / (np.abs(wanted) ** 2).sum()
    assert abs(kept - 1) < 0.2  # half a pixel at half the size is at the tracker's edge


def test_cells_are_means_of_what_is_believed():
    amplitudes = np.ones((1, 4, 4, 2), np.complex64) * 2
    amplitudes[0, 0, 0] = 100
    confidence = np.ones((4, 4), np.float32)
    confidence[0, 0] = 0
    confidence[2:, 2:] = 0
    volume, weight = reduced(SpectralVolume(amplitudes, [0.2]), confidence, 2)
    assert np.allclose(volume.amplitudes, 1)  # 2 px are 1 cell of 2 px
    assert np.allclose(weight, [[0.75, 1], [1, 0]])
    with pytest.raises(SettingsError, match="cells"):
        reduced(SpectralVolume(amplitudes, [0.2]), confidence, 3)


def test_vectors_that_do_not_return_or_do_not_match_are_not_trusted():
    picture = made_clips.Texture(2)(*np.meshgrid(np.arange(40.0), np.arange(30.0))).astype(np.uint8)
    still, one = np.zeros((30, 40, 2), np.float32), np.ones((30, 40, 2), np.float32)
    assert trusted_vectors(picture, picture, still, still).all()
    assert not trusted_vectors(picture, picture, one, one).any()
    other = picture.copy()
    other[10:20, 10:20] = 255 - other[10:20, 10:20]
    trusted = trusted_vectors(picture, other, still, still)
    assert not trusted[12:18, 12:18].any()
    assert trusted[:, 25:].all()
    away = still + np.float32([60, 0])
    assert not trusted_vectors(picture, picture, away, -away).any()


def test_a_clip_knows_its_length_and_its_faults():
    frames = np.zeros((6, 20, 24, 3), np.uint8)
    assert Clip(frames, np.arange(6) / 3).duration == pytest.approx(2)
    for arguments in [(frames[..., :2], np.arange(6)), (frames, np.arange(5)), (frames, np.zeros(6))]:
        with pytest.raises(SettingsError):
            Clip(*arguments)
    with pytest.raises(SettingsError, match="rest"):
        Clip(frames, np.arange(6), 6)
