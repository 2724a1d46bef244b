"""Fast Warp fed with the loop's displacement: the inverse map of gid_core, on any picture at any size."""

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import compat
from gid_dev.blender_addon.loop import images
from gid_dev.blender_addon.nodes import card as materials
from gid_dev.blender_addon.output.bake import loop_of
from gid_dev.blender_addon.shot import compositor, uses, warp
from gid_dev.gid_core.frames import stmap
from gid_dev.gid_core.motion.volume import SpectralVolume

SIZE = 64, 40
FRAME = 8
UNDO = ("EXEC_DEFAULT", True)  # as from a button: with an undo step
MAP_PX = 0.1  # a sheet is straight between its points, the core's map is splatted
WARP_DB = 27  # 4.5 filters anisotropically; 5.x is bilinear
INNER = (slice(6, -6), slice(6, -6))


@pytest.fixture
def swaying(make_loop):
    """A loop of smooth motion: 3 px and less, as backward warps are for."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] / 10
    field = np.stack([np.sin(y) + 0.5, 0.6 * np.cos(x)], -1)[None] * np.array([3.6, 1.5j])[:, None, None, None]
    return make_loop(*SIZE, volume=SpectralVolume(field, np.array([0.2, 0.4]), {}))


def inverse(plane, frame):
    """(H, W, 2): how far what is seen at each pixel was carried, px, x right, y down; from gid_core."""
    moved = loop_of(plane).renderer().displacement(frame)
    height, width = moved.shape[:2]
    identity = stmap.stmap(np.zeros_like(moved))
    return (identity - stmap.stmap(moved)) * np.array([width, -height], np.float32)


def sampled(picture, x, y):
    """Bilinear, its border going on outwards."""
    height, width = picture.shape[:2]
    x, y = np.clip(x, 0, width - 1.001), np.clip(y, 0, height - 1.001)
    left, top = x.astype(int), y.astype(int)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    upper = picture[top, left] * (1 - fx) + picture[top, left + 1] * fx
    return upper * (1 - fy) + (picture[top + 1, left] * (1 - fx) + picture[top + 1, left + 1] * fx) * fy


def plate(scene, picture):
    """A picture as the final image of the scene's compositor."""
    tree, final = compat.ensure_compositor(scene)
    node = tree.nodes.new("CompositorNodeImage")
    node.image = images.new_image("Plate", picture)
    tree.links.new(node.outputs["Image"], final.inputs[0])
    return node


def test_the_pass_is_the_inverse_map_of_the_core(artists, swaying, shot):
    moving = warp.displacement_scene(swaying)
    tree, final = compat.ensure_compositor(artists)
    node = tree.nodes.new("CompositorNodeRLayers")
    node.scene = moving
    tree.links.new(node.outputs[materials.DISPLACEMENT], final.inputs[0])
    want = inverse(swaying, FRAME - 1)
    assert np.abs(want).max() > 1
    seen = shot(FRAME)[..., :2] * max(SIZE) * [1, -1]
    assert np.abs(seen - want)[INNER].max() < MAP_PX
    assert warp.displacement_scene(swaying) == moving


@pytest.mark.parametrize("scale", [1, 2])
def test_a_plate_is_carried_along_at_any_size(artists, swaying, shot, picture, psnr, scale):
    light = picture(SIZE[0] * 2, SIZE[1] * 2, seed=4)  # twice the photo's size, another picture
    node = plate(artists, light)
    artists.render.resolution_x, artists.render.resolution_y = SIZE[0] * scale, SIZE[1] * scale
    warp.add_warp(swaying, artists, node.outputs["Image"])
    y, x = np.mgrid[: SIZE[1] * scale, : SIZE[0] * scale] + 0.5
    field = inverse(swaying, FRAME - 1).repeat(scale, 0).repeat(scale, 1) * scale
    source = [(at - field[..., axis]) * 2 / scale - 0.5 for axis, at in enumerate((x, y))]
    want, still = sampled(light, *source), sampled(light, x * 2 / scale - 0.5, y * 2 / scale - 0.5)
    seen, alpha = np.split(shot(FRAME), [3], -1)
    assert alpha.min() > 0.999  # the border goes on outwards
    assert psnr(seen[INNER], want[INNER]) > (WARP_DB if scale > 1 else 22)
    assert psnr(seen[INNER], want[INNER]) > psnr(seen[INNER], still[INNER]) + 5
    swaying.gid.edits.amplitude = 0.0
    assert psnr(shot(FRAME)[..., :3][INNER], still[INNER]) > 25


def test_warp_is_one_undo_step_and_leaves_with_the_loop(small_loop):
    def blocks():
        return sorted((block.bl_rna.name, block.name) for block in bpy.data.user_map())

    scene = bpy.context.scene
    compat.ensure_compositor(scene)
    bpy.ops.ed.undo_push(message="before")
    before = blocks()
    assert bpy.ops.gid.add_warp(*UNDO) == {"FINISHED"}
    once = blocks()
    bpy.ops.ed.undo()
    assert blocks() == before
    bpy.ops.ed.redo()
    assert blocks() == once
    bpy.ops.gid.add_warp()
    assert blocks() == once  # the hidden scene serves all
    scene = bpy.context.scene
    plane = scene.gid.loop
    tree = compat.compositor_of(scene)
    assert len(compositor.frames_of(plane, tree)) == 2
    assert uses.uses_of(plane) == [f"compositor of '{scene.name}'"]
    bpy.ops.gid.remove()
    assert len(bpy.data.scenes) == 1
    assert not bpy.data.objects
    kept = [node.bl_idname for node in compat.compositor_of(bpy.context.scene).nodes]
    assert "CompositorNodeGroup" not in kept
    (shown,) = [link.from_node.bl_idname for link in compat.compositor_of(bpy.context.scene).links]
    assert shown == "CompositorNodeRLayers"
