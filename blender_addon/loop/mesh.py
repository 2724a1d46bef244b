"""The plane's own mesh: one cell a texel of the volume, with every mode's value stored on its points.

It is a cache of the mode images for playback: reading points is several times faster than sixteen image lookups, and
playing the loop reads nothing else.
"""

from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...gid_core.frames.splat import importance
from ...gid_core.motion.synth import mean_motion
from ..nodes import rig
from .images import flipped

__all__ = ["UV_MAP", "Sheet", "new_mesh", "refill"]

UV_MAP = "UVMap"  # Blender's own name for it
_GRID = "gid_grid"  # custom property of the mesh: rows and columns of cells
_LIFT_PX = 0.5  # of the still: what moves most stands so far before what rests, and is seen where the sheet folds


@dataclass(frozen=True)
class Sheet:
    """What a sheet is made of, in arrays that Blender takes as they are.

    rows, columns: of cells. points: float32 ((rows + 1) (columns + 1), 3), the lowest row first; uv: of them, float32
    (..., 2); modes: on them, by attribute, float32 (..., 3).
    """

    rows: int
    columns: int
    points: np.ndarray
    uv: np.ndarray
    modes: dict[str, np.ndarray]

    @classmethod
    def of(cls, volume, width, height) -> "Sheet":
        """A grid as large as the still that carries all modes, y up. No datablock is touched: for a thread, too.

        Args:
            volume: SpectralVolume; its grid gives the cells.
            width, height: of the still, in pixels.
        """
        rows, columns = volume.height, volume.width
        u, v = np.arange(columns + 1) / columns, np.arange(rows + 1) / rows  # v runs up
        uv = np.stack(np.broadcast_arrays(u[None], v[:, None]), -1).astype(np.float32)
        xy = (uv - np.float32(0.5)) * np.array([width * rig.PIXEL, height * rig.PIXEL], np.float32)
        points = np.concatenate([xy, _lift(volume)], -1)
        # Per axis Re 1, Im 1, Re 2 ... of all modes, three to a vector: as many dot products make a point's motion.
        corners = [flipped(_at_corners(a.view(np.float32)), is_vector=True) for a in volume.amplitudes]
        modes = {}
        for axis, channels in (("x", slice(0, 2)), ("y", slice(2, 4))):
            series = np.concatenate([mode[..., channels] for mode in corners], -1)
            series = np.pad(series, ((0, 0), (0, 0), (0, -series.shape[2] % 3)))
            for index in range(series.shape[2] // 3):
                values = series[..., 3 * index : 3 * index + 3]
                modes[rig.attribute_name(axis, index + 1)] = np.ascontiguousarray(values).reshape(-1, 3)
        return cls(rows, columns, points.reshape(-1, 3), uv.reshape(-1, 2), modes)


def new_mesh(name: str, sheet: Sheet):
    """A sheet as a mesh."""
    mesh = bpy.data.meshes.new(name)
    refill(mesh, sheet)
    return mesh


def refill(mesh, sheet: Sheet) -> None:
    """Make another sheet of a mesh; what the artist stored on its points stays while the grid is the same."""
    grid = sheet.rows, sheet.columns
    if _grid(mesh) != grid:
        mesh.clear_geometry()
        _connect(mesh, *grid)
        mesh[_GRID] = grid
    mesh.vertices.foreach_set("co", sheet.points.ravel())
    _store(mesh, rig.UV, sheet.uv)
    _map(mesh, sheet.uv)
    for name, values in sheet.modes.items():
        _store(mesh, name, values)
    mesh.update()


def _grid(mesh):
    """(rows, columns) of the sheet, None where there is none; the artist may have cut the mesh since."""
    rows, columns = mesh.get(_GRID, (0, 0))
    is_whole = rows and len(mesh.vertices) == (rows + 1) * (columns + 1) and len(mesh.polygons) == rows * columns
    return (rows, columns) if is_whole else None


def _lift(volume):
    """Heights of the points in Blender units: where one cell slides over another, the livelier one is nearer."""
    whole = replace(volume, mask=None, border=0.0, lookup=None)
    front = importance(mean_motion(whole, volume.width, volume.height), volume.width, volume.height)
    return flipped(_at_corners(front[..., None])) * np.float32(_LIFT_PX * rig.PIXEL)


def _connect(mesh, rows, columns):
    lower_left = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    quads = (lower_left[:, None] + [0, 1, columns + 2, columns + 1]).astype(np.int32)
    mesh.vertices.add((rows + 1) * (columns + 1))
    mesh.loops.add(quads.size)
    mesh.loops.foreach_set("vertex_index", quads.ravel())
    mesh.polygons.add(len(quads))
    mesh.polygons.foreach_set("loop_start", np.arange(0, quads.size, 4, dtype=np.int32))
    mesh.update(calc_edges=True)


def _map(mesh, uv):
    """A UV map as any mesh has one: solid shading and texture painting read no attribute of another kind."""
    layer = mesh.uv_layers.get(UV_MAP) or mesh.uv_layers.new(name=UV_MAP, do_init=False)
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    layer.uv.foreach_set("vector", uv[corners].ravel())


def _store(mesh, name, values):
    kind = {2: "FLOAT2", 3: "FLOAT_VECTOR"}[values.shape[1]]
    attribute = mesh.attributes.get(name) or mesh.attributes.new(name, kind, "POINT")
    attribute.data.foreach_set("vector", values.ravel())


def _at_corners(texels):
    """Bilinear values at the corners of the texels, edges clamped: (H, W, C) -> (H + 1, W + 1, C)."""
    padded = np.pad(texels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    return (padded[:-1, :-1] + padded[1:, :-1] + padded[:-1, 1:] + padded[1:, 1:]) / np.float32(4)
