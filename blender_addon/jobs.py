"""The one way to run long work: a prediction in a worker process, watched by a timer on Blender's main thread.

It knows nothing of scenes: the caller hands over pixels, a request and what to do with the volume. One job at a time.
Without an event loop no timer ever fires, so in the background `run` does the same work inline. The state of a job is
plain Python and never a property: it must not be saved, and undo must not bring it back.
"""

import importlib

import bpy

from ..gid_core.errors import Cancelled, GidError

__all__ = ["POLL_S", "Job", "current", "notice", "run", "start", "step", "stop"]

POLL_S = 0.1  # a tenth of a second: progress looks alive, and a cancel is seen at once

_job = None
_notice = ""


class Job:
    """A prediction under way: `phase`, `fraction` 0..1, and `apply(volume)` for the main thread when it is there."""

    def __init__(self, photo, request, apply, undo_message):
        self.phase = "Starting"
        self.fraction = 0.0
        self.apply = apply
        self.undo_message = undo_message
        self._worker = _core("worker").start_worker(photo, request)

    def poll(self):
        """The volume, or None while it is not there yet; raises GidError when there will be none."""
        for event in self._worker.poll():
            self.phase, self.fraction = event.phase, event.fraction
        return self._worker.result()

    def cancel(self):
        self._worker.cancel()


def current():
    """The running Job, or None."""
    return _job


def notice():
    """Why the last job made nothing, or an empty string."""
    return _notice


def run(photo, request, apply):
    """The whole job, here and now; raises what the prediction or `apply` raises."""
    apply(_core("prediction.predict").predict(photo, request))


def start(photo, request, apply, undo_message):
    """Predict in a worker process, then `apply(volume)` on the main thread as one undo step.

    Raises:
        GidError: the worker cannot be started.
    """
    global _job, _notice
    _notice = ""
    _job = Job(photo, request, apply, undo_message)
    if not bpy.app.background:
        bpy.app.timers.register(_tick, first_interval=POLL_S, persistent=True)


def step():
    """Look at the running job once; True when it is over. What the timer calls, and whoever has no timer."""
    global _job, _notice
    if _job is None:
        return True
    job = _job
    is_over = True
    try:
        volume = job.poll()
        if volume is None:
            is_over = False
        else:
            with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
                job.apply(volume)
                bpy.ops.ed.undo_push(message=job.undo_message)
    except Cancelled:
        pass
    except GidError as error:
        _notice = str(error)
    finally:
        if is_over:
            job.cancel()
            _job = None
    return is_over


def stop():
    """Cancel the running job, if there is one; its worker is gone when this returns."""
    global _job, _notice
    _notice = ""
    if _job is not None:
        _job.cancel()
        _job = None
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)


def _core(name):
    # At the first use, not when the add-on is enabled: it loads Pillow.
    return importlib.import_module(f"..gid_core.{name}", __package__)


def _tick():
    is_over = step()
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
    return None if is_over else POLL_S
