"""How long the window stands still at worst while the add-on works, and how much memory; figures in facts.json.

A timer ticks every few milliseconds; the longest time between two ticks is how long nothing was drawn and no key was
answered. The photo has 3,840 pixels and is animated at the panel's own size, 1,280.
"""

import resource
import time
from pathlib import Path

import bpy
import hands
import numpy as np
from stage import PHOTO, expect, facts, jobs, loop, open_panel, pause, play, until

TICK_S = 0.005
LARGE = "/tmp/run/large.jpg"
BARS = {
    "idle": None, "opening 4K": 0.5, "predicting": 0.1, "building": 0.5, "predicting again": 0.1, "taking over": 0.5,
    "baking": 0.1, "end of the bake": 0.1, "cancel": 1.0,
}  # fmt: skip


class Watch:
    """The longest time between two ticks since `begin`."""

    def __init__(self):
        self.longest, self._last = 0.0, time.perf_counter()
        bpy.app.timers.register(self._tick, persistent=True)

    def _tick(self):
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now
        return TICK_S

    def begin(self):
        self.longest, self._last = 0.0, time.perf_counter()

    def end(self, name):
        tell(name, max(self.longest, time.perf_counter() - self._last))


def tell(name, value, unit="s", bar=None):
    facts.setdefault("figures", {})[name] = {"value": round(value, 3), "unit": unit, "bar": BARS.get(name, bar)}


def steps():
    enlarge(PHOTO, LARGE)
    view = yield from open_panel()
    watch = Watch()
    yield 2.0
    watch.begin()
    yield 3.0
    watch.end("idle")
    watch.begin()
    ask(view, "open_still", filepath=LARGE)
    yield 2.0
    watch.end("opening 4K")
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
    for _ in range(3):
        with hands.override(view):
            bpy.ops.ed.undo()
        yield 1.0
    tell("memory of all that, undone", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, "GB", 3.0)


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
    yield from until(lambda: not jobs(), "the work does not end")
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
