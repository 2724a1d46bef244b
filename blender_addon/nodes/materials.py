"""Materials of a loop: the sheet in the viewport; tents, static quad and plate in a render.

Cycles adds AOVs up over all transparent hits of a ray, so a material that lets everything through and writes
weight x colour and weight sums the splat by itself. Blended EEVEE materials write no AOVs; there the same values are
emitted and added, one of the two sums in each of two view layers.
"""

import bpy

from ...gid_core.frames.splat import PLATE_WEIGHT, SHARPNESS
from .. import compat
from . import tents
from .builder import TreeBuilder, output_socket
from .tents import CORNER, RESTING, SIDES, UV

__all__ = ["COLOUR", "LIFT", "OPACITY", "WEIGHT", "plate", "sheet", "static", "tent"]

COLOUR, WEIGHT, OPACITY = "gid_num", "gid_den", "gid_alpha"
LIFT = 0.25  # added to each colour that EEVEE sums: it emits no light below 0, where sharpened tents beside edges lie
_CENTRE_PX = 0.01  # float32 places a ray within a thousandth of a pixel at 8K


def sheet(name, still, is_transparent):
    """What the viewport shows: the still's light, see-through where it is."""
    material = _new(name)
    tree = TreeBuilder(compat.enable_nodes(material))
    texel = _read(tree, 1, still, _attribute(tree, 0, UV), "Linear")
    tree.tree.nodes.active = texel["Color"].node  # what solid shading draws, and texture painting paints on
    surface = tree.node("ShaderNodeEmission", 2, {"Color": texel["Color"]})
    if is_transparent:
        # The still is premultiplied: its light is added to what shines through.
        clear = tree.node("ShaderNodeBsdfTransparent", 2, {"Color": tree.math("SUBTRACT", 2, 1.0, texel["Alpha"])})
        surface = tree.node("ShaderNodeAddShader", 3, {"Shader": surface, "Shader_001": clear})
    tree.node("ShaderNodeOutputMaterial", 4, {"Surface": surface})
    tree.arrange()
    return material


def tent(name, *, is_transparent=False, emits=None):
    """Of one quad a pixel: the light and weight it was given, falling off to the quad's rim as a bilinear kernel.

    Args:
        is_transparent: write the opacity too.
        emits: None for AOVs (Cycles), or COLOUR or WEIGHT for the sum that this material emits (EEVEE).
    """
    material = _new(name)
    tree = TreeBuilder(compat.enable_nodes(material))
    with tree.frame("Tent"):
        x, y, _ = tree.components(2, tree.vector_math("ABSOLUTE", 1, _attribute(tree, 0, CORNER)))
        share = tree.math("MULTIPLY", 4, *(tree.math("SUBTRACT", 3, 1.0, side) for side in (x, y)))
    light = tree.node("ShaderNodeAttribute", 0, attribute_name=tents.LIGHT).outputs
    weight = output_socket(tree.node("ShaderNodeAttribute", 0, attribute_name=tents.WEIGHT), "Fac")
    _write(material, tree, light, tree.math("MULTIPLY", 5, weight, share), is_transparent, emits)
    return material


def static(name, still, front, mask, *, is_transparent=False, emits=None):
    """Of the one quad of all motionless pixels: colour and weight where `mask` is white; as in `tent`.

    Of quads that are RESTING likewise, where it is black.

    Args:
        still, front: images of colour and of r ("in front", 0..1).
    """
    material = _new(name)
    tree = TreeBuilder(compat.enable_nodes(material))
    read = _between_pixels(tree)
    white = tree.components(3, read(mask)["Color"])[0]
    resting = output_socket(tree.node("ShaderNodeAttribute", 3, attribute_name=RESTING), "Fac")
    share = tree.math("ABSOLUTE", 4, tree.math("SUBTRACT", 4, resting, white))
    _finish(material, tree, read, still, front, share, is_transparent, emits)
    return material


def plate(name, picture, *, is_transparent=False, emits=None):
    """Of the quad below all others: its colour, with a weight that counts where nothing else lands. As in `tent`."""
    material = _new(name)
    tree = TreeBuilder(compat.enable_nodes(material))
    texel = _between_pixels(tree)(picture)
    weight = output_socket(tree.node("ShaderNodeValue", 4, label="Plate Weight"))
    weight.default_value = PLATE_WEIGHT
    _write(material, tree, texel, weight, is_transparent, emits)
    return material


def _finish(material, tree, read, still, front, share, is_transparent, emits):
    texel = read(still)
    with tree.frame(f"Weight: e^({SHARPNESS:g} (r - 1/2)), r painted in the image"):
        # Colour to float would take the luminance: separate it.
        r = tree.components(3, read(front)["Color"])[0]
        exponent = tree.math("MULTIPLY", 4, tree.math("SUBTRACT", 4, r, 0.5), SHARPNESS)
        weight = tree.math("MULTIPLY", 5, tree.math("EXPONENT", 5, exponent), share)
    _write(material, tree, texel, weight, is_transparent, emits)


def _write(material, tree, texel, weight, is_transparent, emits):
    """Let everything through and add weight x colour, weight, and weight x opacity to the sums."""
    colour = texel["Color"]
    if emits == COLOUR:
        colour = tree.vector_math("ADD", 5, colour, (LIFT,) * 3)
    colour = tree.scale(6, colour, weight)
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
    tree.arrange()


def _new(name):
    return bpy.data.materials.new(name)


def _attribute(tree, column, name):
    return tree.node("ShaderNodeAttribute", column, attribute_name=name).outputs["Vector"]


def _between_pixels(tree):
    """Reads images of the still's size where the ray meets the quad: {"Color": socket, "Alpha": socket}.

    Between pixels, where a render of another size looks, it is their bilinear mean: what tents at rest would add up
    to. At a pixel's centre it is that pixel bit for bit, which bilinear texture lookups are not: they are off by 1e-5.
    """
    uv = _attribute(tree, 0, UV)
    with tree.frame("Where the ray meets a pixel's centre"):
        place = tree.vector_math("FRACTION", 1, tree.vector_math("MULTIPLY", 1, uv, _attribute(tree, 0, SIDES)))
        off = tree.vector_math("ABSOLUTE", 2, tree.vector_math("SUBTRACT", 2, place, (0.5, 0.5, 0.0)))
        x, y, _ = tree.components(3, off)
        is_between = tree.math("GREATER_THAN", 4, tree.math("MAXIMUM", 3, x, y), _CENTRE_PX)

    def read(image):
        exact, mean = (_read(tree, 2, image, uv, interpolation) for interpolation in ("Closest", "Linear"))
        colour = tree.node(
            "ShaderNodeMix",
            3,
            {"Factor_Float": is_between, "A_Color": exact["Color"], "B_Color": mean["Color"]},
            data_type="RGBA",
        )
        alpha = tree.node(
            "ShaderNodeMix", 3, {"Factor_Float": is_between, "A_Float": exact["Alpha"], "B_Float": mean["Alpha"]}
        )
        return {"Color": output_socket(colour), "Alpha": output_socket(alpha)}

    return read


def _read(tree, column, image, uv, interpolation="Closest"):
    return tree.node(
        "ShaderNodeTexImage", column, {"Vector": uv}, image=image, interpolation=interpolation, extension="EXTEND"
    ).outputs
