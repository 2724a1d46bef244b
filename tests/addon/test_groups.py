"""The rig's node groups from a Blender beside this one: the same as those made here, and none where it fails."""

import sys

import bpy
from gid_dev.blender_addon import groups, jobs, work
from gid_dev.blender_addon.nodes import rig

N_MODES = 2


def with_groups():
    return groups.WithGroups(work.Inline(lambda: "a motion"), N_MODES, lambda made, file: (made, file))


def contents():
    """(kind, inputs) of all nodes of each group, by its name."""
    return {
        group.name: [(node.bl_idname, [socket.identifier for socket in node.inputs]) for node in group.nodes]
        for group in bpy.data.node_groups
    }


def test_groups_that_were_made_beside_are_those_that_are_made_here():
    def bring(result):
        made, file = result
        groups.bring(file, N_MODES)
        return made

    assert not rig.is_there(N_MODES)
    assert jobs.run(with_groups(), bring) == "a motion"
    brought = contents()
    assert rig.group(N_MODES).name == rig.MODIFIER
    assert contents() == brought  # nothing was left to make
    assert len(bpy.data.libraries) == 0
    bpy.ops.wm.read_factory_settings(use_empty=True)
    rig.group(N_MODES)
    assert contents() == brought


def test_where_no_second_blender_comes_up_the_work_is_over_without_groups(monkeypatch):
    monkeypatch.setattr(work, "_second_blender", lambda: [sys.executable, "-c", "raise SystemExit(3)"])
    assert jobs.run(with_groups(), lambda result: result) == ("a motion", None)
