"""Plucks of a loop: keys on the rig's Pluck Time and on the state of every mode.

The modes are linear, so the state at the newest pluck carries all older ones and a loop needs one time and one complex
state a mode, whatever has happened. Both jump at a pluck: the states are keyed CONSTANT, the time runs up between jumps
by 1 / fps a frame. The curves repeat with the loop; they are an animator's to edit.
"""

import math
from fractions import Fraction

from ...gid_core.errors import SettingsError
from .. import compat
from ..nodes import rig
from . import clock

__all__ = ["clear_plucks", "key_plucks"]

_GROUP = "Pluck"  # channel group in the Dope Sheet
# The time ends its run this many frames before it jumps, since two keys cannot share a frame. A power of two: the key
# lies where it is asked to. Between whole frames only, where at most motion blur looks, time stands for that long.
_HOLD_FRAMES = 1 / 32
_ON_FRAME = 1e-6  # a pluck this many frames after a whole frame happens on it


def key_plucks(plane, states, start: int, n_frames: int, fps: Fraction) -> None:
    """Let the loop of `plane` ring after its plucks; no states: none, and the curves go.

    Args:
        states: (seconds since the loop's start, complex (K,)) at each pluck: what `gid_core.motion.pluck.superposed`
            gives with the loop's length as its period, of the volume that the rig shows at Amount 1. Amount scales
            the loop alone; Low, Mid, High, Turn, Mask and Border act on plucks, too.
    Raises:
        SettingsError: a state has another number of modes than the loop.
    """
    fps = Fraction(fps)
    onsets = _onsets(states, n_frames, fps)
    if not onsets:
        clear_plucks(plane)
        return
    n_modes = rig.mode_count(rig.modifier_of(plane).node_group)
    if any(len(state) != n_modes for _, _, state in onsets):
        raise SettingsError(f"the loop has {n_modes} modes, its pluck another number: pluck the loop's own volume")
    clock.key_input(plane, "Pluck Time", _time_keys(onsets, start, n_frames, fps), group=_GROUP)
    for index in range(n_modes):
        for part, name in (("real", "Re"), ("imag", "Im")):
            keys = [(start + frame, float(getattr(state[index], part)), "CONSTANT") for frame, _, state in onsets]
            clock.key_input(plane, f"Pluck {name} {index + 1}", [*keys, _again(keys[0], n_frames)], group=_GROUP)


def clear_plucks(plane) -> None:
    """Take all plucks from the loop of `plane`: their curves go, and nothing rings."""
    inputs = rig.inputs_of(rig.modifier_of(plane).node_group)
    neutral = {name: 0.0 for name in inputs if name.startswith(("Pluck Re ", "Pluck Im "))} | {"Pluck Time": -1.0}
    for obj in clock.on_same_clock(plane):
        modifier = rig.modifier_of(obj)
        compat.remove_fcurves(obj, {compat.clock_path(modifier, inputs[name]) for name in neutral})
        rig.set_inputs(obj, neutral)


def _onsets(states, n_frames, fps):
    """[(whole frame of the loop, seconds since the pluck then, state)], rising from frame 0, one a frame.

    A pluck is seen first on the whole frame after it, as old as it is by then. What the loop shows on frame 0 is the
    newest pluck, were it of the round before.
    """
    newest: dict[int, tuple] = {}
    for time_s, state in states:
        exact = (time_s * float(fps)) % n_frames
        frame = math.ceil(exact - _ON_FRAME)
        onset = (frame % n_frames, max(frame - exact, 0.0) / float(fps), state)
        if onset[0] not in newest or onset[1] < newest[onset[0]][1]:
            newest[onset[0]] = onset
    onsets = [newest[frame] for frame in sorted(newest)]
    if onsets and onsets[0][0] > 0:
        frame, age, state = onsets[-1]
        onsets.insert(0, (0, age + (n_frames - frame) / float(fps), state))
    return onsets


def _time_keys(onsets, start, n_frames, fps):
    keys = []
    ends = [frame for frame, _, _ in onsets[1:]] + [n_frames]
    for (frame, age, _), end in zip(onsets, ends, strict=True):
        keys.append((start + frame, age, "LINEAR"))
        keys.append((start + end - _HOLD_FRAMES, age + (end - _HOLD_FRAMES - frame) / float(fps), "CONSTANT"))
    first, last = onsets[0], onsets[-1]
    if math.isclose(first[1], last[1] + (n_frames - last[0]) / float(fps)):
        keys.pop()  # no pluck on frame 0: time runs on over the loop's end
    return [*keys, _again(keys[0], n_frames)]


def _again(key, n_frames):
    frame, value, interpolation = key
    return frame + n_frames, value, interpolation
