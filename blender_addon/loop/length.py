"""How long a loop is and where it begins, as the panel asks for it: in seconds or frames, at the scene's rate.

A length acts at once on the loop in sight: its motion stays, its frequencies snap to the new loop.
"""

from contextlib import suppress
from fractions import Fraction

import bpy

from ...gid_core.errors import GidError
from ...gid_core.motion import timeline
from .. import jobs
from . import clock, edit, live, raw, sight

__all__ = ["ask", "asked_frames", "follow", "is_played", "scene_fps"]

_SHARED = ("length_unit", "seconds", "n_frames", "start")


def scene_fps(scene) -> Fraction:
    """Frame rate of a scene as the fraction that its two floats stand for: 24 / 1.001 is 24000/1001."""
    exact = Fraction(scene.render.fps_base)
    return Fraction(scene.render.fps) / (exact.limit_denominator(10000) or exact)  # a base may be as small as 1e-5


def asked_frames(settings, fps: Fraction) -> int:
    """Length in frames that the panel asks for."""
    return settings.n_frames if settings.length_unit == "FRAMES" else timeline.frames_for(settings.seconds, fps)


def ask(settings, *, seconds: float = 0.0, n_frames: int = 0, start: int | None = None) -> None:
    """Ask for a length, in seconds or in frames, and for a first frame; the loop in sight follows."""
    with live.held():
        settings.length_unit = "FRAMES" if n_frames else "SECONDS"
        if n_frames:
            settings.n_frames = n_frames
        else:
            settings.seconds = seconds
        if start is not None:
            settings.start = start
    follow(settings)


def is_played(plane, settings) -> bool:
    """True while the loop has the length, first frame and rate that these settings ask for."""
    fps = scene_fps(settings.id_data)
    asked = asked_frames(settings, fps), settings.start, fps
    with suppress(GidError):
        return asked == (plane.gid.n_frames, plane.gid.start, clock.fps_of(plane))
    return False  # it has none that makes sense


def follow(settings) -> None:
    """Let the loop in sight of the settings' scene have the length that they ask for; what cannot be is told there."""
    plane = _meant(settings)
    if plane is None or live.is_held() or plane.library or not raw.is_stored(plane):
        return
    fps = scene_fps(settings.id_data)
    try:
        n_frames = asked_frames(settings, fps)
        clock.check_range(settings.start, n_frames)
        clock.check_rate(fps)
        edit.retime_loop(plane, edit.plan_for(plane, n_frames, fps), fps, settings.start)
    except GidError as error:
        jobs.note(jobs.key_of(plane.gid.scene), str(error))
        return
    share(plane, settings)


def share(plane, settings, names=_SHARED) -> None:
    """Let the panels of all scenes that mean this loop say what these settings say."""
    with live.held():
        for scene in bpy.data.scenes:
            if scene.gid.loop == plane and scene.gid != settings:
                for name in names:
                    setattr(scene.gid, name, getattr(settings, name))


def _meant(settings):
    scene = settings.id_data
    return sight.in_sight(bpy.context) if bpy.context.scene == scene else scene.gid.loop
