"""Distances of films: laws with known answers, on sets of numbers and on small films that move as told."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image

from gid_core.files.clips import Clip
from gid_core.footage.tracks import Tracks
from gid_core.model import session
from onnx_export.evaluation import distances, films, loops, real, side_by_side, video
from onnx_export.evaluation import scenes as scored
from onnx_export.scenes import painting

SEED = 1  # of a held-out scene that moves
HZ, PX = 1.0, 1.5  # of the film that sways
FPS, T = 20, 100  # 5 s


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def _texture(width, height, seed=0):
    """A smooth random picture as a function of x and y, so that it can be moved by parts of a pixel exactly."""
    rng = np.random.default_rng(seed)
    waves = [(*rng.uniform(-0.6, 0.6, 2), rng.uniform(0, 6.28)) for _ in range(12)]
    y, x = np.mgrid[0:height, 0:width].astype(float)
    return lambda dx: sum(np.cos(a * (x - dx) + b * y + c) for a, b, c in waves)


def _swaying(px, hz=HZ, n_frames=T, size=(128, 64)):
    texture = _texture(*size)
    times = np.arange(n_frames) / FPS
    # measured from the still, the first frame, the sway starts at 0
    frames = [np.clip(128 + 20 * texture(px * np.sin(2 * np.pi * hz * t)), 0, 255) for t in times]
    return Clip(np.repeat(np.rint(frames).astype(np.uint8)[..., None], 3, -1), times, 0, "sway")


@pytest.fixture(scope="module")
def sways():
    return {factor: (clip := _swaying(factor * PX), loops.tracked(clip)) for factor in (0, 1, 2)}


def _films(rng, mean, count=12, each=40, width=3):
    return [rng.standard_normal((each, width)) + mean for _ in range(count)]


def test_gaussians_with_known_moments_are_as_far_apart_as_the_formula_says():
    a, b = np.diag([1.0, 4.0]), np.diag([9.0, 4.0])
    assert distances.frechet(np.zeros(2), a, np.array([3.0, 0.0]), b) == pytest.approx(9 + (3 - 1) ** 2)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])  # and in any coordinates
    turned = distances.frechet(np.zeros(2), turn @ a @ turn.T, turn @ [3.0, 0.0], turn @ b @ turn.T)
    assert turned == pytest.approx(13)


def test_the_distance_of_a_set_from_itself_is_nothing():
    rng = np.random.default_rng(0)
    own = _films(rng, 0.0)
    found = distances.Comparison(own, own, 50)
    assert found.frechet == pytest.approx(0, abs=1e-6)
    assert found.kernel == pytest.approx(0, abs=1e-9)
    assert found.frechet_interval[0] <= 1e-6


def test_a_shifted_set_is_farther_the_more_it_is_shifted():
    rng = np.random.default_rng(1)
    reference = _films(rng, 0.0)
    near, far = (distances.Comparison(_films(rng, shift), reference, 50) for shift in (0.5, 1.0))
    # three features of unit spread: the squared distance of the means
    assert near.frechet == pytest.approx(3 * 0.25, abs=0.25)
    assert far.frechet == pytest.approx(3 * 1.0, abs=0.5)
    assert far.kernel > 2 * near.kernel > 0


def _kernel(a, b):
    blocks = distances.kernel_blocks(a, a), distances.kernel_blocks(b, b), distances.kernel_blocks(a, b)
    counts = [np.array([len(x) for x in films]) for films in (a, b)]
    return distances.kernel(*blocks, *counts, np.ones((1, len(a))))[0]


def test_the_kernel_distance_is_unbiased():
    rng = np.random.default_rng(2)
    found = [_kernel(_films(rng, 0, 4, 5), _films(rng, 0, 4, 5)) for _ in range(400)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))
    assert min(found) < 0 < max(found)


def test_what_two_sets_share_by_showing_the_same_photos_does_not_count():
    rng = np.random.default_rng(3)
    found, counted = [], []
    for _ in range(200):
        photos = rng.standard_normal((6, 1, 3))
        a, b = ([photo + 0.1 * rng.standard_normal((4, 3)) for photo in photos] for _ in range(2))
        found.append(_kernel(a, b))
        across = distances.kernel_blocks(a, b)
        own, other = across.diagonal().mean(), (across.sum() - across.trace()) / 30
        counted.append(found[-1] - 2 * ((own + 5 * other) / 6 - other) / 16)  # with the pairs of one photo
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 3 * error
    assert np.mean(counted) < -1


def test_two_lists_of_films_must_pair():
    with pytest.raises(ValueError, match="2 films"):
        distances.Comparison(_films(np.random.default_rng(0), 0, 2), _films(np.random.default_rng(0), 0, 3))


def test_the_spectrum_of_a_sway_is_found(sways):
    clip, tracks = sways[1]
    power, confidence = loops.spectrum(tracks)
    at = int(np.argmin(np.abs(loops.HARMONICS_HZ - HZ)))
    rms = np.sqrt(power[:, confidence > 0].mean(1))
    inner = np.sqrt(power[at, 8:-8, 8:-8, 0][confidence[8:-8, 8:-8] > 0].mean())
    assert inner == pytest.approx(PX / np.sqrt(2), rel=0.1)
    assert rms[:, 0].argmax() == at
    measured = loops.measure(clip, tracks)
    assert measured.shares[at] > 0.9
    assert measured.shares.sum() == pytest.approx(1)


def test_a_film_of_ten_seconds_has_the_spectrum_of_five():
    times = np.arange(200) / FPS
    wave = np.sin(2 * np.pi * HZ * times) + 0.5 * np.sin(2 * np.pi * 2 * HZ * times)
    where = np.zeros((200, 4, 4, 2), np.float32)
    where[..., 0] = wave[:, None, None]
    long = Tracks(where, np.ones((200, 4, 4), bool), times)
    short = Tracks(where[:T], np.ones((T, 4, 4), bool), times[:T])
    assert loops.spectrum(long)[0] == pytest.approx(loops.spectrum(short)[0], abs=1e-4)


def test_a_still_has_no_spectrum_and_costs_one_frame(sways):
    clip, tracks = sways[0]
    measured = loops.measure(clip, tracks)
    assert np.isnan(measured.shares).all()
    assert (measured.motion < loops.MOVES_PX).all()
    assert measured.sharpness == pytest.approx(1)


def test_noise_on_a_dark_wall_is_nothing_to_track():
    picture = np.random.default_rng(6).integers(0, 3, (32, 64, 3), dtype=np.uint8)
    picture[:, 32:] += (np.arange(32) % 4 * 20).astype(np.uint8)[None, :, None]
    known = loops.textured(picture)
    assert not known[:, :28].any()
    assert known[:, 36:].all()


def test_motion_twice_as_far_is_farther_from_a_still(sways):
    rest, once, twice = (video.motion_features(sways[factor][1]) for factor in (0, 1, 2))
    assert np.abs(rest).max() < 0.2
    away = [distances.frechet(*distances.moments(x), *distances.moments(rest)) for x in (once, twice)]
    assert away[1] > 1.2 * away[0] > 0
    bands = [video.spectrum_features(*loops.spectrum(sways[factor][1])) for factor in (0, 1, 2)]
    steps = [np.abs(bands[i] - bands[0]).max() for i in (1, 2)]
    assert steps[1] - steps[0] == pytest.approx(np.log10(2), abs=0.05)


def test_direction_is_told_apart(sways):
    _, tracks = sways[1]
    across = video.motion_features(tracks)
    down = video.motion_features(Tracks(tracks.displacement[..., ::-1], tracks.trusted, tracks.times))
    assert across[:, [0, 4]].mean() > 4 * across[:, [2, 6]].mean()
    assert down[:, [2, 6]].mean() > 4 * down[:, [0, 4]].mean()


def test_a_loop_run_backwards_has_the_same_spectrum(sways):
    clip, tracks = sways[1]
    power, _ = loops.spectrum(tracks)
    turned, reverse = loops.backwards(clip, tracks)
    assert (turned.frames[0] == clip.frames[0]).all()
    assert (turned.frames[1] == clip.frames[-1]).all()
    # the fitted drift sees other ends, so only nearly
    assert loops.spectrum(reverse)[0].mean((1, 2)) == pytest.approx(power.mean((1, 2)), abs=2e-3)


def test_frame_features_see_the_picture_and_repeat():
    clip = _swaying(PX, n_frames=16)
    found = video.frame_features(clip)
    assert found.shape == (16, 120)
    assert (found == video.frame_features(clip)).all()
    grey = Clip(np.full_like(clip.frames, 128), clip.times)
    assert np.abs(video.frame_features(grey) - found).mean() > 5 * np.abs(found - found[0]).mean()


def _measured(px, rng, hz=5):
    """A film whose harmonic number `hz` moves by px, with noise."""
    shares = np.full(16, 0.01) + 0.001 * rng.random(16)
    shares[hz] = 1
    features = {kind: rng.standard_normal((8, 3)) + px for kind in video.FEATURES}
    return loops.Measured(f"film {hz}", features, shares / shares.sum(), px * rng.random((32, 64)), 1.0)


@pytest.fixture
def rows():
    rng = np.random.default_rng(4)
    named = {"reference": (1, 5), "reference, backwards": (1, 5), "still": (0, 5), "flow": (1, 9)}
    return {name: [_measured(px, rng, hz) for _ in range(4)] for name, (px, hz) in named.items()}


def test_a_spectrum_in_another_place_misses_its_bar(rows):
    figures = loops.loop_figures(rows)
    found = figures["spectra"]["flow"]
    assert found["ratio"][5] < 0.2
    assert found["ratio"][9] > 5
    assert not loops.loop_bars(figures)[0].is_met
    alike = loops.loop_bars(loops.loop_figures({**rows, "flow": rows["reference"]}))
    assert alike[0].is_met
    assert (alike[2].figure, alike[2].is_met) == (0, True)
    figures["spectra"]["flow"]["ratio"] = [0.8] * 8 + [1.0] * 7  # most of them are a fifth off
    assert not loops.loop_bars(figures)[2].is_met
    assert "farthest apart" in loops.loop_lines(figures)[-1]
    assert not loops.loop_bars(figures)[1].is_met
    figures["spectra"]["flow"]["rms"] = list(np.array(loops.REAL_CLIPS) / np.sqrt(np.square(loops.REAL_CLIPS).sum()))
    assert loops.loop_bars(figures)[1].is_met  # real plants move as real plants


def test_the_table_of_films_tells_which_row_is_nearer(rows):
    features = {name: {kind: [f.features[kind] for f in row] for kind in video.FEATURES} for name, row in rows.items()}
    figures = video.video_figures(features, features["reference"])
    assert figures["motion"]["still"]["frechet"] > 1 > figures["motion"]["reference"]["frechet"]
    assert figures["motion"]["still"]["nearer_than_flow"][0] < 0.5
    assert any("Frechet" in line for line in video.video_lines(figures))


def test_a_sheet_shows_both_films():
    rng = np.random.default_rng(5)
    shares = np.full(16, 1 / 16)
    theirs, ours = (np.full((8, 32, 64, 3), level, np.uint8) for level in (40, 200))
    sheet = np.asarray(side_by_side.sheet(*((film, rng.random((32, 64)), shares) for film in (theirs, ours))))
    assert (sheet[:32, :64] == 40).all()
    assert (sheet[:32, -128:-64] == 200).all()


def test_slices_go_through_what_moves_in_both():
    one, other = np.zeros((2, 32, 64))
    one[10, 20] = other[10, 40] = other[25, 40] = 1
    row, column = side_by_side.slices_through(one, other)
    assert abs(row - 10) <= 3
    assert min(abs(column - 20), abs(column - 40)) <= 3


def test_the_chart_of_spectra_is_drawn(rows, tmp_path):
    loops.write_chart(loops.loop_figures(rows), tmp_path / "chart.png")
    with Image.open(tmp_path / "chart.png") as chart:
        assert len(chart.convert("RGB").getcolors(1000)) > 4


@pytest.fixture(scope="module")
def picture():
    return Image.fromarray(painting.paint(scored.HELD_OUT_SEED + SEED).image)


def test_the_procedural_volume_moves_the_same_places_as_predict_and_otherwise(picture):
    model = session.load_model()
    flow, other = real.ask(model, picture).amplitudes, films.procedural_volume(model, picture).amplitudes
    np.testing.assert_array_equal(np.abs(other).sum((0, 3)) > 0, np.abs(flow).sum((0, 3)) > 0)
    size = np.sqrt((np.abs(flow) ** 2).mean())
    assert np.sqrt((np.abs(other) ** 2).mean()) == pytest.approx(size, rel=0.3)
    assert np.sqrt((np.abs(other - flow) ** 2).mean()) > 0.2 * size


def test_a_film_of_ours_starts_at_the_still_and_survives_compression(picture):
    model = session.load_model()
    small = np.asarray(picture.resize((128, 64)))
    film = films.Film("small", np.repeat(small[None], 10, 0), Fraction(2))
    made = films.rendered(film, films.procedural_volume(model, film.still))
    assert made.frames.shape == film.frames.shape
    assert (made.frames[0] == small).all()
    assert (made.frames[5] != small).any()
    if films.av is None:
        pytest.skip("needs av")
    again = films.recoded(made)
    assert again.frames.shape == made.frames.shape
    assert np.abs(again.frames.astype(float) - made.frames).mean() < 12  # grey levels; noise compresses badly
