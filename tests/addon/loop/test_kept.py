"""What the file would not keep is refused before anything changes; what an artist renamed or switched off is no bug."""

from fractions import Fraction

import addon_utils
import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.loop import clock, edit, read, remove, sight, upgrade
from gid_dev.blender_addon.nodes import rig
from gid_dev.blender_addon.output import bake
from gid_dev.blender_addon.output.frames import render_frames
from gid_dev.gid_core.errors import SettingsError
from gid_dev.gid_core.motion.edits import Pull

ALL = {
    "another length": lambda plane: edit.retime_loop(plane, edit.plan_for(plane, 36, Fraction(24)), Fraction(24)),
    "another motion": lambda plane: edit.replace_motion(plane, read.stored_motion(plane)),
    "paint": edit.apply_edits,
    "a pluck": lambda plane: edit.add_pluck(plane, Pull(0.5, 0.5, 0.1, 0.0, 0.0)),
    "no plucks": edit.clear_plucks,
}


def state(plane):
    scene = plane.gid.scene
    images = {i.name: i.session_uid for i in bpy.data.images}
    clocks = [k.co[:] for c in plane.animation_data.action.layers[0].strips[0].channelbags[0].fcurves
              for k in c.keyframe_points]  # fmt: skip
    return scene.frame_start, scene.frame_end, plane.gid.n_frames, images, clocks


def linked(tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"), copy=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (there, here):
        here.scenes = [name for name in there.scenes if name.startswith("GID Loop")]
    return next(o for o in here.scenes[0].objects if o.gid.scene is not None)


def test_linked_loop_and_its_override_refuse_all_that_changes_them(make_loop, tmp_path):
    make_loop()
    plane = linked(tmp_path)
    before = state(plane)
    for name, change in ALL.items():
        with pytest.raises(SettingsError, match="is linked: change it in its own file"):
            change(plane)
        assert state(plane) == before, name
    bpy.context.scene.collection.objects.link(plane)
    own = plane.override_create(remap_local_usages=True)
    for name, change in ALL.items():
        with pytest.raises(SettingsError, match=r"(is linked|overrides a linked one): change it in"):
            change(own)
        assert own.gid.n_frames == 24, name


def full_copy(plane):
    """The plane of a full copy of the loop's scene."""
    window = bpy.context.window_manager.windows[0]
    window.scene = plane.gid.scene
    with bpy.context.temp_override(window=window):
        bpy.ops.scene.new(type="FULL_COPY")
    return next(o for o in window.scene.objects if rig.is_rigged(o))


def test_full_copy_of_a_loop_never_changes_the_original(make_loop):
    plane = make_loop()
    copy = full_copy(plane)
    own_scene, before = copy.users_scene[0], state(plane)
    for name, change in ALL.items():
        if name == "another length" and copy.gid.scene == own_scene:
            change(copy)
            assert (own_scene.frame_end, copy.gid.n_frames) == (36, 36)
        else:  # in 4.5 the copy names the original's scene
            with pytest.raises(SettingsError, match=r"is a copy that shares|since their scene was copied"):
                change(copy)
        assert state(plane) == before, name


def test_loop_whose_modifier_was_renamed_is_a_loop_to_every_tool(make_loop, rendered):
    plane = make_loop()
    (before,) = rendered(plane, [7])
    plane.modifiers[0].name = "Wind"
    assert np.array_equal(rendered(plane, [7])[0], before)
    for name, change in ALL.items():
        change(plane)
        assert plane.modifiers[0].name == "Wind", name
    assert plane.gid.scene.frame_end == 36
    for gusts in (0.5, 0.0):
        plane.gid.edits.gusts = gusts
        assert (clock.input_curve(plane, "Amount") is None) == (gusts == 0)
    upgrade.upgrade(plane)
    bake.loop_of(plane)
    own = plane.modifiers.new("GID Rig", "NODES")
    own.node_group = bpy.data.node_groups.new("Mine", "GeometryNodeTree")
    plane.modifiers.move(1, 0)  # one of the artist's, which bears the rig's old name
    assert rig.modifier_of(plane) == plane.modifiers[1]
    remove.remove_loop(plane)
    assert not [o for o in bpy.data.objects if rig.is_rigged(o)]


def test_without_cycles_a_sentence_says_what_needs_it_and_the_rest_works(make_loop, picture, tmp_path):
    plane = make_loop()
    glass = np.concatenate([picture(32, 24), np.full((24, 32, 1), 0.5, np.float32)], 2)
    sight.select(plane, plane.gid.scene)
    addon_utils.disable("cycles")
    try:
        with pytest.raises(SettingsError, match="Cycles is switched off: enable its add-on"):
            make_loop(engine="CYCLES")
        with pytest.raises(SettingsError, match="opaque stills only, and Cycles is switched off"):
            make_loop(still=glass, width=32, height=24)
        with pytest.raises(SettingsError, match="Cycles is switched off"):  # not by another engine, without a word
            render_frames(plane, tmp_path, [3])
        assert not list(tmp_path.iterdir())
        scene = make_loop(32, 24).gid.scene
        assert scene.render.engine.startswith("BLENDER_EEVEE")
        assert len(scene.view_layers) == 2
        asked = plane.gid.scene.gid.output
        asked.folder, asked.movie = str(tmp_path / "bakes"), "none"
        with bpy.context.temp_override(scene=plane.gid.scene, object=plane):
            assert bpy.ops.gid.bake() == {"FINISHED"}
        assert len(list((tmp_path / "bakes").rglob("frames/*.png"))) == 24
    finally:
        addon_utils.enable("cycles")
    assert plane.gid.scene.render.engine == "CYCLES"
