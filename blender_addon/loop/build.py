"""A loop in Blender, built from a still and its motion.

Each loop has a scene of its own, "GID Loop <name>", with its camera, compositor, engine, colour management, frame
range and rate; no other scene is touched. What is stored there is all that a render needs: the file plays without the
add-on. Loops are found by pointers, never by names. What an artist may want to look at or paint on has a plain name;
the rest begins with a dot and stays out of Blender's menus.
"""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction

import bpy
import numpy as np

from ...gid_core.errors import SettingsError
from ...gid_core.frames.renderer import LoopRenderer
from ...gid_core.motion.edits import Edits, apply
from ...gid_core.motion.motion import Motion
from ...gid_core.motion.timeline import LoopPlan
from ...gid_core.motion.volume import SpectralVolume
from ..nodes import materials, rig, sharp
from . import clock, colours, images, live, mesh, raw
from .packing import Packed
from .scene import CYCLES_OFF, Surfaces, compose, has_cycles, new_scene, place

__all__ = ["LoopSpec", "Pictures", "baked", "build_loop", "check_plan", "note_plan", "set_plan"]


@dataclass(frozen=True)
class LoopSpec:
    """What a loop is made of.

    still: float32 (H, W, 3|4), linear, premultiplied; plan: of the edited motion, the phase of the edits in it;
    front: r in 0..1, float32 (H, W), None for that of the motion; plate: as the still, None to make one, False for
    none; start: the frame that shows the still; engine: CYCLES or EEVEE, None for Cycles where it is switched on;
    pictures: `Pictures.of` all this, and kept: `raw.Kept.of` the motion, if they were worked out before.
    """

    name: str
    still: np.ndarray
    motion: Motion
    plan: LoopPlan
    fps: Fraction
    edits: Edits = field(default_factory=Edits)
    start: int = 1
    front: np.ndarray | None = None
    plate: np.ndarray | None = None
    engine: str | None = None
    pictures: "Pictures | None" = None
    kept: raw.Kept | None = None


@dataclass(frozen=True)
class Pictures:
    """What is worked out of a still and its volume, and kept as images of the still's size.

    still, plate (or None): the files of the images, in the scene's light; front: of r in 0..1; static: 1 where nothing
    moves; kin: as `nodes.sharp.kin_pixels` packs it; modes: of the volume's frequencies. sheet: what plays in a
    viewport; moving: share of the pixels that can move; volume: what all this was worked out of; size: of the still,
    (width, height).
    """

    still: Packed
    front: Packed
    plate: Packed | None
    static: Packed
    kin: Packed
    modes: tuple[Packed, ...]
    sheet: mesh.Sheet
    moving: float
    volume: SpectralVolume
    size: tuple[int, int]

    @classmethod
    def of(cls, still, volume, plan, front=None, plate=None) -> "Pictures":
        """Work them out, which takes seconds and touches no datablock.

        Args:
            still, plan, front, plate: as a `LoopSpec` has them.
        """
        made = LoopRenderer(still, volume, plan, front=front, plate=plate)
        return cls(
            still=images.pack(colours.to_scene(still)),
            front=images.pack(made.front[..., None]),
            plate=None if made.plate is None else images.pack(colours.to_scene(made.plate)),
            static=images.pack(made.static[..., None].astype(np.float32), is_byte=True),
            kin=images.pack(sharp.kin_pixels(made.kin), is_byte=True),
            modes=tuple(images.pack(mode, is_vector=True) for mode in volume.amplitudes.view(np.float32)),
            sheet=mesh.Sheet.of(volume, *still.shape[1::-1]),
            moving=float(1 - made.static.mean()),
            volume=volume,
            size=still.shape[1::-1],
        )


def baked(motion: Motion, edits: Edits) -> SpectralVolume:
    """What the images of the modes hold: strength, strokes of the comb, and a mask where it is taken at its word.

    Its frequencies are at the rate that is asked for. All else acts live.
    """
    worked_in = {name: getattr(edits, name) for name in ("mask", "strength", "strokes", "rate", "wander")}
    return replace(apply(motion, Edits(**worked_in)), mask=None)


def build_loop(spec: LoopSpec):
    """The plane of a new loop, in a scene of its own that `plane.gid.scene` names. All of it is made, or nothing.

    Raises:
        SettingsError: the parts do not fit each other, or Blender cannot do what they ask.
    """
    check_plan(spec.plan, spec.motion.n_freqs, spec.fps)
    is_transparent = images.has_alpha(spec.still)
    if spec.engine not in {"CYCLES", "EEVEE", None}:
        raise SettingsError(f"engine '{spec.engine}': choose CYCLES or EEVEE")
    if spec.engine is None:
        if not has_cycles() and is_transparent:
            raise SettingsError(f"EEVEE renders opaque stills only, and {CYCLES_OFF}")
        spec = replace(spec, engine="CYCLES" if has_cycles() else "EEVEE")
    if spec.engine == "EEVEE" and is_transparent:
        raise SettingsError("EEVEE renders opaque stills only: choose CYCLES, or fill the transparent parts")
    with _undone_on_failure():
        return _build(spec, is_transparent)


def check_plan(plan, n_freqs, fps):
    """Refuse a plan of another number of modes, or a rate that is none."""
    if not len(plan.harmonics) == len(plan.gains) == len(plan.phases) == n_freqs:
        raise SettingsError(f"the plan has {len(plan.harmonics)} frequencies, the motion {n_freqs}: plan it anew")
    if fps <= 0:
        raise SettingsError(f"{fps} frames a second: choose a positive rate")


def _build(spec, is_transparent):
    height, width = spec.still.shape[:2]
    pictures = spec.pictures
    if pictures is None:
        volume = baked(spec.motion, spec.edits)
        pictures = Pictures.of(spec.still, volume, spec.plan, spec.front, spec.plate)
    volume = pictures.volume
    still = _made_image(f"GID Still {spec.name}", pictures.still)
    front = _made_image(f"GID In Front {spec.name}", pictures.front)
    plate = None if pictures.plate is None else _made_image(f"GID Plate {spec.name}", pictures.plate)
    mask = images.new_image(f".GID Static {spec.name}", pictures.static)
    kin = images.new_image(f".GID Kin {spec.name}", pictures.kin)

    plane = bpy.data.objects.new(f"GID Loop {spec.name}", mesh.new_mesh(f".GID Sheet {spec.name}", pictures.sheet))
    plane.modifiers.new(rig.MODIFIER, "NODES").node_group = rig.group(volume.n_freqs)
    rig.set_inputs(
        plane,
        {
            "Still": still,
            "Static Mask": mask,
            "In Front": front,
            "Kin": kin,
            "Has Opacity": is_transparent,
            "Pixel Size": rig.PIXEL,
            **rig.frequency_inputs(volume.frequencies),
            "Sheet Material": materials.sheet(f".GID Sheet {spec.name}", still, is_transparent),
            **{
                f"Image {index}": images.new_image(f".GID Mode {index:02d} {spec.name}", mode)
                for index, mode in enumerate(pictures.modes, 1)
            },
        },
    )
    set_plan(plane, spec.plan, spec.edits.phase)

    scene = new_scene(f"GID Loop {spec.name}", width, height, spec.engine, is_transparent)
    clock.set_rate(scene, spec.fps)
    clock.set_range(scene, spec.start, spec.plan.n_frames)
    clock.key(plane, spec.start, spec.plan.n_frames)
    surfaces = Surfaces(spec.name, still, front, mask, plate, is_transparent)
    place(scene, plane, surfaces, spec.engine)
    compose(scene, has_plate=plate is not None)

    gid = plane.gid
    gid.scene, gid.camera, gid.front, gid.plate = scene, scene.camera, front, plate
    gid.moving, gid.colours = pictures.moving, colours.note_of()
    scene.gid.loop = plane
    raw.store(plane, spec.motion, spec.name, spec.kept)
    note_plan(plane, spec.plan, spec.fps, spec.start)
    live.ask(plane, spec.edits, spec.name)
    return plane


def _made_image(name, file):
    """An image that the artist may paint on."""
    image = images.new_image(name, file)
    images.mark_made(image, file)
    return image


def set_plan(obj, plan, phase=0.0):
    """Give the rig of `obj` the harmonics, gains and phases of a plan.

    phase: the part of the plan's phases, in cycles, that the rig's Phase Offset adds by itself.
    """
    values = {"Length": plan.n_frames, "Anchor": float(plan.anchored)}
    for index, (harmonic, gain, angle) in enumerate(zip(plan.harmonics, plan.gains, plan.phases, strict=True), 1):
        values[f"Harmonic {index}"] = int(harmonic)
        values[f"Gain {index}"] = float(gain)
        values[f"Phase {index}"] = float(np.mod(angle - 2 * np.pi * harmonic * phase, 2 * np.pi))
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
