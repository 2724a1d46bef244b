"""A sheet takes another volume in place; its points, and what the artist keeps on them, stay while the grid does."""

from dataclasses import replace

import bpy
import numpy as np
from gid_dev.blender_addon.loop import mesh
from gid_dev.blender_addon.nodes import rig


def values(sheet, name, width):
    found = np.empty(len(sheet.vertices) * width, np.float32)
    sheet.attributes[name].data.foreach_get("vector", found)
    return found


def stored(sheet):
    names = [rig.attribute_name(axis, index) for axis in "xy" for index in range(1, 12)]
    points = np.empty(len(sheet.vertices) * 3, np.float32)
    sheet.vertices.foreach_get("co", points)
    return [points, values(sheet, rig.UV, 2), *(values(sheet, name, 3) for name in names)]


def equal(a, b):
    return all(np.array_equal(left, right) for left, right in zip(stored(a), stored(b), strict=True))


def test_refilled_sheet_is_the_sheet_made_anew(occluding_volume):
    sheet = mesh.new_mesh("Sheet", mesh.Sheet.of(occluding_volume(16, 10), 64, 40))
    for grid, size in (((16, 10), (64, 40)), ((16, 10), (32, 20)), ((8, 12), (64, 96))):
        volume = occluding_volume(*grid, reach_px=12)
        mesh.refill(sheet, mesh.Sheet.of(volume, *size))
        assert equal(sheet, mesh.new_mesh("Other", mesh.Sheet.of(volume, *size)))


def test_what_the_artist_stores_on_the_points_stays_with_the_grid(occluding_volume):
    sheet = mesh.new_mesh("Sheet", mesh.Sheet.of(occluding_volume(16, 10), 64, 40))
    sheet.attributes.new("mine", "FLOAT", "POINT").data.foreach_set("value", np.arange(17 * 11, dtype=np.float32))
    sheet.materials.append(bpy.data.materials.new("Mine"))
    mesh.refill(sheet, mesh.Sheet.of(occluding_volume(16, 10, reach_px=3), 64, 40))
    assert sheet.attributes["mine"].data[5].value == 5
    mesh.refill(sheet, mesh.Sheet.of(occluding_volume(8, 10), 64, 40))
    assert sheet.materials[0].name == "Mine"


def test_a_sheet_that_was_cut_is_made_whole(occluding_volume):
    volume = occluding_volume(16, 10)
    sheet = mesh.new_mesh("Sheet", mesh.Sheet.of(volume, 64, 40))
    sheet.clear_geometry()
    mesh.refill(sheet, mesh.Sheet.of(volume, 64, 40))
    assert equal(sheet, mesh.new_mesh("Other", mesh.Sheet.of(volume, 64, 40)))


def test_what_moves_more_stands_before_what_rests(occluding_volume):
    volume = occluding_volume(16, 10)
    still = np.zeros_like(volume.amplitudes)
    still[:, :, 8:] = volume.amplitudes[:, :, 8:]
    points = stored(mesh.new_mesh("Sheet", mesh.Sheet.of(replace(volume, amplitudes=still), 64, 40)))[0].reshape(
        11, 17, 3
    )
    assert (points[:, :8, 2] == 0).all()
    assert 0 < points[:, 9:, 2].max() <= rig.PIXEL
