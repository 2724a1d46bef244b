"""The command line: `blender --command gid animate PHOTO --out DIR` or `... batch FOLDER`, the same through `build.py`.

It adds to `gid_core.animate` what needs Blender: the scene, the frames, the movie. It starts from an empty file of its
own and asks nothing of the one that is open, so it works with the add-on enabled, and from a checkout without.
"""

import argparse
import signal
import sys
from collections.abc import Callable
from contextlib import contextmanager

import bpy

from . import properties

__all__ = ["main", "register", "unregister"]

_handle = None


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong with the arguments in one line, like every other error of the user."""

    def error(self, message):
        print(f"gid: error: {message} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(2)


def main(argv: list[str]) -> int:
    """Exit code of a command: 0, 2 the user's mistake, 3 the model, 130 stopped, 1 (with a traceback) our bug."""
    from ..gid_core import animate, batch, console
    from ..gid_core.farm import submit, task
    from ..gid_core.files import progress  # at the first use: they load Pillow
    from .output import preflight
    from .output.delivery import CommandLine

    parser = _Parser(prog="gid", description="Still photos become seamless loops.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    described = "One still photo becomes a seamless loop: frames, a movie and a scene that renders them anywhere."
    animate.add_arguments(verbs.add_parser("animate", help="make a loop of a photo", description=described))
    described = "Every photo of a folder becomes a loop, and a page shows them all."
    batch.add_arguments(verbs.add_parser("batch", help="make loops of a folder of photos", description=described))
    console.settle()
    described = "Photos become a folder that a farm takes: Open Job Description, AWS Deadline Cloud or Flamenco."
    submit.add_arguments(verbs.add_parser("job", help="make a farm's job of photos", description=described))
    task.add_arguments(verbs.add_parser("task", help="do one task of such a job", description="One task of a job."))
    described = "A line for each thing in a file that would go wrong on another machine, with what to do about it."
    checked = verbs.add_parser("check", help="look at a .blend file before it goes to a farm", description=described)
    checked.add_argument("file", nargs="?", metavar="FILE", help="the file; without one, that which is open")
    checked.add_argument("--openjd", action="store_true", help="tell a failure as Open Job Description wants it")
    checked.add_argument("--blender", metavar="VERSION", help="which Blender looks; build.py reads it")
    try:
        options = parser.parse_args(animate.joined(argv))
    except SystemExit as end:
        return int(end.code or 0)
    verb = options.verb
    del options.verb  # the report lists what was asked
    if verb == "check":
        with _properties():
            return progress.exit_code_of(lambda: preflight.run(options), options.openjd)
    works: dict[str, Callable] = {"animate": animate.run, "batch": batch.run, "job": submit.run, "task": task.run}
    work = works[verb]
    with _interruptible(progress.STOPPING) as cancelled, _properties():
        code = progress.exit_code_of(lambda: work(options, CommandLine(), cancelled), options.openjd)
    console.let_go()
    return code


@contextmanager
def _interruptible(signals):
    """A callable that tells whether Ctrl-C, a farm's SIGTERM or a closed terminal has come.

    Only noted here, and acted on between two steps or frames: raised inside a render, where Cycles runs Python too, it
    would crash Blender.
    """
    arrived = []
    handlers = {
        number: signal.signal(number, lambda number, _frame: arrived.append(number))
        for number in signals
        if signal.getsignal(number) is not signal.SIG_IGN  # nohup
    }
    try:
        yield lambda: bool(arrived)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: it was not set by Python


@contextmanager
def _properties():
    """`Object.gid` exists in the body, whether or not the add-on is enabled."""
    is_enabled = hasattr(bpy.types.Object, "gid")
    if not is_enabled:
        properties.register()
    try:
        yield
    finally:
        if not is_enabled:
            properties.unregister()


def register():
    global _handle
    _handle = bpy.utils.register_cli_command("gid", main)


def unregister():
    bpy.utils.unregister_cli_command(_handle)
