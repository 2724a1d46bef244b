"""What a command shows while it works and leaves when it ends: progress, one error line, a folder that is complete."""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ..errors import Cancelled, GidError, SettingsError
from .storage import disk_errors

__all__ = ["Meter", "exit_code_of", "publishing", "seconds_left"]

_REPORT = "report.json"
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
                self._stream.write(f"{phase} ...\n")
                self._stream.flush()
        if self._is_terminal and now - self._drawn >= _REDRAW_S:
            self._drawn = now
            spent = now - self._since
            left = seconds_left(spent, fraction)
            told = "" if left is None else f", {left:.0f} s left"
            self._stream.write(f"\r\x1b[K{phase}: {100 * fraction:.0f} %{told}")
            self._stream.flush()

    def close(self) -> None:
        """End the last phase, and clear the line."""
        self._end_phase()
        if self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _end_phase(self):
        self._seconds = self.seconds
        self._phase = None


def seconds_left(spent: float, fraction: float) -> float | None:
    """Seconds until the end of what took `spent` seconds for `fraction` of it; None while that would be a guess."""
    return spent / fraction * (1 - fraction) if fraction > 0.02 and spent > 1 else None


def exit_code_of(work: Callable) -> int:
    """Run a command's work: 0, or the exit code of its GidError after one line on stderr. A bug keeps its traceback."""
    try:
        work()
    except KeyboardInterrupt:
        return _told(Cancelled("stopped; nothing was written"))
    except GidError as error:
        return _told(error)
    except MemoryError:
        return _told(GidError("not enough memory: give a smaller --size, or close other programs"))
    return 0


def _told(error):
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{clear}gid: error: {' '.join(str(error).split())}", file=sys.stderr)
    return error.exit_code


@contextmanager
def publishing(out):
    """A hidden folder beside `out`; what the body writes into it appears in `out` when the body ends well.

    A folder that is there already keeps what is not ours: files of the same names are replaced, and those that an
    earlier report.json lists and that were not made again are removed. If the body fails, nothing changes.

    Raises:
        SettingsError: `out` is a file.
        LimitError: the disk is full, read-only or otherwise unfit.
    """
    out = Path(os.path.abspath(out))
    if out.exists() and not out.is_dir():
        raise SettingsError(f"{out} is a file: --out names a folder")
    made = [parent for parent in (out.parent, *out.parent.parents) if not parent.exists()]
    with disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{out.name[:40]}-", suffix=".partial", dir=out.parent))
    try:
        with disk_errors(out, known_only=True):  # what else a body raises is a bug, and must look like one
            yield partial
        with disk_errors(out):
            partial.chmod(0o755)  # mkdtemp makes a folder that only its owner may open
            if out.exists():
                _replace(partial, out)
            else:
                partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        for parent in made:  # innermost first; one that is not empty belongs to somebody
            try:
                parent.rmdir()
            except OSError:
                break
        raise
    shutil.rmtree(partial, ignore_errors=True)


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
