"""What the add-on keeps in a .blend, changed at random, as a damaged file or a careless script would change it.

Each is read, played and drawn, or refused in a sentence. Runs inside a Blender, in one process.
"""

import contextlib
import math
import os
import random
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import tests.conftest  # noqa: F401  # makes the checkout the package gid_dev

from tests.addon import conftest as rig_of_tests  # isort: skip  # before Blender: it keeps the user's profile out

import bpy
import gid_dev.blender_addon as addon
import numpy as np
from gid_dev.blender_addon.loop import edit, live, raw, read, remove
from gid_dev.blender_addon.nodes import rig
from gid_dev.blender_addon.output import bake, preflight
from gid_dev.blender_addon.panels import advanced, loop, motion, moves, output, pluck, takes, use
from gid_dev.gid_core.errors import GidError
from gid_dev.gid_core.motion.comb import Stroke

from tests.soak.loaders import mutated

SLOWEST_S = 10.0
_REOPEN = 25  # cases between two looks at an unchanged file: changes add up until then
_PANELS = (loop.Loop, motion.Motion, moves.Moves, advanced.Advanced, output.Output, pluck.Pluck, takes.Takes, use.Use)
_NUMBERS = (0, 1, -1, 2, 7, 0.5, -0.5, 1e-30, 1e30, -1e30, math.inf, math.nan, 2**31 - 1, -(2**31))


def blend(count: int, seed: int = 0) -> list[tuple]:
    """One row: (what, cases, faults, the slowest in seconds)."""
    rng, faults, slowest, n_told = random.Random(seed), [], 0.0, 0
    addon.register()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        file, printed = Path(name, "loop.blend"), Path(name, "printed.txt")
        _make(file)
        with _heard(printed):
            for index in range(count):
                if index % _REOPEN == 0:
                    bpy.ops.wm.open_mainfile(filepath=str(file))
                plane, begun = _plane(), time.perf_counter()
                changes = [_change(plane, rng) for _ in range(rng.choice((1, 1, 2)))]
                for what in _looks(plane):
                    try:
                        what()
                    except GidError:
                        n_told += 1
                    except Exception as error:
                        if not _is_report(error):
                            faults.append(f"{type(error).__name__}: {error} after {', '.join(changes)}")
                slowest = max(slowest, time.perf_counter() - begun)
                if b"Traceback" in (said := printed.read_bytes()):
                    faults.append(said[said.index(b"Traceback") :].decode(errors="replace") + ", ".join(changes))
                os.truncate(printed, 0)
    addon.unregister()
    if slowest > SLOWEST_S:
        faults.append(f"{slowest:.1f} s")
    return [("what is in a .blend", count, faults, f"{slowest:.2f} s; {n_told} sentences")]


def _make(file):
    """A file with a loop that has all kinds of edits and two takes."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    still = rig_of_tests._picture(48, 32)
    plane = rig_of_tests._make_loop(48, 32, motion=rig_of_tests._drawn_motion(still, 2), still=still, n_frames=12)
    plane.name = "Soaked"
    bpy.context.window.scene = plane.gid.scene
    bpy.context.scene.gid.loop = plane
    pull = plane.gid.edits.plucks.add()
    with live.held():
        pull.x, pull.y, pull.dx, pull.dy, pull.time_s = 0.5, 0.5, 0.1, 0.05, 0.2
        for field in ("mask", "strength"):
            setattr(plane.gid.edits, field, bpy.data.images.new(f"GID {field}", 24, 16))
    live.add_stroke(plane, Stroke(((0.2, 0.3), (0.6, 0.7)), 0.1))
    for index in range(2):
        take = plane.gid.takes.add()
        take.seed = index
        for field in raw.FIELDS:
            setattr(take, field, getattr(plane.gid, field))
    bpy.ops.wm.save_as_mainfile(filepath=str(file))


def _plane():
    return bpy.data.objects["Soaked"]


@contextlib.contextmanager
def _heard(path):
    """What is printed, by C as well, goes to a file: a callback's traceback is printed and raises nothing."""
    path.touch()
    kept = os.dup(2)
    with open(path, "ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _looks(plane):
    """All that reads what is kept."""
    for one in (read.stored_motion, read.stored_edits, read.stored_volume, read.stored_plan, read.stored_still):
        yield lambda one=one: one(plane)
    for one in (read.played_volume, edit.apply_edits, bake.loop_of, remove.check_removable, remove.artists_own):
        yield lambda one=one: one(plane)
    yield lambda: edit.plan_for(plane, 12, Fraction(24))
    yield lambda: bake.frames_of(plane, False)
    yield preflight.check
    yield lambda: setattr(plane.gid.edits, "amplitude", plane.gid.edits.amplitude)  # acts as by hand
    yield lambda: setattr(plane.gid.edits, "rate", plane.gid.edits.rate)
    for take in plane.gid.takes:
        yield lambda take=take: raw.of(take, "a take")
    for panel in _PANELS:
        yield lambda panel=panel: _draw(panel)


def _draw(panel):
    if not hasattr(panel, "poll") or panel.poll(bpy.context):
        layout = rig_of_tests._Layout([])
        one = panel.__new__(panel)
        one.layout = layout
        try:
            one.draw(bpy.context)
        except GidError as error:
            raise AssertionError(f"a panel does not draw: {error}") from error


def _is_report(error):
    """What an operator's report becomes."""
    return isinstance(error, RuntimeError) and str(error).startswith("Error: ") and "Traceback" not in str(error)


def _change(plane, rng):
    """Change something that is kept; what it was."""
    gid = plane.gid
    where = rng.choice((gid, gid, gid.edits, *gid.takes, *gid.edits.strokes, *gid.edits.plucks, None, None, None))
    if where is None:
        return rng.choice((_change_image, _change_image, _change_rig, _change_list))(plane, rng)
    properties = [p for p in where.bl_rna.properties if not p.is_readonly and p.identifier not in ("name", "rna_type")]
    one = rng.choice(properties)
    before = getattr(where, one.identifier)
    after: object
    if one.type == "STRING":
        after = mutated(before.encode(), rng).decode("utf-8", "ignore").replace("\0", "")
    elif one.type == "POINTER":
        blocks = {"Image": bpy.data.images, "Object": bpy.data.objects, "Scene": bpy.data.scenes}
        after = rng.choice([None, *blocks.get(one.fixed_type.identifier, ())])
    elif one.type == "BOOLEAN":
        after = not before
    else:
        after = rng.choice(_NUMBERS)
        after = after if one.type == "FLOAT" else int(after) if math.isfinite(after) and abs(after) < 2**31 else 0
        if getattr(one, "is_array", False):
            after = [after] * one.array_length
    with live.held() if rng.random() < 0.5 else contextlib.nullcontext():
        setattr(where, one.identifier, after)
    return f"{where.bl_rna.identifier}.{one.identifier} = {str(after)[:60]}"


def _change_image(plane, rng):
    image = rng.choice([image for image in bpy.data.images if image.size[0]] or [bpy.data.images.new("GID x", 2, 2)])
    kind = rng.randrange(5)
    if kind == 0:
        image.scale(rng.choice((1, 3, 48, 97)), rng.choice((1, 2, 32, 65)))
    elif kind == 1:
        values = np.zeros(image.size[0] * image.size[1] * image.channels, np.float32)
        values[:: rng.choice((1, 7))] = rng.choice(_NUMBERS[:12])
        image.pixels.foreach_set(values)
    elif kind == 2:
        image.colorspace_settings.name = rng.choice(("sRGB", "Non-Color"))
    elif kind == 3 and image.packed_file:
        image.unpack(method="REMOVE")
    else:
        bpy.data.images.remove(image)
        return "an image removed"
    return f"{image.name}: {('scaled', 'values', 'colour space', 'unpacked')[kind]}"


def _change_rig(plane, rng):
    kind = rng.randrange(4)
    if not plane.modifiers or plane.modifiers[0].node_group is None:
        return "no rig"
    modifier = rig.modifier_of(plane) if rig.is_rigged(plane) else plane.modifiers[0]
    if kind == 0:
        modifier.name = "Renamed"
    elif kind == 1:
        modifier.node_group = None
    elif kind == 2:
        plane.modifiers.clear()
    else:
        items = [one for one in modifier.node_group.interface.items_tree if getattr(one, "in_out", "") == "INPUT"]
        item = rng.choice(items)
        modifier.node_group.interface.remove(item)
        return f"rig input {kind} removed"
    return f"rig change {kind}"


def _change_list(plane, rng):
    found = rng.choice((plane.gid.takes, plane.gid.edits.strokes, plane.gid.edits.plucks))
    if rng.random() < 0.5:
        found.add()
        return "an empty row added"
    found.clear()
    return "a list cleared"
