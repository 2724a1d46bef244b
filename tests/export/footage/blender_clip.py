"""A clip that Blender renders with known motion, and what the pairs command finds in it.

    BPY_PYTHON  tests/export/footage/blender_clip.py render DIR             frames and truth.npz
    PYTHON -m onnx_export.footage.pairs DIR/frames --fps 30 --stride 1 --out DIR/pairs
    PYTHON      tests/export/footage/blender_clip.py compare DIR            the volume beside the truth

A textured leaf, rooted at the lower edge, bends before a textured wall. One unit is one pixel, the camera is
orthographic, light plays no part, so the truth needs no rendering: shape(height) times a sum of sines that is 0 in the
first frame. Unlike the made-up clips of the tests it has a silhouette that covers and uncovers what is behind it.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from onnx_export.footage.made_clips import Texture  # noqa: E402

try:
    import bpy
except ImportError:  # `compare` runs where Blender is not
    bpy = None

WIDTH, HEIGHT = 256, 160
FPS, N_FRAMES = 30, 150
LEAF = (88, 168, 0, 130)  # left, right, root, tip: px, y up
SINES = ((2, 1.6), (3, 0.9), (6, 0.6), (11, 0.3))  # harmonic of 5 s, px at the tip
DIRECTION = (1.0, -0.15)
WALK_PX = 4  # the leaf's texture is drawn to that far beyond its rim
SAMPLES = 24
RIM_PX = 6  # not counted: there one patch sees leaf and wall


def signal(seconds):
    """px at the tip; 0 at 0 s."""
    return sum(a * np.sin(2 * np.pi * k / 5 * seconds) for k, a in SINES)


def shape(y):
    """Share of the tip's motion at a height, px above the lower edge: a bending stem."""
    return np.clip((np.asarray(y) - LEAF[2]) / (LEAF[3] - LEAF[2]), 0, 1) ** 1.5


def half_width(y):
    """Of the leaf, px."""
    t = np.clip((np.asarray(y) - LEAF[2]) / (LEAF[3] - LEAF[2]), 0, 1)
    return (LEAF[1] - LEAF[0]) / 2 * np.sqrt(np.maximum(1 - (2 * t - 0.9) ** 2 / 1.25, 0.05))


def truth():
    """Amplitudes complex64 (16, H, W, 2) of the leaf's pixels in the first frame, and its mask bool (H, W)."""
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, HEIGHT - 0.5 - np.arange(HEIGHT))
    mask = (np.abs(x - (LEAF[0] + LEAF[1]) / 2) < half_width(y)) & (y < LEAF[3])
    amplitudes = np.zeros((16, HEIGHT, WIDTH, 2), np.complex64)
    for k, a in SINES:
        amplitudes[k - 1] = (-1j * a * shape(y) * mask)[..., None] * DIRECTION
    amplitudes[..., 1] *= -1  # y up -> y down
    return amplitudes, mask


def render(folder):
    """DIR/frames/0000.png ..., DIR/truth.npz."""
    frames = folder / "frames"
    frames.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("black")
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", max(WIDTH, HEIGHT)
    camera.location = (WIDTH / 2, HEIGHT / 2, 50)
    scene.collection.objects.link(camera)
    scene.camera = camera
    _grid("wall", [(-20, WIDTH + 20)] * 2, np.array([-20.0, HEIGHT + 20.0]), 0.0, seed=3)
    heights = np.linspace(LEAF[2] - 2, LEAF[3], 67)
    centre = (LEAF[0] + LEAF[1]) / 2
    leaf = _grid("leaf", [(centre - half_width(y), centre + half_width(y)) for y in heights], heights, 1.0, seed=4)
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = WIDTH, HEIGHT, 100
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = SAMPLES, False, False
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.render.use_persistent_data = True
    scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.file_format = "PNG"
    rest = np.empty(len(leaf.vertices) * 3, np.float32)
    leaf.vertices.foreach_get("co", rest)
    rest = rest.reshape(-1, 3)
    for frame in range(N_FRAMES):
        bent = rest.copy()
        bent[:, :2] += (shape(rest[:, 1]) * signal(frame / FPS))[:, None] * np.float32(DIRECTION)
        leaf.vertices.foreach_set("co", bent.ravel())
        leaf.update()
        scene.cycles.seed = frame
        scene.render.filepath = str(frames / f"{frame:04d}.png")
        bpy.ops.render.render(write_still=True)
    amplitudes, mask = truth()
    np.savez_compressed(folder / "truth.npz", amplitudes=amplitudes, mask=mask)


def _grid(name, spans, heights, z, seed):
    """A strip of quads, a row of two vertices a height; its texture is one texel a px of the rest pose."""
    vertices = [(x, y, z) for (left, right), y in zip(spans, heights, strict=True) for x in (left, right)]
    faces = [(2 * i, 2 * i + 1, 2 * i + 3, 2 * i + 2) for i in range(len(heights) - 1)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, [], faces)
    low = np.floor([min(s[0] for s in spans) - WALK_PX, heights[0] - WALK_PX]).astype(int)
    high = np.ceil([max(s[1] for s in spans) + WALK_PX, heights[-1] + WALK_PX]).astype(int)
    size = high - low
    uv = mesh.uv_layers.new(name="UVMap")
    for loop in mesh.loops:
        uv.data[loop.index].uv = (np.array(vertices[loop.vertex_index][:2]) - low) / size
    image = bpy.data.images.new(name, *map(int, size))
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    pixels = np.ones((size[1], size[0], 4), np.float32)
    pixels[..., :3] = np.clip(Texture(seed, shortest=6.0)(x, y) / 255, 0, 1)[..., None]
    image.pixels.foreach_set(pixels.ravel())
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    texture, emission = tree.nodes.new("ShaderNodeTexImage"), tree.nodes.new("ShaderNodeEmission")
    texture.image, texture.interpolation = image, "Cubic"
    tree.links.new(texture.outputs["Color"], emission.inputs["Color"])
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(emission.outputs["Emission"], output.inputs["Surface"])
    mesh.materials.append(material)
    bpy.context.scene.collection.objects.link(bpy.data.objects.new(name, mesh))
    return mesh


def compare(folder):
    """Print how much of the leaf's volume came back, and what the wall was given that it has not."""
    from onnx_export.footage.shards import read_pairs  # after sys.path; `render` does without

    (pair,) = read_pairs(folder / "pairs")
    with np.load(folder / "truth.npz") as arrays:
        true, mask = arrays["amplitudes"], arrays["mask"]
    found = pair.volume.amplitudes
    if found.shape != true.shape:
        sys.exit(f"the volume is {found.shape} and the truth {true.shape}: make the pairs with --stride 1")
    inner, outer = ~_grown(~mask, RIM_PX), ~_grown(mask, RIM_PX)
    print("harmonic  Hz    true px rms  recovered  relative error")
    for k in [k - 1 for k, _ in SINES]:
        a, b = found[k][inner], true[k][inner]
        share = (a * b.conj()).sum().real / (np.abs(b) ** 2).sum()
        rms = np.sqrt((np.abs(b) ** 2).sum(-1).mean() / 2)
        print(f"{k + 1:8} {pair.volume.frequencies[k]:.2f} {rms:12.3f} {share:10.3f} {_relative(a, b):12.3f}")
    a, b = found[:, inner], true[:, inner]
    share = (a * b.conj()).sum().real / (np.abs(b) ** 2).sum()
    print(f"leaf, {inner.mean():.0%} of the picture: recovered {share:.3f}, relative error {_relative(a, b):.3f}")
    print(f"wall, {outer.mean():.0%}: {np.sqrt((np.abs(found[:, outer]) ** 2).sum((0, 2)) / 2).mean():.4f} px rms (0)")
    rim = ~(inner | outer)
    print(f"rim, {rim.mean():.0%}: relative error {_relative(found[:, rim], true[:, rim]):.3f}")
    print(f"confidence: leaf {pair.confidence[inner].mean():.3f}, wall {pair.confidence[outer].mean():.3f}, ", end="")
    print(f"rim {pair.confidence[rim].mean():.3f}")


def _relative(found, true):
    return float(np.sqrt((np.abs(found - true) ** 2).sum() / (np.abs(true) ** 2).sum()))


def _grown(mask, radius):
    for axis in (0, 1):
        wide = mask.copy()
        for step in range(1, radius + 1):
            for way in (step, -step):
                moved = np.roll(mask, way, axis)
                edge = [slice(None)] * 2
                edge[axis] = slice(0, way) if way > 0 else slice(way, None)
                moved[tuple(edge)] = False
                wide |= moved
        mask = wide
    return mask


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("step", choices=["render", "compare"])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    {"render": render, "compare": compare}[options.step](options.folder)
