"""The repository's command line: what it refuses, what it pins, and the rules of the house."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gid_core.version import __version__

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("build", ROOT / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_an_unknown_verb_prints_the_help_and_exits_with_2():
    done = subprocess.run([sys.executable, ROOT / "build.py", "conjure"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "build.py animate" in done.stdout


def test_an_unknown_suite_is_one_sentence_and_exits_with_2():
    done = subprocess.run([sys.executable, ROOT / "build.py", "test", "conjure"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("gid: error: there is no suite 'conjure'")
    assert "Traceback" not in done.stderr


def test_a_missing_python_names_the_ways_to_get_it(build):
    with pytest.raises(build.BuildError, match=r"uv python install 3\.99"):
        build.find_python("3.99")


def test_an_interpreter_that_refuses_to_start_is_passed_over(build):
    assert not build._answers_as([sys.executable, "-c", "raise SystemExit(1)"], "3.11")
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert build._answers_as(build.find_python(ours), ours)


def test_missing_system_libraries_are_named_by_their_package(build, monkeypatch):
    monkeypatch.setattr(build.sys, "platform", "linux")
    monkeypatch.setitem(build.SYSTEM_LIBRARIES, "libnot-there.so.7", "libnot-there7")
    with pytest.raises(build.BuildError, match=r"apt install .*libnot-there7"):
        build._check_system_libraries()


LEAVE = "import os, tempfile; tempfile.mkdtemp(prefix='blender_'); open(tempfile.gettempdir() + '/a', 'w')"


@pytest.mark.parametrize(
    ("end", "code"),
    [("", 0), ("raise SystemExit(3)", 3), ("os._exit(4)", 4), ("os.kill(os.getpid(), 9)", 137), ("os.abort()", 134)],
)
def test_what_a_child_leaves_in_the_temporary_folder_goes_with_it(build, tmp_path, monkeypatch, end, code):
    monkeypatch.setattr(build.tempfile, "tempdir", str(tmp_path))
    assert build._run([sys.executable, "-c", f"{LEAVE}; {end}"]) == code
    assert not list(tmp_path.iterdir())


def test_a_child_that_hangs_is_ended_and_tidied_up(build, tmp_path, monkeypatch):
    monkeypatch.setattr(build.tempfile, "tempdir", str(tmp_path))
    assert build._run([sys.executable, "-c", f"{LEAVE}; import time; time.sleep(60)"], limit=2) == 137
    assert not list(tmp_path.iterdir())


SUITES = """
import pathlib, runpy, sys
build = runpy.run_path(sys.argv[1], run_name="build")
scope = build["test"].__globals__
scope["environment"] = lambda name: sys.executable
scope["_FOLDERS"] = {suite: [f"{sys.argv[2]}/test_{suite[-1]}.py", "-c", "/dev/null"] for suite in scope["_FOLDERS"]}
sys.exit(build["main"](["test", "core", "blender-4.5", "blender-5.2"]))
"""


def test_suites_that_run_side_by_side_keep_their_output_apart(tmp_path):
    """Three suites, of which one fails; whoever reads the end sees pytest's own last lines."""
    for name, end in (("e", "assert 1"), ("5", "assert 0, 'this one'"), ("2", "assert 1\n\ndef test_b(): pass")):
        (tmp_path / f"test_{name}.py").write_text(f"import time\ndef test_a():\n    time.sleep(0.2)\n    {end}\n")
    done = subprocess.run(
        [sys.executable, "-c", SUITES, ROOT / "build.py", tmp_path], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    closing = [line for line in done.stdout.splitlines() if line.startswith(("core ", "blender-"))]
    assert [line.split()[0] for line in closing] == ["core", "blender-4.5", "blender-5.2"]
    assert re.search(r"passed +1 passed in", closing[0])
    assert re.search(r"FAILED \(exit code 1\) +1 failed in", closing[1])
    assert re.search(r"passed +2 passed in", closing[2])
    failed = done.stdout.split("=== blender-4.5\n")[1].split("\n=== ")[0].split("\n\ncore ")[0]
    assert "this one" in failed
    assert "2 passed" not in failed


@pytest.mark.parametrize("lock", sorted((ROOT / "locks").glob("*.txt")), ids=lambda path: path.stem)
def test_every_locked_package_has_a_version_and_hashes(lock):
    text = lock.read_text()
    pins = re.findall(r"^([a-z0-9-]+)==[^\s]+.*(?:\n {4}--hash=sha256:[0-9a-f]{64}.*)+", text, re.MULTILINE)
    names = re.findall(r"^[a-z0-9][^\n]*", text, re.MULTILINE)
    assert len(pins) == len(names) > 0
    assert "://" not in text


def test_the_locks_hold_what_pyproject_declares(build):
    project = pyproject()["project"]
    extras = project["optional-dependencies"]
    wanted = {
        "run": ["cpu", "run"],
        "export": ["cpu", "run", "test", "export"],
        "lint": ["lint"],
        "docs": ["docs"],
        **{f"blender-{v}": ["cpu", "run", "test", "blender" + v.replace(".", "")] for v in build.BLENDERS},
    }
    assert {path.stem for path in (ROOT / "locks").glob("*.txt")} == set(wanted) == set(build.PYTHONS)
    for name, groups in wanted.items():
        lock = (ROOT / "locks" / f"{name}.txt").read_text()
        declared = project["dependencies"] + [line for group in groups for line in extras[group]]
        for requirement in declared:
            package = re.match(r"[\w-]+(\.[\w-]+)*", requirement).group().replace(".", "-")  # as lock files spell it
            assert re.search(rf"^{package}==", lock, re.MULTILINE), (name, package)


def test_the_version_is_the_manifests():
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    assert manifest["version"] == __version__
    assert pyproject()["project"]["dynamic"] == ["version"]


def test_the_shipped_weights_stay_under_40_mib():
    assert 0 < sum(path.stat().st_size for path in (ROOT / "models").glob("*.onnx")) < 40 * 2**20


def test_no_module_grows_past_its_noun():
    sources = [p for folder in ("gid_core", "blender_addon", "onnx_export") for p in (ROOT / folder).rglob("*.py")]
    long = {str(p.relative_to(ROOT)): n for p in sources if (n := len(p.read_text().splitlines())) > 450}
    assert not long
