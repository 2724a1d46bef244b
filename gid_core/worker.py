"""The prediction in a process of its own: progress, cancel within a second, and a crash takes nothing else down.

The parent hands over pixels and request as files in a temporary folder that is always removed; the child answers with
JSON lines on its standard output: {"event": "progress", "phase", "fraction"}, {"event": "done", "file"} or
{"event": "error", "kind", "message"}. It runs the parent's Python with the parent's sys.path, never imports bpy, and
stops when the parent is gone. Nothing here blocks: `poll` is made for a timer.
"""

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
import weakref
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import errors
from .files.memory import peak_bytes
from .files.storage import disk_errors
from .motion import saved
from .motion.motion import Motion
from .prediction import predict

__all__ = ["Event", "Worker", "serve", "start_worker"]

COOPERATION_S = 0.4  # after that a cancelled child is terminated, and killed after as long again
_PHOTO, _MOTION, _LOG = "photo.npy", "motion.npz", "log.txt"
_LOG_TAIL = 4000

# The child sees this package under another name, so that no parent package (in Blender: the add-on) is imported.
_BOOT = """
import importlib, json, sys, types
order = json.loads(sys.stdin.readline())
sys.path[:] = order["path"]
sys.modules["bpy"] = None
package = types.ModuleType("gid_worker")
package.__path__ = [order["root"]]
sys.modules["gid_worker"] = package
importlib.import_module("gid_worker." + order["package"] + ".worker").serve(order)
"""


@dataclass(frozen=True)
class Event:
    """How far a prediction is: the name of its phase and the fraction 0..1 of it."""

    phase: str
    fraction: float


class Worker:
    """A prediction under way in a child process; made by `start_worker`."""

    def __init__(self, process, folder):
        self.peak_bytes = None  # of the child, once it is done
        self._process = process
        self._folder = folder
        self._messages = queue.SimpleQueue()
        self._motion = None
        self._failure = None
        self._release = weakref.finalize(self, _end, process, folder)
        threading.Thread(target=_read_messages, args=(process.stdout, self._messages), daemon=True).start()

    def poll(self) -> list[Event]:
        """What happened since the last call; never waits."""
        events = []
        with contextlib.suppress(queue.Empty):
            while not self._is_over():
                message = self._messages.get_nowait()
                if message is None:
                    self._fail(self._crash())
                elif message["event"] == "progress":
                    events.append(Event(message["phase"], message["fraction"]))
                elif message["event"] == "done":
                    self._finish(message)
                else:
                    self._fail(_error(message))
        return events

    def result(self) -> Motion | None:
        """The motion, or None while it is not there yet (call `poll` to make it arrive).

        Raises:
            GidError: there will be none; what the prediction raised, or a sentence about a crash.
        """
        if self._failure is not None:
            raise self._failure
        return self._motion

    def cancel(self) -> None:
        """Stop; the process and its folder are gone when this returns, within a second. Harmless when it is over."""
        if not self._is_over():
            with contextlib.suppress(OSError, ValueError):
                self._process.stdin.close()  # the child takes the end of its input as the wish to stop
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(COOPERATION_S)
            self._fail(errors.Cancelled("stopped before the motion was there; nothing was made"))
        self._release()

    def _is_over(self):
        return self._motion is not None or self._failure is not None

    def _finish(self, message):
        self.peak_bytes = message.get("peak_bytes")
        try:
            self._motion = saved.load(self._folder / _MOTION).motion
        except errors.GidError as error:
            self._failure = error
        self._release()

    def _fail(self, error):
        self._failure = error
        self._release()

    def _crash(self):
        """A sentence about a child that ended without an answer; what it printed goes to our stderr."""
        try:
            code = self._process.wait(COOPERATION_S)
        except subprocess.TimeoutExpired:
            code = "none"
        with contextlib.suppress(OSError):
            print((self._folder / _LOG).read_text(errors="replace")[-_LOG_TAIL:], file=sys.stderr)
        return errors.ModelError(
            f"the prediction process ended unexpectedly (exit code {code}): use the physics prior, "
            "or install the add-on again if it happens every time"
        )


def start_worker(photo: np.ndarray, request: predict.Request) -> Worker:
    """Begin `predict.predict(photo, request)` in a child process.

    Raises:
        LimitError: the temporary folder cannot be written.
        ModelError: the process cannot be started.
    """
    with disk_errors(tempfile.gettempdir()):
        folder = Path(tempfile.mkdtemp(prefix="gid-worker-"))
        try:
            np.save(folder / _PHOTO, np.asarray(photo, np.float32), allow_pickle=False)
            process = _spawn(folder)
            process.stdin.write(json.dumps(_order(folder, request)).encode() + b"\n")
            process.stdin.flush()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return Worker(process, folder)


def _spawn(folder):
    if not sys.executable:
        raise errors.ModelError("this Blender does not say where its Python is: use the physics prior")
    try:
        with (folder / _LOG).open("wb") as log:
            return subprocess.Popen(
                # -I: neither the environment nor the current folder decides what the child imports
                [sys.executable, "-I", "-c", _BOOT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
    except OSError as error:
        raise errors.ModelError(f"the prediction process cannot be started ({error}): use the physics prior") from error


def _order(folder, request):
    package = Path(__file__).resolve().parent
    model = request.model
    return {
        "path": [os.path.abspath(entry) for entry in sys.path],
        "root": str(package.parent),
        "package": package.name,
        "folder": str(folder),
        "request": {
            "seed": int(request.seed),
            "steps": None if request.steps is None else int(request.steps),
            "model": model if model in ("auto", "physics") else os.path.abspath(model),
            "photo_sha256": request.photo_sha256,
        },
    }


def _read_messages(stream, messages):
    """Thread: JSON lines into the queue, None at the end. What is no message came from a process that broke down."""
    with stream:
        for line in stream:
            with contextlib.suppress(ValueError):
                messages.put(json.loads(line))
    messages.put(None)


def _error(message):
    kind = getattr(errors, str(message["kind"]), errors.GidError)
    return kind(message["message"])


def _end(process, folder):
    """Stop a child if it still runs, and remove its folder."""
    for stop in (process.terminate, process.kill):
        if process.poll() is None:
            stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(COOPERATION_S)
    with contextlib.suppress(OSError, ValueError):  # the child may be gone with our last line unread
        process.stdin.close()
    shutil.rmtree(folder, ignore_errors=True)


def serve(order: dict) -> None:
    """The child's whole life: predict as ordered, answer, exit."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what native libraries print must not look like an answer

    def send(**message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    stop = threading.Event()
    threading.Thread(target=_watch, args=(sys.stdin, stop), daemon=True).start()
    folder = Path(order["folder"])
    code = 0
    try:
        photo = np.load(folder / _PHOTO, allow_pickle=False)
        motion = predict.predict(
            photo,
            predict.Request(**order["request"]),
            progress=lambda phase, fraction: send(event="progress", phase=phase, fraction=fraction),
            cancelled=stop.is_set,
        )
        saved.save(folder / _MOTION, motion)
        send(event="done", file=_MOTION, peak_bytes=peak_bytes())
    except errors.GidError as error:
        send(event="error", kind=type(error).__name__, message=str(error), code=error.exit_code)
    except MemoryError:
        send(event="error", kind="LimitError", message="not enough memory to predict the motion: close other programs")
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)  # at once: native thread pools have been seen to hang in their exit handlers


def _watch(stream, stop):
    """Thread: the end of the input means that the parent wants no answer any more, or is gone."""
    stream.read()
    stop.set()
