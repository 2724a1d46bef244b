"""Writing to disk, whole or not at all: a file or a folder appears under its name only when it is complete."""

import errno
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from ..errors import LimitError

__all__ = ["disk_errors", "replacing", "scratch_folder"]

PASSING = ".gid-"  # how names begin of files that are not complete yet

_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space, or choose another folder",
    errno.EDQUOT: "the disk quota is used up: free some space, or choose another folder",
    errno.EROFS: "it lies on a read-only disk: choose another folder",
    errno.EACCES: "you may not write there: choose another folder",
    errno.EPERM: "you may not write there: choose another folder",
    errno.EFBIG: "the file would be larger than this system allows: choose another folder, or a smaller --size",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
}


@contextmanager
def disk_errors(path, known_only=False):
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
def replacing(path):
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
def scratch_folder(parent=None, prefix="gid-"):
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


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
