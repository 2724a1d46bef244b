"""A loop renders right at any size: percentage, another resolution, a region, wide pixels; its plate goes along."""

from fractions import Fraction

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import compat
from gid_dev.blender_addon.loop import images
from gid_dev.blender_addon.nodes import materials, splat
from gid_dev.blender_addon.nodes.builder import TreeBuilder, output_socket
from gid_dev.gid_core.frames.renderer import LoopRenderer
from gid_dev.gid_core.frames.splat import PLATE_WEIGHT
from gid_dev.gid_core.motion.plan import plan_loop

SIZE, FRAME = (128, 80), 9
# Between pixels the splat and the mean of its pixels differ along the rim of an occluder: all of it, and without that.
WHOLE_DB, INNER_DB = 30, 40
RIM_SHARE = 0.06
EXACT_DB, EEVEE_DB, EEVEE_HALF_DB = 100, 65, 28  # EEVEE filters textures in its own way between pixels


@pytest.fixture
def loop(make_loop, occluding_volume):
    return make_loop(*SIZE, volume=occluding_volume(*SIZE, reach_px=60))


@pytest.fixture
def reference(picture, occluding_volume):
    """The frame as gid_core renders it, with an opaque alpha: (H, W, 4)."""
    volume = occluding_volume(*SIZE, reach_px=60)
    frame = LoopRenderer(picture(*SIZE), volume, plan_loop(volume, 24, Fraction(24))).frame(FRAME - 1)
    return np.concatenate([frame, np.ones_like(frame[..., :1])], 2)


def seen(picture, width, height, *, aspect=1.0):
    """What a camera over `picture` sees in width x height pixels of that aspect: its long side whole."""
    rows, columns = picture.shape[:2]
    scale = columns / (width * aspect) if columns >= rows else rows / height
    x = (np.arange(width) + 0.5 - width / 2) * scale * aspect + columns / 2
    y = (np.arange(height) + 0.5 - height / 2) * scale + rows / 2
    got = bilinear(picture, x, y)
    got[(y < 0) | (y > rows)] = 0
    got[:, (x < 0) | (x > columns)] = 0
    return got


def bilinear(picture, x, y):
    rows, columns = picture.shape[:2]
    x, y = np.clip(x - 0.5, 0, columns - 1), np.clip(y - 0.5, 0, rows - 1)
    left, top = np.minimum(x.astype(int), columns - 2), np.minimum(y.astype(int), rows - 2)
    fx, fy = (x - left)[None, :, None], (y - top)[:, None, None]
    lines = picture[top] * (1 - fy) + picture[top + 1] * fy
    return lines[:, left] * (1 - fx) + lines[:, left + 1] * fx


def assert_seen(got, want, psnr):
    assert got.shape == want.shape
    inside = want[..., 3] == 1
    assert np.abs(got[..., 3] - 1)[inside].max() < 1e-5
    rows = inside.any(1)
    beside = ~(rows | np.roll(rows, 2) | np.roll(rows, -2))  # tents reach over the edge of the picture
    assert (got[beside] == 0).all()
    got, want = got[rows], want[rows]
    assert psnr(got, want) > WHOLE_DB
    errors = np.sort(((got - want) ** 2).mean(-1).ravel())
    inner = errors[: int(errors.size * (1 - RIM_SHARE))]
    assert -10 * np.log10(inner.mean() + 1e-30) > INNER_DB


@pytest.mark.parametrize("percentage", [25, 50, 75, 150, 200])
def test_any_percentage_is_the_frame_at_that_size(loop, reference, rendered, psnr, percentage):
    loop.gid.scene.render.resolution_percentage = percentage
    (got,) = rendered(loop, [FRAME])
    assert_seen(got, seen(reference, *(side * percentage // 100 for side in SIZE)), psnr)


@pytest.mark.parametrize(("width", "height"), [(192, 80), (96, 150), (100, 100)])
def test_another_resolution_frames_the_picture_as_its_camera_does(loop, reference, rendered, psnr, width, height):
    render = loop.gid.scene.render
    render.resolution_x, render.resolution_y = width, height
    (got,) = rendered(loop, [FRAME])
    assert_seen(got, seen(reference, width, height), psnr)


def test_wide_pixels_show_the_whole_picture(loop, reference, rendered, psnr):
    render = loop.gid.scene.render
    render.resolution_x, render.pixel_aspect_x = SIZE[0] // 2, 2
    (got,) = rendered(loop, [FRAME])
    assert_seen(got, seen(reference, SIZE[0] // 2, SIZE[1], aspect=2), psnr)


@pytest.mark.parametrize("is_cropped", [True, False])
def test_a_region_is_that_part_of_the_frame(loop, reference, rendered, psnr, is_cropped):
    render = loop.gid.scene.render
    render.use_border, render.use_crop_to_border = True, is_cropped
    render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y = 0.25, 0.75, 0.2, 0.7
    (got,) = rendered(loop, [FRAME])
    part = np.s_[24:64, 32:96]
    if not is_cropped:
        assert got.shape == reference.shape
        outside = got.copy()
        outside[part] = 0
        assert not outside.any()
        got = got[part]
    assert psnr(got, reference[part]) > EXACT_DB


def test_eevee_agrees_whole_and_at_half_size(make_loop, occluding_volume, reference, rendered, psnr):
    loop = make_loop(*SIZE, volume=occluding_volume(*SIZE, reach_px=60), engine="EEVEE")
    (got,) = rendered(loop, [FRAME])  # compiles shaders first: up to 60 s, so both sizes are one test
    assert psnr(got, reference) >= EEVEE_DB
    loop.gid.scene.render.resolution_percentage = 50
    (got,) = rendered(loop, [FRAME])
    assert psnr(got, seen(reference, SIZE[0] // 2, SIZE[1] // 2)) > EEVEE_HALF_DB


@pytest.mark.parametrize("own_plate", [False, True])
def test_the_group_in_the_artists_own_tree_follows_the_size(loop, reference, psnr, tmp_path, read_exr, own_plate):
    artists, render = bpy.context.scene, bpy.context.scene.render
    tree, final = compat.compositor_tree(artists, "Artist")
    builder = TreeBuilder(tree)
    passes = builder.node("CompositorNodeRLayers", 0, scene=loop.gid.scene).outputs
    divided = builder.node("CompositorNodeGroup", 2, node_tree=splat.group())
    builder.feed(passes[materials.COLOUR], divided.inputs["Numerator"])
    builder.feed(passes[materials.WEIGHT], divided.inputs["Denominator"])
    if own_plate:
        plate = images.new_image("Own plate", reference)  # of the still's size, whatever the render's is
        builder.feed(builder.node("CompositorNodeImage", 0, image=plate).outputs["Image"], divided.inputs["Plate"])
        divided.inputs["Plate Weight"].default_value = PLATE_WEIGHT * 1e-3
    builder.feed(output_socket(divided, "Image"), final.inputs[0])
    for scene in (artists, loop.gid.scene):
        scene.render.resolution_x, scene.render.resolution_y = SIZE
        scene.render.resolution_percentage = 50
    artists.frame_set(FRAME)
    loop.gid.scene.frame_set(FRAME)
    render.filepath = str(tmp_path / "out.exr")
    compat.set_file_format(render.image_settings, "OPEN_EXR", color_mode="RGBA", color_depth="32")
    bpy.ops.render.render(write_still=True)
    assert_seen(read_exr(tmp_path / "out.exr"), seen(reference, SIZE[0] // 2, SIZE[1] // 2), psnr)
