"""Loops live beside each other and beside the artist's work: several, duplicated, appended, linked, removed."""

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.loop import build, remove
from gid_dev.blender_addon.nodes import builder, rig, splat
from gid_dev.gid_core.errors import SettingsError

SAME_FRAME = 1e-4
FRAME = 9


def contents():
    return sorted((block.bl_rna.name, block.name) for block in bpy.data.user_map() if block.name != "Render Result")


def settings_of(scene):
    """Every plain setting of a scene and of what hangs on it."""
    parts = [scene, scene.render, scene.view_settings, scene.display_settings, scene.cycles, scene.view_layers[0]]
    found = {}
    for part in [*parts, scene.render.image_settings, scene.sequencer_colorspace_settings]:
        for item in part.bl_rna.properties:
            if item.identifier == "use_nodes":  # deprecated in 5.0, and told apart by the compositor anyway
                continue
            value = getattr(part, item.identifier, None)
            if item.type in {"BOOLEAN", "INT", "FLOAT", "STRING", "ENUM"}:
                found[part.bl_rna.name, item.identifier] = tuple(value) if getattr(item, "is_array", False) else value
    pointers = {name: getattr(scene, name, None) for name in ("camera", "world", "compositing_node_group")}
    return found, pointers, [o.name for o in scene.objects], len(scene.view_layers)


@pytest.fixture
def artists(picture):
    """A scene with a camera, a compositor and settings of its own."""
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    scene.collection.objects.link(scene.camera)
    scene.render.fps, scene.frame_start, scene.frame_end = 30, 10, 99
    scene.frame_set(42)
    scene.view_settings.exposure = 1.5
    return scene


def test_artists_scene_is_unchanged_by_all_that_a_loop_does(artists, make_loop, rendered):
    before = settings_of(artists)
    plane = make_loop()
    rendered(plane, [FRAME])
    assert settings_of(artists) == before
    assert bpy.context.scene == artists
    remove.remove_loop(plane)
    assert settings_of(artists) == before


def test_two_stills_render_their_own_pictures(make_loop, picture, rendered, psnr):
    planes = [make_loop(64, 40, name="One"), make_loop(48, 64, name="Two", still=picture(48, 64, seed=7))]
    for plane, still in zip(planes, (picture(64, 40), picture(48, 64, seed=7)), strict=True):
        (first,) = rendered(plane, [1])
        assert psnr(first[..., :3], still) > 40
    assert planes[0].modifiers[0].node_group == planes[1].modifiers[0].node_group
    assert planes[0].gid.scene != planes[1].gid.scene


def test_removing_leaves_what_was_there_before(artists, make_loop):
    before = contents()
    remove.remove_loop(make_loop())
    assert contents() == before


def test_removing_after_a_save_leaves_what_was_there_before(make_loop, tmp_path):
    before = contents()
    plane = make_loop()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"), copy=True)  # 5.2 miscounts users from here on
    remove.remove_loop(plane)
    assert contents() == before


def test_removing_an_eevee_loop_leaves_what_was_there_before(make_loop):
    before = contents()
    remove.remove_loop(make_loop(engine="EEVEE"))
    assert contents() == before


def test_removing_one_leaves_the_other_whole(make_loop, rendered):
    kept, removed = make_loop(name="Kept"), make_loop(name="Removed", amount=0.5)
    (before,) = rendered(kept, [FRAME])
    remove.remove_loop(removed)
    (after,) = rendered(kept, [FRAME])
    assert np.array_equal(before, after)
    assert not any("Removed" in name for _, name in contents())


def test_removing_the_last_scene_leaves_an_empty_one(make_loop):
    plane = make_loop()
    bpy.data.scenes.remove(bpy.context.scene)
    remove.remove_loop(plane)
    assert [scene.name for scene in bpy.data.scenes] == ["Scene"]
    assert len(bpy.data.objects) == 0


def test_what_the_artist_uses_elsewhere_survives_removal(artists, make_loop):
    plane = make_loop()
    group = splat.group()
    tree = bpy.data.node_groups.new("Mine", "CompositorNodeTree")
    tree.nodes.new("CompositorNodeGroup").node_tree = group
    tree.use_fake_user = True
    brush_texture = bpy.data.textures.new("Mine", "IMAGE")
    brush_texture.image = rig.get_input(plane, "Still")
    brush_texture.use_fake_user = True
    remove.remove_loop(plane)
    assert group.name in bpy.data.node_groups
    assert brush_texture.image is not None


def test_plain_object_is_not_removed(artists):
    with pytest.raises(SettingsError, match="not a loop"):
        remove.remove_loop(artists.camera)
    assert artists.camera is not None


def test_duplicate_moves_like_its_original_and_outlives_it(artists, make_loop):
    plane = make_loop()
    for data in (plane.data, plane.data.copy()):
        copy = plane.copy()
        copy.data = data
        artists.collection.objects.link(copy)
    positions = [sheet_points(artists, o, 9) for o in artists.objects if o.type == "MESH"]
    assert len(positions) == 2
    assert np.abs(positions[0] - sheet_points(artists, artists.objects[1], 1)).max() > 0.001
    assert np.array_equal(*positions)
    remove.remove_loop(plane)
    assert np.array_equal(sheet_points(artists, next(o for o in artists.objects if o.type == "MESH"), 9), positions[0])
    for copy in [o for o in artists.objects if o.type == "MESH"]:
        remove.remove_loop(copy)
    assert [o.name for o in bpy.data.objects] == ["Mine"]
    assert len(bpy.data.images) == 0


def sheet_points(scene, plane, frame):
    scene.frame_set(frame)
    graph = scene.view_layers[0].depsgraph
    graph.update()
    geometry = plane.evaluated_get(graph).evaluated_geometry()
    values = np.empty(len(geometry.mesh.vertices) * 3, np.float32)
    geometry.mesh.vertices.foreach_get("co", values)
    return values


@pytest.mark.parametrize("link", [False, True], ids=["append", "link"])
def test_appended_and_linked_loops_render_the_same_frames(make_loop, rendered, tmp_path, link):
    plane = make_loop(plate=False)
    (want,) = rendered(plane, [FRAME])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"), copy=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=link) as (there, here):
        here.scenes = [name for name in there.scenes if name.startswith("GID Loop")]
    found = next(o for o in here.scenes[0].objects if o.gid.scene is not None)
    assert found.gid.scene == here.scenes[0]
    (got,) = rendered(found, [FRAME])
    assert np.abs(got - want).max() <= SAME_FRAME


def test_linked_loop_is_removed_in_its_own_file_only(make_loop, tmp_path):
    make_loop()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"), copy=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (there, here):
        here.scenes = [name for name in there.scenes if name.startswith("GID Loop")]
    with pytest.raises(SettingsError, match="in its own file"):
        remove.remove_loop(next(o for o in here.scenes[0].objects if o.gid.scene is not None))


@pytest.mark.parametrize("step", ["compose", "place", "new_scene"])
def test_loop_that_fails_on_its_way_leaves_nothing(artists, make_loop, monkeypatch, step):
    def fail(*arguments, **options):
        raise MemoryError

    before, settings = contents(), settings_of(artists)
    monkeypatch.setattr(build, step, fail)
    with pytest.raises(MemoryError):
        make_loop()
    assert contents() == before
    assert settings_of(artists) == settings


def test_group_of_another_version_is_replaced_where_it_is_used():
    old = splat.group()
    user = bpy.data.node_groups.new("Mine", "CompositorNodeTree")
    node = user.nodes.new("CompositorNodeGroup")
    node.node_tree = old
    assert splat.group() == old
    old[builder.VERSION_KEY] = -1
    new = splat.group()
    assert node.node_tree == new
    assert [g.name for g in bpy.data.node_groups if g.get(builder.GROUP_KEY) == "Softmax Splat"] == ["Softmax Splat"]


def test_rig_of_another_version_stays_with_its_loop(make_loop):
    first = make_loop(name="Old")
    first.modifiers[0].node_group[builder.VERSION_KEY] = -1
    second = make_loop(name="New")
    assert first.modifiers[0].node_group != second.modifiers[0].node_group
