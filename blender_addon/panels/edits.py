"""The part of the panel that edits the loop in sight: how far, which way. All of it acts at once."""

from ..loop import adopt

__all__ = ["draw_edits"]


def draw_edits(layout, plane):
    """Sliders and pictures of the loop's edits; for a loop of an older version the button that makes it editable."""
    if not adopt.is_current(plane):
        layout.operator("gid.update_loop", icon="FILE_REFRESH")
        return
    edits = plane.gid.edits
    column = layout.column(align=True)
    for name in ("amplitude", "low", "mid", "high"):
        column.prop(edits, name)
    column = layout.column()
    for name in ("turn", "border", "phase"):
        column.prop(edits, name)
