"""Many fresh processes at one work: a `Crew` hands out commands and hears answers, `serving` is the life of a child.

A child (process.py) stops when its input ends: when it is told to, and when the parent is gone.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

from . import errors, process

__all__ = ["Crew", "serving"]

COOPERATION_S = 0.4  # after that a child that was asked to stop is terminated, and killed after as long again
_TIDY_S = 10.0  # for a child that was dismissed to clear away what is half-written; nobody waits for it
# Processes that each start a thread a core take turns instead of working, and sums depend on the number of threads.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Crew:
    """Child processes that run `serve(order)` of one module of ours, told apart by their number 0, 1, ...

    Args:
        count: how many.
        module: dotted, such as "gid_core.frames.frame_worker".
        order: JSON-ready; the same for all.
        folder: takes what the children print beside their answers; whoever made it removes it.
        work: what they do, for a sentence about a crash.
        blender: as `process.start` takes it.
    Raises:
        LimitError: no process can be started.
    """

    def __init__(
        self, count: int, module: str, order: dict, folder: str | Path, work: str, blender: Sequence[str] | None = None
    ):
        self._folder, self._work = Path(folder), work
        self._messages: queue.SimpleQueue[tuple[int, dict | None]] = queue.SimpleQueue()
        self._processes: list[subprocess.Popen] = []
        self._finished: set[int] = set()
        self._release = weakref.finalize(self, _end, self._processes)
        try:
            for index in range(count):
                self._processes.append(_started(order, module, self._log(index), blender))
                reader = (index, self._processes[index], self._messages)
                threading.Thread(target=_read, args=reader, daemon=True).start()
        except BaseException:
            self.end()
            raise

    def __len__(self):
        return len(self._processes)

    def tell(self, index: int, **command) -> None:
        """Hand a command to one child. One that is gone is met by `answers`."""
        process.tell(self._processes[index], command)

    def answers(self) -> list[tuple[int, dict]]:
        """What came since the last call, as (number of the child, message); never waits. "done" is a child's last word.

        Raises:
            GidError: what a child raised, or a sentence about its crash. The others are stopped then.
        """
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                index, message = self._messages.get_nowait()
                if message is None and index in self._finished:
                    continue
                if message is None or message.get("event") == "error":
                    error = self._crash(index) if message is None else _error(message)
                    self.end()
                    raise error
                if message["event"] == "done":
                    self._finished.add(index)
                found.append((index, message))
        return found

    def dismiss(self, afterwards: Callable[[], None]) -> None:
        """Tell all children {"cancel": true} and return at once: a thread sees to it that they end, and calls this."""
        for index in range(len(self)):
            self.tell(index, cancel=True)
        threading.Thread(target=self._see_off, args=(afterwards,), name="gid-crew-end", daemon=True).start()

    def _see_off(self, afterwards):
        _wait(self._processes, _TIDY_S)
        self.end()
        afterwards()

    def end(self) -> None:
        """Stop all children; they are gone when this returns, within a second."""
        self._release()

    def _log(self, index):
        return self._folder / f"log{index}.txt"

    def _crash(self, index):
        """A sentence about a child that ended without an answer; what it printed goes to our stderr."""
        try:
            code = self._processes[index].wait(COOPERATION_S)
        except subprocess.TimeoutExpired:
            code = "none"
        with contextlib.suppress(OSError):
            print(self._log(index).read_text(errors="replace")[-process.LOG_TAIL :], file=sys.stderr)
        return errors.LimitError(
            f"a process that should {self._work} ended unexpectedly (exit code {code}): if memory is short, close "
            "other programs or choose a smaller size"
        )


def serving(work: Callable, order: dict) -> None:
    """A child's whole life: `work(order, commands, send)`, its errors as answers, and out.

    commands: iterator of the dicts that the parent tells, without end. send(**message): a line of JSON to the parent.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what native libraries print must not look like an answer
    # Ctrl-C reaches every process of a terminal: the parent decides, and tells by closing our input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def send(**message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    arrived: queue.SimpleQueue[dict] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(arrived,), daemon=True).start()
    code = 0
    try:
        work(order, iter(arrived.get, None), send)
    except errors.GidError as error:
        send(event="error", kind=type(error).__name__, message=str(error))
    except MemoryError:
        send(
            event="error",
            kind="LimitError",
            message="not enough memory: close other programs, or choose a smaller size",
        )
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)  # at once: native thread pools have been seen to hang in their exit handlers


def _listen(arrived):
    for line in sys.stdin.buffer:
        arrived.put(json.loads(line))
    os._exit(0)  # the parent wants no answer any more, or is gone


def _started(order, module, log, blender):
    # A Blender keeps a temporary folder, which stays behind when its process ends at once: ours takes it along.
    environment = {**_ONE_THREAD, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(log.parent))}
    try:
        return process.start(module, order, log, environment, blender)
    except OSError as error:
        raise errors.LimitError(
            f"no further process can be started ({error}): close other programs, or render the loop's scene instead"
        ) from error


def _read(index, child, messages):
    """Thread: what a child says into the queue, None at the end."""
    for message in process.told(child):
        messages.put((index, message))
    messages.put((index, None))


def _error(message):
    return getattr(errors, str(message["kind"]), errors.GidError)(message["message"])


def _end(processes):
    for child in processes:
        with contextlib.suppress(OSError, ValueError):
            child.stdin.close()
    for stop in (None, subprocess.Popen.terminate, subprocess.Popen.kill):
        if stop is not None:
            for child in processes:
                if child.poll() is None:
                    stop(child)
        _wait(processes, COOPERATION_S)


def _wait(processes, patience_s):
    """Until all have ended, or it takes too long."""
    patience = time.monotonic() + patience_s
    for child in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, patience - time.monotonic()))
