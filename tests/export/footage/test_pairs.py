"""Films become shards: files and folders are read, a killed run ends in the same bytes, damage is named."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gid_core.errors import ImageError, SettingsError, VolumeError
from gid_core.files import clips
from gid_core.motion.volume import SpectralVolume
from onnx_export.footage import made_clips, pairs, shards, windows
from onnx_export.footage.pair import Pair

ROOT = Path(__file__).resolve().parents[3]
SIZE = (64, 48)
FPS = 8
QUICK = ["--size", "64x48", "--seconds", "2.5", "--frequencies", "5", "--stride", "2", "--shard", "2"]


def sway(t):
    return 0.9 * np.sin(2 * np.pi * 0.8 * t) + 0.4 * np.cos(2 * np.pi * 1.6 * t)


def film(n_frames, seed=0, moving=True):
    still = made_clips.patch_sway(sway if moving else (lambda t: 0.0), SIZE, direction=(0.9, 0.3))
    return made_clips.made_clip(still, n_frames, FPS, SIZE, seed=seed)


def as_folder(clip, folder):
    folder.mkdir(parents=True)
    for index, frame in enumerate(clip.frames):
        Image.fromarray(frame).save(folder / f"{index:04d}.png")
    return folder


def as_video(clip, path, fps=FPS):
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(fps))
        stream.width, stream.height, stream.pix_fmt = clip.frames.shape[2], clip.frames.shape[1], "bgr0"
        for frame in clip.frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    """Two films that sway, 3 and 2 windows long, and one in which nothing moves."""
    folder = tmp_path_factory.mktemp("footage")
    as_folder(film(62, 1), folder / "a")
    as_folder(film(20, 2, moving=False), folder / "b")
    as_folder(film(41, 3), folder / "c")
    return folder


def run(sources, out, *more):
    return pairs.main([str(sources), "--out", str(out), "--fps", str(FPS), *QUICK, *more])


@pytest.fixture(scope="module")
def whole(footage, tmp_path_factory):
    out = tmp_path_factory.mktemp("pairs") / "whole"
    assert run(footage, out) == 0
    return out


def contents(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def test_films_become_shards(whole):
    index = shards.read_index(whole)
    assert [s["file"] for s in index["shards"]] == ["pairs-00000.npz", "pairs-00001.npz", "pairs-00002.npz"]
    assert [len(s["pairs"]) for s in index["shards"]] == [2, 2, 1]
    assert [Path(r["source"]).name for r in index["refused"]] == ["b"]
    assert index["refused"][0]["refused"] == "no motion"
    with np.load(whole / "pairs-00000.npz") as arrays:
        assert arrays["stills"].shape == (2, 48, 64, 3)
        assert arrays["stills"].dtype == np.uint8
        assert arrays["amplitudes"].shape == (2, 5, 24, 32, 2)
        assert arrays["amplitudes"].dtype == np.complex64
        assert arrays["confidence"].shape == (2, 24, 32)
        assert np.allclose(arrays["frequencies"], np.arange(1, 6) / 2.5)


def test_pairs_come_back_as_they_were_made(whole, footage):
    found = list(shards.read_pairs(whole))
    assert len(found) == 5
    first = next(windows.windows(footage / "a", 2.5, SIZE, FPS))
    pair, _ = pairs.analyse(first, None, 5, 2)
    assert np.array_equal(found[0].still, first.still)
    assert np.array_equal(found[0].volume.amplitudes, pair.volume.amplitudes)
    assert np.array_equal(found[0].confidence, pair.confidence)
    assert found[0].volume.provenance["window"] == 0
    assert found[0].volume.provenance["source"].endswith("a")


def test_the_same_films_give_the_same_bytes(whole, footage, tmp_path):
    assert run(footage, tmp_path / "again") == 0
    assert contents(tmp_path / "again") == contents(whole)


@pytest.mark.parametrize("stop_after", [1, 3, 4, 6])
def test_a_run_that_was_cut_off_continues_to_the_same_bytes(whole, footage, tmp_path, monkeypatch, stop_after):
    out, calls, analyse = tmp_path / "cut", [], pairs.analyse

    def counted(*arguments):
        calls.append(arguments)
        if len(calls) == stop_after:
            raise KeyboardInterrupt
        return analyse(*arguments)

    monkeypatch.setattr(pairs, "analyse", counted)
    with pytest.raises(KeyboardInterrupt):
        run(footage, out)
    (out / ".gid-left.npz").write_bytes(b"half")
    monkeypatch.setattr(pairs, "analyse", lambda *arguments: calls.append(arguments) or analyse(*arguments))
    assert run(footage, out) == 0
    assert contents(out) == contents(whole)
    assert len(calls) <= 6 + 1 + 2  # at most the pairs of one shard are made twice


def test_a_killed_process_continues_to_the_same_bytes(whole, footage, tmp_path):
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "onnx_export.footage.pairs", str(footage), "--out", str(out), "--fps", str(FPS)]
    with subprocess.Popen([*command, *QUICK], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(3)]
        process.kill()
    assert "taken" in lines[2]
    assert len(shards.read_index(out)["shards"]) == 1
    assert subprocess.run([*command, *QUICK], cwd=ROOT, capture_output=True).returncode == 0
    assert contents(out) == contents(whole)


def test_a_finished_run_does_nothing_again(whole, footage, monkeypatch, capsys):
    monkeypatch.setattr(pairs, "analyse", None)
    before = contents(whole)
    assert run(footage, whole) == 0
    assert contents(whole) == before
    assert "5 pairs in 3 shards, 1 windows refused" in capsys.readouterr().out


def test_other_settings_need_another_folder(whole, footage, capsys):
    assert run(footage, whole, "--method", "lucas-kanade") == 2
    assert "another method: choose another --out" in capsys.readouterr().err


def test_a_damaged_shard_is_named(whole, footage, tmp_path):
    out = tmp_path / "damaged"
    out.mkdir()
    for name, content in contents(whole).items():
        (out / name).write_bytes(content if name != "pairs-00001.npz" else content[:-1] + b"x")
    with pytest.raises(VolumeError, match=r"pairs-00001\.npz is missing or altered"):
        list(shards.read_pairs(out))
    assert run(footage, out) == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', "null", '{"format": 1}'])
def test_a_damaged_index_is_named(tmp_path, text):
    (tmp_path / shards.INDEX).write_text(text)
    with pytest.raises(VolumeError, match="make the pairs again"):
        shards.read_index(tmp_path)


def test_a_shard_outside_the_folder_is_not_read(whole, tmp_path):
    index = json.loads((whole / shards.INDEX).read_text())
    index["shards"] = [{**index["shards"][0], "file": str(whole / "pairs-00000.npz")}]
    (tmp_path / shards.INDEX).write_text(json.dumps(index))
    with pytest.raises(VolumeError, match="missing or altered"):
        list(shards.read_pairs(tmp_path))


def test_a_damaged_film_is_passed_over(tmp_path, capsys):
    as_folder(film(21, 1), tmp_path / "in" / "good")
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no film at all")
    assert run(tmp_path / "in", tmp_path / "out") == 0
    index = shards.read_index(tmp_path / "out")
    assert "cannot be read" in index["refused"][0]["refused"]
    assert len(index["shards"][0]["pairs"]) == 1


@pytest.mark.parametrize("fps", [8, 24, 30, 50, 60])
def test_videos_are_read_with_their_own_times(tmp_path, fps):
    clip = film(8, 1)
    frames = np.concatenate([clip.frames] * (-(-2 * fps // 8)))[: 2 * fps + fps // 2]
    video = as_video(clips.Clip(frames, np.arange(len(frames)) / fps), tmp_path / "film.mkv", fps)
    found = list(windows.windows(video, 1.0, SIZE))
    step = 2 if fps > 32 else 1
    assert [len(w.frames) for w in found] == [fps // step] * 2
    assert np.allclose(found[1].times, np.arange(fps // step) * step / fps, atol=2e-3)
    assert found[0].duration == pytest.approx(1, abs=5e-3)
    assert np.array_equal(found[0].still, frames[0])
    assert np.array_equal(found[1].still, frames[fps])


def test_ntsc_windows_last_as_long_as_asked(tmp_path):
    fps = Fraction(30000, 1001)
    video = as_video(clips.Clip(np.zeros((70, 48, 64, 3), np.uint8), np.arange(70) / 30), tmp_path / "film.mkv", fps)
    found = list(windows.windows(video, 1.0, SIZE))
    assert [len(w.frames) for w in found] == [30, 30]


def test_a_frame_keeps_its_middle():
    picture = np.zeros((40, 100, 3), np.uint8)
    picture[:, 30:70] = 200
    assert (clips.fitted(Image.fromarray(picture), 40, 40)[:, 2:-2] == 200).all()
    assert clips.fitted(Image.fromarray(picture[:, :30]), 64, 40).shape == (40, 64, 3)


def test_sources_are_found_once_and_in_order(tmp_path):
    as_folder(film(2), tmp_path / "z")
    for name in ("a.mp4", "cover.png", "poster.png"):
        (tmp_path / name).touch()
    (tmp_path / "notes.txt").touch()
    assert windows.find_sources([tmp_path, tmp_path / "a.mp4"]) == [tmp_path / "a.mp4", tmp_path / "z"]
    (tmp_path / "empty").mkdir()
    for path, says in [(tmp_path / "empty", "no videos"), (tmp_path / "none", "there is no")]:
        with pytest.raises(ImageError, match=says):
            windows.find_sources([path])


def test_a_folder_needs_a_rate(tmp_path):
    with pytest.raises(SettingsError, match="frames per second"):
        next(windows.windows(as_folder(film(3), tmp_path / "a")))


def test_a_pair_is_mirrored_twice_into_itself():
    rng = np.random.default_rng(1)
    amplitudes = (rng.normal(size=(2, 4, 6, 2)) + 1j * rng.normal(size=(2, 4, 6, 2))).astype(np.complex64)
    pair = Pair(rng.integers(0, 255, (8, 12, 3), np.uint8), SpectralVolume(amplitudes, [1, 2]), np.ones((4, 6)))
    for twice in (pair.flipped().flipped(), pair.reversed().reversed()):
        assert np.array_equal(twice.still, pair.still)
        assert np.array_equal(twice.volume.amplitudes, amplitudes)
    assert pair.resized(24, 16).volume.amplitudes.shape == (2, 8, 12, 2)
