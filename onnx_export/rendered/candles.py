"""Candles on a table: one of the sets of sets.py. Their flames move, all else stands."""

import math

import bpy  # noqa: F401  mathutils is found once bpy is there
import numpy as np
from mathutils import Vector

from . import places, props
from .stage import box_matrix

__all__ = ["candles"]


def candles(s, backdrops):
    r = s.rng
    distance = math.exp(r.uniform(math.log(0.28), math.log(1.3)))
    wood = props.rough(places.colour(r, ((0.2, 0.1, 0.05), (0.3, 0.3, 0.3), (0.4, 0.3, 0.2), (0.06, 0.05, 0.05))), r, 6)
    places.block(s, (6, 3, 0.1), (0, 1, -0.1), wood)
    places.block(
        s, (12, 0.1, 6), (0, r.uniform(1, 4) * distance, -2), places.surface(s, places.colour(r, places.WALLS))
    )
    s.scene.world = props.gradient_sky(r, True)
    if r.random() < 0.35:
        places.sun(s, r.uniform(0.2, 1.2))
    count = r.integers(1, 7) if r.random() < 0.65 else r.integers(7, 20)
    colour = places.colour(r, ((0.85, 0.8, 0.68), (0.85, 0.8, 0.68), (0.6, 0.06, 0.04), (0.2, 0.3, 0.5)), 0.1)
    kind, taken = r.random(), []
    for _ in range(count * 3):
        x, y = r.uniform(-0.32, 0.32) * distance, r.uniform(-0.15, 0.4) * distance
        if len(taken) < count and all(math.hypot(x - a, y - b) > 0.06 for a, b in taken):
            taken.append((x, y))
            _candle(s, Vector((x, y, 0)), colour, "tea" if kind < 0.35 or (kind > 0.8 and r.random() < 0.5) else "tall")
    for _ in range(r.integers(0, 3)):
        names = [n for n in ("wine_bottle", "cup", "vase1", "bowl", "beer_bottle", "jar", "vase3") if n in s.catalogue]
        name = names[r.integers(len(names))]
        place = (r.uniform(-0.6, 0.6) * distance, r.uniform(0.1, 0.6) * distance, 0)
        s.model(name, box_matrix(place, r.uniform(0, 6), r.uniform(0.15, 0.3) / s.catalogue.entries[name]["size"][2]))
    lens = r.uniform(42, 70)
    middle = np.mean([root for _, _, root, _ in s.moving], 0)
    eye = (middle[0] + r.normal(0, 0.1) * distance, -distance, middle[2] + r.uniform(0, 0.45) * distance)
    s.look(eye, middle + r.normal(0, 0.06, 3) * distance, lens)
    if r.random() < 0.4:
        s.camera.data.dof.use_dof = True
        s.camera.data.dof.focus_distance, s.camera.data.dof.aperture_fstop = distance * 1.1, r.uniform(1.4, 6)


def _candle(s, place, colour, kind):
    """Wax, wick and flame; a tea light stands in a cup, some of the tall ones in a jar-like holder."""
    r = s.rng
    radius, tall = (0.019, 0.014) if kind == "tea" else (r.uniform(0.01, 0.03), r.uniform(0.05, 0.2))
    wax = props.plain(np.clip(colour + r.normal(0, 0.02, 3), 0, 1), 0.4, through=0.35)
    s.add(
        props.revolved([(radius, 0), (radius, tall), (radius * 0.8, tall - 0.002), (0.0005, tall - 0.003)], wax),
        box_matrix(place),
    )
    if kind == "tea" or r.random() < 0.3:
        metal = props.plain((0.75, 0.75, 0.72), 0.25, 0.9)
        cup = [(radius * 1.04, 0), (radius * 1.08, tall * 1.15 if kind == "tea" else 0.02)]
        s.add(props.revolved(cup, metal), box_matrix(place))
    foot = place + Vector((0, 0, tall))
    wick, h = r.uniform(0.005, 0.009), r.uniform(0.022, 0.045)
    s.add(
        props.tube(
            [foot - Vector((0, 0, 0.003)), foot + Vector((0.001, 0, wick))], 0.0009, props.plain((0.02, 0.02, 0.02))
        )
    )
    t = np.linspace(0, 1, 18)
    width = h * r.uniform(0.14, 0.2)
    profile = np.stack([width * np.sin(math.pi * t**0.6) ** 0.8 * (1 - t) ** 0.25 + 1e-5, h * t], 1)
    number = s.part(s.new_object(), "flame", foot + Vector((0, 0, wick * 0.4)), foot + Vector((0, 0, wick * 0.4 + h)))
    light = props.flame_light(h, r.uniform(3, 9))
    s.add(props.revolved(profile, light, 12), box_matrix(foot + Vector((0, 0, wick * 0.4))), number)
    places.bulb(s, foot + Vector((0, 0, h * 0.6)), r.uniform(0.1, 0.6), (1, 0.55, 0.22), 0.008)
