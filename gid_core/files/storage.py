"""Writing to disk, whole or not at all: a file or a folder appears under its name only when it is complete."""

import errno
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import LimitError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["PASSING", "FolderLock", "disk_errors", "replacing", "scratch_folder"]

PASSING = ".gid-"  # how names begin of files that are not complete yet

_REMEDIES: dict[int | None, str] = {  # an OSError may have no number
    errno.ENOSPC: "the disk is full: free some space, or choose another folder",
    errno.EDQUOT: "the disk quota is used up: free some space, or choose another folder",
    errno.EROFS: "it lies on a read-only disk: choose another folder",
    errno.EACCES: "you may not write there: choose another folder",
    errno.EPERM: "you may not write there: choose another folder",
    errno.EFBIG: "the file would be larger than this system allows: choose another folder, or a smaller --size",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
}


@contextmanager
def disk_errors(path, known_only=False) -> Iterator[None]:
    """Turn an OSError of the body into a sentence about `path`; with `known_only` just those that mean the disk.

    Raises:
        LimitError: the disk is full, read-only or otherwise unfit.
    """
    try:
        yield
    except OSError as error:
        if known_only and error.errno not in _REMEDIES:
            raise
        reason = _REMEDIES.get(error.errno, f"{error.strerror or error}: choose another folder")
        raise LimitError(f"cannot write {path}: {reason}") from error


@contextmanager
def replacing(path) -> Iterator[Path]:
    """A temporary path beside `path` (same ending) that takes its place when the body ends well, and is gone otherwise.

    Raises:
        LimitError: the disk is full, read-only or otherwise unfit.
    """
    path = Path(path)
    with disk_errors(path):
        descriptor, name = tempfile.mkstemp(prefix=PASSING, suffix=path.suffix, dir=path.parent)
        os.close(descriptor)
        try:
            yield Path(name)
            os.chmod(name, 0o666 & ~_umask())  # mkstemp makes files that only their owner may read
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)


@contextmanager
def scratch_folder(parent=None, prefix="gid-") -> Iterator[Path]:
    """A temporary folder that is removed whatever happens; in `parent`, or where the system keeps such things.

    Raises:
        LimitError: it cannot be made.
    """
    with disk_errors(parent or tempfile.gettempdir()):
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class FolderLock:
    """Says that a process is at work in a folder; the system lets go of it when the process ends, however it ends."""

    def __init__(self, path, file):
        self.path, self._file = path, file

    @classmethod
    def take(cls, folder, grace_s: float = 0.0) -> "FolderLock | None":
        """The lock, or None if another process holds it.

        grace_s: how long a folder without a lock belongs to whoever made it and is about to take it.
        """
        path = Path(folder) / ".lock"
        if not path.exists() and time.time() - Path(folder).stat().st_mtime < grace_s:
            return None
        file = path.open("a")
        try:
            if sys.platform == "win32":
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        return cls(path, file)

    def release(self) -> None:
        """Let go, and remove the file. Harmless when it is done already."""
        if not self._file.closed:
            self._file.close()
            self.path.unlink(missing_ok=True)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
