"""`animate --no-render` as a user meets it: a process, its exit code, its files, its one line of error."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from gid_dev.gid_core.files import image_io
from gid_dev.gid_core.motion import saved
from gid_dev.gid_core.motion.comb import Stroke
from gid_dev.gid_core.motion.edits import main_axis
from gid_dev.gid_core.motion.volume import SpectralVolume
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
FILES = {"still.png", "volume.npz", "preview.png", "report.json"}
PATIENCE_S = 120


@pytest.fixture
def photo(tmp_path):
    rng = np.random.default_rng(0)
    pixels = np.full((80, 120, 3), (180, 180, 190), np.uint8)
    pixels[20:78, 30:90] = np.clip(np.array([60, 130, 40]) + rng.normal(0, 40, (58, 60, 1)), 0, 255)
    Image.fromarray(pixels).save(tmp_path / "bush.png")
    return tmp_path / "bush.png"


def command(*arguments, prelude=""):
    code = f"{prelude}\nimport sys\nfrom gid_core.animate import main\nsys.exit(main())"
    return [sys.executable, "-c", code, *map(str, arguments), "--no-render"]


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}


def animate(*arguments, cwd, prelude=""):
    return subprocess.run(
        command(*arguments, prelude=prelude),
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def entries(folder):
    return {path.name for path in folder.iterdir()}


def test_it_leaves_still_volume_preview_and_report(tmp_path, photo):
    done = animate(
        photo, "--out", "result", "--size", 96, "--seconds", 2, "--seed", 7, "--model", "physics", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    out = tmp_path / "result"
    assert entries(out) == FILES
    report = json.loads((out / "report.json").read_text())
    assert (report["n_frames"], report["fps"], report["seed"], report["width"]) == (48, "24", 7, 96)
    assert report["source"] == "physics prior"
    assert set(report["files"]) == FILES
    assert 0.05 < report["seam_ratio"] < 5
    assert 0 < report["moving_share"] < 1
    assert sum(report["seconds"].values()) > 0
    assert report["peak_memory_mb"] > 10
    volume = SpectralVolume.load(out / "volume.npz")
    assert np.abs(volume.amplitudes).max() > 0
    expected = image_io.fit(image_io.load_photo(photo).pixels, 96)
    np.testing.assert_allclose(image_io.load_photo(out / "still.png").pixels, expected, atol=0.01)
    assert "look" in done.stderr or "guess the motion ..." in done.stderr
    for word in ("Error:", "Exception:", "Warning"):
        assert word not in done.stdout + done.stderr


def test_the_same_command_gives_the_same_bytes(tmp_path, photo):
    for name in ("a", "b"):
        assert animate(photo, "--out", name, "--model", "physics", cwd=tmp_path).returncode == 0
    for name in FILES - {"report.json"}:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_direction_may_begin_with_a_minus_and_the_mask_is_obeyed(tmp_path, photo):
    mask = np.zeros((80, 120), np.uint8)
    mask[30:60, 40:70] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    done = animate(
        photo, "--out", "r", "--model", "physics", "--direction", "-1,0.5", "--mask", "mask.png", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    volume = SpectralVolume.load(tmp_path / "r" / "volume.npz")
    assert volume.provenance["direction"] == [-1.0, 0.5]
    moved = np.abs(volume.amplitudes).sum((0, 3))
    assert moved.max() > 0
    assert not moved[: int(29 / 80 * volume.height)].any()
    assert abs(np.sin(main_axis(volume) - np.arctan2(0.5, -1))) < 0.05
    told = json.loads((tmp_path / "r" / "report.json").read_text())["motion"]
    assert (told["seed"], told["amplitude"], told["direction"], len(told["mask"])) == (0, 1.0, [-1.0, 0.5], 64)


def test_options_are_edits_that_the_file_can_take_back(tmp_path, photo):
    """Strength: black stops, middle grey leaves alone bit for bit, white moves twice as far."""
    strength = np.full((80, 120), 128, np.uint8)
    strength[:, 75:] = 255
    strength[:, :45] = 0
    Image.fromarray(strength).save(tmp_path / "strength.png")
    options = ("--model", "physics", "--seconds", 2)
    assert animate(photo, "--out", "raw", *options, cwd=tmp_path).returncode == 0
    asked = ("--strength", "strength.png", "--gains", "1,1,0.5", "--amplitude", 0.5)
    asked += ("--comb", "0,0 .1,0", "--reach", 0.05)  # far from all that is looked at below
    done = animate(photo, "--out", "asked", *options, *asked, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    raw, asked = (saved.load(tmp_path / name / "volume.npz") for name in ("raw", "asked"))
    assert asked.motion.envelope.tobytes() == raw.motion.envelope.tobytes()
    assert asked.motion.volume().amplitudes.tobytes() == raw.volume.amplitudes.tobytes()
    assert (asked.edits.amplitude, asked.edits.low, asked.edits.high) == (0.5, 1.0, 0.5)
    assert asked.edits.strokes == (Stroke(((0.0, 0.0), (0.1, 0.0)), 0.05),)
    assert set(np.unique(asked.edits.strength)) >= {np.float32(0), np.float32(1), np.float32(2)}
    texel = raw.volume.width / 120  # the middle of the bush, where there is motion everywhere
    grey, white, black = (np.s_[:, round(30 * texel) : round(50 * texel), round(x * texel)] for x in (55, 82, 37))
    lows = slice(0, 2)  # 0.2 and 0.4 Hz keep their gain
    for place, factor in ((grey, 0.5), (white, 1.0), (black, 0.0)):
        wanted = factor * raw.volume.amplitudes[place][lows]
        np.testing.assert_allclose(asked.volume.amplitudes[place][lows], wanted, rtol=1e-4, atol=1e-6)
        assert np.abs(raw.volume.amplitudes[place]).max() > 0.1
    fast = raw.volume.frequencies > 1.6
    np.testing.assert_allclose(
        asked.volume.amplitudes[grey][fast], 0.25 * raw.volume.amplitudes[grey][fast], rtol=1e-4, atol=1e-6
    )


def test_without_a_photo_the_example_is_animated(tmp_path):
    done = animate("--out", "r", "--model", "physics", "--size", 128, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "r" / "report.json").read_text())["photo"]["file"] == "example.jpg"


@pytest.mark.parametrize(
    ("arguments", "code", "pattern"),
    [
        (["missing.png"], 2, "there is no picture"),
        (["bush.png", "--size", "10"], 2, "the size is 10"),
        (["bush.png", "--fps", "fast"], 2, "fast"),
        (["bush.png", "--seconds", "0"], 2, "gid: error: "),
        (["bush.png", "--seconds", "nan"], 2, "gid: error: "),
        (["bush.png", "--seed", "-4"], 2, "the seed is -4"),
        (["bush.png", "--amplitude", "-1"], 2, "the amplitude is -1"),
        (["bush.png", "--direction", "left"], 2, "give two numbers"),
        (["bush.png", "--direction", "0,0"], 2, "not both 0"),
        (["bush.png", "--gains", "1,2"], 2, "give three numbers"),
        (["bush.png", "--comb", "0.2,0.5"], 2, "two points or more"),
        (["bush.png", "--gains", "-1,1,1"], 2, "gain of the low frequencies is -1"),
        (["bush.png", "--strength", "wide.png"], 2, "the strength has 200 x 20 pixels"),
        (["bush.png", "--mask", "missing.png"], 2, "there is no picture"),
        (["bush.png", "--mask", "wide.png"], 2, "use the same aspect"),
        (["bush.png", "--model", "nowhere"], 3, "there is no motion model"),
        (["bush.png", "--out", "bush.png"], 2, "is a file"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(tmp_path, photo, arguments, code, pattern):
    Image.fromarray(np.zeros((20, 200), np.uint8)).save(tmp_path / "wide.png")
    before = entries(tmp_path)
    done = animate(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.endswith(" ...")]
    assert len(lines) == 1
    assert lines[0].startswith("gid: error: ")
    assert pattern in lines[0]
    assert entries(tmp_path) == before


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, photo):
    before = entries(tmp_path)
    prelude = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    done = animate(photo, "--out", "r", "--model", "physics", cwd=tmp_path, prelude=prelude)
    assert done.returncode == 2
    assert "gid: error: cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert entries(tmp_path) == before


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_a_farms_stop_leave_nothing(tmp_path, photo, stop):
    before = entries(tmp_path)
    # The signal comes when the result is being written: the folder is there, half full.
    prelude = (
        "import gid_core.animate as a, time\n"
        "def slow(*_):\n    print('now', flush=True)\n    time.sleep(60)\n"
        "a.contact_sheet = slow"
    )
    with subprocess.Popen(
        command(photo, "--out", "r", "--model", "physics", prelude=prelude),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout.readline().strip() == "now"
        assert entries(tmp_path) != before
        time.sleep(0.1)
        child.send_signal(stop)
        _, errors = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 130
    assert "Traceback" not in errors
    assert entries(tmp_path) == before
