"""A sample of `build.py soak`, with another seed than its own; the table of the whole is in docs/develop/soak.md."""

import importlib.util
from pathlib import Path

import pytest

from gid_core.errors import ImageError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def soak():
    spec = importlib.util.spec_from_file_location("soak", ROOT / "tests" / "soak.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_mutated_files_end_in_a_result_or_a_sentence(soak):
    rows = soak.loaders(12, seed=7)
    assert len(rows) == 15
    assert not [(what, faults) for what, _, faults, _ in rows if faults]


def test_a_fault_is_counted(soak, monkeypatch):
    """A reader that raises what is no GidError, or none of the seeds, would be seen."""

    def broken(path):
        raise ImageError("a sentence") if path.stat().st_size % 2 else KeyError("a bug")

    monkeypatch.setattr(soak, "seeds", lambda folder: {"broken": (b"0123456789", ".x", broken)})
    ((_, count, faults, _),) = soak.loaders(50)
    assert 0 < len(faults) < count
    assert faults[0] == "KeyError: 'a bug'"


def test_predictions_that_are_cancelled_hold_no_memory(soak, monkeypatch):
    monkeypatch.setattr(soak, "GROWTH", 1.5)  # of so few: what is kept once is not there from the start
    rows = soak.cancelled_predictions(10, seed=5, model="physics")
    assert [faults for _, _, faults, _ in rows] == [[], []]
