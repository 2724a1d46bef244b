"""Edits: a pure function of a value, so that each can be taken back; and what each of them does."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gid_core.errors import SettingsError
from gid_core.motion import edits as edit
from gid_core.motion.comb import Stroke
from gid_core.motion.edits import Edits, Pull, apply, strength_of_grey
from gid_core.motion.sway import sway
from gid_core.motion.synth import displacement, mean_motion

from .some import FREQUENCIES, HEIGHT, WIDTH, some_motion

SINGLE = 1e-6  # a few float32 operations
few = settings(max_examples=40)
unit = st.floats(0, 1, width=32)


def maps(values):
    return st.builds(
        lambda h, w, seed, top: (np.random.default_rng(seed).random((h, w)) * top).astype(np.float32),
        st.integers(1, 40),
        st.integers(1, 40),
        st.integers(0, 99),
        values,
    )


pulls = st.builds(Pull, unit, unit, st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(0, 9))
ends = st.tuples(unit, unit)
strokes = st.builds(
    lambda start, end, reach: Stroke((start, (end[0], 1 - start[1] if end == start else end[1])), reach),
    ends.filter(lambda place: place[1] != 0.5), ends, st.floats(0.01, 1),
)  # fmt: skip
anything = {
    "mask": maps(unit),
    "strength": maps(st.floats(0, 4, width=32)),
    "amplitude": st.floats(0, 4),
    "turn": st.floats(-7, 7),
    "one_axis": unit,
    "low": st.floats(0, 3),
    "mid": st.floats(0, 3),
    "high": st.floats(0, 3),
    "border": unit,
    "phase": st.floats(-2, 2),
    "rate": st.floats(edit.RATE_LEAST, edit.RATE_TOP),
    "wander": st.integers(0, 9),
    "strokes": st.lists(strokes, max_size=2).map(tuple),
    "plucks": st.lists(pulls, max_size=3).map(tuple),
}
one_edit = st.sampled_from(sorted(anything)).flatmap(lambda name: st.tuples(st.just(name), anything[name]))


def as_bytes(volume):
    mask = None if volume.mask is None else volume.mask.tobytes()
    return volume.amplitudes.tobytes(), mask, volume.border, volume.provenance


# --- laws


@few
@given(st.integers(0, 99), st.sampled_from(["model", "physics prior"]))
def test_no_edits_are_the_raw_motion_bit_for_bit(seed, source):
    motion = some_motion(seed, source)
    volume = apply(motion, Edits())
    assert volume.amplitudes.tobytes() == motion.volume().amplitudes.tobytes()
    assert volume.weight(80, 60) is None


@few
@given(one_edit, one_edit)
def test_edits_commute(first, second):
    if first[0] == second[0]:
        return
    there = replace(replace(Edits(), **dict([first])), **dict([second]))
    back = replace(replace(Edits(), **dict([second])), **dict([first]))
    assert as_bytes(apply(some_motion(), there)) == as_bytes(apply(some_motion(), back))


@few
@given(one_edit, one_edit)
def test_taking_an_edit_back_restores_the_bytes(kept, taken):
    if kept[0] == taken[0]:
        return
    motion = some_motion()
    before = replace(Edits(), **dict([kept]))
    asked = replace(before, **dict([taken]))
    apply(motion, asked)
    restored = replace(asked, **{taken[0]: getattr(Edits(), taken[0])})
    assert as_bytes(apply(motion, restored)) == as_bytes(apply(motion, before))


@few
@given(one_edit)
def test_applying_leaves_motion_and_edits_as_they_were(one):
    motion, edits = some_motion(), replace(Edits(), **dict([one]))
    before = motion.envelope.tobytes(), motion.z.tobytes(), edits.told()
    first = as_bytes(apply(motion, edits))
    assert (motion.envelope.tobytes(), motion.z.tobytes(), edits.told()) == before
    assert as_bytes(apply(motion, edits)) == first


@few
@given(one_edit, one_edit)
def test_what_is_told_can_be_told_back(first, second):
    edits = replace(Edits(), **dict([first, second]))
    again = Edits.retold(edits.told(), edits.mask, edits.strength)
    assert again.told() == edits.told()
    assert as_bytes(apply(some_motion(), again)) == as_bytes(apply(some_motion(), edits))


# --- each edit


@few
@given(st.floats(0, 4))
def test_amplitude_scales_everything(amplitude):
    found = apply(some_motion(), Edits(amplitude=amplitude)).amplitudes
    np.testing.assert_allclose(found, some_motion().volume().amplitudes * amplitude, rtol=SINGLE)
    assert not apply(some_motion(), Edits(amplitude=0)).amplitudes.any()


@few
@given(st.floats(-7, 7))
def test_turning_turns_every_vector_from_right_towards_down(angle):
    before, after = some_motion().volume().amplitudes, apply(some_motion(), Edits(turn=angle)).amplitudes
    x, y = np.moveaxis(before, -1, 0)
    np.testing.assert_allclose(after[..., 0], np.cos(angle) * x - np.sin(angle) * y, atol=SINGLE)
    np.testing.assert_allclose(after[..., 1], np.sin(angle) * x + np.cos(angle) * y, atol=SINGLE)


@few
@given(st.floats(-np.pi, np.pi), st.integers(0, 50))
def test_turning_towards_a_direction_brings_the_main_axis_there(angle, seed):
    motion = some_motion(seed)
    turn = edit.turn_towards(motion, (np.cos(angle), np.sin(angle)))
    assert abs(turn) <= np.pi / 2 + SINGLE
    assert abs(np.sin(edit.main_axis(apply(motion, Edits(turn=turn))) - angle)) < 1e-3  # an axis has no sign


@few
@given(st.floats(-np.pi, np.pi), unit, st.integers(0, 50))
def test_one_axis_takes_what_moves_across_and_leaves_what_moves_along(turn, share, seed):
    motion = some_motion(seed)
    before, after = apply(motion, Edits(turn=turn)), apply(motion, Edits(turn=turn, one_axis=share))
    angle = edit.main_axis(motion.volume()) + turn
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    np.testing.assert_allclose(after.amplitudes @ along, before.amplitudes @ along, atol=10 * SINGLE)
    np.testing.assert_allclose(after.amplitudes @ across, (1 - share) * (before.amplitudes @ across), atol=10 * SINGLE)


@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (-1, 0.5)])
def test_one_axis_along_a_direction_is_exact_under_a_mask_too(direction):
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[:6, -6:] = 1
    edits = Edits(mask=mask, one_axis=1.0)
    found = apply(some_motion(), replace(edits, turn=edit.turn_towards(some_motion(), direction, edits)))
    across = found.amplitudes @ np.array([-direction[1], direction[0]])
    assert abs(across).max() < 1e-5 * abs(found.amplitudes).max()


@pytest.mark.parametrize("factor", [1, 2])
def test_one_axis_is_that_of_the_prediction_whatever_the_strength(factor):
    strength = np.zeros((HEIGHT, WIDTH), np.float32)
    strength[:6, -6:] = factor
    motion = some_motion()
    part, left = edit.main_axis(apply(motion, Edits(strength=strength))), edit.main_axis(motion.volume())
    assert abs(np.sin(part - left)) > 0.01  # what is left moving has another one
    found = apply(motion, Edits(strength=strength, one_axis=1.0))
    across = found.amplitudes @ np.array([-np.sin(left), np.cos(left)])
    assert abs(across).max() < 1e-5 * abs(found.amplitudes).max()


def test_turning_under_a_mask_heeds_what_is_left_moving():
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[:6, -6:] = 1
    motion, edits = some_motion(), Edits(mask=mask)
    whole, part = edit.turn_towards(motion, (0, 1)), edit.turn_towards(motion, (0, 1), edits)
    assert abs(whole - part) > 0.01
    assert abs(np.cos(edit.main_axis(apply(motion, replace(edits, turn=part))))) < 1e-3


def test_gains_weigh_slow_middle_and_fast_motion():
    np.testing.assert_array_equal(edit.mode_gains(FREQUENCIES, 1, 1, 1), 1)
    gains = edit.mode_gains([0.2, 0.4, 0.8, 1.6, 3.2], 2, 3, 5)
    np.testing.assert_allclose(gains, [2, 2, 3, 5, 5])
    assert (np.diff(edit.mode_gains(FREQUENCIES, 0, 1, 2)) >= 0).all()
    volume = apply(some_motion(), Edits(low=0, high=2))
    raw = some_motion().volume().amplitudes
    assert not volume.amplitudes[:2].any()
    np.testing.assert_allclose(volume.amplitudes[7:], 2 * raw[7:], rtol=SINGLE)


@few
@given(st.floats(0, 1), unit, unit, unit)
def test_the_bands_are_a_partition_of_unity(f, low, mid, high):
    slow, fast = edit.band_weights([0.2 + 3 * f])
    assert 0 <= slow[0] <= 1
    assert 0 <= fast[0] <= 1
    assert slow[0] * fast[0] == 0
    gain = edit.mode_gains([0.2 + 3 * f], low, mid, high)[0]
    assert min(low, mid, high) - 1e-12 <= gain <= max(low, mid, high) + 1e-12


def test_strength_is_a_factor_where_something_moves():
    strength = np.full((HEIGHT, WIDTH), 1.0, np.float32)
    strength[:, : WIDTH // 2 + 4] = 2
    strength[:, -4:] = 0
    strength[:, WIDTH // 2 - 6 : WIDTH // 2] = 1
    motion = some_motion()
    raw, found = motion.volume().amplitudes, apply(motion, Edits(strength=strength)).amplitudes
    right = np.s_[:, :, WIDTH // 2 :]
    np.testing.assert_allclose(found[right], (raw * strength[..., None])[right], rtol=SINGLE)
    assert not found[:, :, -4:].any()


@few
@given(maps(st.floats(0, 4, width=32)))
def test_strength_of_1_is_as_predicted_bit_for_bit(strength):
    raw = some_motion().volume().amplitudes.tobytes()
    assert apply(some_motion(), Edits(strength=np.ones_like(strength))).amplitudes.tobytes() == raw


@pytest.mark.parametrize("grey", [0.5, 127 / 255, 128 / 255, 32767 / 65535, 32768 / 65535])
def test_middle_grey_is_as_predicted_however_many_bits_it_has(grey):
    assert strength_of_grey(np.full((2, 3), grey)).tolist() == np.ones((2, 3)).tolist()


def test_a_grey_value_is_half_the_strength_that_it_stands_for():
    grey = np.array([0, 0.25, 0.55, 1, 1.5, 9])
    np.testing.assert_allclose(strength_of_grey(grey), [0, 0.5, 1.1, 2, 3, 4], rtol=1e-6)


def test_strength_wakes_what_the_model_calls_still():
    motion = some_motion()
    strength = np.ones((HEIGHT, WIDTH), np.float32)
    strength[4:20, 2:14] = 3
    found = apply(motion, Edits(strength=strength))
    moved = mean_motion(found, WIDTH, HEIGHT)
    assert moved[6:10, 5:11].min() > edit.UNMOVED_PX
    assert not moved[:, 14 : WIDTH // 2].any()
    assert not moved[:3].all()
    wanted = 2 * sway(motion.picture.astype(np.float32) / 255, strength > 1, motion.frequencies)
    np.testing.assert_allclose(
        np.abs(found.amplitudes[:, 8, 8]), np.abs(motion.volume(wanted).amplitudes[:, 8, 8]), rtol=1e-5
    )


def test_a_mask_does_not_touch_the_motion_where_the_model_sees_some():
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[:, WIDTH // 2 + 4 :] = 0.5
    volume = apply(some_motion(), Edits(mask=mask))
    assert volume.amplitudes.tobytes() == some_motion().volume().amplitudes.tobytes()
    np.testing.assert_array_equal(volume.weight(WIDTH, HEIGHT), mask)


@pytest.mark.parametrize("source", ["model", "physics prior"])
def test_a_mask_over_stillness_is_taken_at_its_word(source):
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[4:20, 2:14] = 1
    volume = apply(some_motion(source=source), Edits(mask=mask))
    moved = mean_motion(volume, WIDTH, HEIGHT)
    assert moved[6:10, 5:11].min() > edit.UNMOVED_PX
    assert not moved[mask == 0].any()
    assert ("envelope" in volume.provenance) == (source == "model")


def test_a_mask_decides_alone_where_rules_guessed_what_moves():
    mask = np.ones((HEIGHT, WIDTH), np.float32)
    guessed, seen = (apply(some_motion(source=source), Edits(mask=mask)) for source in ("physics prior", "model"))
    assert mean_motion(guessed, WIDTH, HEIGHT)[2:6, 2:10].min() > 0.1
    assert not mean_motion(seen, WIDTH, HEIGHT)[:, : WIDTH // 2].any()


@pytest.mark.parametrize("source", ["model", "physics prior"])
def test_a_mask_that_is_black_all_over_keeps_the_motion_for_what_is_painted_next(source):
    motion = some_motion(source=source)
    volume = apply(motion, Edits(mask=np.zeros((HEIGHT, WIDTH), np.float32)))
    assert volume.amplitudes.tobytes() == motion.volume().amplitudes.tobytes()
    assert (volume.weight(80, 60) == 0).all()
    assert "envelope" not in volume.provenance


def test_a_pull_is_felt_where_it_is_made():
    volume = apply(some_motion(), Edits())
    (one,) = edit.plucked(volume, [Pull(0.9, 0.05, 0.0625, 0.0, 2.5)])
    assert one.time_s == 2.5
    moved = displacement(volume, one.state)[1, 28]
    assert abs(moved[0] - 2) < 0.2  # 0.0625 of 32 px; a hair less, as every cell gives a little


def test_a_pull_is_felt_where_the_lookup_leads():
    lookup = np.full((2 * HEIGHT, 3 * WIDTH, 2), 128, np.uint8)
    lookup[:8, -12:] = 128 - 96, 128 + 64  # a texel and a half to the left, one down
    volume = apply(replace(some_motion(), lookup=lookup), Edits())
    (one,) = edit.plucked(volume, [Pull(0.9, 0.05, 0.0625, 0.0)])
    assert abs(displacement(volume, one.state)[2, 27][0] - 2) < 0.2


def test_a_pull_where_the_mask_is_black_hardly_moves_the_rest():
    mask = np.ones((HEIGHT, WIDTH), np.float32)
    mask[:8] = 0
    states = [
        edit.plucked(apply(some_motion(), Edits(mask=m)), [Pull(0.9, 0.05, 0.06, 0.0)])[0].state for m in (None, mask)
    ]
    assert np.abs(states[0]).max() > 0
    assert not states[1].any()


# --- sentences


@pytest.mark.parametrize(
    ("field", "value", "pattern"),
    [
        ("amplitude", -0.1, "the amplitude is -0.1"),
        ("amplitude", float("nan"), "the amplitude is nan"),
        ("low", -1, "gain of the low frequencies is -1"),
        ("high", float("inf"), "gain of the high frequencies is inf"),
        ("border", 1.5, "the border is 1.5"),
        ("turn", float("nan"), "finite numbers"),
        ("one_axis", 1.5, "one axis is 1.5: give a share from 0"),
        ("phase", float("inf"), "finite numbers"),
        ("mask", np.full((4, 4), 1.5), "the mask must be one picture channel with values from 0 to 1"),
        ("mask", np.zeros((4, 4, 3)), "the mask must"),
        ("mask", np.full((4, 4), np.nan), "the mask must"),
        ("mask", np.array([["a"]]), "the mask must"),
        ("strength", np.full((4, 4), 4.1), "the strength must be one picture channel with values from 0 to 4"),
    ],
)
def test_edits_out_of_range_are_refused(field, value, pattern):
    with pytest.raises(SettingsError, match=pattern):
        Edits(**{field: value})


@pytest.mark.parametrize("direction", [(0, 0), (1, float("inf")), (1, 2, 3)])
def test_a_direction_that_points_nowhere_is_refused(direction):
    with pytest.raises(SettingsError, match="the direction is"):
        edit.turn_towards(some_motion(), direction)


@pytest.mark.parametrize("values", [(1.2, 0, 0, 0), (0, -0.1, 0, 0), (0, 0, float("nan"), 0), (0, 0, 0, 0, np.inf)])
def test_a_pull_outside_the_picture_is_refused(values):
    with pytest.raises(SettingsError, match="pluck"):
        Pull(*values)


@pytest.mark.parametrize(
    "told", [{}, {"gains": 1}, {**Edits().told(), "plucks": [[1]]}, {**Edits().told(), "turn": "x"}]
)
def test_what_tells_of_no_edits_is_refused(told):
    with pytest.raises(SettingsError):
        Edits.retold(told)
