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

from . import animate, console, delivery, source
from .errors import Cancelled, GidError, SettingsError
from .files.storage import disk_errors, replacing

__all__ = ["INDEX", "Outcome", "add_arguments", "animate_all", "main", "run", "without", "write_page"]

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
    """What came of one photo or clip, by its title: the folder of its loop, or a sentence that says why there is none
    and names the file once."""

    title: str
    folder: Path
    failure: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `batch`: a folder in place of the photo, and those of `animate`."""
    parser.add_argument("folder", metavar="FOLDER", help="the folder of the photos")
    source.add_clips(parser)
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
    sources, left_out = source.sources_in(folder, options.motion_from_clips)
    outcomes = []
    for number, one in enumerate(sources, 1):
        of_all = f"photo {number} of {len(sources)}"
        console.say(f"{of_all}: {one.title}", sys.stderr)

        def told(phase, fraction, of_all=of_all):
            if progress is not None:
                progress(f"{of_all}: {phase}", fraction)

        if begun is not None:
            begun(out / one.name)
        outcomes.append(_animated(options, one, out / one.name, blender, cancelled, told))
    if left_out:
        console.say(f"gid: {without(left_out)}", sys.stderr)
    _write_index(out, folder.resolve().name, outcomes, left_out)
    return out / INDEX, outcomes


def main(arguments: list[str] | None = None) -> int:
    """Exit code of `python -m gid_core.batch`: 0, 2 if a photo or an option failed, 130 stopped."""
    parser = argparse.ArgumentParser(prog="batch", description="Every photo of a folder becomes a loop.")
    add_arguments(parser)
    return animate.run_command(parser, run, arguments)


def without(clips):
    """A sentence about clips that were left out."""
    names = ", ".join(path.name for path in clips)
    return f"{names} left out: ask for clips, too, and photos move as those of their names ({source.CLIPS_OPTION})"


def _animated(options, one, folder, blender, cancelled, progress):
    kept = {key: value for key, value in vars(options).items() if key not in ("folder", "motion_from_clips")}
    try:
        asked = one.options(argparse.Namespace(**{**kept, "out": str(folder)}))
        animate.run(asked, blender, cancelled, progress)
    except Cancelled:
        raise
    except GidError as error:
        failure = " ".join(one.named(str(error)).split())
    except MemoryError:
        failure = one.named("not enough memory: give a smaller --size")
    else:
        return Outcome(one.title, folder, None)
    console.say(f"gid: error: {failure}", sys.stderr)
    return Outcome(one.title, folder, failure)


def write_page(out, title: str, results) -> None:
    """Write the page that shows (title, folder of its loop) of each."""
    _write_index(Path(out), title, [Outcome(named, folder, None) for named, folder in results])


def _write_index(out, title, outcomes, left_out=()):
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    figures = [_figure(out, outcome) for outcome in outcomes]
    figures += [f"<p>{html.escape(without(left_out))}</p>"] if left_out else []
    page = _PAGE.format(title=html.escape(title), figures="\n".join(figures))
    with replacing(out / INDEX) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="surrogateescape")


def _figure(out, outcome):
    if outcome.failure is not None:
        return f'<figure><figcaption class="failed">{html.escape(outcome.failure)}</figcaption></figure>'
    name = html.escape(outcome.title)

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
