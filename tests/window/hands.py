"""Mouse, keys and screenshots of the one Blender window on this screen. Imported inside of that Blender.

`run(steps)` drives a generator from a timer: each `yield SECONDS` hands control back to Blender for that long and for
some turns of its main loop, so that events are handled and the interface is drawn. What waits here is a generator, too:
`yield from` it. Places are pixels from the top left.
"""

import subprocess
import time
import traceback

import bpy

__all__ = [
    "area", "box", "click", "drag", "find", "key", "move", "override", "press", "region", "run", "shot", "type_text",
    "wheel", "window",
]  # fmt: skip

_TURNS = 5
_TITLE_PX = 12  # from a sidebar's top: below its last panel the wheel would zoom the viewport that shines through
_FEW_TURNS = 2  # for a step of a motion: the mouse was moved, and what lies under it lights up
_KEYCODES = {"F3": "69"}  # by its name xdotool presses Alt along with it under Xvfb


def _x(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def shot(name, of=None):
    """The whole screen, or a region of it, as shots/NAME.png."""
    left, top, right, bottom = box(of) if of is not None else (0, 0, window().width, window().height)
    _x("scrot", "-o", "-a", f"{left},{top},{right - left},{bottom - top}", f"shots/{name}.png")


def move(x, y):
    _x("xdotool", "mousemove", str(int(x) - 1), str(int(y)), "mousemove", str(int(x)), str(int(y)))


def click(x, y):
    move(x, y)
    _x("xdotool", "mousedown", "1", "sleep", "0.05", "mouseup", "1")


def drag(x, y, to_x, to_y, moves=10, held=None, step_s=0.02):
    """Press, pull, let go. held: name of a screenshot of the moment before letting go; step_s: between two moves."""
    move(x, y)
    _x("xdotool", "mousedown", "1")
    for i in range(1, moves + 1):
        _x("xdotool", "mousemove", str(int(x + (to_x - x) * i / moves)), str(int(y + (to_y - y) * i / moves)))
        yield step_s
    if held:
        yield 0.5
        shot(held)
    _x("xdotool", "mouseup", "1")
    yield 0.5


def window():
    return bpy.context.window_manager.windows[0]


def key(*names):
    _x("xdotool", "key", *(_KEYCODES.get(name, name) for name in names))


def wheel(*, up, clicks=15):
    """Turn the wheel where the mouse is."""
    _x("xdotool", "click", "--repeat", str(clicks), "4" if up else "5")


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


def find(in_area, kind, name):
    """Moves the mouse over a region, scrolling down, until it is over a control; returns its place.

    name: of an operator ("gid.animate"), with what a button sets if several are there ("gid.animate(use_prior=True"),
    or the end of a property's path (".edits.amplitude").
    """
    left, top, right, bottom = box(region(in_area, kind))
    for across in (0.5, 0.2, 0.8, 0.9):  # most are hit in the middle
        x = left + across * (right - left)
        move(x, top + _TITLE_PX)
        _x("xdotool", "click", "--repeat", "60", "4")  # wheel up
        yield 0.3
        for _page in range(5):
            for y in range(top + 5, bottom - 5, 16):
                move(x, y)
                yield 0.02
                if _is_under_mouse(in_area, kind, name):
                    return x, y
            move(x, top + _TITLE_PX)
            _x("xdotool", "click", "--repeat", "12", "5")  # wheel down
            yield 0.3
    raise LookupError(f"no control {name} is in sight")


def _is_under_mouse(in_area, kind, name):
    manager = bpy.context.window_manager
    with override(in_area, kind):
        if not name.startswith("."):
            copied, (wanted, _, setting) = bpy.ops.ui.copy_python_command_button, name.partition("(")
            if not copied.poll() or copied() != {"FINISHED"}:
                return False
            return manager.clipboard.startswith(f"bpy.ops.{wanted}(") and setting in manager.clipboard
        copied = bpy.ops.ui.copy_data_path_button
        return copied.poll() and copied(full_path=True) == {"FINISHED"} and manager.clipboard.endswith(name)


def press(in_area, kind, name):
    """Click on a control of a region."""
    click(*(yield from find(in_area, kind, name)))
    yield 0.5


def run(steps, finish):
    """Play the generator `steps`, then `finish(error)`: None, or what went wrong."""
    state = {"until": 0.0, "turns": _TURNS}

    def tick():
        state["turns"] -= 1
        if state["turns"] > 0 or time.monotonic() < state["until"]:
            return 0.02
        try:
            pause_s = next(steps)
            state["until"] = time.monotonic() + pause_s
            state["turns"] = _TURNS if pause_s >= 0.1 else _FEW_TURNS
            return 0.02
        except StopIteration:
            finish(None)
        except Exception as error:  # a step failed: say so, and show what the screen was like
            traceback.print_exc()
            shot("error")
            finish(repr(error))
        return None

    bpy.app.timers.register(tick, first_interval=1.0, persistent=True)
