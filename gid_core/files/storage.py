"""Writing to disk, whole or not at all: a file or a folder appears under its name only when it is complete."""

import errno
import os
import shutil
import sys
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import LimitError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["GRACE_S", "PASSING", "FolderLock", "Scratch", "disk_errors", "replacing", "scratch_folder"]

PASSING = ".gid-"  # how names begin of files that are not complete yet
_LOCK = ".lock"
GRACE_S = 10.0  # between making a folder and locking it pass milliseconds

_REMEDIES: dict[int | None, str] = {  # an OSError may have no number
    errno.ENOSPC: "the disk is full: free some space, or choose another folder",
    errno.EDQUOT: "the disk quota is used up: free some space, or choose another folder",
    errno.EROFS: "it lies on a read-only disk: choose another folder",
    errno.EACCES: "you may not write there: choose another folder",
    errno.EPERM: "you may not write there: choose another folder",
    errno.EFBIG: "the file would be larger than this system allows: choose another folder, or a smaller --size",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    **dict.fromkeys(
        (errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENXIO, errno.ENODEV, errno.ETIMEDOUT, errno.EHOSTDOWN),
        "its disk does not answer: see to the drive or the network, or choose another folder",
    ),
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
        # numpy's is without a number: "100 requested and 50 written".
        unknown = f"{error.strerror or f'{error}; is the disk full?'}: choose another folder"
        reason = _REMEDIES.get(error.errno, unknown)
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
    """The folder of a `Scratch`, removed at the end of the body.

    Raises:
        LimitError: it cannot be made.
    """
    scratch = Scratch(prefix, parent)
    try:
        yield scratch.folder
    finally:
        scratch.remove()


class Scratch:
    """A temporary folder, removed by `remove`, or at the end of this program.

    A program that was killed leaves its own behind, so the next one that makes such a folder clears it away.

    Args:
        prefix: how its name begins; folders of the same prefix and place that no process holds any more are removed.
        parent: where it is; None: where the system keeps such things.
    Raises:
        LimitError: it cannot be made.
    """

    def __init__(self, prefix: str = "gid-", parent: str | Path | None = None):
        place = Path(parent or tempfile.gettempdir())
        with disk_errors(place):
            _clear_abandoned(place, prefix)
            self.folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
            lock = FolderLock.take(self.folder)
        self.remove = weakref.finalize(self, _clear, self.folder, lock)


class FolderLock:
    """Says that a process is at work in a folder; the system lets go of it when the process ends, however it ends."""

    def __init__(self, path, file):
        self.path, self._file = path, file

    @classmethod
    def take(cls, folder, grace_s: float = 0.0) -> "FolderLock | None":
        """The lock, or None if another process holds it.

        grace_s: how long a folder that was never locked belongs to whoever made it and is about to take it; 0: that
            is who asks.
        """
        path = Path(folder) / _LOCK
        was_taken = path.exists() and path.stat().st_size > 0  # the file is there a moment before its lock
        if not was_taken and time.time() - Path(folder).stat().st_mtime < grace_s:
            return None
        file = path.open("ab", buffering=0)
        try:
            file.seek(0)
            if sys.platform == "win32":
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        found = cls(path, file)
        if not was_taken and not grace_s:
            with suppress(OSError):  # on a full disk it is a lock all the same
                file.write(b".")
        return found

    def release(self) -> None:
        """Let go, and remove the file. Harmless when it is done already."""
        if not self._file.closed:
            self._file.close()
            with suppress(OSError):  # a disk that is gone takes it along
                self.path.unlink(missing_ok=True)


def _clear(folder, lock):
    if lock is not None:  # there are disks without locks
        lock.release()
    shutil.rmtree(folder, ignore_errors=True)


def _clear_abandoned(place, prefix):
    for path in place.glob(prefix + "*"):
        # Where others may write, too, a link could lead to what is no temporary folder.
        lock_file = path / _LOCK
        if path.is_symlink() or lock_file.is_symlink() or not _is_ours(path) or not lock_file.is_file():
            continue
        with suppress(OSError):  # it may go meanwhile
            if (lock := FolderLock.take(path, GRACE_S)) is not None:
                _clear(path, lock)


def _is_ours(path):
    with suppress(OSError):
        return not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()
    return False


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
