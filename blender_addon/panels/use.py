"""The part Use in Scene: ways for the loop into the artist's own scene, compositor and sequencer."""

from .sidebar import Part, part_registers
from .status import draw_notices

__all__ = ["Use"]


class Use(Part):
    name = "use"
    bl_label = "Use in Scene"
    bl_options = {"DEFAULT_CLOSED"}
    needs = "CURRENT"

    def show(self, layout, context, plane):
        column = layout.column(align=True)
        column.operator("gid.add_card", icon="IMAGE_PLANE")
        if plane.gid.baked:
            column.operator("gid.add_card", text="Add Baked Frames as Card", icon="RENDER_ANIMATION").source = "BAKED"
        column.operator("gid.add_cards", icon="MOD_ARRAY")
        column.operator("gid.add_to_compositor", icon="NODE_COMPOSITING")
        column.operator("gid.add_warp", icon="MOD_WARP")
        column.operator("gid.add_to_sequencer", icon="SEQUENCE")
        # In the head, too, which may be scrolled out of sight. What a bake has to say stands in Output, right below.
        draw_notices(layout, context, only_errors=True)


register, unregister = part_registers(Use)
