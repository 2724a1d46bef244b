"""Bake as an artist meets it: what lies in the folder, how it agrees with Blender, what is refused, what is left."""

import json
import os
import shutil
import signal
import time

import av
import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import jobs
from gid_dev.blender_addon.loop import sight
from gid_dev.blender_addon.output import bake, beside, preview
from gid_dev.blender_addon.output.delivery import rendered_picture
from gid_dev.gid_core import child
from gid_dev.gid_core.errors import SettingsError
from gid_dev.gid_core.files import colour, image_io
from gid_dev.gid_core.frames.bake import bake as core_bake
from gid_dev.gid_core.frames.frame_worker import Sheet

N_FRAMES = 12
AGREES_DB = 100
PATIENCE_S = 60
NEEDS_SIGNALS = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be stopped here")


@pytest.fixture
def output(small_loop, tmp_path):
    """The settings of a bake of the loop in sight, which leads into a folder of the test."""
    asked = bpy.context.scene.gid.output
    asked.folder = str(tmp_path / "bakes")
    return asked


def made(tmp_path):
    (folder,) = (tmp_path / "bakes").iterdir()
    return folder, {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_bake_leaves_frames_movie_and_a_report_that_tells_of_blender(output, tmp_path):
    assert bpy.ops.gid.bake() == {"FINISHED"}
    folder, files = made(tmp_path)
    frames = {f"frames/{n:04d}.png" for n in range(1, N_FRAMES + 1)}
    assert files == frames | {"loop.mp4", "report.json"}
    report = json.loads((folder / "report.json").read_text())
    assert set(report["files"]) == files
    assert report["compared_db"] >= AGREES_DB
    with av.open(str(folder / "loop.mp4")) as container:
        assert len(list(container.decode(video=0))) == N_FRAMES


def test_best_bakes_other_pixels_and_compares_core_with_blender(small_loop, output, tmp_path):
    output.quality, output.format, output.movie = "BEST", "png16", "none"
    assert bpy.ops.gid.bake() == {"FINISHED"}
    folder, _files = made(tmp_path)
    report = json.loads((folder / "report.json").read_text())
    assert report["by"] == "best"
    assert report["compared_db"] >= AGREES_DB
    frame = image_io.load_photo(folder / "frames" / "0005.png").pixels
    best, core = (bake.loop_of(small_loop, quality).renderer().frame(4).clip(0, 1) for quality in ("best", "core"))
    assert np.abs(frame - best).max() < np.abs(frame - core).max() / 10


def test_a_script_may_ask_for_the_network_that_the_panel_does_not_offer(small_loop, output, tmp_path):
    output.movie, output.format = "none", "png16"
    assert "NETWORK" not in output.bl_rna.properties["quality"].enum_items
    mask = np.zeros((32, 48, 4), np.float32)
    mask[:, 20:] = 1
    image = bpy.data.images.new("Mask", 48, 32, float_buffer=True, is_data=True)
    image.pixels.foreach_set(mask[::-1].ravel())
    small_loop.gid.edits.mask = image
    assert bpy.ops.gid.bake(quality="network") == {"FINISHED"}
    folder, files = made(tmp_path)
    report = json.loads((folder / "report.json").read_text())
    assert report["by"] == "network"
    assert report["compared_db"] >= AGREES_DB
    assert output.quality == "CORE"
    loop = bake.loop_of(small_loop, "network")
    first, fifth = (image_io.load_photo(folder / "frames" / f"{n:04d}.png").pixels for n in (1, 5))
    assert np.abs(first - loop.still[..., :3]).max() < 1e-3
    assert (first[:, :8] == fifth[:, :8]).all()  # beyond the reach of what moves
    assert np.abs(fifth - loop.renderer().frame(4).clip(0, 1)).max() < 1e-3
    # What a bake leaves that was killed an hour ago is gone on with, to the same bytes.
    frames = {name: (folder / name).read_bytes() for name in files if name.startswith("frames/")}
    left = folder.with_name(f".{folder.name}-left.partial")
    shutil.rmtree(folder)
    core_bake(loop, left, range(1, 6), Sheet("png16"))
    for path in (left, left / "frames" / "0003.png"):
        os.utime(path, (time.time() - 3600,) * 2)
    kept = (left / "frames" / "0003.png").stat().st_mtime_ns
    assert bpy.ops.gid.bake(quality="network") == {"FINISHED"}
    assert (folder / "frames" / "0003.png").stat().st_mtime_ns == kept
    assert {name: (folder / name).read_bytes() for name in frames} == frames
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_best_fills_holes_itself_unless_the_plate_is_painted(small_loop):
    assert bake.loop_of(small_loop, "best").plate is None
    assert isinstance(bake.loop_of(small_loop).plate, np.ndarray)
    plate = small_loop.gid.plate
    plate.pixels.foreach_set(np.full(len(plate.pixels), 0.25, np.float32))
    assert (bake.loop_of(small_loop, "best").plate == 0.25).all()


def test_every_edit_of_the_loop_is_in_the_bake(small_loop, output, tmp_path):
    mask = np.zeros((32, 48, 1), np.float32)
    mask[:, 20:] = 1
    image = bpy.data.images.new("Mask", 48, 32, float_buffer=True, is_data=True)
    image.pixels.foreach_set(np.repeat(mask[::-1], 4, 2).ravel())
    edits = small_loop.gid.edits
    edits.one_axis = 0.5
    edits.mask, edits.turn, edits.low, edits.border, edits.amplitude, edits.phase = image, 0.7, 1.5, 0.1, 1.4, 0.25
    assert bpy.ops.gid.bake() == {"FINISHED"}
    folder, _files = made(tmp_path)
    report = json.loads((folder / "report.json").read_text())
    assert report["compared_db"] >= AGREES_DB
    picture = rendered_picture(small_loop, 8)[..., :3]
    frame = image_io.load_photo(folder / "frames" / "0008.png").pixels
    assert np.abs(colour.encode_srgb(frame) - colour.encode_srgb(picture)).max() <= 1.01 / 255
    assert bake.loop_of(small_loop).volume.mask is not None


def test_range_passes_and_formats(small_loop, output, tmp_path):
    small_loop.gid.scene.frame_start, small_loop.gid.scene.frame_end = 11, 14
    output.range, output.format, output.movie, output.stmap, output.vectors = "SCENE", "exr-half", "webp", True, True
    assert bpy.ops.gid.bake() == {"FINISHED"}
    _folder, files = made(tmp_path)
    numbers = range(11, 15)
    expected = {f"{kind}/{n:04d}.exr" for kind in ("frames", "stmap", "vectors") for n in numbers}
    assert files == expected | {"loop.webp", "report.json"}


def test_a_bake_changes_nothing_in_the_file(small_loop, output):
    def blocks():
        return sorted(
            (block.bl_rna.name, block.name_full) for block in bpy.data.user_map() if block.name != "Render Result"
        )

    before = blocks()
    bpy.ops.gid.bake()
    assert blocks() == before


@pytest.mark.parametrize("quality", ["core", "network"])
def test_a_cancelled_bake_leaves_nothing(small_loop, output, tmp_path, quality):
    loop = bake.loop_of(small_loop, quality)
    order = bake.BakeOrder(loop, range(1, 2001), tmp_path / "bakes" / "a", Sheet(), "none", 24, small_loop.session_uid)
    key = jobs.key_of(small_loop.gid.scene)
    jobs.start(key, lambda: bake.Bake(order), bake.Bake.finish, "Bake")
    patience = time.monotonic() + PATIENCE_S
    while jobs.current(key).fraction == 0 and time.monotonic() < patience:
        jobs.step()
        time.sleep(0.02)
    assert jobs.current(key).phase == "render the frames"
    begun = time.monotonic()
    jobs.stop(key)
    assert time.monotonic() - begun < 1
    assert not (tmp_path / "bakes").exists()


def test_a_job_says_where_the_frames_are(small_loop, output, tmp_path):
    order = bake.BakeOrder(
        bake.loop_of(small_loop), range(1, 4), tmp_path / "bakes" / "a", Sheet(), "none", 24, small_loop.session_uid
    )
    key = jobs.key_of(small_loop.gid.scene)
    jobs.start(key, lambda: bake.Bake(order), bake.Bake.finish, "Bake")
    patience = time.monotonic() + PATIENCE_S
    while not jobs.step() and time.monotonic() < patience:
        time.sleep(0.02)
    said = jobs.notice(key)
    assert not said.is_error
    assert "3 frames are in" in said.text
    assert "dB" in said.text
    assert made(tmp_path)[1] == {*(f"frames/{n:04d}.png" for n in range(1, 4)), "report.json"}


def asked(tmp_path):
    """What the panel asks for, as the button hands it on."""
    sheet = {"format": "png", "passes": [], "shutter_deg": 0.0, "samples": 16}
    folder = str(tmp_path / "bakes")
    return {"whole_range": False, "folder": folder, "sheet": sheet, "quality": "core", "movie": "h264",
            "repeats": 1, "hold": 0, "busy": []}  # fmt: skip


def test_a_blender_beside_bakes_the_loop_as_it_was_at_the_press(small_loop, output, tmp_path):
    small_loop.gid.scene.gid.home = bpy.data.scenes.new("The artist's own")
    work = beside.BakeBeside(small_loop, asked(tmp_path))
    small_loop.gid.edits.turn = 0.5
    assert "frame 5 is as Blender renders it" in jobs.run(work, beside.BakeBeside.finish)
    folder, files = made(tmp_path)
    assert files == {f"frames/{n:04d}.png" for n in range(1, N_FRAMES + 1)} | {"loop.mp4", "report.json"}
    assert json.loads((folder / "report.json").read_text())["compared_db"] >= AGREES_DB
    with pytest.raises(SettingsError, match="changed since"):
        bake.baked_frames(small_loop)
    small_loop.gid.edits.turn = 0.0
    assert len(bake.baked_frames(small_loop)) == N_FRAMES
    assert small_loop.gid.scene.gid.home.name == "The artist's own"


@pytest.mark.parametrize("answers", [True, pytest.param(False, marks=NEEDS_SIGNALS)])
def test_a_bake_beside_that_is_cancelled_leaves_nothing(small_loop, output, tmp_path, monkeypatch, answers):
    monkeypatch.setattr(child, "_TIDY_S", child._TIDY_S if answers else 0.2)
    small_loop.gid.scene.frame_end = 2000
    work = beside.BakeBeside(small_loop, {**asked(tmp_path), "whole_range": True})
    patience = time.monotonic() + PATIENCE_S
    steps = []
    while not any(step.phase == "render the frames" for step in steps) and time.monotonic() < patience:
        steps += work.poll()
        time.sleep(0.02)
    assert work.place == (str(tmp_path / "bakes" / "photo"), bake.take_of(small_loop))
    assert list((tmp_path / "bakes").glob(".*"))  # what will be in its folder
    if not answers:
        work._crew._processes[0].send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    work.cancel()
    assert time.monotonic() - begun < 1
    while (tmp_path / "bakes").exists() and time.monotonic() < begun + PATIENCE_S:
        time.sleep(0.02)
    assert not (tmp_path / "bakes").exists()
    assert small_loop.gid.baked == ""


@pytest.mark.parametrize(
    ("folder", "said"), [("", "choose one"), ("//here", "never saved"), ("{file}", "cannot write")]
)
def test_a_folder_that_cannot_be_is_refused(output, tmp_path, folder, said):
    (tmp_path / "file").write_text("in the way")
    output.folder = folder.format(file=tmp_path / "file")
    with pytest.raises(RuntimeError, match=said):
        bpy.ops.gid.bake()
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".png"] == ["file"]


def test_what_the_core_cannot_follow_is_refused(small_loop, output, tmp_path):
    from gid_dev.blender_addon.loop import clock

    clock.key_input(small_loop, "Turn", [(1, 0.0, "LINEAR"), (12, 1.0, "LINEAR")])
    with pytest.raises(RuntimeError, match="'Turn' is animated"):
        bpy.ops.gid.bake()
    assert not (tmp_path / "bakes").exists()


def test_without_a_loop_there_is_nothing_to_bake():
    assert not bpy.ops.gid.bake.poll()
    assert sight.in_sight(bpy.context) is None


def test_plucks_are_in_the_bake(small_loop, output, tmp_path):
    pull = small_loop.gid.edits.plucks.add()
    pull.x, pull.y, pull.dx, pull.dy, pull.time_s = 0.5, 0.5, 0.08, 0.02, 0.125
    assert bake.loop_of(small_loop).plucks
    small_loop.gid.edits.amplitude, small_loop.gid.edits.damping = 1.3, 0.5
    assert bpy.ops.gid.bake() == {"FINISHED"}
    assert json.loads((made(tmp_path)[0] / "report.json").read_text())["compared_db"] >= AGREES_DB


def test_edits_bake_into_the_same_folder_and_another_take_into_its_own(small_loop, output, tmp_path):
    output.movie = "none"
    assert bpy.ops.gid.bake() == {"FINISHED"}
    assert bpy.path.abspath(small_loop.gid.baked) == str(tmp_path / "bakes" / "photo")
    small_loop.gid.edits.amplitude = 0.5
    with pytest.raises(SettingsError, match="changed since"):
        bake.baked_frames(small_loop)
    assert bpy.ops.gid.bake() == {"FINISHED"}
    assert [path.name for path in (tmp_path / "bakes").iterdir()] == ["photo"]
    assert [file.name for file in bake.baked_frames(small_loop)] == [f"{n:04d}.png" for n in range(1, N_FRAMES + 1)]
    first = (tmp_path / "bakes" / "photo" / "frames" / "0005.png").read_bytes()
    bpy.ops.gid.reroll()
    assert bpy.ops.gid.bake() == {"FINISHED"}
    assert sorted(path.name for path in (tmp_path / "bakes").iterdir()) == ["photo", "photo_2"]
    assert (tmp_path / "bakes" / "photo" / "frames" / "0005.png").read_bytes() == first
    bpy.ops.gid.reroll(step=-1)
    assert bake.folder_of(small_loop, output.folder).name == "photo"
    busy = [(tmp_path / "bakes" / "photo", "of another loop")]
    assert bake.folder_of(small_loop, output.folder, busy).name == "photo_3"


def test_a_folder_chosen_for_the_bake_is_where_it_goes(small_loop, output, tmp_path):
    output.folder, output.movie = "//loops/", "none"
    assert bake.is_nowhere(output.folder)
    assert bpy.ops.gid.bake(directory=str(tmp_path / "bakes")) == {"FINISHED"}
    assert made(tmp_path)[0].name == "photo"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    assert not bake.is_nowhere("//loops/")
    small_loop = sight.in_sight(bpy.context)
    assert bpy.ops.gid.bake() == {"FINISHED"}
    assert small_loop.gid.baked.startswith("//bakes")
    assert len(bake.baked_frames(small_loop)) == N_FRAMES


def test_a_preview_is_the_loop_small_and_changes_nothing(small_loop, psnr):
    shown = preview.small_loop_of(small_loop, 24)
    assert shown.still.shape == (16, 24, 3)
    full = bake.loop_of(small_loop).renderer().frame(4)
    small = shown.renderer().frame(4)
    assert psnr(small, image_io.resize(full, 24, 16)) > 25
    work = preview.Preview(small_loop)
    assert "preview's frames are in" in jobs.run(work, preview.Preview.play)
    frames = sorted(path.name for path in (work._folder / "frames").iterdir())
    assert frames == [f"{n:04d}.png" for n in range(1, N_FRAMES + 1)]
    assert work.command[1:4] == ["-a", "-f", "24"]
    assert bpy.ops.gid.preview() == {"FINISHED"}
    assert not bpy.ops.gid.open_bake.poll()
