"""Every benchmark that runs inside of Blender, once and small; tests/export/test_benches.py has the others."""

import os
import tempfile

import bpy
import pytest
from gid_dev.blender_addon import properties
from gid_dev.blender_addon.loop import build

from tests import benches

CASES = {
    "determinism": ([], {"SIDE": 64, "N_FRAMES": 8}),
    "footprint": ([], {"UHD": (96, 54), "HD": (64, 36)}),
    "frames": (["--frames", "2"], {"BARS": {48: 0}, "CYCLES_FRAMES": 1, "SPLAT_TURNS": 1}),
    "playback": (["--frames", "2"], {"CELLS": (24, 16)}),
    "render": (["--sizes", "32x24"], {"SPECK": 0.2}),
}


@pytest.mark.skipif(bpy.app.version < (5, 2), reason="one Blender tells whether they fit the code")
@pytest.mark.parametrize("name", CASES)
def test_it_still_fits_the_code(name, monkeypatch, capfd, tmp_path, lent_rig):
    arguments, smaller = CASES[name]
    monkeypatch.setattr(build, "build_loop", lent_rig(16)(build.build_loop))
    monkeypatch.setattr(properties, "register", lambda: None)  # they are
    monkeypatch.setenv("BLENDER_USER_RESOURCES", os.environ["BLENDER_USER_RESOURCES"])  # a benchmark has one of its own
    (tmp_path / "passing").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "passing"))
    assert benches.run(monkeypatch, name, arguments, **smaller) in (0, 1, None)
    assert capfd.readouterr().out
