"""Playback of the rig's sheet against computing the motion in numpy and writing the vertices, each frame.

The loop has a mask, a strength and a turn; numpy has the motion as predicted, which is less. One run, one process,
frames in turns, so that both meet the same machine. Exits 1 if the rig is slower, or plays fewer than 24 a second.
"""

import argparse
import os
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="gid-profile-")  # build.py removes it

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import conftest  # noqa: F401 (makes the checkout the package gid_dev)
from gid_dev.blender_addon import properties
from gid_dev.blender_addon.loop import build
from gid_dev.blender_addon.loop.mesh import Sheet, _at_corners, new_mesh
from gid_dev.blender_addon.nodes import rig
from gid_dev.gid_core.motion.edits import Edits
from gid_dev.gid_core.motion.plan import plan_loop
from gid_dev.gid_core.motion.recovery import recovered
from gid_dev.gid_core.motion.volume import SpectralVolume

CELLS = 256, 160
FPS = 24


def random_volume(width, height, n_freqs=16):
    rng = np.random.default_rng(0)
    parts = rng.normal(0, 1, (2, n_freqs, height, width, 2)).astype(np.float32)
    return SpectralVolume(parts[0] + 1j * parts[1], np.arange(1, n_freqs + 1) / 5)


def rig_player(scene):
    """Plays a frame: the clock's curve, the nodes, the depsgraph."""
    graph = scene.view_layers[0].depsgraph

    def play(frame):
        scene.frame_set(frame)
        graph.update()

    return play


def numpy_player(volume, plan):
    """Plays a frame as a frame-change handler would: motion at the vertices in numpy, then `foreach_set`."""
    scene = bpy.context.scene
    mesh = new_mesh("numpy", Sheet.of(volume, *CELLS))
    for name in [a.name for a in mesh.attributes if a.name.startswith("gid_") and a.name != rig.UV]:
        mesh.attributes.remove(mesh.attributes[name])  # what the handler's mesh would not carry
    scene.collection.objects.link(bpy.data.objects.new("numpy", mesh))
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3)
    corners = [_at_corners(a.view(np.float32))[::-1] for a in volume.amplitudes]
    corners = np.stack(corners).reshape(volume.n_freqs, -1, 2, 2)  # k, point, axis, (re, im)
    basis = np.concatenate([corners[..., 0], -corners[..., 1]]).reshape(2 * volume.n_freqs, -1)
    graph = bpy.context.view_layer.depsgraph
    pixel = np.array([rig.PIXEL, -rig.PIXEL], np.float32)

    def play(frame):
        scalars = plan.scalars(frame - 1)
        weights = np.concatenate([scalars.real, scalars.imag]).astype(np.float32)
        moved = points.copy()
        moved[:, :2] += (weights @ basis).reshape(-1, 2) * pixel
        mesh.vertices.foreach_set("co", moved.ravel())
        mesh.update()
        scene.frame_set(frame)
        graph.update()

    return play


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=60)
    frames = parser.parse_args().frames
    bpy.ops.wm.read_factory_settings(use_empty=True)
    properties.register()
    volume = random_volume(*CELLS)
    plan = plan_loop(volume, 120, Fraction(24))
    still = np.full((CELLS[1], CELLS[0], 3), 0.5, np.float32)
    motion = recovered(volume, np.zeros((volume.height, volume.width, 3), np.uint8))
    shape = np.linspace(0, 1, CELLS[0], dtype=np.float32)[None].repeat(CELLS[1], 0)
    edits = Edits(mask=shape, strength=2 * shape, turn=0.5)
    plane = build.build_loop(build.LoopSpec("Bench", still, motion, plan, Fraction(24), edits=edits))
    players = {"rig": rig_player(plane.gid.scene), "numpy": numpy_player(volume, plan)}
    seconds = {name: [] for name in players}
    for frame in range(1, frames + 4):
        for name, play in players.items():
            begun = time.perf_counter()
            play(frame)
            seconds[name].append(time.perf_counter() - begun)
    median = {name: 1e3 * float(np.median(times[3:])) for name, times in seconds.items()}
    ratio, rate = median["numpy"] / median["rig"], 1e3 / median["rig"]
    print(
        f"Blender {bpy.app.version_string}, {CELLS[0]} x {CELLS[1]} cells, {frames} frames, median: "
        f"rig {median['rig']:.1f} ms, numpy and vertices {median['numpy']:.1f} ms; "
        f"the rig is {ratio:.2f} times as fast (bar: 1), {rate:.0f} frames a second (bar: {FPS})"
    )
    return 0 if ratio >= 1 and rate >= FPS else 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # 4.5 can dead-lock in its exit handlers
