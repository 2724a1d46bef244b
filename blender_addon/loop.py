"""A loop in Blender: built from a still and its volume, retimed, read back, removed.

Each loop has a scene of its own, "GID Loop <name>", with its camera, compositor, engine, colour management, frame
range and rate; no other scene is touched. What is stored there is all that a render needs: the file plays without the
add-on. Loops are found by pointers, never by names.
"""

import json
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import bpy
import numpy as np

from ..gid_core.errors import SettingsError
from ..gid_core.frames.renderer import LoopRenderer
from ..gid_core.motion.timeline import LoopPlan
from ..gid_core.motion.volume import SpectralVolume
from . import clock, images, sheet, stage
from .nodes import materials, rig

__all__ = ["LoopSpec", "build_loop", "remove_loop", "retime_loop", "stored_still", "stored_volume"]


@dataclass(frozen=True)
class LoopSpec:
    """What a loop is made of.

    still: float32 (H, W, 3|4), linear, premultiplied; front: r in 0..1, float32 (H, W), None for that of the motion;
    plate: as the still, None to make one, False for none; start: the frame that shows the still.
    """

    name: str
    still: np.ndarray
    volume: SpectralVolume
    plan: LoopPlan
    fps: Fraction
    start: int = 1
    amount: float = 1.0
    front: np.ndarray | None = None
    plate: np.ndarray | None = None
    engine: str = "CYCLES"


def build_loop(spec: LoopSpec):
    """The plane of a new loop, in a scene of its own that `plane.gid.scene` names. All of it is made, or nothing.

    Raises:
        SettingsError: the parts do not fit each other, or Blender cannot do what they ask.
    """
    _check(spec.plan, spec.volume.n_freqs, spec.fps)
    is_transparent = images.has_alpha(spec.still)
    if spec.engine not in {"CYCLES", "EEVEE"}:
        raise SettingsError(f"engine '{spec.engine}': choose CYCLES or EEVEE")
    if spec.engine == "EEVEE" and is_transparent:
        raise SettingsError("EEVEE renders opaque stills only: choose CYCLES, or fill the transparent parts")
    with _undone_on_failure():
        return _build(spec, is_transparent)


def retime_loop(plane, plan: LoopPlan, fps: Fraction, start: int = 1) -> None:
    """Give the loop another plan, rate and first frame; its motion and its images stay.

    Raises:
        SettingsError: `plane` is not a loop, or the plan does not fit its volume.
    """
    scene = _scene_of(plane)
    _check(plan, len(json.loads(plane.gid.frequencies)), fps)
    clock.set_rate(scene, fps)
    clock.set_range(scene, start, plan.n_frames)
    for obj in _on_same_clock(plane):
        _set_plan(obj, plan)
        _note_plan(obj, plan, fps, start)
    clock.key(plane, start, plan.n_frames)


def remove_loop(plane) -> None:
    """Remove the loop, its scene, and every datablock that nothing else uses then. The photo it came from stays.

    A duplicate of a plane is removed alone as long as another plane of that scene is there.

    Raises:
        SettingsError: `plane` is not a loop, or it is linked from another file.
    """
    scene = _scene_of(plane)
    if plane.library or scene.library:
        raise SettingsError(f"the loop '{plane.name}' is linked: remove it in its own file")
    kept = {plane.gid.source, scene.gid.still}
    doomed = [plane]
    if not any(o.gid.scene == scene for o in bpy.data.objects if o != plane):
        doomed += [o for o in scene.objects if o != plane and o.users_scene == (scene,)]
        doomed.append(scene)
        if len(bpy.data.scenes) == 1:
            bpy.data.scenes.new("Scene")  # a file has at least one
    candidates = _reachable(doomed) - kept
    for block in doomed:
        (bpy.data.scenes if isinstance(block, bpy.types.Scene) else bpy.data.objects).remove(block)
    _remove_unused(candidates - set(doomed))


def stored_volume(plane) -> SpectralVolume:
    """The volume of the loop, bit for bit as it was given.

    Raises:
        SettingsError: `plane` is not a loop.
    """
    _scene_of(plane)
    frequencies = np.array(json.loads(plane.gid.frequencies), np.float64)
    modes = [
        images.pixels_of(rig.get_input(plane, f"Image {index}"), is_vector=True)
        for index in range(1, len(frequencies) + 1)
    ]
    amplitudes = np.ascontiguousarray(np.stack(modes)).view(np.complex64)
    return SpectralVolume(amplitudes, frequencies, json.loads(plane.gid.provenance))


def stored_still(plane) -> np.ndarray:
    """The still of the loop: float32 (H, W, 3|4), linear, premultiplied, bit for bit as it was given.

    Raises:
        SettingsError: `plane` is not a loop.
    """
    _scene_of(plane)
    still = images.pixels_of(rig.get_input(plane, "Still"))
    return still if images.has_alpha(still) else np.ascontiguousarray(still[..., :3])


def _check(plan, n_freqs, fps):
    if not len(plan.harmonics) == len(plan.gains) == len(plan.phases) == n_freqs:
        raise SettingsError(f"the plan has {len(plan.harmonics)} frequencies, the volume {n_freqs}: plan it anew")
    if fps <= 0:
        raise SettingsError(f"{fps} frames a second: choose a positive rate")


def _scene_of(plane):
    if plane.gid.scene is None or rig.MODIFIER not in plane.modifiers:
        raise SettingsError(f"the object '{plane.name}' is not a loop: select the plane of one")
    return plane.gid.scene


def _build(spec, is_transparent):
    height, width = spec.still.shape[:2]
    reference = LoopRenderer(spec.still, spec.volume, spec.plan, amount=spec.amount, front=spec.front, plate=spec.plate)
    still = images.new_image(f"GID Still {spec.name}", spec.still)
    front = images.new_image(f"GID In Front {spec.name}", reference.front[..., None])
    plate = reference.plate
    if plate is not None:
        plate = images.new_image(f"GID Plate {spec.name}", plate)
    mask = images.new_image(f"GID Static {spec.name}", reference.static[..., None].astype(np.float32), is_byte=True)

    plane = bpy.data.objects.new(
        f"GID Loop {spec.name}", sheet.new_mesh(f"GID Loop {spec.name}", spec.volume, width, height)
    )
    plane.modifiers.new(rig.MODIFIER, "NODES").node_group = rig.group(spec.volume.n_freqs)
    rig.set_inputs(
        plane,
        {
            "Still": still,
            "Static Mask": mask,
            "Amount": spec.amount,
            "Pixel Size": rig.PIXEL,
            "Sheet Material": materials.sheet(f"GID Sheet {spec.name}", still, is_transparent),
            **{
                f"Image {index}": images.new_image(
                    f"GID Mode {index:02d} {spec.name}", amplitudes.view(np.float32), is_vector=True
                )
                for index, amplitudes in enumerate(spec.volume.amplitudes, 1)
            },
        },
    )
    _set_plan(plane, spec.plan)

    scene = stage.new_scene(f"GID Loop {spec.name}", width, height, spec.engine, is_transparent)
    clock.set_rate(scene, spec.fps)
    clock.set_range(scene, spec.start, spec.plan.n_frames)
    clock.key(plane, spec.start, spec.plan.n_frames)
    surfaces = stage.Surfaces(spec.name, still, front, mask, is_transparent)
    stage.place(scene, plane, surfaces, spec.engine)
    stage.compose(scene, plate, spec.engine, is_transparent)

    plane.gid.scene = scene
    plane.gid.frequencies = json.dumps([float(f) for f in spec.volume.frequencies])
    plane.gid.provenance = json.dumps(dict(spec.volume.provenance))
    _note_plan(plane, spec.plan, spec.fps, spec.start)
    return plane


def _set_plan(obj, plan):
    values = {"Length": plan.n_frames, "Anchor": float(plan.anchored)}
    for index, (harmonic, gain, phase) in enumerate(zip(plan.harmonics, plan.gains, plan.phases, strict=True), 1):
        values[f"Harmonic {index}"] = int(harmonic)
        values[f"Gain {index}"] = float(gain)
        values[f"Phase {index}"] = float(phase)
    rig.set_inputs(obj, values)


def _note_plan(obj, plan, fps, start):
    obj.gid.n_frames, obj.gid.start, obj.gid.fps = plan.n_frames, start, str(Fraction(fps))


def _on_same_clock(plane):
    """Every object that plays the action of `plane`: itself, its EEVEE partner, linked duplicates."""
    action = plane.animation_data.action
    return [
        obj
        for obj in bpy.data.objects
        if obj.animation_data and obj.animation_data.action == action and rig.MODIFIER in obj.modifiers
    ]


@contextmanager
def _undone_on_failure():
    before = {block.session_uid for block in bpy.data.user_map()}
    try:
        yield
    except BaseException:
        bpy.data.batch_remove([block for block in bpy.data.user_map() if block.session_uid not in before])
        raise


def _reachable(blocks):
    """Datablocks that `blocks` use, directly or not, objects and scenes apart."""
    uses = {}
    for used, users in bpy.data.user_map().items():
        for user in users:
            uses.setdefault(user, set()).add(used)
    found, open_ends = set(), list(blocks)
    while open_ends:
        for used in uses.get(open_ends.pop(), ()):
            if used not in found and not isinstance(used, bpy.types.Object | bpy.types.Scene):
                found.add(used)
                open_ends.append(used)
    return found


def _remove_unused(candidates):
    """Remove those that nothing uses, and then those that lost their user by it.

    Who uses a block is looked up: `users` counts too many once 5.2 has saved the file, and counts fake ones.
    """
    remaining = {block for block in candidates if block.library is None}
    while unused := {block for block, users in bpy.data.user_map().items() if block in remaining and not users}:
        remaining -= unused
        bpy.data.batch_remove(unused)
