"""Takes, undo under the brush and the comb, by mouse and keys in a real window; leaves screenshots and facts.json.

What it expects to be so it checks itself, and writes what is not so into the facts as faults.
"""

import bpy
import hands
import numpy as np
from stage import addon, animate, expect, loop, open_panel, pause, play, until


def mask():
    image = loop().gid.edits.mask
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    return float(pixels.mean())


def steps():
    view = yield from open_panel()
    yield from animate(view)
    yield from takes(view)
    yield from paint(view)
    yield from comb(view)


def takes(view):
    """Two re-rolls, a comparison, and back to the first."""
    for n in (2, 3):
        with hands.override(view, "UI"):
            bpy.ops.gid.reroll("INVOKE_DEFAULT", True)
        yield from until(lambda n=n: len(loop().gid.takes) == n, "no take was added")
    pause(view)
    yield 1.0
    hands.shot("1_takes")
    yield from hands.press(view, "UI", "gid.take_compare")
    yield 3.0
    hands.shot("2_compared")
    expect("the takes are not compared", hands.window().scene.gid.is_comparison)
    pause(view)
    yield from hands.press(view, "UI", "gid.take_compare_end")
    yield 2.0
    pause(view)
    expect("the comparison stays in the file", not any(scene.gid.is_comparison for scene in bpy.data.scenes))
    expect("the window does not show the loop again", hands.window().scene == loop().gid.scene)
    with hands.override(view, "UI"):
        bpy.ops.gid.take_show("INVOKE_DEFAULT", True, take=0)
    yield 1.0
    expect("the first take is not shown", (loop().gid.take, loop().gid.scene.gid.seed) == (0, 0))


def paint(view):
    """Two slow strokes on a mask, with a timer that would pack at any time; Invert, and undo: the strokes stay."""
    addon("tools.brush")._PACK_S = 0
    with hands.override(view):
        bpy.ops.gid.mask_new("INVOKE_DEFAULT", True, start="ALL")
    yield 1.0
    left, top, right, bottom = hands.box(hands.region(view))
    x, y = (left + right) // 2 - 100, (top + bottom) // 2
    for row in (y, y + 80):
        yield from hands.drag(x - 100, row, x + 100, row, step_s=0.2)
        yield 1.0
    painted = mask()
    expect("the strokes paint nothing", painted < 0.999)
    with hands.override(view):
        bpy.ops.gid.mask_invert("INVOKE_DEFAULT", True)
    yield 1.0
    inverted = mask()
    hands.move(x, y)
    for keys, expected in (("ctrl+z", painted), ("ctrl+shift+z", inverted), ("ctrl+z", painted)):
        hands.key(keys)
        yield 2.0
        expect(f"{keys} gives a mask of {mask():.4f}, not {expected:.4f}", abs(mask() - expected) < 1e-5)
    hands.shot("3_painted")
    with hands.override(view):
        bpy.ops.gid.paint_done("INVOKE_DEFAULT", True)
    yield 1.0


def comb(view):
    """A stroke of the comb by hand."""
    with hands.override(view):
        bpy.ops.gid.comb_tool("INVOKE_DEFAULT")
    yield 1.0
    left, top, right, bottom = hands.box(hands.region(view))
    x, y = (left + right) // 2 - 100, (top + bottom) // 2
    yield from hands.drag(x - 120, y + 50, x + 80, y - 50)
    yield 2.0
    expect("the comb left no stroke", len(loop().gid.edits.strokes) == 1)
    hands.shot("4_combed")


play(steps())
