"""What a frame by Cycles takes, and how closely it agrees with gid_core.frames.renderer.

Seconds, CPU seconds and peak memory at each size, everything moving and 30 % moving; the ratio of the two is the static
quad's gain. Then at the first size what each part costs and each change gives, everything moving: one thing at a time
is taken away, added, or set otherwise, beside the frame as it is before and after; dB are those to that frame by the
core, so that one sees what changes the picture. "geometry": CPU seconds of the rig alone, by evaluation; "hits": of a
whole frame less those of one with hardly a pixel to be drawn, so that the rest is what Cycles takes to read and sort
the tents. Exits 1 if a frame agrees to less than 90 dB.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import bpy
import numpy as np
from cases import blender, stills
from gid_dev.blender_addon.loop import images
from gid_dev.blender_addon.nodes import rig
from gid_dev.blender_addon.output.frames import render_frames
from gid_dev.gid_core.files.memory import peak_bytes
from gid_dev.gid_core.motion.places import OWN

from onnx_export.rendered.stage import quiet

BAR_DB = 90
FRAME = 13  # of 48
SPECK = 0.01  # of each side: the region that is drawn where all but the hits is measured


def picture(width, height):
    y, x = np.mgrid[:height, :width].astype(np.float32) * np.float32(256 / width)
    waves = [0.5 + 0.4 * np.sin(x / 7) * np.cos(y / 9), 0.5 + 0.45 * np.sin((x + y) / 11), 0.3 + 0.3 * (x // 16 % 2)]
    grain = np.random.default_rng(0).normal(0, 0.02, (height, width, 3))
    return (np.stack(waves, -1) + grain).clip(0, 1).astype(np.float32)


class Measured:
    """One frame of a loop: seconds, CPU seconds of the whole, of its geometry and of its hits, and peak memory in MB.

    Args:
        change: callable(plane), what is done to the loop before, which then has a plate.
    """

    def __init__(self, loop, change=None):
        plane = blender.built(loop, "CYCLES", plate=False if change is None else None)
        if change is not None:
            change(plane)
        scene = plane.gid.scene
        self.geometry = of_geometry(plane)
        sys.stdout.flush()
        with quiet(), tempfile.TemporaryDirectory() as folder:
            render = partial(render_frames, plane, folder, [plane.gid.start + FRAME], "exr")
            scene.render.border_max_x = scene.render.border_max_y = SPECK
            scene.render.use_border = True
            render()  # what is done once
            _, speck, _ = timed(render)
            scene.render.use_border = False
            forget_peak()
            self.seconds, self.cpu, (file,) = timed(render)
            self.peak_mb = (peak_bytes() or 0) / 1e6
            self.frame = blender.read(file)
        self.hits = self.cpu - speck

    def agreement(self, reference):
        return -10 * np.log10(np.mean((self.frame[..., :3].astype(np.float64) - reference) ** 2))

    def __str__(self):
        parts = f"geometry {self.geometry:.2f}, hits {self.hits:.2f}"
        return f"{self.seconds:6.2f} s; CPU {self.cpu:6.2f} s ({parts}); {self.peak_mb:5.0f} MB"


def of_geometry(plane):
    """CPU seconds of the rig alone."""
    rig.set_inputs(plane, {"Tents": True})
    scene = plane.gid.scene
    layer = scene.view_layers[0]
    layer.update()
    _, cpu, _ = timed(lambda: (scene.frame_set(plane.gid.start + FRAME), layer.update()))
    rig.set_inputs(plane, {"Tents": False})
    scene.frame_set(plane.gid.start)
    return cpu


def timed(work):
    """(seconds, CPU seconds, what came of it)."""
    begun, cpu = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - begun, time.process_time() - cpu, found


def forget_peak():
    """From here on the peak is counted anew, where the system can do that."""
    switch = Path("/proc/self/clear_refs")
    if switch.exists():
        switch.write_text("5")


# ---- what is taken away, added or set otherwise


def unsharpened(plane):
    """Tents carry the still's own colours."""
    tree = group(".GID Tents")
    sharp = next(node for node in tree.nodes if node.label == "Sharp")
    read = tree.nodes.new("GeometryNodeImageTexture")
    read.interpolation, read.extension = "Closest", "EXTEND"
    for theirs, ours in (("Still", "Image"), ("UV", "Vector")):
        tree.links.new(sharp.inputs[theirs].links[0].from_socket, read.inputs[ours])
    for link in list(sharp.outputs["Color"].links):
        tree.links.new(read.outputs["Color"], link.to_socket)


def looked_up(plane):
    """Every pixel reads through a lookup, here at its own place."""
    width, height = plane.gid.scene.render.resolution_x, plane.gid.scene.render.resolution_y
    steps = np.full((height, width, 2), OWN / 255, np.float32)
    rig.set_inputs(plane, {"Lookup": images.new_image("Lookup", steps, is_byte=True, is_offset=True)})


def masked(plane):
    """A mask lets 30 % move."""
    width, height = plane.gid.scene.render.resolution_x, plane.gid.scene.render.resolution_y
    mask = np.zeros((height, width, 1), np.float32)
    mask[:, : round(0.3 * width)] = 1
    rig.set_inputs(plane, {"Has Mask": True, "Mask": images.new_image("Mask", mask)})


def masked_all_tents(plane):
    """The same, and what rests keeps its tents."""
    masked(plane)
    for node in group(".GID Tents").nodes:
        if node.bl_idname == "GeometryNodeSwitch" and node.parent and node.parent.label.startswith("Cells: where all"):
            for link in list(node.inputs["Switch"].links):
                node.id_data.links.remove(link)
            node.inputs["Switch"].default_value = True


def plateless(plane):
    rig.set_inputs(plane, {"Has Plate": False})


def without_static_quad(plane):
    """What a loop could do without in which everything moves."""
    tree = group(".GID Tents")
    for link in list(tree.links):
        if link.to_node.bl_idname == "GeometryNodeJoinGeometry" and link.from_node.parent.label.startswith(
            "Static quad"
        ):
            tree.links.remove(link)


def persistent(plane):
    plane.gid.scene.render.use_persistent_data = True


def few_hits(plane):
    plane.gid.scene.cycles.transparent_max_bounces = 64


def compact(plane):
    plane.gid.scene.cycles.debug_use_compact_bvh = True


CHANGES = {
    "as it is": lambda plane: None,
    "colours not sharpened": unsharpened,
    "every pixel through a lookup": looked_up,
    "no plate": plateless,
    "no static quad": without_static_quad,
    "a mask lets 30 % move": masked,
    "likewise, what rests keeps tents": masked_all_tents,
    "data kept between frames": persistent,
    "at most 64 hits a ray": few_hits,
    "compact BVH": compact,
    "as it is, once more": lambda plane: None,
}


def group(name):
    return next(tree for tree in bpy.data.node_groups if tree.name.startswith(name))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", nargs="*", default=["1920x1080", "3840x2160"], metavar="WxH")
    sizes = [tuple(map(int, size.split("x"))) for size in parser.parse_args().sizes]
    worst = float("inf")
    for width, height in sizes:
        found = []
        for moving in (1, 0.3):
            loop = stills.loop_of(picture(width, height), stills.smooth_volume(moving), 48)
            renderer = replace(loop, plate=False).renderer()
            found.append(Measured(loop))
            decibels, share = found[-1].agreement(renderer.frame(FRAME)), 1 - renderer.static.mean()
            worst = min(worst, decibels)
            what = f"Blender {bpy.app.version_string}  {width}x{height}  {share:4.0%} moving"
            print(f"{what}: {decibels:.1f} dB, {found[-1]}", flush=True)
        print(f"{width}x{height}: {found[0].seconds / found[1].seconds:.1f} times as long where everything moves")
    width, height = sizes[0]
    loop = stills.loop_of(picture(width, height), stills.smooth_volume(1), 48)
    reference = loop.renderer().frame(FRAME)
    for name, change in CHANGES.items():
        measured = Measured(loop, change)
        print(f"{name:32} {measured.agreement(reference):6.1f} dB {measured}", flush=True)
    print(f"least agreement {worst:.1f} dB (bar: {BAR_DB})")
    return 0 if worst >= BAR_DB else 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # 4.5 can dead-lock in its exit handlers
