"""The part Pluck: the tool for the hand, whether plucks are kept, and those that are."""

from .sidebar import Part, part_registers

__all__ = ["Pluck"]


class Pluck(Part):
    name = "pluck"
    bl_label = "Pluck"
    bl_options = {"DEFAULT_CLOSED"}
    needs = "CURRENT"

    def show(self, layout, context, plane):
        edits = plane.gid.edits
        layout.operator("gid.pluck_tool", icon="HAND")
        layout.prop(context.scene.gid, "record_plucks")
        layout.prop(edits, "damping")
        row = layout.row()
        row.label(text=_count(len(edits.plucks)))
        row.operator("gid.clear_plucks", icon="X")


def _count(n):
    return f"{n or 'No'} pluck{'' if n == 1 else 's'} recorded"


register, unregister = part_registers(Pluck)
