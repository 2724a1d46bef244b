"""Which loop is in sight, how a window comes to show one, and the way back to the artist's own scene.

To show a loop is: its scene in the window that asked, its camera's view filling the 3D viewports, shading that shows
the photo, and playback. What the viewports looked like before is put back on leaving. In
the background there is no window, and nothing of this happens.
"""

from math import sqrt

import bpy

from ..nodes import rig

__all__ = [
    "NOTHING_MOVES",
    "NOTHING_SAID",
    "OWN_TOOLS",
    "held_tool",
    "home_of",
    "in_sight",
    "lay_down",
    "leave",
    "loop_of",
    "play",
    "present",
    "select",
    "show",
    "show_pictures",
]

NOTHING_MOVES = 0.002  # of the pixels: below it the eye finds nothing
NOTHING_SAID = "Nothing moves in this photo: try another one, or paint where it shall move"
OWN_TOOLS = "gid."  # how the identifiers of our tools begin
_LEAST_PX = 64  # a side of what is left of a viewport; in less the picture may lie under the sidebar

# Solid shading draws the active image node of the material over the UV map, as the photo is: no light, no grid on it.
_SHADING = {
    "type": "SOLID",
    "light": "FLAT",
    "color_type": "TEXTURE",
    "show_shadows": False,
    "show_cavity": False,
    "show_xray": False,
    "show_object_outline": False,
}
_OVERLAY = {
    "show_floor": False,
    "show_ortho_grid": False,
    "show_axis_x": False,
    "show_axis_y": False,
    "show_cursor": False,
    "show_outline_selected": False,
    "show_object_origins": False,
}
# Of each viewport that shows a loop, as it was before; only for this session: a file keeps its views itself.
_kept: dict[int, tuple] = {}


def in_sight(context):
    """The loop that panel and operators mean: the active object or what that shows, else the scene's, else the last.

    In an image editor, before all of them, one that is made of the image there. None if there is none.
    """
    scene = context.scene
    pictured = _made_of(getattr(context.space_data, "image", None))
    if pictured:
        return scene.gid.loop if scene.gid.loop in pictured else pictured[-1]
    shown = context.object.gid.shows if context.object is not None else None
    if _is_loop(shown):
        return shown
    loops = [o for o in scene.objects if o.gid.scene == scene]
    painted = [o for o in loops if o.gid.easel is not None and o.gid.easel == context.object]
    candidates = [context.object, *painted, scene.gid.loop, *loops]
    own = [plane for plane in candidates if _is_loop(plane)]
    if own and own[0] == context.object:
        return own[0]
    return next((plane for plane in own if plane.gid.scene == scene), own[0] if own else None)


def _made_of(image):
    """The loops of this file of whose pictures `image` is one."""
    if image is None:
        return []
    return [plane for plane in bpy.data.objects if _is_loop(plane) and image in _pictures(plane)]


def _pictures(plane):
    gid = plane.gid
    return gid.source, rig.get_input(plane, "Still"), gid.front, gid.plate, gid.edits.mask, gid.edits.strength


def loop_of(scene):
    """The loop that a scene was made to render, None for any other scene. Cheap: it searches nothing."""
    plane = scene.gid.loop
    return plane if _is_loop(plane) and plane.gid.scene == scene else None


def _is_loop(plane):
    if plane is None or plane.gid.scene is None or not rig.is_rigged(plane):
        return False
    return bool(plane.users_scene)  # what was deleted in the viewport stays in the file while a property points to it


def show(plane, window) -> None:
    """Let `window` show the loop: its scene, framed by its camera, playing; the plane is selected.

    Args:
        window: the one that asked; None where there is none, as in the background, and nothing happens.
    """
    scene = plane.gid.scene
    select(plane, scene)
    present(scene, window)


def present(scene, window, *, is_chosen_from: bool = False) -> None:
    """Let `window` show a scene as `show` does a loop's; it remembers the artist's scene.

    Args:
        is_chosen_from: outline what is selected.
    """
    if window is None or bpy.app.background:
        return
    if window.scene != scene:
        scene.gid.home = home_of(window.scene) or window.scene
        window.scene = scene
    for area in window.screen.areas:
        if area.type == "VIEW_3D":
            _frame(window, area)
            area.spaces.active.overlay.show_outline_selected = is_chosen_from
    play(window)


def leave(window) -> None:
    """Bring the window back to the scene that it showed before a loop's, its viewports as they were."""
    home = home_of(window.scene)
    if home is None:
        return
    if held_tool(window).startswith(OWN_TOOLS):  # in the artist's scene it would select nothing
        lay_down(window)
    window.scene = home
    for area in window.screen.areas:
        if area.type == "VIEW_3D":
            _put_back(area.spaces.active)


def show_pictures(window) -> None:
    """Let the 3D viewports of a window draw pictures, where their shading is solid: a card would be a grey plane."""
    for area in window.screen.areas:
        if area.type == "VIEW_3D" and area.spaces.active.shading.type == "SOLID":
            area.spaces.active.shading.color_type = "TEXTURE"


def held_tool(window) -> str:
    """The identifier of the tool that a window's 3D viewports have in the hand in object mode; "" without one."""
    tool = window.workspace.tools.from_space_view3d_mode("OBJECT", create=False)
    return "" if tool is None else tool.idname


def lay_down(window) -> None:
    """Take Blender's own selection into the hand, in place of a tool of ours."""
    area = next((one for one in window.screen.areas if one.type == "VIEW_3D"), None)
    if area is None or bpy.context.mode != "OBJECT":
        return
    with bpy.context.temp_override(window=window, area=area, region=_region(area)):
        bpy.ops.wm.tool_set_by_id(name="builtin.select_box", space_type="VIEW_3D")


def home_of(scene):
    """The artist's scene that a loop's scene was shown from; None for any other scene."""
    home = scene.gid.home
    return home if home is not None and home != scene else None


def select(obj, scene) -> None:
    """Make `obj` the active and only selected object of its scene; nothing happens where it is not in the scene."""
    layer = scene.view_layers[0]
    if obj.name not in scene.objects:
        return
    for other in scene.objects:
        other.select_set(other == obj, view_layer=layer)
    layer.objects.active = obj


def _frame(window, area):
    """Fill a 3D viewport with the camera's view."""
    space = area.spaces.active
    _keep(space)
    with bpy.context.temp_override(window=window, area=area, region=_region(area), space_data=space):
        if space.local_view is not None:
            bpy.ops.view3d.localview(frame_selected=False)
        space.use_local_camera = space.use_local_collections = False
        space.camera = window.scene.camera
        space.region_3d.view_perspective = "CAMERA"
        bpy.ops.view3d.view_center_camera()
    _fit(space.region_3d, _region(area), _free_box(_region(area), area.regions), window.scene.render)
    for part, values in ((space.shading, _SHADING), (space.overlay, _OVERLAY)):
        for name, value in values.items():
            setattr(part, name, value)


def _free_box(region, others):
    """(left, bottom, right, top) in pixels of the window: what the regions that lie over one leave of it."""
    left, bottom, right, top = region.x, region.y, region.x + region.width, region.y + region.height
    for other in others:
        if min(other.width, other.height) <= 1:  # folded away
            continue
        if other.alignment == "RIGHT":
            right = min(right, other.x)
        elif other.alignment == "LEFT":
            left = max(left, other.x + other.width)
        elif other.alignment == "TOP":
            top = min(top, other.y)
        elif other.alignment == "BOTTOM":
            bottom = max(bottom, other.y + other.height)
    return left, bottom, right, top


def _fit(view, region, box, render):
    """Let the camera's frame, which `view_center_camera` fits into the region, fill a box in it instead."""
    left, bottom, right, top = box
    if right - left < _LEAST_PX or top - bottom < _LEAST_PX:
        return
    aspect = render.resolution_x / render.resolution_y
    width = min(region.width, region.height * aspect)  # of the frame
    share = min((right - left) / width, (top - bottom) * aspect / width, 1.0)
    factor = (view.view_camera_zoom / 50 + sqrt(2)) ** 2 / 4 * share  # Blender's own law of its camera zoom
    view.view_camera_zoom = 50 * (2 * sqrt(factor) - sqrt(2))
    aside = region.x + region.width / 2 - (left + right) / 2, region.y + region.height / 2 - (bottom + top) / 2
    view.view_camera_offset = aside[0] / (2 * factor * region.width), aside[1] / (2 * factor * region.height)


def _region(area):
    return next(region for region in area.regions if region.type == "WINDOW")


def play(window) -> None:
    """Start playback in a window that stands still."""
    if bpy.app.background or window.screen.is_animation_playing:
        return
    area = max(window.screen.areas, key=lambda one: (one.type == "VIEW_3D", one.width * one.height))
    with bpy.context.temp_override(window=window, area=area, region=_region(area)):
        bpy.ops.screen.animation_play()


def _keep(space):
    view = space.region_3d
    if space.as_pointer() not in _kept and home_of(bpy.context.window.scene) is not None:
        _kept[space.as_pointer()] = (
            {name: getattr(space.shading, name) for name in _SHADING},
            {name: getattr(space.overlay, name) for name in _OVERLAY},
            {
                "view_perspective": view.view_perspective,
                "view_matrix": view.view_matrix.copy(),
                "view_camera_zoom": view.view_camera_zoom,
                "view_camera_offset": tuple(view.view_camera_offset),
            },
        )


def _put_back(space):
    kept = _kept.pop(space.as_pointer(), None)
    if kept is None:
        space.region_3d.view_perspective = "PERSP"
        return
    for part, values in zip((space.shading, space.overlay, space.region_3d), kept, strict=True):
        for name, value in values.items():
            setattr(part, name, value)
