"""The compositor groups as assets: a catalogue, previews that differ, and a library that holds them."""

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon.nodes import assets


def preview_of(block):
    preview = block.preview
    pixels = np.empty(4 * preview.image_size[0] * preview.image_size[1], np.float32)
    preview.image_pixels_float.foreach_get(pixels)
    return pixels


def test_a_library_holds_both_groups_and_leaves_nothing_here(tmp_path):
    before = len(bpy.data.user_map())
    for _ in range(2):  # a second time it replaces its own file
        assert bpy.ops.gid.save_assets(directory=str(tmp_path)) == {"FINISHED"}
    assert len(bpy.data.user_map()) == before
    lines = (tmp_path / "blender_assets.cats.txt").read_text().splitlines()
    assert [line for line in lines if line.startswith(assets.CATALOGUE)] == [
        f"{assets.CATALOGUE}:Compositing/Image Dynamics:Image Dynamics"
    ]
    with bpy.data.libraries.load(str(tmp_path / assets.FILE), assets_only=True) as (there, here):
        assert set(there.node_groups) == {"Softmax Splat", "Fast Warp"}
        here.node_groups = list(there.node_groups)
    groups = here.node_groups
    assert {group.asset_data.catalog_id for group in groups} == {assets.CATALOGUE}
    first, second = (preview_of(group) for group in groups)
    assert first.std() > 0.1
    assert not np.array_equal(first, second)


def test_catalogues_of_the_artist_stay(tmp_path):
    own = "VERSION 1\n\n11111111-2222-3333-4444-555555555555:Mine:Mine"
    (tmp_path / "blender_assets.cats.txt").write_text(own)
    bpy.ops.gid.save_assets(directory=str(tmp_path))
    text = (tmp_path / "blender_assets.cats.txt").read_text()
    assert text.startswith(own + "\n")
    assert assets.CATALOGUE in text


def test_a_library_without_a_folder_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match="there is no folder"):
        bpy.ops.gid.save_assets(directory=str(tmp_path / "nowhere"))
