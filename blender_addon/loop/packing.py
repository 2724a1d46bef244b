"""Pixels as the picture file that a .blend keeps of them: EXR for floats, PNG for bytes, written by numpy and zlib.

Blender packs an image on its main thread, where the window stands still meanwhile, and never compresses floats. This
knows no datablock and may be called in any thread; what Blender then takes is a file that is ready. It reads the same
numbers back, bit for bit. No library writes them: Blender has a build of OpenImageIO of its own that another one beside
it breaks, and a loop must stay editable where the wheels of the extension cannot be loaded.
"""

import hashlib
import struct
import zlib
from dataclasses import dataclass

import numpy as np

__all__ = ["Packed", "digest_of", "packed"]

_LEVEL = 4  # of zlib, as OpenEXR's own
_MAGIC, _VERSION = 20000630, 2
_NONE, _ZIPS = 0, 2  # compressions of an EXR
_HALF, _FLOAT = 1, 2  # types of its channels
_GREY, _RGB, _RGBA = 0, 2, 6  # colour types of a PNG
_UP = 2  # its filter: what changes from the row above


@dataclass(frozen=True)
class Packed:
    """An image of ours as its file. digest: of its pixels, as `digest_of` gives it."""

    content: bytes
    is_float: bool
    digest: str


def packed(buffer: np.ndarray, *, is_byte: bool = False, is_compressed: bool = True) -> Packed:
    """The smallest file of its kind that holds the pixels: half floats where they are enough, no opacity of 1.

    Args:
        buffer: float32 (H, W, 4) in Blender's order, the lowest row first.
        is_byte: 8 bits a channel, for values that are whole 255ths.
        is_compressed: False for what does not shrink.
    """
    rows = buffer[::-1]
    content = _png(rows) if is_byte else _exr(rows, _ZIPS if is_compressed else _NONE)
    return Packed(content, not is_byte, digest_of(buffer))


def digest_of(buffer: np.ndarray) -> str:
    """Tells pixels (H, W, 4) in Blender's order from others."""
    rows = np.ascontiguousarray(buffer[::-1])
    return hashlib.blake2b(repr(rows.shape).encode() + rows.tobytes(), digest_size=16).hexdigest()


def _exr(rows, compression):
    """A single-part file of scan lines; see "OpenEXR File Layout" on openexr.com."""
    height, width = rows.shape[:2]
    if (rows[..., 3] == 1).all():
        rows = rows[..., :3]
    with np.errstate(over="ignore"):
        halves = rows.astype(np.float16)
    is_half = halves.astype(np.float32).tobytes() == rows.tobytes()
    names = "RGBA"[: rows.shape[2]]
    order = sorted(range(len(names)), key=names.__getitem__)  # of their names: A, B, G, R
    lines = np.ascontiguousarray((halves if is_half else rows).transpose(0, 2, 1)[:, order])  # (H, C, W)
    raw = lines.astype(lines.dtype.newbyteorder("<"), copy=False).view(np.uint8).reshape(height, -1)

    kind = _HALF if is_half else _FLOAT
    channels = b"".join(names[i].encode() + struct.pack("<xiB3xii", kind, 0, 1, 1) for i in order) + b"\0"
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    attributes = (
        ("channels", "chlist", channels),
        ("compression", "compression", bytes([compression])),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1)),
    )
    head = struct.pack("<ii", _MAGIC, _VERSION)
    for name, of, value in attributes:
        head += name.encode() + b"\0" + of.encode() + b"\0" + struct.pack("<i", len(value)) + value
    head += b"\0"

    blocks = _zipped(raw) if compression == _ZIPS else [line.tobytes() for line in raw]
    chunks = [struct.pack("<ii", y, len(block)) + block for y, block in enumerate(blocks)]
    begins = len(head) + 8 * height + np.cumsum([0, *map(len, chunks[:-1])])
    return b"".join([head, begins.astype("<u8").tobytes(), *chunks])


def _zipped(raw):
    """Each scan line, uint8 (H, N), as OpenEXR deflates it; one that does not shrink stays as it is."""
    parted = np.concatenate([raw[:, ::2], raw[:, 1::2]], 1)  # low bytes, high bytes
    stepped = parted.copy()
    stepped[:, 1:] = parted[:, 1:] - parted[:, :-1] + np.uint8(128)
    for line, steps in zip(raw, stepped, strict=True):
        block = zlib.compress(steps.tobytes(), _LEVEL)
        yield block if len(block) < len(line) else line.tobytes()


def _png(rows):
    levels = np.floor(rows.clip(0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    height, width = levels.shape[:2]
    if (levels[..., 3] != 255).any():
        kind = _RGBA
    elif (levels[..., :1] != levels[..., 1:3]).any():
        kind, levels = _RGB, levels[..., :3]
    else:
        kind, levels = _GREY, levels[..., :1]
    raw = levels.reshape(height, -1)
    lines = np.full((height, 1 + raw.shape[1]), _UP, np.uint8)
    lines[:1, 1:] = raw[:1]
    lines[1:, 1:] = raw[1:] - raw[:-1]
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), _LEVEL)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
