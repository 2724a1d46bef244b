"""Where on its picture a mouse points: through any view to the plane, and through the moved sheet to the still.

A place on the plane is (x, y) in Blender units of the object, the picture's middle at 0, y up; a place of the picture
is (x, y) in 0..1 of its width and height, y down.
"""

import numpy as np
from bpy_extras import view3d_utils
from mathutils import Vector

from ..nodes import rig

__all__ = ["on_picture", "on_plane", "pull_of", "still_place"]

_EDGE_ON = 1e-6  # of the view's direction: the plane is seen from its side, and no ray meets it


def on_plane(plane, region, view, mouse):
    """The place on the object's plane z = 0 under the mouse: float64 (2,), None where the view does not meet it.

    Args:
        region, view: the region and its RegionView3D; mouse: (x, y), px of the region.
    """
    inverse = plane.matrix_world.inverted_safe()
    origin = inverse @ view3d_utils.region_2d_to_origin_3d(region, view, mouse)
    direction = (inverse.to_3x3() @ view3d_utils.region_2d_to_vector_3d(region, view, mouse)).normalized()
    if abs(direction.z) < _EDGE_ON:
        return None
    distance = -origin.z / direction.z
    if view.is_perspective and distance < 0:
        return None  # behind the eye
    hit = origin + distance * Vector(direction)
    return np.array(hit[:2], np.float64)


def still_place(plane, depsgraph, place):
    """The place where that which is seen at `place` lies in the still: as far from it as its nearest point was carried.

    Where the viewport shows something else than the sheet, `place` itself.
    """
    rest = _points(plane.data)
    moved = _points(plane.evaluated_get(depsgraph).data)
    if moved.shape != rest.shape or not len(rest):
        return place
    nearest = int(((moved - place) ** 2).sum(1).argmin())
    return place + rest[nearest] - moved[nearest]


def on_picture(plane, place):
    """The place of the picture at a place on the plane: (x, y); beyond 0..1 it lies outside."""
    width, height = rig.get_input(plane, "Still").size
    return float(place[0] / (width * rig.PIXEL) + 0.5), float(0.5 - place[1] / (height * rig.PIXEL))


def pull_of(plane, begin, end):
    """A way on the plane in shares of the picture's long side, x right and y down."""
    long_side = max(rig.get_input(plane, "Still").size) * rig.PIXEL
    return float((end[0] - begin[0]) / long_side), float((begin[1] - end[1]) / long_side)


def _points(mesh):
    values = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", values)
    return values.reshape(-1, 3)[:, :2].astype(np.float64)
