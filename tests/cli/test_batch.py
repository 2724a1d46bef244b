"""`batch` as a user meets it: a folder a photo, a page of all, a line for each photo that failed, then exit code 2."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from . import filmed

ROOT = Path(__file__).resolve().parents[2]
QUICK = ["--model", "physics", "--size", "64", "--seconds", "0.25", "--fps", "12"]
PATIENCE_S = 180


def photo(path, seed=0):
    rng = np.random.default_rng(seed)
    pixels = np.full((60, 80, 3), (180, 180, 190), np.uint8)
    pixels[20:58, 20:60] = np.clip(np.array([60, 130, 40]) + rng.normal(0, 40, (38, 40, 1)), 0, 255)
    Image.fromarray(pixels).save(path)


def batch(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-c", "import sys; from gid_core.batch import main; sys.exit(main())", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def linked(page):
    """Files that a page shows or names."""
    return [unquote(place, errors="surrogateescape") for place in re.findall(r'(?:src|href)="([^"]*)"', page)]


def test_every_photo_gets_a_folder_and_the_page_shows_it(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    odd = os.fsdecode(b"caf\xe9") if sys.platform.startswith("linux") else "café"  # no text
    for seed, name in enumerate(["one.png", "two.JPG", "a & <b> #1?.png", "one.bmp", odd + ".png"]):
        photo(photos / name, seed)
    (photos / "notes.txt").write_text("no photo")
    done = batch(photos, "--out", "loops", "--movie", "webp", *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "loops"
    names = {"one.png", "one.bmp", "two", "a & <b> #1?", odd}
    assert {path.name for path in out.iterdir()} == names | {"index.html"}
    for name in names:
        files = {path.name for path in (out / name).iterdir()}
        assert files == {"frames", "loop.webp", "still.png", "preview.png", "report.json", "volume.npz"}
        assert len(list((out / name / "frames").iterdir())) == 3
    page = (out / "index.html").read_text(encoding="utf-8", errors="surrogateescape")
    places = linked(page)
    assert sum(place.endswith("loop.webp") for place in places) == 5
    assert all((out / place).is_file() for place in places)
    assert "a &amp; &lt;b&gt; #1?.png" in page
    assert "<b>" not in page


def test_the_network_draws_frames_the_first_of_which_is_the_still(tmp_path):
    (tmp_path / "photos").mkdir()
    photo(tmp_path / "photos" / "one.png")
    for out in ("first", "second"):
        done = batch("photos", "--out", out, "--render", "network", "--movie", "none", *QUICK, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    folder = tmp_path / "first" / "one"
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["render"]["by"] == "network"
    first, moved = (np.asarray(Image.open(folder / "frames" / f"000{n}.png")) for n in (1, 2))
    assert (first == np.asarray(Image.open(folder / "still.png"))).all()
    assert (moved != first).any()
    for frame in (folder / "frames").iterdir():
        assert frame.read_bytes() == (tmp_path / "second" / "one" / "frames" / frame.name).read_bytes()


def test_a_photo_that_fails_is_one_line_and_the_others_are_made(tmp_path):
    photo(tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    (tmp_path / "deep.exr").write_bytes(b"\x76\x2f\x31\x01 damaged")
    done = batch(tmp_path, "--out", "loops", "--movie", "none", *QUICK, cwd=tmp_path)
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("gid: error: ")]
    for line, name in zip(errors, ("bad.jpg", "deep.exr"), strict=False):
        assert line.startswith(f"gid: error: {name}")
        assert line.count(name) == 1
    assert str(tmp_path) not in "".join(errors[:2])
    assert errors[2].startswith("gid: error: 2 of 3 photos failed")
    assert len(errors) == 3
    assert "Traceback" not in done.stderr
    out = tmp_path / "loops"
    assert {path.name for path in out.iterdir()} == {"good", "index.html"}
    page = (out / "index.html").read_text(encoding="utf-8")
    assert page.count("bad.jpg") == page.count("deep.exr") == 1
    assert "good/preview.png" in linked(page)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "name a folder of photos"),
        (["empty"], "there is no photo"),
        (["empty/a.png"], "name a folder of photos"),
        ([".", "--fps", "fast"], "fast"),
        ([".", "--render", "cycles", "--shutter", "90"], "--shutter goes with"),
        ([".", "--handles", "-2"], "0 to 1000"),
        ([".", "--size", "3"], "64 to 8192"),
    ],
)
def test_a_mistake_is_told_before_any_work(tmp_path, arguments, said):
    (tmp_path / "empty").mkdir()
    photo(tmp_path / "a.png")
    before = sorted(tmp_path.rglob("*"))
    done = batch(*arguments, "--out", "loops", "--model", "physics", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert said in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A folder of a photo, a photo and the clip of its name, a clip that is refused, and one without a photo."""
    place = tmp_path_factory.mktemp("mixed")
    folder = place / "photos"
    folder.mkdir()
    photo(folder / "plain.png")
    swaying = filmed.as_folder(place / "swaying", filmed.swaying)
    panned = filmed.as_folder(place / "panned", lambda index, x, y: 1.4 * index - 8 + 0 * x)
    (folder / "fern.png").write_bytes((swaying / "000.png").read_bytes())
    filmed.as_movie(folder / "Fern.MP4", swaying)
    (folder / "pan.png").write_bytes((panned / "000.png").read_bytes())
    filmed.as_movie(folder / "pan.mp4", panned)
    filmed.as_movie(folder / "reed.mp4", swaying)
    return folder


def test_photos_move_as_the_clips_of_their_names(mixed, tmp_path):
    done = batch(mixed, "--motion-from-clips", "--out", "loops", "--no-render", *QUICK, cwd=tmp_path)
    assert done.returncode == 2
    assert "1 of 4 photos failed" in done.stderr
    out = tmp_path / "loops"
    assert {path.name for path in out.iterdir()} == {"plain", "fern", "reed", "index.html"}
    sources = {name: json.loads((out / name / "report.json").read_text())["source"] for name in ("fern", "reed")}
    assert sources == {"fern": "the clip Fern.MP4", "reed": "the clip reed.mp4"}
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "fern.png as Fern.MP4: <a" in page
    assert ">the camera moves in pan.mp4, by " in page
    assert "left out" not in page


def test_clips_that_nobody_asked_for_are_told(mixed, tmp_path):
    done = batch(mixed, "--out", "loops", "--no-render", *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Fern.MP4, pan.mp4, reed.mp4 left out: ask for clips, too" in done.stderr
    assert "reed.mp4 left out" in (tmp_path / "loops" / "index.html").read_text(encoding="utf-8")


def test_two_clips_of_one_name_and_a_folder_of_clips_alone_are_sentences(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("fern.mp4", "fern.mov"):
        (folder / name).touch()
    done = batch(folder, *QUICK, cwd=tmp_path)
    assert (done.returncode, "or ask for its clips too" in done.stderr) == (2, True)
    done = batch(folder, "--motion-from-clips", *QUICK, cwd=tmp_path)
    assert (done.returncode, "fern.mov and fern.mp4 have one name" in done.stderr) == (2, True)
