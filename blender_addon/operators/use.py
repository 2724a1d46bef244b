"""Ways for the loop in sight into the artist's own scene: as a card, in the compositor, in the sequencer."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty

from ...gid_core.errors import SettingsError
from .. import compat, jobs
from ..loop import sight
from ..nodes.card import KINDS
from ..shot import card, compositor, sequencer, warp
from . import base

__all__ = ["CLASSES", "own_scene"]


def own_scene(context):
    """The artist's scene that is meant: the one that is shown, or that from which the loop's was shown.

    Raises:
        SettingsError: there is none.
    """
    scene = context.scene
    if not any(obj.gid.scene == scene for obj in bpy.data.objects):
        return scene
    home = sight.home_of(scene)
    if home is None:
        raise SettingsError(f"'{scene.name}' is the scene of the loop itself: show a scene of your own first")
    return home


def _remedy_for(error):
    is_mended_by_bake = getattr(error, "is_mended_by_bake", False)
    return jobs.Remedy("gid.bake", "Bake") if is_mended_by_bake else base.remedy_for(error)


class _MayUseBake(base.OnLoop, base.Noting):
    """Of these, one that can show the baked frames; where there are none, the panel says so, with *Bake* beside."""

    remedy_for = staticmethod(_remedy_for)


def _baked(plane):
    from ..output.bake import baked_frames  # at the first use: it loads Pillow

    return baked_frames(plane)


class GID_OT_add_card(_MayUseBake, bpy.types.Operator):
    """Add a plane that shows the loop to your own scene, for any camera, light and engine; it moves as the loop does"""

    bl_idname = "gid.add_card"
    bl_label = "Add as Card"
    bl_options = {"REGISTER", "UNDO"}

    source: EnumProperty(
        name="Source",
        items=[
            ("LIVE", "Live Sheet", "The loop's own sheet: follows every edit, needs no file"),
            ("BAKED", "Baked Frames", "The pictures of the last bake: exact, with hidden ground and sharp edges"),
        ],
    )
    kind: EnumProperty(name="Material", items=KINDS)
    height: FloatProperty(
        name="Height", default=1.0, min=0.001, subtype="DISTANCE", description="Of the card; its width follows"
    )
    alignment: EnumProperty(name="Facing", items=card.ALIGNMENTS)
    offset: IntProperty(
        name="Offset", soft_min=-1000, soft_max=1000, description="Frames by which the card is later than the loop"
    )

    def perform(self, context):
        plane, scene = sight.in_sight(context), own_scene(context)
        options = {"kind": self.kind, "height": self.height, "alignment": self.alignment, "offset": self.offset}
        options["collection"] = context.collection if context.scene == scene else None
        if self.source == "BAKED":
            made, told = card.add_baked_card(plane, scene, _baked(plane), **options), "and shows the baked frames"
        else:
            made, told = card.add_card(plane, scene, **options), "and moves as the loop does"
        if context.window is not None and context.window.scene != scene:
            sight.leave(context.window)
        sight.select(made, scene)
        if context.window is not None:
            sight.show_pictures(context.window)
        self.report({"INFO"}, f"'{made.name}' is in '{scene.name}' {told}")


class GID_OT_add_to_sequencer(_MayUseBake, bpy.types.Operator):
    """Add the loop to the sequencer of your own scene at the current frame, repeated to any length"""

    bl_idname = "gid.add_to_sequencer"
    bl_label = "Add to Sequencer"
    bl_options = {"REGISTER", "UNDO"}

    source: EnumProperty(name="Source", items=sequencer.SOURCES)
    length: IntProperty(name="Length", min=0, description="In frames; 0: to the end of the scene, at least one round")

    def perform(self, context):
        plane, scene = sight.in_sight(context), own_scene(context)
        start = scene.frame_current
        length = self.length or max(scene.frame_end - start + 1, plane.gid.n_frames)
        if self.source == "FRAMES":
            sequencer.add_frames(plane, scene, _baked(plane), start, length)
        else:
            sequencer.add_scene(plane, scene, start, length)
        self.report(
            {"INFO"}, f"{length} frames of the loop are in the sequencer of '{scene.name}', which renders that now"
        )


class GID_OT_add_to_compositor(base.OnLoop, base.Noting, bpy.types.Operator):
    """Lay the loop behind or over the render of your own scene, in its compositor, at any render size"""

    bl_idname = "gid.add_to_compositor"
    bl_label = "Add to Compositor"
    bl_options = {"REGISTER", "UNDO"}

    place: EnumProperty(name="Place", items=compositor.PLACES)
    transparent: BoolProperty(
        name="Transparent Film",
        default=True,
        description="Switch on Film > Transparent in your scene, so that what lies behind its render shows",
    )

    def perform(self, context):
        plane, scene = sight.in_sight(context), own_scene(context)
        compositor.add_to_compositor(plane, scene, self.place)
        if self.place == "BEHIND" and self.transparent:
            scene.render.film_transparent = True
        hidden = self.place == "BEHIND" and not scene.render.film_transparent
        told = "; its film is not transparent and hides it" if hidden else ""
        self.report({"INFO"}, f"The loop is in the compositor of '{scene.name}'{told}: F12 shows it")


class GID_OT_add_warp(base.OnLoop, base.Noting, bpy.types.Operator):
    """Carry a picture in your own compositor along with the loop: the active node's, or else the final image"""

    bl_idname = "gid.add_warp"
    bl_label = "Warp with the Loop"
    bl_options = {"REGISTER", "UNDO"}

    def perform(self, context):
        plane, scene = sight.in_sight(context), own_scene(context)
        warp.add_warp(plane, scene, _active_output(context, scene))
        self.report({"INFO"}, f"The compositor of '{scene.name}' carries the picture along with the loop: F12 shows it")


def _active_output(context, scene):
    """The picture of the active node of the compositor in this editor, or None."""
    space = context.space_data
    if space is None or space.type != "NODE_EDITOR" or space.edit_tree != compat.compositor_of(scene):
        return None
    node = space.edit_tree.nodes.active if space.edit_tree is not None else None
    sockets = node.outputs if node is not None and node.select else ()
    return next((socket for socket in sockets if socket.enabled and socket.type == "RGBA"), None)


CLASSES = (GID_OT_add_card, GID_OT_add_to_compositor, GID_OT_add_warp, GID_OT_add_to_sequencer)
