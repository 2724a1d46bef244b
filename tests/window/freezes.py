"""How long the window stands still at worst while the add-on works, and how much memory; figures in facts.json.

Of each kind of work two figures: the longest time between two ticks of a timer, in which nothing is drawn and no key is
answered; and the longest stretch in the add-on's own code on Blender's main thread, with the processor's time of it,
the function that was entered, and the one that took most by itself. The rest is Blender's: it draws (here the processor
does, beside the processes that predict and bake), loads, and keeps its undo steps. What it takes without any work of
ours is measured in the same run, with the same photo on a plain plane that moves.

The photo has 3,840 pixels and is animated at the panel's own size, 1,280.
"""

import importlib
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
    "baking": 0.1, "end of the bake": 0.1, "batching": 0.1, "cancel": 1.0, "measuring a clip": 0.1,
    "building its loop": 0.5, "previewing": 0.1, "end of the preview": 0.1,
}  # fmt: skip


class Watch:
    """The longest time between two ticks since `begin`, and the longest stretch in code of the add-on."""

    def __init__(self):
        self._root = str(Path(addon("jobs").__file__).parent.parent)
        self._inside = []  # [frame, since when, how long in functions that it called], outermost first
        bpy.app.timers.register(self._tick, persistent=True)
        sys.setprofile(self._look)
        self.begin()

    def _tick(self):
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now
        return TICK_S

    def _look(self, frame, event, _what):
        if event == "call" and frame.f_code.co_filename.startswith(self._root):
            if not self._inside:
                self._worked, self._most = time.thread_time(), (0.0, "")
            self._inside.append([frame, time.perf_counter(), 0.0])
        elif event == "return" and self._inside and frame is self._inside[-1][0]:
            _, since, elsewhere = self._inside.pop()
            spent = time.perf_counter() - since
            self._most = max(self._most, (spent - elsewhere, _name(frame)))
            if self._inside:
                self._inside[-1][2] += spent
            else:
                where = f"{_name(frame)}; {self._most[0]:.2f} s by {self._most[1]}"
                self.ours = max(self.ours, (spent, time.thread_time() - self._worked, where))

    def begin(self):
        self.longest, self._last, self.ours = 0.0, time.perf_counter(), (0.0, 0.0, "")

    def end(self, name):
        tell(f"{name}, all", max(self.longest, time.perf_counter() - self._last))
        taken, worked, where = self.ours
        tell(f"{name}, ours", taken, of=name, note=f"{worked:.2f} s of it at work, in {where}" if where else "")


def _name(frame):
    return f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_qualname}"


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
    yield from previewed(view, watch)
    yield from filmed(view, watch)
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
    yield from chosen(view, watch, "batch", folder)
    yield from work(watch, "batching", "end of the batch")


def previewed(view, watch):
    """Preview the loop; its player is not started. A generator."""
    module = importlib.import_module(addon("output").__name__ + ".preview")
    module.Preview.play = lambda preview: None
    watch.begin()
    ask(view, "preview")
    yield from work(watch, "previewing", "end of the preview")


def filmed(view, watch):
    """Make a loop of a clip of two seconds, frames of 640 pixels. A generator."""
    folder = Path("/tmp/run/clip")
    film(folder)
    yield from chosen(view, watch, "motion_from_clip", folder, "000.jpg")
    yield from work(watch, "measuring a clip", "building its loop")


def chosen(view, watch, operator, folder, name=""):
    """Press a button that asks for a file or a folder, and choose one; watched from then on. A generator."""
    ask(view, operator)
    yield 2.0
    browser = hands.area("FILE_BROWSER")
    browser.spaces.active.params.directory = str(folder).encode()
    if name:
        browser.spaces.active.params.filename = name
    yield 1.0
    watch.begin()
    with hands.override(browser):
        bpy.ops.file.execute()
    yield from until(jobs, f"{operator} does not begin", 20)


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


def film(folder):
    """The photo as a still camera would film it: its middle sways to and fro once a second, 48 frames."""
    folder.mkdir()
    image = bpy.data.images.load(PHOTO)
    width, height = 640, round(640 * image.size[1] / image.size[0])
    image.scale(width, height)
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    still = pixels.reshape(height, width, 4)
    y, x = np.mgrid[:height, :width]
    inside = np.exp(-((((x / width - 0.5) / 0.2) ** 2 + ((y / height - 0.5) / 0.2) ** 2) ** 2))
    for index in range(48):
        at = np.clip(x - 8 * np.sin(2 * np.pi * index / 24) * inside, 0, width - 1)
        left = np.minimum(at.astype(int), width - 2)
        share = (at - left)[..., None]
        frame = still[y, left] * (1 - share) + still[y, left + 1] * share
        image.pixels.foreach_set(frame.astype(np.float32).ravel())
        image.filepath_raw, image.file_format = str(folder / f"{index:03d}.jpg"), "JPEG"
        image.save()
    bpy.data.images.remove(image)


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
