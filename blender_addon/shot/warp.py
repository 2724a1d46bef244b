"""Any picture of an artist's compositor carried along by a loop: render passes, mattes, plates of another size.

A hidden scene renders the loop's sheet once more, with how far it is carried at each place as a pass: since the sheet
itself is displaced, the pass holds at a place q the displacement of what arrived there, which is what "Fast Warp"
reads backward by. The pass is told in parts of the photo's long side, so any render size will do.
"""

import bpy

from ...gid_core.errors import SettingsError
from .. import compat
from ..loop import live
from ..loop import scene as own_scene
from ..loop.read import scene_of
from ..nodes import card as materials
from ..nodes import rig, warp
from ..nodes.builder import TreeBuilder, output_socket
from .card import check_current, new_sheet
from .compositor import render_of, stand_beside

__all__ = ["add_warp", "displacement_scene"]

_PICTURES = ("CompositorNodeImage", "CompositorNodeMovieClip")  # of a size of their own


def displacement_scene(plane):
    """The hidden scene that renders how far the loop of `plane` carries each place; made if need be.

    Raises:
        SettingsError: `plane` is not a loop, an older version made it, or Cycles is switched off.
    """
    loops = scene_of(plane)
    check_current(plane)
    if plane.gid.motion is not None:
        return plane.gid.motion
    if not own_scene.has_cycles():
        raise SettingsError(own_scene.CYCLES_OFF)
    name = f".GID Displacement {live.name_of(plane)}"
    width, height = rig.get_input(plane, "Still").size
    made = own_scene.new_scene(name, width, height, "CYCLES", False)
    made.camera.name, spare = name, made.camera.data
    made.camera.data = loops.camera.data  # it follows another photo
    bpy.data.cameras.remove(spare)
    layer = made.view_layers[0]
    for aov in list(layer.aovs):
        layer.aovs.remove(aov)
    aov = layer.aovs.add()
    aov.name, aov.type = materials.DISPLACEMENT, "COLOR"
    made.collection.objects.link(new_sheet(plane, name, materials.displacement(name)))
    plane.gid.motion = made
    return made


def add_warp(plane, scene, source=None):
    """Carry a picture in the compositor of `scene` along with the loop of `plane`; returns the frame of the nodes.

    Args:
        source: output socket of a node there; the warp takes its place wherever that leads. None: the final image.
    Raises:
        SettingsError: `plane` is not a loop, an older version made it, or the compositor is linked.
    """
    if scene == scene_of(plane):
        raise SettingsError(f"'{scene.name}' is the scene of the loop itself: go to a scene of your own first")
    held = compat.compositor_of(scene)
    if held is not None and held.library:
        raise SettingsError(f"the compositor of '{scene.name}' is linked: make it local first")
    moving = displacement_scene(plane)
    tree, final = compat.ensure_compositor(scene)
    scene.render.use_compositing = True
    before = [node for node in tree.nodes if node.bl_idname != "NodeFrame"]
    builder = TreeBuilder(tree)
    if source is None:
        shown = final.inputs[0]
        source = shown.links[0].from_socket if shown.links else render_of(builder, scene)
    targets = [link.to_socket for link in source.links]
    size = rig.get_input(plane, "Still").size
    with builder.frame(f"Warp by {plane.name}"):
        picture = source
        if source.node.bl_idname in _PICTURES:
            picture = output_socket(compat.scaled_to_render(builder, 1, source))
        passes = builder.node("CompositorNodeRLayers", 0, scene=moving).outputs
        # One number for the whole picture: 4.5 and 5.0 take no field here.
        pixels = builder.node(
            "CompositorNodeRelativeToPixel",
            2,
            {"Image": picture, "Float Value": 1.0},
            data_type="FLOAT",
            reference_dimension="X" if size[0] >= size[1] else "Y",
        )
        # 4.5 tells which of the two outputs is there only once the tree is drawn.
        (side,) = (socket for socket in pixels.outputs if socket.type == "VALUE")
        moved = builder.scale(3, passes[materials.DISPLACEMENT], side)
        warped = builder.node("CompositorNodeGroup", 4, node_tree=warp.group())
        builder.feed(picture, warped.inputs["Image"])
        builder.feed(moved, warped.inputs["Displacement"])
        for target in targets:
            tree.links.new(output_socket(warped), target)
    frame = warped.parent
    builder.arrange()
    stand_beside(frame, before, final)
    return frame
