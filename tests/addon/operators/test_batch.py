"""A folder of photos from the panel: loops and a page beside it, one failure stops nothing, cancel leaves no debris."""

import json
import time

import bpy
import pytest
from gid_dev.blender_addon import jobs
from gid_dev.blender_addon.output import batch
from gid_dev.gid_core.files import image_io

PATIENCE_S = 60


@pytest.fixture
def photos(tmp_path, picture):
    """A folder of two photos and one that is broken; the panel asks for four frames by the physics prior."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed, name in enumerate(("rose", "tulip")):
        image_io.save_png(folder / f"{name}.png", picture(48, 32, seed=seed))
    (folder / "broken.png").write_bytes(b"no picture")
    settings = bpy.context.scene.gid
    settings.length_unit, settings.n_frames, settings.use_model, settings.size = "FRAMES", 4, False, 64
    settings.output.movie = "webp"
    return folder


def test_a_folder_becomes_loops_and_a_page_and_tells_what_failed(photos, tmp_path):
    before = {block.session_uid for block in bpy.data.user_map()}
    assert bpy.ops.gid.batch(directory=str(photos) + "/") == {"FINISHED"}
    assert {block.session_uid for block in bpy.data.user_map()} == before
    out = tmp_path / "photos_loops"
    assert sorted(path.name for path in out.iterdir()) == ["index.html", "rose", "tulip"]
    for name in ("rose", "tulip"):
        assert len(list((out / name / "frames").iterdir())) == 4
        assert (out / name / "loop.webp").exists()
        report = json.loads((out / name / "report.json").read_text())
        assert report["render"]["compared_db"] > 100
        bpy.ops.wm.open_mainfile(filepath=str(out / name / "scene.blend"))
        assert bpy.context.scene.gid.loop.gid.n_frames == 4
    page = (out / "index.html").read_text()
    assert "rose/loop.webp" in page
    assert "broken.png" in page
    told = batch.told(batch.Result("page.html", 3, ("broken.png is no picture",)))
    assert told == "2 of 3 photos became loops: page.html. broken.png is no picture"


def test_the_panel_is_asked_for_all_that_the_command_line_takes(photos):
    scene = bpy.context.scene
    scene.render.fps, scene.gid.seed, scene.gid.output.stmap = 25, 7, True
    asked = batch.arguments_of(scene, str(photos), "")
    assert asked[0] == str(photos)
    assert batch.arguments_of(scene, str(photos), "", use_clips=True) == [*asked, "--motion-from-clips"]
    assert {"--seconds=0.16", "--fps=25", "--seed=7", "--size=64", "--model=physics", "--stmap"} <= set(asked)
    with pytest.raises(RuntimeError, match="choose one"):
        bpy.ops.gid.batch()


def test_a_job_for_a_folder_outlives_its_file_and_is_stopped_by_its_own_button(photos, tmp_path):
    bpy.context.scene.gid.n_frames = 400
    arguments = batch.arguments_of(bpy.context.scene, str(photos), "")
    job = jobs.start(jobs.ANYWHERE, lambda: batch.begin(arguments), batch.told, "Batch")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    patience = time.monotonic() + PATIENCE_S
    while not (job.phase.endswith("render the frames") and job.fraction > 0) and time.monotonic() < patience:
        assert not jobs.step()
        time.sleep(0.02)
    assert job.phase.startswith("photo 2 of 3: ")  # the first is broken
    assert job.work.heard["place"]["folder"] == str(tmp_path / "photos_loops" / "rose")
    assert not bpy.ops.gid.batch.poll()
    assert bpy.ops.gid.cancel() == {"PASS_THROUGH"}  # Escape
    assert jobs.current(jobs.ANYWHERE) is job
    begun = time.monotonic()
    assert bpy.ops.gid.cancel(key=jobs.ANYWHERE) == {"FINISHED"}
    assert time.monotonic() - begun < 1
    assert jobs.current(jobs.ANYWHERE) is None
    out = tmp_path / "photos_loops"
    while list(out.rglob("*.png")) and time.monotonic() < begun + PATIENCE_S:
        time.sleep(0.02)
    assert not list(out.rglob("*.png"))
