"""Run by test_colours.py in a Blender of another colour configuration: measures there, and prints what it finds."""

# ruff: noqa: E402  # the checkout becomes a package first
import os
import sys
import types
from pathlib import Path

root, folder = Path(sys.argv[1]), Path(sys.argv[2])
package = types.ModuleType("gid_dev")
package.__path__ = [str(root)]
sys.modules["gid_dev"] = package
sys.path.insert(0, str(root / "tests" / "addon"))

import bpy
import conftest
import gid_dev.blender_addon as addon
import numpy as np
from gid_dev.blender_addon.loop import colours, edit, images, read
from gid_dev.blender_addon.output.bake import loop_of
from gid_dev.blender_addon.output.delivery import rendered_picture
from gid_dev.blender_addon.output.frames import render_frames
from gid_dev.gid_core.errors import GidError
from gid_dev.gid_core.files import image_io, oiio

FRAME = 5
# From linear light in ACEScg's primaries to sRGB's, its white adapted (Bradford), as ACES publishes it.
ACESCG = np.array([[1.70505, -0.62179, -0.08326], [-0.13026, 1.14080, -0.01055], [-0.02400, -0.12897, 1.15297]])
SPACES = [
    item.identifier for item in bpy.types.ColorManagedInputColorspaceSettings.bl_rna.properties["name"].enum_items
]


def said(work):
    try:
        work()
    except GidError as error:
        return str(error)
    return "nothing"


addon.register()
bpy.ops.wm.read_factory_settings(use_empty=True)
plane = conftest._make_loop()
still = conftest._picture(64, 40)
print("@still", np.abs(read.stored_still(plane) - still).max(), sep="=")
ours = loop_of(plane).renderer().frame(FRAME - 1).astype(np.float64)
error = np.mean((rendered_picture(plane, FRAME)[..., :3] - ours) ** 2)
print("@agreement_db", -10 * np.log10(error), sep="=")
(png,) = render_frames(plane, folder / "frames", [FRAME])
image_io.save_png(folder / "core.png", ours.astype(np.float32))
levels = [image_io.levels_of(image_io.load_photo(path).pixels).astype(int) for path in (png, folder / "core.png")]
print("@png", np.abs(levels[0] - levels[1]).max() / 255, sep="=")
photo = images.open_photo(folder / "core.png")
print(
    "@opened_photo", np.abs(images.read_still(photo) - image_io.load_photo(folder / "core.png").pixels).max(), sep="="
)
light = conftest._picture(24, 20) * 0.5 + 0.3
oiio.save_exr(folder / "light.exr", light, ("R", "G", "B"))
image_io.save_png(folder / "light.png", light)
for file, space in (("light.exr", "ACEScg"), ("light.exr", "linear"), ("light.png", colours.byte_space())):
    image = bpy.data.images.load(str(folder / file), check_existing=False)
    names = [space] if space != "linear" else [n for n in SPACES if colours.is_linear_srgb(n)][:1]
    image.colorspace_settings.name = names[0]
    wanted = light @ ACESCG.T if space == "ACEScg" else light
    print(f"@{file}:{space if 'exr' in file else 'sRGB'}", np.abs(images.read_still(image) - wanted).max(), sep="=")
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "aces.blend"))
bpy.ops.wm.open_mainfile(filepath=str(folder / "ours.blend"))
plane = next(o for o in bpy.data.objects if o.gid.scene is not None)
print("@ours_rendered", said(lambda: render_frames(plane, folder, [FRAME])), sep="=")
print("@ours_edited", said(lambda: edit.apply_edits(plane)), sep="=")
sys.stdout.flush()
os._exit(0)
