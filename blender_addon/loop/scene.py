"""The scene that renders a loop: camera, engine, colour management, objects in their layers, compositor."""

import os
import tempfile
from dataclasses import dataclass
from math import isclose

import bpy

from ...gid_core.errors import SettingsError
from ...gid_core.frames.splat import PLATE_WEIGHT
from .. import compat
from ..nodes import materials, rig, splat
from ..nodes.builder import GROUP_KEY, TreeBuilder, output_socket
from . import colours

__all__ = [
    "CYCLES_OFF",
    "Surfaces",
    "add_splat",
    "compose",
    "has_cycles",
    "is_own_node",
    "is_transparent",
    "new_scene",
    "place",
    "resize",
    "uses_cycles",
]

CYCLES_OFF = "Cycles is switched off: enable its add-on 'Cycles Render Engine' in the preferences"
_CAMERA_HEIGHT_PX = 20  # tents stand at 0..16 px, the static quad at -1
# As many hits as a ray may add up. Cycles drops the deepest without a word where there are more; unused ones are free.
_MAX_HITS = 1024
_OWN_NODES = {
    "CompositorNodeRLayers", "CompositorNodeSeparateColor", "CompositorNodeComposite", "NodeGroupOutput",
    "CompositorNodeImage",  # of 0.1.0, which read the plate there
}  # fmt: skip


@dataclass(frozen=True)
class Surfaces:
    """What the materials of a loop are made of: its name and its images."""

    name: str
    still: bpy.types.Image
    front: bpy.types.Image
    mask: bpy.types.Image
    plate: bpy.types.Image | None
    is_transparent: bool

    def inputs(self, emits=None):
        """Rig inputs with the render's materials; `emits` as in `materials.tent`."""
        options = {"is_transparent": self.is_transparent, "emits": emits}
        under = {}
        if self.plate is not None:
            under = {
                "Plate Material": materials.plate(f".GID Plate {self.name}", self.plate, **options),
                "Has Plate": True,
            }
        return {
            **under,
            "Tent Material": materials.tent(f".GID Tent {self.name}", **options),
            "Static Material": materials.static(
                f".GID Static {self.name}", self.still, self.front, self.mask, **options
            ),
        }


def has_cycles() -> bool:
    """False where the artist has switched off the add-on that is Cycles."""
    return hasattr(bpy.types.Scene, "cycles")


def uses_cycles(scene) -> bool:
    """True if a loop's scene was made for Cycles: `render.engine` names another one while that is switched off."""
    return materials.COLOUR in scene.view_layers[0].aovs


def new_scene(name, width, height, engine, is_transparent):
    """A scene that renders the still's pixels one to one, in the file's own colours.

    Raises:
        SettingsError: the engine is not there.
    """
    scene = bpy.data.scenes.new(name)
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    render.film_transparent, render.use_motion_blur, render.dither_intensity = True, False, 0.0
    render.use_compositing, render.use_sequencer = True, False
    render.filepath = _output_folder(scene)  # for whoever renders the file by hand
    compat.set_file_format(
        render.image_settings, "PNG", color_mode="RGBA" if is_transparent else "RGB", color_depth="8"
    )
    render.compositor_precision, render.compositor_device = "FULL", "CPU"  # AUTO may compute in half floats
    colours.show_as_stored(scene)
    scene.sync_mode = "FRAME_DROP"  # in the window a loop keeps its pace
    shading = scene.display.shading  # of scene strips in the sequencer, and of viewport renders
    shading.type, shading.light, shading.color_type = "SOLID", "FLAT", "TEXTURE"
    shading.show_shadows = shading.show_cavity = shading.show_object_outline = False
    camera = bpy.data.cameras.new(name)
    camera.type, camera.ortho_scale = "ORTHO", _ortho_scale(width, height)
    camera.sensor_fit = _long_side(width, height)
    camera.clip_start, camera.clip_end = rig.PIXEL, 2 * _CAMERA_HEIGHT_PX * rig.PIXEL
    scene.camera = bpy.data.objects.new(name + " Camera", camera)
    scene.camera.location.z = _CAMERA_HEIGHT_PX * rig.PIXEL
    scene.collection.objects.link(scene.camera)
    if engine == "EEVEE":
        _use_eevee(scene)
    else:
        _use_cycles(scene, is_transparent)
    return scene


def resize(scene, old, new):
    """Fit the scene to a still of another size, both (width, height); where the artist chose otherwise, that stays."""
    render, camera = scene.render, scene.camera.data if scene.camera else None
    if (render.resolution_x, render.resolution_y) == old:
        render.resolution_x, render.resolution_y = new
    if isinstance(camera, bpy.types.Camera) and isclose(camera.ortho_scale, _ortho_scale(*old), rel_tol=1e-6):
        camera.ortho_scale = _ortho_scale(*new)
        if camera.sensor_fit == _long_side(*old):
            camera.sensor_fit = _long_side(*new)


def _long_side(width, height):
    """The photo's long side fills that of a render of any shape, as in a compositor; by itself it would the longer."""
    return "HORIZONTAL" if width >= height else "VERTICAL"


def _ortho_scale(width, height):
    return max(width, height) * rig.PIXEL


def _output_folder(scene):
    """A folder of this loop's own, beside the file. One that is not saved yet has no folder: "//" would be anywhere."""
    name = bpy.path.clean_name(scene.name.removeprefix("GID Loop "))
    if bpy.data.filepath:
        return f"//{name}/"
    chosen = bpy.context.preferences.filepaths.render_output_directory
    is_anywhere = chosen.startswith("//") or not os.path.isabs(chosen)
    parent = tempfile.gettempdir() if is_anywhere else bpy.path.native_pathsep(chosen)
    return os.path.join(parent, name, "")


def _use_cycles(scene, is_transparent):
    if not has_cycles():
        raise SettingsError(CYCLES_OFF)
    scene.render.engine = "CYCLES"
    cycles = scene.cycles
    # One sample through the pixel's centre meets each tent where the splat weighs it; more samples would blur that.
    cycles.samples, cycles.use_adaptive_sampling, cycles.use_denoising = 1, False, False
    cycles.pixel_filter_type, cycles.filter_width = "GAUSSIAN", 0.01
    cycles.transparent_max_bounces, cycles.max_bounces = _MAX_HITS, 0
    cycles.use_auto_tile = False
    outputs = {materials.COLOUR: "COLOR", materials.WEIGHT: "VALUE"}
    if is_transparent:
        outputs[materials.OPACITY] = "VALUE"
    for name, kind in outputs.items():
        aov = scene.view_layers[0].aovs.add()
        aov.name, aov.type = name, kind


def _use_eevee(scene):
    scene.render.engine = compat.eevee_engine()
    scene.eevee.taa_render_samples, scene.render.filter_size = 1, 0.0
    scene.view_layers[0].name = materials.COLOUR
    scene.view_layers.new(materials.WEIGHT)


def place(scene, plane, surfaces, engine):
    """Put the plane into the scene. EEVEE gets a partner of it for the second sum, each seen by one view layer."""
    if engine != "EEVEE":
        rig.set_inputs(plane, surfaces.inputs())
        scene.collection.objects.link(plane)
        return
    objects = {materials.COLOUR: plane, materials.WEIGHT: plane.copy()}  # the copy plays the same action: one clock
    for emits, obj in objects.items():
        rig.set_inputs(obj, surfaces.inputs(emits))
        collection = bpy.data.collections.new(emits)
        collection.objects.link(obj)
        scene.collection.children.link(collection)
    for layer in scene.view_layers:
        for child in layer.layer_collection.children:
            child.exclude = child.collection.objects[0] != objects[layer.name]


def compose(scene, *, has_plate):
    """Give the scene its compositor: render layers through "Softmax Splat". It holds no picture: it fits any size."""
    tree, final = compat.compositor_tree(scene, scene.name)
    builder = TreeBuilder(tree)
    divided = add_splat(builder, scene, has_plate=has_plate)
    builder.feed(output_socket(divided, "Image"), final.inputs[0])
    builder.arrange()
    final.location = (divided.location.x + 300, divided.location.y)
    final.select = False


def add_splat(builder, scene, *, has_plate):
    """The node "Softmax Splat" of a loop's scene in any compositor, fed by that scene's render layers."""
    sums = {"Least": 0.0}
    if materials.WEIGHT in scene.view_layers:  # EEVEE's two sums
        colour, weight = (
            builder.node("CompositorNodeRLayers", 0, scene=scene, layer=layer).outputs["Image"]
            for layer in (materials.COLOUR, materials.WEIGHT)
        )
        red = builder.node("CompositorNodeSeparateColor", 1, {"Image": weight}, mode="RGB").outputs["Red"]
        sums |= {"Numerator": colour, "Denominator": red, "Combined": colour, "Lift": materials.LIFT}
    else:
        passes = builder.node("CompositorNodeRLayers", 0, scene=scene).outputs
        sums |= {"Numerator": passes[materials.COLOUR], "Denominator": passes[materials.WEIGHT]}
        sums["Combined"] = passes["Image"]
        if is_transparent(scene):
            sums["Opacity"] = passes[materials.OPACITY]
    if has_plate:
        sums["Weight Below"] = PLATE_WEIGHT
    divided = builder.node("CompositorNodeGroup", 2, node_tree=splat.group())
    for name, value in sums.items():
        builder.feed(value, divided.inputs[name])
    return divided


def is_own_node(node):
    """True if `compose` makes nodes like this one; False for what an artist has added to the compositor."""
    if node.bl_idname == "CompositorNodeGroup":
        return node.node_tree is not None and GROUP_KEY in node.node_tree
    return node.bl_idname in _OWN_NODES


def is_transparent(scene):
    """True if the scene renders a still with transparent parts."""
    return materials.OPACITY in scene.view_layers[0].aovs
