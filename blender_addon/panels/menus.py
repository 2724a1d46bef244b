"""Entries in Blender's own menus, which its search lists too: ways in, the loop in sight, our compositor groups."""

import bpy

from ..loop import sight
from ..operators import photo
from ..operators.nodes import GROUPS, GID_OT_add_node_group
from ..registration import class_registers

__all__ = ["GID_FH_photo", "GID_MT_add_node_group", "GID_MT_loop"]


class GID_MT_loop(bpy.types.Menu):
    bl_idname = "GID_MT_loop"
    bl_label = "Image Dynamics"

    def draw(self, context):
        layout = self.layout
        layout.operator("gid.add_photo", text="Animate a Photo...", icon="FILE_IMAGE")
        layout.operator("gid.batch", text="Animate a Folder of Photos...", icon="FILE_FOLDER")
        layout.operator("gid.animate", text="Animate the Still", icon="PLAY")
        layout.operator("gid.motion_from_clip", text="Motion from Clip...", icon="FILE_MOVIE")
        layout.operator("gid.animate_object", icon="IMAGE_REFERENCE")
        layout.separator()
        layout.operator("gid.show_loop", icon="HIDE_OFF")
        home = sight.home_of(context.scene)
        layout.operator("gid.back", text=f"Back to {home.name}" if home else "Back to Your Scene", icon="LOOP_BACK")
        for axis, text in (("SIDEWAYS", "Move Sideways Only"), ("UP_DOWN", "Move Up and Down Only")):
            layout.operator("gid.one_axis", text=text).axis = axis
        layout.operator("gid.comb_tool", icon="FORCE_WIND")
        layout.operator("gid.pluck_tool", icon="VIEW_PAN")
        layout.operator("gid.clear_plucks", icon="X")
        layout.operator("gid.retime", text="Apply Length to the Loop")
        layout.operator("gid.wind", icon="FORCE_WIND")
        layout.operator("gid.add_cards", icon="IMAGE_PLANE")
        layout.operator("gid.remove", text="Remove the Loop", icon="TRASH")
        layout.separator()
        layout.operator("gid.mask_new", text="Paint What Stays", icon="BRUSH_DATA").start = "ALL"
        layout.operator("gid.mask_new", text="Paint What Moves", icon="BRUSH_DATA").start = "NOTHING"
        button = layout.operator("gid.mask_new", text="Paint Strength", icon="BRUSH_DATA")
        button.picture, button.start = "STRENGTH", "ALL"
        layout.operator("gid.paint_done", icon="CHECKMARK")
        layout.separator()
        layout.operator("gid.add_card", text="Add Loop as Card", icon="IMAGE_PLANE")
        layout.operator("gid.add_to_compositor", text="Add Loop to Compositor", icon="NODE_COMPOSITING")
        layout.operator("gid.add_warp", text="Warp a Picture with the Loop", icon="MOD_WARP")
        layout.operator("gid.add_to_sequencer", text="Add Loop to Sequencer", icon="SEQUENCE")
        layout.separator()
        layout.operator("gid.preview", text="Preview the Loop", icon="PLAY")
        layout.operator("gid.bake", text="Bake the Loop", icon="RENDER_ANIMATION")
        layout.operator("gid.open_bake", text="Open the Loop's Folder", icon="FILE_FOLDER")
        layout.operator("gid.check", text="Check the File", icon="CHECKMARK")


class GID_MT_add_node_group(bpy.types.Menu):
    bl_idname = "GID_MT_add_node_group"
    bl_label = "Image Dynamics"

    def draw(self, context):
        for identifier, label, _description in GROUPS:
            self.layout.operator(GID_OT_add_node_group.bl_idname, text=label).group = identifier


class GID_FH_photo(bpy.types.FileHandler):
    """Photos that are dropped on a viewport, an image editor, a compositor or the panel"""

    bl_idname = "GID_FH_photo"
    bl_label = "Animated Photo"
    bl_import_operator = photo.GID_OT_add_photo.bl_idname
    bl_file_extensions = ";".join(photo.ENDINGS)

    @classmethod
    def poll_drop(cls, context):
        space = context.space_data
        if space is None or space.type not in {"VIEW_3D", "IMAGE_EDITOR", "NODE_EDITOR"}:
            return False
        return getattr(space, "tree_type", "CompositorNodeTree") == "CompositorNodeTree"


def draw_submenu(self, context):
    self.layout.separator()
    self.layout.menu(GID_MT_add_node_group.bl_idname)


def draw_loop_menu(self, context):
    self.layout.separator()
    self.layout.menu(GID_MT_loop.bl_idname)


def draw_add_photo(self, context):
    self.layout.operator("gid.add_photo", text="Animated Photo", icon="PLAY")


def draw_animate_image(self, context):
    self.layout.separator()
    self.layout.operator("gid.animate_image", icon="PLAY")


_ENTRIES = (
    ("NODE_MT_compositor_node_add_all", draw_submenu),
    ("VIEW3D_MT_object", draw_loop_menu),
    ("VIEW3D_MT_image_add", draw_add_photo),
    ("IMAGE_MT_image", draw_animate_image),
)
_register_classes, _unregister_classes = class_registers((GID_MT_loop, GID_MT_add_node_group, GID_FH_photo))


def register():
    _register_classes()
    for menu, entry in _ENTRIES:
        getattr(bpy.types, menu).append(entry)


def unregister():
    for menu, entry in reversed(_ENTRIES):
        getattr(bpy.types, menu).remove(entry)
    _unregister_classes()
