"""Where a photo burns, and how far it leaps there."""

import numpy as np
from gid_dev.gid_core.prediction import flames, outline

FLAME = slice(40, 100), slice(120, 138)  # close up: 60 px high


def candle(grey=0.05):
    picture = np.full((160, 256, 3), grey, np.float32)
    picture[FLAME] = (1.0, 0.85, 0.5)
    picture[104:, 100:160] = (0.8, 0.45, 0.1)  # wax
    return picture


def test_it_leaps_by_a_part_of_its_height_where_it_is_dark():
    px = flames.leaps_px(candle())
    assert (px[FLAME] > 3).all()
    px[FLAME] = 0
    assert (px == 0).all()
    assert (flames.leaps_px(candle(0.7)) < 0.1).all()


def test_lit_cloth_and_pennants_are_no_flames():
    cloth, pennant = candle(), np.full((160, 256, 3), 0.05, np.float32)
    cloth[FLAME] = (0.95, 0.65, 0.7)
    for row in range(30):
        pennant[60 + row, 115 + row // 3 : 135 - row // 3] = (1.0, 0.85, 0.5)
    assert flames.leaps_px(cloth)[FLAME].max() < 0.1
    assert flames.leaps_px(pennant).max() < 0.1
    assert flames.leaps_px(pennant[::-1]).max() > 1  # upside down it might be one


def test_most_of_a_flame_carries_the_rest_and_its_glow():
    burning, moves = flames.leaps_px(candle()), np.zeros((160, 256))
    moves[40:80, 120:138] = 1  # its foot was overlooked
    found = flames.whole(moves, burning)
    assert (found[FLAME] == 1).all()
    assert found[70, 118] == found[39, 130] == 1
    assert found[70, 110] == found[130, 130] == 0
    np.testing.assert_array_equal(flames.whole(0.3 * moves, burning), 0.3 * moves)  # a lamp, of which hardly any moves


def test_lit_wax_below_a_flame_does_not_make_a_wall_of_it():
    picture = candle()
    picture[104:, 100:160] = picture[60, 130]  # as bright as the flame
    cells = np.zeros((80, 128))
    cells[20:50, 60:69] = 0.9
    guide = picture.reshape(80, 2, 128, 2, 3).mean((1, 3))
    moves, _ = outline.Outline(cells, cells, (320, 512), guide).at_grid(picture)
    assert moves[FLAME].min() > 0.99
