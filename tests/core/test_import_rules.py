"""Who may import whom: onnx_export -> gid_core <- blender_addon; tests see all, nothing sees the tests."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GRANTS = {"image_io": {"PIL"}, "runtime": {"onnxruntime"}, "preview": {"PIL"}}  # besides the standard library and numpy
MODULES = sorted(path.stem for path in (ROOT / "gid_core").glob("*.py") if path.stem != "__init__")
BLOCKED = ("bpy", "torch", "onnxruntime", "PIL")

BLOCK = """
import sys
for name in sys.argv[2:]:
    sys.modules[name] = None
sys.path.insert(0, ".")
import importlib
importlib.import_module("gid_core." + sys.argv[1])
"""


def imported(path):
    """Top-level names of all absolute imports of a file, wherever they stand; relative ones as their text."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or "") if node.level else node.module.split(".")[0])
    return names


def files(folder):
    return sorted((ROOT / folder).rglob("*.py"))


def test_every_module_of_the_core_imports_without_what_it_was_not_granted():
    for module in MODULES:
        blocked = [name for name in BLOCKED if not needs(module, name)]
        done = subprocess.run([sys.executable, "-c", BLOCK, module, *blocked], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, (module, done.stderr)


def needs(module, name):
    """Whether `module` may pull in `name`: granted to itself, or to a module of ours that it imports at its top."""
    seen, queue = set(), [module]
    while queue:
        current = queue.pop()
        if current in seen:
            continue
        seen.add(current)
        if name in GRANTS.get(current, ()):
            return True
        for node in ast.parse((ROOT / "gid_core" / f"{current}.py").read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                queue += [node.module] if node.module else [alias.name for alias in node.names]
    return False


@pytest.mark.parametrize("path", files("gid_core"), ids=lambda p: p.stem)
def test_the_core_names_only_numpy_and_its_grants(path):
    foreign = {n for n in imported(path) if not n.startswith(".")} - set(sys.stdlib_module_names) - {"numpy"}
    assert foreign <= GRANTS.get(path.stem, set())


@pytest.mark.parametrize("path", files("blender_addon"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_add_on_is_relative_and_never_sees_torch(path):
    names = imported(path)
    assert not names & {"torch", "onnx", "onnx_export", "gid_core", "blender_addon", "tests", "onnxruntime", "PIL"}


@pytest.mark.parametrize("path", files("onnx_export"), ids=lambda p: p.stem)
def test_training_never_sees_blender(path):
    """But for what runs inside Blender as a painter of scenes, rendered_*.py, and that never sees torch."""
    allowed = {"bpy"} if path.stem.startswith("rendered_") else set()
    assert not imported(path) & ({"bpy", "blender_addon", "tests"} - allowed)
    assert not (allowed and imported(path) & {"torch", "onnx"})


def test_importing_the_core_loads_no_heavy_package():
    code = "import sys; import gid_core.render, gid_core.modal, gid_core.worker; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"onnxruntime", "torch", "bpy"} & set(loaded.split())
