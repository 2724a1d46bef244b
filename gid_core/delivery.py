"""What the command line makes of a motion: frames, passes, a movie, and figures about them.

Where there is a Blender it adds the scene, draws the frames if it is asked to, and one of them for comparison. Without
one everything but scene.blend is made.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .errors import SettingsError
from .files import frame_files, movie
from .files.image_io import Photo
from .files.storage import disk_errors
from .footage.reading import Reading
from .frames.bake import RECORD, Baking, Encoding, check_libraries, wait
from .frames.frame_worker import PASSES, Sheet
from .frames.loop import QUALITIES, Loop
from .frames.seam import picture_seam

__all__ = ["ENGINES", "RENDERERS", "Blender", "Output", "add_arguments", "deliver", "resumed"]

ENGINES = ("cycles", "eevee")
RENDERERS = (*QUALITIES, *ENGINES, "none")
FRAME_LIMIT = 1_048_574  # the last frame number that Blender knows, and with a minus the first
MAX_HANDLES = 1000
_IDENTICAL_DB = 300.0  # what JSON can say of frames without any difference
_UNKNOWN = object()  # a seam that is not measured yet; None means that nothing moves


class Blender(Protocol):
    """What a Blender adds; see `blender_addon.output.delivery`."""

    version: str

    def photo(self, path, layer: str | None = None) -> Photo:
        """The photo in a file, as `image_io.load_photo`; read by Blender where this program cannot."""

    def clip(self, path, **asked) -> Reading:
        """What is read of a clip, as `footage.reading.read`; by Blender where this program cannot."""

    def build(self, prepared, engine: str | None, path: Path) -> None:
        """Build the loop in an empty file and save it at `path`; engine None: Cycles where it is switched on."""

    def render(self, folder: Path, frames, kind: str, progress, cancelled) -> list[Path]:
        """Render frames of the loop that was built."""

    def picture(self, frame: int) -> np.ndarray:
        """One frame as float32 (H, W, 3|4), linear, premultiplied."""

    def encode(self, files: list[Path], path: Path) -> None:
        """Encode picture files, a frame each, as an H.264 movie at the loop's rate."""


@dataclass(frozen=True)
class Output:
    """What is to be made.

    Args:
        render: a word of `RENDERERS`: who draws the frames.
        movie: a kind of `files.movie.MOVIES`, or "none".
        handles: frames before and after the loop.
        repeats: how often a movie shows the loop.
        hold: frames for which its first one then stays.
        sheet: format, passes, shutter and number of the first frame.
    Raises:
        SettingsError: it cannot be; told before any work.
    """

    render: str = "core"
    movie: str = "h264"
    handles: int = 0
    sheet: Sheet = field(default_factory=Sheet)
    repeats: int = 1
    hold: int = 0

    def __post_init__(self):
        if self.render not in RENDERERS:
            raise SettingsError(f"--render {self.render}: choose from {', '.join(RENDERERS)}")
        if self.movie != "none":
            movie.suffix_of(self.movie)
        movie.shown([], self.repeats, self.hold)
        if not 0 <= self.handles <= MAX_HANDLES:
            raise SettingsError(f"--handles {self.handles}: give 0 to {MAX_HANDLES} frames")
        if self.render in ENGINES and self.sheet.shutter_deg > 0:
            raise SettingsError(f"--shutter goes with --render core, not with {self.render}")

    def check_libraries(self, has_blender: bool) -> None:
        """Raises SettingsError, before any work, if this Python lacks a library that this needs."""
        if self.render != "none":
            check_libraries(self.sheet, self.movie, has_blender)

    @classmethod
    def read(cls, options: argparse.Namespace) -> "Output":
        """The output that the options of `add_arguments` ask for."""
        passes = tuple(name for name in PASSES if getattr(options, name))
        sheet = Sheet(options.format, passes, options.shutter, options.samples, options.start)
        render = "none" if options.no_render else options.render
        return cls(render, options.movie, options.handles, sheet, options.repeats, options.hold)

    def check_range(self, n_frames: int) -> None:
        """Raises SettingsError if a frame would have a number that Blender does not know."""
        first, last = self.sheet.start - self.handles, self.sheet.start + n_frames - 1 + self.handles
        if first < -FRAME_LIMIT or last > FRAME_LIMIT:
            raise SettingsError(
                f"frames {first} to {last} go beyond what Blender counts, {-FRAME_LIMIT} to {FRAME_LIMIT}: "
                "give another --start"
            )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `Output`, the same through every door."""
    add = parser.add_argument
    add("--render", choices=RENDERERS, default="core", help="who draws the frames (default: %(default)s)")
    add("--no-render", action="store_true", help="the same as --render none: volume, preview and report only")
    add("--format", choices=tuple(frame_files.FORMATS), default="png", help="of the frames (default: %(default)s)")
    add("--movie", choices=(*movie.MOVIES, "none"), default="h264", help="kind of movie (default: %(default)s)")
    add("--repeats", type=int, default=1, metavar="N", help="how often the movie shows the loop (default: %(default)s)")
    add("--hold", type=int, default=0, metavar="N", help="frames that the loop's first one stays at the movie's end")
    add("--stmap", action="store_true", help="also stmap/0001.exr ...: where each pixel comes from")
    add("--vectors", action="store_true", help="also vectors/0001.exr ...: motion vectors forward and backward")
    add("--handles", type=int, default=0, metavar="N", help="frames before and after the loop, for editors")
    add("--shutter", type=float, default=0.0, metavar="DEGREES", help="motion blur: 180 is film's (default: none)")
    add("--samples", type=int, default=16, metavar="N", help="moments of an open shutter (default: %(default)s)")


def deliver(
    prepared: Any,
    output: Output,
    folder,
    progress: Callable,
    cancelled: Callable,
    blender: Blender | None = None,
) -> None:
    """Write scene, frames, passes and movie into an existing folder, and what was found into the report.

    Args:
        prepared: a `gid_core.animate.Prepared`, which imports this module.
        progress: called with a phase's name and the fraction 0..1 of it that is done.
        cancelled: asked all the time; True stops the work.
    Raises:
        Cancelled: `cancelled` said so.
        GidError: what is asked for cannot be, or the disk does not take it.
    """
    if output.render in ENGINES and blender is None:
        raise SettingsError(f"--render {output.render} needs Blender, and none is at hand: choose core")
    folder = Path(folder)
    if blender is not None:
        progress("build the scene", 0.0)
        blender.build(prepared, output.render if output.render in ENGINES else None, folder / "scene.blend")
        prepared.report["versions"]["blender"] = blender.version
    if output.render in ENGINES:
        seam = _by_blender(prepared, output, folder, progress, cancelled, blender)
    else:
        seam = _by_core(prepared, output, folder, progress, cancelled, blender)
    kind, is_measured = None if output.movie == "none" else output.movie, seam is not _UNKNOWN
    if kind or not is_measured:
        assert output.sheet.format is not None  # a movie and a seam are of pictures
        files = [folder / output.sheet.files(frame)["frames"] for frame in _frames(prepared, output)[1]]
        path = folder / ("loop" + (movie.suffix_of(kind) if kind else ""))
        if kind and not movie.is_available(kind):
            assert blender is not None  # `Output.check_libraries` has seen to that
            progress("encode the movie", 0.0)
            blender.encode(movie.shown(files, output.repeats, output.hold), path)
            kind = None
        if kind or not is_measured:
            encoding = Encoding(
                files, path, kind, prepared.fps, output.sheet.format,
                measures=not is_measured, repeats=output.repeats, hold=output.hold,
            )  # fmt: skip
            wait(encoding, progress, cancelled)
            seam = seam if is_measured else encoding.seam
    with disk_errors(folder):
        (folder / RECORD).unlink(missing_ok=True)  # what is complete needs no resuming
    prepared.report["picture_seam_ratio"] = seam


def resumed(output: Output) -> tuple[str, ...]:
    """What a run may take over from one to the same place that was killed; see `files.progress.publishing`."""
    return (RECORD, "frames", *PASSES) if output.render in QUALITIES else ()


def _frames(prepared, output):
    """(all frames to make, those of the loop itself)."""
    first = output.sheet.start
    end = first + prepared.plan.n_frames
    return range(first - output.handles, end + output.handles), range(first, end)


def _by_core(prepared, output, folder, progress, cancelled, blender):
    frames, own = _frames(prepared, output)
    loop = Loop.of(prepared, output.render)
    baking = Baking(loop, folder, frames, output.sheet)
    found = {"by": output.render, "processes": baking.processes, "resumed": len(baking.kept)}
    seam = wait(baking, progress, cancelled, lambda: picture_seam(lambda frame: baking.grey(own[frame]), len(own)))
    if blender is not None:
        found |= _compared(Loop.of(prepared).renderer(), prepared, output, progress, blender)
    prepared.report["render"] = found
    return seam


def _compared(renderer, prepared, output, progress, blender):
    """How one frame of Blender agrees with the sharp splat of gid_core, in decibels of a peak of 1."""
    progress("compare with Blender", 0.0)
    frame = prepared.plan.n_frames // 3  # nowhere near the still
    number = output.sheet.start + frame
    ours = renderer.frame(frame).astype(np.float64)
    error = float(np.mean((blender.picture(number)[..., : ours.shape[2]] - ours) ** 2))
    decibels = _IDENTICAL_DB if error == 0 else -10 * np.log10(error)
    return {"compared_frame": number, "compared_db": round(float(decibels), 1)}


def _by_blender(prepared, output, folder, progress, cancelled, blender):
    frames, _own = _frames(prepared, output)
    with disk_errors(folder):
        (folder / "frames").mkdir(exist_ok=True)
    kind = output.sheet.format
    blender.render(folder / "frames", frames, kind, lambda _phase, done: progress(Baking.phase, done), cancelled)
    prepared.report["render"] = {"by": output.render}
    if output.sheet.passes:
        passes = Sheet(None, output.sheet.passes, start=output.sheet.start)
        wait(
            Baking(Loop.of(prepared), folder, frames, passes), lambda _phase, done: progress("passes", done), cancelled
        )
    return _UNKNOWN
