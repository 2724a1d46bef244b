"""A loop in an artist's own compositor: its own frames to the bit, at any size and view, wired, and out again."""

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import compat
from gid_dev.blender_addon.shot import compositor, uses
from gid_dev.gid_core.errors import SettingsError

SIZE = 64, 40
FRAME = 8
ROUNDING = 1e-6  # of float32, where opaque lies over opaque
UNDO = ("EXEC_DEFAULT", True)  # as from a button: with an undo step


def wires(scene):
    """The links of a scene's compositor, by the names of nodes and sockets."""
    tree = compat.compositor_of(scene)
    if tree is None:
        return None
    return sorted(
        (link.from_node.name, link.from_socket.identifier, link.to_node.name, link.to_socket.identifier)
        for link in tree.links
    )


def a_grade(scene):
    """An artist's compositor: the render, inverted, is the final image."""
    tree, final = compat.ensure_compositor(scene)
    invert = tree.nodes.new("CompositorNodeInvert")
    invert.location.x = 300
    (link,) = final.inputs[0].links
    tree.links.new(link.from_socket, invert.inputs["Color"])
    tree.links.new(invert.outputs[0], final.inputs[0])
    return tree


def test_the_loops_own_frames_whatever_the_view_transform(artists, make_loop, shot, rendered):
    plane = make_loop(*SIZE)
    (want,) = rendered(plane, [FRAME])
    compositor.add_to_compositor(plane, artists)
    assert np.array_equal(shot(FRAME), want)
    artists.view_settings.view_transform = "AgX"
    artists.render.fps = 25
    assert np.array_equal(shot(FRAME + 24), want)


def test_behind_and_over_the_render(artists, make_loop, shot, rendered):
    plane = make_loop(*SIZE)
    (want,) = rendered(plane, [FRAME])
    mesh = bpy.data.meshes.new("Mine")
    mesh.from_pydata([(-9, -9, 0), (0, -9, 0), (0, 9, 0), (-9, 9, 0)], [], [(0, 1, 2, 3)])
    artists.collection.objects.link(bpy.data.objects.new("Mine", mesh))  # without light: black, the left half
    frame = compositor.add_to_compositor(plane, artists)
    behind = shot(FRAME)
    assert (behind[:, :30, :3] == 0).all()
    assert np.array_equal(behind[:, 34:], want[:, 34:])
    tree = compat.compositor_of(artists)
    compositor.take_out(tree, frame)
    assert (shot(FRAME)[:, 34:] == 0).all()
    compositor.add_to_compositor(plane, artists, "OVER")
    assert np.abs(shot(FRAME) - want).max() < ROUNDING


@pytest.mark.parametrize(("still", "render"), [((64, 40), (40, 64)), ((40, 64), (64, 36))])
def test_the_photo_keeps_its_long_side_in_a_render_of_another_shape(artists, make_loop, shot, still, render, picture):
    plane = make_loop(*still)
    compositor.add_to_compositor(plane, artists)
    artists.render.resolution_x, artists.render.resolution_y = render
    covered = shot(1)[..., 3] > 0.5
    share = min(render[0] / still[0], render[1] / still[1])
    assert covered.any(0).sum() == pytest.approx(still[0] * share, abs=2)
    assert covered.any(1).sum() == pytest.approx(still[1] * share, abs=2)


def test_what_the_artist_wired_stays_and_comes_back(artists, make_loop):
    tree, before = a_grade(artists), wires(artists)
    plane, other = make_loop(*SIZE), make_loop(16, 10, name="Other")
    for one in (plane, other):
        compositor.add_to_compositor(one, artists)
    assert {link[:2] for link in wires(artists)} > {link[:2] for link in before}
    boxes = [(n.location_absolute.x, n.location_absolute.y) for n in tree.nodes if n.bl_idname != "NodeFrame"]
    assert len(set(boxes)) == len(boxes)
    assert uses.uses_of(plane) == [f"compositor of '{artists.name}'"]
    uses.remove_loop(plane)
    assert uses.uses_of(other) == [f"compositor of '{artists.name}'"]
    uses.remove_loop(other)
    assert wires(artists) == before
    assert [node.bl_idname for node in tree.nodes if node.bl_idname == "NodeFrame"] == []


def test_add_to_compositor_is_one_undo_step(small_loop):
    scene = bpy.context.scene
    bpy.ops.ed.undo_push(message="before")
    before = wires(scene), scene.render.film_transparent
    assert bpy.ops.gid.add_to_compositor(*UNDO) == {"FINISHED"}
    scene = bpy.context.scene
    after = wires(scene), scene.render.film_transparent
    assert after[0]
    assert after[1]
    for _ in range(2):
        bpy.ops.ed.undo()
        scene = bpy.context.scene
        assert (wires(scene) or None, scene.render.film_transparent) == before
        bpy.ops.ed.redo()
        scene = bpy.context.scene
        assert (wires(scene), scene.render.film_transparent) == after
    bpy.ops.gid.add_to_compositor(place="ALONE")
    assert len(compositor.frames_of(scene.gid.loop, compat.compositor_of(scene))) == 2
    bpy.ops.gid.remove()
    assert all(node.bl_idname != "CompositorNodeGroup" for node in compat.compositor_of(bpy.context.scene).nodes)


def test_the_loops_own_compositor_is_left_alone(make_loop):
    plane = make_loop(*SIZE)
    with pytest.raises(SettingsError, match="scene of your own"):
        compositor.add_to_compositor(plane, plane.gid.scene)
    assert uses.uses_of(plane) == []


def test_an_eevee_loop_brings_both_its_sums(artists, make_loop):
    plane = make_loop(*SIZE, engine="EEVEE")
    frame = compositor.add_to_compositor(plane, artists)
    nodes = [node for node in compat.compositor_of(artists).nodes if node.parent == frame]
    assert {node.layer for node in nodes if node.bl_idname == "CompositorNodeRLayers"} == {"gid_num", "gid_den"}
