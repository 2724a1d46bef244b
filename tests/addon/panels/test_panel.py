"""The panel draws every state from properties alone, and names only operators and properties that exist."""

import types

import blf
import bpy
import pytest
from gid_dev.blender_addon import jobs
from gid_dev.blender_addon.loop import sight
from gid_dev.blender_addon.panels import (
    advanced,
    loop,
    menus,
    motion,
    output,
    pluck,
    sidebar,
    status,
    takes,
    use,
)


def datablocks():
    return {block.session_uid for block in bpy.data.user_map()}


def test_without_a_still_the_panel_offers_to_open_one(drawn):
    shown = drawn(loop.Loop)
    assert shown[0].startswith("Drop a photo")
    assert {"gid.open_still", "seed", "seconds", "= 120 frames at 24 fps", "gid.animate", "gid.batch"} <= set(shown)
    assert "gid.remove" not in shown


def test_length_is_asked_for_in_the_chosen_unit(drawn):
    bpy.context.scene.gid.length_unit, bpy.context.scene.gid.n_frames = "FRAMES", 150
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 24, 1.001
    shown = drawn(loop.Loop)
    assert {"n_frames", "= 6.256 s at 23.976 fps"} <= set(shown)
    assert "seconds" not in shown


def test_a_running_job_shows_progress_and_cancel_in_place_of_animate(monkeypatch, drawn):
    key = jobs.key_of(bpy.context.scene)
    running = types.SimpleNamespace(key=key, text="Denoising 25 %, 3 s left", fraction=0.25)
    monkeypatch.setattr(jobs, "_jobs", {key: running})
    shown = drawn(loop.Loop)
    assert (0.25, "Denoising 25 %, 3 s left") in shown
    assert "gid.cancel" in shown
    assert "gid.animate" not in shown


def test_a_long_phase_stands_above_its_bar_so_that_the_time_left_is_not_cut_off(monkeypatch, drawn):
    key = jobs.key_of(bpy.context.scene)
    running = types.SimpleNamespace(
        key=key, title="Photo 12 of 120: render the frames", share="15 %, 6 s left", fraction=0.15,
        text="Photo 12 of 120: render the frames 15 %, 6 s left",
    )  # fmt: skip
    monkeypatch.setattr(jobs, "_jobs", {key: running})
    shown = drawn(loop.Loop)
    assert (0.15, "15 %, 6 s left") in shown
    assert running.title in " ".join(text for text in shown if isinstance(text, str))


def test_output_tells_where_one_pressed_what_runs_and_what_came_of_it(small_loop, monkeypatch, drawn):
    key = jobs.key_of(small_loop.gid.scene)
    running = types.SimpleNamespace(key=key, text="Frames 25 %", fraction=0.25)
    monkeypatch.setattr(jobs, "_jobs", {key: running})
    shown = drawn(output.Output)
    assert {(0.25, "Frames 25 %"), "gid.cancel"} <= set(shown)
    assert "gid.bake" not in shown
    monkeypatch.setattr(jobs, "_jobs", {})
    jobs.note(key, "the disk is full")
    shown = drawn(output.Output)
    assert {"The disk is full", "gid.dismiss", "gid.bake"} <= set(shown)


def test_a_refusal_of_use_in_scene_stands_beside_its_buttons(small_loop, drawn):
    jobs.note(jobs.key_of(bpy.context.scene), "this loop was not baked yet", remedy=jobs.Remedy("gid.bake", "Bake"))
    shown = drawn(use.Use)
    assert shown.index("gid.add_card") < shown.index("This loop was not baked yet") < shown.index("gid.bake")
    jobs.note(jobs.key_of(bpy.context.scene), "120 frames are in loops", is_error=False)
    assert "gid.dismiss" not in drawn(use.Use)
    assert {"120 frames are in loops", "gid.dismiss"} <= set(drawn(output.Output))


def test_from_a_scene_of_ones_own_the_panel_leads_to_the_loop_and_back(small_loop, drawn):
    bpy.context.window.scene = bpy.data.scenes.new("Mine")
    bpy.context.scene.gid.loop = small_loop
    assert f"Show {small_loop.name.removeprefix('GID Loop ')}" in drawn(loop.Loop)
    small_loop.gid.scene.gid.home = bpy.context.scene
    bpy.context.window.scene = small_loop.gid.scene
    shown = drawn(loop.Loop)
    assert "Back to Mine" in shown
    assert "gid.show_loop" not in shown


@pytest.mark.parametrize("remedy", [None, jobs.Remedy("gid.animate", "Mend", (("use_prior", True),))])
def test_a_long_notice_is_shown_whole_with_the_button_that_mends_it(monkeypatch, remedy, drawn):
    sentence = "The model file was altered: " + "put the published file back " * 5
    said = sentence.replace("The", "the", 1).strip()  # as errors begin; in the panel it is a sentence
    jobs.note(jobs.key_of(bpy.context.scene), said, remedy=remedy)
    shown = drawn(loop.Loop)
    labels = [text for text in shown if isinstance(text, str)]
    assert sentence.strip() in " ".join(labels)
    assert max(map(len, labels)) < 60
    assert "gid.dismiss" in shown
    assert shown.count("gid.animate") == (1 if remedy is None else 2)


def test_the_parts_about_a_loop_say_what_answered_and_offer_its_edits(small_loop, drawn):
    assert small_loop.gid.answered in " ".join(drawn(advanced.Advanced))
    assert {"amplitude", "low", "turn", "border"} <= set(drawn(motion.Motion))
    small_loop.gid.envelope = None
    assert "gid.update_loop" in drawn(motion.Motion)


class Row:
    """What a list hands to the drawing of one of its rows."""

    bitflag_filter_item = 1
    filter_items = takes.GID_UL_loops.filter_items
    draw_item = takes.GID_UL_loops.draw_item


def test_every_loop_of_the_file_has_a_row_that_shows_and_removes_it(make_loop, drawn):
    first, second = make_loop(32, 20, name="One"), make_loop(32, 20, name="Two")
    shown, _order = Row().filter_items(bpy.context, bpy.data, "scenes")
    assert [scene for scene, is_shown in zip(bpy.data.scenes, shown, strict=True) if is_shown] == [
        first.gid.scene,
        second.gid.scene,
    ]
    entry = drawn(lambda self, context: Row().draw_item(context, self.layout, bpy.data, first.gid.scene, 0, None, ""))
    assert {"One", "1 s", "gid.show_loop", "gid.remove"} <= set(entry)


def test_the_row_of_a_loop_removes_that_loop_whatever_is_in_sight(make_loop):
    first, second = make_loop(32, 20, name="One"), make_loop(32, 20, name="Two")
    bpy.context.scene.gid.loop = second
    bpy.ops.gid.remove(loop=takes.uid(first))
    assert second.gid.scene is not None
    assert [scene.name for scene in bpy.data.scenes if sight.loop_of(scene)] == ["GID Loop Two"]
    with pytest.raises(RuntimeError, match="this loop is gone"):
        bpy.ops.gid.show_loop(loop="1")


def test_drawing_changes_nothing(small_loop, drawn):
    before = datablocks()
    for part in sidebar.Part.__subclasses__():
        drawn(part)
    assert datablocks() == before


@pytest.mark.parametrize("part", [motion.Motion, pluck.Pluck, use.Use, output.Output])
def test_blenders_search_finds_what_the_buttons_do(small_loop, part, drawn):
    buttons = {name for name in drawn(part) if str(name).startswith("gid.")}
    assert buttons
    assert buttons <= set(drawn(menus.GID_MT_loop.draw))


@pytest.mark.parametrize("group", ["Softmax Splat", "Fast Warp"])
def test_the_add_menu_of_the_compositor_holds_both_groups(group, drawn):
    assert menus.GID_MT_add_node_group.bl_idname in drawn(menus.draw_submenu)
    assert group in drawn(menus.GID_MT_add_node_group.draw)


def test_the_panel_of_plucks_counts_those_that_are_recorded(small_loop, drawn):
    assert pluck.Pluck.poll(bpy.context)
    shown = drawn(pluck.Pluck)
    assert {"gid.pluck_tool", "record_plucks", "damping"} <= set(shown)
    assert "gid.clear_plucks" not in shown  # there is none to take away
    for told in ("Clear the Pluck", "Clear 2 Plucks"):
        bpy.ops.gid.pluck(offset=(0.05, 0.0))
        shown = drawn(pluck.Pluck)
        assert {"gid.clear_plucks", told} <= set(shown)


SUFFIXES = {"VIEW_3D": "", "IMAGE_EDITOR": "_image", "NODE_EDITOR": "_node"}


@pytest.mark.parametrize("space", SUFFIXES)
def test_every_sidebar_has_the_same_parts_in_the_same_order(space):
    names = ("loop", "takes", "motion", "moves", "pluck", "use", "output", "advanced")
    panels = [getattr(bpy.types, f"GID_PT_{name}{SUFFIXES[space]}") for name in names]
    assert {panel.bl_space_type for panel in panels} == {space}
    assert {panel.bl_parent_id for panel in panels[1:]} == {panels[0].bl_idname}


@pytest.mark.parametrize(("tree", "is_shown"), [("CompositorNodeTree", True), ("ShaderNodeTree", False)])
def test_of_the_node_editors_the_compositor_alone_has_the_panel(tree, is_shown):
    context = types.SimpleNamespace(
        scene=bpy.context.scene, object=None, space_data=types.SimpleNamespace(tree_type=tree)
    )
    assert bpy.types.GID_PT_loop_node.poll(context) == is_shown


def test_a_part_about_a_loop_needs_one():
    assert not use.Use.poll(bpy.context)


def test_a_path_that_is_wider_than_the_panel_goes_on_in_the_next_line(drawn):
    path = "/a/folder/whose/name/is/longer/than/any/sidebar/is/wide/" + "frame" * 10
    jobs.note(jobs.key_of(bpy.context.scene), f"48 frames are in {path}; they agree", is_error=False)
    labels = [text for text in drawn(loop.Loop) if isinstance(text, str)]
    assert f"48framesarein{path};theyagree" in "".join(labels).replace(" ", "")
    assert path not in labels


@pytest.mark.parametrize(
    ("width", "texts", "is_row"),
    [
        (280, ("Compare", "Keep Only This"), True),  # px of a sidebar as Blender opens it
        (280, ("Invert", "Grow", "Feather"), True),
        (280, ("Less", "As Predicted", "More"), False),
        (200, ("Compare", "Keep Only This"), False),
        (220, ("In Front", "Behind"), True),
        (120, ("In Front", "Behind"), False),
    ],
)
def test_buttons_stand_side_by_side_where_their_words_are_seen_whole(width, texts, is_row):
    context = types.SimpleNamespace(preferences=bpy.context.preferences, region=types.SimpleNamespace(width=width))
    layout = types.SimpleNamespace(row=lambda align: "row", column=lambda align: "column")
    assert status.side_by_side(layout, context, *texts) == ("row" if is_row else "column")


@pytest.mark.parametrize(("width", "is_beside"), [(280, True), (217, False)])
def test_a_field_beside_the_ball_would_be_cut_in_a_narrow_sidebar(width, is_beside):
    region = types.SimpleNamespace(width=width)
    context = types.SimpleNamespace(preferences=bpy.context.preferences, region=region)
    assert status.fits(context, "One Axis 0.00", 1 - motion._BALL) == is_beside


@pytest.mark.parametrize("width", [280, 200, 160])  # px of a sidebar; of these 54 are its tabs and margins
@pytest.mark.parametrize(("icon", "icon_px"), [("NONE", 0), ("ERROR", 24)])
def test_no_line_of_a_sentence_is_wider_than_its_label(width, icon, icon_px):
    lines = []
    column = types.SimpleNamespace(label=lambda text, icon: lines.append(text))
    layout = types.SimpleNamespace(column=lambda align: column)
    context = types.SimpleNamespace(preferences=bpy.context.preferences, region=types.SimpleNamespace(width=width))
    sentence = "/tmp/run/work/photos/broken.jpg: the picture is damaged or cut short: export or download it again"
    status.draw_text(layout, context, sentence, icon=icon)
    assert "".join(lines).replace(" ", "") == sentence.replace(" ", "")
    assert max(blf.dimensions(0, line)[0] for line in lines) <= width - 54 - 8 - icon_px


@pytest.mark.parametrize("width", range(160, 300, 10))
def test_no_line_ends_between_a_number_and_its_unit(width):
    lines = []
    layout = types.SimpleNamespace(
        column=lambda align: types.SimpleNamespace(label=lambda text, icon: lines.append(text))
    )
    context = types.SimpleNamespace(preferences=bpy.context.preferences, region=types.SimpleNamespace(width=width))
    sentence = (
        "the camera moves in panned, by 3 % of the picture at 0.5 s: frame 41 is as Blender renders it, to 127 dB"
    )
    status.draw_text(layout, context, sentence)
    assert " ".join(lines) == sentence
    assert not [line for line in lines if line.startswith(("%", "s:", "dB"))]
