"""Takes: earlier motions of a loop are kept, shown again without a prediction, and cost what a take is."""

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.loop import comparison, edit, images, raw, read, takes
from gid_dev.blender_addon.operators import predict
from gid_dev.blender_addon.panels import takes as part
from gid_dev.gid_core.files import image_io


def state(plane):
    """What a loop shows: its motion as predicted and as played, its seed, and its takes."""
    gid = plane.gid
    return (
        read.stored_motion(plane).z.tobytes(),
        read.played_volume(plane).amplitudes.tobytes(),
        gid.scene.gid.seed,
        gid.take,
        [(take.name, raw.of(take, "").z.tobytes()) for take in gid.takes],
    )


def loop():
    return bpy.context.scene.gid.loop


def test_a_loop_begins_with_its_own_take(small_loop):
    assert [take.name for take in small_loop.gid.takes] == ["Seed 0"]


def test_arrows_go_back_to_a_take_without_a_prediction(small_loop, monkeypatch):
    first = state(small_loop)[:3]
    bpy.ops.gid.reroll()
    second = state(small_loop)[:3]
    monkeypatch.setattr(predict.Order, "predict", lambda order: pytest.fail("nothing is to be predicted"))
    for expected, step in ((first, -1), (second, 1)):
        bpy.ops.gid.reroll(step=step)
        assert state(small_loop)[:3] == expected
    assert bpy.context.scene.gid.seed == 1
    assert [take.name for take in small_loop.gid.takes] == ["Seed 0", "Seed 1"]


@pytest.fixture
def drawn_loop(make_loop, drawn_motion, picture):
    """A loop of a small drawn motion, with its own take."""
    still = picture(64, 40)
    plane = make_loop(motion=drawn_motion(still), still=still, name="Drawn")
    plane.gid.source = bpy.data.images.new("Drawn", 64, 40)
    bpy.context.scene.gid.loop = plane
    takes.note(plane, seed=0)
    return plane


@pytest.fixture
def reroll(drawn_loop, drawn_motion, picture):
    """reroll(seed): what a prediction does with a loop, without one."""

    def show(seed):
        still = picture(64, 40)
        takes.begin(drawn_loop)
        edit.replace_motion(drawn_loop, drawn_motion(still, seed=2 * seed), still)  # an even one has a lookup
        drawn_loop.gid.scene.gid.seed = seed
        takes.note(drawn_loop, seed=seed)

    return show


def test_a_take_costs_its_own_images_and_no_copy_of_anything_else(drawn_loop, reroll):
    reroll(1)
    before = len(bpy.data.user_map())
    for seed in (2, 3):
        reroll(seed)
    assert len(bpy.data.user_map()) == before + 2 * 3  # envelope, phases and lookup: here these three are drawn anew
    kept = drawn_loop.gid.takes
    assert len({take.picture for take in kept}) == 1
    assert len({take.chance for take in kept}) == 4


def test_takes_of_one_photo_share_what_the_photo_decides(small_loop):
    bpy.ops.gid.reroll()
    first, second = small_loop.gid.takes
    assert (first.envelope, first.picture) == (second.envelope, second.picture)
    assert first.chance != second.chance


def test_takes_and_their_thumbnails_survive_save_and_undo(small_loop, tmp_path):
    bpy.ops.ed.undo_push(message="before")
    one = state(loop())
    bpy.ops.gid.reroll("EXEC_DEFAULT", True)
    two = state(loop())
    for _ in range(2):
        bpy.ops.ed.undo()
        assert state(loop()) == one
        bpy.ops.ed.redo()
        assert state(loop()) == two
    bpy.ops.gid.take_show("EXEC_DEFAULT", True, take=0)
    bpy.ops.ed.undo()
    assert state(loop()) == two
    shown = thumbnails()
    assert not np.array_equal(*shown)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "takes.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "takes.blend"))
    assert state(loop()) == two
    assert np.array_equal(thumbnails(), shown)
    bpy.ops.gid.take_show(take=0)
    assert state(loop())[:2] == one[:2]


def thumbnails():
    found = []
    for take in loop().gid.takes:
        preview = take.chance.preview_ensure()
        pixels = np.empty(4 * preview.image_size[0] * preview.image_size[1], np.float32)
        preview.image_pixels_float.foreach_get(pixels)
        found.append(pixels)
    return found


def test_removed_takes_leave_nothing_and_the_one_shown_stays(drawn_loop, reroll):
    before = len(bpy.data.user_map())
    for seed in (1, 2, 3):
        reroll(seed)
    last = state(drawn_loop)[:3]
    with pytest.raises(RuntimeError, match="is the one that is shown"):
        bpy.ops.gid.take_remove(take=3)
    with pytest.raises(RuntimeError, match="there is no take 9"):
        bpy.ops.gid.take_show(take=8)
    bpy.ops.gid.take_remove(take=0)
    assert [take.name for take in drawn_loop.gid.takes] == ["Seed 1", "Seed 2", "Seed 3"]
    assert state(drawn_loop)[:3] == last
    bpy.ops.gid.take_keep()
    assert [take.name for take in drawn_loop.gid.takes] == ["Seed 3"]
    assert state(drawn_loop)[:3] == last
    assert len(bpy.data.user_map()) == before
    assert not bpy.ops.gid.take_keep.poll()


def test_the_same_seed_twice_is_one_take(small_loop):
    bpy.ops.gid.animate()
    assert len(small_loop.gid.takes) == 1


def test_a_take_of_another_photo_brings_its_photo_back(small_loop, tmp_path, picture):
    image_io.save_png(tmp_path / "other.png", picture(40, 48, seed=2))
    first, still = bpy.context.scene.gid.still, read.stored_still(small_loop).tobytes()
    bpy.context.scene.gid.still = images.open_photo(tmp_path / "other.png")
    bpy.ops.gid.animate()
    assert [take.source.name for take in small_loop.gid.takes] == ["photo.png", "other.png"]
    bpy.ops.gid.take_show(take=0)
    assert read.stored_still(small_loop).tobytes() == still
    assert (bpy.context.scene.gid.still, small_loop.gid.source) == (first, first)


def test_a_loop_that_knew_no_takes_keeps_what_it_showed(drawn_loop, reroll):
    drawn_loop.gid.takes.clear()
    first = state(drawn_loop)[0]
    reroll(1)
    assert [take.seed for take in drawn_loop.gid.takes] == [0, 1]
    takes.show(drawn_loop, 0)
    assert state(drawn_loop)[0] == first


def test_the_panel_shows_each_take_and_which_is_shown(drawn_loop, reroll, drawn):
    reroll(1)
    shown = drawn(part.Takes)
    assert {"Seed 0", "Seed 1"} <= set(shown)
    assert shown.count("gid.take_remove") == 1


def field(obj):
    """How far the points of a sheet are carried to the right, by rows and columns, without the sheet's own place."""
    graph = bpy.context.evaluated_depsgraph_get()
    found = []
    for mesh in (obj.evaluated_get(graph).data, obj.data):
        place = np.empty((len(mesh.vertices), 3), np.float32)
        mesh.vertices.foreach_get("co", place.ravel())
        found.append(place[:, 0])
    rows, columns = obj.data["gid_grid"]
    return (found[0] - found[1]).reshape(rows + 1, columns + 1)


def test_takes_are_compared_moving_as_the_loop_would(drawn_loop, reroll, tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "_STRIDE", 1)  # as fine as the loop's own sheet
    reroll(1)
    drawn_loop.gid.edits.amplitude = 3.0
    before, home = len(bpy.data.user_map()), bpy.context.window.scene
    assert bpy.ops.gid.take_compare() == {"FINISHED"}
    scene = bpy.context.scene
    sheets = [obj for obj in scene.objects if comparison.take_of(scene, obj) >= 0]
    assert len(sheets) == 2
    scene.frame_set(5)
    shown = [field(sheet) for sheet in sheets]
    bpy.context.window.scene = drawn_loop.gid.scene
    for take, moved in enumerate(shown):
        takes.show(drawn_loop, take)
        drawn_loop.gid.scene.frame_set(5)
        assert np.allclose(field(drawn_loop), moved, atol=1e-6)
    assert not np.allclose(*shown, atol=1e-3)
    bpy.context.window.scene = scene
    bpy.context.view_layer.objects.active = sheets[0]
    assert bpy.ops.gid.take_use() == {"FINISHED"}
    assert drawn_loop.gid.take == 0
    assert bpy.context.window.scene == drawn_loop.gid.scene
    assert len(bpy.data.user_map()) == before
    bpy.ops.gid.take_compare()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "takes.blend"))
    assert len(bpy.data.user_map()) == before
    bpy.context.window.scene = home


def test_one_take_alone_is_not_compared(drawn_loop):
    with pytest.raises(RuntimeError, match="re-roll for"):
        bpy.ops.gid.take_compare()
