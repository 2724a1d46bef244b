"""The plate: movers cut out, the gap filled from around it and from nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gid_core.frames.plate import MOVER_PX, make_plate, movers_of


def disc(height, width, radius):
    y, x = np.mgrid[:height, :width]
    return (x - width / 2) ** 2 + (y - height / 2) ** 2 < radius**2


def test_a_flat_wall_behind_a_mover_is_restored_exactly():
    wall = np.full((48, 64, 3), [0.2, 0.4, 0.6], np.float32)
    movers = disc(48, 64, 15)
    still = np.where(movers[..., None], np.float32(5.0), wall)
    assert np.allclose(make_plate(still, movers), wall, rtol=2**-11)  # filled colours are half floats


@given(st.integers(5, 40), st.integers(5, 40), st.floats(1, 30), st.integers(0, 2**32 - 1))
def test_the_fill_stays_within_the_colours_around_it(height, width, radius, seed):
    still = np.random.default_rng(seed).random((height, width, 3), np.float32)
    movers = disc(height, width, radius)
    plate = make_plate(still, movers)
    known = still[~movers]
    if len(known):
        assert plate.min() >= min(known.min(), still.min()) - 1e-5
        assert plate.max() <= still.max() + 1e-5


def test_pixels_far_from_movers_are_untouched():
    still = np.random.default_rng(0).random((48, 64, 4), np.float32)
    plate = make_plate(still, disc(48, 64, 8))
    far = ~disc(48, 64, 13)
    assert np.array_equal(plate[far], still[far])


def test_without_movers_or_without_a_background_the_plate_is_the_still():
    still = np.random.default_rng(0).random((12, 16, 3), np.float32)
    assert np.array_equal(make_plate(still, np.zeros((12, 16), bool)), still)
    assert np.array_equal(make_plate(still, np.ones((12, 16), bool)), still)


def test_where_everything_moves_the_plate_is_the_still():
    movers = disc(48, 64, 15)
    still = np.random.default_rng(0).random((48, 64, 3), np.float32)
    assert np.array_equal(make_plate(still, movers_of(np.where(movers, 6, 1.0))), still)
    assert np.array_equal(movers_of(np.where(movers, 6, 0.0)), movers)
    assert not movers_of(np.full((4, 4), 9.0)).any()
    assert not movers_of(np.full((4, 4), MOVER_PX)).any()


def test_far_from_what_rests_nothing_is_cut_out():
    """Things part there, and the sky above a meadow must not shine through between two flowers."""
    motion = np.full((300, 200), 1.0)
    motion[:20] = 0
    movers = movers_of(motion)
    assert movers[20:30].all()  # the sky is what comes to light behind these
    assert not movers[40:].any()


def test_what_moves_less_beside_a_mover_is_its_ground_away_from_what_rests():
    motion = np.full((200, 200), 0.8)
    motion[:10], motion[26:34, 80:120] = 0, 2.0
    movers = movers_of(motion)
    assert movers[26:34, 80:120].all()
    assert not movers[22:26, 80:120].any()
    assert movers[10:18].all()  # the sky comes to light behind these
    motion[19:22] = 0  # and what rests as near as this, so no slower part of the mover may
    assert movers_of(motion)[22:26, 80:120].all()


def test_a_mover_before_what_rests_is_cut_out_whole_up_to_thrice_its_motion():
    motion = np.where(disc(96, 96, 40), 4.0, 0.0)
    assert np.array_equal(movers_of(motion), motion > 0)


def test_what_is_cut_out_hardly_depends_on_the_size_of_the_photo():
    motion = np.full((100, 150), 0.8)
    motion[:10], motion[60:80, 60:90] = 0, 2.0
    large = np.kron(motion, np.ones((4, 4))) * 4
    assert (movers_of(large)[::4, ::4] != movers_of(motion)).mean() < 0.05


def test_the_fill_is_smooth_across_the_gap():
    ramp = np.broadcast_to(np.linspace(0, 1, 64, dtype=np.float32)[None, :, None], (48, 64, 3)).copy()
    plate = make_plate(ramp, disc(48, 64, 12))
    assert np.abs(np.diff(plate, axis=1)).max() < 0.12
    assert np.abs(plate - ramp).max() < 0.2
