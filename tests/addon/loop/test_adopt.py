"""One click makes a loop of 0.1.0 editable: it goes on to render what it did, and takes every edit."""

import shutil
from pathlib import Path

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.loop import adopt, edit, images, live, raw, read
from gid_dev.blender_addon.nodes import rig
from gid_dev.gid_core.motion.edits import Edits, apply

DATA = Path(__file__).parents[1] / "data"
SAME_DB = 120
FLOAT32 = 3e-7
FRAMES = (3, 7)


@pytest.fixture
def old_loop(tmp_path):
    """The plane of the loop that 0.1.0 saved, its pluck taken away: it rings by another law now."""
    shutil.copy(DATA / "loop_0_1_0.blend", tmp_path / "old.blend")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "old.blend"))
    plane = bpy.data.objects["GID Loop Old"]
    rig.set_inputs(plane, {"Pluck Re 1": 0.0, "Pluck Im 3": 0.0})
    return plane


def test_a_loop_of_0_1_0_renders_what_it_did_after_one_click(old_loop, rendered, psnr):
    before = rendered(old_loop, FRAMES)
    assert not adopt.is_current(old_loop)
    old_loop.gid.scene.gid.loop = old_loop
    bpy.context.window.scene = old_loop.gid.scene
    assert bpy.ops.gid.update_loop() == {"FINISHED"}
    assert adopt.is_current(old_loop)
    for got, want in zip(rendered(old_loop, FRAMES), before, strict=True):
        assert psnr(got, want) >= SAME_DB


def test_its_motion_is_recovered_and_takes_edits(old_loop):
    played = read.played_volume(old_loop).amplitudes
    adopt.adopt(old_loop)
    motion = read.stored_motion(old_loop)
    assert np.abs(motion.volume().amplitudes - played).max() <= FLOAT32 * np.abs(played).max()
    old_loop.gid.edits.turn = 0.5
    assert rig.get_input(old_loop, "Turn") == 0.5
    strength = images.new_image("Mine", np.full((32, 48, 1), 1.0, np.float32))  # white: twice as far
    old_loop.gid.edits.strength = strength
    want = apply(motion, Edits(strength=np.full((32, 48), 2.0, np.float32))).amplitudes
    assert read.played_volume(old_loop).amplitudes.tobytes() == want.tobytes()


def test_it_takes_another_motion_in_place(old_loop, drawn_motion):
    adopt.adopt(old_loop)
    names = sorted(block.name for block in bpy.data.user_map())
    assert old_loop.gid.front.name.startswith("GID In Front")
    assert old_loop.gid.plate.name.startswith("GID Plate")
    motion = drawn_motion(read.stored_still(old_loop), 3)
    edit.replace_motion(old_loop, motion)
    assert read.stored_volume(old_loop).amplitudes.tobytes() == apply(motion, live.asked(old_loop)).amplitudes.tobytes()
    assert sorted(block.name for block in bpy.data.user_map()) == names
    with_lookup = drawn_motion(read.stored_still(old_loop), 4)
    edit.replace_motion(old_loop, with_lookup)
    assert read.stored_volume(old_loop).lookup.tobytes() == with_lookup.lookup.tobytes()
    assert rig.get_input(old_loop, "Lookup").name == ".GID Lookup Old"


def test_before_the_click_nothing_is_changed_by_an_edit(old_loop, drawn_motion):
    before = rig.get_input(old_loop, "Amount")
    old_loop.gid.edits.amplitude = 3.0
    assert rig.get_input(old_loop, "Amount") == before
    assert not raw.is_stored(old_loop)
    with pytest.raises(Exception, match="bring it up to date first"):
        edit.replace_motion(old_loop, drawn_motion(read.stored_still(old_loop)))
