"""A folder of photos becomes a folder of loops, with a page that shows them all.

One process does all of it, so that the model is loaded once. A photo that fails is named in one line and does not stop
the others.
"""

import argparse
import html
import os
import sys
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import animate, console, delivery
from .errors import Cancelled, GidError, SettingsError
from .files.storage import disk_errors, replacing

__all__ = ["INDEX", "Outcome", "add_arguments", "animate_all", "main", "photos_in", "run", "write_page"]

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".webp", ".avif", ".gif", ".bmp", ".ppm", ".pgm"),
    *(".tga", ".jp2", ".j2k", ".exr", ".hdr", ".heic"),
)
INDEX = "index.html"
_PAGE = """<!doctype html>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ background: #222; color: #ddd; font: 14px sans-serif; margin: 2em; }}
figure {{ display: inline-block; margin: 0 1em 1em 0; vertical-align: top; width: 360px; }}
img, video {{ max-width: 100%; }}
a {{ color: #9cf; }}
.failed {{ color: #f96; }}
</style>
<h1>{title}</h1>
{figures}
"""


@dataclass(frozen=True)
class Outcome:
    """What came of one photo: the folder of its loop, or why there is none."""

    photo: Path
    folder: Path
    failure: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `batch`: a folder in place of the photo, and those of `animate`."""
    parser.add_argument("folder", metavar="FOLDER", help="the folder of the photos")
    animate.add_options(parser, "DIR", "folder for the results, one for each photo and a page of all")


def run(
    options: argparse.Namespace, blender: delivery.Blender | None = None, cancelled: Callable | None = None
) -> None:
    """Animate every photo of a folder into DIR/NAME, and write DIR/index.html.

    Raises:
        SettingsError: an option cannot be or the folder holds no photo, before any work; or, after all of it, how many
            photos failed. Each was named by a line on the standard error then.
        Cancelled: what was finished stays.
    """
    page, outcomes = animate_all(options, blender, cancelled)
    failed = sum(outcome.failure is not None for outcome in outcomes)
    if failed:
        raise SettingsError(f"{failed} of {len(outcomes)} photos failed; {page} shows the others")


def animate_all(
    options: argparse.Namespace,
    blender: delivery.Blender | None = None,
    cancelled: Callable | None = None,
    progress: Callable | None = None,
    begun: Callable | None = None,
) -> tuple[Path, list[Outcome]]:
    """As `run`; a photo that fails raises nothing. Returns the page and what came of each photo.

    Args:
        progress: called with a phase, which begins with the photo's number, and the fraction 0..1 of it that is done.
        begun: called with the folder of each loop before it is made.
    """
    folder = Path(options.folder)
    out = Path(options.out) if options.out else Path("out") / folder.resolve().name
    animate.checked_output(options).check_libraries(has_blender=blender is not None)
    photos = photos_in(folder)
    outcomes = []
    for number, (photo, name) in enumerate(photos, 1):
        of_all = f"photo {number} of {len(photos)}"
        console.say(f"{of_all}: {photo.name}", sys.stderr)

        def told(phase, fraction, of_all=of_all):
            if progress is not None:
                progress(f"{of_all}: {phase}", fraction)

        if begun is not None:
            begun(out / name)
        outcomes.append(_animated(options, photo, out / name, blender, cancelled, told))
    _write_index(out, folder.resolve().name, outcomes)
    return out / INDEX, outcomes


def main(arguments: list[str] | None = None) -> int:
    """Exit code of `python -m gid_core.batch`: 0, 2 if a photo or an option failed, 130 stopped."""
    parser = argparse.ArgumentParser(prog="batch", description="Every photo of a folder becomes a loop.")
    add_arguments(parser)
    return animate.run_command(parser, run, arguments)


def photos_in(folder):
    """(photo, name of its results) of each photo in a folder, by name; those that differ by their ending only keep it.

    Raises:
        SettingsError: the folder cannot be read, or holds no photo.
    """
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError as error:
        raise SettingsError(f"{folder} is no folder that can be read: name a folder of photos") from error
    if not found:
        raise SettingsError(f"there is no photo in {folder}: name a folder of photos")
    # Without regard to case, since some disks have none.
    stems = [path.stem.casefold() for path in found]
    return [(path, path.stem if stems.count(path.stem.casefold()) == 1 else path.name) for path in found]


def _animated(options, photo, folder, blender, cancelled, progress):
    asked = {key: value for key, value in vars(options).items() if key != "folder"}
    asked |= {"photo": str(photo), "out": str(folder)}
    try:
        animate.run(argparse.Namespace(**asked), blender, cancelled, progress)
    except Cancelled:
        raise
    except GidError as error:
        failure = " ".join(str(error).split())
    except MemoryError:
        failure = "not enough memory: give a smaller --size"
    else:
        return Outcome(photo, folder, None)
    console.say(f"gid: error: {photo.name}: {failure}", sys.stderr)
    return Outcome(photo, folder, failure)


def write_page(out, title: str, results) -> None:
    """Write the page that shows (photo, folder of its loop) of each."""
    _write_index(Path(out), title, [Outcome(photo, folder, None) for photo, folder in results])


def _write_index(out, title, outcomes):
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    page = _PAGE.format(title=html.escape(title), figures="\n".join(_figure(out, outcome) for outcome in outcomes))
    with replacing(out / INDEX) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="surrogateescape")


def _figure(out, outcome):
    name = html.escape(outcome.photo.name)
    if outcome.failure is not None:
        return f'<figure><figcaption class="failed">{name}: {html.escape(outcome.failure)}</figcaption></figure>'

    def link(file):
        place = os.path.relpath(outcome.folder / file, out)
        return html.escape(urllib.parse.quote(place.replace(os.sep, "/"), errors="surrogateescape"))

    movies = sorted(path.name for path in outcome.folder.glob("loop.*"))
    shown = movies[0] if movies else "preview.png"
    if shown.endswith((".mp4", ".mov")):
        picture = f'<video src="{link(shown)}" autoplay loop muted playsinline></video>'
    else:
        picture = f'<img src="{link(shown)}" alt="">'
    links = [
        f'<a href="{link(file)}">{label}</a>' for file, label in (("preview.png", "preview"), ("report.json", "report"))
    ]
    return f"<figure>{picture}<figcaption>{name}: {', '.join(links)}</figcaption></figure>"


if __name__ == "__main__":
    sys.exit(main())
