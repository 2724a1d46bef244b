"""Masks, strength, sliders, the ball and plucks, by mouse, in a real window; leaves screenshots and facts.json."""

import bpy
import hands
import numpy as np
from stage import animate, expect, loop, open_panel, pause, play, unfold, until


def steps():
    unfold()
    view = yield from open_panel()
    yield from animate(view)
    hands.shot("1_loop")
    yield from sideways(view)
    yield from sliders(view)
    yield from veil(view)
    yield from mask(view)
    yield from strength(view)
    yield from plucks(view)


def edits():
    return loop().gid.edits


def middle(view):
    """Where the flower is: the view's middle, beside the sidebar."""
    left, top, right, bottom = hands.box(hands.region(view))
    return (left + right - hands.region(view, "UI").width) // 2, (top + bottom) // 2


def sheet():
    """The sheet's points as the viewport shows them."""
    mesh = loop().evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    return points


def farthest():
    """How far the sheet's points come from where they rest, in a loop: across and upwards."""
    frames = range(loop().gid.start, loop().gid.start + loop().gid.n_frames, 10)
    hands.window().scene.frame_set(frames[0])
    rest, farthest = sheet(), np.zeros(2)
    for frame in frames[1:]:
        hands.window().scene.frame_set(frame)
        farthest = np.maximum(farthest, np.abs(sheet() - rest).reshape(-1, 3)[:, :2].max(axis=0))
    return farthest


def sideways(view):
    """One click leaves what moves sideways, and its fields show so; Ctrl Z is the way back."""
    pause(view)
    _, upwards = farthest()
    expect("nothing moves upwards before Sideways", upwards > 0)
    turn = edits().turn
    yield from hands.press(view, "UI", "gid.one_axis")
    yield 1.0
    hands.shot("1_sideways")
    across, left_upwards = farthest()
    expect(f"One Axis is {edits().one_axis} after Sideways", edits().one_axis == 1)
    expect("Sideways turns nothing", edits().turn != turn)
    expect("nothing moves after Sideways", across > 0)
    expect(f"{left_upwards / upwards:.2g} of what moved upwards is left", left_upwards < 1e-3 * upwards)
    hands.move(*middle(view))
    hands.key("ctrl+z")
    yield 1.0
    expect("Ctrl Z leaves One Axis", (edits().one_axis, edits().turn) == (0, turn))


def sliders(view):
    """Amplitude by pulling its field, the direction by pulling its ball: the sheet follows."""
    pause(view)
    hands.window().scene.frame_set(30)
    before = sheet()
    x, y = yield from hands.find(view, "UI", ".edits.amplitude")
    yield from hands.drag(x, y, x + 80, y)
    expect(f"pulling Amplitude leaves it at {edits().amplitude}", edits().amplitude > 1.2)
    grown = sheet()
    expect("the viewport does not follow Amplitude", not np.array_equal(grown, before))
    x, y = yield from hands.find(view, "UI", ".edits.direction")
    yield from hands.drag(x, y, x + 40, y + 30)
    expect("pulling the ball turns nothing", abs(edits().turn) > 0.05)
    expect("the viewport does not follow the ball", not np.array_equal(sheet(), grown))
    hands.shot("2_sliders")
    edits().amplitude, edits().turn = 1.0, 0.0
    yield 0.5


def veil(view):
    yield from hands.press(view, "UI", ".show_motion")
    yield 2.0
    hands.shot("3_show_motion")
    yield from hands.press(view, "UI", ".show_motion")


def mask(view):
    """What Stays by brush, while the loop plays: the strokes act as they end."""
    yield from hands.press(view, "UI", "gid.mask_new")
    yield 1.0
    with hands.override(view):
        bpy.ops.screen.animation_play()
    yield 1.0
    x, y = middle(view)
    for row in range(y - 60, y + 61, 40):
        yield from hands.drag(x - 120, row, x + 120, row, held="4_painting" if row == y - 20 else None)
    hands.shot("5_painted")
    pixels = np.empty(len(edits().mask.pixels), np.float32)
    edits().mask.pixels.foreach_get(pixels)
    expect("the strokes paint nothing", pixels.mean() < 0.999)
    pause(view)
    yield from hands.press(view, "UI", "gid.paint_done")
    yield 1.0
    expect("Done Painting leaves the brush in the hand", loop().gid.easel is None and bpy.context.mode == "OBJECT")
    hands.shot("6_masked")
    with hands.override(view, "UI"):
        bpy.ops.gid.mask_clear("INVOKE_DEFAULT", True, picture="MASK")
    yield 0.5


def strength(view):
    """Less and More of how far, by brush."""
    with hands.override(view, "UI"):
        bpy.ops.gid.mask_new("INVOKE_DEFAULT", True, picture="STRENGTH", start="ALL")
    yield 1.0
    x, y = middle(view)
    yield from hands.drag(x - 80, y, x + 80, y)
    hands.shot("7_strength")
    yield from hands.press(view, "UI", "gid.paint_done")
    yield 1.0
    with hands.override(view, "UI"):
        bpy.ops.gid.mask_clear("INVOKE_DEFAULT", True, picture="STRENGTH")
    yield 0.5


def plucks(view):
    """A pluck that rings down and is gone, then a recorded one."""
    yield from hands.press(view, "UI", "gid.pluck_tool")
    x, y = middle(view)
    rest = sheet()
    yield from hands.drag(x, y - 40, x + 90, y - 60, held="8_pulled")
    expect("what was let go does not ring", not np.array_equal(sheet(), rest))
    yield from until(lambda: not loop().gid.before_pluck, "the pluck never comes to rest", 120)
    expect("a pluck that is not recorded leaves something", not len(edits().plucks))
    yield from hands.press(view, "UI", ".record_plucks")
    yield from hands.drag(x, y - 40, x + 90, y - 60)
    expect("a recorded pluck leaves nothing", len(edits().plucks) == 1)
    expect("the loop does not play after a recorded pluck", hands.window().screen.is_animation_playing)
    yield 1.0
    hands.shot("9_recorded")
    pause(view)
    hands.key("ctrl+z")
    yield 2.0
    expect("Ctrl Z leaves the pluck", not len(edits().plucks))


play(steps())
