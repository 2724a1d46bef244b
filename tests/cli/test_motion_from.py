"""`animate --motion-from CLIP` as a user meets it: the still moves as it was filmed; a refusal is one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from gid_dev.gid_core.motion import saved
from PIL import Image

from . import filmed

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120


def animate(*arguments, cwd):
    code = "import sys\nfrom gid_core.animate import main\nsys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments), "--no-render"],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def test_the_still_of_the_clip_moves_as_it_was_filmed(tmp_path):
    clip = filmed.as_folder(tmp_path / "fern", filmed.swaying)
    done = animate("--motion-from", clip, "--clip-fps", 8, "--seconds", 1.25, "--out", "result", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "motion by the clip fern" in done.stdout
    report = json.loads((tmp_path / "result" / "report.json").read_text())
    assert report["photo"]["file"] == "fern"
    assert (report["width"], report["height"]) == filmed.SIZE
    assert report["motion"]["clip"]["seconds"] == 1.25
    still = np.asarray(Image.open(tmp_path / "result" / "still.png"))
    assert (still == np.asarray(Image.open(clip / "000.png"))).all()
    volume = saved.load(tmp_path / "result" / "volume.npz").volume
    rms = np.sqrt((np.abs(volume.amplitudes) ** 2).sum((0, 3)) / 2) * filmed.SIZE[0] / volume.width
    assert abs(rms[volume.height // 2, volume.width // 2] / (1.2 / 2**0.5) - 1) < 0.2
    assert (rms[:, : volume.width // 8] == 0).all()


def test_a_camera_that_moves_is_one_line_and_no_folder(tmp_path):
    clip = filmed.as_folder(tmp_path / "pan", lambda index, x, y: 1.4 * index - 8 + 0 * x)
    done = animate("--motion-from", clip, "--clip-fps", 8, "--out", "result", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("gid: error: the camera moves in pan, by ")
    assert not (tmp_path / "result").exists()
