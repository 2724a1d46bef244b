"""The compositor's Add menu: our node groups in a submenu at its end, on every version."""

import bpy

from ..operators.nodes import GROUPS, GID_OT_add_node_group

__all__ = ["GID_MT_add_node_group"]


class GID_MT_add_node_group(bpy.types.Menu):
    bl_idname = "GID_MT_add_node_group"
    bl_label = "Image Dynamics"

    def draw(self, context):
        for identifier, label, _description in GROUPS:
            self.layout.operator(GID_OT_add_node_group.bl_idname, text=label).group = identifier


def draw_submenu(self, context):
    self.layout.separator()
    self.layout.menu(GID_MT_add_node_group.bl_idname)


_register_classes, _unregister_classes = bpy.utils.register_classes_factory((GID_MT_add_node_group,))


def register():
    _register_classes()
    bpy.types.NODE_MT_compositor_node_add_all.append(draw_submenu)


def unregister():
    bpy.types.NODE_MT_compositor_node_add_all.remove(draw_submenu)
    _unregister_classes()
