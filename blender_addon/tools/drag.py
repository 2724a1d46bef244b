"""A drag over the picture of the loop in sight: press, go on, let go; Escape and the right mouse take it back."""

import bpy

from ...gid_core.errors import SettingsError
from ..loop import sight
from ..operators import base
from . import hand, place

__all__ = ["Drag"]


class Drag(base.OnLoop):
    """An operator of the hand in a 3D viewport; without one it does what its properties say.

    A subclass tells the hand what to do in `hint`, and offers `press(context, plane, held)`, False where nothing is to
    be held, `go_on(context, plane, held)` and `let_go(context, plane)`, which returns what an operator returns. `held`
    is a place on the plane (`tools.place`).
    """

    hint: str

    def invoke(self, context, event):
        if bpy.app.background or context.region_data is None:
            return self.execute(context)
        return self.attempt(lambda context: self._press(context, event), context)

    def modal(self, context, event):
        if event.type.startswith("TIMER"):
            return {"PASS_THROUGH"}  # playback goes on
        plane = self._plane()
        if plane is None:  # a job took it away
            self._end(context)
            return {"CANCELLED"}
        if event.type == "MOUSEMOVE":
            self._mouse = event.mouse_region_x, event.mouse_region_y
            held = self._held(plane, context)
            if held is not None:
                self.go_on(context, plane, held)
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE":
            self._end(context)
            return self.let_go(context, plane)
        elif event.type in {"ESC", "RIGHTMOUSE"} and event.value == "PRESS":
            self.cancel(context)
            return {"CANCELLED"}
        return {"RUNNING_MODAL"}

    def cancel(self, context):
        """Blender calls it, too, when the window closes."""
        plane = self._plane()
        if plane is not None:
            self.take_back(plane)
        self._end(context)

    def take_back(self, plane):
        """Undo what was shown meanwhile; nothing here."""

    def put_down(self, context):
        """What comes last in any case; nothing here."""

    def _press(self, context, event):
        plane = sight.in_sight(context)
        if not hand.is_shown(plane, context):
            raise SettingsError(f"the loop '{plane.name}' is not in this view: show it first")
        self._mouse, self._uid = (event.mouse_region_x, event.mouse_region_y), plane.session_uid
        held = self._held(plane, context)
        if held is None or not self.press(context, plane, held):
            return {"PASS_THROUGH", "CANCELLED"}  # beside the picture a click selects, as ever
        context.workspace.status_text_set(f"{self.hint}    Right Mouse, Esc: cancel")
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def _held(self, plane, context):
        return place.on_plane(plane, context.region, context.region_data, self._mouse)

    def _plane(self):
        return next((one for one in bpy.data.objects if one.session_uid == self._uid), None)

    def _end(self, context):
        self.put_down(context)
        context.workspace.status_text_set(None)
