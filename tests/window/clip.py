"""Motion from a clip, by mouse, in a real window: what a moving camera filmed is refused, and the next one is a loop.

The last pictures are of the panel at the width that Blender gives it, and at half of that.
"""

import bpy
import hands
from stage import addon, expect, facts, jobs, loop, open_panel, pause, play, unfold, until

FOLDER = "/tmp/run/clips/"


def steps():
    unfold()
    view = yield from open_panel()
    hands.shot("1_panel")
    yield from hands.press(view, "UI", "gid.motion_from_clip")
    yield from choose("panned")
    hands.shot("2_measured")
    yield from until(lambda: not jobs(), "the clip is measured for ever")
    yield 1.0
    view = hands.area("VIEW_3D")
    facts["said"] = " ".join(addon("jobs").notices())
    expect(f"a camera that pans is told as: {facts['said']}", "camera moves in panned" in facts["said"])
    expect("a refused clip leaves a loop", loop() is None)
    hands.shot("3_refused")
    yield from hands.press(view, "UI", "gid.motion_from_clip")  # the sentence's own button stands below these
    yield from choose("steady")
    yield from until(loop, "no loop was made of the clip")
    yield 3.0
    hands.shot("4_loop")
    expect("what was said of the clip before stays", "camera" not in " ".join(addon("jobs").notices()))
    view = hands.area("VIEW_3D")
    pause(view)
    yield from widths(view)


def choose(name):
    """Take the first frame of a clip in the file browser."""
    yield 2.0
    params = hands.area("FILE_BROWSER").spaces.active.params
    params.directory, params.filename = (FOLDER + name).encode(), "000.png"
    yield 1.0
    hands.shot(f"browser_{name}")
    with hands.override(hands.area("FILE_BROWSER")):
        bpy.ops.file.execute()
    yield 1.0


def widths(view):
    """The panel from top to bottom, at its first width and at half of that."""
    for picture in ("MASK", "STRENGTH"):  # all rows of the panel are there then
        with hands.override(view, "UI"):
            bpy.ops.gid.mask_new(picture=picture)
    yield 1.0
    facts["width"] = hands.region(view, "UI").width
    yield from pages(view, "wide")
    left, top, _right, bottom = hands.box(hands.region(view, "UI"))
    row = top + 0.8 * (bottom - top)
    for x in range(left - 6, left + 7, 3):  # where exactly its edge is to be caught depends on the version
        hands.move(x, row)
        yield 0.3
        yield from hands.drag(x, row, x + facts["width"] / 4, row, step_s=0.1)
        if hands.region(view, "UI").width < facts["width"]:
            break
    yield 1.0
    facts["narrow width"] = hands.region(view, "UI").width
    yield from pages(view, "narrow")


def pages(view, name):
    sidebar = hands.region(view, "UI")
    left, top, _right, _bottom = hands.box(sidebar)
    hands.move(left + sidebar.width / 2, top + 12)
    for _ in range(4):
        hands.wheel(up=True)
    yield 1.0
    for page in range(5):
        hands.shot(f"{name}_{page}", of=sidebar)
        hands.move(left + sidebar.width / 2, top + 12)
        hands.wheel(up=False)
        yield 1.0


play(steps())
