"""Rendered scenes that move: `python -m onnx_export.rendered.moving --photos DIR --out DIR --count N --seed S`.

Cloths, lanterns, flowers and grass before, behind and between things that stand still, in photographs for textures,
rendered by Cycles: whatever hides what, and what comes to light, is true. Runs inside bpy, without torch. Vertices move
parallel to the picture, by the modes of `layered.FREQUENCIES`; so displacement in the picture is linear in them, and
known at every pixel. Surfaces shine by themselves, more where they face a light: no shadow moves and nothing is grainy.
Each scene becomes one .npz, which `scenes.moments` reads.
"""

import argparse
from pathlib import Path

import bpy
import numpy as np

from gid_core.files.storage import replacing
from gid_core.motion.plan import plan_loop
from gid_core.motion.volume import SpectralVolume

from ..scenes.layered import FREQUENCIES, N_FRAMES
from . import props
from .stage import Stage

__all__ = ["SIZE", "THINGS", "Moving", "main", "plane", "shot"]

SIZE = (256, 160)
_PICTURES = {".jpg", ".jpeg", ".png"}
_LENS_MM, _SENSOR_MM = 35.0, 36.0
_DISTANCE = 3.0  # m from the camera to y = 0
_BEHIND = (1.0, 4.0)  # y of the background, m
_NEAREST, _FARTHEST = -1.2, 0.8  # y of all else
_REACH_PX = (0.8, 8.0)  # of a thing's tip, in a picture of `SIZE`
_FIRST = (4, N_FRAMES - 5)  # number of the first frame: farther from the still, which a loop begins with
_SAMPLES = 32  # a pixel: silhouettes as soft as a lens makes them
_SPAN = 16.0  # m: what light can show of vectors, as 0..1
_PARTS = 3  # pictures of vectors: real and imaginary parts of two modes along x and z, and the label


class Moving(Stage):
    """A stage whose meshes know where their vertices go."""

    def __init__(self, rng, photos, size=SIZE):
        super().__init__(rng)
        self.photos, self.size, self.movers = photos, size, []
        self.look((0, -_DISTANCE, 0), (0, 0, 0), _LENS_MM)
        self.scene.world = None

    def px_a_metre(self, y=0.0):
        """How large a metre is in the picture at a depth."""
        return _LENS_MM / _SENSOR_MM * self.size[0] / (y + _DISTANCE)

    def half_view(self, y=0.0):
        """Half of what is seen at a depth, (x, z), m."""
        return tuple(side / 2 / self.px_a_metre(y) for side in self.size)

    def surface(self, has_photo=True):
        """Shining photograph or colour, brighter where it faces the light."""
        r = self.rng
        material = bpy.data.materials.new("shining")
        material.use_nodes = True
        tree = material.node_tree
        tree.nodes.clear()
        out, light = tree.nodes.new("ShaderNodeOutputMaterial"), tree.nodes.new("ShaderNodeEmission")
        tree.links.new(light.outputs[0], out.inputs["Surface"])
        if has_photo:
            texture = tree.nodes.new("ShaderNodeTexImage")
            texture.image = bpy.data.images.load(str(self.photos[r.integers(len(self.photos))]), check_existing=True)
            texture.extension = "MIRROR"
            tree.links.new(texture.outputs[0], light.inputs["Color"])
        else:
            light.inputs["Color"].default_value = (*r.uniform(0.02, 0.8, 3), 1)
        normal, facing = tree.nodes.new("ShaderNodeNewGeometry"), tree.nodes.new("ShaderNodeVectorMath")
        facing.operation = "DOT_PRODUCT"
        facing.inputs[1].default_value = (0.5, -0.7, 0.5)
        shade = tree.nodes.new("ShaderNodeMapRange")
        shade.inputs["To Min"].default_value, shade.inputs["To Max"].default_value = r.uniform(0.3, 0.7), 1.0
        tree.links.new(normal.outputs["Normal"], facing.inputs[0])
        tree.links.new(facing.outputs["Value"], shade.inputs["Value"])
        tree.links.new(shade.outputs[0], light.inputs["Strength"])
        return material

    def stand(self, mesh, place=(0, 0, 0)):
        """A thing at rest."""
        points = _points(mesh) + place
        _set_points(mesh, points)
        self.add(mesh)

    def move(self, mesh, place, root, length, power):
        """A thing that moves more the farther (power) its vertices lie from its root, m of the mesh; returns its label.

        The part that is `length` away goes as far as chance says.
        """
        r = self.rng
        rest = _points(mesh)
        away = np.clip(np.linalg.norm(rest - root, axis=1) / length, 0, 1.5)
        rest = rest + place
        reach = np.exp(r.uniform(*np.log(_REACH_PX))) / self.px_a_metre(place[1])
        shares = np.array([[0.7], [0.3]]) * r.uniform([0.5, 0.1], [1, 0.5])  # of the modes; sidewards, up and down
        swing = reach * shares * np.exp(2j * np.pi * r.random((2, 2)))
        lag = r.uniform(-1.5, 1.5, (2, 1))  # tips follow their roots
        modes = swing[:, None] * (away**power * np.exp(1j * lag * away))[..., None]
        self.movers.append((mesh, rest, modes))
        label = len(self.movers)
        _set_points(mesh, rest)
        parts = [part for mode in modes for axis in mode.T for part in (axis.real, axis.imag)]
        for number, values in enumerate((parts[:3], parts[3:6], [*parts[6:], np.full(len(rest), label)])):
            attribute = mesh.attributes.new(f"vector {number}", "FLOAT_VECTOR", "POINT")
            attribute.data.foreach_set("vector", np.stack(values, -1).astype(np.float32).ravel())
        self.add(mesh)
        return label

    def shot(self, numbers):
        """What a file holds: see `scenes.moments.Moments`."""
        self._settle()
        vectors = np.concatenate([self._vectors(number) for number in range(_PARTS)], -1)
        depth = self._vectors(None)[..., :1]
        labels = np.rint(vectors[..., -1]).astype(np.uint8)
        focal = _LENS_MM / _SENSOR_MM * self.size[0]
        parts = vectors[..., :8].reshape(*labels.shape, 2, 2, 2)
        amplitudes = (parts[..., 0] + 1j * parts[..., 1]) * np.array([1, -1]) * focal / depth[..., None]
        amplitudes[labels == 0] = 0
        amplitudes = amplitudes.transpose(2, 0, 1, 3).astype(np.complex64)
        plan = plan_loop(SpectralVolume(amplitudes, np.array(FREQUENCIES)), N_FRAMES, N_FRAMES)
        still, frames, fronts = self._picture(), [], []
        for number in numbers:
            scalars = plan.scalars(number)
            for mesh, rest, modes in self.movers:
                step = np.real(np.tensordot(scalars, modes, 1))
                _set_points(mesh, rest + np.stack([step[:, 0], np.zeros(len(step)), step[:, 1]], -1))
            frames.append(self._picture())
            fronts.append(np.rint(self._vectors(_PARTS - 1)[..., -1]).astype(np.uint8))
        return {
            "still": still,
            "frames": np.stack(frames),
            "labels": labels,
            "fronts": np.stack(fronts),
            "amplitudes": amplitudes,
            "numbers": np.array(numbers),
        }

    def _settle(self):
        scene = self.scene
        scene.render.engine = "CYCLES"
        scene.render.resolution_x, scene.render.resolution_y = self.size
        scene.render.resolution_percentage = 100
        scene.render.threads_mode, scene.render.threads = "FIXED", 1
        scene.cycles.use_adaptive_sampling = scene.cycles.use_denoising = False
        scene.cycles.max_bounces, scene.cycles.seed = 0, int(self.rng.integers(2**30))
        scene.view_settings.view_transform = "Raw"

    def _picture(self):
        self.scene.cycles.samples, self.scene.cycles.filter_width = _SAMPLES, 1.5
        return self.rendered("OPEN_EXR", "32").astype(np.float16)

    def _vectors(self, number):
        """What the vertices carry, (H, W, 3), at the middle of each pixel; None: how far away they are."""
        self.scene.cycles.samples, self.scene.cycles.filter_width = 1, 0.01
        self.scene.view_layers[0].material_override = _told(number)
        seen = self.rendered("OPEN_EXR", "32")
        self.scene.view_layers[0].material_override = None
        return _SPAN * seen if number is None else 2 * _SPAN * (seen - 0.5)


def _told(number):
    """A material that shines by what its vertices carry, or by its distance, as `Moving._vectors` reads it."""
    material = bpy.data.materials.new("told")
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    out, light = tree.nodes.new("ShaderNodeOutputMaterial"), tree.nodes.new("ShaderNodeEmission")
    scaled = tree.nodes.new("ShaderNodeVectorMath")
    scaled.operation = "MULTIPLY_ADD"
    if number is None:
        source = tree.nodes.new("ShaderNodeCameraData").outputs["View Z Depth"]
        scaled.inputs[1].default_value, scaled.inputs[2].default_value = (1 / _SPAN,) * 3, (0,) * 3
    else:
        attribute = tree.nodes.new("ShaderNodeAttribute")
        attribute.attribute_name = f"vector {number}"
        source = attribute.outputs["Vector"]
        scaled.inputs[1].default_value, scaled.inputs[2].default_value = (0.5 / _SPAN,) * 3, (0.5,) * 3
    tree.links.new(source, scaled.inputs[0])
    tree.links.new(scaled.outputs[0], light.inputs["Color"])
    tree.links.new(light.outputs[0], out.inputs["Surface"])
    return material


def _points(mesh):
    points = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", points)
    return points.reshape(-1, 3).astype(float)


def _set_points(mesh, points):
    mesh.vertices.foreach_set("co", points.astype(np.float32).ravel())
    mesh.update()


def plane(width, height, material):
    corners = np.array([[[-1, 0, 1], [1, 0, 1]], [[-1, 0, -1], [1, 0, -1]]]) * np.array([width / 2, 1, height / 2])
    return props.grid(corners, material, uv=np.array([[[0, 1], [1, 1]], [[0, 0], [1, 0]]], float), smooth=False)


def _place(s, spread=0.8):
    """Somewhere in view, nearer or farther."""
    y = s.rng.uniform(_NEAREST, _FARTHEST)
    half = s.half_view(y)
    return np.array([spread * half[0] * s.rng.uniform(-1, 1), y, spread * half[1] * s.rng.uniform(-1, 1)])


def _cloth(s):
    r = s.rng
    width, height = r.uniform(0.5, 1.3), r.uniform(0.5, 1.1)
    outline = None if r.random() < 0.6 else r.choice(["shirt", "dress", "trousers", "vest"])
    mesh = props.cloth(width, height, r, s.surface(), outline)
    place = _place(s) + np.array([0, 0, 0.4])
    s.move(mesh, place, np.array([0, 0, 0]), height, 1.0)


def _lantern(s):
    r = s.rng
    size, cord = r.uniform(0.2, 0.5), r.uniform(0.1, 0.5)
    t = np.linspace(-1, 1, 24)
    profile = np.stack([np.sqrt(np.clip(1 - 0.9 * t**2, 0, 1)) * size / 2, t * size / 2], 1)
    place = _place(s) + np.array([0, 0, 0.4])
    mesh = props.revolved(profile, s.surface(r.random() < 0.5), 24, r.uniform(0, 0.1))
    _set_points(mesh, _points(mesh) - [0, 0, cord + size / 2])
    hung = props.tube([(0, 0, 0), (0, 0, -cord)], 0.006, s.surface(False))
    state = r.bit_generator.state  # the cord goes with what hangs on it
    s.move(mesh, place, np.zeros(3), cord + size, 1.0)
    r.bit_generator.state = state
    s.move(hung, place, np.zeros(3), cord + size, 1.0)


def _blade(r, length, width):
    """Rows of points of one bent blade from its foot at 0."""
    t = np.linspace(0, 1, 10)[:, None]
    lean = r.normal(0, 0.35)
    middle = np.concatenate([lean * length * t**2, 0 * t, length * t], 1)
    half = width / 2 * np.sqrt(np.clip(1 - t, 0, 1)) * np.array([1, 0.2, 0])
    return np.stack([middle - half, middle + half], 1)


def _grass(s):
    """A few blades, each of its own motion."""
    r = s.rng
    place = _place(s)
    place[2] = -s.half_view(place[1])[1] * r.uniform(0.7, 1.1)
    for _ in range(r.integers(4, 12)):
        length = r.uniform(0.3, 0.9)
        points = _blade(r, length, r.uniform(0.01, 0.05))
        mesh = props.grid(points, s.surface(r.random() < 0.3), uv=np.abs(points[..., [0, 2]]))
        s.move(mesh, place + np.array([r.normal(0, 0.2), r.normal(0, 0.1), 0]), np.zeros(3), length, 1.7)


def _flower(s):
    """A disc or a cup on a stem."""
    r = s.rng
    place = _place(s)
    place[2] = -s.half_view(place[1])[1] * r.uniform(0.7, 1.1)
    length, radius = r.uniform(0.4, 0.9), r.uniform(0.08, 0.28)
    points = _blade(r, length, 0.02)
    turn, away = np.meshgrid(np.linspace(0, 2 * np.pi, 40), np.linspace(0.01, 1, 8))
    petals = radius * away * (1 + 0.25 * np.cos(r.integers(4, 9) * turn))
    head = np.stack([petals * np.cos(turn), 0.3 * petals - 0.02, petals * np.sin(turn)], -1) + points[-1, 0]
    uv = np.stack([np.cos(turn), np.sin(turn)], -1) * away[..., None] / 2 + 0.5
    state = r.bit_generator.state  # the head goes with its stem
    s.move(props.grid(points, s.surface(False)), place, np.zeros(3), length, 1.5)
    after = r.bit_generator.state
    mesh = props.grid(head, s.surface(), uv=uv)
    r.bit_generator.state = state
    s.surface(False)
    s.move(mesh, place, np.zeros(3), length, 1.5)
    r.bit_generator.state = after


THINGS = {_cloth: 0.3, _lantern: 0.2, _grass: 0.25, _flower: 0.25}


def _still_thing(s):
    """A post, a rail or a board, which may stand before what moves."""
    r = s.rng
    place, pick = _place(s), r.random()
    if pick < 0.4:
        mesh = props.box((r.uniform(0.02, 0.12), 0.05, 3), s.surface(False))
        s.stand(mesh, place * [1, 1, 0] - [0, 0, 1.5])
    elif pick < 0.7:
        s.stand(props.tube([(-2, 0, 0), (2, 0, r.uniform(-0.5, 0.5))], r.uniform(0.005, 0.03), s.surface(False)), place)
    else:
        s.stand(plane(r.uniform(0.3, 0.9), r.uniform(0.2, 0.5), s.surface()), place)


def shot(seed, photos, size=SIZE) -> dict:
    """The arrays of the file of a seed. photos: paths of pictures that may be shown."""
    rng = np.random.default_rng([seed, 26])
    stage = Moving(rng, photos, size)
    y = rng.uniform(*_BEHIND)
    width, height = (2.1 * half for half in stage.half_view(y))
    stage.stand(plane(width, max(height, 0.66 * width), stage.surface()), (0, y, 0))
    odds = list(THINGS.values())
    for index in rng.choice(len(odds), rng.integers(3, 8), p=odds):
        list(THINGS)[index](stage)
    for _ in range(rng.integers(0, 4)):
        _still_thing(stage)
    first = int(rng.integers(*_FIRST))
    return stage.shot((first, first + 1))


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.rendered.moving", description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="folder of pictures; what moves carries them")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0, help="of the first scene; the file is named after its seed")
    options = parser.parse_args(arguments)
    photos = sorted(path for path in options.photos.rglob("*") if path.suffix.lower() in _PICTURES)
    if not photos:
        parser.error(f"{options.photos} holds no pictures")
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in range(options.seed, options.seed + options.count):
        target = options.out / f"{seed:05}.npz"
        if not target.exists():
            arrays = shot(seed, photos)
            with replacing(target) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, **arrays)
            print(f"{target.name}: {arrays['labels'].max()} things move", flush=True)


if __name__ == "__main__":
    main()
