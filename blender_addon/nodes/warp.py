"""Compositor group "Fast Warp": any pass carried along by a displacement, live.

It reads backward: the pixel at q shows what lay at q - Displacement(q). That is quick, and right where motion is
smooth; it knows no occlusion, which is what the splat is for. The border goes on beyond the picture. For previews,
and for mattes and depth that go along.
"""

from .. import compat
from . import assets
from .builder import output_socket, shared_group

__all__ = ["group"]

VERSION = 2
_DESCRIPTION = "Warp any pass along a displacement: backward, quick, without occlusion"


def group():
    """The shared group, an asset of the file, built if need be."""
    made = shared_group("Fast Warp", "CompositorNodeTree", VERSION, _build, replace=True)
    return assets.as_asset(made, _DESCRIPTION, assets.waves())


def _build(tree):
    tree.add_output("Image", "Color")
    tree.add_input("Image", "Color", (0.0, 0.0, 0.0, 1.0), description="What is warped")
    tree.add_input("Displacement", "Vector", (0.0, 0.0, 0.0), description="In pixels, x right, y up")
    tree.add_input("Amount", "Float", 1.0, description="Strength; 0 shows the image as it is")
    get = tree.input
    displacement = tree.scale(1, get("Displacement"), get("Amount"))
    tree.outputs(10, Image=output_socket(compat.displaced(tree, 2, get("Image"), displacement)))
