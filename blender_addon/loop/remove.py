"""A loop leaves with everything made for it, and nothing else."""

import bpy

from ...gid_core.errors import SettingsError
from .read import scene_of

__all__ = ["remove_loop"]


def remove_loop(plane) -> None:
    """Remove the loop, its scene, and every datablock that nothing else uses then. The photo it came from stays.

    A duplicate of a plane is removed alone as long as another plane of that scene is there.

    Raises:
        SettingsError: `plane` is not a loop, or it is linked from another file.
    """
    scene = scene_of(plane)
    if plane.library or scene.library:
        raise SettingsError(f"the loop '{plane.name}' is linked: remove it in its own file")
    kept = {plane.gid.source, scene.gid.still}
    doomed = [plane]
    if not any(o.gid.scene == scene for o in bpy.data.objects if o != plane):
        doomed += [o for o in scene.objects if o != plane and o.users_scene == (scene,)]
        doomed.append(scene)
        if len(bpy.data.scenes) == 1:
            bpy.data.scenes.new("Scene")  # a file has at least one
    candidates = _reachable(doomed) - kept
    for block in doomed:
        (bpy.data.scenes if isinstance(block, bpy.types.Scene) else bpy.data.objects).remove(block)
    _remove_unused(candidates - set(doomed))


def _reachable(blocks):
    """Datablocks that `blocks` use, directly or not, objects and scenes apart."""
    uses = {}
    for used, users in bpy.data.user_map().items():
        for user in users:
            uses.setdefault(user, set()).add(used)
    found, open_ends = set(), list(blocks)
    while open_ends:
        for used in uses.get(open_ends.pop(), ()):
            if used not in found and not isinstance(used, bpy.types.Object | bpy.types.Scene):
                found.add(used)
                open_ends.append(used)
    return found


def _remove_unused(candidates):
    """Remove those that nothing uses, and then those that lost their user by it.

    Who uses a block is looked up: `users` counts too many once 5.2 has saved the file, and counts fake ones.
    """
    remaining = {block for block in candidates if block.library is None}
    while unused := {block for block, users in bpy.data.user_map().items() if block in remaining and not users}:
        remaining -= unused
        bpy.data.batch_remove(unused)
