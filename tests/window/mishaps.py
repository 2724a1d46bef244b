"""What goes wrong or is called off, in a real window: a broken photo, a cancel, a worker that is killed; its button."""

import os
import signal
import sys
import time
from pathlib import Path

import bpy
import hands
from stage import PHOTO, addon, animate, expect, facts, jobs, loop, open_panel, pause, play, until


def steps():
    view = yield from open_panel()
    yield from broken(view)
    yield from animated_and_removed(view)  # the process that predicts is there from now on, and can be held
    yield from killed(view)
    yield from animated_and_removed(view)  # another process: the killed one's work was done without it
    yield from cancel(view)
    yield from animate(view)
    pause(view)
    yield from cancelled_reroll(view)


def contents():
    """All plain values and packed pixels of the file's datablocks, by datablock and name; the window is none of it."""
    told = {}
    for block in bpy.data.user_map():
        if block.id_type in {"BRUSH", "SCREEN", "WINDOWMANAGER", "WORKSPACE"}:
            continue
        if getattr(block, "source", None) == "VIEWER":  # what the compositor shows comes and goes by itself
            continue
        own = block.gid if hasattr(block, "gid") else None
        packed = bytes(block.packed_file.data) if getattr(block, "packed_file", None) else b""
        told[block.session_uid] = {"packed": packed, **dict(values(block)), "gid": dict(values(own))}
    return told


def expect_unchanged(what, before):
    """Note a fault that names what changed since `before`, of `contents`."""
    after = contents()
    for uid in before.keys() | after.keys():
        was, now = before.get(uid, {}), after.get(uid, {})
        names = [name for name in was.keys() | now.keys() if was.get(name) != now.get(name)]
        expect(f"{what} changes {was.get('name')} or {now.get('name')}: {', '.join(sorted(names))}", not names)


def values(one):
    if one is None:
        return
    for known in one.bl_rna.properties:
        if known.type not in {"COLLECTION", "POINTER"}:
            value = getattr(one, known.identifier)
            if getattr(known, "is_array", False):
                value = tuple(tuple(row) if hasattr(row, "__len__") else row for row in value)
            yield known.identifier, value


def said():
    return " ".join(addon("jobs").notices())


def broken(view):
    """A photo that is cut off: a sentence, and the button for another one."""
    path = "/tmp/run/broken.jpg"
    Path(path).write_bytes(Path(PHOTO).read_bytes()[:20000])
    try:
        with hands.override(view, "UI"):
            bpy.ops.gid.open_still(filepath=path)
    except RuntimeError:
        pass  # it reports
    yield 1.0
    expect("nothing is said of a broken photo", "broken.jpg" in said())
    hands.shot("1_broken")
    with hands.override(view, "UI"):
        bpy.ops.gid.open_still(filepath=PHOTO)
    yield 1.0


def worker():
    name = addon("jobs").__name__.replace("blender_addon.jobs", "gid_core.worker")
    return sys.modules[name].live()


def begin(view, operator):
    """Begin, and hold the process that predicts: it would have done before the next key is pressed. A generator."""
    os.kill(worker().pid, signal.SIGSTOP)
    with hands.override(view, "UI"):
        getattr(bpy.ops.gid, operator)("INVOKE_DEFAULT")
    yield from until(jobs, f"{operator} starts nothing", 20)
    yield 0.5


def animated_and_removed(view):
    yield from animate(view)
    yield from removed(view)


def removed(view):
    pause(view)
    with hands.override(view, "UI"):
        bpy.ops.gid.remove("EXEC_DEFAULT")
    yield 1.0


def stop_seconds(view):
    """Press Escape over the viewport; seconds until nothing runs and no child works. A generator."""
    left, top, _right, bottom = hands.box(hands.region(view))
    hands.move(left + 200, (top + bottom) / 2)
    yield 0.1
    begun = time.monotonic()
    hands.key("Escape")
    yield from until(lambda: not jobs(), "Escape stops nothing", 20)
    return time.monotonic() - begun


def cancel(view):
    before = contents()
    yield from begin(view, "animate")
    hands.shot("2_running")
    facts["cancel_s"] = yield from stop_seconds(view)
    yield 2.0
    hands.shot("3_cancelled")
    expect_unchanged("a cancelled prediction", before)
    expect(f"a cancel takes {facts['cancel_s']:.2f} s", facts["cancel_s"] < 1)


def cancelled_reroll(view):
    before = contents()
    yield from begin(view, "reroll")
    facts["cancel_reroll_s"] = yield from stop_seconds(view)
    yield 1.0
    expect_unchanged("a cancelled re-roll", before)
    expect(f"a cancel takes {facts['cancel_reroll_s']:.2f} s", facts["cancel_reroll_s"] < 1)


def killed(view):
    """The process that predicts is killed: a sentence says so, and its button goes on without it."""
    before = contents()
    yield from begin(view, "animate")
    os.kill(worker().pid, signal.SIGKILL)
    yield from until(lambda: not jobs(), "a job whose process is gone goes on", 20)
    yield 1.0
    hands.shot("4_killed")
    facts["said"] = said()
    expect("nothing is said of a killed process", "ended unexpectedly" in said())
    expect_unchanged("a killed process", before)
    scene = hands.window().scene
    yield from hands.press(view, "UI", "gid.animate(use_prior=True")
    yield from until(loop, "the mending button makes no loop")
    yield 2.0
    hands.shot("5_mended")
    expect(f"the mending button asks the model: {loop().gid.answered}", "physics prior" in loop().gid.answered)
    expect("the sentence stays when its button has mended it", "ended unexpectedly" not in said())
    yield from removed(view)
    scene.gid.use_model = True


play(steps())
