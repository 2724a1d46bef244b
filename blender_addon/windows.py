"""What Blender's windows show of jobs: panels are drawn anew, and where none is open the status bar and a menu tell."""

import bpy

__all__ = ["PANEL_CATEGORY", "is_busy", "opened", "pop_up", "redraw", "tell"]

PANEL_CATEGORY = "Image Dynamics"  # the tab whose regions show jobs; nothing else is drawn anew while they run
_NARROWEST_PX = 2  # a region that is folded away is one pixel wide
_told: set[int] = set()  # workspaces whose status bar tells of a job
# Of operators that change something while they run. Strokes on an image or a sculpture push undo steps of their own,
# and bear BLOCKING alone.
_DRAGS = {"UNDO", "BLOCKING"}


def opened():
    """All windows."""
    return bpy.context.window_manager.windows


def is_busy() -> bool:
    """True while the artist drags something: what changes under a running stroke or move is lost, or worse."""
    return any(_DRAGS & o.bl_options for window in opened() for o in getattr(window, "modal_operators", ()))


def redraw() -> None:
    """Draw the panels anew that show jobs."""
    for window in opened():
        for region in _panels(window):
            region.tag_redraw()


def tell(text: str) -> None:
    """Say in the status bars how far the jobs are, in windows whose panel is closed; "" takes it back."""
    for window in opened():
        workspace = window.workspace
        if text and not _has_panel(window):
            workspace.status_text_set(text)
            _told.add(workspace.session_uid)
        elif workspace.session_uid in _told:
            workspace.status_text_set(None)
            _told.discard(workspace.session_uid)


def pop_up(window, sentence: str) -> None:
    """Say a sentence at the mouse, in a window whose panel is closed: there it would be seen by nobody."""
    if window is None or bpy.app.background or _has_panel(window):
        return
    with bpy.context.temp_override(window=window):
        bpy.context.window_manager.popup_menu(
            lambda menu, _context: menu.layout.label(text=sentence), title=PANEL_CATEGORY, icon="ERROR"
        )


def _has_panel(window):
    return any(region.width >= _NARROWEST_PX for region in _panels(window))


def _panels(window):
    return [
        region
        for area in window.screen.areas
        for region in area.regions
        if region.type == "UI" and region.active_panel_category == PANEL_CATEGORY
    ]
