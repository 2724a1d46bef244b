"""Rendered scenes: maps filled from an id picture, without Blender."""

import numpy as np
import pytest

from onnx_export.rendered import motion_maps
from onnx_export.scenes import motion, painting

WIND = np.array([0.96, 0.28, 150], np.float32)
SHAPE = (2 * motion_maps.HEIGHT, 2 * motion_maps.WIDTH)


def lanterns():
    """An id picture of two lanterns, and their members: cords of 10 px, bodies down to y = 90 px."""
    parts = np.zeros(SHAPE, np.int32)
    parts[80:180, 100:140] = 1
    parts[80:180, 200:240] = 2
    rng = np.random.default_rng(0)
    return parts, [motion_maps.member(n, "pendulum", (x, 30), (x, 90), rng) for n, x in ((1, 60), (2, 110))]


def test_fields_are_those_of_the_motion_model():
    assert motion_maps.FIELDS == motion.FIELDS
    assert (motion_maps.WIDTH, motion_maps.HEIGHT) == (painting.WIDTH, painting.HEIGHT)


def test_what_has_no_member_is_like_a_painted_still():
    maps = motion_maps.fill(np.zeros(SHAPE, np.int32), [], WIND)
    still = painting.Canvas(np.random.default_rng(0)).finished().maps
    assert maps.shape == still.shape
    assert np.array_equal(maps, still)


def test_a_pendulum_swings_from_its_hanging_point():
    parts, members = lanterns()
    column = motion_maps.fill(parts, members, WIND)[motion.AMPLITUDE][10:22, 15]
    assert np.all(np.diff(column) > 0)
    assert column[-1] == pytest.approx(members[0].amplitude * (56 / 60) ** 0.8, rel=0.02)


def test_neighbours_of_one_kind_stay_apart():
    parts, members = lanterns()
    maps = motion_maps.fill(parts, members, WIND)
    assert set(np.unique(maps[motion.OBJECT])) == {0, 1, 2}
    for number, x in ((1, 60), (2, 110)):
        own = maps[motion.OBJECT] == number
        assert np.all(maps[motion.ANCHOR_X][own] == x)
        assert np.all(maps[motion.F0][own] == np.float32(members[number - 1].f0))


def test_a_hanging_thing_sways_sideways_with_the_wind():
    parts, members = lanterns()
    for wind_x in (0.96, -0.96):
        maps = motion_maps.fill(parts, members, (wind_x, 0.28, 150))
        own = maps[motion.OBJECT] == 1
        assert np.all(maps[motion.DX][own] * wind_x > 0.9)
        assert np.allclose(np.hypot(maps[motion.DX], maps[motion.DY]), 1, atol=1e-5)


def test_a_field_is_anchored_where_it_is():
    parts, _ = lanterns()
    members = [motion_maps.member(n, "crown", (50, 150), (50, 40), np.random.default_rng(n)) for n in (1, 2)]
    maps = motion_maps.fill(parts, members, WIND)
    own = maps[motion.IS_FIELD] > 0
    y, x = np.nonzero(own)
    assert np.array_equal(own, maps[motion.OBJECT] > 0)
    assert np.array_equal(maps[motion.ANCHOR_X][own], 4 * x + 2)
    assert np.array_equal(maps[motion.ANCHOR_Y][own], 4 * y + 2)


def test_parts_of_one_object_share_its_id():
    parts, members = lanterns()
    rng = np.random.default_rng(1)
    both = [members[0], motion_maps.member(1, "trunk", (110, 90), (110, 40), rng)]
    names = motion_maps.object_ids(parts, both)
    assert set(np.unique(names)) == {0, 1}
    assert np.array_equal(names > 0, parts[::2, ::2] > 0)


def test_a_cell_has_the_amplitude_of_what_moves_in_it_and_less_below_half():
    parts, members = lanterns()

    def amplitude(still_columns):
        covered = parts.copy()
        covered[:, 120 : 120 + still_columns] = 0
        return motion_maps.fill(covered, members, WIND)[motion.AMPLITUDE, 15, 15]

    full = amplitude(0)
    assert amplitude(4) == pytest.approx(full, rel=1e-5)
    assert amplitude(6) == pytest.approx(full / 2, rel=1e-5)
    assert amplitude(8) == 0


@pytest.mark.parametrize("kind", motion_maps.KINDS)
def test_strength_stays_within_its_kind(kind):
    law = motion_maps.KINDS[kind]
    for seed in range(20):
        length = 10 + 15 * seed
        m = motion_maps.member(1, kind, (0, 0), (0, length), np.random.default_rng(seed))
        assert 0 < m.amplitude <= 1.3 * law.amplitude[1]
        assert m.f0 <= max(law.f0[1], 1.8)


def test_blank_and_covered_pictures_are_unfit():
    parts, members = lanterns()
    objects = motion_maps.object_ids(parts, members)
    image = np.random.default_rng(0).integers(0, 255, (*objects.shape, 3), dtype=np.uint8)
    assert motion_maps.is_fit(image, objects)
    assert motion_maps.is_fit(image, np.zeros_like(objects))
    assert not motion_maps.is_fit(np.full_like(image, 9), objects)
    assert not motion_maps.is_fit(image, np.ones_like(objects))
