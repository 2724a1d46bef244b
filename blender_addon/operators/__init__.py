"""The operators `gid.*`: each reads its settings, asks the core, and writes datablocks; a refusal changes nothing."""

import sys

from .. import jobs
from ..registration import class_registers
from . import bake, batch, clip, copies, edit, help, loop, nodes, photo, predict, preset, running, takes, use

__all__ = ["CLASSES", "register", "unregister"]

_ROOMS = (predict, photo, clip, loop, takes, edit, bake, batch, nodes, preset, use, copies, help)
_OWN = tuple(cls for room in _ROOMS for cls in room.CLASSES)
CLASSES = (*_OWN, *running.CLASSES)
_register_classes, _unregister_classes = class_registers(_OWN)


def register():
    _register_classes()
    running.register()


def unregister():
    jobs.stop()
    worker = sys.modules.get(f"{__package__.removesuffix('.blender_addon.operators')}.gid_core.worker")
    if worker is not None:  # it is loaded by the first prediction; its child goes with the add-on
        worker.close_live()
    running.unregister()
    _unregister_classes()
