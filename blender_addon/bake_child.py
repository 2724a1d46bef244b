"""The process of a bake: a Blender of its own that opens the file of one loop, bakes it and tells how far it is.

It is told {"cancel": true} to stop in order: then nothing half-written stays.
"""

import os
import threading
import time

from ..gid_core.child import serving
from ..gid_core.files.progress import missing_parents
from . import properties
from .output.bake import Bake, order_of
from .output.handover import take_over

__all__ = ["serve"]

_POLL_S = 0.05


def serve(order: dict) -> None:
    """A child's whole life; see `gid_core.child`.

    order: what `handover.hand_over` gave, and what is "asked", as `bake.order_of` takes it.
    """
    properties.register()
    serving(_work, order)


class _Stoppable:
    """The bake, once it has begun; `at_rest` is held while it is looked at, as it must not be stopped just then."""

    def __init__(self):
        self.bake: Bake | None = None
        self.at_rest = threading.Lock()

    def listen(self, commands):
        """Thread: stop when that is asked for, also while Blender renders or encodes."""
        for command in commands:
            if command.get("cancel"):
                with self.at_rest:
                    if self.bake is not None:
                        self.bake.cancel()
                    os._exit(0)


def _work(order, commands, send):
    stoppable = _Stoppable()
    threading.Thread(target=stoppable.listen, args=(commands,), daemon=True).start()
    send(event="progress", phase="read the loop", fraction=0.0)
    asked = order_of(take_over(order), **order["asked"])
    made = [str(parent) for parent in missing_parents(asked.folder)]
    send(event="place", folder=str(asked.folder), take=asked.take, made=made)
    with stoppable.at_rest:
        bake = stoppable.bake = Bake(asked)
    while bake.result() is None:
        with stoppable.at_rest:
            steps = bake.poll()
        for step in steps:
            send(event="progress", phase=step.phase, fraction=step.fraction)
        time.sleep(_POLL_S)
    send(event="progress", phase="compare with Blender", fraction=0.0)
    send(event="done", told=bake.finish())
