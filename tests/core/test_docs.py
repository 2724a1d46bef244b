"""What the pages say is there: links lead to files, options and rooms are all named, and no path is somebody's own.

`build.py docs` checks more (anchors, pages without a place); this needs nothing but the sources.
"""

import argparse
import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = {"dist", "out", ".git"}
PAGES = sorted(path for path in ROOT.rglob("*.md") if not BUILT & set(path.relative_to(ROOT).parts))
GENERATED = ROOT / "docs" / "reference" / "api"  # by docs/site/hooks.py, in the site alone
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)>\s]+)>?\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
OWN_PLACE = re.compile(r"(?<![\w.~$}])/(?:home|Users|root|work|mnt|tmp)/\w|[A-Z]:\\\w")


def text(path):
    return path.read_text(encoding="utf-8")


def named(path):
    return str(path.relative_to(ROOT))


def slug(heading):
    """The anchor of a heading, as GitHub and mkdocs make it."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.strip().lower()))


def anchors(path):
    return {slug(line.lstrip("#")) for line in CODE.sub("", text(path)).splitlines() if line.startswith("#")}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_of_a_page_leads_to_a_file(page):
    for link in LINK.findall(CODE.sub("", text(page))):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists() or file.parent == GENERATED, f"{named(page)} links to {link}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{named(page)} links to {link}, where there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_names_a_place_of_one_machine(page):
    assert not OWN_PLACE.findall(text(page))


def test_pages_of_the_site_and_its_menu_are_the_same():
    menu = text(ROOT / "docs" / "site" / "mkdocs.yml").partition("\nnav:")[2]
    listed = set(re.findall(r"([\w/]+\.md)$", menu, re.MULTILINE))
    rooms = {path.parent.name for path in (ROOT / "gid_core").glob("*/__init__.py")} | {"gid_core"}
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in PAGES if ROOT / "docs" in path.parents}
    assert listed == pages | {f"reference/api/{room}.md" for room in rooms}


def options_of(function, *modules):
    """The options that `function` of a module of gid_core adds, by its source: nothing is imported."""
    found = set()
    for module in modules:
        tree = ast.parse(text(ROOT / "gid_core" / f"{module}.py"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name in function:
                calls = [call for call in ast.walk(node) if isinstance(call, ast.Call) and call.args]
                values = [call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)]
                found |= {value for value in values if isinstance(value, str) and value.startswith("--")}
    return found


def test_every_option_is_told_and_no_other():
    modules = [path.stem for path in (ROOT / "gid_core").glob("*.py")]
    options = options_of(("add_arguments", "add_options", "add_clips"), *modules)
    assert {"--seed", "--format"} <= options
    page = text(ROOT / "docs" / "reference" / "command_line.md").partition("## The other verbs")[0]
    assert set(re.findall(r"^\| `(--[a-z-]+)", page, re.MULTILINE)) == options


def test_the_parser_of_animate_has_the_options_that_its_source_shows():
    animate = pytest.importorskip("gid_core.animate")
    parser = argparse.ArgumentParser(add_help=False)
    animate.add_arguments(parser)
    shown = {string for action in parser._actions for string in action.option_strings}
    assert shown == options_of(("add_arguments", "add_options"), "animate", "delivery", "source")


def test_every_verb_of_build_is_told():
    tree = ast.parse(text(ROOT / "build.py"))
    verbs = next(
        [key.value for key in node.value.keys]
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VERBS"
    )
    page = text(ROOT / "docs" / "reference" / "command_line.md")
    told = set(re.findall(r"`([a-z]+)\b[^`]*`", page)) | set(re.findall(r"build\.py ([a-z]+)", page))
    assert set(verbs) <= told


def rig_inputs():
    """Names of the rig's inputs, by its sources."""
    wanted = {"rig.py": ("_INPUTS",), "mode.py": ("MODE_INPUTS",)}
    for file, names in wanted.items():
        for node in ast.parse(text(ROOT / "blender_addon" / "nodes" / file)).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in names:
                for key, value in zip(node.value.keys, node.value.values, strict=True):
                    yield from [k.value for k in value.keys] if isinstance(value, ast.Dict) else [key.value]


def test_every_input_of_the_rig_is_told_and_no_other():
    rows = re.findall(r"^\| ([^|]+) \|", text(ROOT / "docs" / "reference" / "rig.md"), re.MULTILINE)
    told = {name.strip() for row in rows for name in row.split(",")} - {"input", "---"}
    assert told == set(rig_inputs())


@pytest.mark.parametrize(("file", "group"), [("splat.py", "Softmax Splat"), ("warp.py", "Fast Warp")])
def test_every_socket_of_a_compositor_group_is_told_and_no_other(file, group):
    section = text(ROOT / "docs" / "tasks" / "compositor_groups.md").partition(f"## {group}")[2].partition("\n## ")[0]
    told = set()
    for names, way in re.findall(r"^\| ([^|]+) \((in|out)\) \|", section, re.MULTILINE):
        told |= {(f"add_{way}put", name.strip()) for name in names.split(",")}
    calls = list(ast.walk(ast.parse(text(ROOT / "blender_addon" / "nodes" / file))))
    calls = [node for node in calls if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    declared = {(c.func.attr, c.args[0].value) for c in calls if c.func.attr in ("add_input", "add_output")}
    assert told == declared


def test_every_error_is_told_with_its_exit_code():
    page = text(ROOT / "docs" / "reference" / "errors.md")
    told = {name: int(code) for code, name in re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE)}
    codes = {"GidError": None}
    for node in ast.parse(text(ROOT / "gid_core" / "errors.py")).body:
        if isinstance(node, ast.ClassDef):
            own = [one.value.value for one in node.body if isinstance(one, ast.Assign)]
            codes[node.name] = own[0] if own else codes[node.bases[0].id]
    assert told == {name: code for name, code in codes.items() if name != "GidError"}


@pytest.mark.parametrize("package", ["gid_core", "blender_addon", "onnx_export"])
def test_every_room_is_in_the_architecture(package):
    page = text(ROOT / "docs" / "architecture.md")
    rooms = [path.parent.name for path in (ROOT / package).glob("*/__init__.py")]
    assert rooms
    assert not [room for room in rooms if f"`{package}/{room}/`" not in page]


def test_no_docstring_of_the_core_reads_as_a_link():
    """mkdocs takes "[axis][order]" for one, and the site fails."""
    found = []
    for path in sorted((ROOT / "gid_core").rglob("*.py")):
        for node in ast.walk(ast.parse(text(path))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (told := ast.get_docstring(node)):
                found += [(named(path), link) for link in re.findall(r"\][\[(]\S*", CODE.sub("", told))]
    assert not found


ADDON = ROOT / "blender_addon"


def calls_of(path):
    return [node for node in ast.walk(ast.parse(text(path))) if isinstance(node, ast.Call)]


def keyword(call, name, missing=None):
    """The value of a keyword argument, `missing` if there is none; None if it is worked out."""
    found = next((k.value for k in call.keywords if k.arg == name), ast.Constant(missing))
    return found.value if isinstance(found, ast.Constant) else None


def operator_labels():
    """{bl_idname: bl_label} of the add-on's operators."""
    for path in [*ADDON.glob("operators/*.py"), *ADDON.glob("tools/*.py")]:
        for node in ast.walk(ast.parse(text(path))):
            if isinstance(node, ast.ClassDef):
                own = {
                    ast.unparse(line.targets[0]): line.value.value
                    for line in node.body
                    if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant)
                }
                if {"bl_idname", "bl_label"} <= own.keys():
                    yield own["bl_idname"], own["bl_label"]


def property_labels():
    """{name: label} of the properties that a panel can show."""
    for path in (ADDON / "properties.py", ADDON / "output" / "settings.py"):
        for node in ast.walk(ast.parse(text(path))):
            if isinstance(node, ast.AnnAssign) and isinstance(node.annotation, ast.Call):
                if "HIDDEN" in ast.unparse(node.annotation):
                    continue
                label = keyword(node.annotation, "name")
                if label is None and ast.unparse(node.annotation.func) == "_gain":
                    label = node.annotation.args[0].value
                yield node.target.id, label


def panel_labels():
    """What can be read on the controls of the panel, by its sources."""
    operators, properties = dict(operator_labels()), dict(property_labels())
    for path in ADDON.glob("panels/*.py"):
        if path.stem == "menus":
            continue
        tree = ast.parse(text(path))
        for call in calls_of(path):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            first = [one.value for one in call.args if isinstance(one, ast.Constant)]
            if name in ("_new", "_paint"):
                yield first[-1]
            elif name in ("operator", "operator_menu_enum") and first and first[0] in operators:
                yield keyword(call, "text", operators[first[0]])
        drawn = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)} & properties.keys()
        yield from (properties[name] for name in drawn)


def test_every_control_of_the_panel_is_told():
    page = text(ROOT / "docs" / "reference" / "panel.md")
    labels = {label.rstrip(".") for label in panel_labels() if label}
    assert {"Animate", "Amplitude", "Paint What Stays", "Bake"} <= labels
    assert [label for label in sorted(labels) if not re.search(rf"\b{re.escape(label)}\b", page)] == []
