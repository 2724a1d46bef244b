"""Who may import whom: onnx_export -> gid_core <- blender_addon; tests see all, nothing sees the tests."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "gid_core"
GRANTS = {
    "files.clips": {"PIL", "av"},
    "files.frame_files": {"PIL"},
    "files.movie": {"PIL", "av"},
    "files.oiio": {"OpenImageIO"},
    "files.pictures": {"PIL"},
    "model.session": {"onnxruntime"},
}  # besides the standard library and numpy


def name_of(path):
    """gid_core/motion/volume.py -> motion.volume"""
    return ".".join(path.relative_to(CORE).with_suffix("").parts)


MODULES = sorted(name_of(path) for path in CORE.rglob("*.py") if path.stem != "__init__")
BLOCKED = ("bpy", "torch", "onnxruntime", "PIL", "OpenImageIO", "av")

# One process for all modules that do without the same packages: a module that is there already did without them, too.
BLOCK = """
import importlib, sys
for name in sys.argv[1].split():
    sys.modules[name] = None
sys.path.insert(0, ".")
for module in sys.argv[2:]:
    importlib.import_module("gid_core." + module)
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
    alike: dict[str, list[str]] = {}
    for module in MODULES:
        alike.setdefault(" ".join(name for name in BLOCKED if not needs(module, name)), []).append(module)
    for blocked, modules in alike.items():
        command = [sys.executable, "-c", BLOCK, blocked, *modules]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


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
        queue += core_imports(current)
    return False


@functools.cache
def core_imports(module):
    """Modules of the core that `module` imports at its top, as dotted names."""
    found = []
    for node in ast.parse(CORE.joinpath(*module.split(".")).with_suffix(".py").read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*module.split(".")[: -node.level], *(node.module.split(".") if node.module else [])]
            names = [".".join([*base, alias.name]) for alias in node.names]
            found += [name if name in MODULES else ".".join(base) for name in names]
    return found


def rooms_imported(package):
    """{room: rooms that it imports} of one of our packages; a module beside the rooms is a room of its own."""
    folder = ROOT / package
    graph = {}
    for path in folder.rglob("*.py"):
        place = path.relative_to(folder).with_suffix("").parts
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and 0 < node.level <= len(place):
                base = [*place[: len(place) - node.level], *(node.module.split(".") if node.module else [])]
                targets = [base[0]] if base else [alias.name for alias in node.names]
                graph.setdefault(place[0], set()).update(set(targets) - {place[0]})
    return graph


@pytest.mark.parametrize("package", ["gid_core", "blender_addon", "onnx_export"])
def test_no_circle_of_imports_between_rooms(package):
    graph = rooms_imported(package)
    assert graph
    while graph:
        free = {room for room, uses in graph.items() if not uses & set(graph)}
        assert free, f"these rooms import each other in a circle: {graph}"
        graph = {room: uses for room, uses in graph.items() if room not in free}


@pytest.mark.parametrize("path", files("gid_core"), ids=name_of)
def test_the_core_names_only_numpy_and_its_grants(path):
    foreign = {n for n in imported(path) if not n.startswith(".")} - set(sys.stdlib_module_names) - {"numpy"}
    assert foreign <= GRANTS.get(name_of(path), set())


@pytest.mark.parametrize("path", files("blender_addon"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_add_on_is_relative_and_never_sees_torch(path):
    names = imported(path)
    assert not names & {"torch", "onnx", "onnx_export", "gid_core", "blender_addon", "tests", "onnxruntime", "PIL"}


@pytest.mark.parametrize("path", files("onnx_export"), ids=lambda p: str(p.relative_to(ROOT)))
def test_training_never_sees_blender(path):
    """But for what runs inside Blender as a painter of scenes, rendered/, and that never sees torch."""
    allowed = {"bpy"} if path.parent.name == "rendered" else set()
    assert not imported(path) & ({"bpy", "blender_addon", "tests"} - allowed)
    assert not (allowed and imported(path) & {"torch", "onnx"})


def test_importing_the_core_loads_no_heavy_package():
    code = "import sys; import gid_core.frames.renderer, gid_core.motion.pluck, gid_core.worker; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"onnxruntime", "torch", "bpy"} & set(loaded.split())
