"""Classes made known to Blender, in the order in which they are written."""

from collections.abc import Callable
from typing import Any

import bpy

__all__ = ["class_registers"]


def class_registers(classes: tuple[type, ...]) -> tuple[Callable[[], None], Callable[[], None]]:
    """(register, unregister) of classes; unregistering goes backwards."""
    pair: Any = bpy.utils.register_classes_factory(classes)  # the stubs do not know that it returns something
    return pair
