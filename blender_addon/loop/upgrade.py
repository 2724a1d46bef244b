"""Brings the rig of a loop that an older version made up to date.

A saved loop keeps the node groups that it was made with, and plays and renders as it did. What newer tools edit needs
today's group: it takes the place of the old one and inputs keep their values, images, keys and drivers, by name.
"""

import bpy

from ...gid_core.errors import SettingsError
from ...gid_core.motion.wander import played
from .. import compat
from ..nodes import rig
from . import clock
from .intact import intact, numbers
from .read import refuse_unkept, scene_of
from .remove import remove_unused

__all__ = ["is_outdated", "upgrade"]

_OLD_DAMPING = 0.05  # 0.1.0 held the ratio itself, the same for all modes, by default this; now it multiplies each


def is_outdated(plane) -> bool:
    """Whether the loop of `plane` has the rig of an older version.

    Raises:
        SettingsError: `plane` is not a loop.
    """
    scene_of(plane)
    return rig.version_of(rig.modifier_of(plane).node_group) < rig.VERSION


def upgrade(plane) -> None:
    """Give the loop of `plane`, and all that plays on its clock, today's rig. Up to date, it is left as it is.

    Raises:
        SettingsError: `plane` is not a loop, or it is linked from another file.
    """
    if not is_outdated(plane):
        return
    refuse_unkept(plane)
    objects = clock.on_same_clock(plane) if plane.animation_data and plane.animation_data.action else [plane]
    if any(obj.library for obj in objects):
        raise SettingsError(f"the loop '{plane.name}' shares its clock with a linked one: bring that up to date first")
    old = rig.modifier_of(plane).node_group
    groups = _with_nested(old)
    edits = plane.gid.edits
    with intact(plane.name):
        kept = numbers(plane.gid.frequencies, None)
    frequencies = played(kept, edits.rate, edits.wander)
    factors = _factors(rig.version_of(old), plane.gid.scene.render)
    names = {path: name for name, path in _paths(plane).items()}
    new = rig.group(len(frequencies))
    for obj in objects:
        _swap(obj, new, frequencies, factors)
    _redirect(objects, names, _paths(plane), factors)
    remove_unused(groups)


def _with_nested(group):
    """The group and all groups inside it."""
    found = [group]
    for one in found:
        held = dict.fromkeys(node.node_tree for node in one.nodes if getattr(node, "node_tree", None))
        found.extend(tree for tree in held if tree not in found)
    return found


def _factors(version, render):
    """{input: factor} of the inputs that are told in another unit now."""
    return {"Pluck Time": render.fps_base / render.fps, "Damping": 1 / _OLD_DAMPING} if version < 2 else {}


def _paths(plane):
    """{input: its path from the object}."""
    modifier = rig.modifier_of(plane)
    inputs = rig.inputs_of(modifier.node_group)
    return {name: compat.clock_path(modifier, identifier) for name, identifier in inputs.items()}


def _swap(obj, new, frequencies, factors):
    modifier = rig.modifier_of(obj)
    values = {name: rig.get_input(obj, name) for name in rig.inputs_of(modifier.node_group) if name != "Geometry"}
    values = {
        name: value * factors[name] if name in factors else value for name, value in values.items() if value is not None
    }
    compat.change_node_group(modifier, new)
    rig.set_inputs(obj, {**rig.frequency_inputs(frequencies), **values})


def _redirect(objects, names, paths, factors):
    """Let keys and drivers of the old inputs act on the new ones, and whatever in the file reads those read these."""
    for curve in compat.curves_of(objects):
        name = names.get(curve.data_path)
        if name is not None:
            _scale(curve, factors.get(name, 1))
            curve.data_path = paths[name]
    for target in _driver_targets():
        if target.id in objects and target.data_path in names:
            target.data_path = paths[names[target.data_path]]


def _scale(curve, factor):
    for key in curve.keyframe_points:
        for point in (key.co, key.handle_left, key.handle_right):
            point.y *= factor
    curve.update()


def _driver_targets():
    blocks = list(bpy.data.user_map())
    blocks += [tree for block in blocks if (tree := getattr(block, "node_tree", None))]
    for block in blocks:
        animation = getattr(block, "animation_data", None)
        for curve in animation.drivers if animation else ():
            for variable in curve.driver.variables:
                yield from variable.targets
