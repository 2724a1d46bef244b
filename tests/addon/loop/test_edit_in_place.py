"""A loop is edited in place: datablocks stay, the core's numbers come out, what the artist put there survives."""

from dataclasses import replace
from fractions import Fraction

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.loop import edit, images, live, read
from gid_dev.blender_addon.nodes import rig, sharp
from gid_dev.gid_core.errors import SettingsError, VolumeError
from gid_dev.gid_core.frames.renderer import LoopRenderer
from gid_dev.gid_core.motion.edits import PREDICTED_GREY, Edits, Pull, apply, plucked, strength_of_grey

SIZE = (64, 40)
AGREES_DB = 100
TIMES = 20


def contents():
    """Every datablock by kind and name."""
    blocks = [b for b in bpy.data.user_map() if getattr(b, "source", "") != "VIEWER"]  # Blender's own, made on demand
    return sorted((block.bl_rna.name, block.name) for block in blocks)


def users():
    return {
        used.name: sorted(user.name for user in found)
        for used, found in bpy.data.user_map().items()
        if getattr(used, "source", "") != "VIEWER"
    }


def state(plane):
    """All numbers that a loop is played from, as bytes."""
    names = [name for name in rig.inputs_of(plane.modifiers[rig.MODIFIER].node_group) if name != "Geometry"]
    values = {name: rig.get_input(plane, name) for name in names}
    numbers = {n: v.name if isinstance(v, bpy.types.ID) else v for n, v in values.items()}
    shown = [v for v in values.values() if isinstance(v, bpy.types.Image)]
    gid = plane.gid
    shown += [gid.envelope, gid.chance, gid.picture, gid.front, gid.plate, gid.edits.mask, gid.edits.strength]
    pixels = {image.name: (tuple(image.size), images.pixels_of(image).tobytes()) for image in shown if image}
    points = np.empty(len(plane.data.vertices) * 3, np.float32)
    plane.data.attributes[rig.attribute_name("x", 1)].data.foreach_get("vector", points)
    noted = [getattr(gid, name) for name in ("n_frames", "start", "fps", "frequencies", "cells", "provenance")]
    asked = [getattr(gid.edits, name) for name in (*live.NUMBERS, "damping")]
    scene, camera = gid.scene, gid.scene.camera.data
    set_up = [scene.render.resolution_x, scene.render.resolution_y, camera.ortho_scale, scene.frame_end]
    return numbers, pixels, points.tobytes(), noted, asked, set_up


def same_volume(a, b):
    assert a.amplitudes.tobytes() == b.amplitudes.tobytes()
    for name in ("mask", "lookup"):
        one, other = getattr(a, name), getattr(b, name)
        assert (one is None) == (other is None)
        assert one is None or np.array_equal(one, other)
    assert a.border == pytest.approx(b.border, rel=1e-6)


@pytest.fixture
def loop(make_loop, drawn_motion, picture):
    """make(seed) -> a loop of a drawn motion."""

    def make(seed=0, **options):
        return make_loop(*SIZE, motion=drawn_motion(picture(*SIZE), seed), **options)

    return make


@pytest.fixture
def artists(loop):
    """A loop with an object, a light, a compositor node, a material node and settings of the artist's own."""
    plane = loop()
    scene = plane.gid.scene
    lamp = bpy.data.objects.new("My Lamp", bpy.data.lights.new("My Lamp", "POINT"))
    for obj in (bpy.data.objects.new("My Empty", None), lamp):
        scene.collection.objects.link(obj)
    tree = getattr(scene, "compositing_node_group", None) or scene.node_tree
    tree.nodes.new("CompositorNodeBlur").name = "My Blur"
    rig.get_input(plane, "Sheet Material").node_tree.nodes.new("ShaderNodeRGB").name = "My Colour"
    scene.render.resolution_percentage, scene.frame_end = 50, 200
    plane.location.x = 3
    plane.keyframe_insert("location", index=0, frame=5)
    return plane


def whats_mine(plane):
    scene = plane.gid.scene
    tree = getattr(scene, "compositing_node_group", None) or scene.node_tree
    sheet = rig.get_input(plane, "Sheet Material").node_tree
    curves = plane.animation_data.action.layers[0].strips[0].channelbag(plane.animation_data.action_slot).fcurves
    return (
        sorted(obj.name for obj in scene.objects),
        sorted(node.name for node in tree.nodes),
        sorted(node.name for node in sheet.nodes),
        sorted((curve.data_path, len(curve.keyframe_points)) for curve in curves),
        (scene.render.resolution_percentage, scene.frame_end, plane.location.x),
    )


def test_motion_and_edits_come_back_bit_for_bit(loop, drawn_motion, picture, tmp_path):
    motion = drawn_motion(picture(*SIZE))
    mask = np.random.default_rng(5).random(SIZE[::-1]).astype(np.float32)
    edits = Edits(mask=mask, amplitude=0.5, turn=0.25, one_axis=0.75, low=0.5, high=2.0, border=0.125, phase=0.25)
    loop(edits=edits)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"), compress=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    plane = next(o for o in bpy.data.objects if o.gid.scene is not None)
    stored = read.stored_motion(plane)
    for name in ("envelope", "z", "frequencies", "picture", "lookup"):
        assert getattr(stored, name).tobytes() == getattr(motion, name).tobytes(), name
    assert (stored.cells, stored.provenance) == (motion.cells, motion.provenance)
    same_volume(read.stored_volume(plane), apply(motion, edits))


def test_members_come_back_bit_for_bit(make_loop, drawn_motion, picture):
    still = picture(*SIZE)
    motion = drawn_motion(still)
    members = np.random.default_rng(0).integers(0, 1 << 16, motion.envelope.shape[1:], np.uint16)
    plane = make_loop(*SIZE, motion=replace(motion, members=members))
    assert read.stored_motion(plane).members.tobytes() == members.tobytes()
    same_volume(read.stored_volume(plane), apply(replace(motion, members=members), Edits()))
    edit.replace_motion(plane, motion)
    assert read.stored_motion(plane).members is None
    assert not [image for image in bpy.data.images if image.name.startswith(".GID Members")]


EDITS = {
    "amplitude": [0.5, 2.0],
    "turn": [0.5, -1.0],
    "one_axis": [1.0, 0.5],
    "low": [0.0, 2.0],
    "mid": [0.5, 1.5],
    "high": [0.0, 3.0],
    "border": [0.25, 0.125],
    "phase": [0.25, 0.5],
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_renders_as_the_core_renders_it(loop, rendered, psnr, name):
    plane = loop()
    setattr(plane.gid.edits, name, EDITS[name][0])
    (got,) = rendered(plane, [9])
    volume = read.stored_volume(plane)
    reference = LoopRenderer(
        read.stored_still(plane),
        volume,
        read.stored_plan(plane),
        front=images.pixels_of(plane.gid.front)[..., 0],
        plate=images.pixels_of(plane.gid.plate)[..., :3],
        kin=sharp.kin_of_pixels(images.pixels_of(rig.get_input(plane, "Kin"))),
    )
    assert psnr(got[..., :3], reference.frame(8)) >= AGREES_DB


def a_picture(name, pixels):
    return images.new_image(name, pixels[..., None])


def half(value, width, height):
    values = np.ones((height, width), np.float32)
    values[:, : width // 2] = value
    return values


@pytest.mark.parametrize("name", ["mask", "strength"])
def test_a_picture_renders_as_the_core_renders_it(loop, rendered, psnr, name):
    plane = loop()
    setattr(plane.gid.edits, name, a_picture("Mine", half(0.25 if name == "mask" else 3.0, *SIZE)))
    volume = read.stored_volume(plane)
    (got,) = rendered(plane, [9])
    reference = LoopRenderer(
        read.stored_still(plane),
        volume,
        read.stored_plan(plane),
        front=images.pixels_of(plane.gid.front)[..., 0],
        plate=images.pixels_of(plane.gid.plate)[..., :3],
        kin=sharp.kin_of_pixels(images.pixels_of(rig.get_input(plane, "Kin"))),
    )
    assert psnr(got[..., :3], reference.frame(8)) >= AGREES_DB


def test_replaced_motion_is_the_loop_made_anew_in_the_same_datablocks(loop, make_loop, drawn_motion, picture):
    plane = loop()
    before, held = contents(), users()
    motion = drawn_motion(picture(*SIZE), 8)
    edit.replace_motion(plane, motion)
    assert contents() == before
    assert users() == held
    same_volume(read.stored_volume(plane), motion.volume())
    fresh = make_loop(*SIZE, motion=motion, name="Fresh")
    for name in ("front", "plate", "envelope", "chance"):
        kept, made = getattr(plane.gid, name), getattr(fresh.gid, name)
        assert images.pixels_of(kept).tobytes() == images.pixels_of(made).tobytes(), name
    assert read.stored_plan(plane) == read.stored_plan(fresh)


def test_replaced_motion_keeps_the_edits(loop, drawn_motion, picture):
    plane = loop()
    plane.gid.edits.turn, plane.gid.edits.high = 0.5, 0.0
    plane.gid.edits.strength = a_picture("Mine", half(2.0, *SIZE) * PREDICTED_GREY)
    motion = drawn_motion(picture(*SIZE), 7)
    edit.replace_motion(plane, motion)
    want = apply(motion, Edits(turn=0.5, high=0.0, strength=half(2.0, *SIZE)))
    same_volume(read.stored_volume(plane), want)


def test_another_photo_of_another_size_takes_camera_and_resolution_along(loop, drawn_motion, picture, rendered, psnr):
    plane = loop()
    before = contents()
    other = picture(48, 56, seed=3)
    motion = drawn_motion(other, 6, grid=(18, 21), cells=(4, 5))
    assert not np.array_equal(motion.lookup.shape, read.stored_motion(plane).lookup.shape)
    edit.replace_motion(plane, motion, other)
    assert contents() == before
    render = plane.gid.scene.render
    assert (render.resolution_x, render.resolution_y) == (48, 56)
    assert np.array_equal(read.stored_still(plane), other)
    (first, later) = rendered(plane, [1, 9])
    assert psnr(first[..., :3], other) > 60
    plate = images.pixels_of(plane.gid.plate)[..., :3]
    reference = LoopRenderer(other, motion.volume(), read.stored_plan(plane), plate=plate)
    assert psnr(later[..., :3], reference.frame(8)) >= AGREES_DB


def test_twenty_rerolls_and_twenty_of_each_edit_add_no_datablock(artists, drawn_motion, picture):
    plane = artists
    mask, strength = (a_picture(name, half(0.5, *SIZE)) for name in ("Mine", "Mine too"))
    mask.use_fake_user = strength.use_fake_user = True
    before, mine = contents(), whats_mine(plane)
    for turn in range(TIMES):
        edit.replace_motion(plane, drawn_motion(picture(*SIZE), turn + 1))
        for name, values in EDITS.items():
            setattr(plane.gid.edits, name, values[turn % 2])
        plane.gid.edits.mask = mask if turn % 2 else None
        plane.gid.edits.strength = strength if turn % 3 else None
    assert contents() == before
    assert whats_mine(plane) == mine


@pytest.mark.parametrize("name", [*EDITS, "mask", "strength", "motion", "photo", "length"])
def test_undo_and_redo_give_the_exact_state(artists, drawn_motion, picture, name):
    def plane():  # undo makes references stale
        return bpy.data.objects["GID Loop Test"]

    value = {"mask": 0.25, "strength": 2.0}.get(name)
    mine = None if value is None else a_picture("Mine", half(value, *SIZE))
    if mine:
        mine.use_fake_user = True
    bpy.ops.ed.undo_push(message="before")
    before, untouched = state(plane()), whats_mine(plane())
    if name == "motion":
        edit.replace_motion(plane(), drawn_motion(picture(*SIZE), 7))
    elif name == "photo":
        edit.replace_motion(plane(), drawn_motion(picture(48, 56), 7, grid=(18, 21)), picture(48, 56))
    elif name == "length":
        edit.retime_loop(plane(), edit.plan_for(plane(), 48, Fraction(25)), Fraction(25), 1001)
    else:
        setattr(plane().gid.edits, name, mine or EDITS[name][0])
    bpy.ops.ed.undo_push(message="after")
    after = state(plane())
    assert after != before
    for _ in range(2):
        bpy.ops.ed.undo()
        assert state(plane()) == before
        assert whats_mine(plane()) == untouched
        bpy.ops.ed.redo()
        assert state(plane()) == after


def test_a_saved_loop_goes_on_being_edited(artists, drawn_motion, picture, tmp_path):
    artists.gid.edits.amplitude = 2.0
    edit.replace_motion(artists, drawn_motion(picture(*SIZE), 6))
    before, held = state(artists), whats_mine(artists)
    count = len(contents())
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"), compress=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    plane = bpy.data.objects["GID Loop Test"]
    assert state(plane) == before
    assert whats_mine(plane) == held
    plane.gid.edits.amplitude = 1.0
    edit.replace_motion(plane, drawn_motion(picture(*SIZE), 8))
    same_volume(read.stored_volume(plane), drawn_motion(picture(*SIZE), 8).volume())
    assert len(contents()) == count


def paint(image, value=0.125):
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    pixels[:40] = value
    image.pixels.foreach_set(pixels)
    image.update()


def test_paint_on_front_and_plate_stays_with_the_photo_and_is_saved(loop, drawn_motion, picture, tmp_path):
    plane = loop()
    for image in (plane.gid.front, plane.gid.plate):
        paint(image)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    plane = bpy.data.objects["GID Loop Test"]
    painted = [images.pixels_of(image).tobytes() for image in (plane.gid.front, plane.gid.plate)]
    assert images.pixels_of(plane.gid.front)[-1, 3, 0] == 0.125
    edit.replace_motion(plane, drawn_motion(picture(*SIZE), 7))
    assert [images.pixels_of(image).tobytes() for image in (plane.gid.front, plane.gid.plate)] == painted
    edit.replace_motion(plane, drawn_motion(picture(*SIZE, seed=4), 7), picture(*SIZE, seed=4))
    assert images.pixels_of(plane.gid.front)[-1, 3, 0] != 0.125


def test_an_eevee_loop_moves_both_its_objects(loop, drawn_motion, picture):
    plane = loop(engine="EEVEE")
    before = contents()
    plane.gid.edits.turn = 0.5
    edit.replace_motion(plane, drawn_motion(picture(*SIZE), 8))
    bodies = live.bodies(plane)
    assert len(bodies) == 2
    for name in ("Turn", "Phase 3", "Frequency 4", "Lookup"):
        assert len({rig.get_input(body, name) for body in bodies}) == 1
    assert contents() == before


def test_what_does_not_fit_is_refused_and_changes_nothing(loop, drawn_motion, picture):
    plane = loop()
    before = state(plane)
    glass = np.concatenate([picture(*SIZE), np.full((SIZE[1], SIZE[0], 1), 0.5, np.float32)], 2)
    for motion, still, message in (
        (drawn_motion(picture(*SIZE), n_freqs=8), None, "make a new loop"),
        (drawn_motion(picture(*SIZE)), glass, "transparent"),
    ):
        with pytest.raises(SettingsError, match=message):
            edit.replace_motion(plane, motion, still)
    assert state(plane) == before
    with pytest.raises(SettingsError, match="not a loop"):
        edit.replace_motion(plane.gid.scene.camera, drawn_motion(picture(*SIZE)))
    plane.gid.envelope.pixels.foreach_set(np.full(len(plane.gid.envelope.pixels), -1, np.float32))
    with pytest.raises(VolumeError):
        edit.apply_edits(plane)


def test_edits_taken_back_restore_every_byte(loop):
    plane = loop()
    before = state(plane)
    mask = a_picture("Mine", half(0.0, *SIZE))
    for name, values in EDITS.items():
        setattr(plane.gid.edits, name, values[0])
    plane.gid.edits.mask = plane.gid.edits.strength = mask
    assert state(plane) != before
    for name in EDITS:
        plane.gid.edits.property_unset(name)
    plane.gid.edits.mask = plane.gid.edits.strength = None
    edit.follow(plane)
    assert state(plane) == before


def test_paint_on_strength_acts_when_asked(loop):
    plane = loop()
    image = plane.gid.edits.strength = a_picture("Mine", half(1.0, *SIZE))
    paint(image, 2.0)
    edit.apply_edits(plane)
    want = apply(read.stored_motion(plane), Edits(strength=strength_of_grey(live._grey(image))))
    assert read.played_volume(plane).amplitudes.tobytes() == want.amplitudes.tobytes()


def test_the_middle_of_eight_bits_is_as_predicted_bit_for_bit(loop):
    plane = loop()
    before = read.played_volume(plane).amplitudes.tobytes()
    image = bpy.data.images.new("Mine", *SIZE)
    for level, is_neutral in ((127, True), (128, True), (255, False)):
        image.pixels.foreach_set(np.full(SIZE[0] * SIZE[1] * 4, level / 255, np.float32))
        plane.gid.edits.strength = image
        edit.apply_edits(plane)
        assert (read.played_volume(plane).amplitudes.tobytes() == before) == is_neutral


def test_a_mask_in_srgb_becomes_numbers(loop):
    plane = loop()
    image = bpy.data.images.new("Mine", *SIZE)
    image.pixels.foreach_set(np.full(SIZE[0] * SIZE[1] * 4, 0.5, np.float32))
    plane.gid.edits.mask = image
    assert image.colorspace_settings.is_data
    assert np.abs(read.stored_edits(plane).mask - 0.5).max() < 1 / 255


def test_plucks_render_as_the_core_renders_them(loop, rendered, psnr):
    pulls = (Pull(0.7, 0.4, 0.1, 0.05, 0.75), Pull(0.6, 0.6, -0.05, 0.1, 0.125))
    plane = loop(edits=Edits(plucks=pulls, turn=0.5, high=0.5))
    plane.gid.edits.amplitude = 0.5
    (got,) = rendered(plane, [9])
    volume = read.stored_volume(plane)
    reference = LoopRenderer(
        read.stored_still(plane),
        volume,
        read.stored_plan(plane),
        front=images.pixels_of(plane.gid.front)[..., 0],
        plate=images.pixels_of(plane.gid.plate)[..., :3],
        kin=sharp.kin_of_pixels(images.pixels_of(rig.get_input(plane, "Kin"))),
        plucks=plucked(volume, pulls),
        fps=Fraction(24),
    )
    assert psnr(got[..., :3], reference.frame(8)) >= AGREES_DB


def test_all_edits_at_once_render_as_the_core_renders_them(loop, rendered, psnr):
    pulls = (Pull(0.7, 0.4, 0.1, 0.05, 0.75), Pull(0.6, 0.6, -0.05, 0.1, 0.125))
    asked = Edits(
        amplitude=0.75,
        turn=0.5,
        low=0.5,
        mid=1.25,
        high=0.75,
        border=0.125,
        phase=0.25,
        mask=half(0.5, *SIZE),
        strength=half(2.0, *SIZE),
        plucks=pulls,
    )
    plane = loop(edits=asked)
    volume = read.stored_volume(plane)
    reference = LoopRenderer(
        read.stored_still(plane),
        volume,
        read.stored_plan(plane),
        front=images.pixels_of(plane.gid.front)[..., 0],
        plate=images.pixels_of(plane.gid.plate)[..., :3],
        kin=sharp.kin_of_pixels(images.pixels_of(rig.get_input(plane, "Kin"))),
        plucks=plucked(volume, pulls),
        fps=Fraction(plane.gid.fps),
    )
    for frame, got in zip((4, 22), rendered(plane, [4, 22]), strict=True):
        assert psnr(got[..., :3], reference.frame(frame - 1)) >= AGREES_DB


def test_plucks_are_kept(loop):
    pulls = (Pull(0.5, 0.25, 0.125, 0.0, 0.5), Pull(0.25, 0.5, 0.0, -0.125, 0.0))
    assert read.stored_edits(loop(edits=Edits(plucks=pulls))).plucks == pulls


def test_internal_datablocks_stay_out_of_menus(loop):
    plane = loop()
    shown = sorted(image.name for image in bpy.data.images if not image.name.startswith("."))
    assert shown == ["GID In Front Test", "GID Plate Test", "GID Still Test"]
    assert all(block.name.startswith(".") for block in [*bpy.data.materials, *bpy.data.meshes])
    assert read.stored_edits(plane).told() == Edits().told()
