"""What stands behind or beside a mover, told by how it looks."""

import numpy as np
import pytest
from gid_dev.gid_core.prediction import outline, walls

HEIGHT, WIDTH = 160, 256
Y, X = np.mgrid[:HEIGHT, :WIDTH]
PALE, DARK, GREEN, BRICK = ((0.72, 0.68, 0.6), (0.2, 0.23, 0.2), (0.24, 0.47, 0.14), (0.55, 0.27, 0.2))


def painted(*layers):
    """Colours where each mask (H, W) is 1, the later before the earlier, with grain: float32 (H, W, 3)."""
    picture = np.zeros((HEIGHT, WIDTH, 3))
    for mask, tint in layers:
        picture += np.asarray(mask, float)[..., None] * (np.asarray(tint) - picture)
    grain = np.random.default_rng(0).normal(0, 0.02, (HEIGHT, WIDTH, 1))
    return np.clip(picture + grain, 0, 1).astype(np.float32)


def turned(x, y, angle):
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def lattice(turn_deg=45):
    along, across = turned(X, Y, np.radians(turn_deg))
    return np.clip(3 - np.minimum(abs(along % 12 - 6), abs(across % 12 - 6)), 0, 1)


EVERYWHERE = np.ones((HEIGHT, WIDTH), bool)
FLOWER = np.hypot(Y - 70, X - 120) < 40


@pytest.mark.parametrize("turn_deg", [45, 20])
def test_a_lattice_that_passed_for_a_plant_stands_behind_its_flower(turn_deg):
    picture = painted((EVERYWHERE, DARK), (lattice(turn_deg), PALE), (FLOWER, (0.95, 0.72, 0.08)))
    found = walls.without_walls(EVERYWHERE.astype(float), picture)
    assert found[np.hypot(Y - 70, X - 120) < 38].mean() > 0.98
    assert found[np.hypot(Y - 70, X - 120) > 43].mean() < 0.02


@pytest.mark.parametrize("kind", ["leaves", "reeds", "a small lattice", "a plain"])
def test_what_grows_and_what_is_small_is_not_built(kind):
    rng = np.random.default_rng(1)
    leaves = np.zeros((HEIGHT, WIDTH), bool)
    for y, x, angle in zip(*rng.uniform(0, (HEIGHT, WIDTH, np.pi), (400, 3)).T, strict=True):
        along, across = turned(X - x, Y - y, angle)
        leaves ^= (along / 14) ** 2 + (across / 5) ** 2 < 1
    masks = {
        "leaves": leaves,
        "reeds": (X + 0.2 * Y) % 12 < 5,
        "a small lattice": lattice() * (np.hypot(Y - 70, X - 120) < 30),
        "a plain": ~EVERYWHERE,
    }
    picture = painted((EVERYWHERE, DARK), (masks[kind], PALE))
    assert not walls.built(picture).any()
    assert (walls.without_walls(EVERYWHERE.astype(float), picture) == 1).all()


def test_gaps_that_look_as_the_wall_beside_the_leaves_stand():
    plant = np.abs(X - 120) < 30
    gaps = plant & (Y % 14 < 3)
    picture = painted((EVERYWHERE, BRICK), ((Y % 9 < 2), (0.62, 0.6, 0.57)), (plant & ~gaps, GREEN))
    found = walls.without_walls(plant.astype(float), picture)
    inside = plant & (np.abs(X - 120) < 28)
    assert found[inside & (Y % 14 > 4) & (Y % 14 < 13)].mean() > 0.95
    assert found[inside & (Y % 14 == 1)].mean() < 0.3


def test_what_has_the_colour_of_its_wall_still_moves():
    picture = painted((EVERYWHERE, BRICK), (FLOWER, (0.56, 0.27, 0.2)))
    moves = np.where(FLOWER, 1.0, 0.0)
    np.testing.assert_allclose(walls.without_walls(moves, picture), moves, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 256), (256, 3), (7, 9)])
def test_strips_and_points_keep_what_they_have(shape):
    moves = np.linspace(0, 1, shape[0] * shape[1]).reshape(shape)
    found = walls.without_walls(moves, np.full((*shape, 3), 0.5, np.float32))
    np.testing.assert_allclose(found, moves, atol=1e-6)


def test_a_wall_is_less_alive_too():
    picture = painted((EVERYWHERE, DARK), (lattice(), PALE), (FLOWER, (0.95, 0.72, 0.08)))
    cells = np.full((HEIGHT // 2, WIDTH // 2), 0.9)
    guide = picture.reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).mean((1, 3))
    moves, alive = outline.Outline(cells, cells, (2 * HEIGHT, 2 * WIDTH), guide).at_grid(picture)
    assert alive[70, 120] > 0.85
    assert alive[20, 220] < outline.GATE[1]
    assert moves[20, 220] == 0
