"""Where a loop is used outside its own scene: what Remove asks about and names, and what goes with the loop."""

import bpy

from .. import compat
from ..loop import remove
from ..loop.read import cards_of
from . import compositor, sequencer

__all__ = ["remove_loop", "uses_of"]


def uses_of(plane) -> list[str]:
    """What shows the loop of `plane` elsewhere, each in a few words."""
    cards = [f"card '{card.name}' in '{card.users_scene[0].name}'" for card in cards_of(plane)]
    trees = [f"compositor of '{scene.name}'" for scene, _tree, _frame in _in_compositors(plane)]
    return cards + list(dict.fromkeys(trees)) + [f"sequencer of '{scene.name}'" for scene in _in_sequencers(plane)]


def remove_loop(plane) -> None:
    """Remove the loop of `plane` as `loop.remove` does, and what uses it elsewhere.

    Raises:
        SettingsError: it cannot be; nothing is removed then.
    """
    remove.check_removable(plane)
    for _scene, tree, frame in _in_compositors(plane):
        compositor.take_out(tree, frame)
    for scene in _in_sequencers(plane):
        sequencer.take_out(sequencer.strips_of(plane, scene))
    remove.remove_loop(plane)


def _in_compositors(plane):
    """(scene, tree, frame of nodes) wherever an artist's compositor brings in the loop; none while it has a twin."""
    if not remove.is_last(plane):
        return []
    own = (plane.gid.scene, plane.gid.motion)
    trees = [(scene, compat.compositor_of(scene)) for scene in bpy.data.scenes if scene not in own]
    return [
        (scene, tree, frame)
        for scene, tree in trees
        if tree is not None and tree.library is None
        for frame in compositor.frames_of(plane, tree)
    ]


def _in_sequencers(plane):
    """The artists' scenes whose sequencer shows the loop's scene; none while the loop has a twin."""
    if not remove.is_last(plane):
        return []
    others = [scene for scene in bpy.data.scenes if scene != plane.gid.scene and scene.library is None]
    return [scene for scene in others if sequencer.strips_of(plane, scene)]
