"""Mouse, keys and screenshots of the one Blender window on this screen. Imported inside of that Blender.

`run(steps)` drives a generator from a timer: each `yield SECONDS` hands control back to Blender for that long and for
some turns of its main loop, so that events are handled and the interface is drawn. Places are pixels from the top left.
"""

import subprocess
import time
import traceback

import bpy

__all__ = [
    "area", "box", "click", "drag", "find_button", "key", "move", "override", "region", "run", "shot", "type_text",
    "window",
]  # fmt: skip

_TURNS = 5
_KEYCODES = {"F3": "69"}  # by its name xdotool presses Alt along with it under Xvfb


def _x(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def shot(name):
    """The whole screen as shots/NAME.png."""
    _x("scrot", "-o", f"shots/{name}.png")


def move(x, y):
    _x("xdotool", "mousemove", str(int(x) - 1), str(int(y)), "mousemove", str(int(x)), str(int(y)))


def click(x, y):
    move(x, y)
    _x("xdotool", "mousedown", "1", "sleep", "0.05", "mouseup", "1")


def drag(x, y, to_x, to_y, moves=10):
    move(x, y)
    _x("xdotool", "mousedown", "1")
    for i in range(1, moves + 1):
        _x("xdotool", "mousemove", str(int(x + (to_x - x) * i / moves)), str(int(y + (to_y - y) * i / moves)))
    _x("xdotool", "mouseup", "1")


def window():
    return bpy.context.window_manager.windows[0]


def key(*names):
    _x("xdotool", "key", *(_KEYCODES.get(name, name) for name in names))


def type_text(text):
    _x("xdotool", "type", text)


def area(kind):
    return next(a for a in bpy.context.window_manager.windows[0].screen.areas if a.type == kind)


def region(in_area, kind="WINDOW"):
    return next(r for r in in_area.regions if r.type == kind)


def box(of):
    """(left, top, right, bottom) of a region."""
    height = bpy.context.window_manager.windows[0].height
    return of.x, height - of.y - of.height, of.x + of.width, height - of.y


def override(in_area, kind="WINDOW"):
    window = bpy.context.window_manager.windows[0]
    return bpy.context.temp_override(window=window, area=in_area, region=region(in_area, kind))


def find_button(in_area, kind, idname):
    """Moves the mouse down a region until it is over the button of an operator; returns its place. A generator."""
    left, top, right, bottom = box(region(in_area, kind))
    for y in range(top + 5, bottom, 8):
        move((left + right) / 2, y)
        yield 0.05
        with override(in_area, kind):
            if bpy.ops.ui.copy_python_command_button.poll():
                bpy.ops.ui.copy_python_command_button()
                if bpy.context.window_manager.clipboard.startswith(f"bpy.ops.{idname}("):
                    return (left + right) / 2, y
    raise LookupError(f"no button {idname} is in sight")


def run(steps, finish):
    """Play the generator `steps`, then `finish(error)`: None, or what went wrong."""
    state = {"until": 0.0, "turns": _TURNS}

    def tick():
        state["turns"] -= 1
        if state["turns"] > 0 or time.monotonic() < state["until"]:
            return 0.02
        try:
            state["until"] = time.monotonic() + next(steps)
            state["turns"] = _TURNS
            return 0.02
        except StopIteration:
            finish(None)
        except Exception as error:  # a step failed: say so, and show what the screen was like
            traceback.print_exc()
            shot("error")
            finish(repr(error))
        return None

    bpy.app.timers.register(tick, first_interval=1.0, persistent=True)
