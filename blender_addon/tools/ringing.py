"""Plucks that are shown and not kept: what is held by the hand, and what rings down after it was let go.

They play on the rig's inputs Pluck Time and Pluck Re, Im, in real time, whether the scene plays or not: the time is 0
and the states are those of the moment, written anew 30 times a second, or with each frame of the playback. Plucks that
are keyed sound along: their curves are muted meanwhile, and their part is read from them. What the inputs and curves
were before is noted on the loop itself, so that it can be put back from any state: a saved file, a render and an undo
never hold half a swing.
"""

import json
import time
from dataclasses import dataclass

import bpy
import numpy as np
from bpy.app.handlers import persistent

from ...gid_core.motion.pluck import GENTLE, step
from .. import compat
from ..loop import live
from ..nodes import rig

__all__ = ["drop", "hold", "is_live", "let_go", "register", "settle", "settle_all", "unregister"]

_TICK_S = 1 / 30
_REST_PX = 0.1  # px of the volume's grid: what moves less is not seen


@dataclass
class _Live:
    """One loop's: the scene whose frame counts, and complex (K,) states of what is held and of what rings."""

    scene: int
    frequencies: np.ndarray
    peaks: np.ndarray  # (K,) px, how far the strongest place moves at a state of 1
    ringing: np.ndarray
    at: float  # when `ringing` was that, in seconds of `time.monotonic`
    held: np.ndarray | None = None


_live: dict[int, _Live] = {}  # by the session id of the plane


def is_live(plane) -> bool:
    """True while a pluck of the loop is held or rings."""
    return plane.session_uid in _live


def hold(plane, scene, volume, state) -> None:
    """Show the loop pulled: `state` stays as it is until the next call, `let_go` or `drop`.

    Args:
        scene: the one that shows the loop; its frame tells how far keyed plucks are.
        volume: of the loop, edits applied. state: complex (K,), as `gid_core.motion.pluck.pluck` gives it.
    """
    one = _live.get(plane.session_uid)
    if one is None:
        peaks = np.sqrt((np.abs(volume.amplitudes) ** 2).sum(-1)).max((1, 2))
        nothing = np.zeros(volume.n_freqs, complex)
        one = _Live(scene.session_uid, volume.frequencies, peaks, nothing, time.monotonic())
        _note(plane)
        _live[plane.session_uid] = one
        _listen()
    one.held = np.asarray(state, complex)
    _write(plane, one)


def let_go(plane) -> None:
    """What is held rings down from now on."""
    one = _live[plane.session_uid]
    _advance(plane, one)
    one.ringing, one.held = one.ringing + one.held, None
    _write(plane, one)


def drop(plane) -> None:
    """Forget what is held, as if it had not been pulled; what rang before rings on."""
    one = _live.get(plane.session_uid)
    if one is None:
        return
    one.held = None
    if _is_at_rest(plane, one):
        settle(plane)
    else:
        _write(plane, one)


def settle(plane) -> None:
    """Put inputs and curves back to what they were before: nothing is held or rings any more."""
    _live.pop(plane.session_uid, None)
    if not _live:
        _unlisten()
    if not plane.gid.before_pluck:
        return
    before = json.loads(plane.gid.before_pluck)
    curves = _curves(plane)
    for name in before["curves"]:
        if name in curves:
            curves[name].mute = False
    for body in live.bodies(plane):
        _set(body, before["inputs"])
    plane.gid.before_pluck = ""
    _redraw()


@persistent
def settle_all(*_arguments):
    """The handler: before a save and a render, and after undo, redo and opening a file, nothing rings."""
    for plane in bpy.data.objects:
        if plane.gid.before_pluck and plane.library is None and rig.is_rigged(plane):
            settle(plane)
    _live.clear()
    _unlisten()


def _note(plane):
    """Note what the inputs are, and which curves are heard; those are muted now."""
    heard = [name for name, curve in _curves(plane).items() if not curve.mute]
    modifier = rig.modifier_of(plane)
    values = {name: compat.modifier_value(modifier, one) for name, one in _inputs(plane).items()}
    plane.gid.before_pluck = json.dumps({"inputs": values, "curves": heard})
    for name, curve in _curves(plane).items():
        curve.mute = curve.mute or name in heard


def _inputs(plane):
    """{name: identifier} of the inputs that plucks are made of."""
    inputs = rig.inputs_of(rig.modifier_of(plane).node_group)
    return {name: one for name, one in inputs.items() if name.startswith(("Pluck Time", "Pluck Re ", "Pluck Im "))}


def _curves(plane):
    """{input: the F-curve that drives it in the loop's own action}."""
    modifier = rig.modifier_of(plane)
    names = {compat.clock_path(modifier, one): name for name, one in _inputs(plane).items()}
    return {names[curve.data_path]: curve for curve in compat.own_curves(plane) if curve.data_path in names}


def _keyed(plane, scene, frequencies, damping):
    """What the keyed plucks give at the scene's frame, complex (K,)."""
    before = json.loads(plane.gid.before_pluck)
    values = dict(before["inputs"])
    curves = _curves(plane)
    values.update({name: curves[name].evaluate(scene.frame_current) for name in before["curves"] if name in curves})
    seconds = values["Pluck Time"]
    if seconds < -1e-6:  # a curve's 0 may be a hair below
        return np.zeros(len(frequencies), complex)
    modes = range(1, len(frequencies) + 1)
    state = np.array([complex(values[f"Pluck Re {k}"], values[f"Pluck Im {k}"]) for k in modes])
    return step(state, frequencies, damping, max(seconds, 0.0))


def _damping(plane):
    return GENTLE.scaled(plane.gid.edits.damping)


def _advance(plane, one):
    now = time.monotonic()
    one.ringing = step(one.ringing, one.frequencies, _damping(plane), now - one.at)
    one.at = now


def _write(plane, one):
    scene = _by_session(bpy.data.scenes, one.scene)
    _advance(plane, one)
    shown = one.ringing if one.held is None else one.ringing + one.held
    # The rig's Amount scales the loop and not what is plucked.
    total = plane.gid.edits.amplitude * shown + _keyed(plane, scene, one.frequencies, _damping(plane))
    values = {"Pluck Time": 0.0}
    for index, number in enumerate(total, 1):
        values[f"Pluck Re {index}"], values[f"Pluck Im {index}"] = float(number.real), float(number.imag)
    for body in live.bodies(plane):
        _set(body, values)
    _redraw()


def _set(body, values):
    rig.set_inputs(body, values)
    # A plain tag takes the inputs over as they lie in the file: in 4.5 that forgets where the keyed clock stands.
    body.update_tag(refresh={"OBJECT", "DATA", "TIME"})


def _redraw():
    """A tag on the object brings its evaluation and no new picture: only an interface's own edits do that."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def _is_at_rest(plane, one):
    return one.held is None and float((np.abs(one.ringing) * one.peaks).sum()) < _REST_PX


def _by_session(blocks, session_uid):
    return next((block for block in blocks if block.session_uid == session_uid), None)


def _go_on(is_due=lambda one: True):
    """Write what each live loop shows now, of those that are due."""
    for uid, one in list(_live.items()):
        plane, own = _by_session(bpy.data.objects, uid), _by_session(bpy.data.scenes, one.scene)
        if plane is None or own is None or not rig.is_rigged(plane) or not plane.animation_data:
            del _live[uid]
        elif is_due(one):
            _advance(plane, one)
            if _is_at_rest(plane, one):
                settle(plane)
            else:
                _write(plane, one)


def _tick():
    if not _live:
        return None
    windows = bpy.context.window_manager.windows
    playing = {window.scene.session_uid for window in windows if window.screen.is_animation_playing}
    _go_on(lambda one: one.scene not in playing)
    return _TICK_S


def _on_frame(scene, *_arguments):
    """The handler while a scene plays: one evaluation a frame shows loop and plucks."""
    _go_on(lambda one: one.scene == scene.session_uid)


def _listen():
    if _on_frame not in bpy.app.handlers.frame_change_pre:
        bpy.app.handlers.frame_change_pre.append(_on_frame)
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=_TICK_S)


def _unlisten():
    if _on_frame in bpy.app.handlers.frame_change_pre:
        bpy.app.handlers.frame_change_pre.remove(_on_frame)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)


_HANDLERS = ("save_pre", "render_init", "undo_post", "redo_post", "load_post")


def register():
    for name in _HANDLERS:
        handlers = getattr(bpy.app.handlers, name)
        if settle_all not in handlers:
            handlers.append(settle_all)


def unregister():
    settle_all()
    for name in _HANDLERS:
        handlers = getattr(bpy.app.handlers, name)
        if settle_all in handlers:
            handlers.remove(settle_all)
