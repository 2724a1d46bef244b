"""How far the things in a photo move beside one another."""

import numpy as np
from gid_dev.gid_core.motion.guided import box_mean
from gid_dev.gid_core.prediction import levels

ROWS, COLUMNS = 40, 64  # cells of a 160 x 256 px look
MOVES = np.ones((16, ROWS, COLUMNS), np.float32) / 4  # 1 px RMS
HALF = np.zeros((ROWS, COLUMNS))  # alive: what lives fills half the photo and hangs from nothing
HALF[1:-1, : COLUMNS // 2] = 1


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
    np.testing.assert_allclose(levelled(np.full((160, 256, 3), 0.5, np.float32), HALF)[4:-4, 2:28], 1, rtol=1e-5)


def test_a_field_that_fills_the_frame_breathes_and_a_thing_does_not():
    thing, field = levelled(grains(), HALF)[:, 2:30].mean(), levelled(grains())[:, 2:30].mean()
    assert thing > 0.8
    assert field < 0.5 * thing


def test_many_objects_that_touch_are_one_field():
    one = np.zeros((ROWS // 2, COLUMNS // 2), int)
    np.testing.assert_allclose(levelled(grains(), labels=one).mean(), levelled(grains()).mean(), rtol=0.1)


def test_what_stands_before_a_blurred_garden_is_no_field():
    picture = grains(blur=4)
    picture[:, :128] = grains()[:, :128]
    assert levelled(picture)[:, 2:26].mean() > 0.8
    # and the blur behind a field stirs no more than the field
    picture[:, :210] = grains()[:, :210]
    px = levelled(picture)
    assert px[:, 2:44].mean() < 0.85
    assert px[:, 60:].mean() < 0.5 * px[:, 2:44].mean()


def test_what_surely_lives_moves_and_what_hardly_does_stays():
    still = np.full_like(MOVES, 1e-3)
    sure, doubtful = (levelled(grains(), alive * HALF, far=still)[:, :30].mean() for alive in (0.9, 0.2))
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
    px = levelled(picture, far=np.full_like(MOVES, 0.02))[12, 32]
    small = np.full((160, 256, 3), 0.05, np.float32)
    small[96:120, 127:133] = (1.0, 0.8, 0.4)
    assert px > 3 * levelled(small, far=np.full_like(MOVES, 0.02))[25, 32]  # 80 px high and 24


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


def test_what_hangs_before_a_blur_sways_at_its_tip_as_long_things_do():
    lives, still = np.zeros((ROWS, COLUMNS), bool), np.zeros((ROWS, COLUMNS), bool)
    lives[:30, 40:46] = True
    px = np.full((ROWS, COLUMNS), 0.6)
    px[:30] *= np.linspace(1.5, 0.5, 30)[:, None]  # the network, which sees it and the trees behind as one
    before, among = (px * levels.rise(px, lives, still, (ROWS, COLUMNS), is_before) for is_before in (True, False))
    assert 0.9 < before[27:30, 42].mean() < 2
    assert before[lives].mean() > 1.2 * px[lives].mean()
    assert among[28, 42] < 0.4
    lives[:20] = True  # what crosses the photo is a wood, as near as it may be
    crosses = px * levels.rise(px, lives, still, (ROWS, COLUMNS), True)
    np.testing.assert_allclose(crosses[lives].mean(), px[lives].mean())


def test_an_ear_whose_stem_is_too_thin_to_see_is_carried_along():
    lives, still = np.zeros((ROWS, COLUMNS), bool), np.zeros((ROWS, COLUMNS), bool)
    lives[24:, 20:32] = lives[18:22, 31:33] = True
    px = np.where(lives, 0.5, 0.0)
    px[18:22] *= 0.2  # next to nothing is told of the ear
    moved = px * levels.rise(px, lives, still, (ROWS, COLUMNS))
    assert moved[18, 31] > 1.5 * moved[38, 26]
    np.testing.assert_allclose(moved[lives].mean(), px[lives].mean())


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
