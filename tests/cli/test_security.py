"""What docs/security.md promises: no pickle, no code from text, no shell, no socket, nothing from the folder."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted([*(ROOT / "gid_core").rglob("*.py"), *(ROOT / "blender_addon").rglob("*.py"), ROOT / "build.py"])
BANNED_MODULES = {
    "pickle",
    "marshal",
    "shelve",
    "dill",
    "joblib",
    "socket",
    "ssl",
    "http",
    "urllib",
    "ftplib",
    "requests",
}
BANNED_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load", "tempfile.mktemp"}
PURE = {"urllib.parse"}  # quotes the links of a page, opens none


def calls_of(tree):
    return [(node, ast.unparse(node.func)) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def imports_of(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_code_comes_from_data_and_no_program_from_a_shell(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [name for name in imports_of(tree) if name.split(".")[0] in BANNED_MODULES and name not in PURE]
    for node, name in calls_of(tree):
        assert name not in BANNED_CALLS, (name, node.lineno)
        options = {one.arg: one.value for one in node.keywords}
        assert "shell" not in options, node.lineno
        if name in ("np.load", "numpy.load", "np.save", "numpy.save"):
            assert isinstance(options.get("allow_pickle"), ast.Constant), node.lineno
            assert options["allow_pickle"].value is False
        if name in ("subprocess.run", "subprocess.Popen"):
            assert not isinstance(node.args[0], ast.Constant | ast.JoinedStr), node.lineno  # a list, never one string


OFFLINE = """
import sys

def refused(event, arguments):
    if event.startswith("socket.") and event != "socket.__new__" or event in ("urllib.Request", "ftplib.connect"):
        raise RuntimeError(f"{event} {arguments}")

sys.addaudithook(refused)
sys.path.insert(0, sys.argv.pop(1))
from gid_core.animate import main
sys.exit(main(sys.argv[1:]))
"""


def run(command, folder):
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120)


def test_a_whole_run_opens_no_connection(tmp_path):
    """By an audit hook that no library can go round, with the shipped model."""
    example = ROOT / "docs" / "example.jpg"
    asked = ["--size", "64", "--seconds", "0.25", "--fps", "12", "--out", "loop", "--movie", "gif"]
    done = run([sys.executable, "-I", "-c", OFFLINE, str(ROOT), str(example), *asked], tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "loop" / "loop.gif").exists()


def test_nothing_is_imported_from_the_folder_one_works_in(tmp_path):
    """Modules beside the photo that would tell of themselves: none of them runs, in our process or its children."""
    for name in ("PIL", "numpy", "onnxruntime", "json", "gid_core", "sitecustomize", "av", "OpenImageIO", "argparse"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'a').write(__name__)\nraise SystemExit(7)\n")
    example = ROOT / "docs" / "example.jpg"
    asked = [str(example), "--size", "64", "--seconds", "0.25", "--fps", "12", "--model", "physics", "--out", "loop"]
    done = run([sys.executable, str(ROOT / "build.py"), "animate", "--blender", "none", *asked], tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()
