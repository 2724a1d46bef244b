"""Time of a loop: the keys of its clock, and the frame range and rate of the scene that renders it.

The clock counts frames since the loop's start and begins anew after each loop. The frame rate never enters it: a
curve is in frames, and the rig makes phases of whole frames, so a frame and its copy a loop later agree bit for bit.
"""

from fractions import Fraction

import bpy

from ...gid_core.errors import SettingsError
from .. import compat
from ..nodes import rig
from .intact import fraction, intact

__all__ = [
    "MAX_FRAME",
    "check_range",
    "check_rate",
    "fps_of",
    "input_curve",
    "key",
    "key_input",
    "on_same_clock",
    "set_range",
    "set_rate",
    "unkey_input",
]

MAX_FRAME, _MAX_FPS = 1_048_574, 32_767  # Blender's own limits


def fps_of(plane) -> Fraction:
    """Frames a second of a loop.

    Raises:
        SettingsError: what the file keeps of it is no rate.
    """
    with intact(plane.name):
        fps = fraction(plane.gid.fps)
    check_rate(fps)
    return fps


def key(obj, start: int, n_frames: int) -> None:
    """Key the clock of the rig of `obj`: 0 at `start`, `n_frames` a loop later, linear, repeated for ever."""
    key_input(obj, "Clock", [(start, 0.0, "LINEAR"), (start + n_frames, float(n_frames), "LINEAR")])


def key_input(obj, name: str, keys, *, group: str = "") -> None:
    """Key an input of the rig of `obj`; from the last key on the curve repeats for ever, before the first likewise.

    Args:
        keys: (frame, value, interpolation) each, in their order; they replace those that are there.
        group: channel group that a new curve is put into.
    """
    curve = compat.ensure_fcurve(obj, compat.clock_path(*rig.input_of(obj, name)), group)
    curve.keyframe_points.clear()
    for frame, value, interpolation in keys:
        curve.keyframe_points.insert(frame, value, options={"FAST"}).interpolation = interpolation
    curve.update()
    if not curve.modifiers:
        cycles = curve.modifiers.new("CYCLES")
        cycles.mode_before = cycles.mode_after = "REPEAT"
    obj.update_tag()


def input_curve(obj, name: str):
    """The F-curve that keys an input of the rig of `obj`, None where there is none."""
    path = compat.clock_path(*rig.input_of(obj, name))
    return next((curve for curve in compat.own_curves(obj) if curve.data_path == path), None)


def unkey_input(obj, name: str) -> None:
    """Take the keys from an input of the rig of `obj`."""
    compat.remove_fcurves(obj, {compat.clock_path(*rig.input_of(obj, name))})
    obj.update_tag()


def on_same_clock(plane) -> list:
    """Every object that plays the action of `plane`: itself, its EEVEE partner, linked duplicates, cards of them."""
    action = plane.animation_data.action
    players = [
        obj
        for obj in bpy.data.objects
        if obj.animation_data and obj.animation_data.action == action and rig.is_rigged(obj)
    ]
    # A card plays it from an NLA strip, and may have an action of its own besides.
    cards = [obj for obj in bpy.data.objects if obj.gid.shows in players and rig.is_rigged(obj)]
    return players + [card for card in cards if card not in players and not card.library]


def check_range(start: int, n_frames: int) -> None:
    """Refuse a loop that leaves the frames that Blender knows.

    Raises:
        SettingsError: it does.
    """
    if start < 0 or start + n_frames > MAX_FRAME:
        raise SettingsError(f"the loop would play from frame {start} to {start + n_frames - 1}: start at 0 or later")


def set_range(scene, start: int, n_frames: int) -> None:
    """Let `scene` play exactly one loop: the frame that repeats the first is left out. Raises as `check_range` does."""
    check_range(start, n_frames)
    # The end goes first when both move up, or Blender would push it along.
    scene.frame_end = max(scene.frame_end, start + n_frames - 1)
    scene.frame_start, scene.frame_end = start, start + n_frames - 1
    scene.frame_set(start)


def check_rate(fps: Fraction) -> None:
    """Refuse a rate that Blender does not know.

    Raises:
        SettingsError: it is none.
    """
    if not 1 <= round(fps) <= _MAX_FPS:
        raise SettingsError(f"the scene plays {float(fps):g} frames a second: choose 1 to {_MAX_FPS}")


def set_rate(scene, fps: Fraction) -> None:
    """Give `scene` a frame rate: 24000/1001 is 24 frames a second over a base of 1.001.

    Raises:
        SettingsError: the rate is not within Blender's.
    """
    check_rate(fps)
    whole = round(fps)
    scene.render.fps, scene.render.fps_base = whole, float(whole / Fraction(fps))
