"""What a file keeps of a loop and anything may have changed: a sample of `build.py soak blend`, with another seed."""

import os

import gid_dev.blender_addon as addon
import pytest


@pytest.fixture
def soak():
    """The soak registers the add-on by itself, and builds its loop with what these tests build theirs with."""
    addon.unregister()
    place = os.environ["TMPDIR"]
    from tests.soak import blend  # here: outside of the tests it brings a Blender of its own

    assert os.environ["TMPDIR"] == place
    yield blend
    addon.register()


def test_changed_texts_images_and_rigs_end_in_a_result_or_a_sentence(soak):
    ((_, count, faults, told),) = soak.blend(40, seed=11)
    assert (count, faults) == (40, [])
    assert " 0 sentences" not in told
