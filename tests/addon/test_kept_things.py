"""What a file keeps of a loop and anything may have changed: a sample of `build.py soak blend`, with another seed."""

import os

import bpy
import gid_dev.blender_addon as addon
import pytest
from gid_dev.blender_addon import jobs
from gid_dev.blender_addon.loop import edit, intact, read
from gid_dev.blender_addon.nodes import rig
from gid_dev.gid_core.errors import SettingsError


@pytest.fixture
def soak():
    """The soak registers the add-on by itself, and builds its loop with what these tests build theirs with."""
    addon.unregister()
    place = os.environ["TMPDIR"]
    from tests.soak import blend  # here: outside of the tests it brings a Blender of its own

    assert os.environ["TMPDIR"] == place
    yield blend
    addon.register()


def test_changed_texts_images_and_rigs_end_in_a_result_or_a_sentence(soak):
    ((_, count, faults, told),) = soak.blend(120, seed=11)
    assert (count, faults) == (120, [])
    assert " 0 sentences" not in told


@pytest.mark.parametrize("text", ["", "{", "3", "[[1]]", '["a"]', '{"a": 1}', "[NaN]", "[" * 9999])
def test_a_text_that_is_no_list_of_numbers_is_a_sentence(text):
    with pytest.raises(SettingsError, match="the loop 'Fern' was changed or damaged"), intact.intact("Fern"):
        intact.numbers(text, None)


def test_a_loop_that_would_last_for_years_gets_no_gusts_of_years(small_loop, drawn):
    from gid_dev.blender_addon.panels.loop import Loop

    small_loop.gid.n_frames = 2**31 - 1
    small_loop.gid.edits.gusts = 0.5
    assert "the loop would play from frame" in " ".join(map(str, drawn(Loop))).lower()


@pytest.mark.parametrize("text", ["", "3", "[]", "[" * 9999])
def test_a_text_that_is_no_record_is_a_sentence(text):
    with pytest.raises(SettingsError, match="changed or damaged"), intact.intact("Fern"):
        intact.record(text)


def test_a_loop_without_its_picture_says_so_in_the_panel(small_loop, drawn):
    from gid_dev.blender_addon.panels.loop import Loop

    bpy.data.images.remove(next(image for image in bpy.data.images if image.name.startswith("GID Still")))
    with pytest.raises(SettingsError, match="lost its picture 'Still'"):
        read.stored_still(small_loop)
    assert "lost its picture 'Still'" in " ".join(map(str, drawn(Loop)))


@pytest.mark.parametrize("part", ["plate", "Still", "Static Mask", "Image 1"])
def test_two_parts_with_one_picture_are_refused_and_nothing_changes(small_loop, part):
    """Pixels are written to an image that takes the place of the old one: the other part would keep what is gone."""
    gid = small_loop.gid
    gid.front = gid.plate if part == "plate" else rig.get_picture(small_loop, part)
    before = set(bpy.data.images)
    with pytest.raises(SettingsError, match="two of its parts show the same picture"):
        edit.apply_edits(small_loop)
    assert set(bpy.data.images) == before


@pytest.mark.parametrize("kind", [TypeError, AttributeError, ValueError, KeyError])
def test_a_bug_of_ours_is_not_taken_for_damage(small_loop, monkeypatch, kind):
    def fail(*_arguments, **_options):
        raise kind("a bug of ours")

    monkeypatch.setattr(read, "apply", fail)
    monkeypatch.setattr(edit, "apply", fail)
    for ask in (read.stored_volume, edit.follow_rate):
        with pytest.raises(kind, match="a bug of ours"):
            ask(small_loop)


def test_the_panel_says_that_an_operator_failed_by_a_bug_of_ours(small_loop, monkeypatch):
    def fail(*_arguments, **_options):
        raise TypeError("a bug of ours")

    monkeypatch.setattr(edit, "check_fits", fail)
    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*a bug of ours"):
        bpy.ops.gid.apply_edits()
    assert "a fault of the add-on" in jobs.notice(jobs.key_of(bpy.context.scene)).text
