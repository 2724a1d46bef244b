"""Time of a loop: the keys of its clock, and the frame range and rate of the scene that renders it.

The clock counts frames since the loop's start and begins anew after each loop. The frame rate never enters it: a
curve is in frames, and the rig makes phases of whole frames, so a frame and its copy a loop later agree bit for bit.
"""

from fractions import Fraction

from ...gid_core.errors import SettingsError
from .. import compat
from ..nodes import rig

__all__ = ["key", "set_range", "set_rate"]

_MAX_FRAME = 1_048_574  # Blender's own limit


def key(obj, start: int, n_frames: int) -> None:
    """Key the clock of the rig of `obj`: 0 at `start`, `n_frames` a loop later, linear, repeated for ever."""
    modifier = obj.modifiers[rig.MODIFIER]
    identifier = rig.inputs_of(modifier.node_group)["Clock"]
    curve = compat.ensure_fcurve(obj, compat.clock_path(modifier, identifier))
    curve.keyframe_points.clear()
    for frame, value in ((start, 0.0), (start + n_frames, float(n_frames))):
        curve.keyframe_points.insert(frame, value, options={"FAST"}).interpolation = "LINEAR"
    curve.update()
    if not curve.modifiers:
        cycles = curve.modifiers.new("CYCLES")
        cycles.mode_before = cycles.mode_after = "REPEAT"
    obj.update_tag()


def set_range(scene, start: int, n_frames: int) -> None:
    """Let `scene` play exactly one loop: the frame that repeats the first is left out.

    Raises:
        SettingsError: the range leaves the frames that Blender knows.
    """
    if start < 0 or start + n_frames > _MAX_FRAME:
        raise SettingsError(f"the loop would play from frame {start} to {start + n_frames - 1}: start at 0 or later")
    # The end goes first when both move up, or Blender would push it along.
    scene.frame_end = max(scene.frame_end, start + n_frames - 1)
    scene.frame_start, scene.frame_end = start, start + n_frames - 1
    scene.frame_set(start)


def set_rate(scene, fps: Fraction) -> None:
    """Give `scene` a frame rate: 24000/1001 is 24 frames a second over a base of 1.001.

    Raises:
        SettingsError: the rate is not within Blender's.
    """
    whole = round(fps)
    if not 1 <= whole <= 32767:
        raise SettingsError(f"{float(fps):g} frames a second: choose 1 to 32767")
    scene.render.fps, scene.render.fps_base = whole, float(whole / Fraction(fps))
