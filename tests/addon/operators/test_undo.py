"""Undo and redo after every operator give the exact state: datablocks, settings, keys, nodes, pixels."""

import hashlib
import shutil
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import compat
from gid_dev.blender_addon.loop import images, sight
from gid_dev.blender_addon.nodes import builder
from gid_dev.blender_addon.operators import preset
from gid_dev.gid_core.files import image_io

UNDO = ("EXEC_DEFAULT", True)  # as from a button: with an undo step
DATA = Path(__file__).parents[1] / "data"
_PRIMITIVE = {"BOOLEAN", "INT", "FLOAT", "STRING", "ENUM"}
# What says how Blender holds a datablock and not what is in it, or which part of it is looked at.
_BESIDE = {
    "rna_type", "session_uid", "users", "tag", "is_evaluated", "is_updated", "is_updated_data", "original", "id_data",
    "is_dirty", "has_data", "bindcode", "preview", "select", "is_library_indirect", "is_runtime_data", "is_missing",
    "depsgraph", "tool_settings", "keying_sets_all", "use_nodes", "frame_current_final", "use_extra_user", "cursor",
    "pixels", "matrix_world", "matrix_basis", "matrix_local",
}  # fmt: skip
_LOOKED_AT = {"WindowManager", "Screen", "WorkSpace", "Brush", "Palette", "Mesh", "Text", "FreestyleLineStyle"}


def state():
    """{(kind, name): all that is in it} of the datablocks of this file."""
    active = ((scene.name, scene.view_layers[0].objects.active) for scene in bpy.data.scenes)
    found = {("Active", name): obj and obj.name for name, obj in active}
    for block in bpy.data.user_map():
        kind = block.bl_rna.identifier
        if block.library or kind == "Library":
            continue  # brushes, which Blender brings along
        if kind in _LOOKED_AT or getattr(block, "source", "") == "VIEWER":
            found[kind, block.name_full] = _mesh(block) if kind == "Mesh" else ()
        elif builder.GROUP_KEY in block:
            found[kind, block.name_full] = block[builder.GROUP_KEY]  # nothing changes in a shared group
        else:
            found[kind, block.name_full] = _told(block, set())
            if kind == "Image" and block.name != "Render Result":
                pixels = hashlib.sha256(images.pixels_of(block).tobytes()).hexdigest()
                found[kind, block.name_full] += (("pixels", pixels),)
    return found


def _mesh(block):
    places = np.empty(3 * len(block.vertices), np.float32)
    block.vertices.foreach_get("co", places)
    return places.tobytes()


def _told(data, seen):
    """All values of some RNA, as nested tuples of (name, value); what was told before is left out."""
    mark = data.bl_rna.identifier, data.as_pointer()
    if mark in seen:
        return getattr(data, "name", "")
    seen.add(mark)
    found = [(one.identifier, _value(data, one, seen)) for one in data.bl_rna.properties if _counts(one)]
    if isinstance(data, bpy.types.ID | bpy.types.Modifier):
        found += _custom(data)
    return tuple(found)


def _counts(one):
    name = one.identifier
    return not (name in _BESIDE or name.startswith("bl_") or (one.is_readonly and one.type in _PRIMITIVE))


def _value(data, one, seen):
    value = getattr(data, one.identifier)
    if one.type == "POINTER":
        return _pointed(value, seen)
    if one.type == "COLLECTION":
        return tuple((str(index), _pointed(item, seen)) for index, item in enumerate(value))
    if getattr(one, "is_array", False):
        return np.ravel(np.array(value)).tolist()
    return sorted(value) if isinstance(value, set) else value


def _custom(data):
    """Custom properties; before 5.2 the inputs of a Geometry Nodes modifier are such."""
    try:
        values = {key: data[key] for key in sorted(data.keys())}
    except TypeError:  # there are none
        return []
    # Groups are told as RNA.
    return [(key, _plain(value)) for key, value in values.items() if not hasattr(value, "to_dict")]


def _plain(value):
    return value.name_full if isinstance(value, bpy.types.ID) else str(getattr(value, "to_list", lambda: value)())


def _pointed(value, seen):
    if not isinstance(value, bpy.types.bpy_struct):
        return str(value)
    if isinstance(value, bpy.types.ID) and not value.is_embedded_data:
        return value.bl_rna.identifier, value.name_full
    return _told(value, seen)


def differences(one, other):
    """What differs, each with the way to it."""
    told = []
    for key in sorted(one.keys() | other.keys()):
        if one.get(key) != other.get(key):
            told.append((key, *_first(one.get(key), other.get(key))))
    return told


def _first(one, other):
    """The way to the first difference, and both values there."""
    is_inside = all(isinstance(values, tuple) and all(map(_is_named, values)) for values in (one, other))
    if not is_inside or len(one) != len(other):
        return str(one)[:300], str(other)[:300]
    (name, a), (_, b) = next((a, b) for a, b in zip(one, other, strict=True) if a != b)
    return name, *_first(a, b)


def _is_named(value):
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)


# ---- what has to be there before an operator


def _nothing(_photo):
    pass


def _unselected(_photo):
    bpy.context.scene.gid.loop.gid.scene.view_layers[0].objects.active = None


def _reroll(_photo):
    bpy.ops.gid.reroll()


def _compare(_photo):
    bpy.ops.gid.reroll()
    bpy.ops.gid.take_compare()
    other = next(o for o in bpy.context.scene.objects if o.gid.shows is None and o.type == "MESH")
    sight.select(other, bpy.context.scene)


def _mask(_photo):
    bpy.ops.gid.mask_from(channel="RED")


def _strength(_photo):
    bpy.ops.gid.mask_new(picture="STRENGTH")
    image = bpy.context.scene.gid.loop.gid.edits.strength
    image.pixels.foreach_set(np.linspace(0, 1, len(image.pixels), dtype=np.float32))


def _opened(photo):
    images.open_photo(photo)


def _easel(_photo):
    bpy.ops.gid.mask_new()
    bpy.ops.gid.paint(picture="MASK")


def _pluck(_photo):
    bpy.ops.gid.pluck(point=(0.5, 0.5), offset=(0.1, 0.0))


def _stroke(_photo):
    bpy.ops.gid.comb()


def _seconds(_photo):
    bpy.context.scene.gid.loop.gid.scene.gid.n_frames = 20
    bpy.context.scene.render.fps = 25


def _reference(photo):
    obj = bpy.data.objects.new("Reference", None)
    obj.empty_display_type, obj.data = "IMAGE", images.open_photo(photo)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj


def _old(photo):
    shutil.copy(DATA / "loop_0_1_0.blend", photo.parent / "old.blend")
    bpy.ops.wm.open_mainfile(filepath=str(photo.parent / "old.blend"))
    plane = bpy.data.objects["GID Loop Old"]
    plane.gid.scene.gid.loop = plane
    bpy.context.window.scene = plane.gid.scene


def _compositor(_photo):
    compat.ensure_compositor(bpy.context.scene)


def _preset():
    files = (Path(folder) / "gust.py" for folder in bpy.utils.preset_paths(preset.FOLDER))
    return next(str(file) for file in files if file.exists())  # the artist's own folder may come first


# {operator: (what is there before, its settings; a function of the photo where they need it)}
CALLS = {
    "add_card": (_nothing, {}),
    "add_cards": (_nothing, {"count": 2}),
    "add_node_group": (_compositor, {"group": "FAST_WARP"}),
    "add_photo": (_nothing, lambda photo: {"filepath": str(photo)}),
    "add_to_compositor": (_nothing, {}),
    "add_to_sequencer": (_nothing, {}),
    "add_warp": (_nothing, {}),
    "animate": (_seconds, {}),
    "animate_image": (_opened, {}),
    "animate_object": (_reference, {}),
    "apply_edits": (_strength, {}),
    "one_axis": (_nothing, {"axis": "UP_DOWN"}),
    "clear_plucks": (_pluck, {}),
    "comb": (_nothing, {}),
    "comb_clear": (_stroke, {}),
    "length": (_nothing, {"frames": 20}),
    "mask_clear": (_mask, {}),
    "mask_feather": (_mask, {"pixels": 3}),
    "mask_from": (_nothing, {"channel": "RED"}),
    "mask_grow": (_mask, {"pixels": 3}),
    "mask_invert": (_mask, {}),
    "mask_new": (_nothing, {"picture": "STRENGTH", "start": "NOTHING"}),
    "motion_preset": (_nothing, lambda _photo: {"filepath": _preset()}),
    "new_loop": (_nothing, {}),
    "open_still": (_nothing, lambda photo: {"filepath": str(photo)}),
    "paint": (_mask, {"picture": "MASK"}),
    "paint_done": (_easel, {}),
    "pluck": (_nothing, {"point": (0.5, 0.5), "offset": (0.1, 0.02)}),
    "remove": (_nothing, {}),
    "reroll": (_nothing, {}),
    "retime": (_seconds, {}),
    "select_rig": (_unselected, {}),
    "take_compare": (_reroll, {}),
    "take_compare_end": (_compare, {}),
    "take_keep": (_reroll, {}),
    "take_remove": (_reroll, {"take": 0}),
    "take_show": (_reroll, {"take": 0}),
    "take_use": (_compare, {}),
    "update_loop": (_old, {}),
    "wind": (_nothing, {"wander": 3}),
}
_EDITORS = {"add_node_group": "NODE_EDITOR", "animate_image": "IMAGE_EDITOR"}  # {operator: where it is}


def test_every_operator_that_changes_data_is_tried():
    ours = {cls for cls in _all(bpy.types.Operator) if getattr(cls, "bl_idname", "").startswith("gid.")}
    undoing = {cls.bl_idname.removeprefix("gid.") for cls in ours if "UNDO" in getattr(cls, "bl_options", ())}
    assert undoing == {*CALLS, "motion_from_clip"}  # test_clip.py undoes that one, with a film


@contextmanager
def _editor(kind, photo):
    """An editor of a kind that shows the photo, or the compositor of the scene, in the context; None: no editor."""
    if kind is None:
        yield
        return
    area = bpy.context.window.screen.areas[0]
    area.type = kind
    space = area.spaces.active
    if kind == "IMAGE_EDITOR":
        space.image = bpy.data.images[photo.name]
    else:
        area.ui_type = "CompositorNodeTree"
        if hasattr(bpy.context.scene, "compositing_node_group"):
            space.node_tree = bpy.context.scene.compositing_node_group
    with bpy.context.temp_override(area=area, space_data=space):
        yield


def _all(kind):
    for one in kind.__subclasses__():
        yield one
        yield from _all(one)


@pytest.mark.parametrize("prepare", dict.fromkeys(prepare for prepare, _ in CALLS.values()))
def test_undo_and_redo_give_the_exact_state(prepare, small_loop, photo, picture):
    second = photo.parent / "second.png"
    image_io.save_png(second, picture(24, 16, seed=2))
    prepare(second)
    bpy.ops.ed.undo_push(message="before")
    before = state()
    for name, (there, settings) in CALLS.items():
        if there is prepare:
            settings = settings(second) if callable(settings) else settings
            with _editor(_EDITORS.get(name), second):
                assert getattr(bpy.ops.gid, name)(*UNDO, **settings) <= {"FINISHED", "INTERFACE"}, name
            after = state()
            assert after != before, name
            bpy.ops.ed.undo()
            assert not differences(state(), before), name
            bpy.ops.ed.redo()
            assert not differences(state(), after), name
            bpy.ops.ed.undo()
