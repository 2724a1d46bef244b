"""The process of a batch that a program with a window asks for: `batch` with the same options, its progress as answers.

It is told {"cancel": true} to stop in order: what is finished stays, nothing half-written does.
"""

import argparse
import threading

from . import animate, batch
from .child import serving

__all__ = ["serve"]


def serve(order: dict) -> None:
    """A child's whole life; see `gid_core.child`. order: {"arguments": those of the command line}."""
    serving(_work, order)


def _work(order, commands, send):
    parser = argparse.ArgumentParser(prog="batch")
    batch.add_arguments(parser)
    options = parser.parse_args(animate.joined(order["arguments"]))
    stopped = threading.Event()
    threading.Thread(target=_wait_for_cancel, args=(commands, stopped), daemon=True).start()
    page, outcomes = batch.animate_all(
        options,
        cancelled=stopped.is_set,
        progress=lambda phase, fraction: send(event="progress", phase=phase, fraction=fraction),
    )
    failed = [[outcome.photo.name, outcome.failure] for outcome in outcomes if outcome.failure is not None]
    send(event="done", page=str(page.resolve()), count=len(outcomes), failed=failed)


def _wait_for_cancel(commands, stopped):
    for command in commands:
        if command.get("cancel"):
            stopped.set()
