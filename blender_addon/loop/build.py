"""A loop in Blender, built from a still and its volume.

Each loop has a scene of its own, "GID Loop <name>", with its camera, compositor, engine, colour management, frame
range and rate; no other scene is touched. What is stored there is all that a render needs: the file plays without the
add-on. Loops are found by pointers, never by names.
"""

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction

import bpy
import numpy as np

from ...gid_core.errors import SettingsError
from ...gid_core.frames.renderer import LoopRenderer
from ...gid_core.motion.timeline import LoopPlan
from ...gid_core.motion.volume import SpectralVolume
from ..nodes import materials, rig
from . import clock, images, mesh
from .scene import Surfaces, compose, new_scene, place

__all__ = ["LoopSpec", "build_loop", "check_plan", "note_plan", "set_plan"]


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
    check_plan(spec.plan, spec.volume.n_freqs, spec.fps)
    is_transparent = images.has_alpha(spec.still)
    if spec.engine not in {"CYCLES", "EEVEE"}:
        raise SettingsError(f"engine '{spec.engine}': choose CYCLES or EEVEE")
    if spec.engine == "EEVEE" and is_transparent:
        raise SettingsError("EEVEE renders opaque stills only: choose CYCLES, or fill the transparent parts")
    with _undone_on_failure():
        # The rig reads the volume's images and no mask: what is masked out is folded into them.
        return _build(replace(spec, volume=spec.volume.folded()), is_transparent)


def check_plan(plan, n_freqs, fps):
    """Refuse a plan of another number of modes, or a rate that is none."""
    if not len(plan.harmonics) == len(plan.gains) == len(plan.phases) == n_freqs:
        raise SettingsError(f"the plan has {len(plan.harmonics)} frequencies, the volume {n_freqs}: plan it anew")
    if fps <= 0:
        raise SettingsError(f"{fps} frames a second: choose a positive rate")


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
        f"GID Loop {spec.name}", mesh.new_mesh(f"GID Loop {spec.name}", spec.volume, width, height)
    )
    plane.modifiers.new(rig.MODIFIER, "NODES").node_group = rig.group(spec.volume.n_freqs)
    rig.set_inputs(
        plane,
        {
            "Still": still,
            "Static Mask": mask,
            "Amount": spec.amount,
            "Pixel Size": rig.PIXEL,
            **rig.frequency_inputs(spec.volume.frequencies),
            "Sheet Material": materials.sheet(f"GID Sheet {spec.name}", still, is_transparent),
            **{
                f"Image {index}": images.new_image(
                    f"GID Mode {index:02d} {spec.name}", amplitudes.view(np.float32), is_vector=True
                )
                for index, amplitudes in enumerate(spec.volume.amplitudes, 1)
            },
        },
    )
    set_plan(plane, spec.plan)

    scene = new_scene(f"GID Loop {spec.name}", width, height, spec.engine, is_transparent)
    clock.set_rate(scene, spec.fps)
    clock.set_range(scene, spec.start, spec.plan.n_frames)
    clock.key(plane, spec.start, spec.plan.n_frames)
    surfaces = Surfaces(spec.name, still, front, mask, plate, is_transparent)
    place(scene, plane, surfaces, spec.engine)
    compose(scene, spec.engine, has_plate=plate is not None, is_transparent=is_transparent)

    plane.gid.scene, plane.gid.camera = scene, scene.camera
    plane.gid.moving = float(1 - reference.static.mean())
    plane.gid.frequencies = json.dumps([float(f) for f in spec.volume.frequencies])
    plane.gid.provenance = json.dumps(dict(spec.volume.provenance))
    note_plan(plane, spec.plan, spec.fps, spec.start)
    return plane


def set_plan(obj, plan):
    """Give the rig of `obj` the harmonics, gains and phases of a plan."""
    values = {"Length": plan.n_frames, "Anchor": float(plan.anchored)}
    for index, (harmonic, gain, phase) in enumerate(zip(plan.harmonics, plan.gains, plan.phases, strict=True), 1):
        values[f"Harmonic {index}"] = int(harmonic)
        values[f"Gain {index}"] = float(gain)
        values[f"Phase {index}"] = float(phase)
    rig.set_inputs(obj, values)


def note_plan(obj, plan, fps, start):
    """Note on the loop what it plays: length, first frame, rate."""
    obj.gid.n_frames, obj.gid.start, obj.gid.fps = plan.n_frames, start, str(Fraction(fps))


@contextmanager
def _undone_on_failure():
    before = {block.session_uid for block in bpy.data.user_map()}
    try:
        yield
    except BaseException:
        bpy.data.batch_remove([block for block in bpy.data.user_map() if block.session_uid not in before])
        raise
