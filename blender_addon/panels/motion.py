"""The part Motion: how far, which way, how fast the loop in sight moves. All of it acts at once."""

from .sidebar import Part, part_registers
from .status import draw_text

__all__ = ["Motion"]

_OLDER = "An older version made this loop: bring it up to date, and it can be edited."


class Motion(Part):
    name = "motion"
    bl_label = "Motion"

    def show(self, layout, context, plane):
        if not self.is_current(plane):
            draw_text(layout, context, _OLDER)
            layout.operator("gid.update_loop", icon="FILE_REFRESH")
            return
        edits = plane.gid.edits
        column = layout.column(align=True)
        for name in ("amplitude", "low", "mid", "high"):
            column.prop(edits, name)
        column = layout.column()
        for name in ("turn", "border", "phase"):
            column.prop(edits, name)


register, unregister = part_registers(Motion)
