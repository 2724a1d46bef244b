"""Adds our compositor groups to the artist's own tree: plain node groups, usable on any passes."""

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from ...gid_core.errors import SettingsError
from ..nodes import assets, splat, warp
from . import base

__all__ = ["CLASSES", "GROUPS", "GID_OT_add_node_group"]

GROUPS = [
    ("SOFTMAX_SPLAT", "Softmax Splat", "Numerator and denominator passes of a splat become a picture over a plate"),
    ("FAST_WARP", "Fast Warp", "Warp any pass or plate along a displacement, backward and live"),
]
_BUILDERS = {"SOFTMAX_SPLAT": splat.group, "FAST_WARP": warp.group}


class GID_OT_add_node_group(bpy.types.Operator):
    """Add a node group of Image Dynamics to the compositor"""

    bl_idname = "gid.add_node_group"
    bl_label = "Add Image Dynamics Node"
    bl_options = {"REGISTER", "UNDO"}

    group: EnumProperty(name="Group", items=GROUPS)

    @classmethod
    def poll(cls, context):
        space = context.space_data
        if space is None or space.type != "NODE_EDITOR" or space.tree_type != "CompositorNodeTree":
            cls.poll_message_set("Open a compositor first")
            return False
        if space.edit_tree is None:
            cls.poll_message_set("The compositor has no node tree: make one first")
            return False
        return True

    def execute(self, context):
        tree = context.space_data.edit_tree
        for node in tree.nodes:
            node.select = False
        node = tree.nodes.new("CompositorNodeGroup")
        node.node_tree = _BUILDERS[self.group]()
        node.location = context.space_data.cursor_location
        node.select = True
        tree.nodes.active = node
        return {"FINISHED"}

    def invoke(self, context, event):
        context.space_data.cursor_location_from_region(event.mouse_region_x, event.mouse_region_y)
        result = self.execute(context)
        # The new node follows the mouse, as every other node of the Add menu does.
        bpy.ops.node.translate_attach_remove_on_cancel("INVOKE_DEFAULT")
        return result


class GID_OT_save_assets(base.Reporting, bpy.types.Operator):
    """Write our compositor groups into your asset library, with their catalogue: for every file, without the add-on"""

    bl_idname = "gid.save_assets"
    bl_label = "Add to Asset Library"
    bl_options = {"REGISTER"}  # no UNDO: this file does not change

    directory: StringProperty(
        name="Folder", subtype="DIR_PATH", options={"SKIP_SAVE"}, description="Of the library; empty: your first one"
    )

    def perform(self, context):
        libraries = context.preferences.filepaths.asset_libraries
        folder = self.directory or (libraries[0].path if libraries else "")
        if not folder:
            raise SettingsError("there is no asset library: add one in Preferences > File Paths")
        before = set(bpy.data.node_groups)
        try:
            file = assets.save_library([build() for build in _BUILDERS.values()], Path(bpy.path.abspath(folder)))
        finally:
            bpy.data.batch_remove(set(bpy.data.node_groups) - before)
        self.report({"INFO"}, f"{len(_BUILDERS)} groups are in {file}, in the catalogue Compositing/Image Dynamics")


CLASSES = (GID_OT_add_node_group, GID_OT_save_assets)
