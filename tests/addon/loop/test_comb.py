"""Direction, comb and slow motion in Blender: the same numbers as the core, live, and one undo step each."""

import json

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.loop import live, read
from gid_dev.blender_addon.nodes import rig
from gid_dev.blender_addon.panels import motion as part
from gid_dev.gid_core.motion.comb import Stroke, axis
from gid_dev.gid_core.motion.edits import Edits, apply


@pytest.fixture
def loop(make_loop, drawn_motion, picture):
    still = picture(64, 40)
    plane = make_loop(motion=drawn_motion(still), still=still, name="Drawn")
    bpy.context.scene.gid.loop = plane
    return plane


def plane():
    return bpy.context.scene.gid.loop


def test_a_stroke_acts_as_the_core_says_and_is_taken_back(loop):
    raw = read.played_volume(loop).amplitudes.tobytes()
    assert bpy.ops.gid.comb(begin=(0.6, 0.3), end=(0.6, 0.8), reach=0.3) == {"FINISHED"}
    stroke = Stroke(((0.6, 0.3), (0.6, 0.8)), 0.3)
    (kept,) = read.stored_edits(loop).strokes
    assert np.allclose(kept.points, stroke.points)
    expected = apply(read.stored_motion(loop), Edits(strokes=(kept,))).amplitudes
    assert np.array_equal(read.played_volume(loop).amplitudes, expected)
    assert expected.tobytes() != raw
    bpy.ops.gid.comb_clear()
    assert read.played_volume(loop).amplitudes.tobytes() == raw


def test_a_bent_stroke_comes_as_a_path(loop):
    bow = [(0.3, 0.3), (0.5, 0.5), (0.8, 0.4)]
    bpy.ops.gid.comb(path=json.dumps(bow))
    assert read.stored_edits(loop).strokes[0].points == tuple(bow)


def test_a_stroke_without_a_length_is_refused_and_leaves_none(loop):
    with pytest.raises(RuntimeError, match="draw it again"):
        bpy.ops.gid.comb(begin=(0.5, 0.5), end=(0.5, 0.5))
    assert len(loop.gid.edits.strokes) == 0


def test_strokes_are_undone_and_redone(loop):
    def state():
        return read.played_volume(plane()).amplitudes.tobytes(), len(plane().gid.edits.strokes)

    bpy.ops.ed.undo_push(message="before")
    states = [state()]
    for x in (0.5, 0.8):
        bpy.ops.gid.comb("EXEC_DEFAULT", True, begin=(x, 0.2), end=(x, 0.8))
        states.append(state())
    assert len({amplitudes for amplitudes, _ in states}) == 3
    for expected in (states[1], states[0]):
        bpy.ops.ed.undo()
        assert state() == expected
    for expected in states[1:]:
        bpy.ops.ed.redo()
        assert state() == expected


def test_the_ball_shows_and_sets_the_axis_of_what_moves(loop):
    edits = loop.gid.edits
    assert loop.gid.axis == pytest.approx(axis(read.stored_motion(loop).volume().amplitudes), abs=1e-6)
    edits.direction = (0.0, 1.0, 0.0)  # upwards on the picture
    turned = axis(read.stored_volume(loop).amplitudes)
    assert abs(turned) == pytest.approx(np.pi / 2, abs=1e-3)
    assert tuple(edits.direction) == pytest.approx((0, 1, 0), abs=1e-5)


def test_slow_motion_acts_at_once_and_keeps_the_length(loop):
    before = [rig.get_input(loop, f"Harmonic {k}") for k in range(1, 17)]
    loop.gid.edits.rate = 0.5
    volume = read.stored_volume(loop)
    assert np.allclose(volume.frequencies, np.arange(1, 17) / 10)
    harmonics = [rig.get_input(loop, f"Harmonic {k}") for k in range(1, 17)]
    assert harmonics != before
    assert harmonics[15] == round(1.6 * 24 / 24)
    assert rig.get_input(loop, "Frequency 16") == pytest.approx(1.6)
    assert loop.gid.n_frames == 24
    loop.gid.edits.rate = 1.0
    assert [rig.get_input(loop, f"Harmonic {k}") for k in range(1, 17)] == before


def test_edits_that_are_asked_come_back_as_they_were(loop):
    asked = Edits(rate=0.5, wander=3, turn=0.25, strokes=(Stroke(((0.25, 0.25), (0.75, 0.5)), 0.25),))
    live.ask(loop, asked, "Drawn")
    assert read.stored_edits(loop).told() == asked.told()


def test_the_panel_offers_them(loop, drawn):
    assert {"direction", "rate", "gid.comb_tool", "comb_reach"} <= set(drawn(part.Motion))
    bpy.ops.gid.comb()
    assert {"1 stroke of the comb", "gid.comb_clear"} <= set(drawn(part.Motion))
