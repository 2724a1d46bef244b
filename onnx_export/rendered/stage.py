"""A Blender scene under construction: models from a catalogue, materials, members that move, two renders.

Runs inside bpy. Every part that moves has a number; the second render shows the numbers as flat light, one sample and
no filter, so the id picture is exact. Lengths in metres, z up; the camera looks along +y unless turned.
"""

import contextlib
import os
import re
import tempfile
from pathlib import Path

import bmesh
import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Matrix, Vector

from . import motion_maps

__all__ = ["Catalogue", "Stage", "box_matrix", "quiet"]

_SAMPLES = 2  # of each of the four pixels that make one: 8, and the denoiser
_CREATED = ("objects", "meshes", "materials", "lights", "cameras", "worlds", "images", "node_groups")


@contextlib.contextmanager
def quiet():
    """Blender's importers and renderer write to the process's own stdout."""
    saved, sink = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    try:
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(sink)


class Catalogue:
    """The models under a folder of unpacked furniture libraries: name -> OBJ file, true size in metres, category."""

    def __init__(self, folder):
        self.entries = {}
        for listing in sorted(Path(folder).rglob("PluginFurnitureCatalog.properties")):
            rows = re.findall(r"^(\w+)#(\d+)=(.*)$", listing.read_text(encoding="latin-1"), re.MULTILINE)
            items = {}
            for key, number, text in rows:
                items.setdefault(number, {})[key] = text.strip()
            for item in items.values():
                path = listing.parent / item.get("model", "").lstrip("/")
                if path.suffix != ".obj" or not path.is_file():
                    continue
                size = tuple(float(item[axis]) / 100 for axis in ("width", "depth", "height"))
                turn = [float(v) for v in item.get("modelRotation", "1 0 0 0 1 0 0 0 1").split()]
                entry = {"path": path, "size": size, "turn": turn, "category": item.get("category", "")}
                entry["source"] = f"{listing.parent.name}: {item.get('creator', '?')}"
                self.entries.setdefault(path.stem, entry)
        self._meshes = {}

    def __contains__(self, name):
        return name in self.entries

    def names(self, category):
        return [name for name, entry in self.entries.items() if entry["category"] == category]

    def mesh(self, name):
        """One mesh of true size, its box centred on x and y, its foot at z = 0; kept for the next scene."""
        if name not in self._meshes:
            self._meshes[name] = self._load(self.entries[name])
        return self._meshes[name]

    def kept(self):
        materials = {m for mesh in self._meshes.values() for m in mesh.materials}
        images = {n.image for m in materials if m for n in m.node_tree.nodes if n.bl_idname == "ShaderNodeTexImage"}
        return set(self._meshes.values()) | materials | images

    @staticmethod
    def _load(entry):
        before = set(bpy.data.objects)
        with quiet():
            bpy.ops.wm.obj_import(filepath=str(entry["path"]), forward_axis="Y", up_axis="Z")
        added = [o for o in bpy.data.objects if o not in before and o.type == "MESH"]
        shape = bmesh.new()
        materials = []
        for thing in added:
            slots = []
            for material in thing.data.materials or [None]:
                if material not in materials:
                    materials.append(material)
                slots.append(materials.index(material))
            start = len(shape.faces)
            shape.from_mesh(thing.data)
            shape.faces.ensure_lookup_table()
            for face in shape.faces[start:]:
                face.material_index = slots[min(face.material_index, len(slots) - 1)]
        r = entry["turn"]
        rotation = Matrix(((r[0], r[1], r[2]), (r[3], r[4], r[5]), (r[6], r[7], r[8]))).to_4x4()
        upright = Matrix(((1, 0, 0, 0), (0, 0, -1, 0), (0, 1, 0, 0), (0, 0, 0, 1)))  # y up -> z up
        shape.transform(upright @ rotation)
        mesh = bpy.data.meshes.new(entry["path"].stem)
        shape.to_mesh(mesh)
        shape.free()
        for material in materials:
            mesh.materials.append(material or bpy.data.materials.new("plain"))
        points = _points(mesh)
        low, high = points.min(0), points.max(0)
        scale = np.array(entry["size"]) / np.maximum(high - low, 1e-6)
        points = (points - [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]]) * scale
        mesh.vertices.foreach_set("co", points.astype(np.float32).ravel())
        mesh.update()
        for thing in added:
            bpy.data.meshes.remove(thing.data)
        return mesh


def _points(mesh):
    points = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", points)
    return points.reshape(-1, 3)


def box_matrix(location, yaw=0.0, scale=1.0, pitch=0.0):
    """Placement: scaled, turned about x (pitch), then about z (yaw), then moved."""
    turn = Matrix.Rotation(yaw, 4, "Z") @ Matrix.Rotation(pitch, 4, "X")
    return Matrix.Translation(Vector(location)) @ turn @ Matrix.Scale(scale, 4)


class Stage:
    """One scene. Objects are added with what moves in them; `shoot` renders the picture and the part numbers."""

    def __init__(self, rng, catalogue=None):
        self.rng, self.catalogue = rng, catalogue
        self.scene = bpy.context.scene
        self.moving = []  # (object id, kind, root, tip) in metres, in the order of part numbers
        self.used = set()
        self._objects = 0
        self._numbers = {}  # object -> part number of each material slot
        kept = catalogue.kept() if catalogue else ()
        for group in _CREATED:
            blocks = getattr(bpy.data, group)
            bpy.data.batch_remove([block for block in blocks if block not in kept])
        data = bpy.data.cameras.new("camera")
        self.camera = bpy.data.objects.new("camera", data)
        self._link(self.camera)
        self.scene.camera = self.camera

    def _link(self, thing):
        self.scene.collection.objects.link(thing)
        return thing

    def look(self, place, target, lens_mm):
        """Camera at place, towards target (metres)."""
        self.camera.location = place
        aim = (Vector(target) - Vector(place)).to_track_quat("-Z", "Y")
        self.camera.rotation_mode = "QUATERNION"
        self.camera.rotation_quaternion = aim
        self.camera.data.lens = lens_mm
        self.camera.data.clip_start = 0.02
        bpy.context.view_layer.update()

    def new_object(self):
        self._objects += 1
        return self._objects

    def part(self, object_id, kind, root, tip):
        """Number of a new part that moves from root (still) to tip, in metres of the world."""
        self.moving.append((object_id, kind, Vector(root), Vector(tip)))
        return len(self.moving)

    def add(self, mesh, matrix=None, numbers=0, materials=None):
        """An object of a mesh. numbers: part number, or one for each slot; materials: instead of the mesh's own."""
        thing = self._link(bpy.data.objects.new(mesh.name, mesh))
        if matrix is not None:
            thing.matrix_world = matrix
        count = max(len(mesh.materials), 1)
        self._numbers[thing] = list(numbers) if isinstance(numbers, list | tuple) else [numbers] * count
        for slot, material in zip(thing.material_slots, materials or (), strict=False):
            slot.link = "OBJECT"
            slot.material = material
        return thing

    def model(self, name, matrix, kinds=(), hangs=False, tint=0.25):
        """A catalogue model; kinds: (regular expression of a material, kind) of the parts that move."""
        mesh = self.catalogue.mesh(name)
        self.used.add(name)
        numbers = [0] * len(mesh.materials)
        if kinds:
            name_of_object, extents = self.new_object(), self._extents(mesh, matrix)
            choices = [next((k for e, k in kinds if re.search(e, m.name, re.I)), None) for m in mesh.materials]
            moving = [extents[i] for i, kind in enumerate(choices) if kind and i in extents]
            if moving:
                low, high = np.min([m[0] for m in moving], 0), np.max([m[1] for m in moving], 0)
                middle = (low + high) / 2
                bottom, top = Vector((*middle[:2], low[2])), Vector((*middle[:2], high[2]))
                ends = (top, bottom) if hangs else (bottom, top)
                made = {kind: self.part(name_of_object, kind, *ends) for kind in {c for c in choices if c}}
                numbers = [made.get(kind, 0) for kind in choices]
        materials = [self._tinted(m, tint) for m in mesh.materials]
        return self.add(mesh, matrix, numbers, materials)

    @staticmethod
    def _extents(mesh, matrix):
        """Slot -> lowest and highest corner in the world of what it covers."""
        points = _points(mesh) @ np.array(matrix.to_3x3()).T + np.array(matrix.translation)
        slots = np.empty(len(mesh.polygons), np.int32)
        mesh.polygons.foreach_get("material_index", slots)
        totals = np.empty(len(mesh.polygons), np.int32)
        mesh.polygons.foreach_get("loop_total", totals)
        corners = np.empty(len(mesh.loops), np.int32)
        mesh.loops.foreach_get("vertex_index", corners)
        of_corner = np.repeat(slots, totals)
        return {
            int(s): (points[c].min(0), points[c].max(0)) for s in np.unique(slots) for c in [corners[of_corner == s]]
        }

    def _tinted(self, material, spread):
        """A copy whose colour is turned a little: the same model is not twice the same."""
        if spread <= 0:
            return material
        copy, r = material.copy(), self.rng
        tree = copy.node_tree
        shader = next((n for n in tree.nodes if n.bl_idname == "ShaderNodeBsdfPrincipled"), None)
        if shader is None:
            return material
        socket = shader.inputs["Base Color"]
        turn = tree.nodes.new("ShaderNodeHueSaturation")
        turn.inputs["Hue"].default_value = 0.5 + float(np.clip(r.normal(0, spread * 0.2), -0.5, 0.5))
        turn.inputs["Saturation"].default_value = r.uniform(1 - spread, 1 + spread)
        turn.inputs["Value"].default_value = r.uniform(1 - spread, 1 + spread)
        if socket.is_linked:
            tree.links.new(socket.links[0].from_socket, turn.inputs["Color"])
        else:
            turn.inputs["Color"].default_value = socket.default_value
        tree.links.new(turn.outputs["Color"], socket)
        return copy

    def shoot(self, wind):
        """(picture uint8 (2 h, 2 w, 3), part numbers int32 (2 h, 2 w), members) of the stage as it stands."""
        scene = self.scene
        scene.render.engine = "CYCLES"
        scene.render.resolution_x = motion_maps.WIDTH * motion_maps.OVERSAMPLING
        scene.render.resolution_y = motion_maps.HEIGHT * motion_maps.OVERSAMPLING
        scene.render.resolution_percentage = 100
        scene.render.threads_mode, scene.render.threads = "FIXED", 1
        cycles = scene.cycles
        cycles.samples, cycles.use_adaptive_sampling, cycles.use_denoising = _SAMPLES, False, True
        cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 3, 1, 1
        cycles.transmission_bounces, cycles.transparent_max_bounces = 2, 8
        cycles.denoising_quality, cycles.denoising_prefilter = "FAST", "FAST"
        cycles.caustics_reflective = cycles.caustics_refractive = False
        cycles.sample_clamp_indirect, cycles.filter_width = 4.0, 1.5
        if scene.world:  # a smooth sky needs no importance map of thousands of pixels
            scene.world.cycles.sampling_method, scene.world.cycles.sample_map_resolution = "MANUAL", 64
        cycles.seed = int(self.rng.integers(2**30))
        views = ("AgX", "Filmic", "Standard")
        scene.view_settings.view_transform = views[self.rng.integers(3)]
        picture = np.rint(self.rendered("PNG", "8") * 255).astype(np.uint8)
        self._mark()
        cycles.samples, cycles.use_denoising, cycles.filter_width = 1, False, 0.01
        scene.view_settings.view_transform = "Raw"
        parts = np.rint(self.rendered("OPEN_EXR", "32")[..., 0]).astype(np.int32)
        members = []
        for object_id, kind, root, tip in self.moving:
            members.append(motion_maps.member(object_id, kind, self._projected(root), self._projected(tip), self.rng))
        return picture, parts, members

    def _projected(self, point):
        x, y, _ = world_to_camera_view(self.scene, self.camera, point)
        return x * motion_maps.WIDTH, (1 - y) * motion_maps.HEIGHT

    def rendered(self, file_format, depth):
        """The scene as float32 (h, w, 3), row 0 at the top; depth: bits of a channel."""
        scene = self.scene
        settings = scene.render.image_settings
        settings.file_format, settings.color_mode, settings.color_depth = file_format, "RGB", depth
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / ("picture.exr" if file_format == "OPEN_EXR" else "picture.png"))
            scene.render.filepath = path
            with quiet():
                bpy.ops.render.render(write_still=True)
            image = bpy.data.images.load(path)
            if file_format == "OPEN_EXR":
                image.colorspace_settings.name = "Non-Color"
            width, height = image.size
            pixels = np.empty(width * height * 4, np.float32)
            image.pixels.foreach_get(pixels)
            bpy.data.images.remove(image)
        return pixels.reshape(height, width, 4)[::-1, :, :3]

    def _mark(self):
        """Every material replaced by its part number as light; cut-out leaves stay cut out."""
        flat = {}
        self.scene.world = bpy.data.worlds.new("dark")
        self.scene.world.color = (0, 0, 0)
        self.camera.data.dof.use_dof = False
        for thing, numbers in self._numbers.items():
            if not thing.material_slots:
                continue
            for slot, number in zip(thing.material_slots, numbers, strict=False):
                cut = _cutout(slot.material)
                key = (number, cut)
                if key not in flat:
                    flat[key] = _flat(number, cut)
                slot.link = "OBJECT"
                slot.material = flat[key]


def _cutout(material):
    """The picture whose alpha cuts a material out, or None."""
    for link in material.node_tree.links if material else ():
        if link.to_socket.name == "Alpha" and link.from_node.bl_idname == "ShaderNodeTexImage":
            return link.from_node.image
    return None


def _flat(number, cutout):
    material = bpy.data.materials.new(f"part {number}")
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    out, light = tree.nodes.new("ShaderNodeOutputMaterial"), tree.nodes.new("ShaderNodeEmission")
    light.inputs["Color"].default_value = (1, 1, 1, 1)
    light.inputs["Strength"].default_value = number
    surface = light.outputs[0]
    if cutout is not None:
        mix, clear = tree.nodes.new("ShaderNodeMixShader"), tree.nodes.new("ShaderNodeBsdfTransparent")
        texture, step = tree.nodes.new("ShaderNodeTexImage"), tree.nodes.new("ShaderNodeMath")
        texture.image, step.operation = cutout, "GREATER_THAN"
        tree.links.new(texture.outputs["Alpha"], step.inputs[0])
        tree.links.new(step.outputs[0], mix.inputs[0])
        tree.links.new(clear.outputs[0], mix.inputs[1])
        tree.links.new(surface, mix.inputs[2])
        surface = mix.outputs[0]
    tree.links.new(surface, out.inputs["Surface"])
    return material
