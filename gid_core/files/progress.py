"""What a command shows while it works and leaves when it ends: progress, one error line, a folder that is complete."""

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ..errors import Cancelled, GidError, LimitError, SettingsError
from .storage import GRACE_S, PASSING, FolderLock, disk_errors

__all__ = [
    "STOPPING",
    "FarmMeter",
    "Meter",
    "clear_away",
    "exit_code_of",
    "meter_of",
    "missing_parents",
    "publishing",
    "seconds_left",
    "teller",
]

# What asks a command to stop: Ctrl-C, a farm, a terminal that is closed.
STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_REPORT = "report.json"
_PARTIAL = ".partial"
_CLEARING_S = 2.0  # for the processes of a run that was killed to notice that it is gone
_REDRAW_S = 0.1


class Meter:
    """Progress on a stream: the phase, how far it is, the time left; seconds of each phase in `seconds`.

    On a terminal one line is drawn over and over; elsewhere each phase is one line, so that logs stay short.
    """

    def __init__(self, stream):
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._phase = None
        self._since = self._drawn = 0.0
        self._seconds = {}

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds spent in each phase so far, the running one included."""
        found = dict(self._seconds)
        if self._phase is not None:
            found[self._phase] = found.get(self._phase, 0.0) + time.perf_counter() - self._since
        return {phase: round(spent, 3) for phase, spent in found.items()}

    def __call__(self, phase: str, fraction: float) -> None:
        now = time.perf_counter()
        if phase != self._phase:
            self._end_phase()
            self._phase, self._since, self._drawn = phase, now, 0.0
            if not self._is_terminal:
                self._write(f"{phase} ...\n")
        if self._is_terminal and now - self._drawn >= _REDRAW_S:
            self._drawn = now
            spent = now - self._since
            left = seconds_left(spent, fraction)
            told = "" if left is None else f", {left:.0f} s left"
            self._write(f"\r\x1b[K{phase}: {100 * fraction:.0f} %{told}")

    def close(self) -> None:
        """End the last phase, and clear the line."""
        self._end_phase()
        if self._is_terminal:
            self._write("\r\x1b[K")

    def _write(self, text):
        with contextlib.suppress(OSError, ValueError):  # whoever looked on has left; the work goes on
            self._stream.write(text)
            self._stream.flush()

    def _end_phase(self):
        self._seconds = self.seconds
        self._phase = None


class FarmMeter(Meter):
    """Progress as a farm that runs Open Job Description reads it: whole percent of a phase, and its name."""

    def __init__(self, stream):
        super().__init__(stream)
        self._is_terminal = False
        self._percent = -1

    def __call__(self, phase: str, fraction: float) -> None:
        if phase != self._phase:
            self._end_phase()
            self._phase, self._since, self._percent = phase, time.perf_counter(), -1
            self._write(f"openjd_status: {phase}\n")
        percent = min(100, max(0, int(100 * fraction)))
        if percent != self._percent:
            self._percent = percent
            self._write(f"openjd_progress: {percent}\n")


def meter_of(is_farm: bool) -> Meter:
    """The meter of a command: for people on the standard error, for farms on the standard output."""
    return FarmMeter(sys.stdout) if is_farm else Meter(sys.stderr)


def seconds_left(spent: float, fraction: float) -> float | None:
    """Seconds until the end of what took `spent` seconds for `fraction` of it; None while that would be a guess."""
    return spent / fraction * (1 - fraction) if fraction > 0.02 and spent > 1 else None


def exit_code_of(work: Callable, is_farm: bool = False) -> int:
    """Run a command's work: 0, or the exit code of its GidError after one line on stderr. A bug keeps its traceback.

    is_farm: tell the reason as Open Job Description wants it, too.
    """
    try:
        work()
    except KeyboardInterrupt:
        return _told(Cancelled("stopped; nothing was written"), is_farm)
    except GidError as error:
        return _told(error, is_farm)
    except MemoryError:
        return _told(GidError("not enough memory: give a smaller --size, or close other programs"), is_farm)
    return 0


def _told(error, is_farm):
    if is_farm:
        with contextlib.suppress(OSError, ValueError):
            print(f"openjd_fail: {' '.join(str(error).split())}", flush=True)
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    with contextlib.suppress(OSError, ValueError):
        print(f"{clear}gid: error: {' '.join(str(error).split())}", file=sys.stderr)
    return error.exit_code


@contextmanager
def publishing(out: str | Path, keeps: Sequence[str] = ()) -> Iterator[Path]:
    """A hidden folder; what the body writes into it appears in `out` when the body ends well.

    A folder that is there already keeps what is not ours: files of the same names are replaced, and those that an
    earlier report.json lists and that were not made again are removed. If the body fails, nothing changes. What a run
    to the same place left when it was killed is removed.

    Args:
        keeps: names of what may be taken over from such a run; the first must be there, or nothing is.
    Raises:
        SettingsError: `out` is a file.
        LimitError: the disk is full, read-only or otherwise unfit.
    """
    out = Path(os.path.abspath(out))
    with disk_errors(out):
        if out.exists() and not out.is_dir():
            raise SettingsError(f"{out} is a file: --out names a folder")
        made = missing_parents(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        partial, lock = _staging(out, keeps)
    try:
        with disk_errors(out, known_only=True):  # what else a body raises is a bug, and must look like one
            yield partial
        with disk_errors(out):
            lock.release()
            partial.chmod(0o755)  # mkdtemp makes a folder that only its owner may open
            if out.exists():
                _replace(partial, out)
            else:
                partial.rename(out)
    except BaseException:
        lock.release()
        shutil.rmtree(partial, ignore_errors=True)
        _remove_empty(made)
        raise
    shutil.rmtree(partial, ignore_errors=True)


def missing_parents(out: str | Path) -> list[Path]:
    """The folders above `out` that a run to it will make, the innermost first."""
    out = Path(os.path.abspath(out))
    return [parent for parent in out.parents if not parent.exists()]


def _remove_empty(folders):
    """Remove folders, the innermost first, up to one that is not empty: it belongs to somebody."""
    for folder in folders:
        try:
            Path(folder).rmdir()
        except OSError:
            break


def clear_away(out: str | Path, made: Sequence[str | Path] = ()) -> None:
    """Remove what runs to `out` left that were killed; those that go on keep theirs.

    What processes of theirs go on to write for a moment is removed, too.

    Args:
        made: `missing_parents` of `out` before the run: those that are empty go as well.
    """
    for path in _leftovers(Path(out)):
        lock = FolderLock.take(path, GRACE_S)
        if lock is None:
            continue
        lock.release()
        until = time.monotonic() + _CLEARING_S
        while path.exists() and time.monotonic() < until:
            shutil.rmtree(path, ignore_errors=True)
            time.sleep(_CLEARING_S / 20)
    _remove_empty(made)


def _staging(out, keeps):
    """(the hidden folder, its lock). It lies on the disk of `out`, which may be a disk of its own."""
    inside = out.is_dir()
    parent, prefix = (out, PASSING) if inside else (out.parent, f".{out.name[:40]}-")
    taken = None
    for path in _leftovers(out):
        lock = FolderLock.take(path, GRACE_S)
        if lock is None:  # its run is still at work
            continue
        is_near = path.stat().st_dev == parent.stat().st_dev
        if taken is None and keeps and is_near and (path / keeps[0]).exists():
            taken = path, lock
            _keep_only(path, {*keeps, lock.path.name})
        else:
            lock.release()
            shutil.rmtree(path, ignore_errors=True)
    if taken is None:
        path = Path(tempfile.mkdtemp(prefix=prefix, suffix=_PARTIAL, dir=parent))
        lock = FolderLock.take(path)
        if lock is None:
            shutil.rmtree(path, ignore_errors=True)
            raise LimitError(f"cannot write {out}: its disk has no file locks: choose a folder on another disk")
        taken = path, lock
    return taken


def _leftovers(out):
    """Hidden folders of runs to `out`, of those that go on, too."""
    for parent, prefix in ((out.parent, f".{out.name[:40]}-"), (out, PASSING)):
        if parent.is_dir():
            for path in sorted(parent.iterdir()):
                if path.name.startswith(prefix) and path.name.endswith(_PARTIAL) and path.is_dir():
                    yield path


def _keep_only(folder, names):
    for path in folder.iterdir():
        if path.name not in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _replace(partial, out):
    new = sorted(path.relative_to(partial).as_posix() for path in partial.rglob("*") if path.is_file())
    new.sort(key=lambda name: name == _REPORT)  # the report last: while it is the old one, so is the result
    for name in _listed(out / _REPORT):
        if name not in new:
            (out / name).unlink(missing_ok=True)
    for name in new:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(partial / name, out / name)


def _listed(report):
    """Names in an earlier report that lie inside its folder; none if there is no report of ours."""
    try:
        names = json.loads(report.read_text(encoding="utf-8"))["files"]
        paths = [PurePosixPath(name) for name in names]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [str(path) for path in paths if path.parts and not path.is_absolute() and ".." not in path.parts]


def teller(progress: Callable | None, cancelled: Callable | None) -> Callable:
    """A function of a phase and the fraction of it that is done, which raises Cancelled when that was asked for."""

    def tell(phase, fraction):
        if cancelled is not None and cancelled():
            raise Cancelled("stopped before the motion was there; nothing was made")
        if progress is not None:
            progress(phase, fraction)

    return tell
