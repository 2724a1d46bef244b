"""Materials of a card: the photo, or a picture of the loop's frames, in an artist's own scene.

Any engine draws them: what shines is the picture's own light, what is lit takes the lamps of the scene. Workbench and
Solid shading show the active image node.
"""

import bpy

from .. import compat
from .builder import TreeBuilder, output_socket
from .sheet import MOVED
from .tents import UV

__all__ = ["DISPLACEMENT", "KINDS", "displacement", "material"]

DISPLACEMENT = "gid_displacement"  # the AOV

KINDS = [
    ("EMISSION", "Emission", "Shines in the photo's own light, whatever lights the scene"),
    ("PRINCIPLED", "Principled", "A surface in the photo's colours, lit by the scene"),
    ("SHADELESS", "Shadeless", "The photo as it is to the camera; it lights nothing and casts no light of its own"),
]
_LEAST_ALPHA = 1e-6  # below it a premultiplied colour says nothing


def material(name, kind, image, *, is_transparent, is_premultiplied=True, frames=None):
    """A new material that shows `image`.

    Args:
        kind: of `KINDS`.
        is_premultiplied: how the image node gives its colours; a picture file of Blender's comes straight.
        frames: (frame that shows the first, how many, number of the first file) of an image sequence that repeats for
            ever; None for a still picture.
    """
    made = bpy.data.materials.new(name)
    tree = TreeBuilder(compat.enable_nodes(made))
    uv = tree.node("ShaderNodeAttribute", 0, attribute_name=UV).outputs["Vector"] if frames is None else None
    texel = tree.node("ShaderNodeTexImage", 1, image=image, interpolation="Linear", extension="EXTEND")
    if uv is not None:
        tree.feed(uv, texel.inputs["Vector"])
    else:
        user = texel.image_user
        user.frame_start, user.frame_duration, number = frames
        user.frame_offset = number - 1  # files are counted from 1
        user.use_cyclic = user.use_auto_refresh = True
    tree.tree.nodes.active = texel  # what Solid shading and Workbench draw
    colour, alpha = texel.outputs["Color"], texel.outputs["Alpha"] if is_transparent else None
    if is_transparent and is_premultiplied:
        with tree.frame("Straight colour"):
            share = tree.math("DIVIDE", 3, 1.0, tree.math("MAXIMUM", 2, alpha, _LEAST_ALPHA))
            colour = tree.scale(4, colour, share)
    surface = _SURFACES[kind](tree, colour, alpha)
    tree.node("ShaderNodeOutputMaterial", 9, {"Surface": surface})
    if is_transparent:
        made.surface_render_method = "BLENDED"
        made.use_transparency_overlap = False  # a fold of the sheet is no second pane of glass
    tree.arrange()
    return made


def displacement(name):
    """A new material that writes how far a card is carried, in parts of the photo's long side, into an AOV."""
    made = bpy.data.materials.new(name)
    tree = TreeBuilder(compat.enable_nodes(made))
    moved = tree.node("ShaderNodeAttribute", 0, attribute_name=MOVED).outputs["Vector"]
    tree.node("ShaderNodeOutputAOV", 1, {"Color": moved}, aov_name=DISPLACEMENT)
    tree.node("ShaderNodeOutputMaterial", 2, {"Surface": tree.node("ShaderNodeEmission", 1, {"Color": moved})})
    tree.arrange()
    return made


def _emission(tree, colour, alpha):
    return _see_through(tree, tree.node("ShaderNodeEmission", 5, {"Color": colour}), alpha)


def _principled(tree, colour, alpha):
    inputs = {"Base Color": colour, "Specular IOR Level": 0.0, "Roughness": 1.0}  # paper, no varnish
    return tree.node("ShaderNodeBsdfPrincipled", 6, inputs if alpha is None else {**inputs, "Alpha": alpha})


def _shadeless(tree, colour, alpha):
    """Light to the camera and in mirrors; to all other rays a white sheet that scatters what falls on it."""
    with tree.frame("Light for the eye alone"):
        path = tree.node("ShaderNodeLightPath", 4).outputs
        is_seen = tree.math("MAXIMUM", 5, path["Is Camera Ray"], path["Is Glossy Ray"])
        is_seen = tree.math("MAXIMUM", 6, is_seen, path["Is Transmission Ray"])
        light = tree.node("ShaderNodeEmission", 5, {"Color": colour})
        paper = tree.node("ShaderNodeBsdfDiffuse", 5, {"Color": colour})
        surface = tree.node("ShaderNodeMixShader", 7, {"Fac": is_seen, "Shader": paper, "Shader_001": light})
    return _see_through(tree, surface, alpha)


def _see_through(tree, surface, alpha):
    if alpha is None:
        return surface
    clear = tree.node("ShaderNodeBsdfTransparent", 6)
    return tree.node("ShaderNodeMixShader", 8, {"Fac": alpha, "Shader": clear, "Shader_001": output_socket(surface)})


_SURFACES = {"EMISSION": _emission, "PRINCIPLED": _principled, "SHADELESS": _shadeless}
