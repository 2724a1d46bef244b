"""A loop of the open file as frames on disk: gid_core renders in processes of its own, Blender draws one to compare.

What is baked is read once, at the start. The comparison, and a movie that Blender encodes, hold up the Blender that
this runs in: where an artist works, that is another one (`beside`). The results appear in their folder whole, when
everything is there.
"""

import hashlib
import json
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path

import bpy
import numpy as np

from ...gid_core.errors import Cancelled, SettingsError
from ...gid_core.files import movie
from ...gid_core.files.progress import publishing
from ...gid_core.files.storage import disk_errors
from ...gid_core.frames.bake import RECORD, Baking, Encoding, check_libraries
from ...gid_core.frames.frame_worker import PASSES, Sheet
from ...gid_core.frames.loop import Loop
from ...gid_core.motion import edits
from ...gid_core.motion.pluck import GENTLE
from ...gid_core.version import __version__
from .. import compat
from ..loop import clock, colours, images, raw
from ..loop.read import (
    played_volume,
    scene_of,
    stored_edits,
    stored_motion,
    stored_plan,
    stored_still,
    stored_volume,
)
from ..loop.scene import has_cycles, uses_cycles
from ..nodes import rig, sharp
from ..work import Step
from .delivery import rendered_picture
from .frames import encode_movie

__all__ = [
    "Bake",
    "BakeOrder",
    "NotBaked",
    "baked_frames",
    "check_folder",
    "check_followed",
    "folder_of",
    "frames_of",
    "is_nowhere",
    "loop_of",
    "note_baked",
    "order_of",
    "report_of",
    "take_of",
]

_FOLLOWED = ("Clock", "Pluck ", "Amount")  # how the names of inputs begin whose keys a bake goes by


class NotBaked(SettingsError):
    """There is no whole bake of the loop as it is now: *Bake* makes one."""

    is_mended_by_bake = True


@dataclass(frozen=True)
class BakeOrder:
    """What is asked for: frames by number, where to, and in what form."""

    loop: Loop
    frames: range
    folder: Path
    sheet: Sheet
    movie: str  # a kind of `files.movie.MOVIES`, or "none"
    fps: Fraction
    plane: int  # session id
    take: str = ""  # digest of photo and motion, as `take_of` tells; it stays while the loop is edited
    repeats: int = 1  # of the loop in the movie
    hold: int = 0  # frames that its first one stays there at the end

    def __post_init__(self):
        check_libraries(self.sheet, self.movie, has_blender=True)


class Bake:
    """A bake under way, as `work.Work`: its result is itself, to be finished on the main thread.

    place: (folder, take), what `folder_of` wants to know of bakes under way.
    """

    def __init__(self, order: BakeOrder):
        self._order = order
        self.place = order.folder, order.take
        self._publishing: AbstractContextManager[Path] | None = publishing(order.folder, (RECORD, "frames", *PASSES))
        self._folder = self._publishing.__enter__()
        self._stage: Baking | Encoding | None = None
        self._is_over = False
        try:
            self._stage = Baking(order.loop, self._folder, order.frames, order.sheet)
        except BaseException:
            self.cancel()
            raise

    def poll(self):
        """How far it is; begins the movie when the frames are there."""
        if self._is_over:
            return []
        is_done = self._stage.poll()
        step = Step(self._stage.phase, self._stage.fraction)
        if is_done:
            self._stage.end()
            files, kind = self._files(), self._order.movie
            if isinstance(self._stage, Baking) and kind != "none" and movie.is_available(kind):
                assert self._order.sheet.format is not None  # a movie is of pictures
                path = self._folder / f"loop{movie.suffix_of(kind)}"
                self._stage = Encoding(
                    files, path, kind, self._order.fps, self._order.sheet.format,
                    repeats=self._order.repeats, hold=self._order.hold,
                )  # fmt: skip
            else:
                self._is_over = True
        return [step]

    def result(self):
        """This bake, once frames and movie are there."""
        return self if self._is_over else None

    def cancel(self):
        """Stop, and leave nothing; harmless after `finish`."""
        if self._stage is not None:
            self._stage.end()
        if self._publishing is not None:
            held, self._publishing = self._publishing, None
            stop = Cancelled("stopped; nothing was written")
            held.__exit__(Cancelled, stop, None)

    def finish(self) -> str:
        """Encode, compare, report, and let the results appear in their folder. Returns a sentence about them.

        Raises:
            GidError: a frame cannot be rendered by Blender, or the disk does not take the results.
        """
        order, plane = self._order, self._plane()
        report = {"version": __version__, "blender": bpy.app.version_string, "by": order.loop.quality}
        report |= {"take": order.take, "loop": order.loop.digest()}
        report |= {
            "sheet": asdict(order.sheet),
            "first": order.frames[0],
            "last": order.frames[-1],
            "fps": str(order.fps),
        }
        if order.movie == "h264" and not movie.is_available("h264"):
            encode_movie(plane, movie.shown(self._files(), order.repeats, order.hold), self._folder / "loop.mp4")
        if uses_cycles(plane.gid.scene) and not has_cycles():
            agreement = "no frame was compared with Blender's, since Cycles is switched off"
        else:
            frame, decibels = self._compared(plane)
            report |= {"compared_frame": frame, "compared_db": decibels}
            drawn = "" if order.loop.quality == "core" else ", drawn by Core,"
            agreement = f"frame {frame}{drawn} is as Blender renders it, to {decibels:.0f} dB"
        with disk_errors(self._folder):
            (self._folder / RECORD).unlink(missing_ok=True)
            files = sorted(p.relative_to(self._folder).as_posix() for p in self._folder.rglob("[!.]*") if p.is_file())
            report["files"] = [*files, "report.json"]
            text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
            (self._folder / "report.json").write_bytes(text.encode("utf-8", "backslashreplace"))  # as animate does
        held, self._publishing = self._publishing, None
        held.__exit__(None, None, None)
        note_baked(plane, order.folder)
        made = f"{len(order.frames)} frames" + ("" if order.movie == "none" else " and the movie")
        return f"{made} are in {order.folder}; {agreement}"

    def _plane(self):
        return next(obj for obj in bpy.data.objects if obj.session_uid == self._order.plane)

    def _files(self):
        return [self._folder / self._order.sheet.files(frame)["frames"] for frame in self._order.frames]

    def _compared(self, plane):
        """(number of a frame far from the still, agreement of Core with Blender in decibels of a peak of 1)."""
        order = self._order
        frame = order.frames[len(order.frames) // 3]
        loop = order.loop if order.loop.quality == "core" else loop_of(plane)
        ours = loop.renderer().frame(frame - order.sheet.start).astype(np.float64)
        error = float(np.mean((rendered_picture(plane, frame)[..., : ours.shape[2]] - ours) ** 2))
        return frame, round(float(-10 * np.log10(max(error, 1e-30))), 1)


def order_of(plane, *, whole_range: bool, folder: str, sheet: dict, busy=(), **asked) -> BakeOrder:
    """The order of a loop, from what is JSON-ready.

    Args:
        whole_range, folder, busy: as `frames_of` and `folder_of` take them. sheet: of a `Sheet`, all but its start.
        asked: movie, repeats and hold, as a `BakeOrder` has them, and the quality.
    Raises:
        SettingsError: it cannot be.
    """
    return BakeOrder(
        loop_of(plane, asked.pop("quality")),
        frames_of(plane, whole_range),
        folder_of(plane, folder, busy),
        Sheet(**{**sheet, "passes": tuple(sheet["passes"])}, start=plane.gid.start),
        fps=clock.fps_of(plane),
        plane=plane.session_uid,
        take=take_of(plane),
        **asked,
    )


def check_followed(plane) -> None:
    """Refuse a loop that moves by what a bake does not follow.

    Raises:
        SettingsError: `plane` is not a loop, or an input of its rig is animated.
    """
    scene_of(plane)
    for name in _animated(plane):
        if not name.startswith(_FOLLOWED):
            raise SettingsError(
                f"'{name}' is animated, and a bake follows the clock, plucks and Amount alone: render the scene instead"
            )


def loop_of(plane, quality: str = "core") -> Loop:
    """The loop of `plane` as gid_core renders it, with its edits and what was painted in front and behind.

    Raises:
        SettingsError: as `check_followed`.
    """
    check_followed(plane)
    asked, front = stored_edits(plane), plane.gid.front
    still, volume = stored_still(plane), stored_volume(plane)
    return Loop(
        still,
        volume,
        stored_plan(plane),
        amount=_amounts(plane, asked.amplitude),
        front=None if front is None else np.ascontiguousarray(images.pixels_of(front)[..., 0]),
        plate=_stored_plate(plane, still, quality),
        kin=_stored_kin(plane, still),
        quality=quality,
        plucks=edits.plucked(volume, asked.plucks) if asked.plucks else (),
        damping=GENTLE.scaled(plane.gid.edits.damping),
        fps=clock.fps_of(plane),
    )


def _stored_plate(plane, still, quality):
    """What shows through holes; None, the renderer's own choice, for all but "core" when nothing is painted there."""
    image = plane.gid.plate
    if image is None:
        return False
    if quality != "core" and not images.is_painted(image):
        return None
    pixels = colours.from_scene(images.pixels_of(image), plane.gid.colours)
    return np.ascontiguousarray(pixels[..., : still.shape[2]])


def _stored_kin(plane, still):
    """How Blender sharpens its tents (`sharp.kin`); not at all in loops of 0.1.0."""
    image = rig.get_input(plane, "Kin")
    if image is None:
        return np.zeros((*still.shape[:2], 5), np.uint8)
    return sharp.kin_of_pixels(images.pixels_of(image))


def _amounts(plane, amplitude):
    """What multiplies the motion beside its amplitude: 1, or by the keys of Amount a number for each frame.

    Raises:
        SettingsError: the keys do not come back with the loop, or are those of a loop without amplitude.
    """
    curve = clock.input_curve(plane, "Amount")
    if curve is None:
        return 1.0
    n_frames = plane.gid.n_frames
    values = [curve.evaluate(plane.gid.start + frame) for frame in range(2 * n_frames)]
    if not np.allclose(values[:n_frames], values[n_frames:], atol=1e-6):
        raise SettingsError(
            "'Amount' is animated and does not come back with the loop: give its curve a Cycles modifier and keys over "
            "one loop, or render the scene instead"
        )
    if amplitude == 0 and any(values):
        raise SettingsError("'Amount' is animated while the amplitude is 0: set the amplitude, and then its keys")
    return tuple(value / amplitude if amplitude else 1.0 for value in values[:n_frames])


def _animated(plane):
    """Names of the rig's inputs that curves or drivers move."""
    modifier = rig.modifier_of(plane)
    moved = {curve.data_path for curve in compat.curves_of([plane])}
    inputs = rig.inputs_of(modifier.node_group)
    return sorted(name for name, identifier in inputs.items() if compat.clock_path(modifier, identifier) in moved)


def frames_of(plane, whole_range: bool) -> range:
    """Numbers of the frames to bake: one loop, or the range of its scene."""
    scene = scene_of(plane)
    if whole_range:
        return range(scene.frame_start, scene.frame_end + 1)
    return range(plane.gid.start, plane.gid.start + plane.gid.n_frames)


def is_nowhere(asked: str) -> bool:
    """True for a folder beside a file that was never saved: it could be anywhere."""
    return asked.startswith("//") and not bpy.data.filepath


def check_folder(asked: str) -> None:
    """Refuse a folder that is none.

    Raises:
        SettingsError: nothing is asked for, or it is relative to a file that was never saved.
    """
    if not asked.strip():
        raise SettingsError("there is no folder for the frames: choose one under Output")
    if is_nowhere(asked):
        raise SettingsError(
            "the folder is relative to this file, which was never saved: save it, or choose another one"
        )


def folder_of(plane, asked: str, busy=()) -> Path:
    """Where the bake of a loop goes: a folder named after it, inside the one that is asked for.

    A folder that holds the bake of another photo or motion is left alone, and a number is added; edits and another
    length go where the bake before went.

    Args:
        busy: (folder, take) of bakes under way, which have left nothing there yet.
    Raises:
        SettingsError: as `check_folder`.
    """
    check_folder(asked)
    parent, name = Path(bpy.path.abspath(asked)), bpy.path.clean_name(plane.name.removeprefix("GID Loop "))
    take, taken = take_of(plane), {Path(place): held for place, held in busy}
    for number in count(1):
        folder = parent / (name if number == 1 else f"{name}_{number}")
        if taken.get(folder, take) == take and report_of(folder).get("take", take) == take:
            return folder
    raise AssertionError  # numbers do not end


def take_of(plane) -> str:
    """Digest of a loop's photo and of its motion as predicted."""
    motion = stored_motion(plane) if raw.is_stored(plane) else None
    found = hashlib.sha256(stored_still(plane).tobytes())
    for array in (motion.envelope, motion.z) if motion else (played_volume(plane).amplitudes,):
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def report_of(folder) -> dict:
    """What the bake in a folder told of itself; empty where there is none."""
    try:
        found = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def baked_frames(plane) -> list[Path]:
    """The frames of the loop's last bake, one round, in order.

    Raises:
        NotBaked: there is no whole bake, or the loop was changed since.
    """
    if not plane.gid.baked:
        raise NotBaked("this loop was not baked yet: press Bake first")
    folder = Path(bpy.path.abspath(plane.gid.baked))
    told = report_of(folder)
    first, n_frames = plane.gid.start, plane.gid.n_frames
    try:
        sheet = Sheet(**{**told["sheet"], "passes": tuple(told["sheet"]["passes"])})
        files = [folder / sheet.files(frame)["frames"] for frame in range(first, first + n_frames)]
    except (KeyError, TypeError):
        raise NotBaked(f"there is no bake in {folder}: press Bake again") from None
    if not all(file.is_file() for file in files):
        raise NotBaked(f"{folder} does not hold one whole loop: bake with Frames set to One Loop")
    if told.get("loop") != loop_of(plane, told.get("by", "core")).digest():
        raise NotBaked("the loop was changed since it was baked: press Bake again")
    return files


def note_baked(plane, folder: Path) -> None:
    """Note on a loop where its last bake lies: relative to the file where that is beside it or below."""
    beside = Path(bpy.path.abspath("//")) if bpy.data.filepath else None
    is_near = beside is not None and folder.is_relative_to(beside)
    plane.gid.baked = bpy.path.relpath(str(folder)) if is_near else str(folder)
