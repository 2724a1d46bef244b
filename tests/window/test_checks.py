"""The checks of `build.py window` see what they are for: the photo passes; a grey card, a small and a dead one fail."""

import numpy as np
import pytest

from .checks import find_photo, judge

VIEW, FRAME = (300, 480), (40, 60, 360, 220)  # height and width; left, top, width, height


def photo(shift=0.0):
    """A flower bed of waves, of which the right half is carried by `shift` px."""
    y, x = np.mgrid[:220, :360].astype(float)
    x = x - shift * (x > 180)
    waves = [0.5 + 0.4 * np.sin(x / 17 + y / 29), 0.5 + 0.4 * np.sin(y / 13), 0.4 + 0.3 * np.cos((x + y) / 31)]
    return np.stack(waves, -1)


def screen(picture, frame=FRAME):
    left, top, width, height = frame
    view = np.full((*VIEW, 3), 0.24)
    view[::20] = view[:, ::20] = 0.3  # a grid
    rows, columns = np.arange(height) * picture.shape[0] // height, np.arange(width) * picture.shape[1] // width
    view[top : top + height, left : left + width] = picture[rows][:, columns]
    return view


MOVING = np.repeat([[0.0, 1.0]], 2, 0)


def test_the_photo_is_found_where_it_lies():
    found = find_photo(screen(photo()), photo())
    assert found.correlation > 0.95
    assert np.abs(np.array([found.left, found.top, found.width, found.height]) - FRAME).max() < 12


def test_a_photo_that_moves_where_it_should_passes():
    assert judge(screen(photo()), screen(photo(4)), photo(), MOVING) == []


@pytest.mark.parametrize(
    "card", [np.full((220, 360, 3), 0.6), np.tile(np.linspace(0.4, 0.8, 360)[None, :, None], (220, 1, 3))]
)
def test_a_grey_card_fails(card):
    (fault,) = judge(screen(card), screen(np.roll(card, 9, 1)), photo(), MOVING)
    assert "not seen" in fault


def test_another_picture_fails():
    other = [picture[::-1].swapaxes(0, 1)[:220, :220] for picture in (photo(), photo(4))]
    (fault,) = judge(screen(other[0]), screen(other[1]), photo(), MOVING)
    assert "not seen" in fault


def test_a_photo_that_stands_still_fails():
    (fault,) = judge(screen(photo()), screen(photo()), photo(), MOVING)
    assert "nothing moves" in fault


def test_a_photo_that_changes_where_nothing_moves_fails():
    (fault,) = judge(screen(photo()), screen(photo() * 0.8), photo(), MOVING)
    assert "stand still" in fault


def test_a_photo_in_a_corner_is_not_framed():
    tiny = screen(photo(), (10, 10, 110, 70))
    assert judge(tiny, tiny, photo(), MOVING)
