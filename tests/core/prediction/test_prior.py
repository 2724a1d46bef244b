"""The physics prior: plants and flames move, sky and walls do not, roots hold."""

import numpy as np
from gid_dev.gid_core.prediction import prior


def meadow(height=96, width=128):
    """Blue sky over a flat grey wall, a bush of green texture in the middle."""
    rng = np.random.default_rng(0)
    picture = np.empty((height, width, 3), np.float32)
    picture[: height // 3] = (0.55, 0.7, 0.9)
    picture[height // 3 :] = (0.6, 0.58, 0.55)
    green = np.array([0.25, 0.5, 0.15]) + rng.normal(0, 0.12, (48, 40, 1))
    picture[40:88, 44:84] = green
    return np.clip(picture, 0, 1)


def rms(guess):
    return np.sqrt((guess.envelope**2).sum(0))


def test_a_bush_moves_while_sky_and_wall_are_exactly_still():
    moved = rms(prior.guess(meadow()))
    assert moved[50:70, 52:76].mean() > 0.3
    assert (moved[:24] == 0).all()
    assert (moved[:, :24] == 0).all()
    assert (moved[:, 110:] == 0).all()


def test_a_tip_moves_more_than_its_root():
    moved = rms(prior.guess(meadow()))
    assert moved[44:52, 52:76].mean() > 2 * moved[80:86, 52:76].mean()


def test_a_flat_picture_stands_still():
    assert not prior.guess(np.full((96, 128, 3), 0.4, np.float32)).envelope.any()


def test_a_flame_in_the_dark_flickers_fast():
    picture = np.full((96, 128, 3), 0.04, np.float32)
    y, x = np.mgrid[0:96, 0:128]
    flame = np.hypot((x - 64) / 5, (y - 48) / 11) < 1
    picture[flame] = (1.0, 0.85, 0.45)
    guess = prior.guess(picture)
    spectrum = (guess.envelope**2).sum((1, 2))
    assert rms(guess)[44:52, 62:66].mean() > 0.1
    assert spectrum[8:].sum() > spectrum[:4].sum()


def test_unlike_colours_do_not_belong_together():
    affinity = prior.guess(meadow()).affinity
    assert affinity.shape == (2, 12, 16)
    assert affinity[0, 7, 4] < 0.6 < affinity[0, 1, 1]


def test_any_size_is_taken():
    for height, width in ((1, 256), (256, 3), (37, 211)):
        guess = prior.guess(np.full((height, width, 3), (0.2, 0.6, 0.1), np.float32))
        assert guess.envelope.shape == (16, height, width)
        assert np.isfinite(guess.envelope).all()
