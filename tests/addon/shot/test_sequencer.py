"""A loop in an artist's own sequencer, live or baked, repeated to the length asked; and a card of baked frames."""

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.output.frames import render_frames
from gid_dev.blender_addon.shot import sequencer, uses

UNDO = ("EXEC_DEFAULT", True)  # as from a button: with an undo step
N_FRAMES = 12
LEVEL = 1.5 / 255  # frames of 8 bits


@pytest.fixture
def baked(small_loop, tmp_path):
    """The loop of the photo, 48 x 32, baked into a folder of the test."""
    output = bpy.context.scene.gid.output
    output.folder, output.movie = str(tmp_path / "bakes"), "none"
    bpy.ops.gid.bake()
    return small_loop


def spans(scene):
    strips = scene.sequence_editor.strips if scene.sequence_editor else ()
    return [(strip.type, strip.frame_final_start, strip.frame_final_end, strip.channel) for strip in strips]


def test_strips_of_the_scene_repeat_the_loop_to_the_length_asked(artists, small_loop, shot, rendered):
    artists.render.resolution_x, artists.render.resolution_y = 48, 32
    artists.frame_set(10)
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.gid.add_to_sequencer(*UNDO, length=30) == {"FINISHED"}
    want = [("SCENE", 10, 22, 1), ("SCENE", 22, 34, 1), ("SCENE", 34, 40, 1)]
    assert spans(bpy.context.scene) == want
    bpy.ops.ed.undo()
    assert spans(bpy.context.scene) == []
    bpy.ops.ed.redo()
    scene = bpy.context.scene
    assert spans(scene) == want
    (fifth,) = rendered(scene.gid.loop, [5])
    for frame in (14, 26, 38):
        assert np.abs(shot(frame)[..., :3] - fifth[..., :3]).max() < 2e-3  # half floats in the sequencer
    assert uses.uses_of(scene.gid.loop) == [f"sequencer of '{scene.name}'"]
    bpy.ops.gid.add_to_sequencer()
    assert spans(scene)[3][3] == 2
    bpy.ops.gid.remove()
    assert spans(bpy.context.scene) == []


def test_without_a_bake_that_fits_it_says_so(small_loop):
    for add, source in ((bpy.ops.gid.add_card, "BAKED"), (bpy.ops.gid.add_to_sequencer, "FRAMES")):
        with pytest.raises(RuntimeError, match="press Bake first"):
            add(source=source)
    assert spans(bpy.context.scene) == []


def test_baked_frames_in_strip_and_card(artists, baked, shot, tmp_path, psnr):
    artists.render.resolution_x, artists.render.resolution_y = 48, 32
    artists.camera.data.ortho_scale = 1.5
    bpy.ops.gid.add_card(source="BAKED", offset=2)
    made = bpy.context.object
    assert made.gid.shows is None
    (file,) = render_frames(baked, tmp_path / "want", [5], "exr")
    image = bpy.data.images.load(str(file))
    want = np.array(image.pixels[:]).reshape(32, 48, 4)[::-1]
    artists.cycles.pixel_filter_type, artists.cycles.filter_width, artists.cycles.samples = "GAUSSIAN", 0.01, 1
    for frame in (7, 7 + N_FRAMES, 7 - N_FRAMES):
        assert np.abs(shot(frame)[..., :3] - want[..., :3]).max() < 0.02
        assert psnr(shot(frame)[..., :3], want[..., :3]) > 45
    bpy.data.objects.remove(made)
    bpy.ops.gid.add_to_sequencer(source="FRAMES", length=30)
    assert spans(artists) == [("IMAGE", artists.frame_current, artists.frame_current + 30, 1)]
    first = artists.frame_current
    for frame in (first + 4, first + 28):
        assert psnr(shot(frame)[..., :3], want[..., :3]) > 45
    assert uses.uses_of(baked) == []
    assert sequencer.strips_of(baked, artists) == []
