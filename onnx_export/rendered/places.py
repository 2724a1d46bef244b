"""Where rendered scenes happen: sky, ground, walls and houses, cameras, and things that stand still.

Runs inside bpy. Each function adds to a stage.Stage `s`; all chance comes from its generator. Metres.
"""

import math
import re

import bpy
import numpy as np
from mathutils import Vector

from . import props
from .stage import box_matrix

__all__ = [
    "WALLS",
    "block",
    "brushes",
    "bulb",
    "camera",
    "colour",
    "far",
    "ground",
    "house",
    "lattice",
    "outdoors",
    "still_things",
    "sun",
    "surface",
]

_NEVER = r"plant|tree|flower|curtain|cloth|candle|lantern|towel|hang|male|boy|girl|sit|lying|standing|palm|cat|dog"
_NEVER += r"|rabbit|chicken|horse|fish|aquarium|bush|hedge|lily|bamboo|cactus|swing|mobile|pool|bonsai|suit|lamp|plug"
_NEVER += r"|switch|bath|road|passage|fleche|stationnement|rails|tent|chandelier|mannequin|succulent|punching|parque"
_NEVER += (
    r"|pine|cypress|ficus|orchid|tulip|spatifilum|augalas|arbolito|maceta|yucca|maple|beech\b|acacia|poplar|blossom"
)
_NEVER += r"|^robe|jupe|blouson|pantalon|^short|chaussette|gant-|hammock|fireplace|cake|fountain|deer|billet|barnum"
_NEVER += r"|umbrella|casquette|air-mattress"
WALLS = (
    (0.62, 0.55, 0.45),
    (0.7, 0.68, 0.62),
    (0.55, 0.33, 0.24),
    (0.4, 0.42, 0.45),
    (0.6, 0.45, 0.3),
    (0.3, 0.4, 0.42),
)
_GROUNDS = ((0.12, 0.17, 0.05), (0.25, 0.2, 0.13), (0.3, 0.29, 0.27), (0.2, 0.22, 0.08))


def colour(r, choices, spread=0.15):
    return np.clip(np.asarray(choices[r.integers(len(choices))]) * (1 + r.normal(0, spread, 3)), 0.01, 0.95)


def block(s, size, location, material, yaw=0.0):
    return s.add(props.box(size, material), box_matrix(location, yaw))


def sun(s, energy=None, colour=(1, 0.95, 0.88)):
    r = s.rng
    data = bpy.data.lights.new("sun", "SUN")
    data.energy = r.uniform(1.5, 5) if energy is None else energy
    data.angle, data.color = math.radians(r.uniform(0.5, 20)), colour
    lamp = bpy.data.objects.new("sun", data)
    s.scene.collection.objects.link(lamp)
    lamp.rotation_euler = (math.radians(r.uniform(20, 65)), 0, r.uniform(-1.3, 1.3))


def bulb(s, place, watts, colour, radius=0.03):
    data = bpy.data.lights.new("bulb", "POINT")
    data.energy, data.color, data.shadow_soft_size = watts, colour, radius
    lamp = bpy.data.objects.new("bulb", data)
    lamp.location = place
    s.scene.collection.objects.link(lamp)


def surface(s, colour, upright=True):
    r = s.rng
    if r.random() < 0.45:
        return props.brick(colour, r, upright, r.uniform(0.2, 0.7))
    return props.rough(colour, r, r.uniform(1, 12), r.uniform(0.05, 0.35))


def ground(s):
    r = s.rng
    block(s, (160, 160, 0.2), (0, 60, -0.2), surface(s, colour(r, _GROUNDS), False))


def outdoors(s, is_dark=False):
    r = s.rng
    s.scene.world = props.gradient_sky(r, is_dark)
    sun(
        s,
        r.uniform(0, 0.15) if is_dark else None,
        (0.6, 0.7, 1) if is_dark else (1, r.uniform(0.8, 1), r.uniform(0.65, 1)),
    )


def house(s, y, x0, x1, height, is_dark=False):
    """A front along x at depth y: windows with frames and sills, perhaps a door and a roof. Returns the sills."""
    r = s.rng
    middle, width = (x0 + x1) / 2, x1 - x0
    block(s, (width, 0.4, height), (middle, y + 0.2, 0), surface(s, colour(r, WALLS)))
    trim = props.plain(colour(r, ((0.8, 0.8, 0.78), (0.3, 0.2, 0.12), (0.1, 0.2, 0.15))))
    lit = props.glow((1, 0.75, 0.4), r.uniform(0.5, 2.5))
    pane = props.plain((0.03, 0.04, 0.05), 0.08)
    w, h, storey = r.uniform(0.7, 1.3), r.uniform(1, 1.6), r.uniform(2.6, 3.2)
    gap, sills, door = r.uniform(1.7, 3.2), [], r.random() < 0.6
    for i, x in enumerate(np.arange(x0 + 1, x1 - 0.8, gap)):
        for level in range(max(1, int(height / storey))):
            z = level * storey + 0.95
            if level == 0 and door and i % 4 == 1:
                block(s, (1, 0.1, 2.1), (x, y - 0.03, 0), props.plain(colour(r, ((0.3, 0.12, 0.08), (0.1, 0.2, 0.3)))))
                continue
            block(s, (w + 0.16, 0.08, h + 0.16), (x, y - 0.02, z - 0.08), trim)
            block(s, (w, 0.08, h), (x, y - 0.04, z), lit if is_dark and r.random() < 0.4 else pane)
            block(s, (0.05, 0.1, h), (x, y - 0.05, z), trim)
            block(s, (w, 0.1, 0.05), (x, y - 0.05, z + h * 0.6), trim)
            block(s, (w + 0.3, 0.3, 0.06), (x, y - 0.15, z - 0.12), trim)
            sills.append((x, y - 0.17, z - 0.06))
    if r.random() < 0.6:
        eave = np.array([[[x0 - 0.4, y - 0.6, height - 0.1], [x1 + 0.4, y - 0.6, height - 0.1]]])
        ridge = eave + np.array([0, 3.5, r.uniform(1.5, 3)])
        tiles = props.brick(colour(r, ((0.35, 0.12, 0.07), (0.15, 0.15, 0.17), (0.25, 0.18, 0.12))), r, False, 0.35)
        s.add(props.grid(np.concatenate([eave, ridge]), tiles, smooth=False))
    return sills


def far(s, y, is_dark=False, backdrops=()):
    """Something behind: a photograph, a house, a wall or only the sky."""
    r = s.rng
    if backdrops and r.random() < 0.5:
        corners = np.array([[[-1, 0, -0.6], [1, 0, -0.6]], [[-1, 0, 0.6], [1, 0, 0.6]]]) * (y + 8) * 0.9
        corners += [0, y, 1.5]
        material = props.photograph(backdrops[r.integers(len(backdrops))], 0.1 if is_dark else 1.0)
        s.add(props.grid(corners, material, uv=np.array([[[0, 0], [1, 0]], [[0, 1], [1, 1]]], float)))
        return []
    pick = r.random()
    if pick < 0.5:
        left = r.uniform(-14, -7) if pick < 0.38 else r.uniform(-3, 1)
        return house(s, y, left, left + r.uniform(12, 22), r.uniform(2.8, 9), is_dark)
    if pick < 0.75:
        block(s, (60, 0.2, r.uniform(1, 4)), (0, y, 0), surface(s, colour(r, WALLS)))
    return []


def camera(s, place, target, lens):
    r = s.rng
    s.look(np.asarray(place) + r.normal(0, 0.05, 3), np.asarray(target) + r.normal(0, 0.08, 3), lens)


def still_things(s, categories, count, distance):

    r = s.rng
    names = [n for c in categories for n in s.catalogue.names(c) if not re.search(_NEVER, n, re.I)]
    names = [n for n in names if max(s.catalogue.entries[n]["size"]) < 6]
    for _ in range(count):
        name = names[r.integers(len(names))]
        size = s.catalogue.entries[name]["size"]
        y = r.uniform(-0.4, 0.6) * distance
        height = s.catalogue.entries[name].get("elevation", 0)
        s.model(name, box_matrix((r.uniform(-0.45, 0.45) * (y + distance), y, height), r.uniform(0, 6.28)), tint=0.5)
        if size[2] < 0.35 and max(size) < 0.6:  # small things stand on something
            thing = s.scene.collection.objects[-1]
            top = r.uniform(0.4, 0.9)
            block(
                s,
                (size[0] + 0.2, size[1] + 0.2, top),
                (*thing.location[:2], 0),
                props.rough(r.uniform(0.05, 0.7, 3), r),
            )
            thing.matrix_world = box_matrix((*thing.location[:2], top), r.uniform(0, 6.28))


def lattice(s, distance):
    """Railings, fences, bridges, shelves of bars: many thin upright things that do not move."""
    r = s.rng
    material = props.plain(colour(r, ((0.05, 0.05, 0.05), (0.5, 0.5, 0.5), (0.4, 0.1, 0.06), (0.35, 0.22, 0.1))), 0.4)
    y, z, top, step = r.uniform(-0.3, 0.4) * distance, r.uniform(0, 0.4), r.uniform(0.7, 2.6), r.uniform(0.08, 0.5)
    bar, is_crossed = step * r.uniform(0.08, 0.4), r.random() < 0.35
    for x in np.arange(-distance, distance, step):
        if is_crossed:
            for lean in (-1, 1):
                s.add(props.tube([(x, y, z), (x + lean * step * 2, y + 0.02 * lean, z + top)], bar / 2, material))
        else:
            block(s, (bar, bar, top), (x, y, z), material)
    for level in np.linspace(z, z + top, r.integers(2, 5)):
        block(s, (2.2 * distance, bar * 1.3, bar * 1.3), (0, y, level), material)


def brushes(s, place):
    """Stiff bristles: a brush lying or standing, its hair as thin and many as grass."""
    r = s.rng
    hair, count, length = props.plain(r.uniform(0.02, 0.9, 3)), 220, r.uniform(0.05, 0.2)
    width, depth = r.uniform(0.05, 0.3), r.uniform(0.03, 0.08)
    roots = np.stack([r.uniform(-width, width, count) / 2, r.uniform(-depth, depth, count) / 2, np.zeros(count)], 1)
    tips = roots * r.uniform(1, 1.5) + np.stack(
        [*r.normal(0, 0.006, (2, count)), length * r.uniform(0.9, 1.05, count)], 1
    )
    side = np.array([0.002, 0, 0])
    mesh = bpy.data.meshes.new("bristles")
    corners = np.stack([roots - side, roots + side, tips], 1).reshape(-1, 3)
    mesh.from_pydata(corners.tolist(), [], np.arange(3 * count).reshape(-1, 3).tolist())
    mesh.materials.append(hair)
    pose = box_matrix(place + Vector((0, 0, 0.03)), r.uniform(0, 6), 1, r.choice([0.0, 0.0, 1.2]))
    s.add(mesh, pose)
    s.add(
        props.box((width * 1.1, depth * 1.3, 0.03), props.plain(r.uniform(0.05, 0.8, 3))),
        pose @ box_matrix((0, 0, -0.03)),
    )
