"""The loop in the artist's own scene, and out of Blender, by mouse, in a real window: card, compositor, bake, batch."""

import shutil
from pathlib import Path

import bpy
import hands
from stage import PHOTO, animate, expect, facts, jobs, loop, open_panel, pause, play, unfold, until

FOLDER = Path("/tmp/run/work")


def steps():
    unfold()
    FOLDER.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "scene.blend"))
    view = yield from open_panel()
    yield from animate(view)
    pause(view)
    yield from bake(view)
    yield from card(view)
    yield from batch(view)


def bake(view):
    """Bake, and go on working meanwhile."""
    yield from hands.press(view, "UI", "gid.bake")
    yield 1.0
    expect("Bake starts nothing", bool(jobs()))
    hands.shot("1_baking")
    with hands.override(view, "UI"):
        amplitude = loop().gid.edits
    at_work = 0
    while jobs():
        amplitude.amplitude = 1.0 + 0.1 * (at_work % 2)
        at_work += 1
        if at_work == 8:
            hands.shot("2_baking_further")
        yield 0.3
    amplitude.amplitude = 1.0
    facts["edits while baking"] = at_work
    yield 1.0
    hands.shot("3_baked")
    frames = sorted((FOLDER / "loops").rglob("*.png")) or sorted(FOLDER.rglob("*.png"))
    expect(f"a bake of 120 frames left {len(frames)}", len(frames) == 120)


def card(view):
    """Add as Card, into the scene with the cube."""
    yield from hands.press(view, "UI", "gid.add_card")
    yield 2.0
    pause(view)
    hands.shot("4_card")
    home = hands.window().scene
    expect("the card does not stand in the artist's scene", any(o.gid.shows == loop() for o in home.objects))
    yield from hands.press(view, "UI", "gid.add_to_compositor")
    yield 2.0
    hands.shot("5_compositor")


def batch(view):
    """A folder of photos, one of them broken, while one goes on."""
    photos = FOLDER / "photos"
    photos.mkdir()
    shutil.copy(PHOTO, photos / "dahlia.jpg")
    (photos / "broken.jpg").write_bytes(Path(PHOTO).read_bytes()[:2000])
    yield from hands.press(view, "UI", "gid.batch")
    yield 2.0
    browser = hands.area("FILE_BROWSER")
    browser.spaces.active.params.directory = str(photos).encode()
    yield 1.0
    hands.shot("6_folder")
    with hands.override(browser):
        bpy.ops.file.execute()
    yield 3.0
    hands.shot("7_batch")
    yield from until(lambda: not jobs(), "the batch does not end")
    yield 2.0
    hands.shot("8_batch_done")
    pages = list(FOLDER.rglob("index.html"))
    expect("the batch leaves no page", len(pages) == 1)
    made = [path.name for path in FOLDER.rglob("dahlia/loop.*")]
    expect(f"the good photo became {made}", len(made) == 1)


play(steps())
