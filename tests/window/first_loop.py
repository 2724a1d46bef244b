"""The README's first loop, by mouse and keys, in a real window; leaves screenshots and facts.json in shots."""

import time

import bpy
import hands
from stage import facts, loop, pause, play, until

PHOTO = "photo.jpg"  # in the home folder, where the file browser begins


def steps():
    view = hands.area("VIEW_3D")
    left, top, right, bottom = hands.box(hands.region(view))
    hands.click((left + right) / 2, (top + bottom) / 2)
    hands.key("n")
    yield 1.0
    hands.region(
        view, "UI"
    ).active_panel_category = "Image Dynamics"  # its tab is drawn sideways and has no name to find
    view.tag_redraw()
    yield 1.0
    hands.shot("1_panel")
    yield from hands.press(view, "UI", "gid.open_still")
    yield 2.0
    browser = hands.area("FILE_BROWSER")
    left, top, right, bottom = hands.box(hands.region(browser, "EXECUTE"))
    hands.click(left + (right - left) / 3, (top + bottom) / 2)
    yield 0.5
    hands.key("ctrl+a")
    hands.type_text(PHOTO)
    hands.key("Return")
    yield 0.5
    hands.shot("2_browser")
    left, top, right, bottom = hands.box(hands.region(browser))
    hands.move((left + right) / 2, (top + bottom) / 2)
    hands.key("Return")
    yield 2.0
    view = hands.area("VIEW_3D")
    hands.shot("3_opened")
    yield from hands.press(view, "UI", "gid.animate")
    begun = time.monotonic()
    yield from until(loop, "no loop was made")
    facts["seconds"] = round(time.monotonic() - begun, 1)
    left, top, right, bottom = hands.box(hands.region(view))
    hands.move(left + 30, bottom - 30)
    yield 3.0
    for name in ("4_playing", "5_later", "6_later_still"):
        hands.shot(name)
        facts.setdefault("frames", []).append(bpy.context.window_manager.windows[0].scene.frame_current)
        yield 0.4
    plane = loop()
    sidebar = hands.region(view, "UI")
    facts["view"] = [left, top, right - (sidebar.width if sidebar.x < right else 0), bottom]
    facts["scene"] = bpy.context.window_manager.windows[0].scene.name
    facts["scene_of_loop"] = plane.gid.scene.name
    facts["answered"] = plane.gid.answered
    mask = next(i for i in bpy.data.images if "Static" in i.name)
    mask.save_render("shots/static.png") if mask.is_float else mask.save(filepath="/tmp/run/shots/static.png")
    pause(view)
    yield 1.0
    for words in ("image dynamics", "animate", "still", "loop"):
        yield from search(words)


def search(words):
    """F3 over the 3D viewport: what does it find?"""
    view = hands.area("VIEW_3D")
    left, top, _right, bottom = hands.box(hands.region(view))
    hands.move(left + 200, (top + bottom) / 2)
    yield 0.5
    hands.key("F3")
    yield 5.0  # the list is made at first use, and keys pressed before it is there go to the viewport
    hands.type_text(words)
    yield 1.0
    hands.shot("f3_" + words.replace(" ", "_"))
    hands.key("Escape")
    yield 0.5
    hands.key("Escape")
    yield 0.5


play(steps())
