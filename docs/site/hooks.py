"""Pages of the API reference, one a room of gid_core: every module with public names, told by its docstrings.

mkdocs calls `on_files`. The pages exist in the site alone, so that they cannot fall behind the sources.
"""

from pathlib import Path

from mkdocs.structure.files import File

CORE = Path(__file__).resolve().parents[2] / "gid_core"


def on_files(files, config):
    """Add reference/api/ROOM.md for each room, and gid_core.md for the modules beside them."""
    for room in [CORE, *sorted(path.parent for path in CORE.glob("*/__init__.py"))]:
        package = "gid_core" if room == CORE else f"gid_core.{room.name}"
        modules = sorted(path.stem for path in room.glob("*.py") if path.stem != "__init__")
        text = f"# {package}\n\n" + "\n".join(f"::: {package}.{module}\n" for module in modules)
        files.append(File.generated(config, f"reference/api/{room.name}.md", content=text))
    return files
