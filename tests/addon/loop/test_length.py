"""The length that the panel asks for acts at once, and every panel that means the loop says the same."""

import bpy
import pytest
from gid_dev.blender_addon import jobs
from gid_dev.blender_addon.loop import read


def test_a_loop_follows_the_length_in_frames_and_seconds(small_loop):
    settings, there = bpy.context.scene.gid, small_loop.gid.scene.gid
    volume = read.stored_volume(small_loop).amplitudes.tobytes()
    settings.n_frames, settings.start = 30, 101
    assert (small_loop.gid.n_frames, small_loop.gid.scene.frame_end) == (30, 130)
    assert (there.n_frames, there.start) == (30, 101)
    settings.length_unit, settings.seconds = "SECONDS", 2.0
    assert (small_loop.gid.n_frames, there.seconds, there.length_unit) == (48, 2.0, "SECONDS")
    assert read.stored_volume(small_loop).amplitudes.tobytes() == volume


def test_a_length_that_cannot_be_is_told_and_changes_nothing(small_loop):
    bpy.context.scene.gid.start = -5
    assert small_loop.gid.start == 1
    assert "from frame -5" in jobs.notice(jobs.key_of(small_loop.gid.scene)).text


@pytest.mark.parametrize(
    ("asked", "frames"), [({"seconds": 2.0}, 48), ({"frames": 100}, 100), ({"use_range": True}, 90)]
)
def test_lengths_of_the_menu(small_loop, asked, frames):
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 11, 100
    assert bpy.ops.gid.length(**asked) == {"FINISHED"}
    assert small_loop.gid.n_frames == frames
    assert small_loop.gid.start == (11 if "use_range" in asked else 1)


def test_a_length_is_one_undo_step(small_loop):
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.gid.length("EXEC_DEFAULT", True, frames=20)
    for _ in range(2):
        bpy.ops.ed.undo()
        assert (bpy.context.scene.gid.loop.gid.n_frames, bpy.context.scene.gid.n_frames) == (12, 12)
        bpy.ops.ed.redo()
        assert (bpy.context.scene.gid.loop.gid.n_frames, bpy.context.scene.gid.n_frames) == (20, 20)
