"""Before a save: what the artist painted on a loop's images goes into the file, and acts.

Blender saves a packed image as it was packed, without the paint of a later stroke and without a word; so those of our
loops are packed again. Strength, and a mask where it is worked into the motion, act once they are saved.
"""

import bpy
from bpy.app.handlers import persistent

from ..gid_core.errors import GidError
from . import jobs
from .loop import comparison, edit, images
from .nodes import rig

__all__ = ["keep_paint", "keep_paint_of", "register", "unregister"]


@persistent
def keep_paint(*_arguments):
    """The handler: looks at the loops of this file, and changes those that were painted on.

    A comparison of takes is for the eye, and leaves.
    """
    for scene in [one for one in bpy.data.scenes if comparison.is_comparison(one)]:
        for window in bpy.context.window_manager.windows:
            if window.scene == scene and scene.gid.loop is not None:
                window.scene = scene.gid.loop.gid.scene
        comparison.close(scene)
    for plane in bpy.data.objects:
        if plane.gid.scene is None or plane.library or not rig.is_rigged(plane):
            continue
        try:
            keep_paint_of(plane)
        except GidError as error:
            jobs.note(jobs.key_of(plane.gid.scene), str(error))


def keep_paint_of(plane) -> None:
    """Pack what was painted on the images of a loop, and let it act.

    Raises:
        GidError: what was painted cannot act; it is packed.
    """
    gid = plane.gid
    worked_in = [one for one in (gid.edits.mask, gid.edits.strength) if one is not None]
    # While one is painted it is packed from time to time, and no longer dirty then.
    acts = any(one.is_dirty for one in worked_in) or bool(worked_in and gid.easel is not None)
    is_parted = gid.front is not None and (gid.front.is_dirty or gid.easel is not None)
    painted = [rig.get_input(plane, "Still"), gid.front, gid.plate, gid.edits.mask, gid.edits.strength]
    images.pack_painted((one for one in painted if one is not None), in_hand=gid.easel is not None)
    if is_parted:
        edit.follow_front(plane)
    if acts:
        edit.apply_edits(plane)


def register():
    if keep_paint not in bpy.app.handlers.save_pre:
        bpy.app.handlers.save_pre.append(keep_paint)


def unregister():
    if keep_paint in bpy.app.handlers.save_pre:
        bpy.app.handlers.save_pre.remove(keep_paint)
