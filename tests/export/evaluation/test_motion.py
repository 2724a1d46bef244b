"""How it moves: statistics of z, scores of scenes, finished volumes and films, on cases with known answers."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from gid_core.model import session
from gid_core.prediction import encodings, predict
from gid_core.prediction.request import generator, photo_seed
from gid_core.prediction.wind import draw_wind
from onnx_export.evaluation import clips, real, seeing, speed
from onnx_export.evaluation import phases as measured
from onnx_export.evaluation import scenes as scored
from onnx_export.evaluation.films import av
from onnx_export.fitting import settings
from onnx_export.photographs import split
from onnx_export.scenes import motion, painting

SEED = 1  # of a held-out scene that moves
K = len(motion.FREQUENCIES)


@pytest.fixture(scope="module")
def model():
    return session.load_model()


@pytest.fixture(scope="module")
def scene():
    return painting.paint(scored.HELD_OUT_SEED + SEED)


@pytest.fixture(scope="module")
def truth(scene):
    """(z (K, h, w, 2) of one draw, maps (fields, h, w) of the flow's cells)."""
    maps, wind = motion.coarse(torch.from_numpy(scene.maps)[None]), torch.from_numpy(scene.wind)[None]
    signal = motion.draw(maps, wind, torch.Generator().manual_seed(1))[0].numpy()
    maps = maps[0].numpy()
    return signal[..., None] * np.stack([scored.field(maps, "dx"), scored.field(maps, "dy")], -1), maps


def test_no_run_of_the_house_paints_a_held_out_scene():
    runs = [settings.load(path.stem).scenes for path in settings.CONFIGS.glob("*.toml")]
    assert all(max(*run.seeds, *run.thin_seeds) < scored.HELD_OUT_SEED for run in runs if run)


def test_a_travelling_wave_fits_its_own_wind_and_no_other(truth):
    maps = truth[1]
    delay_s = (scored.field(maps, "anchor_x") * 0.8 + scored.field(maps, "anchor_y") * 0.6) / 90
    carrier = np.exp(-2j * np.pi * np.asarray(motion.FREQUENCIES)[:, None, None] * delay_s)
    z = carrier[..., None] * np.stack([scored.field(maps, "dx"), scored.field(maps, "dy")], -1)
    assert measured.phase_statistics(z, maps, (0.8, 0.6, 90))["wave"] == pytest.approx(1, abs=1e-3)
    assert measured.phase_statistics(z, maps, (-0.8, -0.6, 90))["wave"] < 0.8  # few roots: few places to tell by


def test_statistics_tell_the_truth_from_noise_and_from_a_turned_axis(truth):
    z, maps = truth
    rng = np.random.default_rng(0)
    noise = (rng.standard_normal((*z.shape, 2)) @ [1, 1j]) / np.sqrt(2)
    found, blind = (measured.phase_statistics(x, maps) for x in (z, noise))
    turned = measured.phase_statistics(z[..., ::-1] * [-1, 1], maps)
    assert found["perpendicular"] < 1e-3 < 0.5 < turned["perpendicular"]
    assert found["coherence"] > blind["coherence"] + 0.3
    assert found["same"] > blind["same"] + 0.3


def test_the_finished_z_is_that_of_the_core(model, scene):
    seen = encodings.encode(model, seeing.linear(Image.fromarray(scene.image)))
    wind, own = draw_wind(generator(3, "wind")), photo_seed(3, seen.picture)
    ours = measured.sampled(model, seen, wind, own, 2)[1]
    core = predict.imagine(model, seen, 3, 2)
    np.testing.assert_allclose(core, seen.finished(ours, wind, own), atol=1e-5)


def test_a_lead_over_scenes_is_paired():
    rng = np.random.default_rng(0)
    start = [{"coherence": c, "same": c, "different": 0.1, "wave": c} for c in rng.random(20)]
    ahead = [{key: value + 0.05 * (key != "different") for key, value in row.items()} for row in start]
    rows = {"truth": start, "procedural, as run": start, "flow, 8 steps, as run": ahead}
    spans = measured.phase_intervals(rows)  # scenes differ by 1, the flow leads by .05 in each of them
    lead = spans["lead"]["flow, 8 steps, as run"]
    assert lead["coherence"] == pytest.approx([0.05] * 3, abs=1e-3)
    assert lead["contrast"] == pytest.approx([0.05] * 3, abs=1e-3)
    bars = {bar.name: bar for bar in measured.phase_bars(measured.tabulated(rows), spans)}
    whole = bars["coherence, flow, 8 steps, as run, minus procedural"]
    assert whole.is_met
    assert whole.is_sure
    for key in ("contrast", "wave"):
        assert bars[f"{key}, flow, 8 steps, as run, less procedural: low end of the interval"].is_met
    assert not bars["coherence, procedural, as run"].is_met  # their mean is a half
    assert not bars["axis, flow, 8 steps, as run"].is_met  # nobody measured it


def test_as_many_steps_lead_by_nothing_and_fewer_by_something(model):
    same = measured.step_figures(model, 2, reference=model.card.steps)
    other = measured.step_figures(model, 2, reference=1)
    assert same["scenes"] == other["scenes"] == 2
    assert all(same[key]["lead"] == [0, 0, 0] for key in ("coherence", "contrast", "perpendicular", "wave"))
    assert any(other[key]["few"] != other[key]["many"] for key in ("coherence", "contrast", "perpendicular", "wave"))
    assert all(bar.is_met for bar in measured.step_bars(same))


def test_steps_that_are_surely_worse_miss_their_bar():
    lead = {"contrast": {"lead": [-0.1, -0.2, -0.01]}, "perpendicular": {"lead": [0.1, 0.01, 0.2]}}
    bars = measured.step_bars({"steps": 4, "reference_steps": 250, **lead})
    assert [bar.is_met for bar in bars] == [False, False]


def test_a_level_of_a_scene_costs_the_raw_error_only(model):
    class Oracle:
        """Answers the truth times 3: the order is perfect, the level is wrong."""

        card = SimpleNamespace(scales=np.ones(K))

        def encode(self, rgb):
            scene = next(s for s in held if np.array_equal(seeing.scene_rgb(s), rgb))
            maps = torch.from_numpy(scene.maps)[None]
            affinity = motion.affinity_truth(motion.coarse(maps)).numpy()
            alive = (scored.field(scene.maps, "amplitude") > scored.MOVES_PX) * 1.0
            envelope = np.sqrt(3 * motion.envelope(maps).numpy())
            return {"alive": alive[None, None], "envelope": envelope, "affinity": affinity}

    held = list(scored.held_out(3, first=2 * scored.HELD_OUT_SEED))
    figures = scored.score_scenes(Oracle(), 3, first=2 * scored.HELD_OUT_SEED)
    assert figures["auc_alive"] == figures["auc_same_object"] == figures["auc_same_object_both"] == 1
    assert figures["order"] > 0.99  # a thing that only the rim sees is held back
    assert figures["spectrum_cosine"] > 0.999
    assert figures["log_amplitude_error"] > 0.8
    assert figures["log_amplitude_error_within"] < 0.1 < figures["log_amplitude_error_within_of_a_constant"]
    assert all(bar.is_met for bar in scored.scene_bars(figures))


def volume(rng, h=40, w=64):
    z = rng.standard_normal((K, h, w, 2)) + 1j * rng.standard_normal((K, h, w, 2))
    return SimpleNamespace(amplitudes=z)


def test_one_layout_agrees_with_itself_at_any_strength_and_chance_does_not():
    rng = np.random.default_rng(0)
    one, other = volume(rng), volume(rng)
    stronger = SimpleNamespace(amplitudes=one.amplitudes * rng.random((K, 40, 64, 1)))
    (a, cells), (b, _), (c, _) = (real.layout(x) for x in (one, stronger, other))
    assert real.layout_agreement(a, b, cells) == pytest.approx(1)
    assert 0.05 < real.layout_agreement(a, c, cells) < 0.3


def test_a_profile_runs_from_the_root_to_the_tip():
    ramp = np.linspace(1, 0, 50)[:, None] * np.ones((50, 80))  # largest at the upper edge
    found = real.profile(ramp, (5, 9.5), (5, 0.5))
    assert (np.diff(found) > 0).all()
    assert found[-1] == 1
    assert real.profile(np.zeros((50, 80)), (5, 9), (5, 1)).tolist() == [0] * 5
    photo = real.Photo("x", None, True, SimpleNamespace(amplitudes=ramp[None, ..., None]), None)
    stems = [{"photo": "x", "what": "up", "root": [5, 9], "tip": [5, 1]}]
    stems.append({"photo": "x", "what": "down", "root": [5, 1], "tip": [5, 9]})
    found = real.stem_profiles([photo], stems)
    assert (found["root_below_tip"], found["all_still"]) == (0.5, 0)
    assert found["root_below_tip_interval"] == [0.5, 0.5]  # one photo: its stems are drawn together


def test_the_stems_lie_on_photos_that_may_move():
    stems = json.loads(real.STEMS.read_text())
    kinds = {row["name"]: row["kind"] for row in split.load()["validation"]}
    assert len(stems) >= 10
    for stem in stems:
        assert kinds[stem["photo"]] != "static"
        assert all(0 <= x <= 10 for x in (*stem["root"], *stem["tip"]))
        assert np.hypot(*np.subtract(stem["root"], stem["tip"])) > 1


def test_a_wish_is_kept_on_a_photo(model, scene):
    picture = Image.fromarray(scene.image)
    photo = real.Photo("x", picture, True, real.ask(model, picture), None)
    found = real.asked_for(model, [photo], directions=real.DIRECTIONS[1:2])
    assert found["direction_worst_deg"] < 0.1
    assert 0 < found["direction_spread_deg"] < 45
    assert found["masked_outside_px"] == found["empty_mask_px"] == 0
    assert found["masked_inside_px"] > 0
    assert found["monotone"] == 1


def film(shift_px, rng):
    """A textured film (T, 64, 96): the left half sways by `shift_px` RMS, the right half stands, a strip is blank."""
    y, x = np.mgrid[0:64, 0:96].astype(float)
    phase = rng.uniform(0, 6, 4)
    frames = []
    for t in range(20):
        sway = shift_px * np.sqrt(2) * np.sin(2 * np.pi * t / 20) * (x < 48)
        waves = sum(np.sin((x + sway) / (3 + i) + y / (20 + i) + p) for i, p in enumerate(phase))
        frames.append(np.where(y < 8, 128, 128 + 25 * waves))
    return np.stack(frames)


def test_labels_find_what_sways_and_pass_over_what_has_no_texture():
    moves, stands = clips.labels(film(0.8, np.random.default_rng(0)))
    assert moves[3:, :11].mean() > 0.7
    assert not moves[:, 13:].any()
    assert stands[3:, 13:].mean() > 0.5  # the waves leave some cells without texture
    assert not (moves | stands)[0].any()


def test_labels_of_a_small_sway_are_left_open():
    moves, stands = clips.labels(film(0.25, np.random.default_rng(0)))
    assert not moves.any()
    assert stands[3:, :11].mean() < 0.1


@pytest.mark.skipif(av is None, reason=clips.MISSING)
def test_a_folder_of_films_is_scored(model, tmp_path):
    grey = film(1.5, np.random.default_rng(0)).clip(0, 255).astype(np.uint8)
    with av.open(str(tmp_path / "sway.mp4"), "w") as out:
        stream = out.add_stream("mpeg4", rate=20)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for frame in grey:
            picture = av.VideoFrame.from_ndarray(np.repeat(frame[..., None], 3, 2), format="rgb24")
            out.mux(stream.encode(picture))
        out.mux(stream.encode())
    found = clips.score_clips(model, tmp_path)
    assert found["clips"] == 1
    assert found["by_clip"]["sway"]["moving_cells"] > 50
    assert 0 <= found["mean_auc_alive"] <= 1


def test_speed_compares_in_one_run_and_leaves_the_threads_alone(model, monkeypatch):
    monkeypatch.setattr(speed, "PAPER_STEPS", 6 * model.card.steps)
    monkeypatch.setattr(speed, "_REPEATS", 1)
    threads = torch.get_num_threads()
    found = speed.score_speed(model)
    assert torch.get_num_threads() == threads
    ratio = found["prediction_250_steps_s"] / found["prediction_s"]
    assert found["times_faster_than_250_steps"] == pytest.approx(ratio, rel=0.1)
    assert found["times_faster_than_eager_torch"] > 0
    assert [bar.sense for bar in speed.speed_bars(found)] == [">=", ">="]
