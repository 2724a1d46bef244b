"""A row of cards of one loop, out of step with each other: a field, a hedge, a wall of candles."""

import bpy
import numpy as np
from bpy.props import EnumProperty, FloatProperty, IntProperty
from mathutils import Vector

from ..loop import sight
from ..nodes import rig
from ..nodes.card import KINDS
from ..shot import card
from . import base
from .use import own_scene

__all__ = ["CLASSES"]


class GID_OT_add_cards(base.OnLoop, base.Noting, bpy.types.Operator):
    """Add a row of cards of the loop to your own scene, each ahead of the one before by another part of the loop"""

    bl_idname = "gid.add_cards"
    bl_label = "Add a Row of Cards"
    bl_options = {"REGISTER", "UNDO"}

    count: IntProperty(name="Count", default=4, min=2, max=200, description="How many cards")
    gap: FloatProperty(name="Gap", default=0.1, soft_min=-0.9, soft_max=4.0, description="Between two, in widths")
    seed: IntProperty(
        name="Seed", default=0, min=0, description="0: evenly spread over the loop; another number draws the offsets"
    )
    kind: EnumProperty(name="Material", items=KINDS)
    height: FloatProperty(name="Height", default=1.0, min=0.001, subtype="DISTANCE", description="Of each card")
    alignment: EnumProperty(name="Facing", items=card.ALIGNMENTS)

    def perform(self, context):
        plane, scene = sight.in_sight(context), own_scene(context)
        width, height = rig.get_picture(plane, "Still").size
        step = self.height * width / height * (1 + self.gap)
        for index, offset in enumerate(self._offsets(plane.gid.n_frames)):
            made = card.add_card(
                plane, scene, kind=self.kind, height=self.height, alignment=self.alignment, offset=offset,
                collection=context.collection if context.scene == scene else None,
            )  # fmt: skip
            along = made.rotation_euler.to_matrix() @ Vector((1.0, 0.0, 0.0))
            made.location += along * step * (index - (self.count - 1) / 2)
        self.report({"INFO"}, f"{self.count} cards are in '{scene.name}', out of step with each other")

    def _offsets(self, n_frames):
        if self.seed == 0:
            return [round(n_frames * index / self.count) for index in range(self.count)]
        return np.random.default_rng(self.seed).integers(0, n_frames, self.count).tolist()


CLASSES = (GID_OT_add_cards,)
