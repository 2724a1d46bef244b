"""Each filter lets good clips pass and refuses its own kind of bad one, and only for its own reason."""

import numpy as np
import pytest

from gid_core.files.clips import Clip
from gid_core.footage import filters
from gid_core.footage.spectrum import fit_volume
from gid_core.footage.tracks import Tracks, track
from onnx_export.footage import made_clips, optical_flow
from onnx_export.footage.pairs import analyse

SIZE = (96, 64)
CENTRE = (48, 32)
N_FREQS = 5  # few frames, few harmonics: quick, and in the proportion of 16 harmonics to some 80 frames
N_FRAMES = 26


def sway(t):
    return 0.9 * np.sin(2 * np.pi * 2 * t / 5) + 0.4 * np.cos(2 * np.pi * 4 * t / 5)


def clip_of(displacement, seed=0, noise=1.0):
    return made_clips.made_clip(displacement, N_FRAMES, N_FRAMES / 5, SIZE, noise=noise, seed=seed)


def good(seed=0, reach=0.25):
    return clip_of(made_clips.patch_sway(sway, SIZE, direction=(0.9, 0.3), reach=reach), seed)


def panned(x, y, t):
    return 0.8 * t + 0 * x, 0.1 * t + 0 * y


def zoomed(x, y, t):
    return 0.012 * t * (x - CENTRE[0]), 0.012 * t * (y - CENTRE[1])


def rolled(x, y, t):
    return -0.015 * t * (y - CENTRE[1]), 0.015 * t * (x - CENTRE[0])


def hand_held(x, y, t):
    return 0.9 * np.sin(4 * t) + 0 * x, 0.7 * np.sin(5 * t + 1) + 0 * y


def panned_with_plant(x, y, t):
    dx, dy = made_clips.patch_sway(sway, SIZE, reach=0.2)(x, y, t)
    return dx + 0.8 * t, dy


def meadow(x, y, t):
    """Everything sways, each part in its own phase, before a still camera."""
    return 0.9 * np.sin(2 * np.pi * 2 * t / 5 + x / 6), 0.3 * np.sin(2 * np.pi * 3 * t / 5 + y / 6)


def verdicts(clip):
    return {v.reason: v for v in analyse(clip, optical_flow.default_method(), N_FREQS)[1]}


def reason(clip):
    pair, found = analyse(clip, optical_flow.default_method(), N_FREQS)
    return None if pair else found[-1].reason


@pytest.mark.parametrize("seed", range(2))
def test_a_plant_before_a_still_camera_is_taken(seed):
    pair, found = analyse(good(seed), optical_flow.default_method(), N_FREQS, stride=2)
    assert [v.reason for v in found if not v.holds] == []
    assert pair.volume.amplitudes.shape == (N_FREQS, 32, 48, 2)
    assert pair.confidence.shape == (32, 48)
    assert pair.confidence.mean() > 0.95
    assert pair.still.shape == (64, 96, 3)


def test_a_meadow_and_a_small_plant_are_taken():
    assert reason(clip_of(meadow)) is None
    assert reason(good(reach=0.1)) is None


@pytest.mark.parametrize("move", [panned, zoomed, rolled, hand_held, panned_with_plant])
def test_a_moving_camera_is_refused(move):
    assert reason(clip_of(move)) == "camera"


@pytest.mark.parametrize(("move", "length"), [(panned, 0.8 * 5), (zoomed, 0.012 * 5 * 30)])
def test_the_camera_is_measured(move, length):
    clip = clip_of(move)
    true = made_clips.truth(move, clip)
    affine, found, share = filters.dominant_affine(true[-1], np.ones(true.shape[1:3], bool))
    assert share == 1
    assert found == pytest.approx(np.linalg.norm(true[-1], axis=-1).mean(), rel=0.05)
    assert found == pytest.approx(length, rel=0.25)
    assert affine.shape == (3, 2)


def test_a_third_that_moves_otherwise_does_not_bend_the_camera():
    flow = np.zeros((64, 96, 2), np.float32)
    flow[..., 0] = 2
    flow[:, :32] = (-3, 4)
    _, length, share = filters.dominant_affine(flow, np.ones((64, 96), bool))
    assert length == pytest.approx(2, abs=0.05)
    assert share == pytest.approx(2 / 3, abs=0.05)
    assert filters.dominant_affine(flow, np.zeros((64, 96), bool))[1:] == (0.0, 0.0)


def test_a_scene_cut_is_refused_before_anything_is_tracked():
    one, other = good(1), good(2)
    joined = Clip(np.concatenate([one.frames[:15], other.frames[15:]]), one.times)
    found = verdicts(joined)
    assert list(found) == ["scene cut"]
    assert not found["scene cut"].holds


def test_a_dissolve_is_lost():
    one, other = good(1), good(2)
    blend = np.linspace(0, 1, N_FRAMES)[:, None, None, None]
    frames = np.rint(one.frames * (1 - blend) + other.frames * blend).astype(np.uint8)
    assert reason(Clip(frames, one.times)) == "lost"


def test_light_that_flickers_is_no_cut():
    clip = good()
    gain = 1 + 0.3 * np.sin(np.arange(N_FRAMES))[:, None, None, None]
    lit = Clip(np.clip(clip.frames * gain, 0, 255).astype(np.uint8), clip.times)
    assert filters.check_frames(lit)[0].holds


def test_a_black_clip_is_no_cut_and_no_motion():
    black = Clip(np.zeros((N_FRAMES, 64, 96, 3), np.uint8), np.arange(N_FRAMES) / 5)
    assert reason(black) == "no motion"


def test_a_still_scene_is_refused_despite_its_noise():
    assert reason(clip_of(lambda x, y, t: (0 * x, 0 * y), noise=2.0)) == "no motion"


def tracks_of(signal, n_frames=150, fps=30):
    time = np.arange(n_frames) / fps
    displacement = np.zeros((n_frames, 8, 8, 2), np.float32)
    displacement[:, 2:6, 2:6, 0] = signal(time)[:, None, None]
    return Tracks(displacement, np.ones((n_frames, 8, 8), bool), time)


@pytest.mark.parametrize(
    ("signal", "taken"),
    [
        (lambda t: np.sin(2 * np.pi * 0.4 * t), True),
        (lambda t: np.sin(2 * np.pi * 3.0 * t) + 0.8 * t, True),  # drift is not counted
        (lambda t: np.sin(2 * np.pi * 6.0 * t), False),  # a fan, a flag in a storm
        (lambda t: np.random.default_rng(1).normal(0, 1, len(t)), False),  # tracks that jump
        (lambda t: np.where((t > 2) & (t < 2.1), 4.0, 0.0), False),  # a bird
    ],
)
def test_only_motion_of_slow_harmonics_is_taken(signal, taken):
    found = {v.reason: v for v in filters.check_fit(fit_volume(tracks_of(signal)))}
    assert found["not in band"].holds is taken
    assert found["not in band"].limit == filters.IN_BAND


def test_fast_shaking_pictures_are_out_of_band():
    def fast(t):
        return 0.4 * sway(t) + 0.9 * np.sin(2 * np.pi * 2.3 * t)  # above this short clip's 5 harmonics of 0.2 Hz

    clip = clip_of(made_clips.patch_sway(fast, SIZE, reach=0.25))
    assert reason(clip) == "not in band"


def test_noise_of_a_still_background_does_not_hide_a_small_plant():
    tracks = tracks_of(lambda t: 0.4 * np.sin(2 * np.pi * 0.6 * t))
    noise = np.random.default_rng(2).normal(0, 0.03, tracks.displacement.shape)
    noisy = Tracks(tracks.displacement + noise.astype(np.float32), tracks.trusted, tracks.times)
    assert all(v.holds for v in filters.check_fit(fit_volume(noisy)))


def test_a_verdict_says_what_was_measured():
    assert str(filters.Verdict("camera", 1.23456, 0.5, False)) == "camera: 1.23, limit 0.5"
    assert filters.camera_motion(track(Clip(np.zeros((1, 32, 32, 3), np.uint8), np.zeros(1)))) == 0
