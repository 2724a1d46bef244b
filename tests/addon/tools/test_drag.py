"""A drag in the viewport without a window: what the hand does, told as events, reaches the operator in order."""

from types import SimpleNamespace

import bpy
import pytest
from gid_dev.blender_addon.tools import drag, place


class Recorded(drag.Drag):
    """A drag that keeps what it hears; a mixin alone, so that it lives without Blender's operators."""

    hint = "Draw"

    def __init__(self, plane):
        self._uid, self._mouse, self.heard = plane.session_uid, (0, 0), []

    def go_on(self, context, plane, held):
        self.heard.append(("go on", plane.name, tuple(held)))

    def let_go(self, context, plane):
        self.heard.append("let go")
        return {"FINISHED"}

    def take_back(self, plane):
        self.heard.append("take back")

    def put_down(self, context):
        self.heard.append("put down")


@pytest.fixture
def hand(small_loop, monkeypatch):
    """hand(kind, value, x) -> what the operator returns to Blender for an event; `hand.of` is the operator."""
    monkeypatch.setattr(place, "on_plane", lambda plane, region, view, mouse: mouse if mouse[0] >= 0 else None)
    operator = Recorded(small_loop)
    texts = []
    context = SimpleNamespace(
        region=None, region_data=None, workspace=SimpleNamespace(status_text_set=texts.append), texts=texts
    )

    def move(kind, value="PRESS", x=0):
        event = SimpleNamespace(type=kind, value=value, mouse_region_x=x, mouse_region_y=0)
        return operator.modal(context, event)

    move.of = operator
    return move


def test_it_goes_on_over_the_picture_and_lets_go(hand, small_loop):
    assert hand("TIMER0") == {"PASS_THROUGH"}
    assert hand("MOUSEMOVE", x=3) == {"RUNNING_MODAL"}
    assert hand("MOUSEMOVE", x=-1) == {"RUNNING_MODAL"}  # beside the plane nothing is heard
    assert hand("LEFTMOUSE", "RELEASE") == {"FINISHED"}
    assert hand.of.heard == [("go on", small_loop.name, (3, 0)), "put down", "let go"]


@pytest.mark.parametrize("kind", ["ESC", "RIGHTMOUSE"])
def test_escape_and_the_right_mouse_take_it_back(hand, kind):
    assert hand(kind) == {"CANCELLED"}
    assert hand.of.heard == ["take back", "put down"]


def test_a_loop_that_is_gone_ends_it(hand, small_loop):
    bpy.data.objects.remove(small_loop)
    assert hand("MOUSEMOVE") == {"CANCELLED"}
    assert hand.of.heard == ["put down"]
