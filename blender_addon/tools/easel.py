"""What a loop's pictures are painted on: a card that lies at rest before the sheet, as large as the still.

Blender's brush keeps pointers to the mesh that it paints on for as long as a stroke lasts, and a sheet that plays gets
another one with each frame: a stroke on it ends Blender at once. The card never moves, so that the loop may play under
the brush, and a stroke hits the pixel of the still that it is over. It renders nowhere, and goes when painting ends.
"""

from typing import Literal

import bpy
import numpy as np

from ...gid_core.errors import SettingsError
from .. import compat
from ..loop import live, mesh, sight
from ..nodes import rig

__all__ = ["colour", "is_painted", "is_up", "painted", "put_away", "put_up"]

_MODE: Literal["TEXTURE_PAINT"] = "TEXTURE_PAINT"
_BEFORE_PX = 1.0  # of the sheet, towards the camera, which stands 20 px away
_BRUSH = "brushes/essentials_brushes-mesh_texture.blend/Brush/Paint Hard"  # of every Blender since 4.3


def is_up(plane) -> bool:
    """True while one of the loop's pictures is on the easel, and the brush at hand."""
    return plane.gid.easel is not None and plane.gid.easel.mode == _MODE


def painted(scene):
    """The image that the brush paints on in a scene, None while it paints on none."""
    settings = scene.tool_settings.image_paint
    return settings.canvas if settings.mode == "IMAGE" else None


def colour(scene) -> float:
    """The grey that the brush of a scene paints, 0..1."""
    return max(compat.unified_brush(scene).color)


def is_painted(plane, image) -> bool:
    """True while this image is on the loop's easel."""
    return image is not None and is_up(plane) and painted(plane.gid.scene) == image


def put_up(plane, image, colour: float, window, area=None) -> None:
    """Put an image before the loop, and the brush into the hand.

    Args:
        colour: grey that the brush paints, 0..1; its other colour, that of Ctrl and X, is black, or white for black.
        window: that shall show it. area: a 3D viewport of it; None for any.
    Raises:
        SettingsError: the window has no 3D viewport.
    """
    scene = plane.gid.scene
    view = _view(window, area)
    if view is None and not bpy.app.background:
        raise SettingsError("painting needs a 3D viewport: open one in this window")
    if window.scene != scene:
        if bpy.app.background:
            window.scene = scene
        else:
            sight.show(plane, window)
    put_away(plane, window)
    card = _card(plane)
    with _standing_in(window, view, card):
        bpy.ops.object.mode_set(mode=_MODE)
        settings = scene.tool_settings.image_paint
        settings.mode, settings.canvas = "IMAGE", image
        if settings.brush is None:
            bpy.ops.brush.asset_activate(asset_library_type="ESSENTIALS", relative_asset_identifier=_BRUSH)
    ours = [one for one in (compat.unified_brush(scene), settings.brush) if one is not None]
    for one in ours:
        one.color, one.secondary_color = (colour,) * 3, (float(colour == 0),) * 3


def put_away(plane, window) -> None:
    """Take the easel down, if one is up: the plane is active again, in object mode."""
    card = plane.gid.easel
    if card is None:
        return
    scene = plane.gid.scene
    if card.mode != "OBJECT":
        with _standing_in(window, _view(window), card):
            bpy.ops.object.mode_set(mode="OBJECT")
    settings = scene.tool_settings.image_paint
    settings.canvas, settings.mode = None, "MATERIAL"
    sheet = card.data
    bpy.data.objects.remove(card)
    if sheet is not None and not bpy.data.user_map(subset={sheet})[sheet]:
        bpy.data.meshes.remove(sheet)
    sight.select(plane, scene)


def _card(plane):
    """A quad with a UV map in the loop's scene, selected and active."""
    width, height = rig.get_input(plane, "Still").size
    name = f".GID Easel {live.name_of(plane)}"
    sheet = bpy.data.meshes.new(name)
    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    xy = corners * [width * rig.PIXEL, height * rig.PIXEL]
    sheet.from_pydata([(*place, _BEFORE_PX * rig.PIXEL) for place in xy.tolist()], [], [(0, 1, 2, 3)])
    sheet.uv_layers.new(name=mesh.UV_MAP, do_init=False).uv.foreach_set("vector", (corners + 0.5).ravel())
    card = bpy.data.objects.new(name, sheet)
    card.matrix_world = plane.matrix_world
    card.hide_render = True
    plane.gid.scene.collection.objects.link(card)
    plane.gid.easel = card
    sight.select(card, plane.gid.scene)
    return card


def _view(window, area=None):
    """A 3D viewport of the window, the given one if it is one."""
    if window is None or bpy.app.background:
        return None
    found = [one for one in (area, *window.screen.areas) if one is not None and one.type == "VIEW_3D"]
    return max(found[: 1 if area in found else None], key=lambda one: one.width * one.height, default=None)


def _standing_in(window, view, obj):
    """A context in which `obj` is the active object of the window's scene."""
    scene = obj.users_scene[0]
    place = {"window": window, "scene": scene, "view_layer": scene.view_layers[0]}
    if view is not None:
        region = next(one for one in view.regions if one.type == "WINDOW")
        place |= {"area": view, "region": region}
    return bpy.context.temp_override(**place, active_object=obj, object=obj)
