"""`job`: a photo or a folder of them becomes a folder that a farm takes."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from .. import animate, console, delivery
from ..errors import SettingsError
from ..source import add_clips
from . import job as jobs
from . import templates

__all__ = ["add_arguments", "main", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `job`: a photo or a folder, those of `animate`, and what the farm is."""
    parser.add_argument("source", metavar="PHOTO|FOLDER", help="what comes to life")
    add_clips(parser)
    animate.add_options(parser, "DIR", "folder for the job")
    parser.add_argument("--chunk", type=int, default=24, metavar="N", help="frames a task (default: %(default)s)")
    parser.add_argument(
        "--for",
        dest="for_farm",
        choices=tuple(templates.FARMS),
        default="openjd",
        help="who takes it (default: %(default)s)",
    )
    parser.add_argument(
        "--with",
        dest="door",
        choices=("python", "blender"),
        default="python",
        help="what the machines have: a checkout and Python, or Blender with the add-on (default: %(default)s)",
    )


def run(
    options: argparse.Namespace, blender: delivery.Blender | None = None, cancelled: Callable | None = None
) -> None:
    """Write the job.

    Raises:
        GidError: what is asked for cannot be, a photo cannot be read, or the disk is unfit.
    """
    source = Path(options.source)
    if not source.exists():
        raise SettingsError(f"there is no {source}: name a photo, or a folder of photos")
    folder = Path(options.out) if options.out else Path("out") / f"{source.resolve().stem}-job"
    asked = argparse.Namespace(**{name: value for name, value in vars(options).items() if name != "source"})
    job = jobs.make(asked, source, folder)
    for path in templates.write(job, options.for_farm, options.door, options.chunk):
        console.say(str(path))


def main(arguments: list[str] | None = None) -> int:
    """Exit code of `python -m gid_core.farm.submit`."""
    parser = argparse.ArgumentParser(prog="job", description="Photos become a job for a farm.")
    add_arguments(parser)
    return animate.run_command(parser, run, arguments)


if __name__ == "__main__":
    sys.exit(main())
