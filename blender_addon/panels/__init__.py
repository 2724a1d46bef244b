"""What the add-on draws: the panels and the entries of Blender's own menus. Drawing reads, and changes nothing."""

from . import loop, menus, moves, output, pluck, use

__all__ = ["register", "unregister"]

_MODULES = (loop, moves, pluck, use, output, menus)


def register():
    for module in _MODULES:
        module.register()


def unregister():
    for module in reversed(_MODULES):
        module.unregister()
