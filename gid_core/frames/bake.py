"""Frames by gid_core, in as many processes as there are cores, and the movie of them.

Any division among processes gives the same bytes, since a frame depends on nothing but the loop and its number. What
an interrupted bake left is kept when it was the same bake: a record in the folder tells, and a file is whole or absent.
Nothing here blocks but `bake` and `encode`: a timer polls, a command waits.
"""

import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..child import Crew
from ..errors import Cancelled, SettingsError
from ..files import integrity, movie, oiio
from ..files.memory import available_bytes
from ..files.storage import PASSING, Scratch, disk_errors, replacing
from ..version import __version__
from .frame_worker import PASSES, Sheet
from .loop import Loop
from .seam import grey_of

__all__ = ["RECORD", "Baking", "Encoding", "bake", "check_libraries", "encode", "processes_for", "wait"]

RECORD = ".bake.json"
_AHEAD = 2  # frames that a process is told at a time: it never waits for the next one
_POLL_S = 0.02
_GREYS = 3000  # frames, .13 MB of the temporary folder each at 1080p; of more, what a seam wants is read from the files
# Of the frame, that a process needs at most; the best renderer 265 (1080p) and 245 (4K) measured, the network 340 (4K).
_BYTES_A_PIXEL = {"core": 300, "best": 300, "network": 370}


def check_libraries(sheet: Sheet, kind: str, has_blender: bool) -> None:
    """Raises SettingsError, before any work, if this Python lacks a library that frames or movie need.

    The Pythons inside of Blender lack PyAV, and most of them OpenImageIO.

    Args:
        kind: of `files.movie.MOVIES`, or "none".
        has_blender: there is a Blender at hand, which encodes H.264 by itself.
    """
    if (sheet.passes or sheet.format not in (None, "png")) and not oiio.is_available():
        raise SettingsError(
            "EXR and 16-bit PNG need OpenImageIO, which this Python does not have: choose PNG and no passes, "
            "or render the loop's scene, which writes EXR by itself"
        )
    if kind != "none" and not movie.is_available(kind) and not (kind == "h264" and has_blender):
        choices = "H.264, WebP or GIF" if has_blender else "WebP or GIF"
        raise SettingsError(f"the movie {kind} needs PyAV, which this Python does not have: choose {choices}")


class Baking:
    """A bake under way.

    Args:
        frames: numbers of the frames, as the files are named.
        folder: takes frames/, stmap/, vectors/ and the record; made if it is not there.
        processes: how many; None: see `processes_for`.
    Raises:
        SettingsError: there is no frame, or files of the same names that no bake of ours made are in the way.
        GidError: the loop cannot be rendered, or the disk is unfit.
    """

    phase = "render the frames"

    def __init__(
        self,
        loop: Loop,
        folder: str | Path,
        frames: Iterable[int],
        sheet: Sheet | None = None,
        processes: int | None = None,
    ):
        self.sheet = Sheet() if sheet is None else sheet
        self.frames, self.folder = list(frames), Path(folder)
        if not self.frames:
            raise SettingsError("there are no frames to render: give a longer range")
        self.kept = _take_up(self.folder, self._record(loop), self.sheet, self.frames)
        self._waiting = deque(frame for frame in self.frames if frame not in self.kept)
        self._done = set(self.kept)
        self._crew: Crew | None = None
        self.processes = min(processes or processes_for(loop), len(self._waiting))
        self._scratch = Scratch("gid-bake-")
        try:
            if self._waiting:
                with disk_errors(self._scratch.folder):
                    loop.save(self._scratch.folder)
                order = {
                    "scratch": str(self._scratch.folder),
                    "out": str(self.folder.resolve()),
                    "sheet": asdict(self.sheet),
                    "measures": len(self.frames) <= _GREYS,
                }
                self._crew = Crew(
                    self.processes, "gid_core.frames.frame_worker", order, self._scratch.folder, "render frames"
                )
                for _ in range(_AHEAD):
                    for index in range(self.processes):
                        self._tell(index)
        except BaseException:
            self.end()
            raise

    @property
    def fraction(self) -> float:
        """How much is done, 0..1."""
        return len(self._done) / len(self.frames)

    @property
    def files(self) -> list[Path]:
        """The pictures of all frames, in order."""
        return [self.folder / self.sheet.files(frame)["frames"] for frame in self.frames if self.sheet.format]

    def poll(self) -> bool:
        """Look once, without waiting; True when every frame is there.

        Raises:
            GidError: there will be none; frames that are whole stay for the next bake.
        """
        if self._crew is not None:
            for index, message in self._crew.answers():
                self._done.add(message["frame"])
                self._tell(index)
        return len(self._done) == len(self.frames)

    def grey(self, frame: int) -> np.ndarray:
        """What `seam.grey_blocks` makes of the picture of a frame that is there; before `end`."""
        measured = self._scratch.folder / f"grey{frame}.npy"
        if measured.exists():
            return np.load(measured, allow_pickle=False)
        assert self.sheet.format is not None  # there is a picture to measure
        return grey_of(self.folder / self.sheet.files(frame)["frames"], self.sheet.format)

    def end(self) -> None:
        """Stop what still runs, within a second, and clear away all but whole frames. Harmless when it is over."""
        if self._crew is not None:
            self._crew.end()
            _clear_away(self.folder)
        self._scratch.remove()

    def _tell(self, index):
        if self._waiting:
            assert self._crew is not None  # it is made for frames that wait
            self._crew.tell(index, frame=self._waiting.popleft())

    def _record(self, loop):
        facts = json.dumps({"version": __version__, "loop": loop.digest(), "sheet": asdict(self.sheet)}, sort_keys=True)
        files = sorted(name for frame in self.frames for name in self.sheet.files(frame).values())
        return {"bake": hashlib.sha256(facts.encode()).hexdigest(), "files": files}


class Encoding:
    """A movie under way, in a process of its own, which can measure the seam of the pictures as well.

    Args:
        files: frames of one loop, in order.
        kind: of `files.movie.MOVIES`; None: no movie, and `path` means nothing.
        measures: whether `seam` is wanted.
        repeats: as `files.movie.shown` takes it.
        hold: likewise.
    """

    def __init__(
        self,
        files: Sequence[str | Path],
        path: str | Path,
        kind: str | None,
        fps: Fraction,
        frame_kind: str = "png",
        *,
        measures: bool = False,
        repeats: int = 1,
        hold: int = 0,
    ):
        self.phase = "encode the movie" if kind else "measure the seam"
        self.fraction = 0.0
        self.seam = None  # see `seam.picture_seam`; once it is over
        self._folder = Path(path).resolve().parent
        self._scratch = Scratch("gid-bake-")
        order = {
            "files": [str(Path(file).resolve()) for file in files],
            "path": str(Path(path).resolve()),
            "kind": kind,
            "fps": str(fps),
            "frame_kind": frame_kind,
            "measures": measures,
            "repeats": repeats,
            "hold": hold,
        }
        self._crew = Crew(1, "gid_core.frames.movie_worker", order, self._scratch.folder, "encode the movie")

    def poll(self) -> bool:
        """Look once, without waiting; True when the movie is there. Raises GidError: there will be none."""
        for _index, message in self._crew.answers():
            if message["event"] == "done":
                self.seam = message["seam"]
                return True
            self.fraction = message["fraction"]
        return False

    def end(self) -> None:
        """Stop what still runs; nothing half-written stays. Harmless when it is over."""
        self._crew.end()
        _remove_passing(self._folder)
        self._scratch.remove()


def bake(
    loop: Loop,
    folder,
    frames,
    sheet: Sheet | None = None,
    *,
    processes: int | None = None,
    progress: Callable | None = None,
    cancelled: Callable | None = None,
) -> list[Path]:
    """Render frames of a loop into `folder` and wait for them; see `Baking`. Returns the pictures in order.

    progress: called with "render the frames" and the fraction 0..1 that is done. cancelled: asked every fiftieth of a
    second.

    Raises:
        Cancelled: frames that are whole stay: the next bake of the same goes on from there.
        GidError: as `Baking`.
    """
    baking = Baking(loop, folder, frames, sheet, processes)
    wait(baking, progress, cancelled)
    return baking.files


def encode(files, path, kind, fps, *, frame_kind="png", progress=None, cancelled=None) -> None:
    """Encode frames as `files.movie.encode` does, in a process of its own, and wait for it."""
    wait(Encoding(files, path, kind, fps, frame_kind), progress, cancelled)


def wait(work, progress: Callable | None = None, cancelled: Callable | None = None, measure: Callable | None = None):
    """Poll a `Baking` or an `Encoding` until it is over, and end it. Returns what `measure()` finds before that.

    Raises:
        Cancelled: `cancelled` said so.
        GidError: what the work raised.
    """
    try:
        while not work.poll():
            if cancelled is not None and cancelled():
                raise Cancelled("stopped; nothing was written")
            if progress is not None:
                progress(work.phase, work.fraction)
            time.sleep(_POLL_S)
        return None if measure is None else measure()
    finally:
        work.end()


def processes_for(loop: Loop) -> int:
    """One process a core that this process may use, but no more than fit into the memory that is free."""
    cores = os.cpu_count() or 1
    with suppress(AttributeError):  # Linux alone tells
        cores = len(os.sched_getaffinity(0))
    free = available_bytes()
    if free is None:
        return cores
    height, width = loop.still.shape[:2]
    return max(1, min(cores, free // (_BYTES_A_PIXEL[loop.quality] * height * width)))


def _take_up(folder, record, sheet, frames):
    """Frames in `folder` that this very bake made earlier; what another one of ours left there is removed."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _clear_away(folder)
        earlier = _read_record(folder)
        if earlier.get("bake") != record["bake"]:
            for name in earlier.get("files", ()):
                (folder / name).unlink(missing_ok=True)
            earlier = {}
        ours = set(earlier.get("files", ()))
        for name in record["files"]:
            if name not in ours and (folder / name).exists():
                raise SettingsError(
                    f"{folder / name} is in the way: no bake made it, so move it, or choose another folder"
                )
            (folder / name).parent.mkdir(exist_ok=True)
        record = {**record, "files": sorted(ours | set(record["files"]))}
        with replacing(folder / RECORD) as temporary:
            temporary.write_text(json.dumps(record), encoding="utf-8")
    return {frame for frame in frames if all(integrity.is_whole(folder / name) for name in sheet.files(frame).values())}


def _read_record(folder):
    """The record of an earlier bake; empty if there is none that makes sense. Its files lie inside the folder."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        names = [name for name in record["files"] if _is_inside(name)]
        return {"bake": str(record["bake"]), "files": names}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _is_inside(name):
    parts = Path(name).parts
    return len(parts) == 2 and parts[0] in ("frames", *PASSES) and ".." not in parts


def _clear_away(folder):
    """Remove what writers that were killed left half-written."""
    for name in (".", "frames", *PASSES):
        _remove_passing(folder / name)


def _remove_passing(folder):
    for path in folder.glob(PASSING + "*"):
        if not path.is_dir():  # of another kind of work, which clears it by itself
            path.unlink(missing_ok=True)
