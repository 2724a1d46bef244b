"""A prediction as a job: the same loop as inline, one undo step, and whatever happens to the file meanwhile."""

import time

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import jobs
from gid_dev.blender_addon.loop import build, edit, images, raw, read
from gid_dev.blender_addon.nodes import rig
from gid_dev.blender_addon.operators import base, predict
from gid_dev.gid_core.motion.motion import ASKED_FOR


def contents():
    blocks = [b for b in bpy.data.user_map() if getattr(b, "source", "") != "VIEWER"]  # Blender's own, made on demand
    return sorted((block.bl_rna.name, block.name) for block in blocks)


def finish(limit_s=60):
    end = time.monotonic() + limit_s
    while not jobs.step():
        assert time.monotonic() < end, "the worker does not answer"
        time.sleep(0.02)


def start_job():
    """What the button does in a window; the tests have none."""
    order = predict.Order.read(bpy.context)
    return jobs.start(
        order.scene, order.begin, order.fulfil, "Animate", window=bpy.context.window, remedy_for=base.remedy_for
    )


def test_worker_gives_the_same_volume_as_the_inline_job(still):
    bpy.ops.gid.animate()
    inline = read.stored_volume(bpy.context.scene.gid.loop).amplitudes
    bpy.ops.gid.remove()
    job = start_job()
    finish()
    assert jobs.notice(job.key) is None
    assert np.array_equal(read.stored_volume(bpy.context.scene.gid.loop).amplitudes, inline)


def test_pictures_of_another_front_are_worked_out_anew(small_loop, monkeypatch):
    """What a thread worked out is used as long as the loop is as it was; painted meanwhile, it is made again."""
    motion = raw.load(small_loop)
    foreseen = edit.foreseen(small_loop, motion)()
    with monkeypatch.context() as only:
        only.setattr(build, "LoopRenderer", lambda *args, **options: pytest.fail("worked out again"))
        edit.replace_motion(small_loop, motion, foreseen=foreseen)
    front = small_loop.gid.front
    pixels = np.zeros(len(front.pixels), np.float32)
    front.pixels.foreach_set(pixels)
    front.update()
    edit.replace_motion(small_loop, motion, foreseen=foreseen)
    kin = images.pixels_of(rig.get_input(small_loop, "Kin"))
    edit.replace_motion(small_loop, motion)
    assert np.array_equal(images.pixels_of(rig.get_input(small_loop, "Kin")), kin)


def test_a_job_of_the_worker_is_one_undo_step(still):
    bpy.ops.ed.undo_push(message="before")
    before = contents()
    start_job()
    finish()
    assert contents() != before
    bpy.ops.ed.undo()
    assert contents() == before


def test_cancel_leaves_no_datablock_and_no_job(still):
    before = contents()
    start_job()
    assert not bpy.ops.gid.animate.poll()
    assert bpy.ops.gid.cancel() == {"FINISHED"}
    assert jobs.running() == ()
    assert contents() == before
    assert not bpy.ops.gid.cancel.poll()
    assert bpy.ops.gid.animate.poll()


def test_a_still_removed_while_the_worker_runs_makes_nothing(still):
    job = start_job()
    bpy.data.images.remove(still)
    before = contents()
    finish()
    assert "removed" in jobs.notice(job.key).text
    assert contents() == before


def test_an_undo_while_the_worker_runs_does_no_harm(still):
    bpy.ops.ed.undo_push(message="before")
    bpy.context.scene.gid.seed = 3
    bpy.ops.ed.undo_push(message="seed")
    start_job()
    bpy.ops.ed.undo()
    finish()
    assert bpy.context.scene.gid.loop.gid.n_frames == 12


def test_another_file_opened_while_the_worker_runs_stays_as_it_is(still, tmp_path):
    job = start_job()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    before = contents()
    finish()
    assert contents() == before
    assert jobs.notice(job.key) is None
    assert "gone" in jobs.notice(jobs.key_of(bpy.context.scene)).text


def test_a_model_that_is_not_there_offers_the_physics_prior(still, monkeypatch, tmp_path):
    from gid_dev.blender_addon import preferences

    monkeypatch.setattr(preferences, "model_choice", lambda settings: str(tmp_path / "nothing"))
    job = start_job()
    finish()
    notice = jobs.notice(job.key)
    assert notice.is_error
    assert notice.remedy.operator == "gid.animate"
    monkeypatch.undo()
    bpy.context.scene.gid.use_model = True
    assert bpy.ops.gid.animate(**dict(notice.remedy.settings)) == {"FINISHED"}
    assert not bpy.context.scene.gid.use_model
    assert "physics" in bpy.context.scene.gid.loop.gid.answered
    assert bpy.ops.gid.dismiss() == {"FINISHED"}
    assert jobs.notice(job.key) is None


def test_the_panel_tells_which_processor_ran_and_why_not_a_better_one():
    note = "CUDAExecutionProvider was passed over for the flow: it differs from the CPU by 0.5"
    by_model = {"source": "gid-motion 1", "seed": 7, "provider": "CPUExecutionProvider", "provider_notes": [note]}
    assert predict.answered(by_model) == f"Motion by gid-motion 1 on CPU, seed 7. {note}"
    by_rules = {"source": "physics prior", "seed": 7, "reason": "onnxruntime does not load here"}
    assert predict.answered(by_rules) == "Motion by physics prior, seed 7. onnxruntime does not load here"
    assert predict.answered({**by_rules, "reason": ASKED_FOR}) == "Motion by physics prior, seed 7"
