"""A job for a farm: openjd-cli runs it to the bytes of a plain run; killed and requeued tasks change nothing."""

import argparse
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gid_core import batch
from gid_core.errors import GidError, SettingsError
from gid_core.farm import submit, task
from gid_core.farm.job import Job

from . import filmed

ROOT = Path(__file__).resolve().parents[2]
ASKED = ["--model", "physics", "--size", "64", "--seconds", "0.5", "--fps", "12", "--start", "1001"]
N_FRAMES, FIRST = 6, 1001
DOOR = """
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, {root!r})
from gid_core.farm import task
assert sys.argv.pop(1) == "task"
sys.exit(task.main(sys.argv[1:]))
"""


def parsed(add_arguments, *arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(list(map(str, arguments)))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name in ("leaf", "写真"):
        pixels = np.full((48, 64, 3), (180, 180, 190), np.uint8)
        pixels[16:44, 16:50] = np.clip(np.array([60, 130, 40]) + rng.normal(0, 40, (28, 34, 1)), 0, 255)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def plain(photos, tmp_path_factory):
    """The folder of a plain run of both photos."""
    out = tmp_path_factory.mktemp("plain") / "out"
    batch.run(parsed(batch.add_arguments, photos, "--out", out, *ASKED))
    return out


@pytest.fixture(scope="module")
def job(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("job") / "two photos"
    submit.run(parsed(submit.add_arguments, photos, "--out", folder, "--chunk", 3, *ASKED))
    return folder


@pytest.fixture(scope="module")
def openjd():
    """The command `openjd` of the environment that locks/farm.txt pins."""
    spec = importlib.util.spec_from_file_location("build", ROOT / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    return str(Path(build.environment("farm")).parent / "openjd")


def same_results(out, plain, names=("leaf", "写真")):
    for name in names:
        frames = [f"frames/{number:04d}.png" for number in range(FIRST, FIRST + N_FRAMES)]
        for file in (*frames, "loop.mp4", "still.png", "volume.npz"):
            assert (out / name / file).read_bytes() == (plain / name / file).read_bytes(), (name, file)
        report = json.loads((out / name / "report.json").read_text(encoding="utf-8"))
        assert {"loop.mp4", "volume.npz", *frames} <= set(report["files"])


def test_openjd_runs_a_job_to_the_bytes_of_a_plain_run(job, plain, openjd, tmp_path):
    (tmp_path / "door.py").write_text(DOOR.format(root=str(ROOT)))
    template, out = job / "template.json", tmp_path / "output"
    values = {"Python": sys.executable, "Build": tmp_path / "door.py", "JobDir": job, "OutputDir": out}
    parameters = [part for name, value in values.items() for part in ("-p", f"{name}={value}")]
    checked = subprocess.run([openjd, "check", template], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    ran = subprocess.run(
        [openjd, "run", template, "--step", "Page", "--run-dependencies", *parameters],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-2000:]
    assert "openjd_progress: 100" in ran.stdout
    assert "openjd_status: render the frames" in ran.stdout
    same_results(out, plain)
    assert "写真" in (out / "index.html").read_text(encoding="utf-8")
    assert not (out / ".work").exists()


def run(kind, job, out, *more):
    task.run(parsed(task.add_arguments, kind, job, "--out", out, *more))


def test_tasks_that_are_killed_and_requeued_change_nothing(job, plain, tmp_path):
    (tmp_path / "door.py").write_text(DOOR.format(root=str(ROOT)))
    out = tmp_path / "out"
    run("preflight", job, out)
    run("predict", job, out)
    killed = subprocess.Popen(
        [sys.executable, tmp_path / "door.py", "task", "render", job, "--out", out, "--openjd"], stdout=subprocess.PIPE
    )
    assert b"openjd_status" in killed.stdout.readline()  # it has begun
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    run("render", job, out, "--frames", f"{FIRST + 3}-{FIRST + 5}")  # the chunks in any order
    run("predict", job, out)  # requeued, late: what was rendered stays
    (out / ".work" / "0" / "frames" / f"{FIRST + 1}.png").unlink(missing_ok=True)
    with pytest.raises(SettingsError, match=r"frames are missing, 100\d.*: run their render tasks"):
        run("encode", job, out)
    for _ in range(2):  # requeued
        run("render", job, out, "--frames", f"{FIRST}-{FIRST + 2}")
    for _ in range(2):
        run("encode", job, out)
    same_results(out, plain, ["leaf"])


def test_a_job_takes_clips_along_and_gives_what_a_batch_does(tmp_path):
    swaying = filmed.as_folder(tmp_path / "swaying", filmed.swaying)
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "fern.png").write_bytes((swaying / "000.png").read_bytes())
    for name in ("fern.mp4", "reed.mp4"):
        filmed.as_movie(folder / name, swaying)
    asked = ["--motion-from-clips", "--movie", "none", *ASKED]
    batch.run(parsed(batch.add_arguments, folder, "--out", tmp_path / "plain", *asked))
    submit.run(parsed(submit.add_arguments, folder, "--out", tmp_path / "job", *asked))
    shutil.rmtree(folder)
    run("preflight", tmp_path / "job", tmp_path / "out")
    for number, name in enumerate(("fern", "reed")):
        for kind in ("predict", "render", "encode"):
            run(kind, tmp_path / "job", tmp_path / "out", "--photo", number)
        for file in ("volume.npz", "still.png", f"frames/{FIRST + 2}.png"):
            made, plain = (tmp_path / place / name / file for place in ("out", "plain"))
            assert made.read_bytes() == plain.read_bytes(), (name, file)
    run("page", tmp_path / "job", tmp_path / "out")
    assert "fern.png as fern.mp4" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    with open(tmp_path / "job" / "photos" / "reed.mp4", "ab") as file:
        file.write(b"more")
    with pytest.raises(GidError, match=r"reed\.mp4 is not the file"):
        run("preflight", tmp_path / "job", tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda facts: facts["photos"][0].update(file="../../etc/passwd"), "no plain name"),
        (lambda facts: facts["photos"][0].update(name="/tmp/x"), "no plain name"),
        (lambda facts: facts["photos"][0].update(clip="../x.mp4", clip_sha256="0" * 64), "no plain name"),
        (lambda facts: facts["photos"][0].pop("file"), "names of their own"),
        (lambda facts: facts["photos"][0].update(name=".."), "no plain name"),
        (lambda facts: facts["photos"][1].update(name=facts["photos"][0]["name"]), "names of their own"),
        (lambda facts: facts["asked"].update(mask="../mask.png"), "no plain name"),
        (lambda facts: facts["asked"].update(out="/tmp"), "does not know"),
        (lambda facts: facts["asked"].update(shell="rm"), "does not know"),
        (lambda facts: facts["asked"].update(size="big"), "cannot be"),
        (lambda facts: facts["asked"].update(seconds=1e12), "1000000"),
        (lambda facts: facts["photos"][0].update(sha256="0" * 64), "not the file"),
        (lambda facts: facts.clear(), "no job that can be read"),
    ],
)
def test_hostile_job_files_are_refused_in_a_sentence(job, tmp_path, change, sentence):
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "photos").symlink_to(job / "photos")
    facts = json.loads((job / "job.json").read_text(encoding="utf-8"))
    change(facts)
    (folder / "job.json").write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(GidError, match=sentence):
        run("preflight", folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_exporters_say_what_the_template_says(photos, tmp_path):
    for farm, files in (("deadline", {"template.json", "parameter_values.json", "asset_references.json"}),
                        ("flamenco", {"image_dynamics.js"})):  # fmt: skip
        folder = tmp_path / farm
        submit.run(parsed(submit.add_arguments, photos, "--out", folder, "--for", farm, "--with", "blender", *ASKED))
        assert {path.name for path in folder.iterdir()} == files | {"job.json", "photos"}
    assets = json.loads((tmp_path / "deadline" / "asset_references.json").read_text(encoding="utf-8"))
    assert all((tmp_path / "deadline" / name).exists() for name in assets["assetReferences"]["inputs"]["filenames"])
    script = (tmp_path / "flamenco" / "image_dynamics.js").read_text(encoding="utf-8")
    values = json.loads(script.split("const GID = ", 1)[1].split(";\n", 1)[0])
    assert [step["name"] for step in values["steps"]] == ["Preflight", "Predict", "Render", "Encode", "Page"]
    assert values["defaults"]["Frames"] == f"{FIRST}-{FIRST + N_FRAMES - 1}"


def test_frames_by_plain_blender_need_no_program_of_ours(photos, openjd, tmp_path):
    options = parsed(
        submit.add_arguments, photos, "--out", tmp_path / "job", "--render", "cycles", "--with", "blender", *ASKED
    )
    submit.run(options)
    checked = subprocess.run([openjd, "check", tmp_path / "job" / "template.json"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    steps = json.loads((tmp_path / "job" / "template.json").read_text())["steps"]
    script = steps[2]["script"]["embeddedFiles"][0]["data"]
    assert "--render-anim" in script
    assert "gid" not in script
    assert Job.load(tmp_path / "job").n_frames == N_FRAMES
