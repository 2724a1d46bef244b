"""Arrays in .npz files, read with suspicion: every header is compared with the bytes that are there before anything
is allocated, and nothing is ever unpickled. It knows no volumes and no motion, only names, types and dimensions."""

import json
import math
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import VolumeError
from ..files.storage import replacing

__all__ = ["Archive", "opened", "written"]

MAX_CELLS = 64 * 2048 * 2048  # numbers an array may hold: 4 GiB of amplitudes, far above any volume of ours
_MAX_TEXT = 1 << 20
_MAX_PACKING = 50  # times that arrays may be packed; a file that claims more is refused before anything is allocated


class Archive:
    """An .npz that is open for reading; made by `opened`."""

    def __init__(self, archive: zipfile.ZipFile, n_on_disk: int):
        self._archive = archive
        self._n_on_disk = n_on_disk

    def __contains__(self, name: str) -> bool:
        return f"{name}.npy" in self._archive.namelist()

    def array(self, name: str, dtype, ndim: int) -> np.ndarray:
        """The array of that name; ValueError or KeyError when it is missing, of another type or not whole."""
        content, found, shape = self._content(name, dtype, ndim)
        return np.frombuffer(content, found).reshape(shape).copy()

    def mapping(self, name: str) -> dict:
        """The JSON object of that name; ValueError or KeyError when there is none."""
        content, found, shape = self._content(name, None, 0)
        value = json.loads(str(np.frombuffer(content, found).reshape(shape)[()]))
        if not isinstance(value, dict):
            raise ValueError(f"{name} is no JSON object")
        return value

    def _content(self, name, dtype, ndim):
        info = self._archive.getinfo(f"{name}.npy")
        with self._archive.open(info) as stream:
            version = np.lib.format.read_magic(stream)
            if version != (1, 0):
                raise ValueError(f"{name} has an unknown header")
            shape, fortran, found = np.lib.format.read_array_header_1_0(stream)
            limit = _MAX_TEXT if dtype is None else MAX_CELLS * found.itemsize
            n_bytes = math.prod(shape) * found.itemsize
            is_wanted = found.kind == "U" if dtype is None else found == dtype
            if found.hasobject or fortran or len(shape) != ndim or not is_wanted:
                raise ValueError(f"{name} has the wrong type")
            if n_bytes > limit or n_bytes + stream.tell() != info.file_size:
                raise ValueError(f"{name} claims {n_bytes} bytes and has {info.file_size}")
            if n_bytes > _MAX_PACKING * self._n_on_disk:
                raise ValueError(f"{name} claims {n_bytes} bytes in a file of {self._n_on_disk}")
            return stream.read(n_bytes), found, shape


@contextmanager
def opened(path, noun: str = "volume") -> Iterator[Archive]:
    """An Archive to read from; whatever is wrong inside the body becomes a sentence about `path`.

    Raises:
        VolumeError: the file is missing, damaged, too large or holds something else.
    """
    try:
        n_on_disk = os.path.getsize(path)
        with zipfile.ZipFile(path) as archive:
            yield Archive(archive, n_on_disk)
    except FileNotFoundError as error:
        raise VolumeError(f"there is no {noun} at {path}: check the path") from error
    except (
        OSError,
        zipfile.BadZipFile,
        EOFError,
        ValueError,
        KeyError,
        NotImplementedError,
        RuntimeError,
        zlib.error,
    ) as error:
        raise VolumeError(f"{path} is not a spectral {noun} or is damaged ({error}): make it again") from error


def written(path, arrays: Mapping) -> None:
    """Write an .npz, whole or not at all; a mapping among the values becomes JSON, whatever is None is left out.

    Raises:
        LimitError: the disk is full or read-only.
    """
    content: dict[str, Any] = {
        name: np.array(json.dumps(dict(value), sort_keys=True)) if isinstance(value, Mapping) else value
        for name, value in arrays.items()
        if value is not None
    }
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **content)
