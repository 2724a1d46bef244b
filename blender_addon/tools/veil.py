"""What is laid over the photo in the viewport: where the brush has painted, and how far each place moves.

It is drawn over the moving sheet by the graphics card, with the pictures as they are at that moment: strokes show at
once, playing or not. Nothing of it is data: it cannot be rendered, and a file saved with it shows it only where the
add-on is.
"""

# The stubs know none of the constructors of `gpu.types`.
# mypy: disable-error-code="call-arg, arg-type"

from dataclasses import replace
from typing import Any

import bpy
import gpu
import numpy as np

from ...gid_core.errors import GidError
from ...gid_core.motion.edits import PREDICTED_GREY, mode_gains
from ...gid_core.motion.synth import mean_motion
from ..loop import live, read, sight
from ..nodes import rig
from . import easel

__all__ = ["motion_map", "register", "top_px", "triangles", "unregister"]

_NEARER = 2e-5  # of the depth range: before the sheet, behind what the artist put clearly before it
_BEYOND_PX = 0.5  # of the still
_TINTED, _HEATED = 0, 1  # what the shader makes of the photo
_LONG_SIDE = 512  # px of the map of motion: it is smooth
_FULL_SHARE = 0.99  # of the pixels move less than what is shown red
_VERTEX = """
void main() {
  place = uv;
  gl_Position = to_screen * vec4(point, 1.0);
  gl_Position.z -= nearer * gl_Position.w;
}
"""
# Overlays are written in linear light: their buffer encodes it itself.
_FRAGMENT = """
vec3 heat(float x) {
  vec3 cold = mix(vec3(0.01, 0.01, 0.17), vec3(0.0, 0.38, 0.52), clamp(x * 3.0, 0.0, 1.0));
  cold = mix(cold, vec3(1.0, 0.69, 0.01), clamp(x * 3.0 - 1.0, 0.0, 1.0));
  return mix(cold, vec3(0.89, 0.01, 0.01), clamp(x * 3.0 - 2.0, 0.0, 1.0));
}
void main() {
  vec3 photo = clamp(texture(still, place).rgb, 0.0, 1.0);
  float over = texture(picture, place).r;
  float grey = dot(photo, vec3(0.2126, 0.7152, 0.0722));
  if (kind == 0) {
    over /= top;
    vec3 stopped = mix(vec3(grey), vec3(0.69, 0.01, 0.03), 0.45);
    photo = mix(stopped, photo, clamp(over, 0.0, 1.0));
    photo = mix(photo, vec3(1.0, 0.69, 0.01), 0.15 * clamp(over - 1.0, 0.0, 3.0));
  } else {
    float part = clamp(over * texture(mask, place).r / top, 0.0, 1.0);
    photo = mix(0.5 * vec3(grey), heat(part), 0.6 * smoothstep(0.0, 0.08, part));
  }
  colour = vec4(photo, 1.0);
}
"""


class _Kept:
    """What lasts from one drawing to the next."""

    def __init__(self):
        self.handler: Any = None
        self.shader: Any = None  # False: the graphics card refused it
        self.white: Any = None
        self.quads: tuple[Any, Any] = (None, None)  # (which mesh, its triangles)
        self.maps: dict[int, tuple] = {}  # {loop: (what it is made of, texture, top)}


_kept = _Kept()


def motion_map(plane) -> np.ndarray:
    """How far each place of a loop moves, on average over time: float32 (h, w), px of the still, the mask left out.

    Strength, amplitude, gains and border are in it; it is at most 512 px long.

    Raises:
        GidError: the images of its motion cannot be read.
    """
    width, height = rig.get_input(plane, "Still").size
    share = min(1.0, _LONG_SIDE / max(width, height))
    size = max(1, round(width * share)), max(1, round(height * share))
    edits, played = plane.gid.edits, read.played_volume(plane)
    gains = edits.amplitude * mode_gains(played.frequencies, edits.low, edits.mid, edits.high)
    amplitudes = played.amplitudes * gains.astype(np.float32)[:, None, None, None]
    volume = replace(played, amplitudes=amplitudes, border=edits.border)
    return mean_motion(volume, *size) * np.float32(width / size[0])


def top_px(plane) -> float | None:
    """What red stands for on the loop that is shown, px of the still; None while it is not drawn."""
    known = _kept.maps.get(plane.session_uid)
    return known[2] if known else None


def triangles(sheet) -> np.ndarray:
    """The triangles of a sheet of quads, int32 (n, 3) of its points, the lowest first.

    Drawn in this order without a test of depth, the sheet shows the same as with it where it folds: what stands higher.
    """
    corners, points = np.empty(len(sheet.loops), np.int32), np.empty((len(sheet.vertices), 3), np.float32)
    sheet.loops.foreach_get("vertex_index", corners)
    sheet.vertices.foreach_get("co", points.ravel())
    quads = corners.reshape(-1, 4)
    quads = quads[np.argsort(points[quads, 2].mean(axis=1), kind="stable")]
    return quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


def _draw():
    context = bpy.context
    plane = sight.in_sight(context)
    if plane is None or plane.gid.scene != context.scene or not context.space_data.overlay.show_overlays:
        return
    still = rig.get_input(plane, "Still")
    if easel.is_up(plane):
        image = easel.painted(context.scene)
        if image is None or image == plane.gid.plate:
            return  # the plate is a picture of its own, and the easel shows it
        as_predicted = PREDICTED_GREY if image == plane.gid.edits.strength else 1.0
        # The easel, which is white, shows wherever the moving sheet draws in from the picture's edge.
        at_rest = _quad(*still.size)
        for batch in (at_rest, _batch(plane, context.view_layer.depsgraph)):
            _lay(context, plane, batch, _TINTED, still, _texture(image), top=as_predicted)
    elif plane.gid.show_motion and plane.mode == "OBJECT":
        made = _heat(plane)
        if made is not None:
            mask = plane.gid.edits.mask
            batch = _batch(plane, context.view_layer.depsgraph)
            _lay(context, plane, batch, _HEATED, still, made[0], _texture(mask) if mask else None, made[1])


def _texture(image):
    return gpu.texture.from_image(image)


def _lay(context, plane, batch, kind, still, picture, mask=None, top=1.0):
    """Draw triangles in the plane's own space over what is there; None draws nothing."""
    shader = _shader()
    if batch is None or not shader:
        return
    # The sheet lies behind the easel; what is painted is seen on the sheet, where it acts.
    gpu.state.depth_test_set("LESS_EQUAL" if kind == _HEATED else "ALWAYS")
    gpu.state.blend_set("NONE")
    shader.bind()
    shader.uniform_float("to_screen", context.region_data.perspective_matrix @ plane.matrix_world)
    shader.uniform_float("nearer", _NEARER)
    shader.uniform_float("top", top)
    shader.uniform_int("kind", kind)
    shader.uniform_sampler("still", _texture(still))
    shader.uniform_sampler("picture", picture)
    shader.uniform_sampler("mask", mask or _white())
    batch.draw(shader)
    gpu.state.depth_test_set("NONE")


def _shader():
    if _kept.shader is None:
        _kept.shader = False  # a graphics card that refuses it is asked once, and its words go to the console
        info = gpu.types.GPUShaderCreateInfo()
        info.push_constant("MAT4", "to_screen")
        info.push_constant("FLOAT", "nearer")
        info.push_constant("FLOAT", "top")
        info.push_constant("INT", "kind")
        for slot, name in enumerate(("still", "picture", "mask")):
            info.sampler(slot, "FLOAT_2D", name)
        info.vertex_in(0, "VEC3", "point")
        info.vertex_in(1, "VEC2", "uv")
        between = gpu.types.GPUStageInterfaceInfo("gid_veil")
        between.smooth("VEC2", "place")
        info.vertex_out(between)
        info.fragment_out(0, "VEC4", "colour")
        info.vertex_source(_VERTEX)
        info.fragment_source(_FRAGMENT)
        _kept.shader = gpu.shader.create_from_info(info)
    return _kept.shader


def _white():
    if _kept.white is None:
        _kept.white = gpu.types.GPUTexture((1, 1), format="R32F", data=gpu.types.Buffer("FLOAT", 1, [1.0]))
    return _kept.white


def _batch(plane, depsgraph):
    """The evaluated sheet as triangles, None where the viewport shows something else than the sheet."""
    seen = plane.evaluated_get(depsgraph).data
    n = len(seen.vertices)
    if n != len(plane.data.vertices) or rig.UV not in seen.attributes:
        return None
    points, uv = np.empty((n, 3), np.float32), np.empty((n, 2), np.float32)
    seen.vertices.foreach_get("co", points.ravel())
    seen.attributes[rig.UV].data.foreach_get("vector", uv.ravel())
    which = (plane.data.session_uid, n, rig.get_input(plane, "Image 1").session_uid)  # another motion, other heights
    if _kept.quads[0] != which:
        _kept.quads = which, gpu.types.GPUIndexBuf(type="TRIS", seq=triangles(plane.data))
    return gpu.types.GPUBatch(type="TRIS", buf=_vertices(points, uv), elem=_kept.quads[1])


def _quad(width, height):
    """The picture's rectangle as triangles, at rest, and a little more: the viewport smooths the easel's edges."""
    uv = np.array([(0, 0), (1, 0), (0, 1), (1, 1)], np.float32)
    points = np.zeros((4, 3), np.float32)
    points[:, :2] = (uv - 0.5) * [width + 2 * _BEYOND_PX, height + 2 * _BEYOND_PX] * rig.PIXEL
    return gpu.types.GPUBatch(type="TRI_STRIP", buf=_vertices(points, uv))


def _vertices(points, uv):
    layout = gpu.types.GPUVertFormat()
    layout.attr_add(id="point", comp_type="F32", len=3, fetch_mode="FLOAT")
    layout.attr_add(id="uv", comp_type="F32", len=2, fetch_mode="FLOAT")
    buffer = gpu.types.GPUVertBuf(layout, len(points))
    buffer.attr_fill("point", points)
    buffer.attr_fill("uv", uv)
    return buffer


def _heat(plane):
    """(texture of the map of motion, what is shown red in px), made anew when the motion is another one."""
    edits = plane.gid.edits
    asked = tuple(getattr(edits, name) for name in live.NUMBERS)
    key = (rig.get_input(plane, "Image 1").session_uid, asked)
    known = _kept.maps.get(plane.session_uid)
    if known is None or known[0] != key:
        try:
            far = motion_map(plane)
        except GidError:
            return None  # the panel tells of it
        top = max(float(np.quantile(far, _FULL_SHARE)), 1e-3)
        rows = far[::-1]  # a texture's first row is at the bottom
        data = gpu.types.Buffer("FLOAT", rows.size, np.ascontiguousarray(rows).ravel())
        texture = gpu.types.GPUTexture(far.shape[::-1], format="R32F", data=data)
        known = _kept.maps[plane.session_uid] = (key, texture, top)
        bpy.context.area.tag_redraw()  # the panel tells what red stands for
    return known[1], known[2]


def register():
    if not bpy.app.background:
        _kept.handler = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW")


def unregister():
    if _kept.handler is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_kept.handler, "WINDOW")
    _kept.handler = _kept.shader = _kept.white = None
    _kept.quads, _kept.maps = (None, None), {}
