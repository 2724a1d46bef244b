"""How a tool of ours comes into the artist's hand: in a 3D viewport that shows the loop."""

import bpy

from ...gid_core.errors import SettingsError
from ..loop import sight

__all__ = ["is_shown", "take", "take_or_lay_down"]


def is_shown(plane, context) -> bool:
    """True if the scene that `context` shows has this very loop in it."""
    return context.view_layer.objects.get(plane.name) == plane


def take(context, plane, tool: str) -> None:
    """Show the loop in the window if it is not shown, and take a tool in its largest viewport or the one at hand.

    Raises:
        SettingsError: the window has no 3D viewport.
    """
    areas = [area for area in (context.window.screen.areas if context.window else ()) if area.type == "VIEW_3D"]
    if not areas:
        raise SettingsError("there is no 3D viewport in this window: open one, and use the tool there")
    if not is_shown(plane, context):
        sight.show(plane, context.window)
    if context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    area = context.area if context.area in areas else max(areas, key=lambda one: one.width * one.height)
    region = next(one for one in area.regions if one.type == "WINDOW")
    with context.temp_override(area=area, region=region, space_data=area.spaces.active):
        bpy.ops.wm.tool_set_by_id(name=tool, space_type="VIEW_3D")


def take_or_lay_down(context, plane, tool: str) -> None:
    """What a button does that shows whether a tool is in the hand.

    Raises:
        SettingsError: the window has no 3D viewport.
    """
    if context.window is not None and sight.held_tool(context.window) == tool and is_shown(plane, context):
        sight.lay_down(context.window)
    else:
        take(context, plane, tool)
