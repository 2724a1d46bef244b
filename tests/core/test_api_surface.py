"""What the core promises: each module's `__all__` is on a checked-in list, so that removing a name is a decision.

The list, api_surface.txt, has a line for each module: its name, a colon, its public names in any order. Read from the
sources, nothing is imported.
"""

import ast
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "gid_core"
LIST = Path(__file__).with_name("api_surface.txt")
MODULES = sorted(
    ".".join(path.relative_to(CORE).with_suffix("").parts) for path in CORE.rglob("*.py") if path.stem != "__init__"
)


def tree(module):
    return ast.parse(CORE.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8"))


def public_names(module):
    """The module's `__all__`, written down as a plain list."""
    found = [
        ast.literal_eval(node.value)
        for node in tree(module).body
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
    ]
    assert len(found) == 1, f"{module} needs one __all__ at its top level"
    return found[0]


def defined_names(module):
    """What the module makes at its top level; what it merely imports does not count."""
    found = set()
    for node in tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                found |= {name.id for name in ast.walk(target) if isinstance(name, ast.Name)}
    return found


def listed():
    lines = (line.split("#")[0].strip() for line in LIST.read_text(encoding="utf-8").splitlines())
    return {module.strip(): set(names.split()) for module, _, names in (line.partition(":") for line in lines if line)}


@pytest.mark.parametrize("module", MODULES)
def test_public_names_are_the_listed_ones(module):
    names = public_names(module)
    line = f"{module}: {' '.join(sorted(names))}"
    assert set(names) == listed().get(module), f"if this is meant, api_surface.txt should say\n{line}"


@pytest.mark.parametrize("module", MODULES)
def test_public_names_are_the_modules_own_and_none_is_private(module):
    names = public_names(module)
    assert len(names) == len(set(names))
    assert set(names) <= defined_names(module)
    assert not [name for name in names if name.startswith("_") and name != "__version__"]


@pytest.mark.parametrize("module", MODULES)
def test_public_functions_and_classes_are_explained(module):
    public = set(public_names(module))
    silent = [
        node.name
        for node in tree(module).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in public and not ast.get_docstring(node)
    ]
    assert not silent
    assert ast.get_docstring(tree(module))


def test_the_list_names_no_module_that_is_gone():
    assert not set(listed()) - set(MODULES)
