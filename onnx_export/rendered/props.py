"""Own materials and meshes of rendered scenes: walls, ground, cloth, paper lanterns, candles. Metres, z up.

Runs inside bpy. A mesh is made from rows of points; a material from a few nodes. Nothing here knows what moves.
"""

import itertools
import math

import bpy
import numpy as np

__all__ = [
    "box",
    "brick",
    "cloth",
    "fabric",
    "flame_light",
    "garment",
    "glow",
    "gradient_sky",
    "grid",
    "photograph",
    "plain",
    "revolved",
    "rough",
    "tube",
]


def _material():
    material = bpy.data.materials.new("own")
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    out, shader = tree.nodes.new("ShaderNodeOutputMaterial"), tree.nodes.new("ShaderNodeBsdfPrincipled")
    tree.links.new(shader.outputs[0], out.inputs["Surface"])
    return material, tree, shader, out


def _rgba(colour):
    return (*(float(np.clip(c, 0, 1)) for c in colour), 1.0)


def plain(colour, roughness=0.6, metallic=0.0, through=0.0):
    """One colour; through = part of light that passes, as paper and cloth let it."""
    material, tree, shader, out = _material()
    shader.inputs["Base Color"].default_value = _rgba(colour)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Metallic"].default_value = metallic
    if through:
        _pass_light(tree, shader, out, colour, through)
    return material


def _pass_light(tree, shader, out, colour, through):
    mix, back = tree.nodes.new("ShaderNodeMixShader"), tree.nodes.new("ShaderNodeBsdfTranslucent")
    back.inputs["Color"].default_value = _rgba(colour)
    mix.inputs[0].default_value = through
    tree.links.new(shader.outputs[0], mix.inputs[1])
    tree.links.new(back.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], out.inputs["Surface"])


def _coordinates(tree, scale):
    place, mapping = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeMapping")
    mapping.inputs["Scale"].default_value = scale if isinstance(scale, tuple) else (scale,) * 3
    tree.links.new(place.outputs["Object"], mapping.inputs["Vector"])
    return mapping.outputs["Vector"]


def _ramp(tree, factor, colours, positions=None):
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    positions = np.linspace(0, 1, len(colours)) if positions is None else positions
    for i, (position, colour) in enumerate(zip(positions, colours, strict=True)):
        stop = ramp.color_ramp.elements[i] if i < 2 else ramp.color_ramp.elements.new(position)
        stop.position, stop.color = position, _rgba(colour)
    tree.links.new(factor, ramp.inputs[0])
    return ramp.outputs["Color"]


def rough(colour, rng, scale=4.0, spread=0.25, bump=0.3):
    """Plaster, earth, lawn: noise of all sizes about one colour; scale in cycles a metre."""
    material, tree, shader, _ = _material()
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = scale
    noise.inputs["Detail"].default_value = 5
    noise.inputs["Roughness"].default_value = rng.uniform(0.5, 0.75)
    tree.links.new(_coordinates(tree, 1.0), noise.inputs["Vector"])
    colour = np.asarray(colour)
    tint = colour * (1 + rng.normal(0, 0.12, 3))
    stops = [colour * (1 - spread), tint, colour * (1 + spread)]
    tree.links.new(_ramp(tree, noise.outputs[0], stops, (0.3, 0.5, 0.7)), shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.9
    lift = tree.nodes.new("ShaderNodeBump")
    lift.inputs["Strength"].default_value = bump
    lift.inputs["Distance"].default_value = 0.03
    tree.links.new(noise.outputs[0], lift.inputs["Height"])
    tree.links.new(lift.outputs[0], shader.inputs["Normal"])
    return material


def brick(colour, rng, upright=True, size=0.25):
    """Bricks, tiles or planks of a size in metres; upright puts the courses along z, else they lie on the ground."""
    material, tree, shader, _ = _material()
    texture, mapping = tree.nodes.new("ShaderNodeTexBrick"), tree.nodes.new("ShaderNodeMapping")
    place = tree.nodes.new("ShaderNodeTexCoord")
    if upright:
        mapping.inputs["Rotation"].default_value = (-math.pi / 2, 0, 0)
    tree.links.new(place.outputs["Object"], mapping.inputs["Vector"])
    tree.links.new(mapping.outputs[0], texture.inputs["Vector"])
    colour = np.asarray(colour)
    texture.inputs["Color1"].default_value = _rgba(colour)
    texture.inputs["Color2"].default_value = _rgba(colour * rng.uniform(0.6, 1.3))
    texture.inputs["Mortar"].default_value = _rgba(np.full(3, rng.uniform(0.15, 0.6)))
    texture.inputs["Scale"].default_value = 1.0
    texture.inputs["Brick Width"].default_value = size
    texture.inputs["Row Height"].default_value = size * rng.uniform(0.28, 1.0)
    texture.inputs["Mortar Size"].default_value = size * rng.uniform(0.02, 0.06)
    tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = rng.uniform(0.5, 0.95)
    return material


def fabric(rng, through=0.25, colour=None):
    """Cloth: plain, striped, checked or dotted, and a little light through it. Needs UVs in metres."""
    material, tree, shader, out = _material()
    first = np.clip(rng.uniform(0.05, 0.9, 3) if colour is None else colour, 0.02, 0.95)
    if colour is None and rng.random() < 0.3:
        first = np.full(3, rng.uniform(0.65, 0.9)) * rng.uniform(0.93, 1, 3)
    other = rng.uniform(0.05, 0.9, 3) if rng.random() < 0.6 else np.full(3, 0.85)
    kind = rng.choice(["plain", "stripes", "bands", "checks", "dots", "print"], p=[0.5, 0.12, 0.12, 0.1, 0.06, 0.1])
    source = tree.nodes.new("ShaderNodeTexCoord").outputs["UV"]
    if kind == "plain":
        shader.inputs["Base Color"].default_value = _rgba(first)
    else:
        if kind in ("stripes", "bands"):
            texture = tree.nodes.new("ShaderNodeTexWave")
            texture.bands_direction = "X" if kind == "stripes" else "Y"
            texture.inputs["Scale"].default_value = rng.uniform(1.5, 9)
            factor = texture.outputs[1]
        elif kind == "checks":
            texture = tree.nodes.new("ShaderNodeTexChecker")
            texture.inputs["Scale"].default_value = rng.uniform(8, 25)
            factor = texture.outputs[1]
        else:
            texture = tree.nodes.new("ShaderNodeTexVoronoi" if kind == "dots" else "ShaderNodeTexNoise")
            texture.inputs["Scale"].default_value = rng.uniform(8, 20)
            factor = texture.outputs[0]
        tree.links.new(source, texture.inputs["Vector"])
        edge = (0.3, 0.36) if kind == "dots" else (0.47, 0.53)
        tree.links.new(_ramp(tree, factor, [first, other], edge), shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.85
    _pass_light(tree, shader, out, first, through)
    return material


def glow(colour, strength):
    """A surface that shines: lit paper, bulbs."""
    material, _, shader, _ = _material()
    shader.inputs["Base Color"].default_value = _rgba(np.asarray(colour) * 0.6)
    shader.inputs["Emission Color"].default_value = _rgba(colour)
    shader.inputs["Emission Strength"].default_value = strength
    return material


def flame_light(height, strength):
    """A flame's own light along its height (metres): blue and dim at the wick, white, yellow, orange tip."""
    material, tree, _, out = _material()
    light, axes = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeSeparateXYZ")
    tree.links.new(_coordinates(tree, (1, 1, 1 / height)), axes.inputs[0])
    colours = [(0.1, 0.12, 0.4), (0.9, 0.55, 0.2), (1, 0.85, 0.5), (1, 0.7, 0.25), (0.9, 0.35, 0.06)]
    tree.links.new(_ramp(tree, axes.outputs[2], colours, (0, 0.15, 0.4, 0.75, 1)), light.inputs["Color"])
    light.inputs["Strength"].default_value = strength
    tree.links.new(light.outputs[0], out.inputs["Surface"])
    return material


def photograph(path, strength=1.0):
    """A picture that shines as it is, on UVs 0..1."""
    material, tree, _, out = _material()
    light, texture = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeTexImage")
    texture.image = bpy.data.images.load(str(path))
    light.inputs["Strength"].default_value = strength
    tree.links.new(texture.outputs[0], light.inputs["Color"])
    tree.links.new(light.outputs[0], out.inputs["Surface"])
    return material


def gradient_sky(rng, is_dark):
    """A world: horizon to zenith, some clouds; dark blue at night."""
    world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    tree = world.node_tree
    tree.nodes.clear()
    out, light = tree.nodes.new("ShaderNodeOutputWorld"), tree.nodes.new("ShaderNodeBackground")
    place, axes = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeSeparateXYZ")
    tree.links.new(place.outputs["Generated"], axes.inputs[0])
    if is_dark:
        pair, strength = [(0.05, 0.05, 0.09), (0.01, 0.015, 0.04)], rng.uniform(0.1, 1.5)
    else:
        pairs = [
            [(0.7, 0.8, 0.9), (0.15, 0.35, 0.8)],
            [(0.75, 0.75, 0.75), (0.6, 0.63, 0.68)],
            [(0.9, 0.6, 0.4), (0.25, 0.3, 0.5)],
        ]
        pair, strength = pairs[rng.integers(3)], rng.uniform(0.6, 1.3)
    colour = _ramp(tree, axes.outputs[2], pair, (0.0, rng.uniform(0.3, 0.9)))
    if not is_dark and rng.random() < 0.6:
        noise, mix = tree.nodes.new("ShaderNodeTexNoise"), tree.nodes.new("ShaderNodeMixRGB")
        noise.inputs["Scale"].default_value = rng.uniform(2, 6)
        noise.inputs["Detail"].default_value = 6
        tree.links.new(place.outputs["Generated"], noise.inputs["Vector"])
        cover = rng.uniform(0.45, 0.6)
        veil = _ramp(tree, noise.outputs[0], [(0, 0, 0), (0.9, 0.9, 0.9)], (cover, cover + 0.2))
        tree.links.new(veil, mix.inputs[0])
        tree.links.new(colour, mix.inputs[1])
        mix.inputs[2].default_value = (0.85, 0.86, 0.88, 1)
        colour = mix.outputs[0]
    tree.links.new(colour, light.inputs["Color"])
    light.inputs["Strength"].default_value = strength
    tree.links.new(light.outputs[0], out.inputs["Surface"])
    return world


def grid(points, material, keep=None, uv=None, closed=False, smooth=True):
    """A mesh of rows x columns x 3 points; keep (rows - 1, columns - 1) bool cuts faces out; uv as points, 2 wide."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    if closed:
        index = np.concatenate([index, index[:, :1]], 1)
    quads = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], -1)
    quads = quads.reshape(-1, 4) if keep is None else quads[keep]
    mesh = bpy.data.meshes.new("own")
    mesh.from_pydata(points.reshape(-1, 3).tolist(), [], quads.tolist())
    mesh.polygons.foreach_set("use_smooth", np.full(len(quads), smooth))
    if uv is not None:
        layer = mesh.uv_layers.new(name="uv")
        layer.data.foreach_set("uv", uv.reshape(-1, 2)[quads.ravel()].astype(np.float32).ravel())
    mesh.materials.append(material)
    mesh.update()
    return mesh


def box(size, material):
    """A box of (x, y, z) metres, centred on x and y, its foot at z = 0."""
    x, y, z = (v / 2 for v in size)
    corners = [(a * x, b * y, c) for c in (0, 2 * z) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    sides = [(0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    mesh = bpy.data.meshes.new("box")
    mesh.from_pydata(corners, [], sides)
    mesh.materials.append(material)
    return mesh


def revolved(profile, material, segments=20, ripple=0.0):
    """A solid of revolution about z: profile rows of (radius, z); ripple pulls every second meridian in (0..1)."""
    turn = np.linspace(0, 2 * math.pi, segments, endpoint=False)
    wave = 1 - ripple * (np.arange(segments) % 2)
    radius, z = np.asarray(profile, float).T
    rings = [
        np.outer(radius, np.cos(turn) * wave),
        np.outer(radius, np.sin(turn) * wave),
        np.outer(z, np.ones(segments)),
    ]
    return grid(np.stack(rings, -1), material, closed=True)


def tube(path, radius, material, segments=6):
    """A cable or rail through points (n, 3) in metres; round in the plane across its overall direction."""
    path = np.asarray(path, float)
    forward = path[-1] - path[0]
    forward /= np.linalg.norm(forward) + 1e-9
    side = np.cross(forward, (0, 0, 1.0) if abs(forward[2]) < 0.9 else (1.0, 0, 0))
    side /= np.linalg.norm(side)
    up = np.cross(side, forward)
    turn = np.linspace(0, 2 * math.pi, segments, endpoint=False)
    ring = np.outer(np.cos(turn), side) + np.outer(np.sin(turn), up)
    return grid(path[:, None] + radius * ring, material, closed=True)


# Left and right edge at heights 0 (top) .. 1 (hem), in halves of the width; four numbers are two limbs.
_OUTLINES = {
    "shirt": [(0, (-0.5, 0.5)), (0.06, (-1, 1)), (0.3, (-1, 1)), (0.34, (-0.62, 0.62)), (1, (-0.66, 0.66))],
    "dress": [(0, (-0.45, 0.45)), (0.35, (-0.4, 0.4)), (1, (-1, 1))],
    "trousers": [(0, (-0.9, 0.9)), (0.3, (-1, 1)), (0.31, (-1, -0.04, 0.04, 1)), (1, (-0.85, -0.25, 0.25, 0.85))],
    "sock": [(0, (-0.5, 0.3)), (0.65, (-0.5, 0.3)), (0.7, (-0.5, 0.8)), (0.95, (-0.4, 1)), (1, (-0.2, 0.7))],
    "vest": [
        (0, (-0.8, -0.4, 0.4, 0.8)),
        (0.2, (-0.7, -0.3, 0.3, 0.7)),
        (0.22, (-0.7, 0.7)),
        (0.4, (-1, 1)),
        (1, (-1, 1)),
    ],
}


def cloth(width, height, rng, material, outline=None):
    """Cloth hung by its upper edge at z = 0, x centred: folds that deepen downwards, a sagging edge, a wavy hem."""
    rows, columns = 40, max(16, min(60, int(width * 60)))
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    folds, phase = rng.uniform(1, 4.5), rng.uniform(0, 6, 4)
    depth = rng.uniform(0.01, 0.05) * min(1.0, width)
    y = depth * (0.3 + v) * np.sin(math.pi * folds * u + phase[0] + rng.normal(0, 0.8) * v)
    y += 0.4 * depth * np.sin(5 * u + 4 * v + phase[1]) + depth * rng.normal(0, 1.2) * v**2
    narrowing = 1 - rng.uniform(0, 0.1) * v
    pegs = rng.integers(1, 4)
    sag = rng.uniform(0, 0.04) * height * np.abs(np.sin(math.pi * (u + 1) / 2 * pegs)) * (1 - v)
    z = -height * v - sag - 0.015 * height * v * np.sin(math.pi * folds * u + phase[2])
    points = np.stack([width / 2 * u * narrowing, y, z], -1)
    keep = None if outline is None else _inside(outline, u, v)
    return grid(points, material, keep, np.stack([width / 2 * u, height * v], -1))


def garment(rng, material):
    """(mesh, height in metres) of a shirt, dress, trousers, sock or vest."""
    kind = rng.choice(list(_OUTLINES), p=[0.35, 0.2, 0.2, 0.1, 0.15])
    sizes = {
        "shirt": (0.95, 0.7),
        "dress": (0.6, 0.95),
        "trousers": (0.42, 0.95),
        "sock": (0.2, 0.38),
        "vest": (0.42, 0.6),
    }
    width, height = (s * rng.uniform(0.6, 1.1) for s in sizes[kind])
    return cloth(width, height, rng, material, kind), height


def _inside(kind, u, v):
    """Faces within an outline; a row of two numbers has one limb, of four numbers two."""
    levels = _OUTLINES[kind]
    mu, mv = (u[:-1, :-1] + u[1:, 1:]) / 2, (v[:-1, :-1] + v[1:, 1:]) / 2
    inside = np.zeros(mu.shape, bool)
    for (top, upper), (bottom, lower) in itertools.pairwise(levels):
        upper, lower = (upper, lower) if len(upper) == len(lower) else (max(upper, lower, key=len),) * 2
        part = (mv - top) / (bottom - top)
        for i in range(0, len(upper), 2):
            left, right = (upper[j] + (lower[j] - upper[j]) * part for j in (i, i + 1))
            inside |= (part >= 0) & (part < 1) & (mu >= left) & (mu <= right)
    return inside
