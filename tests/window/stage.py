"""What every script of the window shares: the loop, the panel, what it expects to be so. Imported inside of Blender."""

import json
import sys
import time

import bpy
import hands

__all__ = [
    "PHOTO",
    "addon",
    "animate",
    "expect",
    "facts",
    "jobs",
    "loop",
    "open_panel",
    "pause",
    "play",
    "unfold",
    "until",
]

PHOTO = "/tmp/run/photo.jpg"
LIMIT_S = 240
facts = {"faults": [], "error": None}


def loop():
    """The plane of the file's first loop; None while there is none."""
    return next((o for o in bpy.data.objects if getattr(o, "gid", None) and o.gid.scene is not None), None)


def expect(claim, is_so):
    """Note a fault, in words, unless it is so."""
    if not is_so:
        facts["faults"].append(claim)


def until(is_so, what, limit_s=LIMIT_S):
    """Wait for something. A generator."""
    begun = time.monotonic()
    while not is_so():
        if time.monotonic() > begun + limit_s:
            raise TimeoutError(what)
        yield 0.2


def addon(module):
    """A module of the installed add-on, by its name there."""
    package = next(name for name in sys.modules if name.endswith(".image_dynamics"))
    return sys.modules[f"{package}.blender_addon.{module}"]


def unfold():
    """All parts of the panel open from the start; the panel is registered anew, and must not have been drawn yet."""
    panels = addon("panels")
    panels.unregister()
    for part in addon("panels.sidebar").Part.__subclasses__():
        part.bl_options = set()
    panels.register()


def jobs():
    """What runs in the add-on just now."""
    return addon("jobs").running()


def open_panel():
    """The 3D viewport, with the tab in its sidebar. A generator."""
    view = hands.area("VIEW_3D")
    view.spaces.active.show_region_ui = True
    yield 1.0
    hands.region(view, "UI").active_panel_category = "Image Dynamics"
    view.tag_redraw()
    yield 1.0
    return view


def animate(view, photo=PHOTO):
    """A loop of a photo, by the panel's button. A generator."""
    with hands.override(view, "UI"):
        bpy.ops.gid.open_still(filepath=photo)
    yield 0.5
    yield from hands.press(view, "UI", "gid.animate")
    yield from until(loop, "no loop was made")
    yield 2.0


def pause(view):
    """Stop playback: while it goes on, each redraw takes the mouse off the control that it is over."""
    with hands.override(view):
        bpy.ops.screen.animation_cancel(restore_frame=False)


def play(steps):
    """Play the steps and leave the facts."""
    hands.run(steps, _finish)


def _finish(error):
    facts["error"] = error
    with open("shots/facts.json", "w") as file:
        json.dump(facts, file, indent=1)
    bpy.ops.wm.quit_blender()
