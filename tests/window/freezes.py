"""How long the window stands still at worst while the add-on works, and how much memory; figures in facts.json.

Of each kind of work two figures: the longest time between two ticks of a timer, in which nothing is drawn and no key is
answered; and the longest stretch in the add-on's own code on Blender's main thread, with the processor's time of it and
the function that was entered. The rest is Blender's: it draws (here the processor does, beside the processes that
predict and bake), loads, and keeps its undo steps. What it takes without any work of ours is measured in the same run,
with the same photo on a plain plane that moves.

The photo has 3,840 pixels and is animated at the panel's own size, 1,280.
"""

import resource
import sys
import time
from pathlib import Path

import bpy
import hands
import numpy as np
from stage import PHOTO, addon, expect, facts, jobs, loop, open_panel, pause, play, until

TICK_S = 0.005
LIMIT_S = 900  # of one work, on a machine that has others
LARGE = "/tmp/run/large.jpg"
BARS = {
    "opening 4K": 0.5, "predicting": 0.1, "building": 0.5, "predicting again": 0.1, "taking over": 0.5,
    "baking": 0.1, "end of the bake": 0.1, "batching": 0.1, "cancel": 1.0,
}  # fmt: skip


class Watch:
    """The longest time between two ticks since `begin`, and the longest stretch in code of the add-on."""

    def __init__(self):
        self._root = str(Path(addon("jobs").__file__).parent.parent)
        self._entered = None  # the frame by which Blender, or a script, came into the add-on
        bpy.app.timers.register(self._tick, persistent=True)
        sys.setprofile(self._look)
        self.begin()

    def _tick(self):
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now
        return TICK_S

    def _look(self, frame, event, _what):
        if event == "call" and self._entered is None and frame.f_code.co_filename.startswith(self._root):
            self._entered, self._since = frame, (time.perf_counter(), time.thread_time())
        elif event == "return" and frame is self._entered:
            spent = time.perf_counter() - self._since[0], time.thread_time() - self._since[1]
            code = frame.f_code
            self.ours = max(self.ours, (*spent, f"{Path(code.co_filename).stem}.{code.co_qualname}"))
            self._entered = None

    def begin(self):
        self.longest, self._last, self.ours = 0.0, time.perf_counter(), (0.0, 0.0, "")

    def end(self, name):
        tell(f"{name}, all", max(self.longest, time.perf_counter() - self._last))
        taken, worked, where = self.ours
        tell(f"{name}, ours", taken, of=name, note=f"{worked:.2f} s of it at work, in {where}" if where else "")


def tell(name, value, unit="s", bar=None, of=None, note=""):
    facts.setdefault("figures", {})[name] = {
        "value": round(value, 3), "unit": unit, "bar": BARS.get(of or name, bar), "note": note,
    }  # fmt: skip


def steps():
    enlarge(PHOTO, LARGE)
    view = yield from open_panel()
    watch = Watch()
    yield 2.0
    watch.begin()
    yield 3.0
    watch.end("idle")
    yield from plain(view, watch)
    yield from opened(view, watch)
    watch.begin()
    ask(view, "animate")
    yield from work(watch, "predicting", "building")
    pause(view)
    watch.begin()
    ask(view, "reroll")
    yield from work(watch, "predicting again", "taking over")
    pause(view)
    ask(view, "reroll")
    yield 0.2
    begun = time.monotonic()
    ask(view, "cancel")
    yield from until(lambda: not jobs(), "a cancel stops nothing", 20)
    tell("cancel", time.monotonic() - begun)
    loop().gid.scene.gid.output.folder = "/tmp/run/baked"
    loop().gid.scene.gid.seconds = 2.0
    watch.begin()
    ask(view, "bake")
    yield from work(watch, "baking", "end of the bake")
    expect("the bake left no frames", any(Path("/tmp/run/baked").rglob("*.png")))
    yield from batched(view, watch)
    sys.setprofile(None)
    for _ in range(3):
        with hands.override(view):
            bpy.ops.ed.undo()
        yield 1.0
    tell("memory of all that, undone", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, "GB", 3.0)


def plain(view, watch):
    """What Blender needs by itself for the same photo on a plane that moves. A generator."""
    scene = bpy.data.scenes.new("Plain")
    image = bpy.data.images.load(LARGE)
    with hands.override(view):
        before, bpy.context.window.scene = bpy.context.window.scene, scene
        bpy.ops.mesh.primitive_plane_add(size=4)
        plane = bpy.context.object
    plane.data.materials.append(bpy.data.materials.new("Plain"))
    tree = plane.active_material.node_tree
    tree.nodes.active = tree.nodes.new("ShaderNodeTexImage")
    tree.nodes.active.image = image
    for frame in (1, 250):
        plane.location.z = frame / 250
        plane.keyframe_insert("location", frame=frame)
    shading = view.spaces.active.shading
    kept = shading.color_type
    watch.begin()
    shading.color_type = "TEXTURE"
    with hands.override(view):
        bpy.ops.screen.animation_play()
    yield 2.0
    watch.end("a plain plane, first seen")
    watch.begin()
    yield 3.0
    watch.end("a plain plane, playing")
    pause(view)
    shading.color_type = kept
    with hands.override(view):
        bpy.context.window.scene = before
    bpy.data.batch_remove([scene, plane, image])
    yield 1.0


def opened(view, watch):
    """Open the photo as the file browser does. A generator."""
    watch.begin()
    ask(view, "open_still", filepath=LARGE)
    yield from until(lambda: not jobs(), "the photo is not opened", 20)
    yield 2.0
    watch.end("opening 4K")


def batched(view, watch):
    """Animate a folder of one photo. A generator."""
    folder = Path("/tmp/run/photos")
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(Path(PHOTO).read_bytes())
    ask(view, "batch")
    yield 2.0
    browser = hands.area("FILE_BROWSER")
    browser.spaces.active.params.directory = str(folder).encode()
    yield 1.0
    watch.begin()
    with hands.override(browser):
        bpy.ops.file.execute()
    yield from until(jobs, "the batch does not begin", 20)
    yield from work(watch, "batching", "end of the batch")


def ask(view, operator, **settings):
    with hands.override(view, "UI"):
        getattr(bpy.ops.gid, operator)("INVOKE_DEFAULT" if not settings else "EXEC_DEFAULT", **settings)


def work(watch, while_running, at_the_end):
    """Watch a job: what it holds up while it runs, and what its result does. A generator."""
    job = jobs()[0]
    kept = job.apply

    def applied(result):
        watch.end(while_running)
        watch.begin()
        return kept(result)

    job.apply = applied
    yield from until(lambda: not jobs(), "the work does not end", LIMIT_S)
    yield 2.0
    watch.end(at_the_end)


def enlarge(photo, path):
    """A photo of 3,840 pixels, with noise, so that it compresses no better than another."""
    image = bpy.data.images.load(photo)
    image.scale(3840, round(3840 * image.size[1] / image.size[0]))
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    pixels += np.random.default_rng(0).normal(0, 0.02, len(pixels)).astype(np.float32)
    image.pixels.foreach_set(pixels.clip(0, 1))
    image.filepath_raw, image.file_format = path, "JPEG"
    image.save()
    bpy.data.images.remove(image)


play(steps())
