"""A card in an artist's own scene shows the loop to every engine and follows it, whatever is edited."""

import math

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import compat
from gid_dev.blender_addon.loop import edit, live, remove, sight
from gid_dev.blender_addon.nodes import rig
from gid_dev.blender_addon.output.bake import loop_of
from gid_dev.blender_addon.shot import card, uses
from gid_dev.gid_core.errors import SettingsError
from gid_dev.gid_core.motion.edits import Pull

SIZE = 64, 40
FRAME = 8
UNDO = ("EXEC_DEFAULT", True)  # as from a button: with an undo step
SHEET_DB = 24  # of a sheet of one cell a pixel against the splat, four samples a pixel against one


def contents():
    blocks = (block for block in bpy.data.user_map() if getattr(block, "source", "") != "VIEWER")
    return sorted((block.bl_rna.name, block.name) for block in blocks if block.name != "Render Result")


def points(obj, scene, frame):
    """(n, 3) of the sheet of `obj` at a frame of a scene, in pixels of the still."""
    scene.frame_set(math.floor(frame), subframe=frame % 1)
    graph = scene.view_layers[0].depsgraph
    graph.update()
    geometry = obj.evaluated_get(graph).evaluated_geometry()
    found = np.empty(len(geometry.mesh.vertices) * 3, np.float32)
    geometry.mesh.vertices.foreach_get("co", found)
    return found.reshape(-1, 3) / rig.PIXEL


def moved(obj, scene, frame, still_at=None):
    """The points away from the picture's edges: those a card does not hold."""
    rest = np.empty(len(obj.data.vertices) * 3, np.float32)
    obj.data.vertices.foreach_get("co", rest)
    is_inside = (np.abs(rest.reshape(-1, 3)[:, :2] / rig.PIXEL) < np.array(SIZE) / 2 - 5).all(1)
    return points(obj, scene, frame)[is_inside]


def same(plane, one, artists, frame, offset=0):
    return np.array_equal(moved(plane, plane.gid.scene, frame), moved(one, artists, frame + offset))


def test_every_engine_renders_the_moving_photo(artists, make_loop, shot, psnr):
    plane = make_loop(*SIZE)
    card.add_card(plane, artists)
    artists.display.shading.color_type, artists.display.shading.light = "TEXTURE", "FLAT"
    renderer = loop_of(plane).renderer()
    want, still = renderer.frame(FRAME - 1), renderer.frame(0)
    moving = np.abs(want - still).max(-1) > 0.1
    moving[[0, 1, -2, -1]] = moving[:, [0, 1, -2, -1]] = False
    assert moving.sum() > 200
    for engine in ("CYCLES", "BLENDER_WORKBENCH", compat.eevee_engine()):
        artists.render.engine = engine
        seen = shot(FRAME)
        assert psnr(seen[2:-2, 2:-2, :3], want[2:-2, 2:-2]) > SHEET_DB, engine
        assert psnr(seen[moving][:, :3], want[moving]) > psnr(seen[moving][:, :3], still[moving]) + 3, engine
        assert seen[2:-2, 2:-2, 3].min() > 0.99, engine


def test_a_card_moves_as_the_loop_does_at_any_time(artists, make_loop):
    plane = make_loop(*SIZE)
    one = card.add_card(plane, artists)
    for frame in (FRAME, 1, 3.25, 25, 1 + 24 * 7, -100):
        assert same(plane, one, artists, frame)
    late = card.add_card(plane, artists, offset=5)
    assert same(plane, late, artists, FRAME, offset=5)


def test_its_outline_stays_the_pictures_rectangle(artists, make_loop):
    one = card.add_card(make_loop(*SIZE), artists)
    rig.set_inputs(one, {"Amount": 3.0})
    found = points(one, artists, FRAME)[:, :2]
    assert np.abs(found).max(0) == pytest.approx(np.array(SIZE) / 2, abs=1e-4)
    grid = found.reshape(SIZE[1] + 1, SIZE[0] + 1, 2)
    assert np.abs(grid[:, 0, 0] + SIZE[0] / 2).max() < 1e-4
    assert np.abs(grid[-1, :, 1] - SIZE[1] / 2).max() < 1e-4


def test_a_card_follows_every_edit_of_the_loop(artists, make_loop, drawn_motion, picture):
    plane = make_loop(*SIZE)
    one = card.add_card(plane, artists, offset=3)
    plane.gid.edits.amplitude, plane.gid.edits.turn, plane.gid.edits.high = 1.5, 0.4, 0.5
    plane.gid.edits.one_axis = 0.75
    assert same(plane, one, artists, FRAME, offset=3)
    edit.add_pluck(plane, Pull(0.5, 0.5, 0.1, 0.02, 0.2))
    assert same(plane, one, artists, FRAME, offset=3)
    plan = edit.plan_for(plane, 36, 24)
    edit.retime_loop(plane, plan, 24, 11)
    assert same(plane, one, artists, 30, offset=3)
    before = moved(one, artists, 30)
    other = picture(*SIZE, seed=5)
    edit.replace_motion(plane, drawn_motion(other), other)
    assert same(plane, one, artists, 30, offset=3)
    assert moved(one, artists, 30).shape != before.shape
    surface = rig.get_input(one, "Sheet Material")
    assert surface.node_tree.nodes.active.image == rig.get_input(plane, "Still")


def test_a_card_can_be_keyed_without_moving_the_loop(artists, make_loop):
    plane = make_loop(*SIZE)
    one, two = card.add_card(plane, artists), card.add_card(plane, artists)
    for x, frame in ((0.0, 1), (2.0, 11)):
        one.location.x = x
        one.keyframe_insert("location", frame=frame)
    artists.frame_set(6)
    assert one.location.x == pytest.approx(1)
    assert plane.location.x == two.location.x == 0
    assert same(plane, one, artists, FRAME)


def test_size_and_facing(artists, make_loop):
    plane = make_loop(*SIZE)
    artists.cursor.location = (1, 2, 3)
    one = card.add_card(plane, artists, height=2.5, alignment="FRONT")
    bpy.context.view_layer.update()
    assert one.location[:] == (1, 2, 3)
    corner = one.matrix_world.to_3x3() @ one.data.vertices[-1].co
    assert (corner.x, corner.z) == pytest.approx((2.0, 1.25), abs=1e-5)
    assert 0 <= -corner.y <= 0.5 * 2.5 / SIZE[1]  # what moves stands up to half a pixel before the sheet
    artists.camera.rotation_euler = (1.1, 0.0, 0.8)
    bpy.context.view_layer.update()
    square = card.add_card(plane, artists, alignment="CAMERA")
    bpy.context.view_layer.update()
    assert square.matrix_world.to_3x3().col[2].normalized().dot(artists.camera.matrix_world.col[2].to_3d()) > 0.9999
    for turn, facing in (((1.5, 0, 0), (0, -1, 0)), ((1.5, 0, 1.6), (1, 0, 0)), ((0.1, 0, 0), (0, 0, 1))):
        artists.camera.rotation_euler = turn
        bpy.context.view_layer.update()
        made = card.add_card(plane, artists, alignment="AXIS")
        bpy.context.view_layer.update()
        assert made.matrix_world.to_3x3().col[2].normalized()[:] == pytest.approx(facing, abs=1e-5)


@pytest.mark.parametrize(("half", "is_beside"), [(1.0, True), (50.0, False)])
def test_a_card_stands_beside_what_would_hide_it_and_in_a_room(half, is_beside, artists, make_loop):
    corners = [(x * half, y * half, z * half) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    mesh = bpy.data.meshes.new("Box")
    mesh.from_pydata(corners, [], [(0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6)])
    artists.collection.objects.link(bpy.data.objects.new("Box", mesh))
    bpy.context.view_layer.update()
    one = card.add_card(make_loop(*SIZE), artists, alignment="FRONT")
    width = SIZE[0] / SIZE[1]
    x = one.location.x
    assert (x - width / 2 > half and x - width / 2 < half + width) if is_beside else x == 0
    assert one.location[1:] == (0, 0)


def test_what_is_transparent_in_the_photo_is_on_the_card(artists, make_loop, picture, shot):
    glass = np.concatenate([picture(*SIZE), np.ones((SIZE[1], SIZE[0], 1), np.float32)], 2)
    glass[:, :20] *= 0.25
    plane = make_loop(*SIZE, still=glass)
    for kind, shines in (("EMISSION", True), ("SHADELESS", True), ("PRINCIPLED", False)):  # no lamp is there
        one = card.add_card(plane, artists, kind=kind)
        seen = shot(1)
        assert seen[8:32, 4:16, 3].mean() == pytest.approx(0.25, abs=0.02), kind
        assert seen[8:32, 50:60, 3].min() > 0.99, kind
        light = glass[8:32, 4:16, :3].mean() if shines else 0
        assert seen[8:32, 4:16, :3].mean() == pytest.approx(light, abs=0.01), kind
        bpy.data.objects.remove(one)


def test_add_as_card_is_one_undo_step_and_leaves_with_the_loop(small_loop):
    bpy.ops.ed.undo_push(message="before")
    before = contents()
    assert bpy.ops.gid.add_card(*UNDO) == {"FINISHED"}
    after = contents()
    assert [one for one in after if one not in before] == [("Material", "GID Card photo"), ("Object", "GID Card photo")]
    for _ in range(2):
        bpy.ops.ed.undo()
        assert contents() == before
        bpy.ops.ed.redo()
        assert contents() == after
    plane = sight.in_sight(bpy.context)
    assert bpy.context.object.gid.shows == plane  # the card is active, the loop in sight
    (used,) = uses.uses_of(plane)
    assert "GID Card photo" in used
    assert bpy.context.scene.name in used
    bpy.ops.gid.add_card()
    bpy.ops.object.delete()
    assert len(uses.uses_of(plane)) == 1
    mine, one = bpy.data.materials.new("Mine"), bpy.data.objects["GID Card photo"]
    bpy.data.materials.remove(rig.get_input(one, "Sheet Material"))
    rig.set_inputs(one, {"Sheet Material": mine})
    bpy.ops.gid.remove()
    assert [o.name for o in bpy.data.objects] == []
    assert [material.name for material in bpy.data.materials if not material.name.startswith("GID Card")] == ["Mine"]
    assert mine.users > 0


def test_in_the_loops_own_scene_there_is_no_card(make_loop):
    plane = make_loop(*SIZE)
    before = contents()
    with pytest.raises(SettingsError, match="scene of your own"):
        card.add_card(plane, plane.gid.scene)
    bpy.context.window.scene = plane.gid.scene
    with pytest.raises(RuntimeError, match="scene of your own"):
        bpy.ops.gid.add_card()
    assert contents() == before


def test_a_saved_card_goes_on(artists, make_loop, tmp_path):
    plane = make_loop(*SIZE)
    one = card.add_card(plane, artists, offset=2)
    before = points(one, artists, FRAME)
    names = plane.name, one.name, artists.name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    plane, one, artists = bpy.data.objects[names[0]], bpy.data.objects[names[1]], bpy.data.scenes[names[2]]
    assert np.array_equal(points(one, artists, FRAME), before)
    plane.gid.edits.amplitude = 0.3
    assert live.bodies(plane) == [plane, one]
    assert not np.array_equal(points(one, artists, FRAME), before)
    remove.remove_loop(plane)
    assert len(bpy.data.images) == len(bpy.data.materials) == 0
