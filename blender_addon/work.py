"""What can be long under way: `Work`, whatever offers `poll`, `result` and `cancel`; in a thread, a process, a chain.

Who runs it, and what becomes of its result, is told in jobs.py.
"""

import contextlib
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import bpy

from ..gid_core.child import Crew
from ..gid_core.errors import GidError
from ..gid_core.files.progress import clear_away
from ..gid_core.files.storage import Scratch

__all__ = ["Beside", "Chain", "Inline", "Step", "Threaded", "Work"]


@dataclass(frozen=True)
class Step:
    """How far some work is, as `Work.poll` tells it."""

    phase: str
    fraction: float


class Work(Protocol):
    """Something long that is under way elsewhere: in a process, in threads.

    What comes in parts says so by `has_more`: its results are applied one after another, each as an undo step.
    """

    def poll(self) -> list:
        """What happened since the last call, each with `phase` (a word or two) and `fraction` (0..1 of that phase)."""

    def result(self) -> Any:
        """What came of it, never None; None while it is not there. Raises GidError when there will be none."""

    def cancel(self) -> None:
        """Stop, and leave nothing behind. Harmless when it is over."""


class Inline:
    """A function as `Work`, called at the first poll: for the background, where nothing is waited for."""

    def __init__(self, function: Callable[[], Any]):
        self._function = function
        self._result = None

    def poll(self):
        if self._result is None:
            self._result = self._function()
        return []

    def result(self):
        return self._result

    def cancel(self):
        pass


class Threaded:
    """A function as `Work`, called in a thread of its own: for what takes the processor for long and no datablock.

    A thread cannot be stopped: after a cancel the function ends by itself, and nothing comes of it.
    """

    def __init__(self, phase: str, function: Callable[[], Any]):
        self._phase, self._function = phase, function
        self._result: Any = None
        self._failure: BaseException | None = None
        threading.Thread(target=self._call, name="gid-work", daemon=True).start()

    def _call(self):
        try:
            self._result = self._function()
        except BaseException as error:  # raised where somebody waits for it, with its traceback
            self._failure = error

    def poll(self):
        return [Step(self._phase, 0.0)]

    def result(self):
        if self._failure is not None:
            raise self._failure
        return self._result

    def cancel(self):
        pass


class Beside:
    """A process beside this one that works in a temporary folder, as `Work`.

    What it says besides its progress is kept by `event`: "place" names the "folder" where results appear at the end,
    and the folders above it that were "made" for it, "done" is its last word.

    Args:
        module: dotted, whose `serve(order)` it runs; see `gid_core.child`.
        order: makes what it is told, JSON-ready, of the folder.
        work: what it does, for a sentence about a crash.
        taken: makes the result, never None, of the folder and the last word.
        is_blender: it is a second Blender, without a window and without the user's own settings.
        tidies: it listens for {"cancel": true}, and has some seconds then to leave no half-written results.
    Raises:
        LimitError: no process can be started.
    """

    def __init__(
        self,
        module: str,
        order: Callable[[Path], dict],
        work: str,
        taken: Callable[[Path, dict], Any] = lambda _folder, word: word,
        *,
        is_blender: bool = True,
        tidies: bool = False,
    ):
        self.heard: dict[str, dict] = {}
        self._taken, self._tidies = taken, tidies
        self._result: Any = None
        self._scratch = Scratch("gid-beside-")
        folder = self._scratch.folder
        try:
            blender = _second_blender() if is_blender else None
            self._crew = Crew(1, module, order(folder), folder, work, blender)
        except BaseException:
            self._scratch.remove()
            raise

    def poll(self):
        steps = []
        for _index, message in self._crew.answers():
            if message["event"] == "progress":
                steps.append(Step(message["phase"], message["fraction"]))
            else:
                self.heard[message["event"]] = message
        return steps

    def result(self):
        if self._result is None and "done" in self.heard:
            self._result = self._taken(self._scratch.folder, self.heard["done"])
        return self._result

    def cancel(self):
        """Stop. Process and folder are gone when this returns; of one that tidies up or is done, some time later."""
        if self._tidies or "done" in self.heard:  # a Blender takes half a second to end, and a window would wait
            self._crew.dismiss(self._see_off)
        else:
            self._crew.end()
            self._scratch.remove()

    def _see_off(self):
        """Thread: it has ended, perhaps because it took too long to do so in order."""
        with contextlib.suppress(GidError):
            self.poll()
        if "place" in self.heard:
            clear_away(self.heard["place"]["folder"], self.heard["place"].get("made", ()))
        self._scratch.remove()


class Chain:
    """Works one after another: each is begun, on the main thread, with what came of the one before.

    None is cancelled before all are: what a work leaves may be needed by the next one.
    """

    def __init__(self, first: Work, *others: Callable[[Any], Work]):
        self._begun, self._others = [first], list(others)

    def poll(self):
        work = self._begun[-1]
        events = work.poll()
        if self._others and (result := work.result()) is not None:
            self._begun.append(self._others.pop(0)(result))
        return events

    def result(self):
        return None if self._others else self._begun[-1].result()

    def cancel(self):
        for work in reversed(self._begun):
            work.cancel()


def _second_blender() -> list[str]:
    """Command of this Blender without a window, without the user's own settings, that runs Python text."""
    if not bpy.app.binary_path:  # it is a module of Python
        return [sys.executable, "-I", "-c"]
    return [bpy.app.binary_path, "--background", "--factory-startup", "--python-expr"]
