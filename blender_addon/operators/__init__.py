"""The operators `gid.*`: each reads its settings, asks the core, and writes datablocks; a refusal changes nothing."""

import bpy

from .. import jobs
from . import loop, nodes, predict

__all__ = ["CLASSES", "register", "unregister"]

CLASSES = (*predict.CLASSES, *loop.CLASSES, *nodes.CLASSES)
_register_classes, _unregister_classes = bpy.utils.register_classes_factory(CLASSES)


def register():
    _register_classes()


def unregister():
    jobs.stop()
    _unregister_classes()
