"""Cut-outs in scenes: beds grow towards the viewer, hung things hang, what is far away moves less."""

import numpy as np
import pytest
from PIL import Image

from onnx_export.photographs.cutouts import Cutout
from onnx_export.scenes import collages, kinds, motion, painters, painting


def canvas(seed=0):
    return painting.Canvas(np.random.default_rng(seed))


def sprite(is_hung):
    return Cutout(Image.new("RGBA", (40, 60), (200, 40, 90, 255)), 0, is_hung)


def test_a_bed_has_many_things_and_the_near_ones_move_farther():
    c = canvas(3)
    collages._bed(c, [sprite(False)])
    found = c.finished().maps
    assert len(np.unique(found[motion.OBJECT])) > 15
    moving = found[motion.AMPLITUDE] > 0
    rows = np.flatnonzero(moving.sum(1) > 8)
    far, near = (np.median(found[motion.AMPLITUDE][part][moving[part]]) for part in (rows[:5], rows[-5:]))
    assert near > far


@pytest.mark.parametrize("is_hung", [True, False])
def test_hung_things_are_still_at_their_top_and_standing_ones_at_their_foot(is_hung):
    c = canvas(5)
    paint = collages._hung if is_hung else collages._flowers
    paint(c, [sprite(is_hung)])
    found = c.finished().maps
    slopes = []
    for number in np.unique(found[motion.OBJECT])[1:]:
        y, x = np.nonzero((found[motion.OBJECT] == number) & (found[motion.AMPLITUDE] > 0))
        if len(y) > 10 and np.ptp(y) > 3:
            slopes.append(np.polyfit(y, found[motion.AMPLITUDE][y, x], 1)[0])
    assert slopes
    assert np.median(slopes) > 0 if is_hung else np.median(slopes) < 0


def test_what_moves_away_moves_by_fewer_pixels_and_loses_its_edges():
    near, far = canvas(1), canvas(1)
    for c in (near, far):
        painters.foliage(c)
    far.move_away(6.0)
    near, far = near.finished(), far.finished()
    moving = near.maps[motion.AMPLITUDE] > 0
    np.testing.assert_allclose(far.maps[motion.AMPLITUDE][moving], near.maps[motion.AMPLITUDE][moving] / 2.5, rtol=1e-5)
    np.testing.assert_array_equal(far.maps[motion.OBJECT], near.maps[motion.OBJECT])


def test_larger_things_of_a_kind_sway_farther():
    for px in (kinds.hung_px, kinds.flame_px, kinds.flower_px):
        assert 0 < px(10) < px(40) < px(100)


def test_only_what_has_a_size_has_an_expected_sway():
    whole, cut = [[4, 4], [6, 4], [6, 6], [4, 6]], [[8, 4], [10, 4], [10, 6], [8, 6]]
    row = {"source": "github:a/flower_photos@1", "path": "a.jpg", "move": [whole, cut]}
    ((points, px),) = kinds.expected(row, (512, 320))
    assert points[0] == (204.8, 128.0)
    assert px[0] > px[-1] > 0
    ((_, hung), _) = kinds.expected({**row, "source": "github:a/clothing@1"}, (512, 320))
    assert hung[0] < hung[-1] == pytest.approx(kinds.hung_px(32))
    assert kinds.expected({**row, "source": "github:a/trees@1"}, (512, 320)) == []
