"""What moves, by brush: new masks, what is done to them, the easel, and that paint is never lost."""

import types

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import saving, windows
from gid_dev.blender_addon.loop import images, read, remove, sight
from gid_dev.blender_addon.nodes import rig
from gid_dev.blender_addon.panels import moves
from gid_dev.blender_addon.tools import brush, easel, pictures, veil
from gid_dev.gid_core.motion import mask as masks
from gid_dev.gid_core.motion.synth import displacement, upsample

KINDS = ("MASK", "STRENGTH", "FRONT", "PLATE")


@pytest.fixture
def loop(make_loop, drawn_motion, picture):
    """A loop of a drawn motion, in the window's scene."""
    still = picture(64, 40)
    plane = make_loop(motion=drawn_motion(still), still=still, name="Drawn")
    bpy.context.window.scene = plane.gid.scene
    sight.show(plane, None)
    return plane


def contents():
    blocks = [b for b in bpy.data.user_map() if getattr(b, "source", "") != "VIEWER"]
    return sorted(
        (block.bl_rna.name, block.name)
        for block in blocks
        if not isinstance(block, bpy.types.Brush | bpy.types.Library)
    )


def seen(plane):
    """Where the points of the sheet lie in the viewport's form at the present frame: float32 (n, 2)."""
    graph = bpy.context.evaluated_depsgraph_get()
    mesh = plane.evaluated_get(graph).data
    points = np.empty((len(mesh.vertices), 3), np.float32)
    mesh.vertices.foreach_get("co", points.ravel())
    return points[:, :2]


def rest(plane):
    points = np.empty((len(plane.data.vertices), 3), np.float32)
    plane.data.vertices.foreach_get("co", points.ravel())
    return points[:, :2]


def grey(image):
    return images.pixels_of(image)[..., 0]


def stroke(image, rows, columns, value):
    """Paint as a brush does: the buffer changes and nothing else."""
    pixels = images.pixels_of(image)
    pixels[rows, columns, :3] = value
    image.pixels.foreach_set(images.flipped(pixels).ravel())
    image.update()
    assert image.is_dirty


@pytest.mark.parametrize(("start", "value"), [("ALL", 1), ("NOTHING", 0)])
def test_a_new_mask_has_the_size_of_the_photo_and_acts(loop, start, value):
    assert bpy.ops.gid.mask_new(start=start) == {"FINISHED"}
    mask = loop.gid.edits.mask
    assert tuple(mask.size) == (64, 40)
    assert (grey(mask) == value).all()
    assert rig.get_input(loop, "Mask") == mask
    assert rig.get_input(loop, "Has Mask")
    bpy.context.scene.frame_set(7)
    assert np.array_equal(seen(loop), rest(loop)) is (start == "NOTHING")


def test_a_new_strength_is_as_predicted_and_may_go_beyond(loop):
    before = read.played_volume(loop).amplitudes
    bpy.ops.gid.mask_new(picture="STRENGTH")
    assert loop.gid.edits.strength.is_float
    assert np.array_equal(read.played_volume(loop).amplitudes, before)
    stroke(loop.gid.edits.strength, slice(None), slice(None), 1.0)
    bpy.ops.gid.apply_edits()
    np.testing.assert_allclose(read.stored_volume(loop).amplitudes, read.played_volume(loop).amplitudes)
    moved = np.abs(before) > 1e-3
    np.testing.assert_allclose(np.abs(read.played_volume(loop).amplitudes)[moved], 2 * np.abs(before)[moved], rtol=0.01)


def test_freezing_stops_what_was_painted_and_nothing_else(loop):
    bpy.context.scene.frame_set(7)
    free = seen(loop)
    bpy.ops.gid.mask_new(start="ALL")
    np.testing.assert_array_equal(seen(loop), free)
    stroke(loop.gid.edits.mask, slice(None), slice(32, 64), 0)
    loop.update_tag()
    now, still = seen(loop), rest(loop)
    right = still[:, 0] > 1.5 * rig.PIXEL
    left = still[:, 0] < -1.5 * rig.PIXEL
    np.testing.assert_array_equal(now[right], still[right])
    np.testing.assert_array_equal(now[left], free[left])
    assert np.abs(free - still)[right].max() > 0.1 * rig.PIXEL


def test_what_is_painted_into_a_black_mask_moves_at_once(loop):
    bpy.context.scene.frame_set(7)
    free = seen(loop)
    bpy.ops.gid.mask_new(start="NOTHING")
    stroke(loop.gid.edits.mask, slice(None), slice(32, 64), 1)
    loop.update_tag()
    now, still = seen(loop), rest(loop)
    right = still[:, 0] > 1.5 * rig.PIXEL
    assert np.abs(free - still)[right].max() > 0.1 * rig.PIXEL
    np.testing.assert_array_equal(now[right], free[right])
    np.testing.assert_array_equal(now[still[:, 0] < -1.5 * rig.PIXEL], still[still[:, 0] < -1.5 * rig.PIXEL])


def test_another_new_mask_takes_the_place_of_ours(loop):
    bpy.ops.gid.mask_new()
    before = contents()
    for _ in range(3):
        bpy.ops.gid.mask_new(start="NOTHING")
        bpy.ops.gid.mask_invert()
        bpy.ops.gid.mask_from(channel="RED")
    assert contents() == before
    assert loop.gid.edits.mask.name == "GID Mask Drawn"


@pytest.mark.parametrize(
    ("operator", "options", "expected"),
    [
        ("mask_invert", {}, masks.inverted),
        ("mask_grow", {"pixels": 5}, lambda mask: masks.grown(mask, 5)),
        ("mask_grow", {"pixels": -3}, lambda mask: masks.grown(mask, -3)),
        ("mask_feather", {"pixels": 6}, lambda mask: masks.feathered(mask, 6)),
    ],
)
def test_a_mask_is_altered_as_the_core_does(loop, operator, options, expected):
    bpy.ops.gid.mask_new(start="NOTHING")
    stroke(loop.gid.edits.mask, slice(10, 20), slice(20, 50), 1)
    before = grey(loop.gid.edits.mask)
    assert getattr(bpy.ops.gid, operator)(**options) == {"FINISHED"}
    mask = loop.gid.edits.mask
    np.testing.assert_allclose(grey(mask), expected(before), atol=1e-6)
    assert rig.get_input(loop, "Mask") == mask
    assert not mask.is_dirty


def test_a_picture_of_the_artists_is_copied_and_not_changed(loop):
    own = images.new_image("my matte", np.full((10, 16, 1), 0.25, np.float32))
    loop.gid.edits.mask = own
    bpy.ops.gid.mask_invert()
    assert (grey(own) == 0.25).all()
    assert loop.gid.edits.mask != own
    assert (grey(loop.gid.edits.mask) == 0.75).all()
    bpy.ops.gid.mask_clear()
    assert own.name in bpy.data.images
    assert loop.gid.edits.mask is None


def test_alpha_of_any_picture_becomes_the_mask(loop):
    pixels = np.random.default_rng(3).random((20, 32, 4)).astype(np.float32)
    images.new_image("cut-out", pixels)
    for channel, index in (("ALPHA", 3), ("GREEN", 1)):
        assert bpy.ops.gid.mask_from(image="cut-out", channel=channel) == {"FINISHED"}
        np.testing.assert_allclose(grey(loop.gid.edits.mask), pixels[..., index], atol=1e-6)
    with pytest.raises(RuntimeError, match="no image 'nothing'"):
        bpy.ops.gid.mask_from(image="nothing")


def test_clearing_leaves_the_loop_as_it_was(loop):
    before, amplitudes = contents(), read.played_volume(loop).amplitudes
    for picture in ("MASK", "STRENGTH"):
        bpy.ops.gid.mask_new(picture=picture, start="NOTHING")
        assert contents() != before
        bpy.ops.gid.mask_clear(picture=picture)
        assert contents() == before
        assert np.array_equal(read.played_volume(loop).amplitudes, amplitudes)
    assert not rig.get_input(loop, "Has Mask")


@pytest.mark.parametrize("kind", KINDS)
def test_the_brush_goes_onto_the_picture_asked_for_and_comes_off_without_a_trace(loop, kind):
    if kind in KINDS[:2]:
        bpy.ops.gid.mask_new(picture=kind)
    before = contents()
    assert bpy.ops.gid.paint(picture=kind, brush="BLACK") == {"FINISHED"}
    image, scene = pictures.picture_of(loop, kind), loop.gid.scene
    assert easel.is_up(loop)
    assert easel.is_painted(loop, image)
    card = loop.gid.easel
    assert card.hide_render
    assert scene.view_layers[0].objects.active == card
    assert sight.in_sight(bpy.context) == loop
    np.testing.assert_allclose(scene.tool_settings.image_paint.brush.color, 0)
    np.testing.assert_allclose(scene.tool_settings.image_paint.brush.secondary_color, 1)
    assert remove.artists_own(loop) == []
    stroke(image, slice(0, 5), slice(0, 5), 0.5)
    assert bpy.ops.gid.paint_done() == {"FINISHED"}
    assert contents() == before
    assert not image.is_dirty
    assert loop.gid.easel is None
    assert scene.view_layers[0].objects.active == loop
    assert loop.mode == "OBJECT"


def test_the_easel_lies_over_the_photo_pixel_by_pixel(loop):
    bpy.ops.gid.mask_new()
    bpy.ops.gid.paint()
    card = loop.gid.easel
    corners = {tuple(np.round(uv.vector)): card.data.vertices[corner.vertex_index].co for uv, corner in zip(
        card.data.uv_layers[0].uv, card.data.loops, strict=True)}  # fmt: skip
    np.testing.assert_allclose(corners[0, 0][:2], rest(loop).min(0))
    np.testing.assert_allclose(corners[1, 1][:2], rest(loop).max(0))
    assert all(0 < place.z < loop.gid.scene.camera.location.z for place in corners.values())


def test_a_loop_is_removed_with_its_easel(loop):
    before = len(bpy.data.objects)
    bpy.ops.gid.mask_new()
    bpy.ops.gid.paint()
    assert len(bpy.data.objects) == before + 1
    bpy.ops.gid.remove()
    assert not len(bpy.data.objects)
    assert not [image.name for image in bpy.data.images if "GID" in image.name]


@pytest.mark.parametrize("kind", KINDS)
def test_paint_survives_a_save_in_the_middle(loop, kind, tmp_path):
    if kind in KINDS[:2]:
        bpy.ops.gid.mask_new(picture=kind)
    bpy.ops.gid.paint(picture=kind)
    stroke(pictures.picture_of(loop, kind), slice(4, 9), slice(30, 50), 0.0)
    painted = images.pixels_of(pictures.picture_of(loop, kind))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    plane = sight.in_sight(bpy.context)
    assert np.array_equal(images.pixels_of(pictures.picture_of(plane, kind)), painted)
    assert plane.gid.easel is not None
    bpy.ops.gid.paint_done()
    assert plane.gid.easel is None
    assert np.array_equal(images.pixels_of(pictures.picture_of(plane, kind)), painted)
    np.testing.assert_array_equal(read.stored_volume(plane).amplitudes, read.played_volume(plane).amplitudes)


def test_what_was_packed_on_the_way_acts_with_a_save(loop, tmp_path):
    bpy.ops.gid.mask_new(picture="STRENGTH")
    bpy.ops.gid.paint(picture="STRENGTH")
    stroke(loop.gid.edits.strength, slice(None), slice(None), 0.25)
    brush._pack(loop)
    assert not loop.gid.edits.strength.is_dirty
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    np.testing.assert_array_equal(read.stored_volume(loop).amplitudes, read.played_volume(loop).amplitudes)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_packed_on_the_way_is_in_a_file_that_no_handler_saw(loop, kind, tmp_path):
    """As autosave and quitting write one."""
    if kind in KINDS[:2]:
        bpy.ops.gid.mask_new(picture=kind)
    bpy.ops.gid.paint(picture=kind)
    stroke(pictures.picture_of(loop, kind), slice(4, 9), slice(30, 50), 0.0)
    painted = images.pixels_of(pictures.picture_of(loop, kind))
    brush._pack(loop)
    bpy.app.handlers.save_pre.remove(saving.keep_paint)
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    finally:
        saving.register()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    assert np.array_equal(images.pixels_of(pictures.picture_of(sight.in_sight(bpy.context), kind)), painted)


def test_nothing_is_packed_in_the_midst_of_a_stroke(loop, monkeypatch):
    """Blender marks the picture as changed when a stroke begins: the rest of one that is packed would be lost."""
    bpy.ops.gid.mask_new()
    bpy.ops.gid.paint()
    stroke(loop.gid.edits.mask, slice(4, 9), slice(30, 50), 0.0)
    hands = [types.SimpleNamespace(scene=loop.gid.scene, modal_operators=[bpy.ops.paint.image_paint])]
    monkeypatch.setattr(windows, "opened", lambda: hands)
    monkeypatch.setattr(brush._look, "packed", -brush._PACK_S, raising=False)
    brush._look()
    assert loop.gid.edits.mask.is_dirty
    hands[0].modal_operators.clear()
    brush._look()
    assert not loop.gid.edits.mask.is_dirty


def test_of_two_loops_in_a_scene_the_painted_one_is_in_sight(loop):
    other = loop.copy()
    loop.gid.scene.collection.objects.link(other)
    sight.select(other, loop.gid.scene)
    assert sight.in_sight(bpy.context) == other
    bpy.ops.gid.mask_new()
    bpy.ops.gid.paint()
    assert other.gid.easel is not None
    assert loop.gid.easel is None
    assert sight.in_sight(bpy.context) == other


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("operator", ["mask_feather", "mask_invert", "mask_grow"])
def test_undo_of_a_change_leaves_the_strokes_that_were_painted_before_it(loop, operator, saved):
    def mask():
        return grey(bpy.context.scene.gid.loop.gid.edits.mask).tobytes()

    bpy.ops.gid.mask_new("EXEC_DEFAULT", True)
    bpy.ops.gid.paint("EXEC_DEFAULT", True)
    stroke(loop.gid.edits.mask, slice(5, 20), slice(5, 30), 0)
    painted = mask()
    if saved:  # packed by a save or from time to time, so it is no longer dirty
        saving.keep_paint()
    getattr(bpy.ops.gid, operator)("EXEC_DEFAULT", True)
    changed = mask()
    assert changed != painted
    for _ in range(2):
        bpy.ops.ed.undo()
        assert mask() == painted
        bpy.ops.ed.redo()
        assert mask() == changed


def test_each_step_is_undone_and_redone(loop):
    def state():
        plane = bpy.data.objects["GID Loop Drawn"]
        mask = plane.gid.edits.mask
        mode_1 = images.pixels_of(rig.get_input(plane, "Image 1")).tobytes()
        return None if mask is None else (mask.name, grey(mask).tobytes()), mode_1, plane.gid.easel is not None

    def step(operator, **options):
        operator(**options)
        bpy.ops.ed.undo_push(message="a step")
        states.append(state())

    bpy.ops.ed.undo_push(message="start")
    states = [state()]
    step(bpy.ops.gid.mask_new, start="NOTHING")
    step(bpy.ops.gid.mask_invert)
    step(bpy.ops.gid.mask_from, channel="RED")
    step(bpy.ops.gid.mask_new, picture="STRENGTH", start="NOTHING")
    step(bpy.ops.gid.mask_clear)
    for expected in states[-2::-1]:
        bpy.ops.ed.undo()
        assert state() == expected
    for expected in states[1:]:
        bpy.ops.ed.redo()
        assert state() == expected


def test_a_loop_of_an_older_version_says_what_to_do_first(loop):
    loop.gid.envelope = None
    for name in [cls.bl_idname.removeprefix("gid.") for cls in brush.CLASSES]:
        with pytest.raises(RuntimeError, match=r"bring it up to date first"):
            getattr(bpy.ops.gid, name)()


def test_without_mask_or_loop_the_reason_is_told(loop):
    for operator in (bpy.ops.gid.mask_invert, bpy.ops.gid.mask_grow, bpy.ops.gid.mask_feather):
        with pytest.raises(RuntimeError, match="no mask: make or choose one"):
            operator()
    with pytest.raises(RuntimeError, match="has no picture 'Mask': make a new one"):
        bpy.ops.gid.paint()
    with pytest.raises(RuntimeError, match="Nothing is being painted"):
        bpy.ops.gid.paint_done()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with pytest.raises(RuntimeError, match="animate a still first"):
        bpy.ops.gid.mask_new()


def test_the_map_of_motion_follows_strength_and_numbers_and_not_the_mask(loop):
    raw = veil.motion_map(loop)
    assert raw.shape == (40, 64)
    assert raw.max() > 0.1
    bpy.ops.gid.mask_new(start="NOTHING")
    loop.gid.edits.amplitude = 3
    np.testing.assert_allclose(veil.motion_map(loop), 3 * raw, rtol=1e-4)
    bpy.ops.gid.mask_new(picture="STRENGTH", start="NOTHING")
    assert (veil.motion_map(loop) == 0).all()


def test_the_map_tells_how_far_the_core_moves_each_place(loop):
    expected = np.sqrt(
        np.mean(
            [(live_displacement(loop, frame) ** 2).sum(-1) for frame in range(24)],
            0,
        )
    )
    found = veil.motion_map(loop) / 0.9
    moving = expected > 0.2 * expected.max()
    assert 0.6 < np.median(found[moving] / expected[moving]) < 1.7


def live_displacement(plane, frame):
    volume, plan = read.stored_volume(plane), read.stored_plan(plane)
    return upsample(displacement(volume, plan.scalars(frame)), 64, 40)


def test_where_the_sheet_folds_the_brush_shows_what_moves_more(loop):
    mesh = loop.data
    heights = np.array([vertex.co.z for vertex in mesh.vertices])
    drawn = veil.triangles(mesh)
    halves = drawn.reshape(-1, 6)  # both of a quad
    quads = [list(polygon.vertices) for polygon in mesh.polygons]
    assert sorted(sorted(set(half)) for half in halves.tolist()) == sorted(sorted(quad) for quad in quads)
    of_quads = np.array([heights[sorted(set(half))].mean() for half in halves.tolist()])
    assert np.ptp(of_quads) > 0
    assert (np.diff(of_quads) > -1e-7).all()


def test_the_panel_offers_the_brush_and_then_the_way_back(loop, drawn):
    shown = drawn(moves.Moves)
    assert {"gid.mask_new", "gid.paint", "show_motion"} <= set(shown)
    assert "gid.mask_clear" not in shown
    bpy.ops.gid.mask_new()
    assert {"gid.mask_invert", "gid.mask_grow", "gid.mask_feather", "gid.mask_clear"} <= set(drawn(moves.Moves))
    bpy.ops.gid.paint()
    shown = drawn(moves.Moves)
    assert [name for name in shown if name.startswith("gid.")] == ["gid.paint_done"]
    assert "Drag over what shall stand still; Ctrl: what shall move." in " ".join(shown)
    bpy.ops.gid.paint(brush="WHITE")
    assert "Drag over what shall move; Ctrl: what shall stand still." in " ".join(drawn(moves.Moves))
    bpy.ops.gid.paint_done()
    loop.gid.envelope = None
    assert not moves.Moves.poll(bpy.context)  # the part Motion has the button that mends it


def test_every_class_keeps_the_naming_rules():
    for cls in brush.CLASSES:
        assert cls.__name__ == "GID_OT_" + cls.bl_idname.removeprefix("gid.")
        assert not cls.__doc__.endswith(".")
        assert cls.bl_options == {"REGISTER", "UNDO"}
