"""The command line as a user and a farm meet it: a process with exit codes, one line of error, files or nothing."""

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import bpy
import gid_dev.blender_addon as addon
import numpy as np
import pytest
from gid_dev.blender_addon import cli
from gid_dev.gid_core.files import colour, frame_files, image_io
from gid_dev.gid_core.frames.renderer import LoopRenderer
from gid_dev.gid_core.motion.plan import plan_loop
from gid_dev.gid_core.motion.volume import SpectralVolume

ROOT = Path(addon.__path__[0]).parent
# As build.py starts it: the checkout as a package, the add-on not registered.
DOOR = runpy.run_path(str(ROOT / "build.py"))["BLENDER_DOOR"]
QUICK = ["--seconds", "1", "--fps", "12", "--size", "64", "--model", "physics"]
N_FRAMES = 12
EIGHT_BITS_DB = 55  # what is left when a frame is made of a still that was written at 8 bits
AGREES_DB = 100  # of one frame by Cycles with the same frame by gid_core
# What farms take for a failure when they read a log strictly.
ALARMS = ("Error:", "Exception:", "Warning", "Traceback")


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A green thing on grey: something for the physics prior to move."""
    random = np.random.default_rng(3)
    pixels = np.full((60, 90, 3), 0.6, np.float32)
    pixels[15:55, 25:65] = np.array([0.05, 0.3, 0.05]) * (0.5 + random.random((40, 40, 1)))
    path = tmp_path_factory.mktemp("photo") / "plant.png"
    image_io.save_png(path, pixels)
    return path


def command(profile, *arguments):
    return {
        "args": [sys.executable, "-c", DOOR, str(ROOT), *map(str, arguments)],
        "env": {**os.environ, "BLENDER_USER_RESOURCES": str(profile)},
        "text": True,
    }


def run(profile, *arguments):
    return subprocess.run(**command(profile, *arguments), capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def made(picture, tmp_path_factory):
    """One whole run: (folder of results, the process that made it)."""
    folder = tmp_path_factory.mktemp("made")
    done = run(folder / "profile", "animate", picture, "--out", folder / "loop", "--start", "1001", *QUICK)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "loop", done


def levels(path):
    """The levels of a picture of 8 bits, 0..255, as whole numbers."""
    return np.rint(255 * colour.encode_srgb(image_io.load_photo(path).pixels))


def test_animate_leaves_everything_and_nothing_else(made):
    folder, _done = made
    frames = {f"frames/{1001 + i}.png" for i in range(N_FRAMES)}
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files == frames | {"loop.mp4", "still.png", "scene.blend", "volume.npz", "preview.png", "report.json"}
    assert not [p for p in folder.parent.iterdir() if p.name.startswith(".")]


def test_success_says_little_and_nothing_that_alarms_a_farm(made):
    _folder, done = made
    assert len(done.stdout.strip().splitlines()) <= 2  # ours, and what the bpy module says on being imported
    assert not [word for word in ALARMS if word in done.stdout + done.stderr]


def test_first_frame_is_the_still(made):
    folder, _done = made
    first, still = levels(folder / "frames" / "1001.png"), levels(folder / "still.png")
    assert np.abs(first - still).max() <= 1


def test_movie_holds_each_frame_once_at_the_asked_rate(made):
    folder, _done = made
    with av.open(str(folder / "loop.mp4")) as movie:
        stream = movie.streams.video[0]
        assert float(stream.average_rate) == 12
        pictures = [frame.to_ndarray(format="rgb24") for frame in movie.decode(stream)]
    assert len(pictures) == N_FRAMES
    assert pictures[0].shape[1] == 64


LEAN = "import sys; sys.modules['av'] = sys.modules['OpenImageIO'] = None\n"  # as the Python inside of Blender is


def test_with_the_libraries_of_the_package_alone_a_movie_is_made(picture, tmp_path):
    asked = [*QUICK, "--seconds", "0.25", "--repeats", "2", "--hold", "1"]
    lean = command(tmp_path / "profile", "animate", picture, "--out", tmp_path / "out", *asked)
    lean["args"][2] = LEAN + DOOR
    done = subprocess.run(**lean, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "out" / "loop.mp4")) as movie:
        assert len(list(movie.decode(video=0))) == 2 * 3 + 1


@pytest.mark.parametrize(("asked", "library"), [("--format=exr", "OpenImageIO"), ("--movie=prores", "PyAV")])
def test_what_needs_another_library_is_told_before_any_work(picture, tmp_path, monkeypatch, capfd, asked, library):
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(sys.modules, "OpenImageIO", None)
    assert cli.main(["animate", str(picture), "--out", str(tmp_path / "out"), asked, *QUICK]) == 2
    (told,) = capfd.readouterr().err.strip().splitlines()
    assert re.fullmatch(rf"gid: error: .* needs? {library}, which this Python does not have: .*", told)
    assert not list(tmp_path.iterdir())


def test_report_tells_time_seam_memory_and_versions(made):
    folder, _done = made
    report = json.loads((folder / "report.json").read_text())
    assert report["source"] == "physics prior"
    assert report["n_frames"] == N_FRAMES
    assert report["seconds"]["render the frames"] > 0
    assert report["picture_seam_ratio"] > 0
    assert report["render"]["by"] == "core"
    assert report["render"]["compared_db"] >= AGREES_DB
    assert report["peak_memory_mb"] > 0
    assert report["versions"]["blender"].startswith(bpy.app.version_string[:3])
    assert "verb" not in report["asked"]
    assert sorted(report["files"]) == report["files"]
    assert all((folder / name).is_file() for name in report["files"])


REOPEN = """
import os, sys
import bpy
bpy.ops.wm.open_mainfile(filepath=sys.argv[1], use_scripts=False)
scene = bpy.context.scene
assert [s.name for s in bpy.data.scenes] == [scene.name] and scene.camera is not None
assert (scene.frame_start, scene.frame_end, scene.render.fps) == (1001, 1012, 12)
assert not hasattr(scene, "gid")
assert not bpy.utils.blend_paths(absolute=True, packed=False), bpy.utils.blend_paths(absolute=True, packed=False)
scene.frame_set(1007)
scene.render.filepath = sys.argv[2]
bpy.ops.render.render(write_still=True)
print("rendered", flush=True)
os._exit(0)
"""


def test_scene_opens_on_the_loop_and_renders_without_the_add_on(made, tmp_path):
    folder, _done = made
    done = subprocess.run(
        [sys.executable, "-c", REOPEN, str(folder / "scene.blend"), str(tmp_path / "again.png")],
        env={**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "profile")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.rstrip().endswith("rendered"), done.stdout + done.stderr
    again, frame = levels(tmp_path / "again.png"), levels(folder / "frames" / "1007.png")
    assert np.abs(again[..., :3] - frame[..., :3]).max() <= 1


def test_volume_is_the_one_in_the_report(made):
    folder, _done = made
    volume = SpectralVolume.load(folder / "volume.npz")
    assert volume.provenance == json.loads((folder / "report.json").read_text())["motion"]


@pytest.mark.parametrize("fault", ["missing", "truncated", "tiny", "text", "folder"])
def test_a_bad_photo_is_refused_with_one_line_and_nothing_written(picture, tmp_path, fault, capfd):
    path = tmp_path / "photo.png"
    if fault == "truncated":
        path.write_bytes(picture.read_bytes()[:200])
    elif fault == "tiny":
        image_io.save_png(path, np.zeros((1, 1, 3), np.float32))
    elif fault == "text":
        path.write_text("hello")
    elif fault == "folder":
        path.mkdir()
    before = sorted(tmp_path.iterdir())
    assert cli.main(["animate", str(path), "--out", str(tmp_path / "out"), *QUICK]) == 2
    told = capfd.readouterr().err
    assert [line for line in told.splitlines() if line.startswith("gid: error: ")] == told.strip().splitlines()[-1:]
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["animate", "--help"], 0),
        ([], 2),
        (["fly"], 2),
        (["animate", "PHOTO", "--seconds", "soon"], 2),
        (["animate", "PHOTO", "--seconds", "-1"], 2),
        (["animate", "PHOTO", "--fps", "0"], 2),
        (["animate", "PHOTO", "--size", "3"], 2),
        (["animate", "PHOTO", "--direction", "up"], 2),
        (["animate", "PHOTO", "--amplitude", "nan"], 2),
        (["animate", "PHOTO", "--mask", "gone.png"], 2),
        (["animate", "PHOTO", "--model", "gone"], 3),
        (["animate", "PHOTO", "--render", "povray"], 2),
        (["animate", "PHOTO", "--render", "cycles", "--shutter", "180"], 2),
        (["animate", "PHOTO", "--shutter", "400"], 2),
        (["animate", "PHOTO", "--handles", "-1"], 2),
        (["animate", "PHOTO", "--start", "1048574"], 2),
        (["animate", "PHOTO", "--format", "tiff"], 2),
    ],
)
def test_exit_codes(picture, tmp_path, monkeypatch, capfd, arguments, code):
    monkeypatch.chdir(tmp_path)
    assert cli.main([str(picture) if a == "PHOTO" else a for a in arguments]) == code
    told = capfd.readouterr().err.strip().splitlines()
    assert code == 0 or (told and told[-1].startswith("gid: error: "))
    assert list(tmp_path.iterdir()) == []


def test_no_render_stops_before_blender(picture, tmp_path):
    assert cli.main(["animate", str(picture), "--out", str(tmp_path / "out"), "--no-render", *QUICK]) == 0
    files = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert files == ["preview.png", "report.json", "still.png", "volume.npz"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_leaves_nothing_behind(picture, tmp_path, number):
    long = ["--seconds", "200", "--size", "90", "--model", "physics"]
    out = tmp_path / "results" / "out"
    process = subprocess.Popen(
        **command(tmp_path / "profile", "animate", picture, "--out", out, *long),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        for line in process.stderr:
            if line.startswith("render the frames"):
                break
        time.sleep(0.3)
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(30) == 130
    finally:
        process.kill()
    assert rest.startswith("gid: error: ")
    assert len(rest.splitlines()) == 1
    assert not out.parent.exists()


@pytest.mark.parametrize(("photo", "code"), [("PHOTO", 0), ("gone.png", 2)])
def test_the_command_gives_the_same_bytes_again_and_leaves_no_temporary_file(made, picture, tmp_path, photo, code):
    version = ".".join(map(str, bpy.app.version[:2]))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    photo = picture if photo == "PHOTO" else photo
    options = ["--blender", version, "--out", tmp_path / "out", "--start", "1001", *QUICK]
    done = subprocess.run(
        [sys.executable, ROOT / "build.py", "animate", photo, *map(str, options)],
        env={**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stderr
    assert (tmp_path / "out" / "loop.mp4").exists() == (code == 0)
    assert not list(temporary.iterdir())
    if code == 0:
        frames = [f"frames/{1001 + i}.png" for i in range(N_FRAMES)]
        for name in ("volume.npz", "still.png", *frames, "loop.mp4"):
            assert (tmp_path / "out" / name).read_bytes() == (made[0] / name).read_bytes(), name


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to pass on")
def test_a_farms_sigterm_reaches_blender_and_leaves_nothing(picture, tmp_path):
    version = ".".join(map(str, bpy.app.version[:2]))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    long = ["--seconds", "60", "--size", "90", "--model", "physics", "--blender", version]
    process = subprocess.Popen(
        [sys.executable, ROOT / "build.py", "animate", picture, "--out", tmp_path / "results" / "out", *long],
        env={**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stderr:
            if line.startswith("render the frames"):
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    finally:
        process.kill()
    assert not (tmp_path / "results").exists()
    assert not list(temporary.iterdir())


def test_main_needs_no_registered_add_on_and_leaves_none(picture, tmp_path):
    addon.unregister()
    try:
        assert cli.main(["animate", str(picture), "--out", str(tmp_path / "out"), "--no-render", *QUICK]) == 0
        assert not hasattr(bpy.types.Object, "gid")
    finally:
        addon.register()


@pytest.mark.parametrize(("engine", "kind"), [("cycles", "exr"), ("cycles", "png16"), ("eevee", "exr-half")])
def test_blender_draws_the_frames_when_it_is_asked_to(picture, tmp_path, engine, kind):
    # Also a name that is no text where the system has such, and a place that Blender would read as a template.
    name = os.fsdecode(b"caf\xe9 {x} %d.png" if sys.platform.startswith("linux") else b"{x} %d.png")
    picture = shutil.copy(picture, tmp_path / name)
    out = tmp_path / "{shot} ### %d" / "é [x]"
    asked = ["--render", engine, "--format", kind, "--handles", "1", "--movie", "prores", "--stmap"]
    done = run(tmp_path / "profile", "animate", picture, "--out", out, *QUICK, *asked, "--seconds", "0.25")
    assert done.returncode == 0, done.stderr
    assert {p.name for p in tmp_path.iterdir()} <= {"profile", out.parent.name, name}
    assert {p.name for p in out.iterdir()} >= {"scene.blend", "loop.mov", "frames", "stmap", "report.json"}
    suffix = frame_files.suffix_of(kind)
    assert sorted(p.name for p in (out / "frames").iterdir()) == [f"{n:04d}{suffix}" for n in range(5)]
    assert sorted(p.name for p in (out / "stmap").iterdir()) == [f"{n:04d}.exr" for n in range(5)]
    with av.open(str(out / "loop.mov")) as movie:
        assert len(list(movie.decode(video=0))) == 3
    report = json.loads((out / "report.json").read_text())
    assert report["render"] == {"by": engine}
    assert report["photo"]["file"] == name
    assert report["picture_seam_ratio"] > 0
    volume, still = SpectralVolume.load(out / "volume.npz"), image_io.load_photo(out / "still.png").pixels
    expected = LoopRenderer(still, volume, plan_loop(volume, 3, Fraction(12))).frame(1)
    got = image_io.levels_of(expected, 65535).astype(float) / 65535
    # In another process: PyPI's OpenImageIO stays out of Blender's.
    frame = subprocess.run(
        [sys.executable, "-c", READ, str(ROOT), str(out / "frames" / f"0002{suffix}"), kind],
        capture_output=True,
        timeout=60,
    )
    levels = np.frombuffer(frame.stdout, np.uint16).reshape(*still.shape[:2], -1)[..., :3] / 65535
    assert -10 * np.log10(np.mean((levels - got) ** 2)) >= EIGHT_BITS_DB


READ = """
import sys
sys.path.insert(0, sys.argv[1])
from gid_core.files import frame_files
sys.stdout.buffer.write(frame_files.load_levels(sys.argv[2], sys.argv[3]).tobytes())
"""
