"""Prediction: what the request asks for is what the volume holds, with a model and without one."""

from types import SimpleNamespace

import numpy as np
import pytest
from gid_dev.gid_core.errors import Cancelled, ImageError, ModelError, SettingsError
from gid_dev.gid_core.model import session
from gid_dev.gid_core.motion import edits, synth
from gid_dev.gid_core.prediction import outline, predict, stages

from .. import tiny_model


def photo(height=60, width=90, channels=3):
    """A green bush on grey, linear light."""
    image = np.full((height, width, channels), 0.2, np.float32)
    rng = np.random.default_rng(0)
    top, left = height // 5, width // 4
    bush = image[top : height - 2, left : width - left]
    bush[..., :3] = np.clip(np.array([0.05, 0.25, 0.03]) + rng.normal(0, 0.05, (*bush.shape[:2], 1)), 0, 1)
    if channels == 4:
        image[..., 3] = 1
    return image


@pytest.fixture(params=["physics", "model"])
def model(request, tmp_path):
    return "physics" if request.param == "physics" else str(tiny_model.write_model(tmp_path / "model"))


def motion_of(model, image=None, **options):
    return predict.predict(photo() if image is None else image, predict.Request(model=model, **options))


def ask(model, image=None, **options):
    return motion_of(model, image, **options).volume()


@pytest.mark.parametrize(("height", "width"), [(60, 90), (90, 60), (64, 64), (40, 161), (300, 33), (16, 512)])
def test_any_aspect_gives_its_grid(model, height, width):
    motion = motion_of(model, photo(height, width))
    volume = motion.volume()
    assert motion.picture.shape == (volume.height, volume.width, 3)
    assert max(volume.height, volume.width) == 256
    scale = 256 / max(height, width)
    assert abs(volume.height - height * scale) <= 0.5
    assert abs(volume.width - width * scale) <= 0.5
    assert np.abs(volume.amplitudes).max() > 0


def test_same_seed_same_bytes_other_seed_other_motion(model):
    first, again, other = (ask(model, seed=seed) for seed in (5, 5, 6))
    assert first.amplitudes.tobytes() == again.amplitudes.tobytes()
    assert dict(first.provenance) == dict(again.provenance)
    difference = np.abs(first.amplitudes - other.amplitudes).mean()
    assert difference > 0.3 * np.abs(first.amplitudes).mean()


def test_a_seed_never_changes_what_moves(model):
    strengths = [synth.mean_motion(ask(model, seed=seed), 90, 60) > 0 for seed in (1, 2)]
    np.testing.assert_array_equal(*strengths)


def alike(a, b):
    """Agreement of two volumes in phase and axis, a mean over the cells that move in both: 1 is the same."""
    a, b = a.amplitudes[:, 4::8, 4::8], b.amplitudes[:, 4::8, 4::8]
    moving = (np.abs(a).sum((0, 3)) > 0) & (np.abs(b).sum((0, 3)) > 0)
    product = np.abs((a * b.conj()).sum((0, 3)))[moving]
    return np.mean(product / np.sqrt((np.abs(a) ** 2).sum((0, 3)) * (np.abs(b) ** 2).sum((0, 3)))[moving])


def test_two_photos_at_one_seed_move_each_in_its_own_way(model):
    """What the seed's noise puts at a place must not show in every photo."""
    one = ask(model, seed=5)
    brighter_below = photo() * np.linspace(0.3, 1.5, 60, dtype=np.float32)[:, None, None]
    assert alike(one, ask(model, brighter_below, seed=5)) < 0.8
    assert alike(one, one) > 0.999


def test_a_copy_of_another_size_or_exposure_keeps_its_motion(model):
    rows, columns = np.mgrid[0:120, 0:180] / 180
    whole = photo(120, 180) * (0.5 + rows - 0.4 * columns + 0.3 * rows * columns)[..., None].astype(np.float32)
    one = ask(model, whole, seed=5)
    smaller = whole.reshape(60, 2, 90, 2, 3).mean((1, 3))
    assert alike(one, ask(model, smaller, seed=5)) > 0.9
    assert alike(one, ask(model, whole * 0.8, seed=5)) > 0.9


def test_amplitude_scales_and_0_is_exactly_still(model):
    motion = motion_of(model)
    one, two, none = (edits.apply(motion, edits.Edits(amplitude=a)).amplitudes for a in (1.0, 2.0, 0.0))
    np.testing.assert_allclose(two, 2 * one, rtol=1e-5)
    assert not none.any()


@pytest.mark.parametrize("size", [(60, 90), (240, 360), (23, 41), (16, 16)])
def test_mask_0_is_no_motion_bit_for_bit(model, size):
    """At the photo's own pixels; and at a larger size for readers of files who know no masks."""
    height, width = size
    mask = np.zeros(size, np.float32)
    mask[height // 4 : -height // 4, width // 3 : -width // 4] = 1
    masked = edits.apply(motion_of(model), edits.Edits(mask=mask))
    scalars = np.exp(1j * np.arange(masked.n_freqs))
    moved = synth.upsample(synth.displacement(masked, scalars), width, height, masked.weight(width, height))
    assert not moved[mask == 0].any()
    assert moved.any()
    volume = masked.folded()
    assert np.abs(volume.amplitudes).max() > 0
    field = synth.displacement(volume, scalars)
    for factor in (1, 4):
        moved = synth.upsample(field, width * factor, height * factor)
        black = np.repeat(np.repeat(mask == 0, factor, 0), factor, 1)
        assert not moved[black].any()
        assert moved.any()


def test_a_black_mask_stops_everything(model):
    assert not edits.apply(motion_of(model), edits.Edits(mask=np.zeros((60, 90)))).weighed().amplitudes.any()


def test_a_mask_over_what_the_model_calls_still_is_taken_at_its_word(tmp_path):
    model = str(
        tiny_model.write_model(tmp_path / "model", encoder=tiny_model.model(tiny_model.encoder_graph(bias=-50.0)))
    )
    motion = motion_of(model)
    assert not motion.volume().amplitudes.any()
    mask = np.zeros((60, 90))
    mask[20:50, 30:60] = 1
    volume = edits.apply(motion, edits.Edits(mask=mask))
    assert np.abs(volume.amplitudes).max() > 0.1
    assert "mask" in volume.provenance["envelope"]


@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (-1, 1), (0.2, -3)])
def test_the_main_axis_turns_towards_the_direction(model, direction):
    motion = motion_of(model)
    angle = edits.main_axis(edits.apply(motion, edits.Edits(turn=edits.turn_towards(motion, direction))))
    assert abs(np.sin(angle - np.arctan2(direction[1], direction[0]))) < 0.02


def test_progress_names_phases_and_never_runs_back(model):
    told = []
    predict.predict(photo(), predict.Request(model=model), progress=lambda *step: told.append(step))
    phases = list(dict.fromkeys(phase for phase, _ in told))
    assert len(phases) >= 2
    for phase in phases:
        fractions = [fraction for name, fraction in told if name == phase]
        assert fractions == sorted(fractions)
    assert told[-1][1] == 1.0


def test_every_step_is_told(tmp_path):
    told = []
    request = predict.Request(model=str(tiny_model.write_model(tmp_path / "model")), steps=7)
    predict.predict(photo(), request, progress=lambda *step: told.append(step))
    assert [fraction for phase, fraction in told if phase == "imagine the motion"] == [i / 7 for i in range(8)]


def test_a_cancel_is_obeyed_at_the_next_step(tmp_path):
    told = []
    request = predict.Request(model=str(tiny_model.write_model(tmp_path / "model")), steps=50)
    with pytest.raises(Cancelled):
        predict.predict(
            photo(),
            request,
            progress=lambda *step: told.append(step),
            cancelled=lambda: ("imagine the motion", 0.1) in told,
        )
    assert told[-1] == ("imagine the motion", 0.1)


def test_with_the_prior_a_mask_alone_decides():
    mask = np.zeros((60, 90), np.float32)
    mask[5:30, 70:88] = 1  # grey wall
    motion = motion_of("physics")
    free, masked = (synth.mean_motion(edits.apply(motion, edits.Edits(mask=m)), 90, 60) for m in (None, mask))
    assert not free[8:28, 74:84].any()
    assert masked[8:28, 74:84].min() > 0
    assert not masked[mask == 0].any()


def test_without_a_model_the_physics_prior_answers_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(session.cards, "default_folder", lambda: tmp_path / "nowhere")
    motion = predict.predict(photo(), predict.Request())
    assert motion.provenance["source"] == "physics prior"
    assert "there is no motion model" in motion.provenance["reason"]


def test_a_named_model_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="there is no motion model"):
        ask(str(tmp_path / "nowhere"))


def test_the_provenance_tells_what_was_asked(tmp_path):
    model = str(tiny_model.write_model(tmp_path / "model"))
    motion = motion_of(model, seed=3, photo_sha256="ab")
    provenance = edits.apply(motion, edits.Edits(amplitude=0.5, turn=0.1, mask=np.ones((4, 4)))).provenance
    assert provenance["source"] == "tiny 0"
    assert set(provenance["model"]["sha256"]) == {"encoder", "condition", "flow"}
    assert provenance["provider"] == "CPUExecutionProvider"
    assert (provenance["seed"], provenance["steps"], provenance["amplitude"]) == (3, 3, 0.5)
    assert provenance["turn"] == 0.1
    assert len(provenance["mask"]) == 64
    assert provenance["photo"] == "ab"
    assert provenance["version"]


def test_the_flow_is_asked_and_its_answer_used(tmp_path):
    """Another velocity gives another volume: z is denoised, not merely drawn."""
    gentle = str(tiny_model.write_model(tmp_path / "a", start_noise=1.0))
    strong = str(
        tiny_model.write_model(tmp_path / "b", flow=tiny_model.model(tiny_model.flow_graph(pull=0.9)), start_noise=1.0)
    )
    assert np.abs(ask(gentle).amplitudes - ask(strong).amplitudes).max() > 1e-3


def test_starting_from_noise_is_another_way(tmp_path):
    noise = ask(str(tiny_model.write_model(tmp_path / "a", start="noise")))
    procedural = ask(str(tiny_model.write_model(tmp_path / "b")))
    assert np.abs(noise.amplitudes - procedural.amplitudes).max() > 1e-3


def test_transparent_pixels_are_welcome(model):
    image = photo(channels=4)
    image[:20] = 0
    assert np.isfinite(np.abs(ask(model, image).amplitudes)).all()


@pytest.mark.parametrize(
    "options",
    [
        {"seed": -1},
        {"seed": 1.5},
        {"steps": 0},
        {"steps": 1001},
    ],
)
def test_settings_out_of_range_are_refused(options):
    with pytest.raises(SettingsError):
        predict.Request(**options)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4)), np.zeros((4, 4, 2)), np.zeros((0, 4, 3)), np.full((4, 4, 3), np.nan)]
)
def test_arrays_that_are_no_pictures_are_refused(image):
    with pytest.raises(ImageError):
        predict.predict(image, predict.Request(model="physics"))


def test_the_rim_moves_no_farther_than_its_neighbour_and_what_is_hardly_alive_stands():
    rng = np.random.default_rng(0)
    alive = rng.random((1, 1, 8, 16), np.float32)
    alive[0, 0, 3, 5] = 0.99 * outline.GATE[0]
    found = {"envelope": rng.random((1, 16, 8, 16), np.float32) + 0.5, "alive": alive}
    envelope = stages.coarse_envelope(SimpleNamespace(scales=(2.0,) * 16), found)
    assert (envelope[:, 0, 1:-1] <= envelope[:, 1, 1:-1]).all()
    assert (envelope[:, -1, 1:-1] <= envelope[:, -2, 1:-1]).all()
    assert (envelope[:, 1:-1, 0] <= envelope[:, 1:-1, 1]).all()
    assert (envelope[:, 1:-1, -1] <= envelope[:, 1:-1, -2]).all()
    assert (envelope[:, 3, 5] == 0).all()
    sure = alive[0, 0, 2:-2, 2:-2] > outline.GATE[1]
    inside = envelope[:, 2:-2, 2:-2]
    np.testing.assert_allclose(inside[:, sure], (2 * found["envelope"][0] ** 2)[:, 2:-2, 2:-2][:, sure], rtol=1e-6)
