"""The repository's command line: what it refuses, what it pins, and the rules of the house."""

import importlib.util
import os
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
        build.find_python(["3.99"])


def test_a_python_that_is_missing_is_fetched_by_uv(build, tmp_path, monkeypatch):
    uv = tmp_path / "uv"
    uv.write_text(
        f'#!/bin/sh\nif [ "$2" = find ]; then echo {sys.executable}; else echo "$@" >> {tmp_path}/asked; fi\n'
    )
    uv.chmod(0o755)
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(build, "installed_python", lambda version: None)
    assert build.find_python([ours]) == [sys.executable]
    assert (tmp_path / "asked").read_text() == f"python install {ours}\n"


def test_without_a_home_environments_go_where_passing_files_go(build, tmp_path, monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")  # what pathlib says without a passwd entry

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(build.Path, "home", homeless)
    monkeypatch.setattr(build.tempfile, "tempdir", str(tmp_path))
    (folder,) = {build.cache_folder().parents[1]}
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o077 == 0


def test_a_cache_that_cannot_be_written_is_one_sentence(build, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(build.BuildError, match="set XDG_CACHE_HOME to a folder that you may write to"):
        build.environment("run")


@pytest.mark.parametrize(
    ("pythons", "ready", "asked", "starts"),
    [
        (("3.11",), (), [], "blender-4.5"),
        (("3.13",), (), [], "blender-5.2"),
        (("3.11", "3.13"), (), [], "blender-4.5"),
        (("3.11", "3.13"), ("blender-5.2",), [], "blender-5.2"),  # what is there already needs no download
        (("3.13",), (), ["--blender", "5.2"], "blender-5.2"),
        (("3.12",), (), [], "run"),
        (("3.14",), (), [], "run"),
        (("3.11", "3.13"), (), ["--blender", "none"], "run"),
        (("3.11", "3.13"), (), ["--no-render"], "run"),
        (("3.12",), (), ["--blender", "4.5"], None),
        (("3.12",), (), ["--render", "cycles"], None),
    ],
)
def test_animate_takes_the_blender_whose_python_is_there(build, monkeypatch, capsys, pythons, ready, asked, starts):
    started = []

    def environment(name):
        if name not in ready:
            build.find_python(build.PYTHONS[name])
        return name

    monkeypatch.setattr(build, "installed_python", lambda version: ["python"] if version in pythons else None)
    monkeypatch.setattr(build.shutil, "which", lambda command: None)  # no uv
    monkeypatch.setattr(build, "is_ready", lambda name: name in ready)
    monkeypatch.setattr(build, "environment", environment)
    monkeypatch.setattr(build, "_run", lambda command: started.append(command[0]) or 0)
    if starts is None:
        with pytest.raises(build.PythonMissing, match=r"Python 3\.11 was not found: install it"):
            build.animate(["photo.jpg", *asked])
    else:
        assert build.animate(["photo.jpg", *asked]) == 0
        assert started == [starts]
        told = capsys.readouterr().err
        assert told.startswith("gid: without Blender, so without scene.blend: Python 3.11") == (
            starts == "run" and not asked
        )


FIRST_RUN = """
import pathlib, runpy, sys
scope = runpy.run_path(sys.argv[1], run_name="build")["environment"].__globals__
scope["LOCKS"] = pathlib.Path(sys.argv[2])
scope["PYTHONS"]["run"] = ("%d.%d" % sys.version_info[:2],)
print(scope["environment"]("run"))
"""


def test_two_first_runs_at_once_share_one_environment(tmp_path):
    (tmp_path / "run.txt").write_text("# nothing\n")
    command = [sys.executable, "-c", FIRST_RUN, str(ROOT / "build.py"), str(tmp_path)]
    variables = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    runs = [
        subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    assert told[0][0] == told[1][0]
    assert sum("setting up run (once)" in said for _, said in told) == 1


def test_an_interpreter_that_refuses_to_start_is_passed_over(build):
    assert not build._answers_as([sys.executable, "-c", "raise SystemExit(1)"], "3.11")
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert build._answers_as(build.find_python([ours]), ours)


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
import importlib.util, sys
spec = importlib.util.spec_from_file_location("build", sys.argv[1])
build = sys.modules["build"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)
runner = build._tool("tests/run.py")
runner._FOLDERS = {suite: [[f"{sys.argv[2]}/test_{suite[-1]}.py", "-c", "/dev/null"]] for suite in runner._FOLDERS}
runner._lint = lambda build, python, log: 0
build._tool = lambda path, tool=build._tool: runner if path == "tests/run.py" else tool(path)
def environment(name):
    if name == sys.argv[3]:
        raise build.PythonMissing("Python 3.13 was not found: install it")
    return sys.executable
build.environment = environment
sys.exit(build.main(["test", *sys.argv[4:]]))
"""


def suites(folder, missing, *names):
    command = [sys.executable, "-c", SUITES, str(ROOT / "build.py"), str(folder), missing, *names]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_suites_whose_python_is_missing_are_named_at_the_end(tmp_path):
    for name in "e50":
        (tmp_path / f"test_{name}.py").write_text("def test_a():\n    pass\n")
    done = suites(tmp_path, "blender-5.2")
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()[-5:-1]] == ["passed"] * 4
    assert re.fullmatch(r"blender-5\.2 +not run: Python 3\.13 was not found: install it", done.stdout.splitlines()[-1])
    asked = suites(tmp_path, "blender-5.2", "blender-5.2")
    assert asked.returncode == 2
    assert asked.stderr.startswith("gid: error: Python 3.13 was not found")


def test_suites_that_run_side_by_side_keep_their_output_apart(tmp_path):
    """Three suites, of which one fails; whoever reads the end sees pytest's own last lines."""
    for name, end in (("e", "assert 1"), ("5", "assert 0, 'this one'"), ("2", "assert 1\n\ndef test_b(): pass")):
        (tmp_path / f"test_{name}.py").write_text(f"import time\ndef test_a():\n    time.sleep(0.2)\n    {end}\n")
    done = suites(tmp_path, "none", "core", "blender-4.5", "blender-5.2")
    assert done.returncode == 1, done.stderr
    closing = [line for line in done.stdout.splitlines() if line.startswith(("core ", "blender-"))]
    assert [line.split()[0] for line in closing] == ["core", "blender-4.5", "blender-5.2"]
    assert re.search(r"passed +1 passed in", closing[0])
    assert re.search(r"FAILED \(exit code 1\) +1 failed in", closing[1])
    assert re.search(r"passed +2 passed in", closing[2])
    failed = done.stdout.split("=== blender-4.5\n")[1].split("\n=== ")[0].split("\n\ncore ")[0]
    assert "this one" in failed
    assert "2 passed" not in failed


def test_a_suite_without_the_tests_that_were_asked_for_is_no_failure_unless_all_are(tmp_path):
    (tmp_path / "test_e.py").write_text("def test_a():\n    pass\n")
    (tmp_path / "test_5.py").write_text("def test_b():\n    pass\n")
    done = suites(tmp_path, "none", "core", "blender-4.5", "--pytest", "-k test_b")
    assert done.returncode == 0, done.stdout
    assert re.search(r"^core +no test of it was asked for", done.stdout, re.MULTILINE)
    assert suites(tmp_path, "none", "core", "blender-4.5", "--pytest", "-k test_c").returncode == 1


def test_rooms_of_numbers_run_by_the_oldest_and_the_newest_numpy_and_else_by_the_cores_own(build):
    runner = build._tool("tests/run.py")
    left_out = {"--ignore=" + room for room in runner._NUMBERS}
    assert left_out < {*runner._parts("core", both_ends=True)[0]}
    assert not left_out & {*runner._parts("core", both_ends=False)[0]}
    for suite in runner._BOTH_ENDS:
        assert runner._NUMBERS in runner._parts(suite, both_ends=True)


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
        "farm": ["farm"],
        "audit": ["audit"],
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
