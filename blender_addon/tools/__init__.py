"""Tools for the hand in the viewport: modal operators, their entries in the toolbar, and what they show meanwhile."""

from . import brush, comb, pluck, ringing, veil

__all__ = ["register", "unregister"]

_MODULES = (ringing, pluck, comb, veil, brush)


def register():
    for module in _MODULES:
        module.register()


def unregister():
    for module in reversed(_MODULES):
        module.unregister()
