"""Loops under other colour configurations (OCIO): the same pictures there, and never other colours without a word."""

import os
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.loop import colours, edit
from gid_dev.blender_addon.output.frames import render_frames
from gid_dev.gid_core.errors import SettingsError
from gid_dev.gid_core.files import colour

# ACES configurations that OpenColorIO itself brings; the second has no space of its own for pictures of 8 bits.
ACES = "ocio://default" if bpy.app.version[:2] != (5, 0) else "ocio://cg-config-v1.0.0_aces-v1.3_ocio-v2.1"
AGREES_DB = 100
EIGHT_BIT = 1.01 / 255
EIGHT_BIT_LIGHT = 2.3 * 0.5 / 255  # half a step where the sRGB curve is steepest


@pytest.fixture(scope="module")
def under_aces(tmp_path_factory):
    """A folder of files saved here and under an ACES configuration, and what was measured there."""
    return tmp_path_factory.mktemp("aces")


def test_loop_under_aces_shows_the_photos_colours_and_is_told_elsewhere(make_loop, tmp_path):
    plane = make_loop()
    assert plane.gid.colours == ""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "ours.blend"), copy=True)
    script = Path(__file__).with_name("under_aces.py")
    done = subprocess.run(
        [sys.executable, str(script), str(Path(__file__).parents[3]), str(tmp_path)],
        env={**os.environ, "OCIO": ACES},
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line and line[0] == "@")
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(found["@agreement_db"]) >= AGREES_DB
    assert float(found["@still"]) < 1e-4
    assert float(found["@png"]) <= EIGHT_BIT  # no film look in it, none twice
    assert float(found["@opened_photo"]) == 0
    assert float(found["@light.exr:ACEScg"]) < 1e-3  # 4.5 knows the matrix to four digits
    assert float(found["@light.exr:linear"]) == 0
    assert float(found["@light.png:sRGB"]) <= 1.01 * EIGHT_BIT_LIGHT
    assert "another colour configuration" in found["@ours_rendered"]
    assert "another colour configuration" in found["@ours_edited"]
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "aces.blend"))
    theirs = next(o for o in bpy.data.objects if o.gid.scene is not None)
    if bpy.app.version < (5, 0):  # later files hold their linear light, and render as they did
        for refused in (lambda: render_frames(theirs, tmp_path, [3]), lambda: edit.apply_edits(theirs)):
            with pytest.raises(SettingsError, match="another colour configuration"):
                refused()
    else:
        assert not colours.is_foreign(bpy.data.images["GID Still Test"], theirs.gid.colours)


def test_without_another_configuration_no_bit_is_converted(picture):
    still = picture(16, 16)
    assert colours.to_scene(still) is still
    assert colours.from_scene(still) is still
    assert colours.note_of() == ""
    assert colour.encode_srgb(still).dtype == np.float32
