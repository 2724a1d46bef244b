"""What would go wrong with a file on another machine, each finding with what to do about it. Nothing is changed.

It looks at all that a render of the file's loops reads, ours and the artist's. What only Blender's console says when
the file is opened there, or nobody says at all, is said here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import bpy

from ...gid_core.errors import GidError, SettingsError
from ...gid_core.files import integrity, memory
from ..loop import clock, length, upgrade
from ..loop.read import has_foreign_colours
from ..loop.scene import CYCLES_OFF, has_cycles, uses_cycles
from ..nodes import rig

__all__ = ["Finding", "check", "estimated_bytes", "open_file", "run", "told"]

# Of a render by Cycles, measured (docs/research, "Blender rig"): the process, and each pixel that moves.
_BASE_BYTES, _PIXEL_BYTES, _REST_BYTES = 350 * 2**20, 850, 120
_MOVIES = ("FFMPEG", "AVI_JPEG", "AVI_RAW")


@dataclass(frozen=True)
class Finding:
    """What is wrong with `where`, and the remedy, each a clause of a sentence."""

    where: str
    what: str
    remedy: str

    def __str__(self):
        return f"{self.where}: {self.what}: {self.remedy}"


def open_file(path) -> None:
    """Open a .blend file, its scripts not run.

    Raises:
        SettingsError: it is missing or cannot be read.
    """
    path = Path(path).absolute()
    if not path.is_file():
        raise SettingsError(f"there is no file {path}: name a .blend file")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        reason = str(error).strip().removeprefix("Error: ")
        raise SettingsError(f"{path} cannot be opened ({reason}): save it again from Blender") from error


def check() -> list[Finding]:
    """All findings about the open file, those about single loops last."""
    found = [*_about_the_file(), *_about_images(), *_about_drivers(), *_about_nodes()]
    loops = [obj for obj in bpy.data.objects if obj.gid.scene is not None and rig.is_rigged(obj) and obj.users_scene]
    if not loops:
        found.append(Finding("the file", "it holds no loop", "animate a photo first"))
    for plane in loops:
        try:
            found += _about_loop(plane)
        except GidError as error:
            found.append(Finding(_name(plane), str(error).partition(": ")[0], "go back to an earlier save"))
    return found


def _name(plane):
    return f"the loop {plane.name.removeprefix('GID Loop ')}"


def estimated_bytes(plane) -> int:
    """Memory that a render of the loop by Cycles takes, roughly: it goes with the pixels that move."""
    render = plane.gid.scene.render
    pixels = render.resolution_x * render.resolution_y * (render.resolution_percentage / 100) ** 2
    moving = plane.gid.moving if 0 <= plane.gid.moving <= 1 else 1.0  # a file may hold anything, NaN, too
    return int(_BASE_BYTES + pixels * (_PIXEL_BYTES * moving + _REST_BYTES))


def _about_the_file() -> Iterator[Finding]:
    if not bpy.data.filepath:
        yield Finding("the file", "it was never saved", "save it")
    elif bpy.data.is_dirty and not bpy.app.background:  # there it is set by opening a file, too
        yield Finding("the file", "it has changes that are not saved", "save it")
    if bpy.data.version[:2] > bpy.app.version[:2]:
        version = "{}.{}".format(*bpy.data.version)
        yield Finding(
            "the file", f"Blender {version} saved it, this one is older", f"check and render it with {version}"
        )
    space = getattr(bpy.data, "colorspace", None)  # 5.0 and later
    if getattr(space, "is_missing_opencolorio_config", False):
        yield Finding(
            "the file", "another colour configuration (OCIO) saved it", "start Blender with that one on every machine"
        )
    for library in bpy.data.libraries:
        path = Path(bpy.path.abspath(library.filepath))
        if not path.is_file():
            yield Finding(f"the library {library.name}", f"{path} is missing", "find it, or make its data local")
        elif not library.filepath.startswith("//"):
            yield Finding(f"the library {library.name}", "its path is absolute", _RELATIVE)
    for text in bpy.data.texts:
        if text.use_module:
            yield Finding(
                f"the text {text.name}", "it runs as the file opens", "turn Register off: farms run no scripts"
            )


_RELATIVE = "File > External Data > Make All Paths Relative, or pack it"


def _about_images() -> Iterator[Finding]:
    used = {
        block
        for block, users in bpy.data.user_map().items()
        if users and isinstance(block, bpy.types.Image) and not _is_source(block, users)
    }
    for image in sorted(used, key=lambda one: one.name):
        if image.library or image.source in ("VIEWER",):
            continue
        where = f"the image {image.name}"
        if image.is_dirty:
            yield Finding(
                where, "it was painted on and is not saved", "save the file from the panel's Blender, or pack it"
            )
        elif image.source == "GENERATED" and image.packed_file is None and image.is_float and _is_read(image):
            yield Finding(where, "it is not packed and would come back black", "Image > Pack in the image editor")
        if image.source in ("SEQUENCE", "MOVIE", "FILE") and not image.packed_files:
            yield from _about_path(image, where)


def _is_source(image, users):
    """True for a photo that loops were made from and no render reads."""
    if any(not isinstance(user, bpy.types.Scene | bpy.types.Object) for user in users):
        return False
    sources = [obj.gid.source for obj in bpy.data.objects] + [scene.gid.still for scene in bpy.data.scenes]
    return image in sources


def _is_read(image):
    return not image.name.startswith(("Render Result", "Viewer"))


def _about_path(image, where):
    path = Path(bpy.path.abspath(image.filepath))
    if image.source == "SEQUENCE":
        gone = _gaps(path)
        if gone:
            yield Finding(where, f"frames {gone} of its sequence are missing", "render or copy them")
    elif not path.is_file():
        yield Finding(where, f"{path} is missing", "find it, then File > External Data > Pack Resources")
        return
    if not image.filepath.startswith("//"):
        yield Finding(where, "its path is absolute", _RELATIVE)
    else:
        yield Finding(where, "it is not packed", "File > External Data > Pack Resources, or send the file along")


def _about_drivers() -> Iterator[Finding]:
    blocks = list(bpy.data.user_map())
    blocks += [tree for block in blocks if (tree := getattr(block, "node_tree", None)) is not None]
    for block in blocks:
        animation = getattr(block, "animation_data", None)
        for curve in animation.drivers if animation and not block.library else ():
            driver = curve.driver
            if driver.type == "SCRIPTED" and not driver.is_simple_expression:
                yield Finding(
                    f"the driver of {block.name}, {curve.data_path}",
                    f"{driver.expression!r} needs Python, which farms do not run",
                    "use a simple expression, or bake it into keys",
                )


def _about_nodes() -> Iterator[Finding]:
    trees = list(bpy.data.node_groups)
    for blocks in (bpy.data.materials, bpy.data.worlds, bpy.data.lights, bpy.data.scenes):
        trees += [tree for block in blocks if (tree := getattr(block, "node_tree", None)) is not None]
    for tree in trees:
        for node in tree.nodes:
            is_unknown = node.bl_idname in ("", "NodeUndefined") or not node.is_registered_node_type()
            if is_unknown or type(node).__module__ not in ("bpy.types", "bpy_types"):
                yield Finding(
                    f"the node {node.name} in {tree.name}",
                    "another add-on makes it",
                    "replace it, or bake what it gives",
                )


def _about_loop(plane) -> Iterator[Finding]:
    scene, where = plane.gid.scene, _name(plane)
    if plane.library or scene.library:
        yield Finding(where, "it is linked", "check the file that it comes from, too")
    if has_foreign_colours(plane):
        yield Finding(
            where, "it was made under another colour configuration", "start Blender with that one, or animate it anew"
        )
    for index in range(1, rig.mode_count(rig.modifier_of(plane).node_group) + 1):
        image = rig.get_input(plane, f"Image {index}")
        if image is None or (image.packed_file is None and image.library is None):
            yield Finding(where, f"the image of mode {index} is gone or not packed", "undo, or animate the photo anew")
            break
    if upgrade.is_outdated(plane):
        yield Finding(
            where, "an older version made it; it renders as it did", "Bring Up to Date, if it shall be edited"
        )
    yield from _about_range(plane, scene, where)
    yield from _about_render(plane, scene, where)


def _about_range(plane, scene, where):
    n_frames, start = plane.gid.n_frames, plane.gid.start
    count = scene.frame_end - scene.frame_start + 1
    if count % n_frames or scene.frame_step != 1:
        yield Finding(
            where,
            f"its scene plays frames {scene.frame_start} to {scene.frame_end} by {scene.frame_step}, the loop has "
            f"{n_frames}: it jumps where it begins anew",
            f"set the range to {start} to {start + n_frames - 1}, by 1",
        )
    rate = length.scene_fps(scene)
    if abs(rate - clock.fps_of(plane)) > Fraction(1, 1000):
        yield Finding(where, f"its scene plays {float(rate):g} frames a second, the loop was made for {plane.gid.fps}",
                      "Apply Length and Rate in the panel")  # fmt: skip
    gone = _gaps(Path(bpy.path.abspath(scene.render.frame_path(frame=scene.frame_start))), scene)
    if gone:
        yield Finding(where, f"frames {gone} are missing or cut among those that are rendered", "render them again")


def _about_render(plane, scene, where):
    render = scene.render
    if uses_cycles(scene):
        if not has_cycles():
            yield Finding(where, "Cycles is switched off", CYCLES_OFF.partition(": ")[2])
        elif scene.cycles.samples != 1:
            yield Finding(where, f"{scene.cycles.samples} samples blur it", "set Max Samples to 1")
        elif not render.use_compositing:
            yield Finding(where, "its compositor is off, so nothing divides the sums", "switch Compositing on")
    if scene.camera is None:
        yield Finding(where, "its scene has no camera", "add one, or animate the photo anew")
    if render.image_settings.file_format in _MOVIES:
        yield Finding(where, "it renders a movie, which cannot be made in chunks", "choose PNG or OpenEXR as output")
    if render.filepath and not render.filepath.startswith("//"):
        yield Finding(where, f"its output, {render.filepath}, is a path of this machine", 'begin it with "//"')
    free = memory.available_bytes()
    if free is not None and estimated_bytes(plane) > free:
        yield Finding(
            where,
            f"a frame by Cycles takes some {estimated_bytes(plane) / 2**30:.1f} GB, here {free / 2**30:.1f} are free",
            "render it where there is more, smaller, or by Bake",
        )


def _gaps(first: Path, scene=None) -> str:
    """Frames that are missing among the numbered files beside `first`, as runs; empty if none is, or none is there."""
    found = re.fullmatch(r"(.*?)(\d+)(\D*)", first.name)
    if not found or not first.parent.is_dir():
        return ""
    alike = re.compile(re.escape(found[1]) + r"(\d+)" + re.escape(found[3]))
    there = {int(one[1]): path for path in first.parent.iterdir() if (one := alike.fullmatch(path.name))}
    if not there:
        return ""
    wanted = range(scene.frame_start, scene.frame_end + 1) if scene else range(min(there), max(there) + 1)
    gone = [n for n in wanted if n not in there or not _is_whole(there[n])]
    return ", ".join(map(str, gone[:12])) + (" and more" if len(gone) > 12 else "")


def _is_whole(path):
    return path.stat().st_size > 0 and (path.suffix not in (".png", ".exr") or integrity.is_whole(path))


def run(options) -> None:
    """The command: a line for each finding on the standard output.

    Raises:
        SettingsError: there is no such file, or something was found.
    """
    from ...gid_core import console

    if options.file is not None:
        open_file(options.file)
    findings = check()
    for finding in findings:
        console.say(f"{finding}")
    if findings:
        raise SettingsError(f"{len(findings)} things to mend, named above")
    for plane in (obj for obj in bpy.data.objects if obj.gid.scene is not None):
        console.say(f"{plane.name}: ready, some {estimated_bytes(plane) / 2**30:.1f} GB a frame by Cycles")


def told(findings: list[Finding]) -> str:
    """The findings as one text for the panel."""
    if not findings:
        return "Ready: nothing to mend"
    return f"{len(findings)} to mend. " + ". ".join(str(one)[0].upper() + str(one)[1:] for one in findings)
