"""All takes of a loop side by side, playing, in a scene of their own that goes when it has served.

Each take is a sheet like the loop's, with fewer cells and no images of its own: the viewport reads its motion from the
sheet's points. The scene is never saved.
"""

import math
from dataclasses import replace

import bpy

from ...gid_core.errors import SettingsError
from ..nodes import rig
from . import clock, live, mesh, raw
from .build import baked, set_plan
from .edit import plan_for
from .remove import remove_unused
from .scene import new_scene

__all__ = ["close", "is_comparison", "scene_of_takes", "take_of"]

_STRIDE = 2  # texels of the volume a cell: a quarter of the sheet's points for as many sheets
_GAP = 1.06  # of a photo's side, from one to the next
_LABEL = 0.12  # of a photo's height below it, for its name
_TAKE = "gid_take"  # custom property of a sheet: which take it shows


def is_comparison(scene) -> bool:
    """True for a scene that this module has made."""
    return scene.gid.is_comparison


def take_of(scene, obj) -> int:
    """The take that an object of a comparison shows, -1 for any other object."""
    return obj[_TAKE] if obj is not None and is_comparison(scene) and _TAKE in obj else -1


def scene_of_takes(plane):
    """A new scene in which the takes of the loop's photo play side by side, each with its name.

    Raises:
        SettingsError: there is but one take of this photo.
    """
    gid = plane.gid
    shown = [index for index, take in enumerate(gid.takes) if take.source == gid.source]
    if len(shown) < 2:
        raise SettingsError("there is one take of this photo: re-roll for another one to compare it with")
    width, height = rig.get_input(plane, "Still").size
    columns = math.ceil(math.sqrt(len(shown) * height / width * 1.3))  # about as wide as a viewport beside the panel
    rows = math.ceil(len(shown) / columns)
    step = width * _GAP, height * (_GAP + _LABEL)
    scene = new_scene(
        f".GID Takes {live.name_of(plane)}", round(columns * step[0]), round(rows * step[1]), "CYCLES", False
    )
    scene.gid.is_comparison, scene.gid.loop = True, plane
    for name in ("still", "seed", "length_unit", "seconds", "n_frames", "start"):
        with live.held():
            setattr(scene.gid, name, getattr(gid.scene.gid, name))
    clock.set_rate(scene, clock.fps_of(plane))
    clock.set_range(scene, gid.start, gid.n_frames)
    for place, index in enumerate(shown):
        row, column = divmod(place, columns)
        x = (column - (columns - 1) / 2) * step[0] * rig.PIXEL
        y = ((rows - 1) / 2 - row) * step[1] * rig.PIXEL
        _place(scene, plane, index, x, y + height * _LABEL / 2 * rig.PIXEL)
        _label(scene, gid.takes[index].name, x, y - (height / 2) * rig.PIXEL, height * _LABEL * rig.PIXEL)
    return scene


def close(scene) -> None:
    """Remove a comparison and everything made for it."""
    made = list(scene.objects)
    data = {obj.data for obj in made}
    actions = {obj.animation_data.action for obj in made if obj.animation_data} - {None}
    fonts = {one.font for one in data if isinstance(one, bpy.types.TextCurve)}
    bpy.data.scenes.remove(scene)
    bpy.data.batch_remove(made)
    bpy.data.batch_remove({*data, *actions})
    remove_unused(fonts)  # Blender's own, which comes with the first text


def _place(scene, plane, index, x, y):
    """A sheet that plays one take as the loop would, edits included."""
    take, gid = plane.gid.takes[index], plane.gid
    motion = raw.of(take, take.name)
    plan = plan_for(plane, gid.n_frames, clock.fps_of(plane), motion)
    volume = baked(motion, live.asked(plane))
    coarse = replace(volume, amplitudes=volume.amplitudes[:, ::_STRIDE, ::_STRIDE].copy())
    width, height = rig.get_input(plane, "Still").size
    name = f".GID {take.name} {live.name_of(plane)}"
    sheet = bpy.data.objects.new(name, mesh.new_mesh(name, mesh.Sheet.of(coarse, width, height)))
    sheet[_TAKE] = index
    sheet.modifiers.new(rig.MODIFIER, "NODES").node_group = rig.modifier_of(plane).node_group
    inputs = [one for one in rig.inputs_of(rig.modifier_of(plane).node_group) if not one.startswith("Geometry")]
    rig.set_inputs(sheet, {one: rig.get_input(plane, one) for one in inputs if not one.startswith("Pluck")})
    rig.set_inputs(sheet, rig.frequency_inputs(volume.frequencies))
    set_plan(sheet, plan, gid.edits.phase)
    sheet.location = x, y, 0
    scene.collection.objects.link(sheet)
    clock.key(sheet, gid.start, gid.n_frames)


def _label(scene, text, x, y, height):
    curve = bpy.data.curves.new(f".GID Name {text}", "FONT")
    curve.body, curve.size, curve.align_x, curve.align_y = text, 0.8 * height, "CENTER", "CENTER"
    label = bpy.data.objects.new(curve.name, curve)
    label.location, label.hide_select = (x, y - 0.1 * height, 0), True
    scene.collection.objects.link(label)
