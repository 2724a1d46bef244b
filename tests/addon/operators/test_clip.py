"""Motion from a clip by the panel: a loop of its still, as editable as any; a refusal or a cancel changes nothing."""

import time

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import clips, jobs
from gid_dev.blender_addon.loop import raw, read
from gid_dev.gid_core.files import image_io, movie
from PIL import Image

SIZE, FPS, COUNT = (64, 48), 8, 10
PATIENCE_S = 120


def frames(shift):
    """A texture on a plain ground; its middle is `shift(i)` px farther right in frame i."""
    rng = np.random.default_rng(4)
    blots = Image.fromarray(rng.integers(40, 220, (20, 26, 3), np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    ground = np.asarray(blots, np.float32)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    inside = np.exp(-((((x - 32) / 14) ** 2 + ((y - 24) / 10) ** 2) ** 2))
    for index in range(COUNT):
        at = np.clip(x - shift(index) * inside, 0, SIZE[0] - 1)
        left = np.minimum(at.astype(int), SIZE[0] - 2)
        share = (at - left)[..., None]
        yield np.rint(ground[y, left] * (1 - share) + ground[y, left + 1] * share).astype(np.uint8)


def sway(index):
    return 1.2 * np.sin(2 * np.pi * index / 5)


@pytest.fixture
def clip(tmp_path):
    folder = tmp_path / "fern"
    folder.mkdir()
    for index, frame in enumerate(frames(sway)):
        Image.fromarray(frame).save(folder / f"{index:03d}.png")
    settings = bpy.context.scene.gid
    settings.length_unit, settings.n_frames, settings.use_model = "FRAMES", 12, False
    bpy.context.scene.render.fps = FPS
    return folder


def shown():
    """The motion of the loop, and its takes."""
    plane = bpy.context.scene.gid.loop
    return raw.load(plane).envelope.tobytes(), [take.name for take in plane.gid.takes]


def blocks():
    return {block.session_uid for block in bpy.data.user_map()}


def test_the_panel_makes_a_loop_that_moves_as_the_clip_and_stays_editable(clip):
    assert bpy.ops.gid.motion_from_clip(filepath=str(clip / "000.png")) == {"FINISHED"}
    plane = bpy.context.scene.gid.loop
    motion = raw.load(plane)
    rms = np.sqrt((motion.envelope**2).sum(0) / 2)
    height, width = rms.shape
    assert rms[height // 2, width // 2] == pytest.approx(1.2 / 2**0.5 * width / SIZE[0], rel=0.2)
    assert (rms[:, : width // 8] == 0).all()
    assert plane.gid.takes[0].name == "fern"
    assert plane.gid.answered.startswith("Motion by the clip fern")
    assert "seed" not in plane.gid.answered
    assert np.allclose(image_io.levels_of(read.stored_still(plane))[..., :3], next(frames(sway)), atol=1)
    plane.gid.edits.amplitude = 0
    assert not read.stored_volume(plane).amplitudes.any()
    plane.gid.edits.amplitude = 1


def test_its_still_is_in_the_file(clip, tmp_path):
    bpy.ops.gid.motion_from_clip(filepath=str(clip))
    before = raw.load(bpy.context.scene.gid.loop)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "loop.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "loop.blend"))
    plane = next(one for one in bpy.data.objects if one.gid.scene is not None)
    assert (raw.load(plane).envelope == before.envelope).all()
    assert plane.gid.source.packed_file is not None
    assert bpy.ops.gid.reroll() == {"FINISHED"}  # of its still, by the rules
    assert [take.name for take in plane.gid.takes] == ["fern", "Seed 1"]


def test_a_photo_of_the_same_view_takes_the_motion_as_a_take(clip, tmp_path, picture):
    image_io.save_png(tmp_path / "sharp.png", picture(96, 72))
    bpy.ops.gid.open_still(filepath=str(tmp_path / "sharp.png"))
    bpy.ops.gid.animate()
    bpy.ops.ed.undo_push(message="before")
    first = shown()
    assert bpy.ops.gid.motion_from_clip("EXEC_DEFAULT", True, filepath=str(clip), keep_photo=True) == {"FINISHED"}
    plane = bpy.context.scene.gid.loop
    assert [take.name for take in plane.gid.takes] == ["Seed 0", "fern"]
    assert plane.gid.source.name == "sharp.png"
    other = shown()
    assert other != first
    for _ in range(2):
        bpy.ops.ed.undo()
        assert shown() == first
        bpy.ops.ed.redo()
        assert shown() == other


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"filepath": "/no/such/missing.mp4"}, "there is no clip"),
        ({"filepath": ""}, "choose one"),
        ({"at": 9.0}, "no frame at 9 s"),
        ({"keep_photo": True}, "there is no still"),
    ],
)
def test_a_refusal_changes_nothing(clip, asked, said):
    before = blocks()
    with pytest.raises(RuntimeError, match=said):
        bpy.ops.gid.motion_from_clip(**{"filepath": str(clip), **asked})
    assert blocks() == before
    assert bpy.context.scene.gid.still is None


def test_a_cancel_leaves_no_process_and_no_data(clip):
    before = blocks()
    filming = clips.filming(clip, fps=str(FPS))
    job = jobs.start(jobs.key_of(bpy.context.scene), lambda: filming, lambda result: None, "Motion from Clip")
    patience = time.monotonic() + PATIENCE_S
    while job.phase == "Starting" and time.monotonic() < patience:
        assert not jobs.step()
        time.sleep(0.02)
    assert job.phase in ("read the clip", "follow what moves")
    begun = time.monotonic()
    jobs.stop(job.key)
    assert time.monotonic() - begun < 1
    assert all(process.poll() is not None for process in filming._crew._processes)
    assert blocks() == before


def test_another_blender_reads_the_video_where_python_cannot(clip, tmp_path, monkeypatch):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "fern.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv444p"
        for frame in frames(sway):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    here = clips.read(tmp_path / "fern.mp4", at=0.5)
    monkeypatch.setattr(movie, "is_available", lambda kind: False)
    there = clips.read(tmp_path / "fern.mp4", at=0.5)
    assert there.name == here.name == "fern.mp4"
    assert there.clip.frames.shape == here.clip.frames.shape
    assert there.clip.rest == here.clip.rest == 4
    assert np.allclose(there.clip.times, here.clip.times, atol=0.01)
    assert abs(there.still.astype(int) - here.still).mean() < 4  # of 255: whose colour matrix, and rounding
    (tmp_path / "words.mp4").write_text("these are words")
    with pytest.raises(Exception, match=r"words.mp4 (cannot be read|holds no video)"):
        clips.read(tmp_path / "words.mp4")
