"""The life of the worker's child process: it reads orders, predicts, and answers; worker.py is the other side.

JSON lines from the parent: {"task", "digest", "request"} asks for a motion, {"task", "photo"} names the file with the
pixels, {"cancel"} takes a task back. JSON lines to the parent, each with its "task" and an "event": "progress" (phase,
fraction), "photo" (send the pixels), "done" (arrays, frequencies, cells, provenance, peak_bytes), "error" (kind,
message); and "bye" when it leaves for want of work. Arrays are files in the folder that the first line names.

The end of its input means that the parent wants no more of it, or is gone; where a third process holds that pipe open
the parent's id tells.
"""

import contextlib
import json
import os
import queue
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path

import numpy as np

from .. import errors
from ..files.memory import peak_bytes
from ..files.storage import disk_errors
from ..motion.motion import Motion
from . import predict
from .encodings import Encodings
from .request import Request

__all__ = ["put", "serve", "take"]

_GRACE_S = 1.0  # for the running step, once the parent is gone
_LOOK_S = 1.0  # between two looks for the parent
_ARRAYS = ("envelope", "z", "picture", "lookup", "members")


def serve(order: dict) -> None:
    """The child's whole life. order: the parent's first line, with "folder" and "idle_s"."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what native libraries print must not look like an answer
    folder = Path(order["folder"])
    threading.Thread(target=_watch_parent, args=(os.getppid(), folder), daemon=True).start()
    parent = _Parent(sys.stdin, answers, folder)
    kept = Encodings()
    code = 0
    try:
        while True:
            asked = parent.next_order(order["idle_s"])
            if asked is None:
                break
            _answer(asked, parent, kept)
    except BrokenPipeError:
        pass  # the parent is gone
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        code = 1
    if code == 0:
        shutil.rmtree(folder, ignore_errors=True)  # after a crash the parent reads the log
    os._exit(code)  # at once: native thread pools have been seen to hang in their exit handlers


def put(folder: Path, motion: Motion) -> dict:
    """A motion as files in a folder, and the rest of it as what `json` takes.

    Raises:
        LimitError: the disk is full or read-only.
    """
    with disk_errors(folder):
        arrays = {name: getattr(motion, name) for name in _ARRAYS if getattr(motion, name) is not None}
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
    return {
        "arrays": list(arrays),
        "frequencies": [float(f) for f in motion.frequencies],
        "cells": list(motion.cells),
        "provenance": dict(motion.provenance),
    }


def take(folder: Path, message: dict) -> Motion:
    """The motion that `put` left in a folder; the next one may take its place.

    Raises:
        OSError, ValueError, VolumeError: it is not there, or not whole.
    """
    arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in message["arrays"]}
    return Motion(
        frequencies=np.array(message["frequencies"]),
        cells=tuple(message["cells"]),
        provenance=message["provenance"],
        **arrays,
    )


class _Parent:
    """What the parent says, sorted by a thread, and what it is told."""

    def __init__(self, stream, answers, folder):
        self.folder = folder
        self._answers = answers
        self._orders: queue.SimpleQueue[dict | None] = queue.SimpleQueue()
        self._photos: queue.SimpleQueue[dict] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._is_gone = threading.Event()
        threading.Thread(target=self._listen, args=(stream,), daemon=True).start()

    def next_order(self, idle_s):
        """The next task; None at the end of the input, or when none came in time (then the parent is told)."""
        try:
            return self._orders.get(timeout=idle_s)
        except queue.Empty:
            self.say(None, "bye")
            return None

    def photo(self, task):
        """The pixels of a task, which the parent sends on demand."""
        self.say(task, "photo")
        while not self.has_cancelled(task):
            with contextlib.suppress(queue.Empty):
                message = self._photos.get(timeout=0.02)
                if message["task"] == task:
                    path = self.folder / message["photo"]
                    photo = np.load(path, allow_pickle=False)
                    path.unlink()
                    return predict.checked(photo)
        raise errors.Cancelled("stopped before the photo was there")

    def has_cancelled(self, task):
        return self._is_gone.is_set() or task in self._cancelled

    def say(self, task, event, **content):
        self._answers.write(json.dumps({"task": task, "event": event, **content}) + "\n")
        self._answers.flush()

    def _listen(self, stream):
        for line in iter(stream.readline, ""):
            message = json.loads(line)
            if "cancel" in message:
                self._cancelled.add(message["cancel"])
            else:
                (self._photos if "photo" in message else self._orders).put(message)
        self._is_gone.set()
        self._orders.put(None)
        time.sleep(_GRACE_S)
        _leave(self.folder)


def _answer(asked, parent, kept):
    """Predict what was asked; a GidError is an answer, anything else ends the child."""
    task = asked["task"]
    try:
        motion = predict.predict_kept(
            asked["digest"],
            lambda: parent.photo(task),
            Request(**asked["request"]),
            kept,
            progress=lambda phase, fraction: parent.say(task, "progress", phase=phase, fraction=fraction),
            cancelled=lambda: parent.has_cancelled(task),
        )
        parent.say(task, "done", peak_bytes=peak_bytes(), **put(parent.folder, motion))
    except errors.GidError as error:
        parent.say(task, "error", kind=type(error).__name__, message=str(error))
    except MemoryError:
        sentence = "not enough memory to predict the motion: close other programs"
        parent.say(task, "error", kind="LimitError", message=sentence)


def _watch_parent(parent, folder):
    """Thread: a process whose parent has died gets another one (not on Windows, where pipes are not inherited)."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    _leave(folder)


def _leave(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)
