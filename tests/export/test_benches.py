"""Every benchmark that runs outside of Blender, once and small; tests/addon/test_benches.py has the others."""

from functools import partial

import numpy as np
import pytest

from gid_core import worker
from onnx_export.scenes import layered
from tests import benches

SMALL = ["--sizes", "64", "--every", "60"]
IN_BLENDER = {"determinism", "footprint", "frames", "playback", "render"}
# Name -> its arguments, and its constants made smaller.
CASES = {
    "borders": (SMALL, {}),
    "clip": ([], {"SIZE": (64, 40), "SWAYS_PX": (0.5,)}),
    "edges": (["--scenes", "1"], {"FRAMES": (5,)}),
    "memory": ([], {"LONG_SIDE": 64}),
    "network": ([], {"SIZES": ((64, 48),), "FRAMES": (1,)}),
    "outlines": ([], {"BEYOND_PX": (2, 8), "LOCAL_PX": 8, "FRAMES": (15,)}),
    "reroll": ([], {"CHILDREN": 1, "REROLLS": 1, "LONG_SIDE": 64}),
    "sharpness": (SMALL, {}),
    "splat": ([], {"TURNS": 1, "FRAMES": {(64, 36): 1}}),
    "steps": ([], {"DDIM_STEPS": 2, "REPEATS": 1}),
}


def disc(stills):
    """In place of the drawn pictures of 1600 px: the example, small, of which the middle may move."""
    _name, photo = next(stills.photos_of(None))
    still = stills.image_io.fit(photo, 128)
    y, x = np.mgrid[: still.shape[0], : still.shape[1]]
    return [("a disc", still, np.hypot(x - 64, y - still.shape[0] / 2) < 20)]


def test_no_benchmark_is_left_out():
    assert {path.stem for path in benches.BENCH.glob("*.py")} == CASES.keys() | IN_BLENDER


@pytest.mark.parametrize("name", CASES)
def test_it_still_fits_the_code(name, monkeypatch, capsys):
    arguments, smaller = CASES[name]
    monkeypatch.setattr(layered, "Scene", partial(layered.Scene, size=(320, 200)))
    monkeypatch.syspath_prepend(str(benches.BENCH))
    if name == "outlines":
        monkeypatch.setitem(benches.sys.modules, "conftest", benches.sys.modules["tests.conftest"])
        from cases import cutouts, stills

        monkeypatch.setattr(cutouts, "pictures", lambda: disc(stills))
    assert benches.run(monkeypatch, name, arguments, **smaller) in (0, 1)
    assert capsys.readouterr().out
    worker.close_live()
