"""The panel draws every state from properties alone, and names only operators and properties that exist."""

import types

import bpy
import pytest
from gid_dev.blender_addon import jobs
from gid_dev.blender_addon.panels import loop, menus, pluck


class Layout:
    """Stands in for Blender's UILayout, which exists while a window draws: checks each call, keeps what was shown."""

    def __init__(self, shown=None):
        self.shown = [] if shown is None else shown

    def row(self, **_options):
        return Layout(self.shown)

    column = box = split = row

    def prop(self, data, name, **_options):
        assert name in data.bl_rna.properties, name
        self.shown.append(name)

    def template_ID(self, data, name, open, new=None, text=""):
        assert name in data.bl_rna.properties
        self.operator(open)

    def operator(self, idname, **_options):
        module, name = idname.split(".")
        getattr(getattr(bpy.ops, module), name).get_rna_type()  # KeyError: there is no such operator
        self.shown.append(idname)
        return types.SimpleNamespace()  # takes the operator's properties

    def menu(self, idname, **_options):
        assert hasattr(bpy.types, idname)
        self.shown.append(idname)

    def label(self, text="", **_options):
        self.shown.append(text)

    def progress(self, factor, text):
        self.shown.append((factor, text))

    def separator(self):
        pass


def drawn(cls, draw=None):
    class Shown:
        layout = Layout()

    (draw or cls.draw)(Shown, bpy.context)
    return Shown.layout.shown


def datablocks():
    return {block.session_uid for block in bpy.data.user_map()}


def test_without_a_still_the_panel_offers_to_open_one():
    shown = drawn(loop.GID_PT_loop)
    assert shown[0].startswith("Open a photo")
    assert {"gid.open_still", "seed", "seconds", "size", "gid.animate"} <= set(shown)
    assert "gid.remove" not in shown


def test_length_is_asked_for_in_the_chosen_unit():
    bpy.context.scene.gid.length_unit = "FRAMES"
    shown = drawn(loop.GID_PT_loop)
    assert "n_frames" in shown
    assert "seconds" not in shown


def test_a_running_job_shows_progress_and_cancel_in_place_of_animate(monkeypatch):
    key = jobs.key_of(bpy.context.scene)
    running = types.SimpleNamespace(key=key, text="Denoising 25 %, 3 s left", fraction=0.25)
    monkeypatch.setattr(jobs, "_jobs", {key: running})
    shown = drawn(loop.GID_PT_loop)
    assert (0.25, "Denoising 25 %, 3 s left") in shown
    assert "gid.cancel" in shown
    assert "gid.animate" not in shown


@pytest.mark.parametrize("remedy", [None, jobs.Remedy("gid.animate", "Mend", (("use_prior", True),))])
def test_a_long_notice_is_shown_whole_with_the_button_that_mends_it(monkeypatch, remedy):
    sentence = "the model file was altered: " + "put the published file back " * 5
    jobs.note(jobs.key_of(bpy.context.scene), sentence.strip(), remedy=remedy)
    shown = drawn(loop.GID_PT_loop)
    labels = [text for text in shown if isinstance(text, str)]
    assert sentence.strip() in " ".join(labels)
    assert max(map(len, labels)) < 60
    assert "gid.dismiss" in shown
    assert shown.count("gid.animate") == (1 if remedy is None else 2)


def test_a_loop_shows_what_answered_and_offers_remove(small_loop):
    shown = drawn(loop.GID_PT_loop)
    assert small_loop.gid.answered in shown
    assert small_loop.gid.scene.name in shown
    assert {"gid.show_loop", "gid.retime", "gid.remove"} <= set(shown)


def test_drawing_changes_nothing(small_loop):
    before = datablocks()
    drawn(loop.GID_PT_loop)
    assert datablocks() == before


@pytest.mark.parametrize("group", ["Softmax Splat", "Fast Warp"])
def test_the_add_menu_of_the_compositor_holds_both_groups(group):
    assert menus.GID_MT_add_node_group.bl_idname in drawn(None, menus.draw_submenu)
    texts = []

    class Recorder(Layout):
        def operator(self, idname, text="", **options):
            texts.append(text)
            return super().operator(idname)

    menus.GID_MT_add_node_group.draw(types.SimpleNamespace(layout=Recorder()), bpy.context)
    assert group in texts


def test_the_panel_of_plucks_counts_those_that_are_recorded(small_loop):
    assert pluck.GID_PT_pluck.poll(bpy.context)
    shown = drawn(pluck.GID_PT_pluck)
    assert {"gid.pluck_tool", "record_plucks", "damping", "No plucks recorded", "gid.clear_plucks"} <= set(shown)
    bpy.ops.gid.pluck(offset=(0.05, 0.0))
    assert "1 pluck recorded" in drawn(pluck.GID_PT_pluck)
