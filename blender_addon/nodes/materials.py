"""Materials of a loop: the sheet in the viewport, tents and static quad in a render.

Cycles adds AOVs up over all transparent hits of a ray, so a material that lets everything through and writes
weight x colour and weight sums the splat by itself. Blended EEVEE materials write no AOVs; there the same values are
emitted and added, one of the two sums in each of two view layers.
"""

import bpy

from .. import compat
from .builder import TreeBuilder, output_socket
from .rig import CORNER, UV

__all__ = ["COLOUR", "OPACITY", "WEIGHT", "sheet", "static", "tent"]

COLOUR, WEIGHT, OPACITY = "gid_num", "gid_den", "gid_alpha"
# gid_core.frames.splat.weight_of: exp(12 (r - 1/2)), within half floats' reach for every r
_CONTRAST, _MIDDLE = 12.0, 0.5


def sheet(name, still, is_transparent):
    """What the viewport shows: the still's light, see-through where it is."""
    material = _new(name)
    tree = TreeBuilder(compat.enable_nodes(material))
    texel = _image(tree, 1, still, _attribute(tree, 0, UV), interpolation="Linear").outputs
    surface = tree.node("ShaderNodeEmission", 2, {"Color": texel["Color"]})
    if is_transparent:
        # The still is premultiplied: its light is added to what shines through.
        clear = tree.node("ShaderNodeBsdfTransparent", 2, {"Color": tree.math("SUBTRACT", 2, 1.0, texel["Alpha"])})
        surface = tree.node("ShaderNodeAddShader", 3, {"Shader": surface, "Shader_001": clear})
    tree.node("ShaderNodeOutputMaterial", 4, {"Surface": surface})
    return material


def tent(name, still, front, *, is_transparent=False, emits=None):
    """Of one quad a pixel: the pixel's colour and weight, falling off to the quad's rim as a bilinear kernel.

    Args:
        still, front: images of colour and of r ("in front", 0..1).
        is_transparent: write the opacity too.
        emits: None for AOVs (Cycles), or COLOUR or WEIGHT for the sum that this material emits (EEVEE).
    """
    material = _new(name)
    tree = TreeBuilder(compat.enable_nodes(material))
    with tree.frame("Tent"):
        x, y, _ = tree.components(2, tree.vector_math("ABSOLUTE", 1, _attribute(tree, 0, CORNER)))
        share = tree.math("MULTIPLY", 4, *(tree.math("SUBTRACT", 3, 1.0, side) for side in (x, y)))
    _finish(material, tree, still, front, share, is_transparent, emits)
    return material


def static(name, still, front, mask, *, is_transparent=False, emits=None):
    """Of the one quad of all motionless pixels: colour and weight where `mask` is white. Arguments as in `tent`."""
    material = _new(name)
    tree = TreeBuilder(compat.enable_nodes(material))
    texel = _image(tree, 2, mask, _attribute(tree, 0, UV))
    _finish(material, tree, still, front, tree.components(3, texel.outputs["Color"])[0], is_transparent, emits)
    return material


def _finish(material, tree, still, front, share, is_transparent, emits):
    uv = _attribute(tree, 0, UV)
    texel = _image(tree, 2, still, uv).outputs
    with tree.frame("Weight: e^(12 (r - 1/2)), r painted in the image"):
        # Colour to float would take the luminance: separate it.
        r = tree.components(3, _image(tree, 2, front, uv).outputs["Color"])[0]
        exponent = tree.math("MULTIPLY", 4, tree.math("SUBTRACT", 4, r, _MIDDLE), _CONTRAST)
        weight = tree.math("MULTIPLY", 5, tree.math("EXPONENT", 5, exponent), share)
    colour = tree.scale(6, texel["Color"], weight)
    surface = output_socket(tree.node("ShaderNodeBsdfTransparent", 6))
    if emits is None:
        tree.node("ShaderNodeOutputAOV", 7, {"Color": colour}, aov_name=COLOUR)
        tree.node("ShaderNodeOutputAOV", 7, {"Value": weight}, aov_name=WEIGHT)
        if is_transparent:
            opacity = tree.math("MULTIPLY", 6, weight, texel["Alpha"])
            tree.node("ShaderNodeOutputAOV", 7, {"Value": opacity}, aov_name=OPACITY)
    else:
        light = tree.node("ShaderNodeEmission", 7, {"Color": colour if emits == COLOUR else weight})
        surface = tree.node("ShaderNodeAddShader", 8, {"Shader": surface, "Shader_001": light})
        material.surface_render_method, material.use_transparency_overlap = "BLENDED", True
    tree.node("ShaderNodeOutputMaterial", 9, {"Surface": surface})


def _new(name):
    return bpy.data.materials.new(name)


def _attribute(tree, column, name):
    return tree.node("ShaderNodeAttribute", column, attribute_name=name).outputs["Vector"]


def _image(tree, column, image, uv, interpolation="Closest"):
    return tree.node(
        "ShaderNodeTexImage", column, {"Vector": uv}, image=image, interpolation=interpolation, extension="EXTEND"
    )
