"""Commands where others run them: old code pages, closed and full streams, names of 260 characters, no home."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
QUICK = ["--model", "physics", "--size", "64", "--seconds", "0.25", "--fps", "12", "--no-render"]
PATIENCE_S = 120
FARM_WORDS = re.compile(r"warning|error|exception|traceback", re.IGNORECASE)  # a farm's strict check fails the task


def photo(path, **options):
    pixels = np.full((48, 64, 3), (60, 130, 40), np.uint8)
    pixels[:20] = (180, 180, 190)
    Image.fromarray(pixels).save(path, **options)


def animate(*arguments, cwd, **options):
    variables = options.pop("variables", {})
    streams = {} if {"stdout", "preexec_fn"} & options.keys() else {"capture_output": True}
    return subprocess.run(
        [sys.executable, "-m", "gid_core.animate", *map(str, arguments), *QUICK],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **variables},
        timeout=PATIENCE_S,
        **streams,
        **options,
    )


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_names_that_the_code_page_lacks_are_told_by_their_numbers(tmp_path, encoding):
    photo(tmp_path / "写真.png")
    done = animate("写真.png", "--out", "出", cwd=tmp_path, variables={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    assert b"\\u51fa: 3 frames" in done.stdout
    assert (tmp_path / "出" / "report.json").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names are text there")
@pytest.mark.parametrize("utf8", ["1", "0"])
def test_names_that_are_no_text_are_told_by_their_numbers(tmp_path, utf8):
    name, out = os.fsdecode(b"caf\xe9.png"), os.fsdecode(b"\xff out")
    photo(tmp_path / name)
    done = animate(name, "--out", out, cwd=tmp_path, variables={"LC_ALL": "C", "PYTHONUTF8": utf8})
    assert done.returncode == 0, done.stderr
    assert b"udcff out: 3 frames" in done.stdout
    report = json.loads((tmp_path / out / "report.json").read_text(encoding="utf-8"))
    assert report["photo"]["file"] == name
    missing = animate(os.fsdecode(b"\xfe.png"), cwd=tmp_path)
    assert (missing.returncode, missing.stderr.count(b"gid: error: there is no picture")) == (2, 1)
    assert b"Traceback" not in missing.stderr


def _close_all():
    for number in (0, 1, 2):
        os.close(number)


def test_closed_streams_change_nothing(tmp_path):
    photo(tmp_path / "p.png")
    assert animate("p.png", "--out", "open", cwd=tmp_path).returncode == 0
    assert animate("p.png", "--out", "closed", cwd=tmp_path, preexec_fn=_close_all).returncode == 0
    for name in ("still.png", "volume.npz", "preview.png"):
        assert (tmp_path / "closed" / name).read_bytes() == (tmp_path / "open" / name).read_bytes()


def test_a_full_or_abandoned_stream_leaves_the_result_and_the_code_0(tmp_path):
    photo(tmp_path / "p.png")
    reader, writer = os.pipe()
    os.close(reader)
    full = os.open("/dev/full", os.O_WRONLY)
    for name, stream in (("full", full), ("abandoned", writer)):
        assert animate("p.png", "--out", name, cwd=tmp_path, stdout=stream, stderr=stream).returncode == 0
        assert (tmp_path / name / "report.json").exists()
        os.close(stream)


def test_names_of_260_characters_are_refused_in_a_sentence(tmp_path):
    photo(tmp_path / "p.png")
    for arguments in ((f"{'x' * 260}.png",), ("p.png", "--out", "x" * 260), ("p.png", "--mask", "x" * 260)):
        done = animate(*arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert b"name" in done.stderr
        assert b"Traceback" not in done.stderr


def test_names_of_250_characters_work(tmp_path):
    photo(tmp_path / f"{'x' * 250}.png")
    assert animate(f"{'x' * 250}.png", cwd=tmp_path).returncode == 0
    assert (tmp_path / "out" / ("x" * 250) / "report.json").exists()


def test_success_has_no_word_that_a_farm_takes_for_an_error(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "a description of some length"
    photo(tmp_path / "cut.jpg", exif=exif.tobytes()[:-9])
    done = animate("cut.jpg", "--out", "loop", cwd=tmp_path, variables={"PYTHONWARNINGS": "always"})
    assert done.returncode == 0
    assert b"metadata" in done.stderr  # it is told, in other words
    assert not FARM_WORDS.search((done.stdout + done.stderr).decode())
