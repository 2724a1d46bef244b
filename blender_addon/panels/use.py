"""The part Use in Scene: ways for the loop into the artist's own scene, compositor and sequencer."""

from .sidebar import Part, part_registers

__all__ = ["Use"]


class Use(Part):
    name = "use"
    bl_label = "Use in Scene"
    bl_options = {"DEFAULT_CLOSED"}
    needs = "CURRENT"

    def show(self, layout, context, plane):
        layout.operator("gid.add_card", icon="IMAGE_PLANE")


register, unregister = part_registers(Use)
