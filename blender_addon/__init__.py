"""Image Dynamics in Blender: the list of modules in the order of their dependence, and nothing else."""

from . import cli, manual, operators, panels, preferences, properties, saving, tools

__all__ = ["register", "unregister"]

_MODULES = (properties, preferences, operators, tools, panels, manual, saving, cli)


def register():
    done = []
    try:
        for module in _MODULES:
            module.register()
            done.append(module)
    except Exception:  # undo, then let it be seen
        for module in reversed(done):
            module.unregister()
        raise


def unregister():
    for module in reversed(_MODULES):
        module.unregister()
