"""What moves in a rendered scene: laundry, lanterns, candles, gardens; and rooms and streets in which nothing does.

Runs inside bpy. Each set is a function of a stage.Stage; all chance comes from the stage's generator. Metres.
"""

import math

import bpy  # noqa: F401  mathutils is found once bpy is there
import numpy as np
from mathutils import Vector

from . import places, props
from .candles import candles
from .stage import box_matrix

__all__ = ["SETS"]

_TREES = ("japaneseMaple", "acacia", "poplar", "sycamoreMaple", "copperBeech", "peachBlossom", "pine", "cypress")
_TREES += ("ficusTree", "palm", "coconutTree", "coconutTreeBended", "bamboo")
_BUSHES = ("bush", "hedge", "high-hedge")
_POTTED = ("plant", "spatifilum", "ficus", "yuccaPlant", "tulip", "tulips", "white_lily", "orchids", "littlePlant")
_POTTED += ("spider_plant", "mediumIndoorPlant", "plantie", "flowerBox", "luckyBamboo")
_LEAVES = r"leaf|leaves|twig|flower|petal|blume_[bdsw]|gul|lila|orange|rod|stalk|stem|bamboo|grass|pollen|unbloom|bloom"
_GARMENTS = (
    "jupe",
    "jupe-doeskin",
    "robe",
    "blouson",
    "pantalon-shadows",
    "short-shadows",
    "chaussette",
    "gant-textured",
)
_PENDANTS = ("hangingLight", "saloon_lamp", "hanging-restaurant-light")
_TREE_KINDS = ((r"leaves|twig", "crown"), (r"trunk|branch", "trunk"))
_BUSH_KINDS = ((r"leaves|branches", "bush"),)


def _grown(s, names, place, height=None, kinds=None, spread=0.3):
    """A plant from the catalogue; height in metres scales it."""
    names = [n for n in names if n in s.catalogue]
    name = names[s.rng.integers(len(names))]
    if kinds is None:
        kinds = ((_LEAVES, "flower" if name in ("tulip", "tulips", "white_lily", "orchids") else "plant"),)
    own = s.catalogue.entries[name]["size"][2]
    scale = (height / own) if height else s.rng.uniform(0.8, 1.2)
    s.model(name, box_matrix(place, s.rng.uniform(0, 6.28), scale), kinds, tint=spread)


def _line_path(a, b, sag, count=24):
    t = np.linspace(0, 1, count)[:, None]
    path = np.asarray(a) * (1 - t) + np.asarray(b) * t
    path[:, 2:] -= 4 * sag * t * (1 - t)
    return path


def laundry(s, backdrops):
    r = s.rng
    places.outdoors(s)
    places.ground(s)
    distance = r.uniform(1.3, 4.5)
    for _ in range(1 if r.random() < 0.75 else 2):
        z, depth, turn = r.uniform(1.7, 2.4), r.uniform(-0.3, 1.2), r.uniform(-0.35, 0.35)
        reach = r.uniform(2, 5)
        a, b = (np.array([d * reach, depth + d * reach * math.sin(turn), z]) for d in (-1, 1))
        path = _line_path(a, b, r.uniform(0, 0.15))
        s.add(props.tube(path, 0.006, props.plain(np.full(3, r.uniform(0.1, 0.8)))))
        if r.random() < 0.5:
            for end in (a, b):
                places.block(s, (0.09, 0.09, z + 0.2), (*end[:2], 0), props.plain((0.35, 0.25, 0.16)))
        _hang_out(s, path, math.atan2(b[1] - a[1], b[0] - a[0]))
    places.far(s, r.uniform(1.5, 9), backdrops=backdrops)
    if r.random() < 0.3:
        _grown(s, _TREES[:8], (r.uniform(-9, 9), r.uniform(9, 18), 0), r.uniform(4, 8), _TREE_KINDS)
    height = r.uniform(0.9, 1.9)
    places.camera(
        s, (r.uniform(-1, 1), -distance, height), (r.uniform(-0.4, 0.4), 0.3, r.uniform(1.2, 1.8)), r.uniform(28, 50)
    )


def _hang_out(s, path, yaw):
    r = s.rng
    peg = props.plain((0.6, 0.45, 0.25))
    total = float(np.linalg.norm(path[-1] - path[0]))
    at, spacing = r.uniform(0.1, 0.6), r.uniform(0.03, 0.3)
    models = [n for n in (*_GARMENTS, "suit", "towel") if n in s.catalogue]
    while at < total - 0.3:
        pick = r.random()
        if pick < 0.4:
            mesh, h = props.garment(r, props.fabric(r))
            w, kind = max(v.co.x for v in mesh.vertices) * 2, "garment"
        elif pick < 0.75:
            w, h = r.uniform(0.3, 1.6), r.uniform(0.4, 1.5)
            mesh, kind = props.cloth(w, h, r, props.fabric(r)), "sheet"
        else:
            mesh, kind, name = None, "garment", models[r.integers(len(models))]
            size = s.catalogue.entries[name]["size"]
            is_flat = size[2] < size[1]
            w, h = size[0], size[1] if is_flat else size[2]
        t = (at + w / 2) / total
        place = Vector([np.interp(t, np.linspace(0, 1, len(path)), path[:, i]) for i in range(3)])
        if mesh is not None:
            number = s.part(s.new_object(), kind, place, place - Vector((0, 0, h)))
            s.add(mesh, box_matrix(place, yaw), number)
        else:
            foot = place - Vector((0, 0, h / 2 if is_flat else h))
            pitch = math.pi / 2 if is_flat else 0.0
            s.model(name, box_matrix(foot, yaw, 1, pitch), ((".", kind),), hangs=True, tint=0.6)
        for side in (-0.35, 0.35):
            x = place + Vector((math.cos(yaw), math.sin(yaw), 0)) * side * w
            places.block(s, (0.015, 0.02, 0.07), x - Vector((0, 0.012, 0.04)), peg)
        at += w + spacing * r.uniform(0.4, 2)


def _paper_lantern(s, place, cord, size, colour, is_lit):
    """A lantern of a diameter in metres on a cord below a place: ribs, caps, perhaps a tassel."""
    r = s.rng
    tall, ribs = r.uniform(0.7, 1.6), r.integers(6, 14)
    t = np.linspace(-1, 1, 4 * ribs)
    radius = np.sqrt(np.clip(1 - 0.88 * np.abs(t) ** r.uniform(1.8, 4), 0, 1)) * (
        1 - 0.05 * (np.arange(len(t)) % 4 == 0)
    )
    profile = np.stack([radius * size / 2, t * size * tall / 2], 1)
    paper = props.glow(colour, r.uniform(0.5, 1.8)) if is_lit else props.plain(colour, 0.8, through=0.4)
    middle = place - Vector((0, 0, cord + size * tall / 2))
    tassel = size * r.uniform(0.3, 0.9) if r.random() < 0.5 else 0
    number = s.part(s.new_object(), "pendulum", place, middle - Vector((0, 0, size * tall / 2 + tassel)))
    s.add(props.revolved(profile, paper, 24), box_matrix(middle), number)
    dark = props.plain(colour * 0.3 if r.random() < 0.5 else (0.05, 0.04, 0.03))
    cap = props.revolved([(0.001, 0), (size * 0.2, 0), (size * 0.2, size * 0.06), (0.001, size * 0.06)], dark)
    for z in (size * tall / 2 - size * 0.03, -size * tall / 2 - size * 0.03):
        s.add(cap, box_matrix(middle + Vector((0, 0, z))), number)
    s.add(props.tube([place, place - Vector((0, 0, cord))], 0.006, dark), None, number)
    if tassel:
        end = middle - Vector((0, 0, size * tall / 2))
        s.add(props.tube([end, end - Vector((0, 0, tassel))], size * 0.05, props.plain(colour * 0.7)), None, number)
    if is_lit and r.random() < 0.7:
        places.bulb(s, middle - Vector((0, size * 0.7, 0)), r.uniform(2, 12), (1, 0.7, 0.4), 0.1)


def _hang_pendant(s, place, names, is_lit):
    """A lamp of the catalogue hung by a cord at a place."""
    r = s.rng
    name, cord, height = names[r.integers(len(names))], r.uniform(0.1, 0.8), r.uniform(0.25, 0.6)
    scale = height / s.catalogue.entries[name]["size"][2]
    foot = place - Vector((0, 0, cord + height))
    s.model(name, box_matrix(foot, r.uniform(0, 6.28), scale), ((".", "pendulum"),), hangs=True, tint=0.4)
    number = len(s.moving)
    object_id, kind, _, tip = s.moving[number - 1]
    s.moving[number - 1] = (object_id, kind, place, tip)
    s.add(
        props.tube([place, place - Vector((0, 0, cord + 0.03))], 0.006, props.plain((0.05, 0.05, 0.05))), None, number
    )
    if is_lit:
        places.bulb(s, foot + Vector((0, -0.25, height * 0.3)), r.uniform(4, 15), (1, 0.75, 0.45), 0.08)


def lanterns(s, backdrops):
    r = s.rng
    is_dark = r.random() < 0.45
    places.outdoors(s, is_dark)
    if r.random() < 0.8:
        places.ground(s)
    places.far(s, r.uniform(1.2, 8), is_dark, backdrops)
    distance, count = r.uniform(1.8, 5.5), r.integers(1, 10)
    pendants = [n for n in (*_PENDANTS, "JapaneseLantern", "JapaneseLantern", "JapaneseLantern") if n in s.catalogue]
    uses_models = r.random() < 0.3
    colour, varied = r.uniform(0.1, 0.95, 3), r.random() < 0.5
    if r.random() < 0.4:
        colour = np.array([0.85, 0.08, 0.04])
    span, z = distance * r.uniform(0.4, 0.7), r.uniform(2.1, 3.2)
    path = _line_path((-span, r.uniform(-0.5, 1), z), (span, r.uniform(-0.5, 1), z), r.uniform(0, 0.4))
    if r.random() < 0.7:
        s.add(props.tube(path, 0.008, props.plain((0.05, 0.05, 0.05))))
    else:
        beam = (path[0] + path[-1]) / 2
        places.block(s, (span * 2.5, 0.15, 0.2), (*beam[:2], z), props.plain((0.25, 0.15, 0.08)))
        path[:, 1], path[:, 2] = beam[1], z
    size = r.uniform(0.18, 0.55)
    for t in (np.arange(count) + r.uniform(0.2, 0.8, count)) / count:
        place = Vector([np.interp(t, np.linspace(0, 1, len(path)), path[:, i]) for i in range(3)])
        if uses_models:
            _hang_pendant(s, place, pendants, is_dark)
        else:
            shade = r.uniform(0.1, 0.95, 3) if varied else np.clip(colour + r.normal(0, 0.03, 3), 0.01, 1)
            _paper_lantern(s, place, r.uniform(0.02, 0.6), size * r.uniform(0.7, 1.3), shade, is_dark)
    target = (r.uniform(-0.3, 0.3), 0, z - r.uniform(0.3, 0.9))
    places.camera(s, (r.uniform(-1, 1), -distance, r.uniform(1.2, 2.2)), target, r.uniform(28, 50))


def bunting(s, backdrops):
    r = s.rng
    places.outdoors(s)
    places.ground(s)
    places.far(s, r.uniform(2, 10), backdrops=backdrops)
    distance, pick = r.uniform(2.5, 7), r.random()
    if pick < 0.45:
        for _ in range(r.integers(1, 4)):
            z, size = r.uniform(2, 3.6), r.uniform(0.12, 0.35)
            path = _line_path(
                (-5, r.uniform(-1, 2), z), (5, r.uniform(-1, 2), z + r.normal(0, 0.4)), r.uniform(0.1, 0.7), 200
            )
            s.add(props.tube(path, 0.006, props.plain((0.7, 0.7, 0.7))))
            palette = [props.fabric(r) for _ in range(r.integers(1, 6))]
            for i, x in enumerate(np.arange(0.1, 9.9, size * r.uniform(1.1, 1.8))):
                place = Vector([np.interp(x / 10, np.linspace(0, 1, 200), path[:, j]) for j in range(3)])
                v, u = np.meshgrid(np.linspace(0, 1, 6), np.linspace(-0.5, 0.5, 5), indexing="ij")
                points = np.stack([u * size * (1 - v), r.normal(0, 0.15) * size * v, -1.4 * size * v], -1)
                mesh = props.grid(points, palette[i % len(palette)], uv=points[..., [0, 2]])
                s.add(
                    mesh,
                    box_matrix(place),
                    s.part(s.new_object(), "pennant", place, place - Vector((0, 0, 1.4 * size))),
                )
    else:
        for _ in range(r.integers(1, 5)):
            _flag(s, Vector((r.uniform(-2.2, 2.2), r.uniform(-0.5, 3), 0)), is_banner=pick > 0.75)
    places.camera(s, (r.uniform(-1, 1), -distance, r.uniform(1, 1.9)), (0, 0, r.uniform(1.8, 2.6)), r.uniform(26, 45))


def _flag(s, foot, is_banner):
    """A flag out from its pole, or a banner down from an arm."""
    r = s.rng
    top = r.uniform(2.4, 4.2)
    metal = props.plain(places.colour(r, ((0.7, 0.7, 0.7), (0.3, 0.2, 0.1))), 0.4)
    s.add(props.tube([foot, foot + Vector((0, 0, top + 0.1))], 0.03, metal))
    side, name = r.choice([-1, 1]), s.new_object()
    if is_banner:
        w, h = r.uniform(0.4, 0.8), r.uniform(0.9, 2)
        hook = foot + Vector((side * (w / 2 + 0.05), 0, top))
        s.add(props.tube([foot + Vector((0, 0, top)), foot + Vector((side * (w + 0.1), 0, top))], 0.02, metal))
        number = s.part(name, "sheet", hook, hook - Vector((0, 0, h)))
        s.add(props.cloth(w, h, r, props.fabric(r)), box_matrix(hook), number)
        return
    w, h = r.uniform(0.7, 1.6), r.uniform(0.5, 1)
    v, u = np.meshgrid(np.linspace(0, 1, 16), np.linspace(0, 1, 40), indexing="ij")
    wave = r.uniform(0.04, 0.12) * w * u * np.sin(u * r.uniform(5, 11) + v + r.uniform(0, 6))
    droop = r.uniform(0.05, 0.5) * w * u**1.5
    points = np.stack([side * w * u * (1 - 0.3 * droop), wave, -h * v - droop + 0.3 * wave], -1)
    place = foot + Vector((0, 0, top))
    root = place - Vector((0, 0, h / 2))
    number = s.part(name, "flag", root, root + Vector((side * w, 0, -float(droop[0, -1]))))
    s.add(props.grid(points, props.fabric(r), uv=np.stack([w * u, h * v], -1)), box_matrix(place), number)


def garden(s, backdrops):
    r = s.rng
    places.outdoors(s)
    places.ground(s)
    depth = r.uniform(4, 12)
    sills = places.far(s, depth, backdrops=backdrops)
    distance, pick = r.uniform(3, 9), r.random()
    if pick < 0.6:
        for _ in range(r.integers(1, 4)):
            y = r.uniform(-0.3 * distance, depth - 1.5) if r.random() < 0.6 else depth + r.uniform(3, 9)
            x = r.uniform(-0.55, 0.55) * (y + distance)
            _grown(s, _TREES, (x, y, 0), (y + distance) * r.uniform(0.35, 1), _TREE_KINDS)
    for _ in range(r.integers(0, 5)):
        y = r.uniform(-1, depth - 1)
        place = (r.uniform(-0.5, 0.5) * (y + distance), y, 0)
        _grown(s, _BUSHES, place, (y + distance) * r.uniform(0.1, 0.4), _BUSH_KINDS)
    for _ in range(r.integers(0, 4) if pick < 0.6 else r.integers(1, 6)):
        y = r.uniform(-0.7, 0.2) * distance
        place = (r.uniform(-0.42, 0.42) * (y + distance), y, 0)
        height = r.uniform(0.1, 0.3) * (y + distance)
        if r.random() < 0.5:
            stand = r.uniform(0.1, 0.5)
            places.block(
                s, (height, height, stand), place, places.surface(s, places.colour(r, places.WALLS)), r.uniform(0, 1)
            )
            place = (*place[:2], stand)
        _grown(s, _POTTED, place, height)
    near = [sill for sill in sills if abs(sill[0]) < 0.4 * (depth + distance) and sill[2] < 5]
    for sill in near:
        if r.random() < 0.3:
            _grown(s, _POTTED[4:], sill, r.uniform(0.3, 0.6))
    if r.random() < 0.3:
        places.still_things(s, ("Exterior", "Vehicles"), r.integers(1, 3), distance)
    if near and r.random() < 0.25:  # close to a window
        x, y, z = near[r.integers(len(near))]
        _grown(s, _POTTED[4:], (x, y, z), r.uniform(0.3, 0.5))
        places.camera(
            s,
            (x + r.uniform(-0.6, 0.6), y - r.uniform(1.5, 3), z + r.uniform(-0.2, 0.8)),
            (x, y, z + 0.3),
            r.uniform(28, 45),
        )
        return
    places.camera(
        s, (r.uniform(-1, 1), -distance, r.uniform(0.6, 2.2)), (0, depth / 2, r.uniform(0.7, 2)), r.uniform(24, 45)
    )


def room(s, backdrops):
    r = s.rng
    distance, pick = r.uniform(2.2, 4.5), r.random()
    s.scene.world = props.gradient_sky(r, False)
    places.block(
        s,
        (12, 14, 0.1),
        (0, 0, -0.1),
        places.surface(s, places.colour(r, ((0.35, 0.22, 0.12), (0.5, 0.48, 0.45), (0.2, 0.2, 0.22))), False),
    )
    places.block(s, (12, 0.1, 3), (0, distance * 0.8, 0), places.surface(s, places.colour(r, places.WALLS)))
    if r.random() < 0.5:
        places.block(
            s,
            (0.1, 14, 3),
            (r.choice([-1, 1]) * distance * 0.75, 0, 0),
            places.surface(s, places.colour(r, places.WALLS)),
        )
    places.sun(s, r.uniform(0.3, 3))
    places.bulb(s, (r.uniform(-1, 1), -0.5, 2.4), r.uniform(20, 120), (1, 0.85, 0.65), 0.3)
    places.still_things(s, ("Living room", "Kitchen", "Office", "Bedroom", "Miscellaneous"), r.integers(3, 9), distance)
    if pick < 0.4:
        z = r.uniform(0.7, 1.1)
        places.block(s, (r.uniform(1, 2.5), 0.5, 0.05), (0, 0, z), props.rough(r.uniform(0.1, 0.6, 3), r))
        for _ in range(r.integers(2, 7)):
            places.brushes(s, Vector((r.uniform(-0.5, 0.5), r.uniform(-0.15, 0.15), z + 0.05)))
        places.camera(
            s, (r.uniform(-0.5, 0.5), -r.uniform(0.8, 2), z + r.uniform(0.1, 0.7)), (0, 0, z + 0.1), r.uniform(30, 50)
        )
        return
    places.camera(
        s, (r.uniform(-1, 1), -distance, r.uniform(0.8, 1.9)), (0, 0.5, r.uniform(0.5, 1.1)), r.uniform(22, 40)
    )


def street(s, backdrops):
    r = s.rng
    is_dark = r.random() < 0.15
    places.outdoors(s, is_dark)
    places.ground(s)
    distance = r.uniform(3, 8)
    places.far(s, r.uniform(2, 9), is_dark, backdrops)
    if r.random() < 0.6:
        places.lattice(s, distance)
    for name in ("bicycle", "bike", "broom", "fence", "pedestrianRailing1", "iron-railing-1", "stoneLantern", "bench"):
        if name in s.catalogue and r.random() < 0.18:
            for _ in range(r.integers(1, 5)):
                y = r.uniform(-0.5, 0.2) * distance
                place = (r.uniform(-0.4, 0.4) * (y + distance), y, 0)
                s.model(name, box_matrix(place, r.choice([0, 1.57]) + r.normal(0, 0.25)), tint=0.5)
    places.still_things(s, ("Exterior", "Vehicles"), r.integers(0, 4), distance)
    places.camera(s, (r.uniform(-1, 1), -distance, r.uniform(0.8, 2)), (0, 1, r.uniform(0.5, 2)), r.uniform(24, 45))


SETS = {  # share of all scenes
    laundry: 0.21,
    lanterns: 0.15,
    bunting: 0.08,
    candles: 0.13,
    garden: 0.22,
    room: 0.11,
    street: 0.10,
}
