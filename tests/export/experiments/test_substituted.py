"""What is read beside borders with the truth in the place of what was found: what counts as torn, and a whole table."""

import numpy as np
import pytest

from gid_core.model import session
from onnx_export.experiments import substituted


def test_what_parts_inside_an_object_is_torn_and_a_border_is_not():
    objects, z = np.repeat([1, 2], 8)[None].repeat(4, 0), np.ones((1, 4, 16, 2), complex)
    z[:, :, 8:] = -1
    moves = np.ones(objects.shape, bool)
    assert substituted.torn(z, objects, moves) == 0
    z[:, :, 4:8] = -1
    assert substituted.torn(z, objects, moves) == pytest.approx(4 / (4 * 14 + 3 * 16))
    moves[:, :4] = False
    assert substituted.torn(z, objects, moves) == 0


def test_the_truth_in_the_place_of_what_was_found_errs_less():
    found = substituted.tabulated(session.load_model(), 4)
    error = {way: figures[0] for way, figures in found.items()}
    assert error["true objects and texels"] < error["true objects and places"] < error["as predicted"]
    assert error["the same, z of the closer look's cells"] < 0.5 * error["as predicted"]
