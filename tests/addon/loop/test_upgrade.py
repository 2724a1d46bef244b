"""A file of 0.1.0 renders what it did, and after an upgrade it still does, keys, drivers and all."""

import shutil
from fractions import Fraction
from pathlib import Path

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import compat
from gid_dev.blender_addon.loop import edit, read, upgrade
from gid_dev.blender_addon.nodes import rig
from gid_dev.gid_core.errors import SettingsError
from gid_dev.gid_core.motion.plan import plan_loop

DATA = Path(__file__).parents[1] / "data"  # made by the script beside it
SAME_DB = 120
FRAMES = (3, 7, 15)


@pytest.fixture
def old_loop(tmp_path):
    """The plane of the loop that 0.1.0 saved."""
    shutil.copy(DATA / "loop_0_1_0.blend", tmp_path / "old.blend")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "old.blend"))
    return bpy.data.objects["GID Loop Old"]


@pytest.fixture(scope="module")
def wanted():
    with np.load(DATA / "loop_0_1_0.npz") as archive:
        return {frame: archive[f"frame_{frame}"] for frame in FRAMES}


def calm(plane):
    """Take the pluck away: it rings by the loop's own harmonics in 0.1.0 and by its frequencies now."""
    rig.set_inputs(plane, {"Pluck Re 1": 0.0, "Pluck Im 3": 0.0})


def test_a_file_of_0_1_0_renders_what_it_did(old_loop, wanted, rendered, psnr):
    assert upgrade.is_outdated(old_loop)
    for frame, got in zip(FRAMES, rendered(old_loop, FRAMES), strict=True):
        assert psnr(got, wanted[frame]) >= SAME_DB


def test_an_upgraded_loop_renders_what_it_did(old_loop, rendered, psnr):
    calm(old_loop)
    before = rendered(old_loop, FRAMES)
    upgrade.upgrade(old_loop)
    assert not upgrade.is_outdated(old_loop)
    for got, want in zip(rendered(old_loop, FRAMES), before, strict=True):
        assert psnr(got, want) >= SAME_DB


def test_a_pluck_of_0_1_0_rings_on_in_seconds(old_loop):
    upgrade.upgrade(old_loop)
    bpy.context.window.scene = old_loop.gid.scene
    old_loop.gid.scene.frame_set(15)
    assert rig.get_input(old_loop, "Pluck Time") == pytest.approx(0.5)
    assert rig.get_input(old_loop, "Damping") == pytest.approx(2)
    assert rig.get_input(old_loop, "Pluck Re 1") == 0.5
    assert rig.get_input(old_loop, "Pluck Im 3") == -0.5


def test_values_keys_and_drivers_stay_with_their_inputs(old_loop):
    other = bpy.data.objects.new("Other", None)
    reader = other.driver_add("location", 0).driver.variables.new().targets[0]
    modifier = old_loop.modifiers[rig.MODIFIER]
    reader.id = old_loop
    reader.data_path = compat.clock_path(modifier, rig.inputs_of(modifier.node_group)["Gain 2"])
    before = {name: rig.get_input(old_loop, name) for name in rig.inputs_of(modifier.node_group) if name != "Geometry"}
    volume, still = read.stored_volume(old_loop), read.stored_still(old_loop)
    upgrade.upgrade(old_loop)
    for name, value in before.items():
        if name not in {"Pluck Time", "Damping"}:
            assert rig.get_input(old_loop, name) == value, name
    assert rig.get_input(old_loop, "Frequency 3") == pytest.approx(0.6)
    inputs = {name: compat.clock_path(modifier, one) for name, one in rig.inputs_of(modifier.node_group).items()}
    curves = {curve.data_path: curve for curve in compat.curves_of([old_loop])}
    assert set(curves) == {inputs[name] for name in ("Clock", "Amount", "Pluck Time", "Anchor")}
    assert curves[inputs["Clock"]].evaluate(7) == pytest.approx(4)
    assert curves[inputs["Amount"]].evaluate(9) == pytest.approx(0.75)
    assert curves[inputs["Anchor"]].driver.variables[0].targets[0].data_path == inputs["Amount"]
    assert reader.data_path == inputs["Gain 2"]
    assert read.stored_volume(old_loop).amplitudes.tobytes() == volume.amplitudes.tobytes()
    assert read.stored_still(old_loop).tobytes() == still.tobytes()


def test_an_upgrade_leaves_nothing_of_the_old_rig_and_a_second_one_does_nothing(old_loop):
    upgrade.upgrade(old_loop)
    groups = sorted(group.name for group in bpy.data.node_groups if group.bl_idname == "GeometryNodeTree")
    todays = {old_loop.modifiers[rig.MODIFIER].node_group}
    for _ in range(3):  # as deep as groups lie in groups
        todays |= {node.node_tree for one in todays for node in one.nodes if node.bl_idname == "GeometryNodeGroup"}
    assert groups == sorted(group.name for group in todays)
    assert not [name for name in groups if name[-4:-3] == "."]  # the names that the old ones had
    upgrade.upgrade(old_loop)
    assert sorted(g.name for g in bpy.data.node_groups if g.bl_idname == "GeometryNodeTree") == groups


def test_partners_on_the_same_clock_are_upgraded_together(old_loop):
    partner = old_loop.copy()  # as EEVEE's second sum is one
    old_loop.gid.scene.collection.objects.link(partner)
    upgrade.upgrade(partner)
    assert old_loop.modifiers[0].node_group == partner.modifiers[0].node_group
    modifier = old_loop.modifiers[rig.MODIFIER]
    clock = compat.clock_path(modifier, rig.inputs_of(modifier.node_group)["Clock"])
    assert [curve.data_path for curve in compat.curves_of([old_loop, partner])].count(clock) == 1
    assert rig.get_input(partner, "Gain 2") == rig.get_input(old_loop, "Gain 2") == 0.5


def test_an_upgraded_loop_can_be_edited(old_loop):
    upgrade.upgrade(old_loop)
    plan = plan_loop(read.stored_volume(old_loop), 48, Fraction(25))
    edit.retime_loop(old_loop, plan, Fraction(25), 1)
    assert old_loop.gid.n_frames == 48
    rig.set_inputs(old_loop, {"Turn": 0.3, "Border": 0.1})
    assert rig.get_input(old_loop, "Turn") == pytest.approx(0.3)


def test_what_is_no_loop_is_refused():
    with pytest.raises(SettingsError, match="not a loop"):
        upgrade.upgrade(bpy.data.objects.new("Cube", None))


def test_a_loop_of_today_is_left_as_it_is(make_loop):
    plane = make_loop()
    group = plane.modifiers[rig.MODIFIER].node_group
    upgrade.upgrade(plane)
    assert not upgrade.is_outdated(plane)
    assert plane.modifiers[rig.MODIFIER].node_group == group
