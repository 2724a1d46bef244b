"""Where pixels read a volume: steps of nothing change no bit, others read where they say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gid_core.errors import VolumeError
from gid_core.files.resample import bilinear
from gid_core.frames.loop import Loop
from gid_core.motion import saved, synth
from gid_core.motion.edits import Edits, apply
from gid_core.motion.places import OWN, STEPS, Places, checked_lookup, regridded
from gid_core.motion.plan import plan_loop
from gid_core.motion.volume import SpectralVolume

from .some import some_motion
from .test_synth import random_volume

DOUBLE = 1e-6  # float32 of values near 1 against float64
SIZES = st.integers(1, 9)
PICTURES = st.integers(1, 40)


def random_lookup(seed, width, height, share=0.5):
    rng = np.random.default_rng(seed)
    lookup = rng.integers(0, 256, (height, width, 2), np.uint8)
    lookup[rng.random((height, width)) > share] = OWN
    return lookup


def read_slowly(field, lookup, width, height):
    """The definition, a pixel at a time, in float64."""
    rows, columns = field.shape
    found = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            step = lookup[int((y + 0.5) * len(lookup) / height), int((x + 0.5) * lookup.shape[1] / width)].astype(float)
            u = np.clip((x + 0.5) * columns / width - 0.5 + (step[0] - OWN) / STEPS, 0, columns - 1)
            v = np.clip((y + 0.5) * rows / height - 0.5 + (step[1] - OWN) / STEPS, 0, rows - 1)
            i, j = int(v), int(u)
            below, right = min(i + 1, rows - 1), min(j + 1, columns - 1)
            upper = field[i, j] * (1 - u + j) + field[i, right] * (u - j)
            lower = field[below, j] * (1 - u + j) + field[below, right] * (u - j)
            found[y, x] = upper * (1 - v + i) + lower * (v - i)
    return found


@settings(max_examples=60)
@given(SIZES, SIZES, PICTURES, PICTURES, PICTURES, PICTURES, st.integers(0, 99))
def test_every_pixel_reads_where_its_lookup_says(h, w, height, width, lookup_height, lookup_width, seed):
    field = np.random.default_rng(seed).random((h, w), np.float32)
    lookup = random_lookup(seed, lookup_width, lookup_height)
    found = Places((h, w), width, height, lookup).read(field)
    np.testing.assert_allclose(found, read_slowly(field, lookup, width, height), atol=DOUBLE)


@settings(max_examples=60)
@given(SIZES, SIZES, PICTURES, PICTURES, st.integers(0, 99))
def test_a_step_of_nothing_changes_no_bit(h, w, height, width, seed):
    field = np.random.default_rng(seed).random((h, w, 2), np.float32)
    own = np.full((height, width, 2), OWN, np.uint8)
    expected = bilinear(field, width, height)
    assert Places((h, w), width, height).read(field).tobytes() == expected.tobytes()
    assert Places((h, w), width, height, own).read(field).tobytes() == expected.tobytes()
    # A step that is as long as the grid's end allows reads there by the other path.
    away = own.copy()
    away[..., 0] = 0
    np.testing.assert_array_equal(
        Places((h, w), width, height, away).read(field[:, :1].repeat(w, 1)), bilinear(field[:, :1], width, height)
    )


def test_a_lookup_of_nothing_is_no_lookup_in_any_frame():
    volume = random_volume(height=10, width=16)
    still = np.random.default_rng(0).random((40, 64, 3), np.float32)
    plan = plan_loop(volume, 24, 24)
    own = np.full((40, 64, 2), OWN, np.uint8)
    plain, neutral, other = (
        Loop(still, replace(volume, lookup=lookup), plan).renderer() for lookup in (None, own, random_lookup(0, 64, 40))
    )
    assert plain.frame(5).tobytes() == neutral.frame(5).tobytes() != other.frame(5).tobytes()
    assert plain.front.tobytes() == neutral.front.tobytes() != other.front.tobytes()
    assert plain.kin.tobytes() == neutral.kin.tobytes()
    assert other.frame(0).tobytes() == still.tobytes()


def test_what_reads_a_still_place_stands_still_there():
    """Weight in front, kin, plate and frames go by what a pixel reads, not by where it lies."""
    amplitudes = np.zeros((1, 8, 8, 2))
    amplitudes[:, :, 4:] = 0.5
    volume = SpectralVolume(amplitudes, [1.0])
    lookup = np.full((32, 32, 2), OWN, np.uint8)
    lookup[:, 14:16, 0] = OWN - STEPS  # the rim of what rests beside the mover: a texel to the left
    lookup[:, 16:18, 0] = OWN + STEPS  # the mover's own rim: a texel to the right
    cut = replace(volume, lookup=lookup)
    assert not synth.static_mask(volume, 32, 32)[:, 14:16].any()
    assert synth.static_mask(cut, 32, 32)[:, :16].all()
    moved = synth.mean_motion(cut, 32, 32)
    assert (moved[:, 16:] == moved[0, -1]).all()
    still = np.random.default_rng(0).random((32, 32, 3), np.float32)
    renderer = Loop(still, cut, plan_loop(cut, 24, 24)).renderer()
    assert (renderer.kin[:, 15, 0] == 0).all()
    assert (renderer.kin[:, 16, 1] == 0).all()
    assert (renderer.kin[:, 14, 0] == 1).all()


def test_a_mask_holds_at_the_pixel_itself():
    volume = random_volume(height=10, width=16)
    mask = np.zeros((40, 64), np.float32)
    mask[:, 30:] = 1
    cut = replace(volume, mask=mask, lookup=random_lookup(0, 64, 40))
    found = Loop(np.zeros((40, 64, 3), np.float32), cut, plan_loop(volume, 24, 24)).renderer().displacement(5)
    assert not found[:, :30].any()
    assert found[:, 30:].any()
    assert cut.folded().lookup is None  # who knows no masks must not be led across one's border


def test_another_grid_keeps_the_places():
    lookup = random_lookup(0, 64, 40)
    steps = (lookup.astype(float) - OWN) / STEPS
    finer = (regridded(lookup, 2, 1.5).astype(float) - OWN) / STEPS
    expected = np.clip(steps * [2, 1.5], -2, 127 / STEPS)
    assert abs(finer - expected).max() <= 0.5 / STEPS
    assert regridded(None, 2, 2) is None


def test_a_file_keeps_the_lookup(tmp_path):
    motion = replace(some_motion(), lookup=random_lookup(0, 64, 48))
    mask = np.ones((48, 64), np.float32)
    mask[:8] = 0
    for edits in (Edits(), Edits(mask=mask)):
        saved.save(tmp_path / "volume.npz", motion, edits)
        loaded = saved.load(tmp_path / "volume.npz")
        assert loaded.motion.lookup.tobytes() == loaded.volume.lookup.tobytes() == motion.lookup.tobytes()
        plain = SpectralVolume.load(tmp_path / "volume.npz")  # the mask is folded into it
        assert (plain.lookup is None) == (edits.mask is not None)
    apply(motion, Edits()).save(tmp_path / "bare.npz")
    assert SpectralVolume.load(tmp_path / "bare.npz").lookup.tobytes() == motion.lookup.tobytes()


def test_a_loop_that_other_processes_are_handed_keeps_it(tmp_path):
    volume = replace(random_volume(), lookup=random_lookup(0, 12, 9))
    loop = Loop(np.zeros((9, 12, 3), np.float32), volume, plan_loop(volume, 24, 24))
    loop.save(tmp_path)
    assert Loop.load(tmp_path).volume.lookup.tobytes() == volume.lookup.tobytes()
    assert Loop.load(tmp_path).digest() == loop.digest() != replace(loop, volume=random_volume()).digest()


@pytest.mark.parametrize("lookup", [np.zeros((4, 4, 2)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 2), np.uint8)])
def test_what_is_no_lookup_is_refused(lookup):
    with pytest.raises(VolumeError, match="a lookup is bytes"):
        checked_lookup(lookup)
