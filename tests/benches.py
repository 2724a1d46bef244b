"""Runs a benchmark once, as small as it goes: whether it still fits the code, not what it measures."""

import importlib.util
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent / "bench"


def run(monkeypatch, name, arguments=(), **smaller):
    """What `main` of a file of tests/bench returns; `smaller`: its constants. Its own bars may be missed."""
    monkeypatch.setitem(sys.modules, "conftest", sys.modules["tests.conftest"])  # the checkout is a package already
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    spec = importlib.util.spec_from_file_location("bench_" + name, BENCH / f"{name}.py")
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    for constant, value in smaller.items():
        assert hasattr(bench, constant), constant
        monkeypatch.setattr(bench, constant, value)
    return bench.main(list(arguments)) if bench.main.__code__.co_argcount else bench.main()
