"""An artist's own scene, and what F12 makes of it."""

import bpy
import pytest
from gid_dev.blender_addon import compat

SIZE = 64, 40


@pytest.fixture
def artists():
    """A scene of an artist: a camera that looks down on the cursor and sees 64 x 40 pixels, 1 unit high."""
    scene = bpy.context.scene
    camera = bpy.data.cameras.new("Mine")
    camera.type, camera.ortho_scale = "ORTHO", SIZE[0] / SIZE[1]
    scene.camera = bpy.data.objects.new("Mine", camera)
    scene.camera.location.z = 3
    scene.collection.objects.link(scene.camera)
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = *SIZE, 100
    render.film_transparent, render.compositor_device, render.compositor_precision = True, "CPU", "FULL"
    scene.view_settings.view_transform = "Standard"
    scene.cycles.samples, scene.cycles.use_denoising = 4, False
    render.engine = "CYCLES"
    return scene


@pytest.fixture
def shot(tmp_path, read_exr):
    """shot(frame) -> F12 of the scene in the window: float32 (H, W, 4), row 0 on top."""

    def render(frame):
        scene = bpy.context.scene
        compat.set_file_format(scene.render.image_settings, "OPEN_EXR", color_depth="32", color_mode="RGBA")
        scene.render.filepath = str(tmp_path / "shot.exr")
        scene.frame_set(frame)
        bpy.ops.render.render(write_still=True)
        return read_exr(tmp_path / "shot.exr")

    return render
