"""What shows a loop in an artist's scene renders from the saved file alone: no add-on, no scripts, the same picture."""

import os
import subprocess
import sys
import textwrap

import bpy
import numpy as np
from gid_dev.blender_addon.output.bake import loop_of
from gid_dev.blender_addon.shot import card, compositor, sequencer, warp
from gid_dev.gid_core.files import image_io

SIZE = 64, 40
FRAME, N_FRAMES = 3, 6
SAME_DB = 100

# Runs in a process that has never seen this project.
ALONE = textwrap.dedent("""
    import os, sys
    os.environ["BLENDER_USER_RESOURCES"] = sys.argv[2]
    import bpy
    bpy.ops.wm.open_mainfile(filepath=sys.argv[1], use_scripts=False)
    assert not hasattr(bpy.types.Object, "gid")
    for name in sys.argv[4:]:
        scene = bpy.context.window.scene = bpy.data.scenes[name]
        scene.frame_set(int(sys.argv[3]))
        scene.render.filepath = f"{sys.argv[2]}/{name}.exr"
        bpy.ops.render.render(write_still=True)
    sys.stdout.flush()
    os._exit(0)
""")


def test_cards_compositor_and_strips_render_without_the_add_on(artists, make_loop, shot, read_exr, psnr, tmp_path):
    plane = make_loop(*SIZE, n_frames=N_FRAMES)
    renderer, files = loop_of(plane).renderer(), []
    for frame in range(N_FRAMES):
        files.append(tmp_path / f"{frame + 1:04d}.png")
        image_io.save_png(files[-1], renderer.frame(frame))
    ways = {
        "Live Card": lambda scene: card.add_card(plane, scene),
        "Baked Card": lambda scene: card.add_baked_card(plane, scene, files),
        "Compositor": lambda scene: compositor.add_to_compositor(plane, scene),
        "Warp": lambda scene: warp.add_warp(plane, scene),
        "Strips": lambda scene: sequencer.add_scene(plane, scene, 1, N_FRAMES),
        "Baked Strip": lambda scene: sequencer.add_frames(plane, scene, files, 1, N_FRAMES),
    }
    seen = {}
    for name, add in ways.items():
        scene = artists.copy()
        scene.name, scene.use_fake_user = name, True  # no window shows it
        add(scene)
        if name == "Warp":  # something to carry along
            card.add_baked_card(plane, scene, files)
        bpy.context.window.scene = scene
        seen[name] = shot(FRAME)
        assert seen[name][..., :3].std() > 0.05, name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"), copy=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BLENDER_", "PYTHON"))}
    command = [sys.executable, "-c", ALONE, str(tmp_path / "shot.blend"), str(tmp_path), str(FRAME), *ways]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for name, want in seen.items():
        got = read_exr(tmp_path / f"{name}.exr")
        assert np.array_equal(got, want) or psnr(got, want) >= SAME_DB, name
