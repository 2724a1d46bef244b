"""Softmax Splat and Fast Warp on an artist's own passes, in a scene without any loop."""

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import compat
from gid_dev.blender_addon.loop import images
from gid_dev.blender_addon.nodes import splat, warp
from gid_dev.gid_core.frames.splat import PLATE_WEIGHT, finish

WIDTH, HEIGHT = 48, 32
EXACT = 1e-6
WARP_DB = 35  # 4.5 filters anisotropically; 5.x is bilinear to rounding


@pytest.fixture
def composite(tmp_path, read_exr):
    """composite(group, inputs) -> pixels of the group's first output; arrays become image nodes."""

    def run(group, inputs, output="Image"):
        scene = bpy.context.scene
        scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
        scene.render.engine, scene.cycles.samples = "CYCLES", 1
        scene.render.use_compositing, scene.render.compositor_device = True, "CPU"
        scene.render.compositor_precision = "FULL"
        scene.view_settings.view_transform = "Standard"
        scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
        scene.collection.objects.link(scene.camera)
        tree, final = compat.compositor_tree(scene, "Mine")
        node = tree.nodes.new("CompositorNodeGroup")
        node.node_tree = group
        for name, value in inputs.items():
            if isinstance(value, np.ndarray):
                image = tree.nodes.new("CompositorNodeImage")
                image.image = images.new_image(name, value)
                tree.links.new(image.outputs["Image"], node.inputs[name])
            else:
                node.inputs[name].default_value = value
        tree.links.new(node.outputs[output], final.inputs[0])
        compat.set_file_format(scene.render.image_settings, "OPEN_EXR", color_depth="32", color_mode="RGBA")
        scene.render.filepath = str(tmp_path / "out.exr")
        bpy.ops.render.render(write_still=True)
        return read_exr(tmp_path / "out.exr")

    return run


def sums():
    rng = np.random.default_rng(3)
    coverage = rng.random((HEIGHT, WIDTH)).astype(np.float32) * 5
    coverage[:8] = 0
    colour = rng.random((HEIGHT, WIDTH, 3)).astype(np.float32)
    return colour * coverage[..., None], coverage


def test_splat_without_a_plate_is_transparent_in_holes(composite):
    numerator, coverage = sums()
    got = composite(splat.group(), {"Numerator": numerator, "Denominator": coverage[..., None]})
    assert np.abs(got[..., :3] - finish(numerator, coverage)).max() < EXACT
    assert np.abs(got[..., 3] - (coverage > 0)).max() < EXACT


def test_splat_over_a_plate_fills_holes(composite, picture):
    numerator, coverage = sums()
    plate = picture(WIDTH, HEIGHT)
    inputs = {"Numerator": numerator, "Denominator": coverage[..., None], "Plate": plate, "Plate Weight": PLATE_WEIGHT}
    got = composite(splat.group(), inputs)
    assert np.abs(got[..., :3] - finish(numerator, coverage, plate)).max() < EXACT
    assert np.abs(got[..., 3] - 1).max() < EXACT


def test_splat_tells_its_holes(composite):
    numerator, coverage = sums()
    holes = composite(splat.group(), {"Numerator": numerator, "Denominator": coverage[..., None]}, output="Holes")
    assert np.array_equal(holes[..., 0], coverage == 0)


def shifted(picture, x, y):
    """`picture` carried right by x and up by y whole pixels, the edge repeated."""
    rows = np.clip(np.arange(HEIGHT) + y, 0, HEIGHT - 1)
    columns = np.clip(np.arange(WIDTH) - x, 0, WIDTH - 1)
    return picture[rows][:, columns]


@pytest.mark.parametrize(("x", "y"), [(5, 0), (0, 4), (-3, -6)])
def test_warp_carries_the_picture_along(composite, picture, psnr, x, y):
    light = picture(WIDTH, HEIGHT)
    got = composite(warp.group(), {"Image": light, "Displacement": (x, y, 0.0)})
    assert psnr(got[..., :3], shifted(light, x, y)) > WARP_DB


@pytest.mark.parametrize(("x", "y"), [(0.4, 0.7), (-0.6, -0.3), (30.0, 20.0)])
def test_warp_carries_the_border_on_outwards(composite, x, y):
    white = np.ones((HEIGHT, WIDTH, 4), np.float32)
    got = composite(warp.group(), {"Image": white, "Displacement": (x, y, 0.0)})
    assert np.abs(got - 1).max() < EXACT


def test_warp_takes_a_displacement_of_every_pixel(composite, picture, psnr):
    light = picture(WIDTH, HEIGHT)
    field = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    field[:, 24:, 0] = 4
    got = composite(warp.group(), {"Image": light, "Displacement": field})[..., :3]
    assert psnr(got[8:-8, 4:20], light[8:-8, 4:20]) > WARP_DB
    assert psnr(got[8:-8, 30:44], shifted(light, 4, 0)[8:-8, 30:44]) > WARP_DB


def test_warp_of_amount_zero_is_the_picture(composite, picture, psnr):
    light = picture(WIDTH, HEIGHT)
    got = composite(warp.group(), {"Image": light, "Displacement": (7.0, 3.0, 0.0), "Amount": 0.0})
    assert psnr(got[..., :3], light) > WARP_DB


@pytest.mark.parametrize("group", [splat.group, warp.group])
def test_groups_are_assets_that_stay_in_the_file(group, tmp_path):
    name = group().name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "assets.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "assets.blend"))
    kept = bpy.data.node_groups[name]
    assert kept.asset_data is not None
    assert kept.asset_data.description
    assert all(node.bl_idname.startswith(("Compositor", "Shader", "NodeGroup")) for node in kept.nodes)
    assert group() == kept
