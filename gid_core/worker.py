"""A live child process that predicts: another seed of a photo that it knows costs a fraction of the first prediction.

`Worker.submit` hands over a photo and a request and returns a `Task`, which is polled and never waited for. The child
(companion.py here, prediction/child.py there) is started by the first task and kept: it holds the open sessions and
what the model said of the last photos. It is told the digest of a photo first and asks for the pixels only if it does
not know them. Tasks are done one after another. A cancel is cooperative, so that the child stays; one that does not
answer in time is killed. After a crash the next task starts a new child. The child ends when its parent does, however
that ends, and by itself after some idle minutes. `python3 build.py bench reroll` measures its memory and what it saves.

All that waits (starting, writing, reading, killing) happens in one thread a worker, the `_Keeper`.
"""

import contextlib
import functools
import os
import queue
import threading
import time
import weakref
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from . import errors
from .companion import Companion
from .motion.motion import Motion
from .prediction.child import take
from .prediction.predict import digest_of
from .prediction.request import Request

__all__ = ["COOPERATION_S", "IDLE_S", "Event", "Task", "Worker", "close_live", "live", "start_worker"]

COOPERATION_S = 0.6  # for a cancelled child to come to its next step, which takes a tenth of that; then it is killed
IDLE_S = 600.0  # without a task; then the child ends, and its 240 MB (`build.py bench reroll`) are free
_END_S = 3 * COOPERATION_S  # until a child that is asked to end is surely gone
_STOPPED = "stopped before the motion was there; nothing was made"


@dataclass(frozen=True)
class Event:
    """How far a prediction is: the name of its phase and the fraction 0..1 of it."""

    phase: str
    fraction: float


class Task:
    """A prediction that was asked for; made by `Worker.submit`. Forgetting it cancels it."""

    def __init__(self, worker, keeper, order):
        self._worker = worker  # a task keeps its worker alive
        self._order = order
        self._cancel = weakref.finalize(self, keeper.cancel, order)
        self._cancel.atexit = False  # then the whole worker ends

    def poll(self) -> list[Event]:
        """What happened since the last call; never waits."""
        events = []
        with contextlib.suppress(queue.Empty):
            while True:
                events.append(self._order.events.get_nowait())
        return events

    def result(self) -> Motion | None:
        """The motion, or None while it is not there yet.

        Raises:
            GidError: there will be none; what the prediction raised, or a sentence about a crash.
        """
        if self._order.failure is not None:
            raise self._order.failure
        return self._order.motion

    @property
    def peak_bytes(self) -> int | None:
        """The most memory the child has held, known when the task is done; None where the system does not tell."""
        return self._order.peak_bytes

    def cancel(self) -> None:
        """Stop: `result` raises Cancelled at once, the child rests within a second. Harmless when it is over."""
        self._cancel()


class Worker:
    """A child process that is started when it is needed and kept. Forgetting the worker ends it.

    idle_s: seconds without work after which the child ends.
    """

    def __init__(self, idle_s: float = IDLE_S):
        self._keeper = _Keeper(idle_s)
        self._end = weakref.finalize(self, self._keeper.end)

    def submit(self, photo: np.ndarray, request: Request) -> Task:
        """Begin `predict.predict(photo, request)`, after what was submitted before; returns at once.

        photo: float32 (H, W, 3|4), linear, premultiplied; it must not be changed before the task is over.
        """
        order = _Order(np.asarray(photo, np.float32), request)
        self._keeper.post("order", order)
        return Task(self, self._keeper, order)

    @property
    def pid(self) -> int | None:
        """The process id of the child; None while there is none."""
        child = self._keeper.child
        return None if child is None else child.process.pid

    def close(self) -> None:
        """End the child now and cancel what it had to do; a later `submit` starts another one. Waits for its end."""
        self._keeper.close()


@functools.cache
def live() -> Worker:
    """The worker that all of this program shares."""
    return Worker()


def close_live() -> None:
    """`live().close()`, if there ever was a live worker."""
    if live.cache_info().currsize:
        live().close()


def start_worker(photo: np.ndarray, request: Request) -> Task:
    """`live().submit(photo, request)`."""
    return live().submit(photo, request)


class _Order:
    """What was asked and what came of it; over once it has a motion or a failure."""

    def __init__(self, photo: np.ndarray, request: Request):
        self.photo: np.ndarray | None = photo
        self.request = request
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.motion: Motion | None = None
        self.failure: errors.GidError | None = None
        self.peak_bytes: int | None = None
        self._lock = threading.Lock()

    def is_over(self):
        return self.motion is not None or self.failure is not None

    def end(self, *, motion=None, failure=None):
        """The first end counts: a motion that arrives after a cancel is dropped."""
        with self._lock:
            if not self.is_over():
                self.motion, self.failure = motion, failure
        self.photo = None


class _Keeper:
    """The thread that looks after a worker's child. It takes one message at a time:

    order (an _Order), cancel (an _Order), line (a child, its message), gone (a child), close (an Event), end.
    """

    def __init__(self, idle_s):
        self.child: Companion | None = None
        self._idle_s = idle_s
        self._inbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._waiting: deque[_Order] = deque()
        self._active: _Order | None = None  # what the child works on
        self._number = 0  # of that order, as the child knows it
        self._kill_at: float | None = None  # when a cancelled child must have answered
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def post(self, kind, value=None):
        with self._starting:
            self._inbox.put((kind, value))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="gid-worker", daemon=True)
                self._thread.start()

    def cancel(self, order):
        if not order.is_over():
            order.end(failure=errors.Cancelled(_STOPPED))
            self.post("cancel", order)

    def close(self):
        if self._thread is not None:
            closed = threading.Event()
            self.post("close", closed)
            closed.wait(_END_S)

    def end(self):
        if self._thread is not None and self._thread.is_alive():
            self.post("end")
            self._thread.join(_END_S)

    def _run(self):
        try:
            while True:
                kind, value = self._next_message()
                if kind == "end":
                    self._drop_all(errors.Cancelled(_STOPPED))
                    return
                getattr(self, "_on_" + kind)(value)
                while self._active is None and self._waiting:
                    self._begin(self._waiting.popleft())
        except BaseException:  # our bug: its traceback goes to the console, but nobody may wait for ever
            self._drop_all(errors.ModelError("the prediction failed by a fault of ours: report what the console shows"))
            raise

    def _next_message(self):
        wait = None if self._kill_at is None else self._kill_at - time.monotonic()
        with contextlib.suppress(queue.Empty):
            if wait is None or wait > 0:
                return self._inbox.get(timeout=wait)
        return "deaf", None

    def _on_order(self, order):
        self._waiting.append(order)

    def _on_cancel(self, order):
        if order is self._active:
            self._stop_active()

    def _on_deaf(self, _):
        self._end_child(patience_s=0)
        self._active = None

    def _on_close(self, closed):
        self._drop_all(errors.Cancelled(_STOPPED))
        closed.set()

    def _on_line(self, line):
        child, message = line
        if child is not self.child:
            return
        if message["event"] == "bye":  # it leaves after its idle minutes; what crossed that goes to the next one
            self._end_child()
            if self._active is not None:
                self._waiting.appendleft(self._active)
                self._active = None
        elif self._active is not None and message["task"] == self._number:
            getattr(self, "_hear_" + message["event"])(self._active, message)

    def _on_gone(self, child: Companion):
        if child is not self.child:
            return
        failure = child.crash(COOPERATION_S) if self._active is not None else None
        self._end_child()
        if self._active is not None:
            self._active.end(failure=failure)
            self._active = None

    def _hear_progress(self, order, message):
        order.events.put(Event(message["phase"], message["fraction"]))

    def _hear_photo(self, order, message):
        assert self.child is not None  # it is the one that asks
        photo = order.photo
        try:
            if photo is not None:  # None: it was cancelled meanwhile
                self.child.send(task=self._number, photo=self.child.store(photo))
        except errors.GidError as error:
            order.end(failure=error)
            self._stop_active()

    def _hear_done(self, order, message):
        assert self.child is not None  # it is the one that tells
        order.peak_bytes = message["peak_bytes"]
        try:
            order.end(motion=take(self.child.folder, message))
        except (errors.GidError, OSError, ValueError) as error:  # the disk, or whoever cleans temporary folders
            order.end(failure=errors.LimitError(f"the motion was lost on its way ({error}): predict it again"))
        self._rest()

    def _hear_error(self, order, message):
        kind = getattr(errors, str(message["kind"]), errors.GidError)
        order.end(failure=kind(message["message"]))
        self._rest()

    def _begin(self, order):
        """Give an order to the child, which is started if there is none."""
        photo = order.photo
        if photo is None:  # it was cancelled while it waited
            return
        try:
            if self.child is None:
                self.child = Companion(self._inbox, self._idle_s)
            digest = digest_of(photo)
        except errors.GidError as error:
            order.end(failure=error)
            return
        self._active, self._number = order, self._number + 1
        request = {**asdict(order.request), "model": _absolute(order.request.model)}
        self.child.send(task=self._number, digest=digest, request=request)

    def _stop_active(self):
        assert self.child is not None  # an active order has one
        self.child.send(cancel=self._number)
        self._kill_at = time.monotonic() + COOPERATION_S

    def _rest(self):
        self._active = self._kill_at = None

    def _end_child(self, patience_s=COOPERATION_S):
        self._kill_at = None
        if self.child is not None:
            self.child.end(patience_s)
            self.child = None

    def _drop_all(self, failure):
        for order in (self._active, *self._waiting):
            if order is not None:
                order.end(failure=failure)
        self._active = None
        self._waiting.clear()
        self._end_child()


def _absolute(model):
    return model if model in ("auto", "physics") else os.path.abspath(model)
