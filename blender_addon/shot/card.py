"""A card: a plane in an artist's scene that shows a loop to any camera, light and engine, with no add-on.

It is the loop's own sheet once more, rendered: mesh, images, inputs and keys are the loop's, so it moves as the loop
does, whatever is edited. Its keys come through an NLA strip: moving the strip shifts the card in time, and the card
can be keyed like any other object. A card of baked frames is a plain plane with an image sequence.
"""

from math import pi

import bpy
from mathutils import Vector

from ...gid_core.errors import SettingsError
from ..loop import images, live, upgrade
from ..loop.mesh import UV_MAP
from ..loop.read import scene_of
from ..nodes import card, rig

__all__ = ["ALIGNMENTS", "add_baked_card", "add_card", "check_current", "new_sheet"]

ALIGNMENTS = [
    ("AXIS", "Nearest Axis", "Upright or flat, along the axis that the scene's camera looks along most"),
    ("CAMERA", "Camera", "Square to the scene's camera as it stands now"),
    ("FRONT", "Front", "Upright, seen from the front"),
    ("TOP", "Top", "Flat on the ground, seen from above"),
]
# The strip begins that many frames before the loop: what lies before it would stand still.
_LEAD = 16384
_PLAYED = 2**20
_ROOM, _GAP = 2.0, 0.1  # of a card's width: half of a thing that it may stand in; between it and a smaller one
_OF_TENTS = {"Geometry", "Tent Material", "Static Material", "Plate Material"}  # inputs of no use to a sheet


def add_card(plane, scene, *, kind="EMISSION", height=1.0, alignment="AXIS", offset=0, collection=None):
    """A new card of the loop of `plane` in `scene`, at its 3D cursor, or beside what would hide it there.

    Args:
        kind: of `nodes.card.KINDS`; height: in Blender units; alignment: of `ALIGNMENTS`.
        offset: frames by which the card is late.
        collection: of the scene, where the card goes; None: the scene's own.
    Raises:
        SettingsError: `plane` is not a loop, or an older version made it, or `scene` is a loop's own.
    """
    scene_of(plane)
    if plane.library:
        raise SettingsError(f"the loop '{plane.name}' is linked: add the card in its own file")
    if any(obj.gid.scene == scene for obj in bpy.data.objects):
        raise SettingsError(f"'{scene.name}' is the scene of a loop: go to a scene of your own first")
    check_current(plane)
    name = live.name_of(plane)
    still = rig.get_input(plane, "Still")
    surface = card.material(f"GID Card {name}", kind, still, is_transparent=images.has_alpha(images.pixels_of(still)))
    made = new_sheet(plane, f"GID Card {name}", surface, offset)
    width = height * still.size[0] / still.size[1]
    _place(made, scene, height / (still.size[1] * rig.PIXEL), alignment, width)
    (collection or scene.collection).objects.link(made)
    return made


def check_current(plane) -> None:
    """Refuse a loop whose rig knows no cards.

    Raises:
        SettingsError: an older version made it.
    """
    if upgrade.is_outdated(plane):
        raise SettingsError(f"the loop '{plane.name}' was made by an older version: bring it up to date first")


def new_sheet(plane, name, surface, offset=0):
    """An object that renders the sheet of the loop of `plane` in a material of its own; in no scene yet."""
    made = bpy.data.objects.new(name, plane.data)
    made.modifiers.new(rig.MODIFIER, "NODES").node_group = rig.modifier_of(plane).node_group
    made.gid.shows = plane
    names = set(rig.inputs_of(rig.modifier_of(plane).node_group)) - _OF_TENTS
    values = {one: value for one in names if (value := rig.get_input(plane, one)) is not None}
    rig.set_inputs(made, {**values, "As Card": True, "Tents": False, "Sheet Material": surface})
    _play(made, plane, offset)
    return made


def add_baked_card(plane, scene, files, *, kind="EMISSION", height=1.0, alignment="AXIS", offset=0, collection=None):
    """A card of the baked frames of the loop of `plane`, one round: exact, and a plain plane that needs those files.

    It knows nothing of the loop any more: a later edit needs another bake, and the card then shows that.

    Args:
        files: the frames, in order; all else as `add_card`.
    """
    name = live.name_of(plane)
    picture = bpy.data.images.load(str(files[0]), check_existing=False)
    width, high = picture.size  # a sequence tells it only once it is drawn
    picture.name, picture.source = f"GID Frames {name}", "SEQUENCE"
    if plane.gid.baked.startswith("//"):
        picture.filepath = bpy.path.relpath(picture.filepath)
    is_transparent = images.has_alpha(images.pixels_of(rig.get_input(plane, "Still")))
    number = int(files[0].stem)
    surface = card.material(
        f"GID Card {name}",
        kind,
        picture,
        is_transparent=is_transparent,
        is_premultiplied=False,
        frames=(plane.gid.start + offset, len(files), number),
    )
    made = bpy.data.objects.new(
        f"GID Baked Card {name}", _rectangle(f"GID Baked Card {name}", height * width / high, height)
    )
    made.data.materials.append(surface)
    _place(made, scene, 1.0, alignment, height * width / high)
    (collection or scene.collection).objects.link(made)
    return made


def _rectangle(name, width, height):
    x, y = width / 2, height / 2
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0)], [], [(0, 1, 2, 3)])
    layer = mesh.uv_layers.new(name=UV_MAP, do_init=False)
    layer.uv.foreach_set("vector", [0, 0, 1, 0, 1, 1, 0, 1])
    mesh.update()
    return mesh


def _play(made, plane, offset):
    """Let a copy of the plane play the keys of the plane from an NLA strip."""
    action, slot = plane.animation_data.action, plane.animation_data.action_slot
    strip = made.animation_data_create().nla_tracks.new().strips.new(plane.name, 0, action)
    strip.action_slot = slot
    start = plane.gid.start
    strip.action_frame_end = start + _PLAYED
    strip.action_frame_start = start - _LEAD
    strip.frame_end = start + offset + _PLAYED
    strip.frame_start = start + offset - _LEAD
    strip.frame_end = start + offset + _PLAYED


def _place(made, scene, scale, alignment, width):
    made.scale = (scale, scale, scale)
    made.rotation_mode = "XYZ"
    made.rotation_euler = _rotation(scene.camera, alignment)
    right = made.rotation_euler.to_matrix() @ Vector((1.0, 0.0, 0.0))
    made.location = scene.cursor.location + right * _way_out(scene, right, width)


def _way_out(scene, right, width):
    """How far to the right of the 3D cursor a card of this width stands clear of the solid thing that is there.

    What is much larger than the card, as a room or a ground, is what it shall stand in: 0.
    """
    farthest, cursor = 0.0, scene.cursor.location
    for other in scene.objects:
        if other.type != "MESH" or other.hide_viewport or other.gid.shows is not None:
            continue
        corners = [other.matrix_world @ Vector(corner) for corner in other.bound_box]
        if all(min(c[i] for c in corners) < cursor[i] < max(c[i] for c in corners) for i in range(3)):
            way = max((corner - cursor).dot(right) for corner in corners)
            if way <= _ROOM * width:
                farthest = max(farthest, way + width * (0.5 + _GAP))
    return farthest


def _rotation(camera, alignment):
    if alignment == "FRONT":
        return (pi / 2, 0.0, 0.0)
    if alignment == "TOP" or camera is None:
        return (0.0, 0.0, 0.0) if alignment == "TOP" else (pi / 2, 0.0, 0.0)
    if alignment == "CAMERA":
        return camera.matrix_world.to_euler("XYZ")
    back = camera.matrix_world.to_3x3() @ Vector((0.0, 0.0, 1.0))  # from what it sees towards the camera
    axis = max(range(3), key=lambda i: abs(back[i]))
    if axis == 2:
        return (0.0, 0.0 if back.z > 0 else pi, 0.0)
    turns = {(1, False): 0.0, (1, True): pi, (0, True): pi / 2, (0, False): -pi / 2}
    return (pi / 2, 0.0, turns[axis, back[axis] > 0])
