"""The one way to run long work: any number of jobs, at most one a scene, watched by one timer on the main thread.

It knows nothing of what a job does. Its work is whatever offers `poll`, `result` and `cancel` (work.py); the result is
applied on the main thread as one undo step. A job belongs to a *key*: the session id of the scene of the loop that it
changes, or of the scene that asked for a new loop. Keys survive undo and are never used twice, so what concerns a file
that is closed or a scene that is gone cannot reach another one.

The state of a job is plain Python and never a property: it must not be saved, and undo must not bring it back. Without
an event loop no timer ever fires, so in the background the same work is done by `run`, here and now.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy

from ..gid_core import process
from ..gid_core.errors import Cancelled, GidError, LimitError, SettingsError
from ..gid_core.files.progress import seconds_left
from . import windows
from .work import Work

__all__ = [
    "ANYWHERE",
    "POLL_S",
    "Job",
    "Notice",
    "Remedy",
    "current",
    "dismiss",
    "key_of",
    "note",
    "note_fault",
    "notice",
    "notices",
    "run",
    "running",
    "start",
    "step",
    "stop",
]

ANYWHERE = -1  # key of work that belongs to no scene: it goes on whatever file is open, and Escape leaves it alone
_STOP = "    Esc: cancel"  # as Blender's own hints in the status bar
POLL_S = 0.1  # a tenth of a second: progress looks alive, and a cancel is seen at once


@dataclass(frozen=True)
class Remedy:
    """The operator that mends an error: its name, what its button says, its settings."""

    operator: str
    label: str
    settings: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Notice:
    """One sentence that stays in the panel until it is dismissed or its scene's next job begins."""

    text: str
    is_error: bool = True
    remedy: Remedy | None = None


class Job:
    """Work under way for a key: `label`, `phase`, `fraction` 0..1 of that phase, `seconds_left` of it."""

    def __init__(self, key, work, apply, label, window, remedy_for):
        self.key, self.work, self.apply, self.label = key, work, apply, label
        self.phase, self.fraction = "Starting", 0.0
        self.remedy_for = remedy_for
        self._window = None if window is None else window.as_pointer()
        self._since = time.monotonic()

    @property
    def seconds_left(self) -> float | None:
        """Of the phase that runs, if it goes on as it went; None while that cannot be told."""
        return seconds_left(time.monotonic() - self._since, self.fraction)

    @property
    def text(self) -> str:
        """One line for a progress bar: the phase, how far it is, how long it will take."""
        return f"{self.title} {self.share}".rstrip()

    @property
    def title(self) -> str:
        """The phase, as it begins a line."""
        return self.phase[:1].upper() + self.phase[1:]

    @property
    def share(self) -> str:
        """How far the phase is, and how long it will take; empty while nothing is known."""
        left = self.seconds_left
        known = f"{100 * self.fraction:.0f} %" if self.fraction > 0 else ""
        return known + (f", {left:.0f} s left" if left is not None and left >= 1 else "")

    @property
    def window(self):
        """The window that asked; another one when it was closed, None when there is none."""
        opened = bpy.context.window_manager.windows
        return next((w for w in opened if w.as_pointer() == self._window), opened[0] if opened else None)

    def poll(self):
        """The result, or None while it is not there; raises GidError when there will be none."""
        for event in self.work.poll():
            if event.phase != self.phase:
                self.phase, self._since = event.phase, time.monotonic()
            self.fraction = event.fraction
        return self.work.result()


_jobs: dict[int, Job] = {}
_notices: dict[int, Notice] = {}


def key_of(scene) -> int:
    """The key of jobs and notices of a scene."""
    return scene.session_uid


def running() -> tuple[Job, ...]:
    """All jobs under way."""
    return tuple(_jobs.values())


def current(key: int) -> Job | None:
    """The running job of a key."""
    return _jobs.get(key)


def notice(key: int) -> Notice | None:
    """What is to be said to the scene of a key."""
    return _notices.get(key)


def notices() -> tuple[str, ...]:
    """All sentences that stand in some panel."""
    return tuple(one.text for one in _notices.values())


def note(key: int, text: str, *, is_error: bool = True, remedy: Remedy | None = None) -> None:
    """Say a sentence in the panel of a scene, in place of the one before."""
    _notices[key] = Notice(text, is_error, remedy)
    windows.redraw()


def note_fault(key: int, label: str) -> None:
    """Say that what is called `label` ended by a bug of ours, whose traceback goes to the console."""
    note(key, f"'{label}' failed by a fault of the add-on: please report what the console shows")


def dismiss(key: int) -> None:
    """Take back what was said to a scene."""
    if _notices.pop(key, None) is not None:
        windows.redraw()


def run(work: Work, apply: Callable[[Any], Any]):
    """The whole job here and now; returns what `apply` returns at last, raises what the work or `apply` raises."""
    try:
        while True:
            work.poll()
            result = work.result()
            if result is None:
                time.sleep(POLL_S / 10)
                continue
            message = apply(result)
            if not _has_more(work):
                return message
    finally:
        work.cancel()


def start(
    key: int,
    begin: Callable[[], Work],
    apply: Callable[[Any], str | None],
    label: str,
    *,
    window=None,
    remedy_for: Callable[[GidError], Remedy | None] = lambda error: None,
) -> Job:
    """Begin work for a scene; its result is applied on the main thread as one undo step called `label`.

    Args:
        begin: starts the work; called once nothing stands against it.
        apply: makes the result part of the file, all of it or nothing; may return a sentence for the panel. It is
            called with the window that asked (or one that is still open) in the context.
        window: the window that asks.
        remedy_for: which button an error is shown with.
    Raises:
        GidError: the scene has a job already, or the work cannot be started.
    """
    if key in _jobs:
        raise SettingsError(f"'{_jobs[key].label}' is still running here: wait for it, or cancel it")
    dismiss(key)
    if not bpy.app.background:
        process.give_way()
    job = _jobs[key] = Job(key, begin(), apply, label, window, remedy_for)
    _watch()
    return job


def step() -> bool:
    """Look at all running jobs once; True when none is left. What the timer calls, and whoever has no timer."""
    scenes = {ANYWHERE, *(key_of(scene) for scene in bpy.data.scenes)}
    for key in [key for key in _notices if key not in scenes]:
        dismiss(key)
    for job in running():
        if job.key in scenes:
            _advance(job)
        else:
            _end(job)
            _note_elsewhere(f"'{job.label}' was stopped, as the scene that it was for is gone: nothing was made")
    return not _jobs


def stop(key: int | None = None) -> None:
    """Cancel the job of a key, or all of them; their work is gone when this returns."""
    for job in running():
        if key is None or job.key == key:
            _end(job)
    if key is None:
        _notices.clear()
    if not _jobs and bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    if not _jobs:
        windows.tell("")
    windows.redraw()  # Escape is pressed over the viewport: the panel would go on to show what was stopped


def _advance(job):
    is_over = True
    try:
        result = job.poll()
        if result is None or windows.is_busy():
            is_over = False
        else:
            _apply(job, result)
            is_over = not _has_more(job.work)
    except Cancelled:
        pass
    except GidError as error:
        note(job.key, str(error), remedy=job.remedy_for(error))
        windows.pop_up(job.window, str(error))
    except MemoryError:
        short = LimitError(f"not enough memory for '{job.label}': choose a smaller size, or close other programs")
        note(job.key, str(short), remedy=job.remedy_for(short))
    except Exception:  # our bug: its traceback goes to the console, but who waits for the result must see something
        note_fault(job.key, job.label)
        raise
    finally:
        if is_over:
            _end(job)


def _apply(job, result):
    with bpy.context.temp_override(window=job.window):
        message = job.apply(result)
        bpy.ops.ed.undo_push(message=job.label)
    if message:
        note(job.key, message, is_error=False)


def _has_more(work):
    return getattr(work, "has_more", False)


def _end(job):
    if _jobs.get(job.key) is job:
        del _jobs[job.key]
    job.work.cancel()


def _note_elsewhere(text):
    for window in windows.opened():
        note(key_of(window.scene), text)


def _watch():
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=POLL_S, persistent=True)


def _tick():
    shown = [job.text for job in running()]
    try:
        is_over = step()
    except BaseException:
        if _jobs:  # Blender drops a timer that fails; the other jobs still want to be looked at
            bpy.app.timers.register(_tick, first_interval=POLL_S, persistent=True)
        raise
    if shown != [job.text for job in running()]:
        windows.redraw()
    if not windows.is_busy():  # a tool says there what it does
        windows.tell("; ".join(f"{job.label}: {job.text}" for job in running()) + _STOP * bool(_jobs))
    return None if is_over else POLL_S
