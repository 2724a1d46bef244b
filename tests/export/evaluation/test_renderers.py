"""Renderers compared: figures that are known, and the cases that they are taken of."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from gid_core.files import colour
from onnx_export.evaluation import blind, renderers, silhouettes, warps
from onnx_export.fitting.renderer import checkpoint_name
from onnx_export.networks.renderer import RendererNet
from onnx_export.scenes import layered
from onnx_export.scenes.clouds import texture

QUALITIES = ("core", "best")


@pytest.fixture(scope="module")
def case():
    scene = layered.Scene(1, (), (96, 64), (24, 16), (0.03, 0.05), 1)
    frames = [scene.frame(number) for number in (5, 6)]
    parts = [renderers.scene_parts(scene.labels, front) for _truth, front in frames]
    ways = warps.Ways(scene.still, scene.volume, scene.plan, QUALITIES)
    return renderers.Case("one", renderers.TRUE, ways, (5, 6), [truth for truth, _ in frames], parts, (5 / 24, 6 / 24))


@pytest.fixture(scope="module")
def table(case):
    return renderers.score(case, renderers.frames_of(case, {}))


def test_any_way_that_moves_beats_the_still_and_the_best_way_the_plainest(table):
    assert {"sharp", "best", "average", "inverse map", renderers.STILL} <= set(table)
    assert table[renderers.STILL]["all"] < table["average"]["all"] < table["best"]["all"]
    assert table["best"]["features"] < table["average"]["features"] < table[renderers.STILL]["features"]
    assert table["average"]["sharpness"] < table["sharp"]["sharpness"]
    assert table["best"]["flicker"] < table[renderers.STILL]["flicker"]


def test_a_lead_is_over_the_sharp_splat_and_small_samples_have_intervals(case, table):
    found = renderers.tabulated([(case.kind, table), (case.kind, table)])[case.kind]
    assert found["sharp"]["lead"]["all"] == [0, 0, 0]
    lead = table["best"]["edges"] - table["sharp"]["edges"]
    assert found["best"]["lead"]["edges"] == pytest.approx([lead] * 3, abs=1e-3)
    assert any("ahead of sharp" in line for line in renderers.renderer_lines({case.kind: found}))


def test_rendered_scenes_are_cases_by_their_true_motion_and_by_texels(tmp_path):
    scene = layered.Scene(1, (), (96, 64), (24, 16), (0.03, 0.05), 1)
    frames, fronts = zip(*(scene.frame(number) for number in (5, 6)), strict=True)
    known = {"still": scene.still, "frames": frames, "labels": scene.labels, "fronts": fronts}
    np.savez(tmp_path / "00007.npz", **known, amplitudes=scene.volume.amplitudes, numbers=(5, 6))
    true, coarse = renderers.rendered_cases(tmp_path)
    assert (true.kind, coarse.kind) == tuple(renderers.CYCLES.values())
    assert (true.name, true.numbers, true.times) == ("00007", (5, 6), (5 / 24, 6 / 24))
    expected = warps.Ways(scene.still, scene.volume, scene.plan).displacement(5)
    assert np.array_equal(true.ways.displacement(5), expected)
    assert coarse.ways.volume.amplitudes.shape[1:3] == (21, 34)
    assert true.parts[0]["holes"].any()


def test_structural_similarity_of_known_pictures():
    dark, light = (np.full((32, 32, 3), colour.decode_srgb(np.float32(value))) for value in (0.25, 0.5))
    assert silhouettes.ssim(dark, dark) == pytest.approx(1)
    assert silhouettes.ssim(dark, light) == pytest.approx((2 * 0.125 + 1e-4) / (0.0625 + 0.25 + 1e-4), abs=1e-3)
    picture = texture(64, 48)
    softer = (picture + np.roll(picture, 1, 1)) / 2
    assert silhouettes.ssim(np.roll(picture, 3, 1), picture) < silhouettes.ssim(softer, picture) < 0.999


def test_flows_become_the_frames_of_a_volume():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 2, (2, 24, 32, 2)).astype(np.float32)
    still = texture(32, 24)
    ways = warps.Ways(still, *warps.along(first, second), QUALITIES)
    assert np.allclose(ways.displacement(0), first, atol=1e-5)
    assert np.allclose(ways.displacement(1), second, atol=1e-5)
    assert np.allclose(warps.Ways(still, *warps.along(first, share=0.5)).displacement(0), first / 2, atol=1e-5)


def test_parts_of_a_picture():
    labels = np.zeros((20, 20), int)
    labels[:, 10:] = 1
    near = silhouettes.near(labels, 2)
    assert near[:, 8:12].all()
    assert not near[:, :7].any()
    picture = np.full((20, 20, 3), 0.5, np.float32)
    assert silhouettes.psnr(picture, picture) > 100
    assert np.isnan(silhouettes.psnr(picture, picture, np.zeros((20, 20), bool)))
    values = np.zeros((20, 30))
    values[12, 21] = 1
    rows, columns = silhouettes.richest(values, 8, 6)
    assert rows.start <= 12 < rows.stop
    assert columns.start <= 21 < columns.stop


def test_a_sheet_shows_the_true_frame_and_the_ways(case, tmp_path):
    renderers.sheet(case, tmp_path / "sheet.png", ("sharp", "best", "gone"), renderers.frames_of(case, {}), side=32)
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.size == (2 * (3 * 32 + 2 * 2), 2 * 32)


def test_blind_sheets_tell_their_order_in_a_file_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(blind, "QUALITIES", QUALITIES)
    (tmp_path / "photos").mkdir()
    green = np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8) // (2, 1, 3)
    Image.fromarray(green.astype(np.uint8)).save(tmp_path / "photos" / "a.png")
    blind.main(["--photos", str(tmp_path / "photos"), "--out", str(tmp_path / "out")])
    names = json.loads((tmp_path / "out" / "names.json").read_text())
    assert sorted(names["00"]) == sorted(QUALITIES)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["00.png", "names.json"]


def test_networks_of_a_folder_are_rows(case, tmp_path):
    network = RendererNet().eval()
    for row in (None, "single scale"):
        torch.save({"averaged": network.state_dict()}, tmp_path / f"{checkpoint_name(row)}.pt")
    rows = renderers.rows_of(tmp_path)
    assert list(rows) == [renderers.TRAINED, "single scale"]
    frames = renderers.frames_of(case, rows)
    # Untrained they are the best renderer.
    assert all(np.abs(frames[row][0] - frames["best"][0].clip(0, 1)).max() < 1e-3 for row in rows)
