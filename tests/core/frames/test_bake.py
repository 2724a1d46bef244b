"""A bake: the same bytes however it is divided, interrupted or taken up again, and nothing half-written."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from gid_core.errors import Cancelled, LimitError, SettingsError
from gid_core.files import frame_files, oiio
from gid_core.frames import bake as module
from gid_core.frames import loop as loop_module
from gid_core.frames.bake import RECORD, Baking, Encoding, bake, check_libraries, encode, wait
from gid_core.frames.frame_worker import Sheet, render
from gid_core.frames.loop import Loop
from gid_core.frames.seam import grey_blocks, picture_seam
from gid_core.frames.splat import weight_of
from gid_core.frames.stmap import motion_vectors, stmap
from gid_core.motion.plan import plan_loop
from gid_core.motion.pluck import GENTLE, pluck
from gid_core.motion.volume import SpectralVolume

WIDTH, HEIGHT, N_FRAMES = 48, 32, 12
ROOT = Path(__file__).resolve().parents[3]
SINGLE = 1e-6  # a division and a few sums in float32, added by one thread or by more
PATIENCE_S = 60


def make_loop(width=WIDTH, height=HEIGHT, n_frames=N_FRAMES, seed=0, **options):
    rng = np.random.default_rng(seed)
    still = rng.random((height, width, 3), np.float32)
    ramp = np.linspace(0, 1, width // 2)[:, None]
    phases = np.exp(1j * rng.uniform(0, 6.28, (16, 1, 1, 2)))
    amplitudes = phases / np.arange(1, 17)[:, None, None, None] * np.clip(3 * ramp - 1, 0, 1)
    volume = SpectralVolume(np.repeat(amplitudes, height // 2, 1), np.arange(1, 17) / 5)
    return Loop(still, volume, plan_loop(volume, n_frames, Fraction(24)), **options)


@pytest.fixture(scope="module")
def loop():
    return make_loop()


def contents(folder):
    """Bytes of every file of a bake but its record and what is being written."""
    files = (path for path in Path(folder).rglob("*") if path.is_file() and path.name[0] != ".")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


FULL = Sheet(format="exr", passes=("stmap", "vectors"))


@pytest.fixture(scope="module")
def whole(loop, tmp_path_factory):
    """A bake of a whole loop with its passes, as bytes."""
    folder = tmp_path_factory.mktemp("whole")
    bake(loop, folder, range(1, N_FRAMES + 1), FULL, processes=2)
    return contents(folder)


def test_frames_and_passes_are_the_renderers_own(loop, tmp_path):
    files = bake(loop, tmp_path, [5], FULL)
    assert [file.relative_to(tmp_path).as_posix() for file in files] == ["frames/0005.exr"]
    renderer = loop.renderer()
    np.testing.assert_allclose(oiio.load_channels(files[0])[0], renderer.frame(4), atol=SINGLE)
    weight = weight_of(renderer.front)
    here, following, before = (renderer.displacement(n) for n in (4, 5, 3))
    maps, names = oiio.load_channels(tmp_path / "stmap" / "0005.exr")
    assert names == ("R", "G", "B")
    np.testing.assert_allclose(maps[..., :2], stmap(here, weight), atol=SINGLE)
    vectors, names = oiio.load_channels(tmp_path / "vectors" / "0005.exr")
    for direction, other in (("forward", following), ("backward", before)):
        stored = np.stack([vectors[..., names.index(f"{direction}.{axis}")] for axis in "uv"], -1)
        np.testing.assert_allclose(stored, motion_vectors(here, other, weight), atol=1e-4)


@pytest.mark.parametrize(("processes", "chunks"), [(1, 1), (3, 1), (2, 3), (1, N_FRAMES)])
def test_any_division_gives_the_same_bytes(loop, whole, tmp_path, processes, chunks):
    frames = list(range(1, N_FRAMES + 1))
    random.Random(chunks).shuffle(frames)
    for chunk in range(chunks):
        bake(loop, tmp_path, frames[chunk::chunks], FULL, processes=processes)
    assert contents(tmp_path) == whole


def test_handles_continue_the_loop_on_both_sides(loop, whole, tmp_path):
    bake(loop, tmp_path, range(-1, N_FRAMES + 3), FULL)
    made = contents(tmp_path)
    assert made["frames/-0001.exr"] == whole[f"frames/{N_FRAMES - 1:04d}.exr"]
    assert made["frames/0000.exr"] == whole[f"frames/{N_FRAMES:04d}.exr"]
    assert made[f"frames/{N_FRAMES + 2:04d}.exr"] == whole["frames/0002.exr"]
    assert {name: made[name] for name in whole} == whole


def test_whole_frames_are_kept_and_broken_ones_made_again(loop, whole, tmp_path):
    frames = range(1, N_FRAMES + 1)
    bake(loop, tmp_path, frames, FULL)
    kept = tmp_path / "frames" / "0003.exr"
    os.utime(kept, ns=(1, 1))
    (tmp_path / "frames" / "0004.exr").write_bytes(whole["frames/0004.exr"][:-9])
    (tmp_path / "vectors" / "0005.exr").unlink()
    (tmp_path / "frames" / ".gid-left").write_bytes(b"half a frame")
    (tmp_path / ".gid-folder").mkdir()  # of other work
    baking = Baking(loop, tmp_path, frames, FULL)
    try:
        assert baking.kept == set(frames) - {4, 5}
        while not baking.poll():
            time.sleep(0.01)
    finally:
        baking.end()
    assert contents(tmp_path) == whole
    assert (tmp_path / ".gid-folder").is_dir()
    assert kept.stat().st_mtime_ns == 1


@pytest.mark.parametrize("change", ["loop", "format", "shutter"])
def test_frames_of_another_bake_are_not_taken_for_ours(loop, tmp_path, change):
    bake(loop, tmp_path, range(1, 5), Sheet())
    before = contents(tmp_path)
    other = make_loop(seed=1) if change == "loop" else loop
    sheet = {"loop": Sheet(), "format": Sheet(format="exr-half"), "shutter": Sheet(shutter_deg=180, samples=2)}[change]
    bake(other, tmp_path, range(1, 3), sheet)
    made = contents(tmp_path)
    assert len(made) == 2  # the third and fourth frame were of a bake that is gone
    assert not set(made.items()) & set(before.items())


def test_what_no_bake_made_is_never_touched(loop, tmp_path):
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "0002.png").write_text("mine")
    (tmp_path / RECORD).write_text(json.dumps({"bake": "x", "files": ["../mine.txt", "/etc/passwd", "frames/../../m"]}))
    (tmp_path.parent / "mine.txt").write_text("mine")
    with pytest.raises(SettingsError, match=r"0002\.png is in the way"):
        bake(loop, tmp_path, range(1, 4))
    assert (tmp_path / "frames" / "0002.png").read_text() == "mine"
    assert (tmp_path.parent / "mine.txt").read_text() == "mine"


def test_cancel_within_a_second_keeps_whole_frames_only(tmp_path):
    loop = make_loop(640, 480, 200)
    begun = threading.Event()

    def progress(phase, fraction):
        assert phase == "render the frames"
        if fraction > 0:
            begun.set()

    asked = []

    def cancelled():
        if begun.is_set() and not asked:
            asked.append(time.monotonic())
        return bool(asked)

    with pytest.raises(Cancelled):
        bake(loop, tmp_path, range(1, 201), processes=2, progress=progress, cancelled=cancelled)
    assert time.monotonic() - asked[0] < 1
    files = list((tmp_path / "frames").iterdir())
    assert 0 < len(files) < 200
    for file in files:
        assert file.suffix == ".png"
        assert not file.name.startswith(".")
        frame_files.load_levels(file, "png")


KILLED = """
import sys
sys.path[:0] = [{root!r}, {here!r}]
import test_bake
test_bake.bake(test_bake.make_loop(), {folder!r}, range(1, test_bake.N_FRAMES + 1), test_bake.FULL, processes=2)
print("done", flush=True)
"""


@pytest.mark.parametrize("moment", range(6))
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows")
def test_a_killed_bake_resumes_to_the_same_bytes(loop, whole, tmp_path, moment):
    code = KILLED.format(root=str(ROOT), here=str(Path(__file__).parent), folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    try:
        patience = time.monotonic() + PATIENCE_S
        while len(contents(tmp_path)) < moment * 6 and process.poll() is None and time.monotonic() < patience:
            time.sleep(0.002)
        time.sleep(random.Random(moment).uniform(0, 0.03))
    finally:
        process.kill()
        process.wait()
    time.sleep(0.5)  # its children notice that it is gone
    bake(loop, tmp_path, range(1, N_FRAMES + 1), FULL)
    assert contents(tmp_path) == whole


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows")
def test_a_killed_bake_by_the_network_resumes_to_the_same_bytes(tmp_path):
    loop, frames = make_loop(quality="network"), range(1, N_FRAMES + 1)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    code = KILLED.format(root=str(ROOT), here=str(Path(__file__).parent), folder=str(killed))
    process = subprocess.Popen(
        [sys.executable, "-c", code.replace("make_loop()", 'make_loop(quality="network")')], stdout=subprocess.DEVNULL
    )
    try:
        patience = time.monotonic() + PATIENCE_S
        while len(contents(killed)) < 4 and process.poll() is None and time.monotonic() < patience:
            time.sleep(0.002)
    finally:
        process.kill()
        process.wait()
    time.sleep(0.5)  # its children notice that it is gone
    assert contents(killed)
    bake(loop, killed, frames, FULL)
    bake(loop, whole, frames, FULL, processes=1)
    assert contents(killed) == contents(whole)


def test_a_cancelled_bake_by_the_network_keeps_whole_frames_only(tmp_path):
    told = []

    def progress(_phase, fraction):
        told.append(fraction)

    loop = make_loop(96, 64, 200, quality="network")
    with pytest.raises(Cancelled):
        bake(loop, tmp_path, range(1, 201), progress=progress, cancelled=lambda: max(told, default=0) > 0)
    files = list((tmp_path / "frames").iterdir())
    assert 0 < len(files) < 200
    for file in files:
        frame_files.load_levels(file, "png")


def test_children_end_with_their_parent(tmp_path):
    code = KILLED.format(root=str(ROOT), here=str(Path(__file__).parent), folder=str(tmp_path)).replace(
        "make_loop()", "make_loop(960, 640)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    patience = time.monotonic() + PATIENCE_S
    while not contents(tmp_path) and time.monotonic() < patience:
        time.sleep(0.01)
    process.kill()
    process.wait()
    time.sleep(1)
    made = len(contents(tmp_path))
    time.sleep(0.5)
    assert made == len(contents(tmp_path))


@pytest.mark.parametrize("samples", [2, 5])
def test_motion_blur_is_the_mean_of_moments_around_the_frame(loop, tmp_path, samples):
    sheet = Sheet(format="exr", shutter_deg=180, samples=samples)
    (file,) = bake(loop, tmp_path, [4], sheet)
    renderer = loop.renderer()
    moments = [3 + 0.5 * ((i + 0.5) / samples - 0.5) for i in range(samples)]
    expected = np.mean([renderer.frame(Fraction(moment)) for moment in moments], 0)
    np.testing.assert_allclose(oiio.load_channels(file)[0], expected, atol=1e-5)
    assert not np.allclose(expected, renderer.frame(3), atol=1e-3)
    assert np.array_equal(render(renderer, 3, Sheet(shutter_deg=0)), renderer.frame(3))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"format": "tiff"}, "choose from png"),
        ({"passes": ("depth",)}, "choose from stmap, vectors"),
        ({"shutter_deg": 400}, "0 to 360"),
        ({"shutter_deg": float("nan")}, "0 to 360"),
        ({"samples": 0}, "1 to 256"),
    ],
)
def test_what_cannot_be_is_refused_at_once(wrong, said):
    with pytest.raises(SettingsError, match=said):
        Sheet(**wrong)


def test_as_many_processes_as_cores_and_memory_allow(loop, monkeypatch):
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for free, expected in ((None, 8), (1 << 40, 8), (3 * 300 * HEIGHT * WIDTH, 3), (0, 1)):
        monkeypatch.setattr(module, "available_bytes", lambda free=free: free)
        assert module.processes_for(loop) == expected


def test_no_frames_and_no_folder_are_refused(loop, tmp_path):
    with pytest.raises(SettingsError, match="no frames"):
        bake(loop, tmp_path, [])
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LimitError, match="cannot write"):
        bake(loop, tmp_path / "file", [1])


def test_an_error_of_a_child_is_the_bakes_own_and_stops_the_others(loop, tmp_path):
    with pytest.raises(SettingsError, match="no renderer"):
        bake(replace(loop, quality="dreams"), tmp_path, range(1, 9), processes=2)
    assert contents(tmp_path) == {}


def test_a_bake_that_other_maths_began_starts_anew(loop, tmp_path, monkeypatch):
    bake(loop, tmp_path, range(1, 3))
    kept = Baking(loop, tmp_path, range(1, 3))
    kept.end()
    monkeypatch.setattr(loop_module, "_PICTURE", loop_module._PICTURE + 1)
    anew = Baking(loop, tmp_path, range(1, 3))
    anew.end()
    assert kept.kept == {1, 2}
    assert anew.kept == set()


def test_the_best_quality_is_baked_to_its_renderers_own_pixels(loop, tmp_path):
    best = replace(loop, quality="best")
    (picture,) = bake(best, tmp_path, [4], Sheet("exr"))
    expected = best.renderer().frame(3)
    np.testing.assert_allclose(oiio.load_channels(picture)[0], expected, atol=SINGLE)
    assert np.abs(expected - loop.renderer().frame(3)).max() > 0.01


def test_a_folder_that_goes_away_is_one_sentence(tmp_path):
    loop = make_loop(320, 240, 100)

    def progress(_phase, fraction):
        if fraction > 0:
            shutil.rmtree(tmp_path / "frames", ignore_errors=True)

    with pytest.raises(LimitError, match="cannot write"):
        bake(loop, tmp_path, range(1, 101), progress=progress)


def test_the_seam_of_the_pictures_sees_a_jump_and_a_hold():
    def seam(phases):
        x = np.arange(64) / 64
        rows = [0.5 + 0.4 * np.sin(2 * np.pi * (x - phase)) for phase in phases]
        greys = [grey_blocks(np.tile(row, (64, 1))[..., None].astype(np.float32)) for row in rows]
        return picture_seam(greys.__getitem__, len(greys))

    steps = np.arange(12) / 12
    assert seam(steps) == pytest.approx(1, abs=0.05)
    assert seam(steps * 0.75) > 2  # jump
    assert seam(np.append(steps, 0.0)) < 0.1  # hold: the last frame repeats the first
    assert seam(np.zeros(12)) is None
    long = np.arange(2500) / 2500  # of which a step in three is measured
    assert seam(long) == pytest.approx(1, abs=0.05)
    assert seam(long * 0.999) > 2


def test_the_seam_of_a_long_loop_reads_some_of_its_frames():
    asked = []

    def grey(frame):
        asked.append(frame)
        return np.full((1, 1), np.sin(2 * np.pi * frame / 345_600), np.float32)

    assert picture_seam(grey, 345_600) is not None
    assert len(asked) < 2500
    assert asked[-2:] == [345_599, 0]


def test_the_seam_is_measured_alike_from_kept_and_from_new_frames(loop, tmp_path, monkeypatch):
    frames = range(1, N_FRAMES + 1)
    found = []
    for greys in (100, 100, 0):  # measured as they are made, read where they were kept, read in a long loop
        monkeypatch.setattr(module, "_GREYS", greys)
        if greys == 0:
            shutil.rmtree(tmp_path / "frames")
        baking = Baking(loop, tmp_path, frames)
        try:
            while not baking.poll():
                time.sleep(0.01)
            found.append(picture_seam(lambda index, one=baking: one.grey(frames[index]), N_FRAMES))
        finally:
            baking.end()
    assert found[0] == pytest.approx(found[1], rel=0.02)
    assert found[1] == found[2]


def test_a_movie_is_encoded_in_a_process_of_its_own_and_can_be_stopped(loop, tmp_path):
    files = bake(loop, tmp_path, range(1, N_FRAMES + 1))
    told = []
    encode(files, tmp_path / "loop.mp4", "h264", Fraction(24), progress=lambda *step: told.append(step))
    assert (tmp_path / "loop.mp4").stat().st_size > 1000
    with pytest.raises(Cancelled):
        encode(files, tmp_path / "other.webp", "webp", Fraction(24), cancelled=lambda: True)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != RECORD) == ["frames", "loop.mp4"]
    with pytest.raises(SettingsError, match="render them first"):
        encode([], tmp_path / "none.mp4", "h264", Fraction(24))


@pytest.mark.parametrize(
    ("sheet", "kind", "has_blender", "said"),
    [
        (Sheet("png"), "gif", False, None),
        (Sheet("png"), "none", False, None),
        (Sheet("png"), "h264", True, None),
        (Sheet("png"), "h264", False, "h264 needs PyAV.*choose WebP or GIF"),
        (Sheet("png"), "prores", True, "prores needs PyAV.*choose H.264, WebP or GIF"),
        (Sheet("exr"), "none", True, "need OpenImageIO"),
        (Sheet("png16"), "none", True, "need OpenImageIO"),
        (Sheet(None, ("stmap",)), "none", True, "need OpenImageIO"),
    ],
)
def test_a_library_that_is_not_there_is_told_before_any_work(monkeypatch, sheet, kind, has_blender, said):
    check_libraries(sheet, kind, has_blender)  # all are there
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(sys.modules, "OpenImageIO", None)
    if said is None:
        check_libraries(sheet, kind, has_blender)
    else:
        with pytest.raises(SettingsError, match=said):
            check_libraries(sheet, kind, has_blender)


def test_a_movie_of_a_bake_is_as_long_as_asked(loop, tmp_path):
    files = bake(loop, tmp_path, range(1, 5), processes=1)
    encoding = Encoding(files, tmp_path / "loop.mp4", "h264", Fraction(24), measures=True, repeats=2, hold=3)
    wait(encoding)
    assert encoding.seam is not None
    with av.open(str(tmp_path / "loop.mp4")) as container:
        assert len(list(container.decode(video=0))) == 2 * 4 + 3


def test_a_loop_survives_the_way_to_another_process(tmp_path):
    rng = np.random.default_rng(3)
    loop = make_loop(amount=1.25, front=rng.random((HEIGHT, WIDTH)).astype(np.float32), plate=False)
    loop.save(tmp_path)
    again = Loop.load(tmp_path)
    assert again.digest() == loop.digest()
    assert np.array_equal(again.renderer().frame(3), loop.renderer().frame(3))
    assert replace(loop, amount=1.0).digest() != loop.digest()
    assert replace(loop, plate=None).digest() != loop.digest()
    gusty = replace(loop, amount=tuple(rng.random(loop.plan.n_frames)))
    gusty.save(tmp_path)
    assert Loop.load(tmp_path).amount == gusty.amount
    assert Loop.load(tmp_path).digest() == gusty.digest() != loop.digest()


def test_mask_border_and_plucks_go_along_to_another_process(tmp_path):
    plain = make_loop()
    mask = np.ones((HEIGHT, WIDTH), np.float32)
    mask[:, 40:] = 0
    changes = {
        "mask": {"volume": replace(plain.volume, mask=mask)},
        "border": {"volume": replace(plain.volume, border=0.3)},
        "plucks": {"plucks": (pluck(plain.volume, 20, 8, (2.0, 1.0), time_s=0.125),), "fps": Fraction(24)},
        "damping": {
            "plucks": (pluck(plain.volume, 20, 8, (2.0, 1.0), time_s=0.125),),
            "fps": Fraction(24000, 1001),
            "damping": GENTLE.scaled(2),
        },
    }
    digests = {plain.digest()}
    for name, change in changes.items():
        loop = replace(plain, **change)
        (tmp_path / name).mkdir()
        loop.save(tmp_path / name)
        again = Loop.load(tmp_path / name)
        assert again.digest() == loop.digest()
        assert again.renderer().frame(3).tobytes() == loop.renderer().frame(3).tobytes()
        assert again.renderer().frame(3).tobytes() != plain.renderer().frame(3).tobytes()
        digests.add(loop.digest())
    assert len(digests) == 5
