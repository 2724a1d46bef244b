"""What can be long under way: `Work`, whatever offers `poll`, `result` and `cancel`; in a thread, a process, a chain.

Who runs it, and what becomes of its result, is told in jobs.py.
"""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import bpy

__all__ = ["Chain", "Inline", "Step", "Threaded", "Work", "second_blender", "steps_of"]


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


class Chain:
    """Works one after another: each is begun, on the main thread, with what came of the one before."""

    def __init__(self, first: Work, *others: Callable[[Any], Work]):
        self._work, self._others = first, list(others)

    def poll(self):
        events = self._work.poll()
        if self._others and (result := self._work.result()) is not None:
            self._work.cancel()
            self._work = self._others.pop(0)(result)
        return events

    def result(self):
        return None if self._others else self._work.result()

    def cancel(self):
        self._work.cancel()


def second_blender() -> list[str]:
    """Command of this Blender without a window, without the user's own settings, that runs Python text."""
    if not bpy.app.binary_path:  # it is a module of Python
        return [sys.executable, "-I", "-c"]
    return [bpy.app.binary_path, "--background", "--factory-startup", "--python-expr"]


def steps_of(crew) -> tuple[list[Step], dict | None]:
    """What a `child.Crew` of one said since the last call, and its last word; None while it goes on.

    Raises:
        GidError: what the child raised, or a sentence about its crash.
    """
    messages = [message for _index, message in crew.answers()]
    done = next((message for message in messages if message["event"] == "done"), None)
    return [Step(one["phase"], one["fraction"]) for one in messages if one is not done], done
