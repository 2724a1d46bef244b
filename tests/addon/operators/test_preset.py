"""Presets, the manual and the diagnostics: what stands around the panel."""

from pathlib import Path
from urllib.parse import unquote, urlparse

import bpy
import pytest
from gid_dev.blender_addon import diagnostics, jobs, manual
from gid_dev.blender_addon.operators import preset

NAMES = {"as_predicted", "breeze", "gust", "underwater", "candlelight", "laundry"}


def shipped():
    folders = bpy.utils.preset_paths(preset.FOLDER)
    return {file.stem: str(file) for folder in folders for file in Path(folder).glob("*.py")}


def test_the_presets_that_come_along_act_on_the_loop_in_sight(small_loop):
    assert set(shipped()) >= NAMES
    edits = small_loop.gid.edits
    edits.turn, before = 0.5, edits.amplitude
    seen = set()
    for name in sorted(NAMES):
        assert bpy.ops.gid.motion_preset(filepath=shipped()[name]) == {"FINISHED"}
        seen.add(tuple(round(getattr(edits, field), 3) for field in preset.FIELDS))
    assert len(seen) == len(NAMES)
    bpy.ops.gid.motion_preset(filepath=shipped()["as_predicted"])
    assert (edits.amplitude, edits.turn) == (before, 0.5)


def test_a_preset_is_one_undo_step(small_loop):
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.gid.motion_preset("EXEC_DEFAULT", True, filepath=shipped()["gust"])
    assert bpy.context.scene.gid.loop.gid.edits.amplitude > 1
    bpy.ops.ed.undo()
    assert bpy.context.scene.gid.loop.gid.edits.amplitude == 1


def test_an_artists_own_preset_is_kept_and_removed(small_loop):
    small_loop.gid.edits.amplitude = 1.25
    bpy.ops.gid.motion_preset_add(name="My Wind")
    assert "my_wind" in {name.lower() for name in shipped()}
    small_loop.gid.edits.amplitude = 1
    path = next(path for name, path in shipped().items() if name.lower() == "my_wind")
    bpy.ops.gid.motion_preset(filepath=path)
    assert small_loop.gid.edits.amplitude == 1.25
    bpy.ops.gid.motion_preset_add(name="My_Wind", remove_name=True)
    assert "my_wind" not in {name.lower() for name in shipped()}


def test_a_file_from_elsewhere_is_no_preset(small_loop, tmp_path):
    (tmp_path / "evil.py").write_text("raise SystemExit")
    with pytest.raises(RuntimeError, match="not among Blender's presets"):
        bpy.ops.gid.motion_preset(filepath=str(tmp_path / "evil.py"))


@pytest.mark.parametrize(
    ("control", "page"),
    [("bpy.ops.gid.pluck_tool", "plucks.md"), ("bpy.types.GidEdits.amplitude", "how_it_moves.md"),
     ("bpy.ops.gid.animate", "panel.md"), ("bpy.types.GidEdits.mask", "what_moves.md")],
)  # fmt: skip
def test_f1_leads_to_a_page_that_comes_along(control, page):
    address = bpy.types.WM_OT_doc_view_manual._lookup_rna_url(control, verbose=False)
    assert address.endswith(page)
    assert Path(unquote(urlparse(address).path)).is_file()


def test_every_page_of_the_manual_is_there():
    for _pattern, name in manual._MAP:
        assert Path(unquote(urlparse(manual.page(name)).path)).is_file(), name


def test_diagnostics_tell_versions_and_the_model_and_no_paths(small_loop, tmp_path):
    jobs.note(jobs.key_of(bpy.context.scene), f"there is no picture {tmp_path}/secret.png: check the name")
    told = diagnostics.report()
    assert bpy.app.version_string in told
    assert "numpy" in told
    assert "onnxruntime" in told
    assert len([line for line in told.splitlines() if len(line.split()[-1]) == 64]) >= 2  # SHA-256 of the graphs
    assert "secret" not in told
    assert str(tmp_path) not in told
    assert "ModelError" in diagnostics.report(str(tmp_path))
