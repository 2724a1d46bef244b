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
        **{f"blender-{v}": ["cpu", "run", "test", "blender" + v.replace(".", "")] for v in build.BLENDERS},
    }
    assert {path.stem for path in (ROOT / "locks").glob("*.txt")} == set(wanted) == set(build.PYTHONS)
    for name, groups in wanted.items():
        lock = (ROOT / "locks" / f"{name}.txt").read_text()
        declared = project["dependencies"] + [line for group in groups for line in extras[group]]
        for requirement in declared:
            package = re.match(r"[A-Za-z0-9-]+", requirement).group()
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
