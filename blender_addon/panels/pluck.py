"""The part Pluck: the tool for the hand, whether plucks are kept, and those that are."""

from ..loop import sight
from ..tools.pluck import TOOL
from .sidebar import Part, part_registers
from .status import draw_text

__all__ = ["Pluck"]

_IN_HAND = "Press on the picture, pull, and let go."


class Pluck(Part):
    name = "pluck"
    bl_label = "Pluck"
    bl_options = {"DEFAULT_CLOSED"}
    needs = "CURRENT"

    def show(self, layout, context, plane):
        edits = plane.gid.edits
        is_held = context.window is not None and sight.held_tool(context.window) == TOOL
        layout.operator("gid.pluck_tool", icon="VIEW_PAN", depress=is_held)
        if is_held:
            draw_text(layout, context, _IN_HAND)
        layout.prop(context.scene.gid, "record_plucks")
        layout.prop(edits, "damping")
        if edits.plucks:
            layout.operator("gid.clear_plucks", text=_clear(len(edits.plucks)), icon="X")


def _clear(n):
    return "Clear the Pluck" if n == 1 else f"Clear {n} Plucks"


register, unregister = part_registers(Pluck)
