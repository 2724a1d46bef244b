"""F1 over our controls opens the page that tells of them. The pages come with the add-on: no network is needed."""

from pathlib import Path

import bpy

__all__ = ["page", "register", "unregister"]

_PAGES = Path(__file__).resolve().parent.parent / "docs"
# The first that fits; Blender asks in lower case, for operators and for properties alike.
_MAP = (
    ("bpy.ops.gid.pluck*", "tasks/plucks.md"),
    ("bpy.ops.gid.clear_plucks*", "tasks/plucks.md"),
    ("bpy.ops.gid.mask_*", "tasks/what_moves.md"),
    ("bpy.ops.gid.paint*", "tasks/what_moves.md"),
    ("bpy.ops.gid.take_*", "tasks/another_motion.md"),
    ("bpy.ops.gid.reroll*", "tasks/another_motion.md"),
    ("bpy.ops.gid.bake*", "tasks/output.md"),
    ("bpy.ops.gid.add_node_group*", "tasks/compositor_groups.md"),
    ("bpy.ops.gid.motion_preset*", "tasks/how_it_moves.md"),
    ("bpy.ops.gid.length*", "tasks/how_it_moves.md"),
    ("bpy.ops.gid.*", "reference/panel.md"),
    ("bpy.types.gidedits.mask*", "tasks/what_moves.md"),
    ("bpy.types.gidedits.strength*", "tasks/what_moves.md"),
    ("bpy.types.gidedits.*", "tasks/how_it_moves.md"),
    ("bpy.types.gidoutput.*", "tasks/output.md"),
    ("bpy.types.gid*", "reference/panel.md"),
)


def page(name: str = "reference/panel.md") -> str:
    """Address of a page."""
    return (_PAGES / name).as_uri()


def _pages_of_ours():
    return _PAGES.as_uri() + "/", _MAP


def register():
    bpy.utils.register_manual_map(_pages_of_ours)


def unregister():
    bpy.utils.unregister_manual_map(_pages_of_ours)
