"""How far the things in a photo move beside one another."""

import numpy as np
from gid_dev.gid_core.motion.guided import box_mean
from gid_dev.gid_core.prediction import levels

ROWS, COLUMNS = 40, 64  # cells of a 160 x 256 px look
MOVES = np.ones((16, ROWS, COLUMNS), np.float32) / 4  # 1 px RMS


def rms(far):
    return np.sqrt((far**2).sum(0))


def grains(blur=0, seed=0):
    grey = np.random.default_rng(seed).random((40, 64)).repeat(4, 0).repeat(4, 1)
    for _ in range(2 if blur else 0):
        grey = box_mean(grey, blur)
    return grey[..., None].repeat(3, 2).astype(np.float32)


def levelled(picture, alive=1.0, labels=None, far=MOVES):
    alive = np.broadcast_to(alive, (ROWS, COLUMNS))
    labels = np.arange(ROWS * COLUMNS // 4).reshape(ROWS // 2, COLUMNS // 2) if labels is None else labels
    return rms(levels.levelled(far, alive, labels, picture, picture))


def test_what_is_out_of_focus_follows_less():
    picture = grains()
    picture[:, 128:] = grains(blur=4)[:, 128:]
    px = levelled(picture)
    assert px[:, 38:].mean() < 0.6
    assert px[:, :26].mean() > 0.85


def test_a_photo_that_is_soft_everywhere_moves_as_a_sharp_one():
    assert levelled(grains(blur=2)).mean() > 0.9 * levelled(grains()).mean()


def test_a_picture_without_edges_keeps_its_levels():
    np.testing.assert_allclose(levelled(np.full((160, 256, 3), 0.5, np.float32)), 1, rtol=1e-5)


def test_a_field_that_fills_the_frame_breathes_and_two_things_do_not():
    one, two = np.zeros((ROWS // 2, COLUMNS // 2), int), np.zeros((ROWS // 2, COLUMNS // 2), int)
    two[:, COLUMNS // 4 :] = 1
    assert levelled(grains(), labels=one).mean() < 0.6 * levelled(grains(), labels=two).mean()
    half = np.zeros((ROWS, COLUMNS))
    half[:, : COLUMNS // 2] = 1  # one object over the frame, but only half of it lives
    np.testing.assert_allclose(
        levelled(grains(), half, one)[:, : COLUMNS // 4], levelled(grains(), half)[:, : COLUMNS // 4], rtol=0.15
    )


def test_what_surely_lives_moves_and_what_hardly_does_stays():
    still = np.full_like(MOVES, 1e-3)
    sure, doubtful = (levelled(grains(), alive, far=still).mean() for alive in (0.9, 0.2))
    assert sure > 0.5 * levels.FLOOR_PX
    assert doubtful < 0.01


def test_a_flame_in_the_dark_leaps_and_the_larger_the_farther():
    picture = np.full((160, 256, 3), 0.05, np.float32)
    picture[60:72, 60:65] = picture[60:84, 160:170] = (1.0, 0.8, 0.4)
    far = np.full_like(MOVES, 0.02)
    px = levelled(picture, far=far)
    assert 0.3 < px[16, 15] < px[16, 40] < 2
    assert px[30, 25] < 0.6
    day = np.where(picture > 0.1, picture, 0.8)
    assert levelled(day, 0.2, far=far)[16, 15] < 0.2


def test_a_flame_close_up_leaps_as_well():
    picture = np.full((160, 256, 3), 0.05, np.float32)
    picture[40:120, 120:140] = (1.0, 0.8, 0.4)
    assert levelled(picture, far=np.full_like(MOVES, 0.02))[20, 32] > 2


def test_lamps_and_petals_are_no_flames():
    lamp, petals = (np.full((160, 256, 3), grey, np.float32) for grey in (0.05, 0.4))
    lamp[60:80, 100:140] = petals[60:84, 160:170] = (1.0, 0.8, 0.4)  # the one is wide, the other stands in daylight
    for picture in (lamp, petals):
        assert levelled(picture, 0.2, far=np.full_like(MOVES, 0.02)).max() < 0.2


def test_what_stands_is_held_below_and_what_hangs_above():
    lives, still = np.zeros((ROWS, COLUMNS), bool), np.zeros((ROWS, COLUMNS), bool)
    lives[10:, 8:12] = lives[:20, 40:44] = True
    gain = levels.rise(np.ones((ROWS, COLUMNS)), lives, still, (ROWS, COLUMNS))
    assert (np.diff(gain[10:, 10]) <= 0).all()
    assert (np.diff(gain[:20, 42]) >= 0).all()
    assert gain[ROWS - 1, 10] < 0.5 * gain[10, 10]
    np.testing.assert_allclose([gain[10:, 8:12].mean(), gain[:20, 40:44].mean()], 1)
    assert (gain[~lives] == 1).all()


def test_a_crown_that_the_upper_edge_cuts_off_does_not_hang_from_there():
    lives, still = np.zeros((ROWS, COLUMNS), bool), np.zeros((ROWS, COLUMNS), bool)
    lives[:20, 40:44] = True
    px = np.ones((ROWS, COLUMNS))
    px[:20] *= np.linspace(2, 0.5, 20)[:, None]  # what the network tells of it
    assert (levels.rise(px, lives, still, (ROWS, COLUMNS)) == 1).all()


def test_fields_and_what_is_held_out_of_sight_stay():
    lives, still = np.zeros((ROWS, COLUMNS), bool), np.zeros((ROWS, COLUMNS), bool)
    lives[24:, :] = lives[5:12, 20:30] = True
    assert (levels.rise(np.ones((ROWS, COLUMNS)), lives, still, (ROWS, COLUMNS)) == 1).all()


def test_a_flame_is_held_at_its_foot_and_its_neighbours_are_not():
    lives, burns = np.zeros((ROWS, COLUMNS), bool), np.zeros((ROWS, COLUMNS), bool)
    lives[10:16, 20:23] = lives[10:16, 40:60] = True
    burns[10:16, 20:23] = burns[10, 40] = True
    gain = levels.rise(np.ones((ROWS, COLUMNS)), lives, burns, (ROWS, COLUMNS))
    assert gain[15, 21] < 0.6 * gain[10, 21]
    assert (gain[10:16, 40:60] == 1).all()


def test_a_tip_that_the_first_look_overlooks_is_carried_by_its_blade():
    picture, far = np.full((160, 256, 3), 0.5, np.float32), np.full_like(MOVES, 0.005)
    far[..., 18:, :] = 0.5  # what the first look tells of a blade, and next to nothing above
    alive = np.full((ROWS, COLUMNS), 0.01)
    alive[14:18, 30:33], alive[18:, 30:33] = 0.1, 0.9  # the closer look knows it to its tip
    px = levelled(picture, alive, far=far)
    assert px[17, 31] > 0.25 * px[20, 31]
    assert px[5, 31] < 0.1 * px[20, 31]
