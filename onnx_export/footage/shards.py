"""Shards: training pairs on disk, a few in each .npz, with an index that says what is there and how it was made.

The index is replaced after each shard, so a run that is cut off continues behind the last whole shard and ends with the
same bytes as one that was not. DIR/index.json holds settings, shards (file, sha256, a record a pair) and refused
windows; DIR/pairs-00000.npz holds stills uint8 (N, H, W, 3), amplitudes complex64 (N, K, h, w, 2) in px of their own
grid, confidence float32 (N, h, w), frequencies float64 (N, K) in Hz.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gid_core.errors import SettingsError, VolumeError
from gid_core.files.storage import disk_errors, replacing
from gid_core.motion.volume import SpectralVolume

from .pair import Pair

__all__ = ["INDEX", "ShardWriter", "read_index", "read_pairs"]

INDEX = "index.json"
_FORMAT = 1


class ShardWriter:
    """Collects pairs and refusals in order and writes whole shards.

    Args:
        folder: made when it is not there; an unfinished run in it is continued.
        settings: plain JSON values; all that decides what the pairs are.
        n_pairs: in a shard.
    Raises:
        SettingsError: the folder holds pairs of other settings.
        VolumeError: one of its shards is damaged.
        LimitError: the folder cannot be written.
    """

    def __init__(self, folder, settings: dict, n_pairs: int = 16):
        if n_pairs < 1:
            raise SettingsError(f"a shard holds 1 pair or more, not {n_pairs}")
        self._folder, self._n_pairs = Path(folder), n_pairs
        settings = json.loads(json.dumps(settings))
        with disk_errors(folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            for left in self._folder.glob(".gid-*"):  # half-written by a run that was killed
                left.unlink()
        if (self._folder / INDEX).exists():
            self._index = read_index(folder)
            if self._index["settings"] != settings:
                other = sorted(k for k in settings if self._index["settings"].get(k) != settings[k])
                raise SettingsError(f"{folder} holds pairs of another {', '.join(other)}: choose another --out")
            for shard in self._index["shards"]:
                _verified(self._folder, shard)
        else:
            self._index = {"format": _FORMAT, "settings": settings, "shards": [], "refused": [], "next": [0, 0]}
        self._next = tuple(self._index["next"])  # (source, window): all before it is on disk
        self._waiting, self._refused = [], []

    def has_source(self, source: int) -> bool:
        """Whether all windows of that source are on disk or refused."""
        return source < self._next[0]

    def has_window(self, source: int, window: int) -> bool:
        """Whether that window is on disk or refused."""
        return (source, window) < self._next

    def take(self, source: int, window: int, pair: Pair, record: dict) -> None:
        """Add a pair; writes a shard when it is full."""
        self._waiting.append((pair, record))
        if len(self._waiting) == self._n_pairs:
            self._write((source, window + 1))

    def refuse(self, source: int, window: int | None, record: dict) -> None:
        """Note a window, or a whole source, that gives no pair."""
        self._refused.append(record)

    def end_source(self, source: int) -> None:
        """Say that a source has no more windows; kept at once when no pair waits for its shard."""
        if not self._waiting:
            self._save_index((source + 1, 0))

    def close(self) -> dict:
        """Write what waits, as a last and smaller shard; returns the index."""
        ending = (len(self._index["settings"].get("sources", [])), 0)
        if self._waiting:
            self._write(ending)
        else:
            self._save_index(ending)
        return self._index

    def _write(self, following):
        pairs, records = zip(*self._waiting, strict=True)
        name = f"pairs-{len(self._index['shards']):05d}.npz"
        with replacing(self._folder / name) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(
                file,
                stills=np.stack([p.still for p in pairs]),
                amplitudes=np.stack([p.volume.amplitudes for p in pairs]),
                confidence=np.stack([p.confidence for p in pairs]).astype(np.float32),
                frequencies=np.stack([p.volume.frequencies for p in pairs]),
            )
        entry = {"file": name, "sha256": _sha256(self._folder / name), "pairs": list(records)}
        self._index["shards"].append(entry)
        self._waiting = []
        self._save_index(following)

    def _save_index(self, following):
        self._next = max(self._next, tuple(following))
        self._index["next"] = list(self._next)
        self._index["refused"] += self._refused
        self._refused = []
        text = json.dumps(self._index, indent=1, sort_keys=True) + "\n"
        with replacing(self._folder / INDEX) as temporary:
            temporary.write_text(text)


def read_index(folder) -> dict:
    """The index of a folder of shards.

    Raises:
        VolumeError: it is missing, damaged or of another format.
    """
    path = Path(folder) / INDEX
    try:
        index = json.loads(path.read_text())
        fits = index["format"] == _FORMAT and {"settings", "shards", "refused", "next"} <= set(index)
    except FileNotFoundError as error:
        raise VolumeError(f"{folder} holds no {INDEX}: make pairs first") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VolumeError(f"{path} is damaged ({error}): make the pairs again") from error
    if not fits:
        raise VolumeError(f"{path} is of another format: make the pairs again")
    return index


def read_pairs(folder) -> Iterator[Pair]:
    """The pairs one after another, a shard in memory at a time; hashes are compared first.

    Raises:
        VolumeError: index or shard is missing or damaged.
    """
    for shard in read_index(folder)["shards"]:
        path = _verified(Path(folder), shard)
        with np.load(path, allow_pickle=False) as arrays:
            stills, amplitudes = arrays["stills"], arrays["amplitudes"]
            confidence, frequencies = arrays["confidence"], arrays["frequencies"]
        for i, record in enumerate(shard["pairs"]):
            yield Pair(stills[i], SpectralVolume(amplitudes[i], frequencies[i], record), confidence[i])


def _verified(folder, shard):
    path = folder / Path(shard["file"]).name
    if not path.exists() or _sha256(path) != shard["sha256"]:
        raise VolumeError(f"{path} is missing or altered: delete {folder / INDEX} and make the pairs again")
    return path


def _sha256(path):
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
