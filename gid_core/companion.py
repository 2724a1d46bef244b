"""The process in which a worker predicts, as the worker sees it: its pipe, its folder, its words and its end.

prediction/child.py is its own side; worker.py decides what it does when.
"""

import contextlib
import queue
import subprocess
import sys
import threading

import numpy as np

from . import errors, process
from .files.storage import Scratch, disk_errors

__all__ = ["Companion"]

_LOG = "log.txt"


class Companion:
    """The process, the folder that it shares with us, and a thread that passes on what it says.

    Args:
        inbox: takes ("line", (this, message)) for all it says, and ("gone", this) at the end.
        idle_s: seconds without work after which it ends by itself.
    Raises:
        LimitError: the temporary folder cannot be written.
        ModelError: the process cannot be started.
    """

    def __init__(self, inbox: queue.SimpleQueue, idle_s: float):
        self._scratch = Scratch("gid-worker-")
        self.folder = self._scratch.folder
        try:
            self.process = _started(self.folder, idle_s)
        except BaseException:
            self._scratch.remove()
            raise
        threading.Thread(target=_listen, args=(self, inbox), name="gid-worker-lines", daemon=True).start()

    def send(self, **message):
        """One line; a child that is gone is told of by its end."""
        process.tell(self.process, message)

    def store(self, photo):
        """The name of a file in the folder with the photo's pixels."""
        with disk_errors(self.folder):
            np.save(self.folder / "photo.npy", photo, allow_pickle=False)
        return "photo.npy"

    def crash(self, patience_s):
        """A sentence about a child that ended without an answer; what it printed goes to our stderr."""
        try:
            code = self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            code = "none"
        with contextlib.suppress(OSError):
            print((self.folder / _LOG).read_text(errors="replace")[-process.LOG_TAIL :], file=sys.stderr)
        return errors.ModelError(
            f"the prediction process ended unexpectedly (exit code {code}): use the physics prior, "
            "or install the add-on again if it happens every time"
        )

    def end(self, patience_s):
        """It ends at the end of its input, or is killed; its folder goes with it."""
        with contextlib.suppress(OSError, ValueError):
            self.process.stdin.close()
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._scratch.remove()


def _started(folder, idle_s):
    try:
        return process.start("gid_core.prediction.child", {"folder": str(folder), "idle_s": idle_s}, folder / _LOG)
    except OSError as error:
        raise errors.ModelError(f"the prediction process cannot be started ({error}): use the physics prior") from error


def _listen(companion, inbox):
    """Thread: what the process says into the inbox."""
    for message in process.told(companion.process):
        inbox.put(("line", (companion, message)))
    inbox.put(("gone", companion))
