"""The process of a batch: a Blender of its own that does `batch` with the command line's options, progress as answers.

It is told {"cancel": true} to stop in order: what is finished stays, nothing half-written does.
"""

import argparse
import threading

from ..gid_core import animate, batch
from ..gid_core.child import serving
from . import properties
from .output.delivery import CommandLine

__all__ = ["serve"]


def serve(order: dict) -> None:
    """A child's whole life; see `gid_core.child`. order: {"arguments": those of the command line}."""
    properties.register()
    serving(_work, order)


def _work(order, commands, send):
    parser = argparse.ArgumentParser(prog="batch")
    batch.add_arguments(parser)
    options = parser.parse_args(animate.joined(order["arguments"]))
    stopped = threading.Event()
    threading.Thread(target=_wait_for_cancel, args=(commands, stopped), daemon=True).start()
    page, outcomes = batch.animate_all(
        options,
        CommandLine(),
        cancelled=stopped.is_set,
        progress=lambda phase, fraction: send(event="progress", phase=phase, fraction=fraction),
        begun=lambda folder: send(event="place", folder=str(folder.resolve())),
    )
    failed = [outcome.failure for outcome in outcomes if outcome.failure is not None]
    send(event="done", page=str(page.resolve()), count=len(outcomes), failed=failed)


def _wait_for_cancel(commands, stopped):
    for command in commands:
        if command.get("cancel"):
            stopped.set()
