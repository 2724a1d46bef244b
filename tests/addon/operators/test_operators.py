"""The operators as a user meets them: what they make, what they refuse, and that refusing changes nothing."""

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import compat
from gid_dev.blender_addon.loop import build, read
from gid_dev.gid_core.files import image_io

UNDO = ("EXEC_DEFAULT", True)  # as from a button: with an undo step


def contents():
    """Every datablock, by kind and name, and the settings of the artist's scene that must never move."""
    scene = bpy.context.scene
    blocks = [b for b in bpy.data.user_map() if getattr(b, "source", "") != "VIEWER"]  # Blender's own, made on demand
    names = sorted((block.bl_rna.name, block.name) for block in blocks)
    render = scene.render
    return names, (
        scene.name, scene.camera, render.engine, render.fps, round(render.fps_base, 6), scene.frame_start,
        scene.frame_end, scene.frame_current, scene.view_settings.view_transform, render.filepath,
        getattr(scene, "compositing_node_group", None),
    )  # fmt: skip


def test_animate_makes_a_loop_in_a_scene_of_its_own(still):
    _names, artists = contents()
    assert bpy.ops.gid.animate() == {"FINISHED"}
    plane = bpy.context.scene.gid.loop
    assert plane.gid.scene != bpy.context.scene
    assert plane.gid.source == still
    assert plane.gid.n_frames == 12
    assert "physics" in plane.gid.answered.lower()
    assert contents()[1] == artists


def test_animate_is_one_undo_step(still):
    bpy.ops.ed.undo_push(message="before")
    before = contents()
    bpy.ops.gid.animate(*UNDO)
    assert contents() != before
    bpy.ops.ed.undo()
    assert contents() == before


def test_remove_leaves_what_was_there_before(still):
    before = contents()
    bpy.ops.gid.animate()
    assert bpy.ops.gid.remove() == {"FINISHED"}
    assert contents() == before
    assert bpy.context.scene.gid.loop is None


def test_remove_is_one_undo_step(small_loop):
    bpy.ops.ed.undo_push(message="before")
    before = contents()
    bpy.ops.gid.remove(*UNDO)
    bpy.ops.ed.undo()
    assert contents() == before


def test_retime_keeps_the_volume_and_takes_length_and_first_frame(small_loop):
    volume = read.stored_volume(small_loop).amplitudes
    settings = bpy.context.scene.gid
    settings.n_frames, settings.start = 20, 1001
    assert bpy.ops.gid.retime() == {"FINISHED"}
    assert (small_loop.gid.n_frames, small_loop.gid.start) == (20, 1001)
    assert (small_loop.gid.scene.frame_start, small_loop.gid.scene.frame_end) == (1001, 1020)
    assert np.array_equal(read.stored_volume(small_loop).amplitudes, volume)


def test_retime_is_one_undo_step(small_loop):
    bpy.context.scene.gid["n_frames"] = 20  # as another scene's panel leaves it
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.gid.retime(*UNDO)
    assert bpy.context.scene.gid.loop.gid.n_frames == 20
    bpy.ops.ed.undo()
    assert bpy.context.scene.gid.loop.gid.n_frames == 12


def test_film_rate_of_the_scene_becomes_the_exact_fraction(still):
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 24, 1.001
    bpy.ops.gid.animate()
    assert bpy.context.scene.gid.loop.gid.fps == "24000/1001"


def test_show_loop_changes_the_scene_of_the_window_only(small_loop):
    home = bpy.context.scene
    bpy.ops.gid.show_loop()
    assert bpy.context.window.scene == small_loop.gid.scene
    assert bpy.ops.gid.retime.poll()
    bpy.context.window.scene = home


def test_the_panel_of_the_loops_own_scene_begins_with_what_was_asked(still):
    settings = bpy.context.scene.gid
    settings.seed, settings.start = 7, 101
    bpy.ops.gid.animate()
    there = settings.loop.gid.scene.gid
    assert (there.seed, there.start, there.n_frames) == (7, 101, 12)
    assert (there.still, there.loop) == (still, settings.loop)


def test_two_stills_in_one_file_keep_apart(still):
    bpy.ops.gid.animate()
    first = bpy.context.scene.gid.loop
    bpy.context.scene.gid.seed = 5
    bpy.ops.gid.new_loop()
    second = bpy.context.scene.gid.loop
    assert first.gid.scene != second.gid.scene
    bpy.ops.gid.remove()
    assert first.gid.scene is not None
    assert read.stored_volume(first).n_freqs == 16


def test_animate_without_a_still_is_refused():
    assert not bpy.ops.gid.animate.poll()
    with pytest.raises(RuntimeError, match="Open a photo as the still first"):
        bpy.ops.gid.animate()


def test_open_still_takes_a_photo(photo):
    assert bpy.ops.gid.open_still(filepath=str(photo)) == {"FINISHED"}
    assert tuple(bpy.context.scene.gid.still.size) == (48, 32)


def broken_files(folder):
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("not a picture")
    (folder / "cut.png").write_bytes((folder / "photo.png").read_bytes()[:100])
    image_io.save_png(folder / "dot.png", np.zeros((1, 1, 3), np.float32))
    return ["missing.png", "empty.png", "text.png", "cut.png", "dot.png", "."]


@pytest.mark.parametrize("which", range(6))
def test_open_still_refuses_bad_files_and_changes_nothing(photo, which):
    path = photo.parent / broken_files(photo.parent)[which]
    before = contents()
    with pytest.raises(RuntimeError) as refusal:  # what Blender makes of a report of kind ERROR
        bpy.ops.gid.open_still(filepath=str(path))
    assert len(str(refusal.value)) > 20
    assert "Traceback" not in str(refusal.value)
    assert contents() == before
    assert bpy.context.scene.gid.still is None


def test_animate_refuses_an_image_without_pixels(photo):
    image = bpy.data.images.load(str(photo))
    image.filepath = str(photo.parent / "gone.png")
    image.reload()
    bpy.context.scene.gid.still = image
    before = contents()
    with pytest.raises(RuntimeError, match=r"gone\.png"):
        bpy.ops.gid.animate()
    assert contents() == before


def test_a_model_folder_that_is_not_there_is_refused(still, monkeypatch, tmp_path):
    from gid_dev.blender_addon import preferences

    monkeypatch.setattr(preferences, "model_choice", lambda settings: str(tmp_path / "nothing"))
    before = contents()
    with pytest.raises(RuntimeError, match="nothing"):
        bpy.ops.gid.animate()
    assert contents() == before


def test_a_loop_that_cannot_be_built_leaves_no_datablock(still, monkeypatch):
    from gid_dev.gid_core.errors import LimitError

    def fail(*_arguments, **_options):
        raise LimitError("the disk is full")

    monkeypatch.setattr(build, "compose", fail)
    before = contents()
    with pytest.raises(RuntimeError, match="the disk is full"):
        bpy.ops.gid.animate()
    assert contents() == before


@pytest.mark.parametrize("group", ["SOFTMAX_SPLAT", "FAST_WARP"])
def test_node_groups_are_added_to_the_artists_compositor_in_one_undo_step(group):
    tree, _output = compat.compositor_tree(bpy.context.scene, "Artist")
    before = len(tree.nodes)
    area = bpy.context.window.screen.areas[0]
    area.type = "NODE_EDITOR"
    area.ui_type = "CompositorNodeTree"
    if area.spaces.active.edit_tree is None:
        area.spaces.active.node_tree = tree
    with bpy.context.temp_override(area=area, space_data=area.spaces.active):
        assert bpy.ops.gid.add_node_group(group=group) == {"FINISHED"}
    assert len(tree.nodes) == before + 1
    assert tree.nodes.active.node_tree.interface.items_tree
    assert tree.nodes.active.bl_idname == "CompositorNodeGroup"


def test_node_groups_need_a_compositor():
    assert not bpy.ops.gid.add_node_group.poll()


def test_a_saved_file_holds_no_driver_no_handler_script_and_no_class_of_ours(small_loop):
    for block in bpy.data.user_map():
        data = getattr(block, "animation_data", None)
        assert data is None or len(data.drivers) == 0, block
    assert len(bpy.data.texts) == 0
    trees = [*bpy.data.node_groups, *(m.node_tree for m in bpy.data.materials if m.node_tree)]
    for tree in trees:
        for node in tree.nodes:
            assert not node.bl_idname.upper().startswith("GID"), node.bl_idname
