"""What Blender renders is what gid_core renders: the same picture, the same holes, the still at the first frame."""

import resource
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.loop import read, remove
from gid_dev.blender_addon.output.frames import render_frames
from gid_dev.gid_core.errors import Cancelled, LimitError, SettingsError
from gid_dev.gid_core.files import colour, image_io
from gid_dev.gid_core.frames.renderer import LoopRenderer
from gid_dev.gid_core.frames.splat import HOLE
from gid_dev.gid_core.motion.edits import Edits
from gid_dev.gid_core.motion.plan import plan_loop
from gid_dev.gid_core.motion.volume import SpectralVolume

CYCLES_DB, EEVEE_DB, STILL_DB = 100, 65, 50
EXACT_DB = 120  # in an EXR: float32, a ray that is not quite through a pixel's centre
SAME_FRAME = 1e-4
FRAMES = (1, 9, 14, 25)  # of a loop of 24: the first twice
SIZES = {(256, 160): (256, 160), (512, 288): (256, 144), (301, 173): (97, 61)}  # still: volume


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: "{}x{}".format(*size))
def scene(request, registered, make_loop, occluding_volume, jumping_lookup, picture, rendered):
    """Frames of one loop with an occluding disc: over its plate, and without one; the larger ones have a lookup."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    width, height = request.param
    volume = occluding_volume(*SIZES[request.param], reach_px=60)
    if width != volume.width:
        volume = replace(volume, lookup=jumping_lookup(width, height))
    plan = plan_loop(volume, 24, Fraction(24))
    parts = SimpleNamespace(still=picture(width, height), frames={}, references={})
    for plate in (None, False):
        plane = make_loop(width, height, volume=volume, plate=plate)
        parts.frames[plate] = dict(zip(FRAMES, rendered(plane, FRAMES), strict=True))
        parts.references[plate] = LoopRenderer(parts.still, volume, plan, plate=plate)
        remove.remove_loop(plane)
    return parts


@pytest.mark.parametrize("frame", [9, 14])
def test_picture_and_holes_agree_without_a_plate(scene, psnr, frame):
    reference, got = scene.references[False], scene.frames[False][frame]
    _, coverage = reference.sums(frame - 1)
    assert np.abs(reference.displacement(frame - 1)).max() >= 10
    assert 0.002 < (coverage <= HOLE).mean() < 0.2
    assert np.array_equal(got[..., 3] < 0.5, coverage <= HOLE)
    assert psnr(got[..., :3], reference.frame(frame - 1)) >= CYCLES_DB


@pytest.mark.parametrize("frame", [9, 14])
def test_picture_over_its_plate_agrees(scene, psnr, frame):
    got = scene.frames[None][frame]
    assert psnr(got[..., :3], scene.references[None].frame(frame - 1)) >= CYCLES_DB
    assert np.abs(got[..., 3] - 1).max() < 1e-5


def test_first_frame_is_the_still(scene, psnr):
    for plate in (None, False):
        assert psnr(scene.frames[plate][1][..., :3], scene.still) >= EXACT_DB


def test_frame_after_the_last_is_the_first(scene):
    for frames in scene.frames.values():
        assert np.abs(frames[25] - frames[1]).max() <= SAME_FRAME


def test_png_of_the_first_frame_holds_the_values_of_the_still(make_loop, picture, psnr, tmp_path):
    (file,) = render_frames(make_loop(128, 80), tmp_path, [1])
    got = colour.encode_srgb(image_io.load_photo(file).pixels)
    assert psnr(got, colour.encode_srgb(picture(128, 80))) >= STILL_DB


def test_transparent_still_agrees_in_colour_and_opacity(make_loop, picture, occluding_volume, rendered, psnr):
    opacity = np.clip(np.linspace(-0.5, 1.5, 128, dtype=np.float32), 0, 1)[None, :, None]
    still = np.concatenate([picture(128, 80) * opacity, np.repeat(opacity, 80, 0)], 2)
    volume = occluding_volume(128, 80, reach_px=60)
    plane = make_loop(still=still, volume=volume)
    (got,) = rendered(plane, [9])
    reference = LoopRenderer(still, volume, plan_loop(volume, 24, Fraction(24)))
    assert psnr(got, reference.frame(8)) >= CYCLES_DB
    assert np.array_equal(read.stored_still(plane), still)


def test_painted_front_and_amount_agree(make_loop, picture, occluding_volume, rendered, psnr):
    front = np.random.default_rng(2).random((80, 128)).astype(np.float32)
    volume = occluding_volume(128, 80, reach_px=60)
    plane = make_loop(128, 80, volume=volume, front=front, amount=1.7, start=1001)
    (got,) = rendered(plane, [1009])
    plan = plan_loop(volume, 24, Fraction(24))
    reference = LoopRenderer(picture(128, 80), volume, plan, front=front, amount=1.7)
    assert psnr(got[..., :3], reference.frame(8)) >= CYCLES_DB


def test_lookup_and_mask_agree_together(make_loop, picture, occluding_volume, jumping_lookup, rendered, psnr):
    volume = replace(occluding_volume(96, 60, reach_px=60), lookup=jumping_lookup(256, 160))
    mask = np.ones((160, 256), np.float32)
    mask[:60], mask[60:100, 100:140] = 0.5, 0
    mask[110:] = np.linspace(0, 1, 256)
    edits = Edits(mask=mask, border=0.1)
    plane = make_loop(256, 160, volume=volume, edits=edits)
    (got,) = rendered(plane, [9])
    asked = read.stored_volume(plane)
    assert np.array_equal(asked.lookup, volume.lookup)
    # Front, kin and plate are of the motion without mask and border, which act live.
    made = LoopRenderer(picture(256, 160), replace(asked, mask=None, border=0.0), read.stored_plan(plane))
    options = {"front": made.front, "kin": made.kin, "plate": made.plate}
    reference = LoopRenderer(picture(256, 160), asked, read.stored_plan(plane), **options)
    assert psnr(got[..., :3], reference.frame(8)) >= CYCLES_DB


def swaying_as_a_whole(width, height, reach_px):
    """Each side moves into the frame and out of it, and so do the corners."""
    x = np.linspace(0, 1, width)[None, :, None]
    k = np.arange(1, 17)[:, None, None, None]
    turn = np.exp(2j * np.pi * np.random.default_rng(0).random((16, 1, 1, 2)))
    amplitudes = reach_px * turn / k * np.exp(0.5j * x) * [1, 0.7] * np.ones((16, height, width, 2))
    return SpectralVolume(amplitudes, k.ravel() / 5, {"seed": 0})


@pytest.mark.parametrize("engine", ["CYCLES", "EEVEE"])
def test_motion_never_bares_the_border(make_loop, jumping_lookup, picture, rendered, psnr, engine):
    volume = replace(swaying_as_a_whole(32, 20, 2), lookup=jumping_lookup(128, 80))
    green = np.zeros((80, 128, 3), np.float32) + np.float32([0, 1, 0])
    plan = plan_loop(volume, 24, Fraction(24))
    reference = LoopRenderer(picture(128, 80), volume, plan, plate=green)
    frames = range(24) if engine == "CYCLES" else (5, 11, 18)
    fields = [reference.displacement(n) for n in frames]
    inwards = [max(f[:, 0, 0].max() for f in fields), -min(f[:, -1, 0].min() for f in fields)]
    inwards += [max(f[0, :, 1].max() for f in fields), -min(f[-1, :, 1].min() for f in fields)]
    assert min(inwards) > 1.5
    got = rendered(make_loop(128, 80, volume=volume, plate=green, engine=engine), [n + 1 for n in frames])
    for n, frame in zip(frames, got, strict=True):
        assert psnr(frame[..., :3], reference.frame(n)) >= (CYCLES_DB if engine == "CYCLES" else EEVEE_DB)


def test_eevee_refuses_a_transparent_still(make_loop):
    still = np.full((40, 64, 4), 0.5, np.float32)
    with pytest.raises(SettingsError, match="opaque stills only"):
        make_loop(still=still, engine="EEVEE")
    assert len(bpy.data.scenes) == 1


def test_rendering_leaves_the_settings_of_the_scene(make_loop, tmp_path):
    plane = make_loop(32, 20)
    scene = plane.gid.scene
    scene.frame_set(7)
    scene.render.filepath = "//elsewhere"

    simple = {"BOOLEAN", "INT", "FLOAT", "STRING", "ENUM"}

    def settings():
        return [
            {
                p.identifier: getattr(part, p.identifier)
                for p in part.bl_rna.properties
                if p.type in simple and not getattr(p, "is_array", False)
            }
            for part in (scene.render, scene.render.image_settings)
        ], scene.frame_current

    before = settings()
    render_frames(plane, tmp_path, [3], "exr")
    assert settings() == before


def test_frames_are_named_by_their_number_and_progress_is_told(make_loop, tmp_path):
    told = []
    files = render_frames(
        make_loop(32, 20, start=1001, n_frames=3), tmp_path / "new", progress=lambda *step: told.append(step)
    )
    assert [file.name for file in files] == ["1001.png", "1002.png", "1003.png"]
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == [file.name for file in files]
    assert told == [("render", pytest.approx(n / 3)) for n in (1, 2, 3)]


def test_cancelled_rendering_leaves_no_frame(make_loop, tmp_path):
    asked = iter([False, False, True])
    with pytest.raises(Cancelled):
        render_frames(make_loop(32, 20), tmp_path, cancelled=lambda: next(asked))
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_is_refused(make_loop, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LimitError, match="cannot write"):
        render_frames(make_loop(32, 20), tmp_path / "file" / "frames", [1])


@contextmanager
def full_disk():
    """No file may grow beyond 3 KB. Lifted before the test ends: pytest's own report may go to a longer file."""
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, kept[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)


@pytest.mark.parametrize("file_format", ["png", "exr"])
def test_full_disk_is_told_and_leaves_no_frame(make_loop, tmp_path, file_format):
    plane = make_loop(128, 80)
    with full_disk(), pytest.raises(LimitError, match="is the disk full"):
        render_frames(plane, tmp_path, [1, 2], file_format)
    assert list(tmp_path.iterdir()) == []


def test_unknown_format_and_plain_objects_are_refused(make_loop, tmp_path):
    plane = make_loop(32, 20)
    with pytest.raises(SettingsError, match="choose from png, png16"):
        render_frames(plane, tmp_path, format="gif")
    with pytest.raises(SettingsError, match="not a loop"):
        render_frames(plane.gid.scene.camera, tmp_path)
