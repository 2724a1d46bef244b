"""The loop in an artist's own compositor: its render layers, divided by "Softmax Splat", behind or over the render.

Blender renders the loop's scene along with the artist's, at the artist's frame and size. What comes out is scene
linear like any render, so the scene's view transform is applied once, at the end. All nodes of one loop stand in one
frame: with it they go.
"""

from ...gid_core.errors import SettingsError
from .. import compat
from ..loop import scene as own_scene
from ..loop.read import scene_of
from ..nodes.builder import TreeBuilder, output_socket

__all__ = ["PLACES", "add_to_compositor", "frames_of", "render_of", "stand_beside", "take_out"]

PLACES = [
    ("BEHIND", "Behind the Render", "The render lies over the loop, where its film is transparent"),
    ("OVER", "Over the Render", "The loop covers the render where the photo is opaque"),
    ("ALONE", "Not Connected", "The nodes alone, for you to wire"),
]
_GAP = 60


def add_to_compositor(plane, scene, place="BEHIND"):
    """Put the loop of `plane` into the compositor of `scene`; returns the frame of its nodes.

    Args:
        place: of `PLACES`.
    Raises:
        SettingsError: `plane` is not a loop, or the scene's compositor is linked from another file.
    """
    loops = scene_of(plane)
    if scene == loops:
        raise SettingsError(f"'{scene.name}' is the scene of the loop itself: go to a scene of your own first")
    tree, final = compat.ensure_compositor(scene)
    if tree.library:
        raise SettingsError(f"the compositor of '{scene.name}' is linked: make it local first")
    scene.render.use_compositing = True
    before = [node for node in tree.nodes if node.bl_idname != "NodeFrame"]
    builder = TreeBuilder(tree)
    with builder.frame(plane.name):
        divided = own_scene.add_splat(builder, loops, has_plate=plane.gid.plate is not None)
        picture = output_socket(divided, "Image")
        if place != "ALONE":
            shown = final.inputs[0]
            under = shown.links[0].from_socket if shown.links else render_of(builder, scene)
            layers = (picture, under) if place == "BEHIND" else (under, picture)
            over = builder.node("CompositorNodeAlphaOver", 4)
            for socket, layer in zip(compat.alpha_over_sockets(over), layers, strict=True):
                tree.links.new(layer, socket)
            tree.links.new(output_socket(over), shown)
    frame = divided.parent
    builder.arrange()
    stand_beside(frame, before, final)
    return frame


def frames_of(plane, tree) -> list:
    """The frames in a compositor whose nodes bring in the loop of `plane`."""
    sources = (node for node in tree.nodes if node.bl_idname == "CompositorNodeRLayers")
    own = [scene for scene in (plane.gid.scene, plane.gid.motion) if scene is not None]
    found = {node.parent for node in sources if node.scene in own and node.parent is not None}
    return [node for node in tree.nodes if node in found]


def take_out(tree, frame) -> None:
    """Remove the nodes of a frame; what went through one of them to another is linked as it was before."""
    inside = [node for node in tree.nodes if node.parent == frame]
    for node in inside:
        passed = [link for socket in node.inputs for link in socket.links if link.from_node not in inside]
        targets = [link.to_socket for socket in node.outputs for link in socket.links if link.to_node not in inside]
        if passed:
            source = passed[0].from_socket
            for target in targets:
                tree.links.new(source, target)
    for node in [*inside, frame]:
        tree.nodes.remove(node)


def render_of(builder, scene):
    """The picture of the scene's own render layers, where nothing was connected yet."""
    tree = builder.tree
    own = [node for node in tree.nodes if node.bl_idname == "CompositorNodeRLayers" and node.scene == scene]
    return (own[0] if own else tree.nodes.new("CompositorNodeRLayers")).outputs["Image"]


def stand_beside(frame, others, final):
    """Move a frame, with what is in it, below all other nodes and to the left of the last."""
    inside = [node for node in frame.id_data.nodes if node.parent == frame]
    right = max(node.location_absolute.x + node.width for node in inside)
    top = max(node.location_absolute.y for node in inside)
    below = min((node.location_absolute.y - node.height for node in others), default=0.0)
    frame.location.x += final.location_absolute.x - _GAP - right
    frame.location.y += below - 2 * _GAP - top
