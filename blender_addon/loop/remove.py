"""A loop leaves with everything made for it, and nothing else.

Ours is what a loop is made of and bears a name that we gave ("GID ..."). Whatever else is found there (an object, a
world, a picture in its compositor) is the artist's, and stays.
"""

import bpy

from ...gid_core.errors import SettingsError
from .. import compat
from ..nodes import rig
from ..nodes.builder import GROUP_KEY
from .read import cards_of, scene_of
from .scene import is_own_node

__all__ = ["artists_own", "check_removable", "is_last", "remove_loop", "remove_unused"]

_TOOLS = bpy.types.Brush | bpy.types.Palette | bpy.types.PaintCurve  # Blender brings them in by itself


def remove_loop(plane) -> None:
    """Remove the loop, its scene, its cards, and what was made for them alone. The photo it came from stays.

    A duplicate of a plane is removed alone as long as another plane of that scene is there. The scene stays where an
    artist has put something into it; data of the artist that only the loop used gets a fake user, as Blender drops
    what has none.

    Raises:
        SettingsError: `plane` is not a loop, or it is linked from another file.
    """
    check_removable(plane)
    scene = plane.gid.scene
    photos = {plane.gid.source, scene.gid.still}
    doomed = _objects(plane)
    if plane.gid.motion is not None and is_last(plane):  # a duplicate points to the same
        doomed += [*plane.gid.motion.objects, plane.gid.motion]
    if is_last(plane) and not artists_own(plane):
        doomed.append(scene)
        if len(bpy.data.scenes) == 1:
            bpy.data.scenes.new("Scene")  # a file has at least one
    reached = {block for block in _reachable(doomed) if block.library is None} - photos
    ours = {block for block in reached if _is_ours(block)}
    for block in doomed:
        (bpy.data.scenes if isinstance(block, bpy.types.Scene) else bpy.data.objects).remove(block)
    remove_unused(ours - set(doomed))
    for block, users in bpy.data.user_map().items():
        if block in reached - ours and not users and not isinstance(block, _TOOLS):
            block.use_fake_user = True


def check_removable(plane) -> None:
    """Refuse what is no loop, or one that is linked from another file.

    Raises:
        SettingsError: it is.
    """
    scene = scene_of(plane)
    if plane.library or scene.library:
        raise SettingsError(f"the loop '{plane.name}' is linked: remove it in its own file")


def artists_own(plane) -> list[str]:
    """Names of objects and compositor nodes that an artist has put into the loop's scene and would lose with it."""
    scene = scene_of(plane)
    if not is_last(plane):
        return []
    ours = _objects(plane)
    objects = [o.name for o in scene.objects if o not in ours and o.users_scene == (scene,)]
    tree = compat.compositor_of(scene)
    return objects + [node.name for node in (tree.nodes if tree else ()) if not is_own_node(node)]


def _objects(plane):
    """The objects of a loop: plane, cards, the partner that plays the same action for EEVEE, camera and easel."""
    cards = [card for card in cards_of(plane) if not card.library]
    if not is_last(plane):
        return [plane, *cards]
    scene, action = plane.gid.scene, plane.animation_data and plane.animation_data.action
    partners = [
        o
        for o in scene.objects
        if rig.is_rigged(o) and o.gid.scene is None and o.animation_data and o.animation_data.action == action
    ]
    camera = plane.gid.camera
    if camera is None and scene.camera is not None and scene.camera.name.startswith("GID "):
        camera = scene.camera  # 0.1.0 kept no pointer to it
    alone = [o for o in (camera, plane.gid.easel) if o is not None and o.users_scene == (scene,)]
    return [plane, *cards, *partners, *alone]


def is_last(plane) -> bool:
    """True if no other plane shows the loop's scene: with it, the scene goes."""
    return not any(o.gid.scene == plane.gid.scene for o in bpy.data.objects if o != plane)


def _is_ours(block):
    named = block.name.removeprefix(".").lower().startswith(("gid ", "gid_"))
    return named or block.is_embedded_data or GROUP_KEY in block


def _reachable(blocks):
    """Datablocks that `blocks` use, directly or not, objects and scenes apart."""
    uses: dict[bpy.types.ID, set[bpy.types.ID]] = {}
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


def remove_unused(candidates):
    """Remove those that nothing uses, and then those that lost their user by it.

    Who uses a block is looked up: `users` counts too many once 5.2 has saved the file, and counts fake ones.
    """
    remaining = {block for block in candidates if block.library is None}
    while unused := {block for block, users in bpy.data.user_map().items() if block in remaining and not users}:
        remaining -= unused
        bpy.data.batch_remove(unused)
