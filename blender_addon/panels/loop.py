"""The head of the panel: the photo, what is asked of it, and the button that brings it to life."""

from fractions import Fraction

import bpy

from ...gid_core.errors import SettingsError
from ..loop import images, length, read, sight
from .sidebar import HEAD, Part, part_registers
from .status import draw_jobs, draw_notices, draw_text

__all__ = ["GID_MT_length", "Loop", "rate"]

_INVITATION = "Drop a photo here, or open one, then animate it: it becomes a seamless loop in a scene of its own."
_FOREIGN = "Made under another colour configuration (OCIO): start Blender with that one, or animate the photo anew."
_THUMBNAIL_SCALE = 6.0  # of a button's height


class Loop(Part):
    name = HEAD
    bl_label = "Image Dynamics"
    needs = ""

    def draw_header_preset(self, context):
        self.layout.operator("gid.manual", text="", icon="HELP", emboss=False)

    def show(self, layout, context, plane):
        settings = context.scene.gid
        if plane is not None and plane.gid.easel is not None:
            layout.operator("gid.paint_done", icon="CHECKMARK")  # on top, within reach whatever is folded
        self._show_photo(layout, context, settings)
        row = layout.row(align=True)
        row.prop(settings, "seed")
        if plane is not None:
            row.operator("gid.reroll", text="", icon="TRIA_LEFT").step = -1
            row.operator("gid.reroll", text="", icon="TRIA_RIGHT").step = 1
        self._show_length(layout, context, settings, plane)
        if not draw_jobs(layout, context):
            row = layout.row(align=True)
            row.scale_y = 1.4
            row.operator("gid.animate", icon="PLAY")
            if plane is not None:
                row.operator("gid.new_loop", text="", icon="ADD")
            column = layout.column(align=True)
            column.operator("gid.motion_from_clip", text="Motion from Clip...", icon="FILE_MOVIE")
            column.operator("gid.batch", text="Folder of Photos...", icon="FILE_FOLDER")
        draw_notices(layout, context)
        if plane is not None and read.has_foreign_colours(plane):
            draw_text(layout, context, _FOREIGN, icon="ERROR")
        home = sight.home_of(context.scene)
        if home is not None:
            layout.operator("gid.back", text=f"Back to {home.name}", icon="LOOP_BACK")
        elif plane is not None and plane.gid.scene != context.scene:
            name = plane.name.removeprefix("GID Loop ")
            layout.operator("gid.show_loop", text=f"Show {name}", icon="HIDE_OFF").loop = str(plane.session_uid)

    def _show_photo(self, layout, context, settings):
        still = settings.still
        if still is None:
            draw_text(layout, context, _INVITATION)
        else:
            layout.template_icon(icon_value=still.preview_ensure().icon_id, scale=_THUMBNAIL_SCALE)
            row = layout.row()
            row.alignment = "CENTER"
            row.label(text="{} x {}".format(*images.size_of(still)))
        layout.template_ID(settings, "still", open="gid.open_still")

    def _show_length(self, layout, context, settings, plane):
        column = layout.column(align=True)
        row = column.row(align=True)
        row.prop(settings, "n_frames" if settings.length_unit == "FRAMES" else "seconds", text="Length")
        row.prop(settings, "length_unit", text="", icon_only=True)
        row.menu(GID_MT_length.bl_idname, text="", icon="DOWNARROW_HLT")
        fps = length.scene_fps(context.scene)
        try:
            n_frames = length.asked_frames(settings, fps)
        except SettingsError as error:  # longer than a loop can be
            draw_text(column, context, str(error), icon="ERROR")
            return
        column.label(text=_told(n_frames, fps, settings.length_unit))
        if plane is not None and not length.is_played(plane, settings):
            column.operator("gid.retime", icon="FILE_REFRESH")


class GID_MT_length(bpy.types.Menu):
    """Lengths to choose from"""

    bl_idname = "GID_MT_length"
    bl_label = "Length"

    def draw(self, context):
        layout = self.layout
        for seconds in (2, 3, 4, 5, 8, 10):
            layout.operator("gid.length", text=f"{seconds} Seconds").seconds = seconds
        layout.separator()
        for frames in (48, 100, 120, 250):
            layout.operator("gid.length", text=f"{frames} Frames").frames = frames
        layout.separator()
        layout.operator("gid.length", text="Scene Range").use_range = True
        layout.operator("gid.wind", text="Scene Range, in a Wind that Never Repeats")


def _told(n_frames, fps, unit):
    """What a length comes to in the other unit."""
    if unit == "SECONDS":
        return f"= {n_frames} frames at {rate(fps)}"
    return f"= {float(n_frames / fps):.3f} s at {rate(fps)}"


def rate(fps):
    """A frame rate as artists say it: 24 fps, 59.94 fps, 23.976 fps."""
    return f"{float(Fraction(fps)):.3f}".rstrip("0").rstrip(".") + " fps"


register, unregister = part_registers(Loop, GID_MT_length)
