"""What the add-on draws: the panels and the entries of Blender's own menus. Drawing reads, and changes nothing."""

from . import advanced, loop, menus, motion, moves, output, pluck, takes, use

__all__ = ["register", "unregister"]

_MODULES = (loop, takes, motion, moves, pluck, use, output, advanced, menus)


def register():
    for module in _MODULES:
        module.register()


def unregister():
    for module in reversed(_MODULES):
        module.unregister()
