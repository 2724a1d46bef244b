"""Every difference between Blender 4.5, 5.0 and 5.2, each behind a function named for its intent.

Nothing else in the project asks for Blender's version. A branch asks for the feature where it can, and names the
version that needs it.
"""

import bpy

__all__ = [
    "alpha_over_sockets",
    "change_node_group",
    "clock_path",
    "compositor_of",
    "compositor_tree",
    "curves_of",
    "displaced",
    "eevee_engine",
    "enable_nodes",
    "end_strip",
    "ensure_compositor",
    "ensure_fcurve",
    "modifier_value",
    "new_image_strip",
    "own_curves",
    "remove_fcurves",
    "scaled_to_render",
    "set_file_format",
    "set_modifier_value",
    "unified_brush",
    "use_working_space",
    "working_space",
]


def _modifier_inputs(modifier):
    # 5.2 moved the inputs of a Geometry Nodes modifier from ID properties to real RNA.
    properties = getattr(modifier, "properties", None)
    return getattr(properties, "inputs", None)


def modifier_value(modifier, identifier):
    """Value of one input of a Geometry Nodes modifier, by the identifier of its socket."""
    inputs = _modifier_inputs(modifier)
    return modifier[identifier] if inputs is None else getattr(inputs, identifier).value


def set_modifier_value(modifier, identifier, value):
    """Set one input of a Geometry Nodes modifier. The object needs `update_tag()` once all are set."""
    inputs = _modifier_inputs(modifier)
    if inputs is None:
        modifier[identifier] = value
    else:
        getattr(inputs, identifier).value = value


def change_node_group(modifier, group):
    """Give a Geometry Nodes modifier another group, every input at the group's default."""
    modifier.node_group = None  # 4.5 and 5.0 forget the inputs with the group
    modifier.node_group = group
    inputs = _modifier_inputs(modifier)
    if inputs is None:
        return
    for item in group.interface.items_tree:  # 5.2 keeps what stood at the same identifiers, of whatever kind it was
        own = getattr(inputs, item.identifier, None) if item.item_type == "SOCKET" and item.in_out == "INPUT" else None
        if hasattr(own, "value"):
            own.value = getattr(item, "default_value", None)
            if own.type != "VALUE":
                own.type = "VALUE"


def clock_path(modifier, identifier):
    """RNA path from the object to one modifier input, as an F-curve wants it."""
    owner = f'modifiers["{bpy.utils.escape_identifier(modifier.name)}"]'
    if _modifier_inputs(modifier) is None:
        return f'{owner}["{identifier}"]'
    return f"{owner}.properties.inputs.{identifier}.value"


def ensure_fcurve(block, path, group=""):
    """The F-curve of `block` at `path`, in an action of its own; slot and channel bag are made as needed.

    Args:
        group: channel group that a new curve is put into.
    """
    animation = block.animation_data or block.animation_data_create()
    if animation.action is None:
        animation.action = bpy.data.actions.new(block.name)
    curve = animation.action.fcurve_ensure_for_datablock(block, path, index=0)
    if group and curve.group is None:
        groups = animation.action.layers[0].strips[0].channelbag(animation.action_slot).groups
        curve.group = groups.get(group) or groups.new(group)
    return curve


def remove_fcurves(block, paths):
    """Remove the F-curves at those paths from the action that `block` plays."""
    animation = block.animation_data
    for curves in _curve_lists(animation.action if animation else None):
        for curve in [curve for curve in curves if curve.data_path in paths]:
            curves.remove(curve)


def own_curves(block):
    """The F-curves of the action that `block` plays."""
    animation = block.animation_data
    return [curve for curves in _curve_lists(animation.action if animation else None) for curve in curves]


def curves_of(blocks):
    """All F-curves that move `blocks`, each once: of their actions, of their NLA strips, and their drivers."""
    animations = [block.animation_data for block in blocks if block.animation_data]
    actions = {animation.action for animation in animations}
    actions |= {strip.action for one in animations for track in one.nla_tracks for strip in track.strips}
    lists = [curves for action in actions for curves in _curve_lists(action)]
    return [curve for curves in [*lists, *(animation.drivers for animation in animations)] for curve in curves]


def _curve_lists(action):
    """The lists of F-curves in an action, one for each channel bag; none of None."""
    layers = action.layers if action else ()
    return [bag.fcurves for layer in layers for strip in layer.strips for bag in strip.channelbags]


def enable_nodes(block):
    """Node tree of a new material, emptied."""
    if bpy.app.version < (5, 0):
        block.use_nodes = True  # from 5.0 always on, and setting it warns
    block.node_tree.nodes.clear()
    return block.node_tree


def compositor_tree(scene, name):
    """A fresh compositor of `scene`: (tree, node whose first input is the final image)."""
    if hasattr(scene, "compositing_node_group"):
        # 5.0 made the compositor a node group of its own
        tree = bpy.data.node_groups.new(name, "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        scene.compositing_node_group = tree
        return tree, tree.nodes.new("NodeGroupOutput")
    before = set(bpy.data.images)
    scene.use_nodes = True  # makes a default tree, and for its viewer an image that would stay behind
    scene.node_tree.nodes.clear()
    bpy.data.batch_remove([image for image in bpy.data.images if image not in before])
    return scene.node_tree, scene.node_tree.nodes.new("CompositorNodeComposite")


def compositor_of(scene):
    """The compositor tree that `scene` has, or None."""
    if hasattr(scene, "compositing_node_group"):  # 5.0 made the compositor a node group of its own
        return scene.compositing_node_group
    return scene.node_tree


def ensure_compositor(scene):
    """The compositor of an artist's scene and its last node: (tree, node whose first input is the final image).

    Where there is none yet, the render goes straight through it.
    """
    tree = compositor_of(scene)
    if tree is None:
        tree, final = compositor_tree(scene, f"{scene.name} Compositor")
        render = tree.nodes.new("CompositorNodeRLayers")
        render.scene, final.location.x = scene, render.location.x + 600
        tree.links.new(render.outputs["Image"], final.inputs[0])
        return tree, final
    if bpy.app.version < (5, 0):
        scene.use_nodes = True
        idname = "CompositorNodeComposite"
    else:  # 5.0 made the compositor a node group of its own
        idname = "NodeGroupOutput"
        if not any(item.item_type == "SOCKET" and item.in_out == "OUTPUT" for item in tree.interface.items_tree):
            tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    finals = [node for node in tree.nodes if node.bl_idname == idname]
    active = [node for node in finals if getattr(node, "is_active_output", False)]
    return tree, (active or finals or [tree.nodes.new(idname)])[0]


def alpha_over_sockets(node):
    """(what lies below, what lies above) of an Alpha Over node."""
    names = ("Image", "Image_001") if bpy.app.version < (5, 0) else ("Background", "Foreground")
    sockets = {socket.identifier: socket for socket in node.inputs}
    return tuple(sockets[name] for name in names)


def unified_brush(scene):
    """Colour and size that the brushes of texture painting share."""
    settings = scene.tool_settings
    if hasattr(settings, "unified_paint_settings"):
        return settings.unified_paint_settings
    return settings.image_paint.unified_paint_settings  # 5.0 gave each kind of painting its own


def displaced(tree, column, image, displacement):
    """A node of `tree`, a TreeBuilder, that reads a picture backward by pixels; its border goes on outwards.

    Args:
        displacement: socket of a vector, x right, y up.
    """
    if bpy.app.version >= (5, 0):
        inputs = {"Image": image, "Displacement": displacement, "Interpolation": "Bilinear"}
        inputs.update({"Extension X": "Extend", "Extension Y": "Extend"})
        return tree.node("CompositorNodeDisplace", column, inputs)
    # 4.5 reads nothing beyond the border: no place is read from farther out than the border's own pixels, and what its
    # filter misses beside them is told by a white picture that goes the same way.
    ones = (1.0, 1.0, 1.0)  # of a calculated picture: one that is still to be scaled tells pixels as they were before
    white = tree.vector_math("MINIMUM", column, tree.vector_math("MAXIMUM", column, image, ones), ones)
    here = tree.node("CompositorNodeImageCoordinates", column + 1, {"Image": white}).outputs["Pixel"]
    size = tree.node("CompositorNodeImageInfo", column + 1, {"Image": white}).outputs["Dimensions"]
    most = tree.vector_math("SUBTRACT", column + 2, size, (1.0, 1.0, 0.0))
    least = tree.vector_math("SUBTRACT", column + 2, here, most)
    held = tree.vector_math("MINIMUM", column + 3, tree.vector_math("MAXIMUM", column + 3, displacement, least), here)
    by = {"Vector": held, "X Scale": 1.0, "Y Scale": 1.0}
    moved, share = (tree.node("CompositorNodeDisplace", column + 4, {"Image": one, **by}) for one in (image, white))
    alpha = tree.node("CompositorNodeSeparateColor", column + 5, {"Image": moved}).outputs["Alpha"]
    colour, alpha = tree.vector_math("DIVIDE", column + 6, moved, share), tree.math("DIVIDE", column + 6, alpha, share)
    return tree.node("CompositorNodeSetAlpha", column + 7, {"Image": colour, "Alpha": alpha}, mode="REPLACE_ALPHA")


def scaled_to_render(tree, column, image):
    """A node of `tree`, a TreeBuilder, that brings a picture to the size of the render."""
    inputs = {"Image": image}
    if bpy.app.version < (5, 0):
        return tree.node("CompositorNodeScale", column, inputs, space="RENDER_SIZE", frame_method="STRETCH")
    inputs.update({"Type": "Render Size", "Frame Type": "Stretch"})  # 5.0 made sockets of the node's properties
    inputs.update({"Extension X": "Extend", "Extension Y": "Extend"})
    return tree.node("CompositorNodeScale", column, inputs)


def eevee_engine():
    """EEVEE's name in `render.engine`: BLENDER_EEVEE_NEXT in 4.5, BLENDER_EEVEE before and after."""
    return "BLENDER_EEVEE_NEXT" if bpy.app.version < (5, 0) else "BLENDER_EEVEE"


def set_file_format(settings, file_format, **options):
    """Set the format of an `ImageFormatSettings`, then its options."""
    if hasattr(settings, "media_type"):
        # 5.0 sorts formats by medium, and the medium comes first
        settings.media_type = "VIDEO" if file_format == "FFMPEG" else "IMAGE"
    settings.file_format = file_format
    for name, value in options.items():
        setattr(settings, name, value)


def new_image_strip(scene, files, *, name="Frames", channel=1, start=1, fit="ORIGINAL"):
    """One sequencer strip that shows the image files, all of one folder, a frame each from frame `start`."""
    editor = scene.sequence_editor_create()
    strip = editor.strips.new_image(
        name=name, filepath=str(files[0]), channel=channel, frame_start=start, fit_method=fit
    )
    for file in files[1:]:
        strip.elements.append(file.name)
    return strip


def end_strip(strip, frame):
    """Let a strip end before a frame."""
    if hasattr(strip, "right_handle"):
        strip.right_handle = frame  # from 5.2
    else:
        strip.frame_final_end = frame


def working_space() -> str:
    """Name of the linear light that this file computes in; before 5.0 files have none of their own: empty."""
    colours = getattr(bpy.data, "colorspace", None)
    return "" if colours is None else colours.working_space


def use_working_space(name: str) -> None:
    """Let this file compute in the linear light of another one, by its `working_space`."""
    if working_space() != name:
        bpy.ops.wm.set_working_color_space(working_space=name, convert_colors=False)
