"""Source maps and vectors: identity, translation, and sampling through the map against the real splat."""

import numpy as np

from gid_core.frames.splat import finish, splat
from gid_core.frames.stmap import motion_vectors, stmap

HEIGHT, WIDTH = 40, 64


def constant(dx, dy):
    return np.broadcast_to(np.float32([dx, dy]), (HEIGHT, WIDTH, 2)).copy()


def source(mapped):
    """Column and row (float, pixel centres) that a map points at."""
    return mapped[..., 0] * WIDTH - 0.5, (1 - mapped[..., 1]) * HEIGHT - 0.5


def test_no_motion_is_the_identity_in_nukes_convention():
    mapped = stmap(constant(0, 0))
    assert np.allclose(mapped[0, 0], [0.5 / WIDTH, 1 - 0.5 / HEIGHT], atol=1e-7)
    assert np.allclose(mapped[-1, -1], [1 - 0.5 / WIDTH, 0.5 / HEIGHT], atol=1e-7)


def test_a_shift_points_back_to_where_the_pixel_came_from():
    x, y = source(stmap(constant(3.25, -2.5)))
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    inside = (slice(4, -4), slice(5, -5))
    assert np.allclose(x[inside], (columns - 3.25)[inside], atol=1e-4)
    assert np.allclose(y[inside], (rows + 2.5)[inside], atol=1e-4)


def test_sampling_through_the_map_is_near_the_splat_on_smooth_motion():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    still = np.stack([np.sin(columns / 9), np.cos(rows / 7), np.sin((rows + columns) / 11)], -1).astype(np.float32)
    field = np.stack([2 * np.sin(rows / 12), 1.5 * np.cos(columns / 15)], -1).astype(np.float32)
    x, y = source(stmap(field))
    x0, y0 = np.clip(x, 0, WIDTH - 1.001).astype(int), np.clip(y, 0, HEIGHT - 1.001).astype(int)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    top = still[y0, x0] * (1 - fx) + still[y0, x0 + 1] * fx
    low = still[y0 + 1, x0] * (1 - fx) + still[y0 + 1, x0 + 1] * fx
    warped = top * (1 - fy) + low * fy
    inside = (slice(5, -5), slice(5, -5))
    error = (warped - finish(*splat(still, field)))[inside]
    assert -10 * np.log10((error**2).mean()) > 45


def test_vectors_live_where_the_pixel_is_now_and_point_up():
    now = constant(0, 0)
    now[10:20, 10:20] = [8, 0]
    following = now.copy()
    following[10:20, 10:20] += [1, 2]
    in_front = np.ones((HEIGHT, WIDTH), np.float32)
    in_front[10:20, 10:20] = 1e6
    vectors = motion_vectors(now, following, in_front)
    assert np.allclose(vectors[12:18, 20:26], [1, -2], atol=1e-4)
    assert not vectors[30:].any()
    assert not motion_vectors(now, now).any()
