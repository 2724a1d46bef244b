"""A sample of `build.py soak`, with another seed than its own; the table of the whole is in docs/develop/soak.md."""

import random
import shutil
import sys

import pytest

from gid_core.errors import ImageError
from tests.soak import disks, kills, loaders, memory


def test_mutated_files_end_in_a_result_or_a_sentence():
    rows = loaders.loaders(12, seed=7)
    assert len(rows) == 17
    assert not [(what, faults) for what, _, faults, _ in rows if faults]


def test_a_fault_is_counted(monkeypatch):
    """A reader that raises what is no GidError, or none of the seeds, would be seen."""

    def broken(path):
        raise ImageError("a sentence") if path.stat().st_size % 2 else KeyError("a bug")

    monkeypatch.setattr(loaders, "seeds", lambda folder: {"broken": (b"0123456789", ".x", broken)})
    ((_, count, faults, _),) = loaders.loaders(50)
    assert 0 < len(faults) < count
    assert faults[0] == "KeyError: 'a bug'"


def test_predictions_that_are_cancelled_hold_no_memory(monkeypatch):
    monkeypatch.setattr(memory, "GROWTH", 1.5)  # of so few
    rows = memory.cancelled_predictions(60, seed=5, model="physics")
    assert [faults for _, _, faults, _ in rows] == [[], []]


def test_a_killed_bake_ends_in_the_bytes_of_one_left_alone(tmp_path):
    (work,) = (one for one in kills.works(tmp_path) if one.what == "bake")
    (tmp_path / "bake").mkdir()
    _, count, faults, told = kills.killed(work, 2, random.Random(7), tmp_path / "bake")
    assert (count, faults) == (2, []), told


@pytest.mark.skipif(not sys.platform.startswith("linux") or shutil.which("cc") is None, reason="needs Linux and cc")
def test_a_drive_that_falls_silent_is_told_of_and_leaves_nothing(monkeypatch):
    monkeypatch.setattr(disks, "KINDS", {"silent": disks.KINDS["network drive silent"]})
    ((_, count, faults, _),) = disks.disks(1, seed=3)
    assert (count, faults) == (1, [])
