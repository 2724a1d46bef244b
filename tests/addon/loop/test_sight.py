"""What makes a loop seen, which one is meant, and that removing it touches nothing of the artist's."""

from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import compat, jobs
from gid_dev.blender_addon.loop import build, mesh, remove, sight
from gid_dev.blender_addon.nodes import rig
from gid_dev.gid_core.motion.volume import SpectralVolume


def test_the_sheet_has_a_uv_map_that_shows_the_whole_photo_upright(small_loop):
    sheet = small_loop.data
    assert sheet.uv_layers.active.name == mesh.UV_MAP
    for loop, corner in zip(sheet.loops, sheet.uv_layers.active.uv, strict=True):
        place = np.array(sheet.vertices[loop.vertex_index].co[:2]) / rig.PIXEL / (48, 32) + 0.5
        assert np.abs(place - corner.vector).max() < 1e-6


def test_the_photo_is_the_active_node_of_the_sheets_material(small_loop):
    node = rig.get_input(small_loop, "Sheet Material").node_tree.nodes.active
    assert node.image == rig.get_input(small_loop, "Still")


def test_scene_strips_and_viewport_renders_show_the_photo(small_loop):
    shading = small_loop.gid.scene.display.shading
    assert (shading.type, shading.light, shading.color_type) == ("SOLID", "FLAT", "TEXTURE")


def test_the_plane_is_selected_and_active_in_its_scene(small_loop):
    layer = small_loop.gid.scene.view_layers[0]
    assert layer.objects.active == small_loop
    assert [o for o in layer.objects if o.select_get(view_layer=layer)] == [small_loop]


def test_in_the_background_no_window_changes(small_loop):
    assert bpy.context.window.scene != small_loop.gid.scene


@pytest.mark.parametrize("size", [(640, 427), (427, 640)])
def test_the_frame_fills_what_the_sidebar_leaves_of_a_viewport(size):
    def region(alignment, x, y, width, height):
        return SimpleNamespace(alignment=alignment, x=x, y=y, width=width, height=height)

    whole = region("NONE", 0, 0, 1300, 800)
    bars = [region("TOP", 0, 750, 1300, 50), region("RIGHT", 1000, 0, 300, 750), region("LEFT", 0, 0, 1, 750)]
    assert sight._free_box(whole, [whole, *bars]) == (0, 0, 1000, 750)
    view = SimpleNamespace(view_camera_zoom=0.0, view_camera_offset=(0, 0))
    sight._fit(view, whole, (0, 0, 1000, 750), SimpleNamespace(resolution_x=size[0], resolution_y=size[1]))
    growth = ((view.view_camera_zoom / 50 + 2**0.5) ** 2 / 4) / 0.5  # a zoom of 0 is a factor of a half
    width = min(1300, 800 * size[0] / size[1]) * growth
    assert width == pytest.approx(min(1000, 750 * size[0] / size[1]))
    assert np.multiply(view.view_camera_offset, (1300 * growth, 800 * growth)) == pytest.approx((150, 25))


def test_a_photo_in_which_nothing_moves_is_told(still, make_loop, monkeypatch):
    zero = SpectralVolume(np.zeros((16, 8, 8, 2), np.complex64), np.arange(1, 17) / 5, {})
    plane = make_loop(volume=zero)
    assert plane.gid.moving == 0
    bpy.ops.gid.animate()
    assert bpy.context.scene.gid.loop.gid.moving > 0.1
    assert jobs.notice(jobs.key_of(bpy.context.scene.gid.loop.gid.scene)) is None
    monkeypatch.setattr(build, "build_loop", lambda spec: plane)
    bpy.ops.gid.new_loop()
    assert "Nothing moves" in jobs.notice(jobs.key_of(plane.gid.scene)).text


@pytest.fixture
def two(make_loop):
    """Two loops in the file; the artist's scene names the second."""
    first, second = make_loop(32, 20, name="One"), make_loop(32, 20, name="Two")
    bpy.context.scene.gid.loop = second
    return first, second


def test_the_active_loop_is_meant_before_the_one_made_last(two):
    first, second = two
    assert sight.in_sight(bpy.context) == second
    bpy.context.scene.collection.objects.link(first)
    bpy.context.view_layer.objects.active = first
    assert sight.in_sight(bpy.context) == first


def test_in_the_scene_of_a_loop_that_loop_is_meant(two):
    first, second = two
    home = bpy.context.window.scene
    first.gid.scene.gid.loop = second  # as it was when the panel's settings were copied
    bpy.context.window.scene = first.gid.scene
    bpy.context.view_layer.objects.active = None
    assert sight.in_sight(bpy.context) == first
    bpy.context.window.scene = home


def test_in_an_image_editor_the_loop_of_its_image_is_meant(two):
    first, second = two
    area = bpy.context.window.screen.areas[0]
    kind, area.type = area.type, "IMAGE_EDITOR"
    space = area.spaces.active
    with bpy.context.temp_override(area=area, space_data=space):
        assert sight.in_sight(bpy.context) == second
        for image in (rig.get_input(first, "Still"), first.gid.front):
            space.image = image
            assert sight.in_sight(bpy.context) == first
        space.image = bpy.data.images.new("Another", 8, 8)
        assert sight.in_sight(bpy.context) == second
    area.type = kind


def test_an_object_that_is_no_loop_leaves_the_one_made_last(two):
    cube = bpy.data.objects.new("Cube", None)
    bpy.context.scene.collection.objects.link(cube)
    bpy.context.view_layer.objects.active = cube
    assert sight.in_sight(bpy.context) == two[1]


def test_remove_takes_the_loop_in_sight_and_no_other(two):
    first, _second = two
    bpy.ops.gid.remove()
    assert first.gid.scene is not None
    assert "GID Loop Two" not in bpy.data.objects


def test_the_artists_light_and_its_scene_survive_remove(two):
    scene = two[1].gid.scene
    light = bpy.data.objects.new("Key", bpy.data.lights.new("Key", "SUN"))
    scene.collection.objects.link(light)
    assert remove.artists_own(two[1]) == ["Key"]
    bpy.ops.gid.remove()
    assert bpy.data.objects["Key"].users_scene == (scene,)
    assert [o.name for o in scene.objects] == ["Key"]
    assert not [image.name for image in bpy.data.images if "Two" in image.name]


def test_a_node_of_the_artist_keeps_the_scene(two):
    tree = compat.compositor_of(two[1].gid.scene)
    tree.nodes.new("CompositorNodeBlur")
    bpy.ops.gid.remove()
    assert tree.nodes.get("Blur") is not None


def test_data_of_the_artist_that_only_the_loop_used_is_kept_in_the_file(two):
    two[1].gid.scene.world = bpy.data.worlds.new("Dusk")
    two[1].data.materials.append(bpy.data.materials.new("Varnish"))
    bpy.ops.gid.remove()
    for kept in (bpy.data.worlds["Dusk"], bpy.data.materials["Varnish"]):
        assert kept.use_fake_user


def test_a_second_camera_made_from_ours_is_the_artists(two):
    scene = two[1].gid.scene
    own = scene.camera.copy()
    scene.collection.objects.link(own)
    assert remove.artists_own(two[1]) == [own.name]


def test_each_loop_renders_into_a_folder_of_its_own(two, tmp_path):
    folders = [plane.gid.scene.render.filepath for plane in two]
    assert len(set(folders)) == 2
    assert not any(folder.startswith("//") for folder in folders)  # not saved yet: nothing to be relative to
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))


def test_in_a_saved_file_frames_land_beside_it(make_loop, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    assert make_loop(32, 20, name="A/B").gid.scene.render.filepath == "//A_B/"


def test_home_is_the_scene_of_the_artist(two):
    scene = two[1].gid.scene
    assert sight.home_of(bpy.context.scene) is None
    scene.gid.home = bpy.context.scene
    assert sight.home_of(scene) == bpy.context.scene
    assert not bpy.ops.gid.back.poll()
