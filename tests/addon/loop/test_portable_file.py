"""The saved file alone renders the loop: no add-on, no scripts, an empty profile, this version or a later one."""

import os
import subprocess
import textwrap

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.loop import read

# Versions round displacements differently in their last bits, and sharpening enlarges what neighbours differ by.
SAME_FRAME, SAME_DB = 2e-4, 100
FRAMES = (1001, 1009)
OLDER = 77
FLOAT32 = 3e-7  # the motion is kept, and its volume made of it: two roundings

# Runs in a process that has never seen this project.
ALONE = textwrap.dedent("""
    import os, sys
    os.environ["BLENDER_USER_RESOURCES"] = sys.argv[2]
    import bpy, numpy as np
    if bpy.app.version < tuple(map(int, sys.argv[3].split("."))):
        os._exit(OLDER)  # files go upward only
    bpy.ops.wm.read_factory_settings(use_empty=True)
    hooks = [getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)]
    counts = [len(hook) for hook in hooks if isinstance(hook, list)]
    bpy.ops.wm.open_mainfile(filepath=sys.argv[1], use_scripts=False)
    assert counts == [len(hook) for hook in hooks if isinstance(hook, list)]
    assert not hasattr(bpy.types.Object, "gid")
    assert len(bpy.data.texts) == 0
    trees = [*bpy.data.node_groups, *(m.node_tree for m in bpy.data.materials)]
    for block in [*bpy.data.user_map(), *trees]:
        animation = getattr(block, "animation_data", None)
        assert animation is None or len(animation.drivers) == 0, block
    for node in (node for tree in trees for node in tree.nodes):
        assert type(node).__module__ == "bpy.types" and node.bl_idname != "NodeUndefined", node.bl_idname
        assert not node.bl_idname.startswith(("GID", "gid")), node.bl_idname
    scene = next(s for s in bpy.data.scenes if s.name.startswith("GID Loop"))
    bpy.context.window.scene = scene
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
    for frame in map(int, sys.argv[4:]):
        scene.frame_set(frame)
        scene.render.filepath = f"{sys.argv[2]}/{frame}.exr"
        bpy.ops.render.render(write_still=True)
    sys.stdout.flush()
    os._exit(0)
""").replace("OLDER", str(OLDER))


def render_alone(python, blend, folder):
    version = ".".join(map(str, bpy.app.version[:2]))
    command = [python, "-c", ALONE, str(blend), str(folder), version, *map(str, FRAMES)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BLENDER_", "PYTHON"))}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def saved(registered, make_loop, rendered, tmp_path_factory):
    """A loop of a 256 x 160 volume: its file and its frames."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    path = tmp_path_factory.mktemp("file") / "loop.blend"
    plane = make_loop(256, 160, start=1001, plate=False)
    frames = rendered(plane, FRAMES)
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True, copy=True)
    return path, frames


def test_file_alone_renders_the_same_frames_here_and_in_later_versions(saved, other_pythons, read_exr, psnr, tmp_path):
    blend, frames = saved
    rendered_by = []
    for index, python in enumerate(other_pythons):
        folder = tmp_path / str(index)
        folder.mkdir()
        result = render_alone(python, blend, folder)
        if result.returncode == OLDER:
            continue
        assert result.returncode == 0, result.stderr
        rendered_by.append(python)
        for frame, want in zip(FRAMES, frames, strict=True):
            got = read_exr(folder / f"{frame}.exr")
            assert np.abs(got - want).max() <= SAME_FRAME, python
            assert psnr(got, want) >= SAME_DB, python
    assert rendered_by


def test_file_of_the_largest_motion_with_its_cache_stays_small(make_loop, drawn_motion, picture, tmp_path):
    make_loop(256, 160, motion=drawn_motion(picture(256, 160), grid=(256, 160), cells=(32, 20)))  # noise all over
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "loop.blend"), compress=True)
    assert (tmp_path / "loop.blend").stat().st_size <= 25 * 1000**2


def test_reopened_file_still_knows_its_volume_and_still(saved, occluding_volume, picture):
    bpy.ops.wm.open_mainfile(filepath=str(saved[0]))
    plane = next(o for o in bpy.data.objects if o.gid.scene is not None)
    stored, given = read.stored_volume(plane).amplitudes, occluding_volume(256, 160).amplitudes
    assert np.abs(stored - given).max() <= FLOAT32 * np.abs(given).max()
    assert read.stored_still(plane).tobytes() == picture(256, 160).tobytes()
