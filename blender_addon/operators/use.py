"""Ways for the loop in sight into the artist's own scene: as a card, in the compositor, in the sequencer."""

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty

from ...gid_core.errors import SettingsError
from ..loop import sight
from ..nodes.card import KINDS
from ..shot import card
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


class GID_OT_add_card(base.OnLoop, bpy.types.Operator):
    """Add a plane that shows the loop to your own scene, for any camera, light and engine; it moves as the loop does"""

    bl_idname = "gid.add_card"
    bl_label = "Add as Card"
    bl_options = {"REGISTER", "UNDO"}

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
        made = card.add_card(
            plane,
            scene,
            kind=self.kind,
            height=self.height,
            alignment=self.alignment,
            offset=self.offset,
            collection=context.collection if context.scene == scene else None,
        )
        if context.window is not None and context.window.scene != scene:
            sight.leave(context.window)
        sight.select(made, scene)
        self.report({"INFO"}, f"'{made.name}' is in '{scene.name}' and moves as the loop does")


CLASSES = (GID_OT_add_card,)
